"""Sessions: the routes and fields of the interface, through each server."""

import re
import time
from datetime import datetime, timedelta

import pytest

from client import UNKNOWN

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}"
                   r"-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


@pytest.fixture
def session(client):
    return client.new()


def test_new_answers_an_id_and_the_message(client):
    reply = client.ask("POST", "/session/new")
    assert reply.status == 200
    assert list(reply.json) == ["session_id", "message"]
    assert reply.json["message"] == "Session créée avec succès"


def test_new_ids_are_random_uuids_of_version_4(client):
    ids = {client.new() for _ in range(20)}
    assert len(ids) == 20
    assert all(UUID4.fullmatch(id) for id in ids)


@pytest.mark.parametrize("body", ["", "{}", "no json", "[1,2"])
def test_new_takes_any_body(client, body):
    assert client.ask("POST", "/session/new", body).status == 200


def test_chat_answers_the_fields_of_the_document(client, session):
    reply = client.chat("Bonjour!", session)
    assert reply.status == 200
    answer = reply.json
    assert list(answer)[:5] == ["response", "session_id", "message_count",
                                "success", "new_session"]
    assert isinstance(answer["response"], str) and answer["response"]
    assert answer["session_id"] == session
    assert answer["message_count"] == 2
    assert answer["success"] is True
    assert answer["new_session"] is False


def test_chat_counts_questions_and_answers(client, session):
    for count in 2, 4, 6:
        assert client.chat("Bonjour!", session).json["message_count"] == count
    assert client.info(session)["message_count"] == 6


@pytest.mark.parametrize("body", [
    {"message": "Bonjour!"},
    {"message": "Bonjour!", "session_id": None},
    {"message": "Bonjour!", "session_id": ""},
])
def test_chat_without_a_session_begins_one(client, body):
    answer = client.ask("POST", "/session/chat", body).json
    assert UUID4.fullmatch(answer["session_id"])
    assert answer["new_session"] is True
    assert answer["message_count"] == 2


def test_chat_never_adopts_an_id_of_the_client(client):
    answer = client.chat("Bonjour!", UNKNOWN).json
    assert answer["session_id"] != UNKNOWN
    assert answer["new_session"] is True
    assert client.get(f"/session/{UNKNOWN}/info").status == 404


@pytest.mark.parametrize("id", ["xxx", 5, [], {}, True, " ", UNKNOWN + "0",
                                UNKNOWN[:-1], UNKNOWN.replace("-", "")])
def test_chat_refuses_what_is_no_id(client, id):
    reply = client.chat("Bonjour!", id)
    assert reply.problem == (400, "invalid_session_id")


def test_ids_are_read_in_either_letter_case(client, session):
    answer = client.chat("Bonjour!", session.upper()).json
    assert answer["session_id"] == session
    assert client.get(f"/session/{session.upper()}/info").status == 200


def test_chat_ignores_unknown_members(client, session):
    assert client.chat("Bonjour!", session, x=[{"y": 1}]).status == 200


def test_chat_reads_a_body_without_content_length(client, server):
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", server.port, 60)
    connection.request("POST", "/session/chat", iter(
        [b'{"message": ', b'"Bonjour!"}']),
        {"Content-Type": "application/json"}, encode_chunked=True)
    response = connection.getresponse()
    assert response.status == 200, response.read()
    connection.close()


def test_the_name_that_was_told_is_known_later(client):
    first = client.chat("Je m'appelle Jean et je cherche un smartphone").json
    answer = client.chat("Quel est mon nom ?", first["session_id"]).json
    assert "Jean" in answer["response"]


def test_another_session_does_not_know_the_name(client):
    client.chat("Je m'appelle Jean et je cherche un smartphone")
    assert "Jean" not in client.chat("Quel est mon nom ?").json["response"]


def test_info_answers_the_fields_of_the_document(client, session):
    info = client.info(session)
    assert list(info) == ["session_id", "message_count", "created_at",
                          "last_activity", "expires_in_minutes"]
    assert info["session_id"] == session
    assert info["message_count"] == 0
    assert info["expires_in_minutes"] == 30


