"""What is refused, and how: the problem documents, through each server."""

import gzip
import json

import pytest

from client import CHAT, UNKNOWN


@pytest.mark.parametrize("path", [
    "/session", "/session/", "/sessions", "/sessions/", "/sessions/x",
    "/session/new//", "/session/chat/x", f"/session/{UNKNOWN}/x",
    f"/session/{UNKNOWN}/info/x", "/health/x", "/health/x/"])
def test_another_path_is_not_found(client, path):
    assert client.get(path).problem == (404, "not_found")


def test_a_slash_at_the_end_makes_no_difference(client):
    session = client.ask("POST", "/session/new/").json["session_id"]
    reply = client.ask("POST", CHAT + "/", {"message": "Bonjour!",
                                            "session_id": session})
    assert reply.json["session_id"] == session
    for path in ("/health/", "/health/?x", f"/session/{session}/info/",
                 f"/session/{session}/messages/", "/sessions/stats/"):
        assert client.get(path).status == 200
    assert client.ask("POST", f"/session/{session}/stop/").status == 200
    assert client.ask("OPTIONS", CHAT + "/").status == 204
    assert client.ask("PUT", CHAT + "/").status == 405
    assert client.ask("DELETE", f"/session/{session}/").status == 200
    assert client.get(f"/session/{session}/info/").status == 404


@pytest.mark.parametrize("method, path, allow", [
    ("GET", "/session/new", {"POST"}),
    ("DELETE", "/session/new", {"POST"}),
    ("GET", "/session/chat", {"POST"}),
    ("DELETE", "/session/chat", {"POST"}),
    ("POST", "/health", {"GET", "HEAD"}),
    ("DELETE", "/sessions/stats", {"GET", "HEAD"}),
    ("PUT", "/sessions/stats", {"GET", "HEAD"}),
    ("PATCH", "/session/new", {"POST"}),
    ("GET", f"/session/{UNKNOWN}", {"DELETE"}),
    ("DELETE", f"/session/{UNKNOWN}/info", {"GET", "HEAD"}),
    ("PUT", f"/session/{UNKNOWN}/messages", {"GET", "HEAD"}),
    ("GET", f"/session/{UNKNOWN}/stop", {"POST"}),
])
def test_another_method_is_not_allowed(client, method, path, allow):
    reply = client.ask(method, path)
    assert reply.problem == (405, "method_not_allowed")
    named = set(reply.headers["Allow"].replace(" ", "").split(","))
    assert named - {"OPTIONS"} == allow


def test_a_body_has_a_limit(client):
    reply = client.ask("POST", CHAT, '{"message": "' + "x" * 65536 + '"}')
    assert reply.problem == (413, "body_too_large")


def test_a_far_longer_body_is_refused_too(client):
    body = '{"message": "' + "x" * 1000000 + '"}'
    assert client.ask("POST", CHAT, body).status == 413


@pytest.mark.parametrize("message", ["x" * 16385, "é" * 8193])
def test_a_message_has_a_limit_in_bytes(client, message):
    assert client.chat(message).problem == (413, "message_too_long")


@pytest.mark.parametrize("kind", [
    "text/plain", "application/x-www-form-urlencoded", "application/jsonx",
    "application/json-patch+json", "json", "text/json", "*/*"])
def test_a_chat_needs_json(client, kind):
    reply = client.chat("Bonjour!", headers={"Content-Type": kind})
    assert reply.problem == (415, "unsupported_media_type")


def test_a_chat_without_a_content_type_is_refused(client):
    reply = client.ask("POST", CHAT)
    assert reply.problem == (415, "unsupported_media_type")


@pytest.mark.parametrize("kind", [
    "application/json; charset=utf-8", "Application/JSON",
    "application/json;charset=\"UTF-8\"", "application/json ; x=y",
    "application/json; charset=utf8", "application/json;charset=US-ASCII",
    "application/json; Charset=UTF8;x=\"a;charset=latin1\""])
def test_the_media_type_may_be_written_in_every_way(client, kind):
    reply = client.chat("Bonjour!", headers={"Content-Type": kind})
    assert reply.status == 200


