"""How long a body is, and headers that come twice: what does not fit together
is refused, and nothing is done."""

import json
import socket

import pytest

from client import CHAT
from fcgi import (PARAMS, STDIN, Peer, begin, pair, params, split)

BODY = b'{"message": "Bonjour!"}'


def ask(direct, said, body=BODY, method="POST", path=CHAT):
    """The reply to a body of which the web server says how long it is."""
    with Peer(direct.address) as peer:
        values = params(method, path, b"", CONTENT_TYPE="application/json",
                        CONTENT_LENGTH="") + pair("CONTENT_LENGTH", said)
        peer.send(begin() + split(PARAMS, values) + split(STDIN, body))
        return peer.read_reply()


def stats(direct):
    with Peer(direct.address) as peer:
        return json.loads(peer.ask("GET", "/sessions/stats").body)


@pytest.mark.parametrize("said", [
    "0", str(len(BODY) - 1), str(len(BODY) + 1), "-1", "+23", "x", "23x",
    " 23", "23 ", "23,23", "0x17", "2e1", "23.0",
    str(2 ** 64 + len(BODY)), str(2 ** 32 + len(BODY)), "9" * 1000])
def test_a_length_that_is_not_the_body_s_is_refused(direct, said):
    before = stats(direct)
    reply = ask(direct, said)
    assert reply.status == 400
    assert json.loads(reply.body)["code"] == "invalid_request"
    for path in "/session/new", "/health":
        method = "GET" if path == "/health" else "POST"
        reply = ask(direct, said, BODY, method, path)
        assert reply.status == 400
    assert stats(direct) == before


@pytest.mark.parametrize("said", ["", str(len(BODY)), "000" + str(len(BODY))])
def test_a_length_that_is_the_body_s_is_not(direct, said):
    assert ask(direct, said).status == 200


def test_a_length_without_a_body_is_refused(direct):
    assert ask(direct, "5", b"").status == 400
    assert ask(direct, "5", b"", "GET", "/health").status == 400
    assert ask(direct, "0", b"", "GET", "/health").status == 200


def test_a_body_over_the_limit_has_a_length_too(direct):
    body = b'{"message": "' + b"x" * 70000 + b'"}'
    for said, status in ((len(body), 413), ("", 413), (len(body) - 1, 400)):
        assert ask(direct, str(said), body).status == status


@pytest.mark.parametrize("name, values, status", [
    ("HTTP_ORIGIN", ("http://localhost", "http://evil.example"), 400),
    ("HTTP_SEC_FETCH_SITE", ("same-origin", "cross-site"), 400),
    ("HTTP_HOST", ("localhost", "evil.example"), 400),
    ("HTTP_IDEMPOTENCY_KEY", ("a", "b"), 400),
    ("HTTP_CONTENT_ENCODING", ("identity", "gzip"), 400),
    ("CONTENT_TYPE", ("application/json", "text/plain"), 400),
    ("CONTENT_LENGTH", ("23", "24"), 400),
    ("HTTP_SEC_FETCH_SITE", ("same-origin", "same-origin"), 200),
    ("CONTENT_LENGTH", ("23", "23"), 200),
    # what is not worth a refusal is not believed
    ("HTTP_COOKIE", ("a=b", "c=d"), 200),
    ("HTTP_X_REQUEST_ID", ("a", "b"), 200),
    ("HTTP_ACCEPT", ("application/json", "text/event-stream"), 200),
])
def test_two_values_are_refused(direct, name, values, status):
    before = stats(direct)
    given = {key: "" for key in ("HTTP_HOST", "CONTENT_TYPE",
                                 "CONTENT_LENGTH") if key == name}
    with Peer(direct.address) as peer:
        both = params("POST", CHAT, BODY, **given) + b"".join(
            pair(name, value) for value in values)
        peer.send(begin() + split(PARAMS, both) + split(STDIN, BODY))
        reply = peer.read_reply()
    assert reply.status == status
    assert reply.headers["X-Request-Id"] not in ("a", "b")
    if status == 400:
        assert json.loads(reply.body)["code"] == "invalid_request"
        assert stats(direct) == before


def test_a_body_that_is_cut_off_does_nothing(server, client):
    """Whether the web server passes it on or not."""
    before = client.get("/sessions/stats").json
    with socket.create_connection(("127.0.0.1", server.port), 30) as s:
        s.sendall(b"POST /session/chat HTTP/1.1\r\nHost: x\r\n"
                  b"Content-Type: application/json\r\n"
                  b"Content-Length: 1000\r\nConnection: close\r\n\r\n" +
                  BODY)
        s.shutdown(socket.SHUT_WR)
        while s.recv(65536):
            pass
    assert client.get("/sessions/stats").json == before


def test_a_body_in_chunks_has_no_length(server, client):
    with socket.create_connection(("127.0.0.1", server.port), 30) as s:
        s.sendall(b"POST /session/chat HTTP/1.1\r\nHost: x\r\n"
                  b"Content-Type: application/json\r\n"
                  b"Transfer-Encoding: chunked\r\n"
                  b"Connection: close\r\n\r\n")
        for part in (BODY[:7], BODY[7:], b""):
            s.sendall(b"%x\r\n%s\r\n" % (len(part), part))
        reply = s.makefile("rb").read()
    assert reply.split()[1] == b"200", reply
    assert b'"success":true' in reply
