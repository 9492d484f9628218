"""tokens_per_day: not one token more, with a model whose usage is known."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from fcgi import Peer
from model import http_reply, scripted, serve, simulator
from test_metrics import Metrics
from webservers import wait_for

__all__ = ["scripted", "serve", "simulator"]

CLIENTS = 64
DAY = 86400
SHARE = 4000  # more than one short message can take with max_tokens = 100
SHORT = {"llm_max_tokens": 100, "llm_retries": 0}


def spent(outcome):
    return outcome.end["usage"]["total_tokens"]


def refused(outcome):
    """Whether the budget refused it; then until midnight."""
    if outcome.status == 200:
        return False
    assert (outcome.status, outcome.code) == (429, "budget_exhausted")
    left = DAY - time.time() % DAY
    assert left - 60 < int(outcome.headers["Retry-After"]) <= left + 60
    return True


@pytest.mark.parametrize("stream", [False, True])
def test_not_one_token_more_is_used(simulator, serve, stream):
    cap = 20000
    service = serve(simulator.base_url, {**SHORT, "tokens_per_day": cap})

    def client(number):
        outcomes = []
        while not outcomes or outcomes[-1].status == 200:
            outcomes.append(service.chat(
                f"{number} [[tokens=100]]", stream=stream))
        return outcomes
    with ThreadPoolExecutor(CLIENTS) as pool:
        outcomes = [o for some in pool.map(client, range(CLIENTS))
                    for o in some]
    answered = [o for o in outcomes if not refused(o)]
    # one by one, what is left is used, too
    while not refused(outcome := service.chat("[[tokens=100]]")):
        answered.append(outcome)
    assert cap - SHARE < sum(map(spent, answered)) <= cap
    assert simulator.calls == len(answered)


def test_a_refused_message_keeps_session_and_history(simulator, serve):
    service = serve(simulator.base_url, {**SHORT, "tokens_per_day": SHARE})
    first = service.chat("[[tokens=100]]")
    session = first.end["session_id"]
    while not refused(outcome := service.chat("[[tokens=100]]", session)):
        pass
    before = service.messages(session)
    assert outcome.end["session_id"] == session
    calls = simulator.calls
    assert refused(service.chat("[[tokens=100]]", session, stream=True))
    assert service.messages(session) == before
    assert simulator.calls == calls


def test_a_long_prompt_is_counted_before_it_is_sent(simulator, serve):
    service = serve(simulator.base_url, {**SHORT, "tokens_per_day": 6000})
    assert refused(service.chat("mot " * 2000))
    assert simulator.calls == 0
    assert service.chat("[[tokens=10]]").status == 200


def test_without_usage_each_byte_is_a_token(simulator, serve):
    cap = 3 * SHARE
    service = serve(simulator.base_url, {**SHORT, "tokens_per_day": cap})
    answered = 0
    while not refused(service.chat("[[tokens=1 usage=0]]")):
        answered += 1
    assert 3 <= answered < cap / SHORT["llm_max_tokens"]


@pytest.mark.parametrize("status", [400, 401, 429, 503, 529])
def test_what_was_refused_costs_nothing(simulator, serve, status):
    service = serve(simulator.base_url, {**SHORT, "tokens_per_day": SHARE})
    for _ in range(8):
        outcome = service.chat(f"[[status={status}]]")
        assert outcome.code in ("upstream_failed", "upstream_unavailable")
    assert service.chat("[[tokens=10]]").status == 200


def test_what_found_nobody_costs_nothing(serve):
    service = serve("http://127.0.0.1:1/v1", {**SHORT, "tokens_per_day": SHARE})
    for _ in range(12):
        assert service.chat("Bonjour").code == "upstream_unavailable"


def test_an_attempt_that_failed_may_have_cost_all(simulator, serve):
    service = serve(simulator.base_url, {**SHORT, "tokens_per_day": SHARE})
    codes = [service.chat("[[status=500]]").code for _ in range(8)]
    assert codes[0] == "upstream_unavailable"
    assert codes[-1] == "budget_exhausted"


@pytest.mark.parametrize("usage", [
    b'{"prompt_tokens":17,"completion_tokens":50000}',
    b'{"prompt_tokens":17,"completion_tokens":5,"total_tokens":50000}'])
def test_a_model_that_uses_more_than_it_may_is_counted(scripted, serve, usage):
    usage = (b'{"choices":[{"delta":{"content":"oui"},"finish_reason":"stop"}]'
             b',"usage":' + usage + b"}")
    server = scripted(http_reply(200, b"data: " + usage +
                                 b"\n\ndata: [DONE]\n\n",
                                 "Content-Type: text/event-stream"))
    service = serve(server.url, {**SHORT, "tokens_per_day": 50000})
    assert service.chat("Bonjour").status == 200
    assert refused(service.chat("Bonjour"))


LONG = {**SHORT, "llm_max_tokens": 50000, "tokens_per_day": 300000,
        "tokens_per_ip_per_day": 0, "turns_per_ip": 0}


def test_what_was_not_sent_costs_nothing(serve):
    """A server whose line is full: nothing gets through to it."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        crowd = []
        for _ in range(3):
            crowd.append(socket.socket())
            crowd[-1].setblocking(False)
            crowd[-1].connect_ex(full.getsockname())
        service = serve(f"http://127.0.0.1:{full.getsockname()[1]}/v1", {
            **LONG, "llm_connect_timeout_seconds": 30,
            "llm_first_token_seconds": 30, "llm_timeout_seconds": 30})
        for _ in range(20):
            with service.begin("mot " * 1000, None, True) as peer:
                peer.read_until(b'"start"')
            wait_for(lambda: turns(service) == 0)
        with service.begin("mot", None, True) as peer:
            assert b"event-stream" in peer.read_until(b'"start"')
        for s in crowd:
            s.close()


