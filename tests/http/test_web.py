"""The page, as the web servers deliver it."""

import socket

import pytest

from webservers import TOP


@pytest.mark.parametrize("path, file", [("/", "index.html"),
                                        ("/status.html", "status.html")])
def test_the_pages_are_served(client, path, file):
    reply = client.get(path)
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert reply.body == (TOP / "web" / file).read_bytes()
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]


@pytest.mark.parametrize("suffix, kind", [("css", "text/css"),
                                          ("js", "javascript")])
def test_what_the_page_loads_has_its_type(client, suffix, kind):
    for path in (TOP / "web").glob("*." + suffix):
        reply = client.get(f"/{path.name}")
        assert reply.status == 200
        assert kind in reply.headers["Content-Type"]
        assert "charset=utf-8" in reply.headers["Content-Type"]
        assert reply.body == path.read_bytes()


def test_the_page_loads_nothing_from_elsewhere(client):
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy and "http" not in policy


def test_the_page_is_not_sniffed_and_is_asked_for_again(client):
    headers = client.get("/").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-cache"


def test_what_the_page_has_not_is_not_found(client):
    assert client.get("/no-such-page.html").status == 404


@pytest.mark.parametrize("path", ["/healthy", "/sessionx", "/readyx"])
def test_only_whole_words_lead_to_the_program(client, path):
    assert client.get(path).status == 404
    assert "X-Request-Id" not in client.get(path).headers


@pytest.mark.parametrize("path", ["/ready", "/metrics", "/health",
                                  "/sessions/stats"])
def test_what_the_web_server_refuses_is_not_served(server, path):
    """A request without Host is to be refused (RFC 9112, section 3.2), and no
    error handler may let it in past the rules for its path."""
    with socket.create_connection(("127.0.0.1", server.port), 30) as s:
        s.sendall(f"GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
        status = s.makefile("rb").readline().split()[1]
    assert status.startswith(b"4")