def test_info_shows_times_in_utc(client, session):
    info = client.info(session)
    now = datetime.utcnow()
    for name in "created_at", "last_activity":
        assert TIME.fullmatch(info[name])
        shown = datetime.fromisoformat(info[name])
        assert abs(now - shown) < timedelta(minutes=2)


def test_a_chat_is_activity(client, session):
    created = client.info(session)["created_at"]
    end = time.monotonic() + 30
    while client.info(session)["last_activity"] == created:
        assert time.monotonic() < end
        client.chat("Bonjour!", session)
    assert client.info(session)["created_at"] == created


def test_messages_show_the_conversation(client, session):
    said = client.chat("Bonjour!", session).json["response"]
    reply = client.get(f"/session/{session}/messages")
    assert reply.status == 200
    assert list(reply.json) == ["session_id", "message_count", "messages"]
    assert reply.json["session_id"] == session
    assert reply.json["message_count"] == 2
    question, answer = reply.json["messages"]
    assert question["role"] == "user"
    assert question["content"] == "Bonjour!"
    assert answer["role"] == "assistant"
    assert answer["content"] == said
    assert all(TIME.fullmatch(m["created_at"]) for m in (question, answer))
    assert "status" not in question and "status" not in answer


def test_messages_of_a_new_session_are_none(client, session):
    assert client.messages(session) == []


@pytest.mark.parametrize("text", [
    "accents é à ç œ, € and 𝄞", "\"quotes\" and \\ / <b>&amp;</b>",
    "line\nend\ttab\r\x01\x1f\x7f", "שלום \u202e\ufeff\u2028", "x" * 16384,
])
def test_messages_come_back_as_they_were(client, session, text):
    assert client.chat(text, session).status == 200
    assert client.messages(session)[0]["content"] == text


def test_text_is_utf8_without_escaped_letters_or_slashes(client, session):
    client.chat("été/🙂", session)
    body = client.get(f"/session/{session}/messages").body
    assert "été/🙂".encode() in body


def test_delete_removes_the_session(client, session):
    reply = client.delete(session)
    assert reply.status == 200
    assert reply.json == {"message": "Session supprimée avec succès"}
    assert client.get(f"/session/{session}/info").status == 404
    assert client.delete(session).status == 404


def test_a_deleted_session_is_replaced_in_a_chat(client, session):
    client.delete(session)
    answer = client.chat("Bonjour!", session).json
    assert answer["new_session"] is True
    assert answer["session_id"] != session


def test_stats_count_live_sessions(client):
    before = client.get("/sessions/stats").json["active_sessions"]
    session = client.new()
    assert client.get("/sessions/stats").json == {"active_sessions":
                                                  before + 1}
    client.delete(session)
    assert client.get("/sessions/stats").json == {"active_sessions": before}


def test_stop_without_a_turn_stops_nothing(client, session):
    reply = client.stop(session)
    assert reply.status == 200
    assert reply.json == {"stopped": False}


def test_health_is_healthy(client):
    reply = client.get("/health")
    assert reply.status == 200
    assert reply.json == {"status": "healthy",
                          "message": "Le service est opérationnel"}


def test_ready_is_ready_for_this_machine(client):
    assert client.get("/ready").status == 200


@pytest.mark.parametrize("method, path", [
    ("GET", "info"), ("GET", "messages"), ("POST", "stop"), ("DELETE", "")])
def test_an_unknown_session_is_not_found(client, method, path):
    reply = client.ask(method, f"/session/{UNKNOWN}/{path}".rstrip("/"))
    assert reply.problem == (404, "session_not_found")
    assert reply.json["detail"] == "Session non trouvée ou expirée"


@pytest.mark.parametrize("method, path", [
    ("GET", "info"), ("GET", "messages"), ("POST", "stop"), ("DELETE", "")])
def test_an_id_in_a_path_has_the_form_of_a_uuid(client, method, path):
    reply = client.ask(method, f"/session/xxx/{path}".rstrip("/"))
    assert reply.problem == (400, "invalid_session_id")
