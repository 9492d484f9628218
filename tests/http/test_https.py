"""HTTPS, as the shipped files have it ready, and their access logs."""

import http.client
import json
import ssl
import subprocess

import pytest

from client import CHAT, UNKNOWN
from conftest import web_server
from webservers import KINDS, wait_for

POLICY = {
    "Content-Security-Policy": "default-src 'none'",
    "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache"}
HSTS = "Strict-Transport-Security"


@pytest.fixture(scope="module", params=KINDS)
def https(request, certificate):
    yield from web_server(request.param, "causerie", {
        "session_cookie": "__Host-causerie"}, certificate=certificate,
        access_log=True)


def ask(server, method, path, body=None, headers={}, plain=False):
    if plain:
        connection = http.client.HTTPConnection(
            server.host, server.plain_port, timeout=60)
    else:
        trusting = ssl.create_default_context(cafile=server.certificate)
        connection = http.client.HTTPSConnection(
            server.host, server.port, timeout=60, context=trusting)
    connection.request(method, path, body, headers)
    reply = connection.getresponse()
    reply.text = reply.read()
    connection.close()
    return reply


@pytest.mark.parametrize("path", ["/", "/index.html", "/status.html"])
def test_the_page_keeps_its_headers(https, path):
    reply = ask(https, "GET", path)
    assert reply.status == 200
    for name, value in POLICY.items():
        assert reply.headers.get_all(name) == [reply.headers[name]]
        assert reply.headers[name].startswith(value)
    assert reply.headers.get_all(HSTS) == ["max-age=31536000"]


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/health", 200), ("POST", "/session/new", 200),
    ("GET", f"/session/{UNKNOWN}/info", 404), ("GET", CHAT, 405)])
def test_so_does_the_api(https, method, path, status):
    reply = ask(https, method, path, b"" if method == "POST" else None)
    assert reply.status == status
    assert reply.headers.get_all(HSTS) == ["max-age=31536000"]
    for name, value in ("Cache-Control", "no-store"), (
            "X-Content-Type-Options", "nosniff"):
        assert reply.headers.get_all(name) == [value]


def test_a_cookie_stays_there(https):
    cookie = ask(https, "POST", "/session/new", b"").headers["Set-Cookie"]
    assert cookie.startswith("__Host-causerie=")
    assert {"Path=/", "Secure", "HttpOnly"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


def test_plain_http_leads_there(https):
    reply = ask(https, "GET", "/health?a=b", plain=True)
    assert reply.status == 301
    assert reply.headers["Location"].startswith("https://")
    assert reply.headers["Location"].endswith("/health?a=b")
    assert HSTS not in reply.headers


def test_without_https_nothing_is_promised(server):
    for path in "/", "/health":
        connection = http.client.HTTPConnection(server.host, server.port)
        connection.request("GET", path)
        reply = connection.getresponse()
        reply.read()
        assert HSTS not in reply.headers
        connection.close()


@pytest.mark.parametrize("size", [10, 20000, 60000])
@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_a_body_may_come_without_its_length(https, version, size):
    """Where HTTP/2 cannot have that, the web server does not offer it."""
    body = json.dumps({"message": "Bonjour!", "rest": "y" * size}).encode()
    for how in ["-T", "-"], ["--data-binary", "@-"]:
        done = subprocess.run(
            ["curl", "-sS", "--cacert", https.certificate, version, *how,
             "-X", "POST", "-H", "Content-Type: application/json",
             "-H", "Expect:", f"https://{https.host}:{https.port}{CHAT}"],
            input=body, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["success"] is True


def test_no_log_has_a_session_id(https):
    session = json.loads(ask(https, "POST", "/session/new", b"").text)[
        "session_id"]
    for method, path in (
            ("GET", f"/session/{session}/info"),
            ("GET", f"/session/{session.upper()}/messages?{session}"),
            ("GET", f"/%73ession/{session}/info/"),
            ("GET", f"/session/{session}/{session}"),
            ("GET", f"/{session}"), ("GET", f"/nothing?{session}"),
            ("GET", f"/session/x{session}/info"),
            ("POST", f"/session/{session}/stop"),
            ("DELETE", f"/session/{session}")):
        ask(https, method, path, b"" if method == "POST" else None,
            {"Cookie": f"__Host-causerie={session}",
             "Referer": f"https://localhost/{session}"})
    ask(https, "GET", f"/session/{session}/info", plain=True)
    ask(https, "GET", f"/session/{session}/info", None,
        {"Cookie": "x" * 9000})
    ask(https, "GET", "/status.html")
    if https.kind.startswith("lighttpd"):
        https.end_children()  # it writes the log now and then only
    log = wait_for(lambda: "/status.html" in https.access_log.read_text() and
                   https.access_log.read_text(), what="the log")
    assert '"DELETE /session/' in log
    for part in session, session.upper(), session[9:], session[9:].upper():
        assert part not in log
