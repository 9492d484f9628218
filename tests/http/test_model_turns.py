"""Turns with a language model: what is asked of it, how often, and how a turn
that runs is ended."""

import json
import re
import signal
import threading

import pytest

from model import (KEY, SPARE, WITH_BOTH, Simulator, http_reply, read_all,
                   scripted, serve, service, simulator)
from aimock import REDACTED
from webservers import DEADLINE, wait_for

__all__ = ["scripted", "serve", "service", "simulator"]

RUNNING = "[[tokens=100000 pace=20 nonce=w]]"
RETRIES = {"llm_retries": 2, "llm_first_token_seconds": 20,
           "llm_timeout_seconds": 30}
BOTH = pytest.mark.parametrize("stream", [False, True],
                               ids=["whole", "stream"])


def begun(service, session=None, message=RUNNING):
    """A stream whose first words have come."""
    peer = service.begin(message, session, True)
    peer.read_until(b"w.2")
    return peer


def last_event(peer):
    """The last event of a stream that was begun."""
    rest = read_all(peer)
    return json.loads(re.findall(rb"data: (.*)\n\n", rest)[-1])


def is_cancelled(simulator, count=1):
    """The call has ended, within the time that is promised."""
    wait_for(lambda: simulator.stats()["open"] == 0, SPARE, "a cancelled call")
    assert simulator.stats()["cancelled"] == count


# what the model is asked


@WITH_BOTH
def test_the_model_is_asked_with_prompt_history_and_question(service,
                                                             simulator):
    session = service.new()
    service.chat("Un [[text=premier]]", session)
    service.chat("Deux [[stall=1]]", session)
    service.chat("Trois", session, HTTP_X_REQUEST_ID="the-id-1")
    last = simulator.last()
    fields, body = last.headers, last.body
    # aimock shows it to nobody, and lets nobody in without it
    assert fields["authorization"] in (f"Bearer {KEY}", REDACTED)
    assert fields["x-request-id"] == "the-id-1"
    assert fields["content-type"] == "application/json"
    assert "expect" not in fields and "cookie" not in fields
    system, *rest = body["messages"]
    assert system["role"] == "system"
    assert re.search(r"\b(janvier|février|mars|avril|mai|juin|juillet|août|"
                     r"septembre|octobre|novembre|décembre) 20\d\d",
                     system["content"])
    assert [(m["role"], m["content"]) for m in rest] == [
        ("user", "Un [[text=premier]]"), ("assistant", "premier"),
        ("user", "Deux [[stall=1]]"), ("assistant", "mot.1"),
        ("user", "Trois")]
    assert body["model"] == "simulated" and body["stream"] is True
    assert body["temperature"] == 0.7 and body["max_tokens"] == 1024
    assert body["stream_options"] == {"include_usage": True}


@WITH_BOTH
def test_the_window_holds_whole_pairs(serve, simulator):
    service = serve(simulator.base_url, {"context_messages": 3})
    session = service.new()
    for n in range(3):
        service.chat(f"question {n}", session)
    texts = [m["content"] for m in simulator.last().body["messages"][1:]]
    assert [t for t in texts if t.startswith("question")] == [
        "question 1", "question 2"]
    assert len(texts) == 3


@WITH_BOTH
def test_a_failed_turn_is_not_told_to_the_model(service, simulator):
    session = service.new()
    service.chat("[[status=400]]", session)
    service.chat("Bonjour", session)
    assert len(simulator.last().body["messages"]) == 2


@WITH_BOTH
@BOTH
def test_tokens_are_counted(service, stream):
    usage = service.chat("[[tokens=7]]", stream=stream).end["usage"]
    assert usage["completion_tokens"] == 7
    assert usage["prompt_tokens"] > 0
    assert usage["total_tokens"] == usage["prompt_tokens"] + 7


@BOTH
def test_tokens_that_nobody_counted_are_not_shown(service, stream):
    assert "usage" not in service.chat("[[usage=0]]", stream=stream).end


def test_connections_are_used_again(serve, simulator):
    service = serve(simulator.base_url, {"threads": 1})
    for _ in range(10):
        assert service.chat("[[tokens=2]]").code is None
    assert simulator.stats()["connections"] <= 3  # one, and those of stats


