"""What a language model's server can do wrong: each fault has one outcome, by
its deadline, streamed or not; the history is as promised, and nobody reads the
key or what the server said."""

import json
import socket

import pytest

from model import (KEY, SETTINGS, SPARE, http_reply, rows_for_both, scripted,
                   serve, service, simulator)
from sim import CANARY

__all__ = ["scripted", "serve", "service", "simulator"]

CONNECT = SETTINGS["llm_connect_timeout_seconds"]
FIRST = SETTINGS["llm_first_token_seconds"]
STALL = SETTINGS["llm_stall_seconds"]
WHOLE = SETTINGS["llm_timeout_seconds"]
BACKOFF = 0.625  # seconds before a retry, at most

FAILED = 502, "upstream_failed"
DOWN = 503, "upstream_unavailable"
TIMEOUT = 504, "upstream_timeout"

pytestmark = pytest.mark.parametrize("stream", [False, True],
                                     ids=["whole", "stream"])


def words(n):
    return " ".join(f"mot.{i + 1}" for i in range(n))


def shows_nothing(outcome):
    for secret in KEY, CANARY, "canary", "curl", "127.0.0.1":
        assert secret.encode() not in outcome.raw


def fails(service, message, stream, problem, seconds=0.0):
    """A turn that fails before any text, in a session that stays as it was."""
    session = service.new()
    outcome = service.chat(message, session, stream)
    assert (outcome.status, outcome.code) == problem
    assert outcome.failed
    assert outcome.seconds < seconds + SPARE
    assert outcome.end["session_id"] == session
    assert outcome.streamed == stream
    shows_nothing(outcome)
    assert service.messages(session) == []
    return outcome


def is_interrupted(service, message, stream, text, code, seconds=0.0):
    """A turn that ends early after some text, which is kept."""
    session = service.new()
    outcome = service.chat(message, session, stream)
    assert not outcome.failed, outcome.raw
    assert (outcome.code, outcome.text) == (code, text)
    assert outcome.end["status"] == "interrupted"
    assert outcome.end["message_count"] == 2
    assert outcome.seconds < seconds + SPARE
    shows_nothing(outcome)
    question, answer = service.messages(session)
    assert (answer["content"], answer["status"]) == (text, "interrupted")
    assert question["content"] == message
    return outcome


def is_whole(service, message, stream, text):
    session = service.new()
    outcome = service.chat(message, session, stream)
    assert (outcome.failed, outcome.code) == (False, None), outcome.raw
    assert outcome.text == text
    assert outcome.seconds < SPARE
    answer = service.messages(session)[1]
    assert answer["content"] == text and "status" not in answer
    return outcome


def goes_on(service, session=None):
    """The next turn, of the same session, is answered."""
    outcome = service.chat("[[tokens=2]]", session)
    assert outcome.text == "mot.1 mot.2", outcome.raw
    assert session is None or outcome.end["session_id"] == session


# without text: nothing is kept but the session


@pytest.mark.parametrize("simulator, directives, problem, seconds, calls",
                         rows_for_both([
    ("silent", TIMEOUT, FIRST, 1),
    ("stall=0", TIMEOUT, FIRST, 1),
    ("first=5000", TIMEOUT, FIRST, 1),
    ("status=400", FAILED, 0, 1),
    ("status=401", FAILED, 0, 1),
    ("status=404", FAILED, 0, 1),
    ("status=422", FAILED, 0, 1),
    ("status=408", DOWN, BACKOFF, 2),
    ("status=409", DOWN, BACKOFF, 2),
    ("status=429", DOWN, BACKOFF, 2),
    ("status=429 retry_after=0", DOWN, BACKOFF, 2),
    ("status=429 retry_after=60", DOWN, 0, 1),
    ("status=500", DOWN, BACKOFF, 2),
    ("status=502 error=string", DOWN, BACKOFF, 2),
    ("status=503 error=message", DOWN, BACKOFF, 2),
    ("status=529 error=nested", DOWN, BACKOFF, 2),
    ("status=204", FAILED, 0, 1),
    ("refuse_field=model", FAILED, 0, 1),
    ("redirect", FAILED, 0, 1),
    ("html", FAILED, 0, 1),
    ("hangup", FAILED, 0, 1),
    ("cut=0", FAILED, 0, 1),
    ("reset=0", FAILED, 0, 1),
    ("empty", FAILED, 0, 1),
    ("empty nodone", FAILED, 0, 1),
    ("garbage=0", FAILED, 0, 1),
    ("error_event=0", FAILED, 0, 1),
    ("error_event=0 error=string", FAILED, 0, 1),
    ("error_event=0 error=message", FAILED, 0, 1),
    ("error_event=0 error=nested", FAILED, 0, 1),
    ("endless_header", FAILED, 0, 1),
    ("bomb", FAILED, 0, 1),
]), indirect=["simulator"])
def test_a_fault_before_any_text(service, simulator, stream, directives,
                                 problem, seconds, calls):
    outcome = fails(service, f"[[{directives}]]", stream, problem, seconds)
    assert simulator.calls == calls
    assert simulator.is_idle()
    if problem == DOWN and not stream:
        assert int(outcome.headers["Retry-After"]) > 0
    goes_on(service, outcome.end["session_id"])


