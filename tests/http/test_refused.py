"""What a web server refuses by itself, before the program or the page is asked:
the right status, and through lighttpd, which asks the program to tell it, a
problem. And what a web server does not tell of itself."""

import json
import re
import socket

import pytest

from client import UNKNOWN
from webservers import TOP

END = b"Connection: close\r\n\r\n"
PATHS = ["/", "/session/new", "/health", f"/session/{UNKNOWN}/info"]
LONG = b"a" * 9000
# what is sent; lighttpd's status and code; those that others may have
REFUSED = {
    "9 KB of cookies": (b"GET %s HTTP/1.1\r\nHost: x\r\nCookie: " + LONG +
                        b"\r\n" + END, 431, "headers_too_large", {400}),
    "a long URL": (b"GET %s?" + LONG + b" HTTP/1.1\r\nHost: x\r\n" + END,
                   431, "headers_too_large", {414}),
    "no Host": (b"GET %s HTTP/1.1\r\n" + END, 400, "invalid_request", {400}),
    "two Hosts": (b"GET %s HTTP/1.1\r\nHost: x\r\nHost: y\r\n" + END,
                  400, "invalid_request", {400}),
    "no method": (b"FOO %s HTTP/1.1\r\nHost: x\r\n" + END,
                  501, "not_implemented", {405, 501}),
    "two lengths": (b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
                    b"Content-Length: 2\r\n" + END + b"{}",
                    400, "invalid_request", {400}),
    "a negative length": (b"POST %s HTTP/1.1\r\nHost: x\r\n"
                          b"Content-Length: -1\r\n" + END,
                          400, "invalid_request", {400}),
}


def send(server, data):
    """The status, the headers and the body of the reply to these bytes."""
    with socket.create_connection((server.host, server.port), 30) as s:
        s.sendall(data)
        reply = s.makefile("rb").read()
    head, body = reply.split(b"\r\n\r\n", 1)
    return int(head.split()[1]), head.decode("latin-1"), body


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", REFUSED)
def test_it_has_the_right_status(server, name, path):
    request, wanted, code, others = REFUSED[name]
    status, head, body = send(server, request.replace(b"%s", path.encode()))
    if not server.kind.startswith("lighttpd"):
        assert status in others
        return
    assert status == wanted
    assert "application/problem+json" in head
    problem = json.loads(body)
    assert (problem["status"], problem["code"]) == (wanted, code)


def test_a_post_without_a_length_is_none_of_it(server):
    """As curl -X POST without -d sends it. (nginx would wait for the end.)"""
    status, _, body = send(server, b"POST /session/new HTTP/1.1\r\n"
                           b"Host: x\r\n" + END)
    assert status == 200 and b"session_id" in body


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_sent_back_as_it_came(server, path):
    status, _, body = send(server, b"TRACE " + path.encode() +
                           b" HTTP/1.1\r\nHost: x\r\nX-Secret: abc\r\n" + END)
    assert status in (405, 501)
    assert b"abc" not in body


@pytest.mark.parametrize("path", PATHS + ["/nothing"])
def test_no_version_is_told(server, path):
    for request in (b"GET %s HTTP/1.1\r\nHost: x\r\n" + END,
                    b"GET %s HTTP/1.1\r\n" + END):
        _, head, body = send(server, request.replace(b"%s", path.encode()))
        told = re.search(r"^Server:(.*)$", head, re.M | re.I)
        assert told is None or told[1].strip() in ("nginx", "Apache")
        if b"<html" in body.lower():
            assert not re.search(rb"/\d+\.\d", re.sub(rb"<[!?][^>]*>", b"",
                                                      body))


def routes():
    """The first word of each route, and whether it is the operator's."""
    paths = re.findall(r'\.path = "/(\w+)', (TOP / "app/routes/routes.c")
                       .read_text())
    assert len(paths) > 8
    return set(paths)


@pytest.mark.parametrize("word", sorted(routes()))
def test_every_route_leads_to_the_program(server, client, word):
    """A new row of the table needs its word in the four files."""
    for path in f"/{word}", f"/{word}/", f"/{word}/x":
        assert "X-Request-Id" in client.get(path).headers