@BOTH
def test_connections_that_the_server_has_closed_cost_no_turn(serve, stream):
    with Simulator() as first:
        service = serve(first.base_url, {"llm_retries": 0})
        session = service.new()
        assert service.chat("[[tokens=1]]", session, stream).text == "mot.1"
    with Simulator(first.port) as second:
        for count in 4, 6:
            outcome = service.chat("[[tokens=2]]", session, stream)
            assert outcome.text == "mot.1 mot.2"
            assert outcome.end["message_count"] == count
        assert second.calls == 2


@WITH_BOTH
def test_sessions_are_not_mixed(service, simulator):
    wrong = []

    def talk(n):
        session = service.new()
        for k in range(4):
            nonce = f"n{n}k{k}"
            answer = service.chat(f"[[nonce={nonce} tokens=5 pace=3]]",
                                  session, n % 2 == 0)
            if answer.text != " ".join(f"{nonce}.{i}" for i in range(1, 6)):
                wrong.append(answer.raw)
        if len(service.messages(session)) != 8:
            wrong.append(session)
    threads = [threading.Thread(target=talk, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[0]
    assert simulator.calls == 80


# dialects


@BOTH
@pytest.mark.parametrize("settings, refused, sent", [
    ({}, "max_tokens", "max_completion_tokens"),
    ({}, "stream_options", None),
    ({}, "max_tokens,stream_options", "max_completion_tokens"),
    ({"llm_max_tokens_field": "max_completion_tokens"}, "stream_options",
     None),
])
@pytest.mark.parametrize("status", [400, 422])
def test_a_refused_field_is_given_up_and_remembered(
        serve, simulator, stream, settings, refused, sent, status):
    service = serve(simulator.base_url, {**settings, "llm_retries": 0})
    message = f"[[refuse_field={refused} status={status} tokens=2]]"
    assert service.chat(message, stream=stream).text == "mot.1 mot.2"
    fields = refused.split(",")
    assert simulator.calls == 1 + len(fields)
    body = simulator.last().body
    assert not any(field in body for field in fields)
    assert sent is None or body[sent] == 1024
    simulator.reset()
    assert service.chat(message, stream=stream).code is None
    assert simulator.calls == 1


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_a_field_that_is_set_is_not_swapped(serve, simulator, field):
    service = serve(simulator.base_url, {"llm_max_tokens_field": field,
                                    "llm_max_tokens": 77})
    outcome = service.chat(f"[[refuse_field={field}]]")
    assert (outcome.status, outcome.code) == (502, "upstream_failed")
    assert simulator.calls == 1
    assert simulator.last().body[field] == 77


# tries


@WITH_BOTH
@BOTH
@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_what_passes_is_tried_again(serve, simulator, stream, status):
    service = serve(simulator.base_url, RETRIES)
    session = service.new()
    outcome = service.chat(
        f"[[status={status} fail_times=2 key=a tokens=2]]", session, stream)
    assert outcome.text == "mot.1 mot.2"
    assert simulator.calls == 3
    assert len(service.messages(session)) == 2


@WITH_BOTH
def test_tries_have_an_end(serve, simulator):
    service = serve(simulator.base_url, RETRIES)
    outcome = service.chat("[[status=503]]")
    assert (outcome.status, outcome.code) == (503, "upstream_unavailable")
    assert simulator.calls == 3
    assert outcome.seconds >= 0.5 + 1


@WITH_BOTH
def test_retry_after_is_honoured(serve, simulator):
    service = serve(simulator.base_url, RETRIES)
    outcome = service.chat(
        "[[status=429 retry_after=2 fail_times=1 key=a tokens=1]]")
    assert outcome.text == "mot.1"
    assert 2 <= outcome.seconds < 2 + SPARE
    assert simulator.calls == 2


@WITH_BOTH
@BOTH
def test_retry_after_is_passed_on(service, simulator, stream):
    outcome = service.chat("[[status=429 retry_after=60]]", stream=stream)
    assert outcome.status == 503
    assert simulator.calls == 1
    if not stream:
        assert 50 <= int(outcome.headers["Retry-After"]) <= 60


def test_one_who_leaves_between_two_tries_is_not_tried_for(serve, simulator):
    service = serve(simulator.base_url, RETRIES)
    peer = service.begin("[[status=429 retry_after=2]]", None, True)
    wait_for(lambda: simulator.calls == 1 and
             simulator.stats()["open"] == 0, what="the first try")
    peer.socket.close()
    other = service.begin("[[status=429 retry_after=2 fail_times=1 key=b]]")
    with other:
        read_all(other)  # which was tried again, later
    assert simulator.calls == 3


# the breaker


FAILS, WORKS = "[[status=503]]", "[[tokens=1]]"


@WITH_BOTH
def test_the_breaker_opens_when_half_of_the_last_20_failed(serve, simulator):
    service = serve(simulator.base_url, {"llm_retries": 0})
    session = service.new()
    for message in [WORKS] * 10 + [FAILS] * 10:
        service.chat(message, session)
    assert simulator.calls == 20
    for stream in False, True:
        outcome = service.chat(WORKS, session, stream)
        assert (outcome.status, outcome.code) == (503, "upstream_unavailable")
        assert not outcome.streamed  # it was never admitted
        assert 1 <= int(outcome.headers["Retry-After"]) <= 10
        assert outcome.seconds < SPARE
    new = service.chat(WORKS)
    assert new.status == 503 and "session_id" not in new.end
    assert simulator.calls == 20
    assert len(service.messages(session)) == 20
    assert service.ask("GET", "/ready").status == 200
    assert service.ask("GET", "/health").status == 200

    # and one may try again, when its time has come
    wait_for(lambda: service.chat(WORKS, session).status == 200, 10 + DEADLINE)
    assert simulator.calls == 21
    assert service.chat(FAILS, session).status == 503
    assert service.chat(WORKS, session).status == 200


@BOTH
def test_the_breaker_stands_before_no_answer_that_was_given(serve, simulator,
                                                            stream):
    service = serve(simulator.base_url, {"llm_retries": 0})
    session = service.new()
    key = {"HTTP_IDEMPOTENCY_KEY": "k1"}
    service.chat("[[tokens=2]]", session, **key)
    for _ in range(20):
        service.chat(FAILS, session)
    again = service.chat("[[tokens=2]]", session, stream, **key)
    assert (again.text, again.end["message_count"]) == ("mot.1 mot.2", 2)
    other = service.chat("[[tokens=2]]", session, stream,
                         HTTP_IDEMPOTENCY_KEY="k2")
    assert (other.status, other.code) == (503, "upstream_unavailable")
    assert int(other.headers["Retry-After"]) >= 1
    assert simulator.calls == 20


@WITH_BOTH
def test_the_breaker_stays_closed_when_less_failed(serve, simulator):
    service = serve(simulator.base_url, {"llm_retries": 0})
    for n in range(30):
        service.chat(FAILS if n % 20 < 9 else WORKS)
    assert simulator.calls == 30


@pytest.mark.parametrize("message", [
    "[[status=400]]", "[[status=401]]", "[[empty]]"])
def test_a_refusal_is_no_sign_of_a_broken_server(serve, simulator, message):
    service = serve(simulator.base_url, {"llm_retries": 0})
    for _ in range(22):
        assert service.chat(message).status == 502
    assert simulator.calls == 22


def test_silence_opens_the_breaker_too(serve, simulator):
    service = serve(simulator.base_url, {"llm_first_token_seconds": 0.05})
    for _ in range(20):
        assert service.chat("[[silent]]").status == 504
    assert service.chat(WORKS).status == 503
    assert simulator.calls <= 20  # some were given up on their way


def address(n):
    return {"REMOTE_ADDR": f"192.0.2.{n}"}


def test_one_visitor_shuts_the_model_for_nobody_else(serve, simulator):
    service = serve(simulator.base_url, {"llm_retries": 0})
    for n in range(20):
        service.chat(FAILS, **address(1))
    refused = service.chat(WORKS, **address(1))
    assert (refused.status, refused.code) == (503, "upstream_unavailable")
    assert service.chat(WORKS, **address(2)).status == 200
    assert service.chat(FAILS, **address(2)).status == 503
    assert service.chat(WORKS, **address(3)).status == 200


def test_two_visitors_do_not_either(serve, simulator):
    service = serve(simulator.base_url, {"llm_retries": 0})
    for n in range(40):
        service.chat(FAILS, **address(n % 2))
    assert simulator.calls == 40
    assert service.chat(WORKS, **address(2)).status == 200


def test_three_visitors_shut_it_for_all(serve, simulator):
    service = serve(simulator.base_url, {"llm_retries": 0})
    for n in range(20):
        service.chat(FAILS, **address(n % 3))
    assert service.chat(WORKS, **address(4)).status == 503
    assert simulator.calls == 20


def test_a_turn_counts_once_however_often_it_was_tried(serve, simulator):
    service = serve(simulator.base_url, {"llm_retries": 2})
    for _ in range(7):
        assert service.chat(FAILS).status == 503
    assert simulator.calls == 21
    assert service.chat(WORKS).status == 200


def test_text_that_came_is_no_failure(serve, simulator):
    """Whatever ended it: the time, silence, or the server."""
    service = serve(simulator.base_url, {
        "llm_timeout_seconds": 0.5, "llm_stall_seconds": 0.3})
    for message in ["[[tokens=1000 pace=50]]", "[[stall=2]]", "[[cut=2]]",
                    "[[error_event=2]]"]:
        for _ in range(6):
            assert service.chat(message).end["status"] == "interrupted"
    assert service.chat(WORKS).status == 200


def test_those_who_stop_open_no_breaker(service, simulator):
    for n in range(22):
        with service.begin(RUNNING, None, True) as peer:
            peer.read_until(b"w.1")
    assert service.chat(WORKS).status == 200
    assert simulator.calls == 23


# the end of a turn that runs


def test_a_client_who_leaves_ends_the_call_and_keeps_what_came(service,
                                                               simulator):
    session = service.new()
    begun(service, session).socket.close()
    is_cancelled(simulator)
    answer = service.messages(session)[1]
    assert answer["content"].startswith("w.1 w.2")
    assert answer["status"] == "interrupted"


@pytest.mark.parametrize("message", [RUNNING, "[[silent]]", "[[stall=0]]"])
def test_an_unstreamed_client_who_leaves_keeps_nothing(service, simulator,
                                                       message):
    session = service.new()
    with service.begin(message, session):
        wait_for(lambda: simulator.calls == 1, what="the call")
    is_cancelled(simulator)
    assert service.messages(session) == []
    assert service.chat(WORKS, session).end["message_count"] == 2


def test_a_streamed_client_who_leaves_before_any_text(service, simulator):
    session = service.new()
    with service.begin("[[silent]]", session, True) as peer:
        peer.read_until(b'"start"')
        simulator.wait(open=1)
    is_cancelled(simulator)
    assert service.messages(session) == []


def test_stop_ends_the_call_and_keeps_what_came(service, simulator):
    session = service.new()
    with begun(service, session) as peer:
        reply = service.ask("POST", f"/session/{session}/stop")
        assert json.loads(reply.body) == {"stopped": True}
        done = last_event(peer)
    is_cancelled(simulator)
    assert (done["status"], done["code"]) == ("interrupted", "stopped")
    assert done["success"] is True and done["message_count"] == 2
    answer = service.messages(session)[1]
    assert answer["content"] == done["response"]
    assert answer["status"] == "interrupted"


def test_stop_ends_an_unstreamed_call(service, simulator):
    session = service.new()
    with service.begin(RUNNING, session) as peer:
        wait_for(lambda: simulator.calls == 1, what="the call")
        service.ask("POST", f"/session/{session}/stop")
        answer = json.loads(read_all(peer).split(b"\r\n\r\n", 1)[1])
    is_cancelled(simulator)
    assert (answer["status"], answer["code"]) == ("interrupted", "stopped")
    assert answer["message_count"] == len(service.messages(session))


@BOTH
def test_stop_before_any_text_keeps_nothing(service, simulator, stream):
    session = service.new()
    with service.begin("[[silent]]", session, stream) as peer:
        wait_for(lambda: simulator.calls == 1, what="the call")
        service.ask("POST", f"/session/{session}/stop")
        assert b'"code":"stopped"' in read_all(peer)
    is_cancelled(simulator)
    assert service.messages(session) == []


@BOTH
def test_delete_ends_the_call(service, simulator, stream):
    session = service.new()
    with service.begin(RUNNING, session, stream) as peer:
        wait_for(lambda: simulator.calls == 1, what="the call")
        if stream:
            peer.read_until(b"w.2")
        assert service.ask("DELETE", f"/session/{session}").status == 200
        raw = read_all(peer)
    is_cancelled(simulator)
    assert b'"code":"session_deleted"' in raw and b'"status":410' in raw
    assert stream or b"Status: 410" in raw
    assert service.ask("GET", f"/session/{session}/info").status == 404


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1"])
def test_a_drain_keeps_what_came(serve, simulator, name):
    service = serve(simulator.base_url, {"llm_timeout_seconds": 60})
    with begun(service) as peer:
        service.child.send_signal(getattr(signal, name))
        done = last_event(peer)
    assert done["type"] == "done"
    assert (done["status"], done["code"]) == ("interrupted", "unavailable")
    assert service.child.wait(DEADLINE) == 0
    is_cancelled(simulator)


@BOTH
def test_a_drain_before_any_text_is_an_error(serve, simulator, stream):
    service = serve(simulator.base_url, {"llm_first_token_seconds": 60,
                                    "llm_timeout_seconds": 60})
    with service.begin("[[silent]]", None, stream) as peer:
        wait_for(lambda: simulator.calls == 1, what="the call")
        service.child.terminate()
        raw = read_all(peer)
    assert b'"code":"unavailable"' in raw and b'"status":503' in raw
    assert service.child.wait(DEADLINE) == 0


def test_a_drain_between_two_tries(serve, simulator):
    service = serve(simulator.base_url, RETRIES)
    with service.begin("[[status=503 retry_after=15]]") as peer:
        wait_for(lambda: simulator.stats()["completed"] == 1, what="a try")
        service.child.terminate()
        assert b'"code":"unavailable"' in read_all(peer)
    assert service.child.wait(DEADLINE) == 0
    assert simulator.calls == 1


# a key


@WITH_BOTH
@BOTH
@pytest.mark.parametrize("again", [False, True])
def test_a_key_again_asks_the_model_once(service, simulator, stream, again):
    session = service.new()
    key = {"HTTP_IDEMPOTENCY_KEY": "k1"}
    first = service.chat("[[tokens=3]]", session, stream, **key)
    service.chat("[[tokens=1]]", session)
    second = service.chat("[[tokens=3]]", session, again, **key)
    assert second.text == first.text == "mot.1 mot.2 mot.3"
    assert second.end["message_count"] == 2
    assert simulator.calls == 2
    if again:
        assert [e["type"] for e in second.events] == [
            "start", "delta", "done"]
    other = service.chat("Autre", session, again, **key)
    assert other.code == "idempotency_key_reused"
    assert simulator.calls == 2


def test_a_key_again_while_the_first_runs(service, simulator):
    session = service.new()
    key = {"HTTP_IDEMPOTENCY_KEY": "k1"}
    message = "[[tokens=30 pace=20]]"
    with service.begin(message, session, True, **key) as first:
        first.read_until(b"mot.1")
        second = service.chat(message, session, **key)
        assert last_event(first)["response"] == second.text
    assert second.end["message_count"] == 2
    assert simulator.calls == 1


@WITH_BOTH
@BOTH
def test_a_key_of_an_interrupted_answer(service, simulator, stream):
    session = service.new()
    key = {"HTTP_IDEMPOTENCY_KEY": "k1"}
    for _ in range(2):
        outcome = service.chat("[[cut=2]]", session, stream, **key)
        assert outcome.text == "mot.1 mot.2"
        assert outcome.code == "upstream_failed"
    assert simulator.calls == 1


@WITH_BOTH
@BOTH
def test_a_key_of_a_failed_try_is_free(service, simulator, stream):
    session = service.new()
    key = {"HTTP_IDEMPOTENCY_KEY": "k1"}
    message = "[[status=400 fail_times=1 key=a tokens=1]]"
    assert service.chat(message, session, stream, **key).status == 502
    assert service.chat(message, session, stream, **key).text == "mot.1"
    assert simulator.calls == 2


def test_the_environment_gives_the_server_no_proxy(serve, simulator,
                                                   monkeypatch, scripted):
    proxy = scripted(http_reply(200, b"data: [DONE]\n\n"))
    address = proxy.url.removesuffix("/v1")
    for name in "http_proxy", "all_proxy", "ALL_PROXY":
        monkeypatch.setenv(name, address)
    service = serve(simulator.base_url)
    assert service.chat("[[tokens=1]]").text == "mot.1"
    assert proxy.requests == []