def test_a_refused_connection(serve, stream):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        service = serve(f"http://127.0.0.1:{taken.getsockname()[1]}/v1")
        outcome = fails(service, "Bonjour", stream, DOWN, BACKOFF)
        assert stream or int(outcome.headers["Retry-After"]) > 0


@pytest.mark.parametrize("simulator", ["aimock"], indirect=True)
def test_a_wrong_key(serve, simulator, stream):
    service = serve(simulator.base_url, key="sk-canary-wrong")
    fails(service, "Bonjour", stream, FAILED)
    assert "status=401" in service.log.read_text()


def test_an_unknown_host(serve, stream):
    service = serve("http://host.invalid/v1",
                    {"llm_connect_timeout_seconds": 20,
                     "llm_first_token_seconds": 20,
                     "llm_timeout_seconds": 20, "llm_retries": 0})
    fails(service, "Bonjour", stream, DOWN, 20)


def test_a_host_that_does_not_accept(serve, stream):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        crowd = []
        for _ in range(3):
            crowd.append(socket.socket())
            crowd[-1].setblocking(False)
            crowd[-1].connect_ex(full.getsockname())
        service = serve(f"http://127.0.0.1:{full.getsockname()[1]}/v1")
        fails(service, "Bonjour", stream, TIMEOUT, CONNECT)
        for s in crowd:
            s.close()


def test_a_certificate_that_nobody_signed(serve, scripted, stream,
                                          certificate):
    server = scripted(http_reply(200, b"data: [DONE]\n\n"), certificate)
    service = serve(server.url)
    fails(service, "Bonjour", stream, DOWN, BACKOFF)
    assert server.requests == []


def test_tls_with_one_who_does_not_speak_it(serve, simulator, stream):
    service = serve(simulator.base_url.replace("http:", "https:"))
    fails(service, "Bonjour", stream, DOWN, BACKOFF)
    assert simulator.calls == 0


def test_what_is_not_http(serve, scripted, stream):
    server = scripted(b"220 mail.example ESMTP " + CANARY.encode() + b"\r\n")
    fails(serve(server.url), "Bonjour", stream, FAILED)


# after some text: it is kept, as interrupted


@pytest.mark.parametrize("simulator, directives, code, seconds",
                         rows_for_both([
    ("stall=3", "upstream_timeout", STALL),
    ("cut=3", "upstream_failed", 0),
    ("reset=3", "upstream_failed", 0),
    ("cut=3 until_close", "upstream_failed", 0),
    ("tokens=3 nodone", "upstream_failed", 0),
    ("tokens=3 nodone until_close", "upstream_failed", 0),
    ("garbage=3", "upstream_failed", 0),
    ("rawnul=3", "upstream_failed", 0),
    ("error_event=3", "upstream_failed", 0),
    ("error_event=3 error=string", "upstream_failed", 0),
    ("error_event=3 error=message", "upstream_failed", 0),
    ("error_event=3 error=nested", "upstream_failed", 0),
]), indirect=["simulator"])
def test_a_fault_after_some_text(service, simulator, stream, directives, code,
                                 seconds):
    outcome = is_interrupted(service, f"[[pace=10 {directives}]]", stream,
                             words(3), code, seconds)
    assert simulator.calls == 1  # never again after the first token
    assert simulator.is_idle()
    goes_on(service, outcome.end["session_id"])


def test_an_event_that_is_too_large(service, simulator, stream):
    is_interrupted(service, "[[large_event]]", stream, words(1),
                   "upstream_failed")
    assert simulator.calls == 1


def test_an_answer_without_end(service, simulator, stream):
    session = service.new()
    outcome = service.chat("[[endless]]", session, stream)
    assert outcome.code == "answer_too_long"
    assert len(outcome.text.encode()) == 128 * 1024
    assert outcome.text.startswith(words(1000))
    assert service.messages(session)[1]["content"] == outcome.text
    assert outcome.seconds < WHOLE + SPARE
    assert simulator.calls == 1
    assert simulator.stats()["open"] == 0
    goes_on(service, session)


def test_an_answer_that_takes_too_long(serve, simulator, stream):
    service = serve(simulator.base_url, {"llm_timeout_seconds": 1})
    session = service.new()
    outcome = service.chat("[[tokens=1000 pace=100]]", session, stream)
    assert outcome.code == "upstream_timeout"
    assert outcome.text.startswith("mot.1 mot.2")
    assert 0.9 <= outcome.seconds < 1 + SPARE
    assert simulator.stats()["open"] == 0


