"""Cookie mode: the session's id travels in a cookie as well."""

import json
import re
import subprocess
from http.cookies import SimpleCookie
from pathlib import Path

import pytest

from client import CHAT, UNKNOWN, Client
from conftest import web_server
from fcgi import Peer
from webservers import KINDS, environment, program

NAME = "causerie_session"
LIGHTTPD_TLS = Path("/usr/lib/lighttpd/mod_openssl.so")
ATTRIBUTES = {"path": "/", "httponly": True, "samesite": "Lax"}


@pytest.fixture(scope="module", params=KINDS)
def cookie_server(request):
    yield from web_server(request.param, "causerie", {"session_cookie": NAME})


@pytest.fixture
def cookies(cookie_server):
    return Client(cookie_server.port)


def given(reply):
    """The cookie that a reply sets: its value and what is said with it; None
    without one."""
    fields = reply.headers.get_all("Set-Cookie") or []
    assert len(fields) <= 1
    if not fields:
        return None
    cookie = SimpleCookie(fields[0])
    assert list(cookie) == [NAME]
    said = {key: value for key, value in cookie[NAME].items() if value != ""}
    return cookie[NAME].value, said


def chat(client, cookie=None, **body):
    headers = {} if cookie is None else {"Cookie": cookie}
    return client.ask("POST", CHAT, {"message": "Bonjour!", **body}, headers)


def test_a_new_session_sets_the_cookie(cookies):
    reply = cookies.ask("POST", "/session/new")
    assert given(reply) == (reply.json["session_id"], ATTRIBUTES)


def test_a_chat_that_made_a_session_sets_the_cookie(cookies):
    reply = chat(cookies)
    assert reply.json["new_session"] is True
    assert given(reply) == (reply.json["session_id"], ATTRIBUTES)


def test_a_stream_that_made_a_session_sets_the_cookie(cookies):
    stream = cookies.stream("Bonjour!")
    assert given(stream) == (stream.until("start")["session_id"], ATTRIBUTES)
    stream.until("done")
    stream.leave()


@pytest.mark.parametrize("body", [{}, {"session_id": None},
                                  {"session_id": ""}])
def test_a_chat_without_an_id_uses_the_cookie(cookies, body):
    session = cookies.new()
    reply = chat(cookies, f"{NAME}={session}", **body)
    assert reply.json["session_id"] == session
    assert reply.json["new_session"] is False
    assert given(reply) is None
    reply = chat(cookies, f"{NAME}={session}", stream=True, **body)
    assert given(reply) is None
    assert cookies.info(session)["message_count"] == 4


def test_an_id_in_the_body_goes_before_the_cookie(cookies):
    one, other = cookies.new(), cookies.new()
    reply = chat(cookies, f"{NAME}={one}", session_id=other)
    assert reply.json["session_id"] == other
    assert given(reply) is None
    assert cookies.info(one)["message_count"] == 0
    reply = chat(cookies, f"{NAME}={one}", session_id="xxx")
    assert reply.problem == (400, "invalid_session_id")


def test_a_cookie_of_no_live_session_is_replaced(cookies):
    reply = chat(cookies, f"{NAME}={UNKNOWN}")
    assert reply.json["new_session"] is True
    assert reply.json["session_id"] != UNKNOWN
    assert given(reply)[0] == reply.json["session_id"]


@pytest.mark.parametrize("cookie", [
    "{name}={id}; other=1", "a=b; {name}={id}", "a=b;{name}={id};c=d",
    "{name}=\"{id}\"", "{name}=xxx; {name}={id}", "{name}=; {name}={id}",
    "{name}={id}; {name}=" + UNKNOWN, "x=\"a; {name}={id}", "; ;{name}={id};",
    "{name}={upper}"])
def test_the_first_cookie_that_names_a_session_counts(cookies, cookie):
    session = cookies.new()
    cookie = cookie.format(name=NAME, id=session, upper=session.upper())
    assert chat(cookies, cookie).json["session_id"] == session


@pytest.mark.parametrize("cookie", [
    "", "=", ";", NAME, "{name}=", "{name}=xxx", "{name}={id}0",
    "other={id}", "x{name}={id}", "{name}x={id}", "{upper}={id}", "{id}",
    "{name} = {id}", "x={name}={id}", "{name}=%22{id}%22"])
def test_another_cookie_is_none(cookies, cookie):
    session = cookies.new()
    cookie = cookie.format(name=NAME, id=session, upper=NAME.upper())
    reply = chat(cookies, cookie)
    assert reply.json["new_session"] is True
    assert given(reply)[0] == reply.json["session_id"]


def test_deleting_a_session_clears_its_cookie(cookies):
    session = cookies.new()
    cookie = {"Cookie": f"{NAME}={session}"}
    for status in 200, 404:
        reply = cookies.ask("DELETE", f"/session/{session}", None, cookie)
        assert reply.status == status
        assert given(reply) == ("", {**ATTRIBUTES, "max-age": "0"})


