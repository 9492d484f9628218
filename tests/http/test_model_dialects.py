"""What language models' servers say in other ways than the plain one: how it is
read, what fails of it, and what the log says then."""

import re
import socket

import pytest

from model import (SETTINGS, SPARE, TOP, http_reply, scripted, serve, service,
                   simulator)
from sim import CANARY
from test_model_faults import (BACKOFF, DOWN, FAILED, TIMEOUT, fails, goes_on,
                               is_interrupted, is_whole, words)

__all__ = ["scripted", "serve", "service", "simulator"]

STREAM = pytest.mark.parametrize("stream", [False, True],
                                 ids=["whole", "stream"])
GRACE = 2  # seconds, for usage
VOCABULARY = re.findall(
    r"^\| `(\w+)` \|",
    (TOP / "docs" / "operating.md").read_text().split("| `why` |")[1]
    .split("\n\n")[0], re.M)


def upstream_lines(service):
    """The log's lines of failed tries."""
    return [line for line in service.log.read_text().splitlines()
            if "event=upstream " in line]


def why(service):
    """What they say, in our own words."""
    found = [re.search(r" why=(\S+)", line)[1]
             for line in upstream_lines(service)]
    assert set(found) <= set(VOCABULARY)
    return found


# an answer all the same


@STREAM
@pytest.mark.parametrize("directives", [
    "beats", "blanks", "beats blanks nospace", "bom", "cr", "cr beats bom",
    "crlf beats", "nospace", "multiline", "multiline cr", "fields",
    "fields multiline nospace bom", "comments=300000", "comments=2000000",
    "parts", "object", "choices", "message", "refusal", "message parts",
    "filter_first", "filter_first bom", "usage=2", "usage_late", "document",
    "think=3", "think=3 think_as=reasoning", "think=3 think_as=thinking",
    "think=3 think_as=parts", "life=3", "life=3 life_as=role",
    "life=3 life_as=thought", "life=3 life_as=beat",
    "split=1 bom multiline fields beats", "split=3 cr parts",
    "finish=end_turn", "finish=tool_calls",
])
def test_another_form_of_an_answer(service, stream, directives):
    is_whole(service, f"[[tokens=4 {directives}]]", stream, words(4))
    assert upstream_lines(service) == []


@STREAM
@pytest.mark.parametrize("directives", ["usage=2", "usage=1 usage_late",
                                        "usage=2 usage_late beats"])
def test_usage_in_another_form(service, stream, directives):
    outcome = is_whole(service, f"[[tokens=4 {directives}]]", stream, words(4))
    usage = outcome.end["usage"]
    assert usage["completion_tokens"] == 4
    assert usage["total_tokens"] == usage["prompt_tokens"] + 4


@STREAM
@pytest.mark.parametrize("text, answer", [
    ("<think>Hm. Hm.</think> Oui.", "Oui."),
    ("<think> </think>Oui <think>.", "Oui <think>."),
    ("<thinking>Hm < 3</thinking> Oui.", "Oui."),
    ("  Oui.", "  Oui."), ("<b> Oui </b>", "<b> Oui </b>"), ("<", "<"),
])
def test_thoughts_are_no_answer(service, stream, text, answer):
    for form in "split=1", "parts", "document":
        is_whole(service, f'[[text="{text}" {form}]]', stream, answer)


@STREAM
def test_two_halves_are_one_character(service, stream):
    is_whole(service, "[[tokens=2 halves=1 beats comments]]", stream,
             "mot.1<😀> mot.2")


@STREAM
def test_half_a_character_is_not_kept(service, scripted, serve, stream):
    event = br'data: {"choices":[{"delta":{"content":"Oui \ud83d"}}]}'
    server = scripted(http_reply(200, event + b"\n\n"))
    is_interrupted(serve(server.url), "Bonjour", stream, "Oui ",
                   "upstream_failed")


# no whole answer