def turns(service):
    with Peer(service.address) as peer:
        metrics = Metrics(peer.ask("GET", "/metrics").body.decode())
    return metrics("turns_in_flight")


@pytest.mark.parametrize("directives", ["tokens=3 stall=3", "silent"])
def test_what_was_interrupted_costs_the_prompt_and_what_came(
        simulator, serve, directives):
    """And not all that it might have used: 5 such would be the day's."""
    service = serve(simulator.base_url, LONG)
    for n in range(20):
        with service.begin(f"[[{directives}]]", None, True) as peer:
            peer.read_until(b"mot.3" if "tokens" in directives else
                            b'"start"')
            wait_for(lambda: simulator.calls == n + 1)
        wait_for(lambda: turns(service) == 0)
    assert service.chat("[[tokens=2]]").text == "mot.1 mot.2"


def test_an_answer_that_broke_off_costs_no_more_either(simulator, serve):
    service = serve(simulator.base_url, LONG)
    for _ in range(20):
        assert service.chat("[[tokens=3 cut=3]]").code == "upstream_failed"
    assert service.chat("[[tokens=2]]").text == "mot.1 mot.2"


def test_a_message_in_line_hears_of_it_in_its_stream(simulator, serve):
    """Its headers are gone when its turn comes."""
    service = serve(simulator.base_url, {
        **SHORT, "tokens_per_day": SHARE, "llm_first_token_seconds": 20,
        "llm_stall_seconds": 20, "llm_timeout_seconds": 20})
    session = service.new()
    most_of_it = "mot " * 500 + "[[first=60000]]"
    with service.begin(most_of_it, session, True) as running:
        running.read_until(b'"start"')
        with service.begin("Bonjour", session, True) as waiting:
            waiting.read_until(b"\r\n\r\n")
            wait_for(lambda: json.loads(service.ask(
                "POST", f"/session/{session}/stop").body)["stopped"])
            seen = waiting.read_until(b"data: ")
    assert b'"type":"error"' in seen and b'"budget_exhausted"' in seen
    with Peer(service.address) as peer:
        metrics = Metrics(peer.ask("GET", "/metrics").body.decode())
    assert metrics("limited_total", kind="budget_exhausted") == 1


@pytest.mark.parametrize("settings", [
    {"tokens_per_day": 10 * SHARE, "tokens_per_ip_per_day": "auto"},
    {"tokens_per_day": 0, "tokens_per_ip_per_day": SHARE},
    {"tokens_per_day": 10 * SHARE, "tokens_per_ip_per_day": SHARE}])
def test_one_address_leaves_the_rest_to_others(simulator, serve, settings):
    service = serve(simulator.base_url, {**SHORT, **settings})

    def used(address):
        total = 0
        while not refused(outcome := service.chat("[[tokens=100]]",
                                                  REMOTE_ADDR=address)):
            total += spent(outcome)
        return total
    parts = [used(f"192.0.2.{n}") for n in range(1, 9)]
    assert 0 < max(parts) <= SHARE
    # its network may use four times as much
    assert 2 * SHARE < sum(parts) <= 4 * SHARE
    assert parts[-1] == 0
    assert 0 < used("2001:db8::1") <= SHARE
    assert used("2001:db8::2") == 0
    assert 0 < used("2001:db8:0:1::2") <= SHARE


def test_without_a_limit_one_address_may_use_all(simulator, serve):
    service = serve(simulator.base_url, {
        **SHORT, "tokens_per_day": SHARE, "tokens_per_ip_per_day": 0})
    assert not refused(service.chat("[[tokens=100]]"))