@pytest.mark.parametrize("charset", ["iso-8859-1", "UTF-16", "windows-1252"])
def test_another_charset_is_named(client, charset):
    reply = client.chat("Bonjour!", headers={
        "Content-Type": f"application/json; charset={charset}"})
    assert reply.problem == (415, "unsupported_media_type")
    assert reply.json["detail"].endswith(charset)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_coding_is_named(client, coding):
    session = client.new()
    body = gzip.compress(json.dumps({"message": "Bonjour!",
                                     "session_id": session}).encode())
    reply = client.ask("POST", CHAT, body, {"Content-Encoding": coding})
    assert reply.problem == (415, "unsupported_media_type")
    assert reply.json["detail"].endswith(coding)
    assert reply.headers["Accept-Encoding"] == "identity"
    assert client.info(session)["message_count"] == 0


def test_no_coding_may_be_said(client):
    reply = client.chat("Bonjour!", headers={"Content-Encoding": "identity"})
    assert reply.status == 200


@pytest.mark.parametrize("body", [
    '{"message": "\u00e9"}'.encode("latin-1"),
    '{"message": "\u20ac"}'.encode("windows-1252"),
    '{"message": "x"}'.encode("utf-16"), b'{"message": "\xc3"}'])
def test_a_body_that_is_no_utf8_is_told_so(client, body):
    reply = client.ask("POST", CHAT, body)
    assert reply.problem == (400, "invalid_json")
    assert "UTF-8" in reply.json["detail"]


def test_a_byte_order_mark_means_nothing(client):
    reply = client.ask("POST", CHAT, b'\xef\xbb\xbf{"message": "Bonjour!"}')
    assert reply.status == 200
    for body in (b"\xef\xbb\xbf", b"\xef\xbb\xbf\xef\xbb\xbf{}", b"\xef\xbb{}",
                 b'{"message": "x"}\xef\xbb\xbf'):
        assert client.ask("POST", CHAT, body).problem == (400, "invalid_json")


@pytest.mark.parametrize("accept, streamed", [
    ("application/json, text/event-stream", False),
    ("text/event-stream, application/json", False),
    ("application/json;q=0.5, text/event-stream", True),
    ("text/event-stream;q=0.5, */*", False),
    ("text/event-stream, */*;q=0.1", True), ("text/event-stream", True),
    ("*/*", False)])
def test_what_the_client_would_rather_have_is_sent(client, accept, streamed):
    reply = client.chat("Bonjour!", headers={"Accept": accept})
    kind = reply.headers["Content-Type"].split(";")[0]
    assert kind == ("text/event-stream" if streamed else "application/json")


@pytest.mark.parametrize("body", [
    {}, {"message": None}, {"message": 5}, {"message": True},
    {"message": ["x"]}, {"message": {"x": "y"}}, {"message": ""},
    {"message": " \t\r\n"}, {"message": "\u00a0\u2003\u3000"},
    {"Message": "x"}])
def test_a_message_is_a_text_that_is_not_blank(client, body):
    reply = client.ask("POST", CHAT, body)
    assert reply.problem == (422, "invalid_field")
    assert reply.json["field"] == "message"


@pytest.mark.parametrize("stream", ["true", 1, 0, [], {}, "", 1.5])
def test_stream_is_a_boolean(client, stream):
    reply = client.chat("Bonjour!", stream=stream)
    assert reply.problem == (422, "invalid_field")
    assert reply.json["field"] == "stream"


def test_what_is_refused_changes_nothing(client):
    session = client.new()
    before = client.get("/sessions/stats").json
    client.chat("", session)
    client.chat("x" * 16385, session)
    client.chat("Bonjour!", "xxx")
    client.ask("POST", CHAT, '{"message": "x"')
    assert client.get("/sessions/stats").json == before
    assert client.info(session)["message_count"] == 0


def test_titles_and_details_are_for_people(client):
    problem = client.ask("POST", CHAT, "{}").json
    assert problem["detail"] != problem["title"]
    assert problem["detail"][0].isupper()
