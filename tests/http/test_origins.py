"""Pages of other origins: refused by default, opened by allowed_origins."""

import json
import subprocess

import pytest

from client import CHAT, UNKNOWN, Client
from conftest import web_server
from fcgi import Peer
from webservers import KINDS, environment, program

LISTED = "https://site.example"
OTHER_LISTED = "http://localhost:3000"
EVIL = "https://evil.example"
PREFIX = "access-control-"
EXPOSED = {"retry-after", "x-request-id"}

FOREIGN = [
    {"Sec-Fetch-Site": "cross-site", "Origin": EVIL},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://sub.localhost"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    {"Sec-Fetch-Site": "some-day"},
    {"Origin": EVIL},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.2"},
    {"Origin": "http://localhost"},
    {"Origin": "http://127.0.0.1.evil.example"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1"},
]
OWN = [
    {},
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
    {"Sec-Fetch-Site": "none"},
    # browsers that do not send it, as over plain HTTP
    {"Origin": "http://127.0.0.1"},
    {"Origin": "http://127.0.0.1:8000"},
    {"Origin": "https://127.0.0.1"},
    {"Sec-Fetch-Site": "", "Origin": ""},
]
CHANGES = [("POST", "/session/new", None),
           ("POST", CHAT, {"message": "Bonjour!"}),
           ("POST", CHAT, {"message": "Bonjour!", "stream": True}),
           ("POST", "/session/{id}/stop", None),
           ("DELETE", "/session/{id}", None)]
READS = ["/health", "/ready", "/sessions/stats", "/session/{id}/info",
         "/session/{id}/messages"]


def name(headers):
    return " ".join(headers.values()) or "none"


@pytest.fixture(scope="module", params=KINDS)
def open_server(request):
    """Each web server, with two origins in the list."""
    yield from web_server(request.param, "causerie", {
        "allowed_origins": f"{OTHER_LISTED}, {LISTED}"})


@pytest.fixture
def opened(open_server):
    return Client(open_server.port)


@pytest.fixture(scope="module", params=KINDS)
def wide_server(request):
    """Each web server, open to all."""
    yield from web_server(request.param, "causerie", {"allowed_origins": "*"})


@pytest.fixture
def wide(wide_server):
    return Client(wide_server.port)


def cors(reply):
    """The headers of a reply that are about origins."""
    return {name.lower(): value for name, value in reply.headers.items()
            if name.lower().startswith(PREFIX)}


def varies(reply):
    fields = reply.headers.get_all("Vary") or []
    return "origin" in ",".join(fields).lower().replace(" ", "").split(",")


def check_allowed(reply, origin):
    found = cors(reply)
    assert found.pop(PREFIX + "allow-origin") == origin
    exposed = found.pop(PREFIX + "expose-headers").lower()
    assert set(exposed.replace(" ", "").split(",")) == EXPOSED
    assert varies(reply) == (origin != "*")
    return found


@pytest.mark.parametrize("headers", FOREIGN, ids=name)
def test_a_foreign_page_changes_nothing(client, headers):
    session = client.new()
    before = client.get("/sessions/stats").json
    for method, path, body in CHANGES:
        reply = client.ask(method, path.format(id=session), body, headers)
        assert reply.problem == (403, "origin_not_allowed")
        assert not cors(reply) and not varies(reply)
    assert client.get("/sessions/stats").json == before
    assert client.info(session)["message_count"] == 0


@pytest.mark.parametrize("headers", FOREIGN, ids=name)
def test_what_a_foreign_page_asks_is_not_opened_to_it(client, headers):
    session = client.new()
    for path in READS:
        reply = client.get(path.format(id=session), **headers)
        assert reply.status == 200
        assert not cors(reply) and not varies(reply)


@pytest.mark.parametrize("headers", OWN, ids=name)
def test_a_page_of_ones_own_and_a_program_may_all(client, headers):
    session = client.new()
    for method, path, body in CHANGES:
        reply = client.ask(method, path.format(id=session), body, headers)
        assert reply.status == 200
        assert not cors(reply) and not varies(reply)


def test_the_refusal_comes_before_all_else_of_the_route(client):
    headers = {"Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"}
    for body in "{", "x" * 70000:
        assert client.ask("POST", CHAT, body, headers).problem == \
            (403, "origin_not_allowed")
    reply = client.ask("DELETE", "/session/xxx", None, headers)
    assert reply.problem == (403, "origin_not_allowed")


def test_without_a_list_a_preflight_opens_nothing(client):
    reply = client.ask("OPTIONS", CHAT, None, {
        "Origin": EVIL, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type"})
    assert reply.status == 204
    assert not cors(reply)


@pytest.mark.parametrize("origin", [LISTED, OTHER_LISTED])
@pytest.mark.parametrize("site", ["cross-site", "same-site", None])
def test_a_listed_page_may_all(opened, origin, site):
    headers = {"Origin": origin}
    if site is not None:
        headers["Sec-Fetch-Site"] = site
    session = opened.new()
    for path in READS:
        reply = opened.get(path.format(id=session), **headers)
        assert reply.status == 200
        assert not check_allowed(reply, origin)
    for method, path, body in CHANGES:
        reply = opened.ask(method, path.format(id=session), body, headers)
        assert reply.status == 200
        assert not check_allowed(reply, origin)


@pytest.mark.parametrize("headers", FOREIGN + [
    {"Origin": origin} for origin in (
        LISTED + ":443", LISTED + ":8443", LISTED + "/", LISTED.upper(),
        LISTED[:-1], LISTED + ".evil.example", "http://site.example",
        "https://sub.site.example", "http://localhost", LISTED + " " + EVIL,
        OTHER_LISTED + ", " + LISTED)], ids=name)
def test_only_the_very_origins_of_the_list_may(opened, headers):
    before = opened.get("/sessions/stats").json
    for method, path, body in CHANGES:
        reply = opened.ask(method, path.format(id=UNKNOWN), body, headers)
        assert reply.problem == (403, "origin_not_allowed")
        assert varies(reply) and not cors(reply)
    assert opened.get("/sessions/stats").json == before


@pytest.mark.parametrize("method, path, body, status", [
    ("GET", "/health", None, 200), ("HEAD", "/health", None, 200),
    ("GET", f"/session/{UNKNOWN}/info", None, 404),
    ("GET", "/session/xxx/info", None, 400),
    ("GET", "/sessions/x", None, 404), ("PUT", CHAT, None, 405),
    ("POST", CHAT, "{", 400), ("POST", CHAT, {}, 422),
    ("POST", CHAT, "x" * 70000, 413), ("OPTIONS", CHAT, None, 204),
    ("POST", "/session/new", None, 200)])
def test_with_a_list_every_reply_varies(opened, method, path, body, status):
    for headers in {}, {"Origin": LISTED}, {"Origin": EVIL}:
        reply = opened.ask(method, path, body, headers)
        foreign = headers.get("Origin") == EVIL
        changes = path in (CHAT, "/session/new") and method == "POST"
        assert reply.status == (403 if foreign and changes else status)
        assert varies(reply)
        if headers.get("Origin") != LISTED:
            assert not cors(reply)
        else:
            check_allowed(reply, LISTED)


@pytest.mark.parametrize("method, path, allowed", [
    ("POST", CHAT, {"POST", "OPTIONS"}),
    ("POST", "/session/new", {"POST", "OPTIONS"}),
    ("DELETE", f"/session/{UNKNOWN}", {"DELETE", "OPTIONS"}),
    ("GET", f"/session/{UNKNOWN}/info", {"GET", "HEAD", "OPTIONS"})])
def test_a_preflight_tells_what_is_allowed(opened, method, path, allowed):
    reply = opened.ask("OPTIONS", path, None, {
        "Origin": LISTED, "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers":
            "content-type,idempotency-key,x-request-id"})
    assert reply.status == 204
    found = check_allowed(reply, LISTED)
    methods = found.pop(PREFIX + "allow-methods").replace(" ", "")
    assert set(methods.split(",")) == allowed
    headers = found.pop(PREFIX + "allow-headers").lower().replace(" ", "")
    assert {"content-type", "idempotency-key", "x-request-id"} <= \
        set(headers.split(","))
    assert int(found.pop(PREFIX + "max-age")) > 0
    assert not found


def test_a_preflight_of_another_origin_opens_nothing(opened):
    reply = opened.ask("OPTIONS", CHAT, None, {
        "Origin": EVIL, "Access-Control-Request-Method": "POST"})
    assert reply.status == 204
    assert varies(reply) and not cors(reply)


def test_a_stream_is_opened_to_a_listed_page(opened):
    stream = opened.stream("Bonjour!", headers={"Origin": LISTED})
    assert stream.headers["Content-Type"].startswith("text/event-stream")
    check_allowed(stream, LISTED)
    stream.until("done")
    stream.leave()


def test_all_may_where_the_list_is_a_star(wide):
    session = wide.new()
    for headers in FOREIGN + OWN:
        for path in READS:
            reply = wide.get(path.format(id=session), **headers)
            assert reply.status == 200
            assert not check_allowed(reply, "*")
        reply = wide.ask("POST", CHAT, {"message": "Bonjour!"}, headers)
        assert reply.status == 200
        assert not check_allowed(reply, "*")
    reply = wide.ask("OPTIONS", CHAT, None, {"Origin": EVIL})
    assert PREFIX + "allow-methods" in check_allowed(reply, "*")


def test_credentials_are_never_allowed(opened, wide):
    for client in opened, wide:
        for method in "GET", "POST", "OPTIONS":
            reply = client.ask(method, "/session/new", None, {
                "Origin": LISTED, "Cookie": "a=b"})
            assert PREFIX + "allow-credentials" not in cors(reply)


HOSTS = [
    # the page's origin, Host, HTTPS; whether it may
    ("http://192.168.1.5:8000", "192.168.1.5:8000", "", True),
    ("http://192.168.1.5:8000", "192.168.1.5", "", True),  # Debian's nginx
    ("http://chat.example", "Chat.Example:80", "", True),
    ("https://chat.example", "chat.example", "", True),  # behind a TLS proxy
    ("https://chat.example", "chat.example", "on", True),
    ("http://chat.example", "chat.example", "on", False),
    ("http://[2001:db8::1]:8000", "[2001:db8::1]", "", True),
    ("http://192.168.1.6", "192.168.1.5", "", False),
    ("http://192.168.1.5", "", "", False),
    ("http://chat.example.evil.example", "chat.example", "", False),
    ("http://evil.example", "chat.example", "", False),
    ("null", "null", "", False),
]


@pytest.mark.parametrize("origin, host, https, may", HOSTS)
def test_without_fetch_metadata_the_host_is_asked(direct, origin, host, https,
                                                  may):
    with Peer(direct.address) as peer:
        reply = peer.ask("POST", "/session/new", HTTP_HOST=host,
                         HTTP_ORIGIN=origin, HTTPS=https)
    assert reply.status == (200 if may else 403)
    if not may:
        assert json.loads(reply.body)["code"] == "origin_not_allowed"
    assert not [name for name in reply.headers
                if name.lower().startswith(PREFIX)]


@pytest.mark.parametrize("value", [
    "https://site.example/", "site.example", "https://Site.example",
    "https://café.example", "https://site.example:443", "*, " + LISTED,
    "https://*.site.example", "null"])
def test_a_wrong_list_stops_the_start(tmp_path, value):
    conf = tmp_path / "causerie.conf"
    conf.write_text(f"threads = 1\nallowed_origins = {value}\n")
    done = subprocess.run(
        [program("causerie"), "-t", "-f", str(conf)], timeout=60,
        stderr=subprocess.PIPE, text=True, env=environment())
    assert done.returncode == 2
    assert f"{conf}:2: allowed_origins: must be" in done.stderr
    assert "scheme://host[:port]" in done.stderr
    assert "punycode" in done.stderr