def test_a_stall_is_not_measured_by_the_first_token(serve, simulator, stream):
    service = serve(simulator.base_url, {"llm_first_token_seconds": 20,
                                    "llm_timeout_seconds": 30})
    is_interrupted(service, "[[stall=3]]", stream, words(3),
                   "upstream_timeout", STALL)


def test_the_whole_deadline_may_be_before_the_first_token(serve, simulator,
                                                          stream):
    service = serve(simulator.base_url, {"llm_first_token_seconds": 20,
                                    "llm_timeout_seconds": 0.5})
    fails(service, "[[silent]]", stream, TIMEOUT, 0.5)


def test_a_retry_is_within_the_whole_deadline(serve, simulator, stream):
    service = serve(simulator.base_url, {"llm_first_token_seconds": 20,
                                    "llm_timeout_seconds": 4})
    fails(service, "[[status=503 first=2500]]", stream, TIMEOUT, 4)
    assert simulator.calls == 2


# odd, but an answer


@pytest.mark.parametrize("directives", [
    "split=1", "split=7 crlf", "crlf", "comments", "until_close",
    "comments crlf split=3 until_close", "onlyfinish", "nofinish",
    "nofinish until_close", "onlyfinish until_close", "usage=0", "usage=1",
    "finish=tool_calls",
])
def test_a_form_of_an_answer(service, stream, directives):
    is_whole(service, f"[[tokens=4 {directives}]]", stream, words(4))


@pytest.mark.parametrize("directives, odd", [
    ("nul", "<\ufffd>"), ("surrogate", "<\ufffd>"),
    ("badutf8", b"<\xff\xc3\x28\xed\xa0\x80\xf0\x9f\x98>".decode(
        errors="replace")),
    ("inject", '\n\ndata: {"type":"done"}\n\n</script>'),
])
def test_a_delta_with_odd_contents(service, stream, directives, odd):
    is_whole(service, f"[[tokens=2 {directives}=1]]", stream,
             "mot.1" + odd + " mot.2")


def test_a_text_comes_as_it_was_sent(service, stream):
    text = "L'été à Paris : « œuvre » 😀 </p>& \\ ]"
    is_whole(service, f'[[text="{text}" split=1]]', stream, text)


# what it is not to say


@pytest.mark.parametrize("status", [400, 401, 500])
@pytest.mark.parametrize("before", [0, 1020, 1000])
def test_a_server_that_repeats_the_key(serve, scripted, stream, status,
                                       before):
    server = scripted(http_reply(status, b"x" * before + b"{authorization}")
                      .replace(b"Content-Length", b"X-Length"))
    service = serve(server.url, {"llm_retries": 0})
    fails(service, "Bonjour", stream, DOWN if status == 500 else FAILED)
    assert f"Bearer {KEY}".encode() in server.requests[0]
    log = service.log.read_text()
    assert "event=upstream" in log
    assert KEY[:8] not in log


def test_a_stream_that_repeats_the_key(serve, scripted, stream):
    server = scripted(http_reply(200, b"data: {authorization}\n\n").replace(
        b"Content-Length", b"X-Length"))
    service = serve(server.url)
    fails(service, "Bonjour", stream, FAILED)
    assert KEY[:8] not in service.log.read_text()


@pytest.mark.parametrize("after", [
    "99999999999", "9223372036854775807", "99999999999999999999999", "-1",
    "0", "x", "Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT",
])
def test_a_strange_retry_after(serve, scripted, stream, after):
    server = scripted(http_reply(429, b"{}", f"Retry-After: {after}"))
    service = serve(server.url)
    outcome = fails(service, "Bonjour", stream, DOWN, BACKOFF)
    if not stream:
        assert 0 < int(outcome.headers["Retry-After"]) <= 24 * 3600


def test_a_failure_that_says_much(serve, scripted, stream):
    server = scripted(http_reply(400, b"x" * 5000000))
    fails(serve(server.url), "Bonjour", stream, FAILED)


def test_a_failure_that_breaks_off(serve, scripted, stream):
    server = scripted(http_reply(503, b"busy").replace(b"4", b"9"))
    fails(serve(server.url), "Bonjour", stream, DOWN, BACKOFF)
    assert len(server.requests) == 2


def test_more_after_the_end_is_left_out(serve, scripted, stream):
    event = json.dumps({"choices": [{"delta": {"content": "Oui"},
                                     "finish_reason": "stop"}]})
    body = f"data: {event}\n\ndata: [DONE]\n\ndata: }}{{\n\ndata: {event}\n\n"
    server = scripted(http_reply(200, body.encode()))
    is_whole(serve(server.url), "Bonjour", stream, "Oui")
