"""What settings promise, seen from outside: times, ceilings, the base path."""

import json

import pytest

from client import CHAT, UNKNOWN
from fcgi import Peer, request
from webservers import wait_for

SOON = 0.002  # minutes


class Api:
    """The routes, asked over a kept FastCGI connection."""

    def __init__(self, program):
        self.peer = Peer(program.address)

    def ask(self, method, path, body=None, **more):
        data = b"" if body is None else json.dumps(body).encode()
        return self.peer.ask(method, path, data, keep=True, **more)

    def json(self, *args, **more):
        return json.loads(self.ask(*args, **more).body)

    def new(self):
        return self.json("POST", "/session/new")["session_id"]

    def chat(self, message, session=None):
        return self.json("POST", CHAT,
                         {"message": message, "session_id": session})


@pytest.fixture
def api(launch):
    return lambda **settings: Api(launch(settings))


def test_an_idle_session_expires_though_it_is_read(api):
    api = api(session_timeout_minutes=SOON, cleanup_interval_seconds=86400)
    session = api.new()
    path = f"/session/{session}/info"
    wait_for(lambda: api.ask("GET", path).status == 404, what="expiry")
    for method, rest in ("GET", "/messages"), ("DELETE", ""):
        reply = api.ask(method, f"/session/{session}{rest}")
        assert reply.status == 404
        assert json.loads(reply.body)["code"] == "session_not_found"


def test_an_expired_session_does_not_count(api):
    api = api(session_timeout_minutes=SOON, cleanup_interval_seconds=86400)
    api.new()
    wait_for(lambda: api.json("GET", "/sessions/stats") ==
             {"active_sessions": 0}, what="expiry")


def test_an_expired_session_is_replaced_in_a_chat(api):
    api = api(session_timeout_minutes=SOON, cleanup_interval_seconds=86400)
    session = api.new()
    path = f"/session/{session}/info"
    wait_for(lambda: api.ask("GET", path).status == 404, what="expiry")
    answer = api.chat("Bonjour!", session)
    assert answer["new_session"] is True
    assert answer["session_id"] != session


def test_a_session_does_not_expire_during_a_turn(api):
    api = api(session_timeout_minutes=0.001)
    answer = api.chat("paced 20 20")
    assert answer["message_count"] == 2
    assert answer["success"] is True and "status" not in answer


@pytest.mark.parametrize("minutes, shown", [(1.5, 2), (60, 60), (0.01, 1)])
def test_minutes_are_rounded_up(api, minutes, shown):
    api = api(session_timeout_minutes=minutes)
    info = api.json("GET", f"/session/{api.new()}/info")
    assert info["expires_in_minutes"] == shown


def test_the_sweeper_makes_room(api):
    api = api(session_timeout_minutes=SOON, cleanup_interval_seconds=0.05,
              max_sessions=3)
    for _ in range(3):
        api.new()
    wait_for(lambda: api.ask("POST", "/session/new").status == 200,
             what="a swept session")


def test_max_sessions_is_the_limit(api):
    api = api(max_sessions=3)
    kept = [api.new() for _ in range(3)]
    for reply in (api.ask("POST", "/session/new"),
                  api.ask("POST", CHAT, {"message": "Bonjour!"})):
        assert reply.status == 503
        assert json.loads(reply.body)["code"] == "session_capacity"
    for session in kept:
        assert api.chat("Bonjour!", session)["session_id"] == session
    api.ask("DELETE", f"/session/{kept[0]}")
    assert api.ask("POST", "/session/new").status == 200


def test_memory_limit_is_the_limit(api):
    api = api(memory_limit="64K")
    session = api.new()
    status = 200
    for _ in range(1000):
        reply = api.ask("POST", "/session/new")
        status = reply.status
        if status != 200:
            break
    assert status == 503
    assert json.loads(reply.body)["code"] == "session_capacity"
    assert api.ask("GET", f"/session/{session}/info").status == 200


def test_message_max_bytes_is_the_limit(api):
    api = api(message_max_bytes=5)
    assert api.chat("12345")["success"] is True
    assert api.chat("123456")["code"] == "message_too_long"
    assert api.chat("1234é")["code"] == "message_too_long"


def test_request_max_bytes_is_the_limit(api):
    api = api(request_max_bytes=256)
    body = json.dumps({"message": "Bonjour!"}).encode()
    for size, status in (256, 200), (257, 413):
        reply = api.peer.ask("POST", CHAT, body.ljust(size), keep=True)
        assert reply.status == status