def test_deleting_another_session_leaves_the_cookie(cookies):
    session, other = cookies.new(), cookies.new()
    for headers in {"Cookie": f"{NAME}={session}"}, {}:
        reply = cookies.ask("DELETE", f"/session/{other}", None, headers)
        assert given(reply) is None
    assert chat(cookies, f"{NAME}={session}").json["session_id"] == session


def test_reading_and_refusing_set_no_cookie(cookies):
    session = cookies.new()
    cookie = {"Cookie": f"{NAME}={session}"}
    for method, path, body in (
            ("GET", "/health", None), ("GET", "/sessions/stats", None),
            ("GET", f"/session/{session}/info", None),
            ("GET", f"/session/{session}/messages", None),
            ("POST", f"/session/{session}/stop", None),
            ("POST", CHAT, "{"), ("POST", CHAT, {}),
            ("DELETE", "/session/xxx", None), ("OPTIONS", CHAT, None)):
        assert given(cookies.ask(method, path, body, cookie)) is None


def test_a_foreign_page_uses_no_cookie(cookies):
    """A browser that knows no SameSite would send it."""
    session = cookies.new()
    for headers in {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}:
        reply = cookies.ask("POST", CHAT, {"message": "Bonjour!"}, {
            "Cookie": f"{NAME}={session}", **headers})
        assert reply.problem == (403, "origin_not_allowed")
        assert given(reply) is None
    assert cookies.info(session)["message_count"] == 0


def test_without_the_mode_there_are_no_cookies(client):
    session = client.new()
    assert client.ask("POST", "/session/new").headers["Set-Cookie"] is None
    reply = chat(client, f"{NAME}={session}; ={session}")
    assert reply.json["new_session"] is True
    assert reply.headers["Set-Cookie"] is None
    reply = client.ask("DELETE", f"/session/{session}", None,
                       {"Cookie": f"{NAME}={session}"})
    assert reply.headers["Set-Cookie"] is None


def test_curl_keeps_its_conversation_in_a_jar(cookie_server, tmp_path):
    def curl():
        done = subprocess.run(
            ["curl", "-s", "-b", "jar", "-c", "jar",
             "-H", "Content-Type: application/json",
             "-d", '{"message": "Bonjour!"}',
             f"http://127.0.0.1:{cookie_server.port}{CHAT}"], cwd=tmp_path,
            stdout=subprocess.PIPE, timeout=60, env=environment(), check=True)
        return json.loads(done.stdout)["message_count"]

    assert [curl(), curl(), curl()] == [2, 4, 6]


def set_cookie(program, path="/session/new", **params):
    with Peer(program.address) as peer:
        return peer.ask("POST", path, **params).headers["Set-Cookie"]


def test_over_https_the_cookie_is_secure(launch):
    service = launch({"session_cookie": NAME})
    for value, secure in (("on", True), ("1", True), ("ON", True),
                          ("off", False), ("", False)):
        cookie = set_cookie(service, HTTPS=value)
        assert ("; Secure" in cookie) == secure


@pytest.mark.parametrize("kind", KINDS)
def test_the_web_server_says_that_it_is_https(kind, certificate):
    if kind.startswith("lighttpd") and not LIGHTTPD_TLS.exists():
        pytest.skip("lighttpd-mod-openssl is not installed")
    for server in web_server(kind, "causerie", {"session_cookie": NAME},
                             certificate=certificate):
        done = subprocess.run(
            ["curl", "-s", "-k", "-i", "-X", "POST",
             f"https://127.0.0.1:{server.port}/session/new"],
            stdout=subprocess.PIPE, text=True, timeout=60, env=environment())
        cookie = re.search(r"(?im)^set-cookie: (.*)$", done.stdout)[1]
        assert "; Secure" in cookie


def test_the_cookie_is_for_the_path_of_the_service(launch):
    service = launch({"session_cookie": NAME, "base_path": "/api/chatbot"})
    cookie = set_cookie(service, "/api/chatbot/session/new")
    assert "; Path=/api/chatbot;" in cookie


def test_a_session_whose_first_answer_failed_has_its_cookie(launch):
    service = launch({"session_cookie": NAME})
    for stream in False, True:
        body = json.dumps({"message": "fail", "stream": stream}).encode()
        with Peer(service.address) as peer:
            reply = peer.ask("POST", CHAT, body)
        made = re.search(rb'"session_id":"([^"]+)"', reply.body)[1].decode()
        assert reply.headers["Set-Cookie"].startswith(f"{NAME}={made};")


@pytest.mark.parametrize("name", ["a b", "a=b", "a;b", "é", "x" * 65, "a,b"])
def test_a_wrong_name_stops_the_start(name):
    done = subprocess.run(
        [program("causerie"), "-t", "-s", f"session_cookie={name}"],
        stderr=subprocess.PIPE, text=True, timeout=60, env=environment())
    assert done.returncode == 2
    assert "-s: session_cookie: must be" in done.stderr