@STREAM
@pytest.mark.parametrize("directives, code", [
    ("error_field=3", "upstream_failed"),
    ("error_field=3 crlf", "upstream_failed"),
    ("error_named=3 error_code=500", "upstream_failed"),
    ("error_named=3 error_code=500 cr", "upstream_failed"),
    ("error_named=3", "upstream_failed"),
    ("error_event=3 error_code=503", "upstream_failed"),
    ("tokens=3 finish=error", "upstream_failed"),
    ("tokens=3 finish=network_error", "upstream_failed"),
    ("tokens=3 finish=abort", "upstream_failed"),
    ("tokens=3 finish=length", "length"),
    ("tokens=3 finish=MAX_TOKENS", "length"),
    ("tokens=3 finish=length onlyfinish", "length"),
    ("tokens=3 finish=content_filter", "content_filter"),
    ("tokens=3 finish=SAFETY usage=0", "content_filter"),
])
def test_an_answer_that_is_not_whole(service, simulator, stream, directives,
                                     code):
    outcome = is_interrupted(service, f"[[{directives}]]", stream, words(3),
                             code)
    session = outcome.end["session_id"]
    assert service.messages(session)[1]["code"] == code
    assert simulator.calls == 1
    goes_on(service, session)
    assert len(why(service)) == 1


@STREAM
@pytest.mark.parametrize("code", ["length", "content_filter"])
def test_an_answer_that_is_not_whole_is_replayed(service, simulator, stream,
                                                 code):
    session = service.new()
    for again in False, True, True:
        outcome = service.chat(
            f"[[tokens=3 finish={code}]]", session,
            stream if again else not stream, HTTP_IDEMPOTENCY_KEY="k")
        assert (outcome.text, outcome.code) == (words(3), code)
        assert outcome.end["status"] == "interrupted"
        assert outcome.end["message_count"] == 2
    assert simulator.calls == 1
    assert len(service.messages(session)) == 2


@STREAM
@pytest.mark.parametrize("directives, word", [
    ("empty", "empty"),
    ('text=" " nodone', "no_end"),
    ('text="   "', "empty"),
    ("empty beats", "empty"),
    ("empty finish=length think=3", "only_thoughts"),
    ("empty think=3 think_as=parts", "only_thoughts"),
    ('text="<think>Hm" finish=length', "only_thoughts"),
    ("empty finish=content_filter", "content_filter"),
    ("empty finish=length", "length"),
    ("tools", "only_tools"),
])
def test_an_answer_without_text(service, simulator, stream, directives, word):
    fails(service, f"[[{directives}]]", stream, FAILED)
    assert simulator.calls == 1
    assert why(service) == [word]
    assert (" said=" in upstream_lines(service)[0]) == (word != "no_end")


# errors before any text


@STREAM
@pytest.mark.parametrize("directives, problem, calls", [
    ("error_event=0 error_code=429", DOWN, 2),
    ("error_event=0 error_code=503 error=string", DOWN, 2),
    ("error_event=0 error_code=overloaded_error", DOWN, 2),
    ("error_event=0 error_code=rate_limit_exceeded error=nested", DOWN, 2),
    ("error_named=0 error_code=503", DOWN, 2),
    ("error_field=0 error_code=503", DOWN, 2),
    ("error_document error_code=429", DOWN, 2),
    ("life=2 think=2 error_event=0 error_code=429", DOWN, 2),
    ("empty finish=network_error", DOWN, 2),
    ("error_event=0 error_code=400", FAILED, 1),
    ("error_named=0 error_code=invalid_request_error", FAILED, 1),
    ("error_field=0 error_code=400", FAILED, 1),
    ("error_document error_code=401", FAILED, 1),
    ("error_event=0 error_code=context_length_exceeded", FAILED, 1),
    ("empty finish=error", FAILED, 1),
    ("error_document", FAILED, 1),
])
def test_an_error_is_what_it_says(service, simulator, stream, directives,
                                  problem, calls):
    outcome = fails(service, f"[[{directives}]]", stream, problem, BACKOFF)
    assert simulator.calls == calls
    assert why(service) == ["error"] * calls
    goes_on(service, outcome.end["session_id"])


@STREAM
def test_an_error_that_passes_is_tried_again(service, simulator, stream):
    is_whole(service, "[[error_event=0 error_code=429 fail_times=1 key=k "
             "tokens=2]]", stream, words(2))
    assert simulator.calls == 2