def test_the_oldest_pairs_of_a_session_are_dropped(api):
    api = api(session_max_messages=4)
    session = api.new()
    for n in range(3):
        answer = api.chat(str(n), session)
    assert answer["message_count"] == 6
    shown = api.json("GET", f"/session/{session}/messages")
    assert shown["message_count"] == 6
    assert [m["content"] for m in shown["messages"]][::2] == ["1", "2"]


def test_session_max_bytes_drops_the_oldest_pairs(api):
    api = api(session_max_bytes="1K")
    session = api.new()
    for n in range(9):
        api.chat(str(n) * 100, session)
    shown = api.json("GET", f"/session/{session}/messages")["messages"]
    assert 2 <= len(shown) < 18
    assert sum(len(m["content"].encode()) for m in shown) <= 1024
    assert shown[-2]["content"] == "8" * 100


@pytest.mark.parametrize("settings, seen", [
    ({"context_messages": 2}, 2), ({"context_messages": 3}, 2),
    ({"context_messages": 0}, 0), ({"context_bytes": 0}, 0), ({}, 6)])
def test_the_context_has_a_limit(api, settings, seen):
    api = api(**settings)
    session = api.new()
    for _ in range(4):
        answer = api.chat("Bonjour!", session)
    assert f"({seen} messages d'historique)" in answer["response"]


def running(program, session):
    """The connection of a stream that has begun and is silent."""
    peer = Peer(program.address)
    peer.send(request("POST", CHAT, json.dumps(
        {"message": "paced 1 60000", "session_id": session,
         "stream": True}).encode()))
    peer.read_until(b'"start"')
    return peer


def test_waiting_has_a_limit(launch):
    program = launch({"turn_wait_seconds": 0.05})
    api = Api(program)
    session = api.new()
    runs = running(program, session)
    reply = api.ask("POST", CHAT, {"message": "x", "session_id": session})
    assert reply.status == 409
    assert int(reply.headers["Retry-After"]) > 0
    runs.socket.close()


def test_waiting_in_a_stream_ends_with_an_error_event(launch):
    program = launch({"turn_wait_seconds": 0.05})
    api = Api(program)
    session = api.new()
    runs = running(program, session)
    reply = api.ask("POST", CHAT, {"message": "x", "session_id": session,
                                   "stream": True})
    assert reply.status == 200
    event = json.loads(reply.body.strip().split(b"data: ")[-1])
    assert event["type"] == "error"
    assert (event["status"], event["code"]) == (409, "session_busy")
    assert event["session_id"] == session
    runs.socket.close()


BASE = "/api/chatbot"


def test_every_route_stands_below_the_base_path(api):
    api = api(base_path=BASE)
    session = api.json("POST", BASE + "/session/new")["session_id"]
    for method, path in [
            ("GET", "/health"), ("GET", "/ready"), ("GET", "/metrics"),
            ("GET", "/sessions/stats"),
            ("GET", f"/session/{session}/info"),
            ("GET", f"/session/{session}/messages"),
            ("POST", f"/session/{session}/stop"),
            ("DELETE", f"/session/{session}")]:
        assert api.ask(method, BASE + path).status == 200, path
    reply = api.ask("POST", BASE + CHAT, {"message": "Bonjour!"})
    assert reply.status == 200


@pytest.mark.parametrize("path", [
    "/health", "/session/new", "/api/health", BASE, BASE + "health",
    BASE + "x/health", BASE + "/", "/api/chatbo/health", "/x" + BASE])
def test_nothing_stands_beside_the_base_path(api, path):
    assert api(base_path=BASE).ask("GET", path).status == 404


@pytest.mark.parametrize("path", [
    "/health?x=y", "/health?", "/%68ealth", "/h%65alt%68",
    f"/session/{UNKNOWN}/info?/x"])
def test_a_path_is_read_decoded_and_without_query(api, path):
    reply = api().ask("GET", path)
    assert reply.status == (404 if "session" in path else 200)


def test_a_path_may_come_as_script_name_and_path_info(api):
    reply = api().ask("GET", "", SCRIPT_NAME="/sessions", PATH_INFO="/stats")
    assert json.loads(reply.body) == {"active_sessions": 0}


def test_a_stream_tells_nginx_not_to_buffer(api):
    reply = api().ask("POST", CHAT, {"message": "x", "stream": True})
    assert reply.headers["X-Accel-Buffering"] == "no"


def test_a_silent_stream_is_pinged(api):
    peer = api().peer
    peer.send(request("POST", CHAT, json.dumps(
        {"message": "paced 1 60000", "stream": True}).encode()))
    assert b"delta" not in peer.read_until(b"\n: ping\n")
