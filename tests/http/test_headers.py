"""What every reply carries: headers, languages, request ids."""

import re

import pytest

from client import CHAT, UNKNOWN

REPLIES = [
    ("GET", "/health", None, 200), ("POST", "/session/new", None, 200),
    ("POST", CHAT, {"message": "Bonjour!"}, 200),
    ("GET", "/sessions/stats", None, 200), ("GET", "/ready", None, 200),
    ("GET", f"/session/{UNKNOWN}/info", None, 404),
    ("GET", "/session/xxx/info", None, 400), ("PUT", CHAT, None, 405),
    ("POST", CHAT, "{", 400), ("POST", CHAT, {}, 422),
    ("POST", CHAT, "x" * 70000, 413), ("GET", "/sessions/x", None, 404),
    ("OPTIONS", CHAT, None, 204),
]


@pytest.fixture(params=REPLIES, ids=lambda r: f"{r[0]} {r[1]} {r[3]}")
def reply(request, client):
    method, path, body, status = request.param
    reply = client.ask(method, path, body)
    assert reply.status == status
    return reply


def test_no_reply_is_stored_or_sniffed(reply):
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


def test_every_reply_has_a_request_id(reply):
    assert re.fullmatch("[A-Za-z0-9._-]{1,64}", reply.headers["X-Request-Id"])


def test_replies_are_json(reply):
    kind = (reply.headers["Content-Type"] or "").split(";")[0]
    if reply.status == 204:
        assert not reply.body
    elif reply.status == 200:
        assert kind == "application/json"
    else:
        assert kind == "application/problem+json"


@pytest.mark.parametrize("id", ["a", "A-b_c.9", "x" * 64])
def test_a_request_id_is_taken_over(client, id):
    reply = client.get("/session/xxx/info", **{"X-Request-Id": id})
    assert reply.headers["X-Request-Id"] == id
    assert reply.json["request_id"] == id


@pytest.mark.parametrize("id", ["", "x" * 65, "a b", "a/b", "é", "a;b", "\""])
def test_a_strange_request_id_is_replaced(client, id):
    headers = {"X-Request-Id": id.encode("utf-8").decode("latin-1")}
    made = client.get("/health", **headers).headers["X-Request-Id"]
    assert made != id
    assert re.fullmatch("[A-Za-z0-9._-]{1,64}", made)


def test_request_ids_differ(client):
    made = {client.get("/health").headers["X-Request-Id"] for _ in range(9)}
    assert len(made) == 9


@pytest.mark.parametrize("path", ["/health", "/sessions/stats", "/ready"])
def test_head_is_get_without_the_body(client, path):
    head, get = client.ask("HEAD", path), client.get(path)
    assert head.status == get.status == 200
    assert head.body == b""
    for name in "Content-Type", "Cache-Control", "X-Content-Type-Options":
        assert head.headers[name] == get.headers[name]


def test_head_of_what_is_not_there_has_its_status(client):
    reply = client.ask("HEAD", f"/session/{UNKNOWN}/info")
    assert reply.status == 404
    assert reply.body == b""


@pytest.mark.parametrize("path, allow", [
    ("/session/new", {"POST", "OPTIONS"}), (CHAT, {"POST", "OPTIONS"}),
    ("/health", {"GET", "HEAD", "OPTIONS"}),
    (f"/session/{UNKNOWN}", {"DELETE", "OPTIONS"})])
def test_options_names_the_methods(client, path, allow):
    reply = client.ask("OPTIONS", path)
    assert reply.status == 204
    named = reply.headers["Allow"].replace(" ", "").split(",")
    assert set(named) == allow


def test_options_of_another_path_is_not_found(client):
    assert client.ask("OPTIONS", "/sessions/x").status == 404


FRENCH = "Session non trouvée ou expirée"
ENGLISH = "Session not found or expired"


@pytest.mark.parametrize("wanted, detail", [
    (None, FRENCH), ("", FRENCH), ("fr", FRENCH), ("en", ENGLISH),
    ("en-GB", ENGLISH), ("EN-us", ENGLISH), ("fr-CA", FRENCH), ("*", FRENCH),
    ("fr, en;q=0.9", FRENCH), ("en, fr;q=0.9", ENGLISH),
    ("en;q=0.8, fr;q=0.9", FRENCH), ("fr;q=0.1, en;q=0.2", ENGLISH),
    ("de", FRENCH), ("de, en;q=0.5", ENGLISH), ("en;q=0", FRENCH),
    ("fr;q=0, en;q=0.1", ENGLISH), ("de-DE,de;q=0.9,en;q=0.8", ENGLISH),
    ("enx", FRENCH),
])
def test_texts_are_in_the_language_that_is_preferred(client, wanted, detail):
    headers = {} if wanted is None else {"Accept-Language": wanted}
    reply = client.get(f"/session/{UNKNOWN}/info", **headers)
    assert reply.json["detail"] == detail


def test_messages_are_french_and_english_where_preferred(client):
    for method, path in ("POST", "/session/new"), ("GET", "/health"):
        french = client.ask(method, path).json["message"]
        english = client.ask(method, path, None,
                             {"Accept-Language": "en"}).json["message"]
        assert french != english
        assert english.isascii()
