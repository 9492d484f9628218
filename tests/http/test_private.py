"""What is the operator's alone: the web servers, configured as shipped, let
only this machine's loopback reach it. A client from elsewhere is played from
another address of this machine."""

import socket

import pytest

from conftest import web_server
from webservers import KINDS

PRIVATE = ["/metrics", "/ready"]
# what may come before the program reads the path as a private one, but is
# something else in the eyes of who has to refuse it
DISGUISES = [
    "/%6detrics", "/metrics?", "/metrics?a=/session", "/metrics#/../session",
    "/metrics%23/../session", "/metrics/", "//metrics", "/./metrics",
    "/session/../metrics", "/session/%2e%2e/metrics", "/session/..%2fmetrics",
    "/metrics/../health", "/metrics/%2e%2e/health", "/metrics%2f..%2fhealth",
    "/metrics;/../health", "/health/../metrics", "/health?/../metrics",
    "/health#/../metrics", "/METRICS", "/metrics%00", "/metrics%20",
    "http://localhost/metrics", "http://localhost/%6Detrics",
    "HTTPS://localhost/metrics", "http:///metrics",
]


def another_address():
    """An address of this machine that is not loopback's, or None; connecting
    a datagram socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = s.getsockname()[0]
    return None if address.startswith("127.") else address


@pytest.fixture(scope="module", params=KINDS)
def elsewhere(request):
    """Each web server, as clients from elsewhere see it."""
    address = another_address()
    if address is None:
        pytest.skip("this machine has no address but loopback's")
    yield from web_server(request.param, "causerie", host=address)


def ask(server, method, target):
    """Status and all of the reply, for a target that is sent as it is."""
    with socket.create_connection((server.host, server.port), 30) as s:
        s.sendall(f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n"
                  "Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        reply = s.makefile("rb").read()
    return int(reply.split()[1]), reply


@pytest.mark.parametrize("path", PRIVATE)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_this_machine_may_see_it(server, path, method):
    assert ask(server, method, path)[0] == 200


@pytest.mark.parametrize("path", PRIVATE)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_from_elsewhere_it_is_refused(elsewhere, path, method):
    status, reply = ask(elsewhere, method, path)
    assert status == 403
    assert b"causerie_" not in reply and b"X-Request-Id" not in reply


@pytest.mark.parametrize("target", DISGUISES)
def test_from_elsewhere_no_disguise_helps(elsewhere, target):
    _, reply = ask(elsewhere, "GET", target)
    assert b"causerie_" not in reply


def test_from_elsewhere_a_forwarded_address_does_not_help(elsewhere):
    with socket.create_connection((elsewhere.host, elsewhere.port), 30) as s:
        s.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
                  b"X-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\n"
                  b"Forwarded: for=127.0.0.1\r\nConnection: close\r\n\r\n")
        assert s.makefile("rb").readline().split()[1] == b"403"


@pytest.mark.parametrize("path", ["/health", "/sessions/stats", "/"])
def test_from_elsewhere_the_rest_is_served(elsewhere, path):
    assert ask(elsewhere, "GET", path)[0] == 200
