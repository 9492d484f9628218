"""Slow visitors hold nothing that others need: more of them than Apache has
threads send half a request, or half a body, or read no reply; and others are
served meanwhile or soon after, without any of them leaving."""

import resource
import socket

import pytest

from client import Client
from conftest import web_server
from webservers import KINDS, wait_for

VISITORS = 1100  # the most that a file lets run at a time is 1000
PATIENCE = 45  # seconds until some must have been given up; the files say 10
HALVES = {
    "headers": b"GET /health HTTP/1.1\r\nHost: x\r\n",
    "body": b"POST /session/chat HTTP/1.1\r\nHost: x\r\n"
            b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    "nothing": b"",
    # more replies than fit into sockets, of which none is read
    "readers": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 2000,
}


@pytest.fixture(params=KINDS)
def server(request):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < VISITORS + 500:
        pytest.skip("there are too few descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield from web_server(request.param, "causerie")
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def served(server):
    try:
        with socket.create_connection(("127.0.0.1", server.port), 5) as s:
            s.settimeout(5)
            s.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n"
                      b"Connection: close\r\n\r\n")
            return s.recv(12) == b"HTTP/1.1 200"
    except OSError:
        return False


@pytest.mark.parametrize("half", HALVES)
def test_slow_visitors_keep_nobody_out(server, half):
    slow = []
    try:
        for _ in range(VISITORS):
            s = socket.create_connection(("127.0.0.1", server.port), 30)
            slow.append(s)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.setblocking(False)
            s.send(HALVES[half])
        wait_for(lambda: served(server), PATIENCE, "an answer")
        assert Client(server.port).chat("Bonjour!").status == 200
    finally:
        for s in slow:
            s.close()
