"""What is refused, and how: the problem documents, through each server."""

import pytest

from client import CHAT, UNKNOWN


@pytest.mark.parametrize("path", [
    "/session", "/session/", "/sessions", "/sessions/", "/sessions/x",
    "/session/new/", "/session/chat/x", f"/session/{UNKNOWN}/x",
    f"/session/{UNKNOWN}/info/x", "/health/", "/health/x"])
def test_another_path_is_not_found(client, path):
    assert client.get(path).problem == (404, "not_found")


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
    "application/json;charset=\"UTF-8\"", "application/json ; x=y"])
def test_the_media_type_may_be_written_in_every_way(client, kind):
    reply = client.chat("Bonjour!", headers={"Content-Type": kind})
    assert reply.status == 200


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