def test_errors_of_the_requests_do_not_shut_the_model(service, simulator):
    for _ in range(25):
        assert service.chat("[[error_event=0 error_code=400]]").status == 502
    goes_on(service)
    assert simulator.calls == 26


# the log


@pytest.mark.parametrize("directives, word, said", [
    ("silent", "first_token_timeout", None),
    ("stall=0", "first_token_timeout", None),
    ("stall=3", "stall_timeout", None),
    ("status=400", "status", CANARY),
    ("status=204", "status", None),
    ("redirect", "status", None),
    ("html", "no_stream", "DOCTYPE"),
    ("ndjson", "no_stream", "done"),
    ("error_document", "error", CANARY),
    ("error_event=0", "error", CANARY),
    ("error_field=0", "error", CANARY),
    ("garbage=0", "nonsense", CANARY),
    ("hangup", "broke_off", None),
    ("cut=0", "broke_off", None),
    ("cut=3", "broke_off", None),
    ("reset=3", "broke_off", None),
    ("tokens=3 nodone", "no_end", None),
    ("empty nodone", "no_end", None),
    ("large_event", "too_large", None),
    ("bomb", "too_large", None),
    ("endless_header", "too_large", None),
])
def test_the_log_says_why(serve, simulator, directives, word, said):
    service = serve(simulator.base_url, {"llm_retries": 0})
    service.chat(f"[[{directives}]]")
    line, = upstream_lines(service)
    assert why(service) == [word]
    assert said is None or said in line
    for libcurl in "No error", "Failed writing", "write", "callback":
        assert libcurl not in line


def test_the_log_says_what_was_not_reached(serve):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        service = serve(f"http://127.0.0.1:{taken.getsockname()[1]}/v1")
        service.chat("Bonjour")
    assert why(service) == ["unreachable"] * 2
    assert all(" said=" in line for line in upstream_lines(service))


def test_each_refused_field_has_its_line(service, simulator):
    goes_on(service)
    outcome = service.chat("[[refuse_field=stream_options tokens=2]]")
    assert outcome.text == words(2)
    assert why(service) == ["status"]


# time


@STREAM
@pytest.mark.parametrize("directives", [
    "onlyfinish linger", "onlyfinish linger=2 pace=50", "linger",
    "linger=2 pace=50", "onlyfinish usage=0 linger=2 pace=50",
    "onlyfinish linger=2 pace=50 beats",
])
def test_it_is_over_though_the_connection_is_not(serve, simulator, stream,
                                                 directives):
    service = serve(simulator.base_url, {
        "llm_first_token_seconds": 30, "llm_stall_seconds": 30,
        "llm_timeout_seconds": 60})
    session = service.new()
    outcome = service.chat(f"[[tokens=3 {directives}]]", session, stream)
    assert (outcome.text, outcome.code) == (words(3), None)
    assert outcome.seconds < GRACE + 1 + 5 * SPARE
    assert ("usage" in outcome.end) == ("usage=0" not in directives)
    assert "status" not in service.messages(session)[1]


@STREAM
@pytest.mark.parametrize("sign", ["comment", "role", "thought", "beat"])
@pytest.mark.parametrize("at", [0, 2])
def test_a_sign_of_life_is_waited_for(serve, simulator, stream, sign, at):
    service = serve(simulator.base_url, {
        "llm_first_token_seconds": 1, "llm_stall_seconds": 1,
        "llm_timeout_seconds": 60})
    outcome = service.chat(f"[[tokens=4 pace=100 life=15 life_at={at} "
                           f"life_as={sign}]]", None, stream)
    assert (outcome.text, outcome.code) == (words(4), None)
    assert outcome.seconds > 1.5


@STREAM
@pytest.mark.parametrize("at", [0, 2])
def test_signs_of_life_are_not_waited_for_without_end(serve, simulator,
                                                      stream, at):
    service = serve(simulator.base_url, {"llm_timeout_seconds": 1})
    message = f"[[tokens=4 pace=50 life=100000 life_at={at}]]"
    if at == 0:
        fails(service, message, stream, TIMEOUT, 1)
    else:
        is_interrupted(service, message, stream, words(2), "upstream_timeout",
                       1)
    assert why(service) == ["timeout"]
    assert SETTINGS["llm_first_token_seconds"] > 1
