"""A language model behind each web server: answers and faults arrive as they
are."""

import pytest

from client import Client
from conftest import web_server
from model import KEY, SETTINGS, Simulator, rows_for_both
from webservers import KINDS, wait_for


class Visitor(Client):
    """A client whose model hears beforehand what it is to do."""

    def __init__(self, port, model):
        super().__init__(port)
        self.model = model

    def chat(self, message, *args, **kwargs):
        self.model.prepare(message)
        return super().chat(message, *args, **kwargs)

    def stream(self, message, *args, **kwargs):
        self.model.prepare(message)
        return super().stream(message, *args, **kwargs)


@pytest.fixture(scope="module", params=["ours", "aimock"])
def model(request):
    if request.param == "aimock":
        yield request.getfixturevalue("other_model")
    else:
        with Simulator() as simulator:
            yield simulator


@pytest.fixture(scope="module", params=KINDS)
def server(request, model):
    for server in web_server(request.param, "causerie", {
            **SETTINGS, "llm_base_url": model.base_url, "llm_api_key": KEY}):
        yield server
        log = server.log.read_text(errors="replace")
    assert KEY not in log


@pytest.fixture
def client(server, model):
    return Visitor(server.port, model)


@pytest.fixture(autouse=True)
def simulator(model):
    wait_for(model.is_idle, what="calls to end")
    model.reset()
    return model


# for what aimock cannot do, or does not tell
WITH_OURS = pytest.mark.parametrize("model", ["ours"], indirect=True,
                                    scope="module")


def test_a_whole_answer(client):
    session = client.new()
    answer = client.chat("[[tokens=3]]", session).json
    assert answer["response"] == "mot.1 mot.2 mot.3"
    assert answer["usage"]["completion_tokens"] == 3
    assert len(client.messages(session)) == 2


def test_a_failure_before_any_text(client, simulator):
    session = client.new()
    reply = client.chat("[[status=429 retry_after=60]]", session)
    assert reply.problem == (503, "upstream_unavailable")
    assert 50 <= int(reply.headers["Retry-After"]) <= 60
    assert reply.json["session_id"] == session
    assert client.chat("[[status=400]]", session).problem == (
        502, "upstream_failed")
    assert client.chat("[[stall=0]]", session).problem == (
        504, "upstream_timeout")
    error = list(client.stream("[[status=401]]", session))[-1]
    assert (error["type"], error["status"]) == ("error", 502)
    assert client.messages(session) == []
    assert simulator.calls == 4


@WITH_OURS
def test_an_answer_that_never_begins(client, simulator):
    session = client.new()
    assert client.chat("[[silent]]", session).problem == (
        504, "upstream_timeout")
    error = list(client.stream("[[empty]]", session))[-1]
    assert (error["type"], error["status"]) == ("error", 502)
    assert client.messages(session) == []
    assert simulator.calls == 2


@pytest.mark.parametrize("model, directives, code", rows_for_both([
    ("cut=3", "upstream_failed"), ("stall=3", "upstream_timeout"),
    ("tokens=3 nodone", "upstream_failed")]), indirect=["model"],
    scope="module")
def test_an_answer_that_breaks_off(client, directives, code):
    session = client.new()
    done = list(client.stream(f"[[{directives}]]", session))[-1]
    reply = client.chat(f"[[{directives}]]", session).json
    for answer in done, reply:
        assert answer["response"] == "mot.1 mot.2 mot.3"
        assert (answer["status"], answer["code"]) == ("interrupted", code)
    assert [m.get("status") for m in client.messages(session)] == [
        None, "interrupted"] * 2


@WITH_OURS
def test_a_client_who_leaves_ends_the_call(client, simulator):
    session = client.new()
    stream = client.stream("[[tokens=100000 pace=20]]", session)
    stream.until("delta")
    stream.leave()
    wait_for(lambda: simulator.stats()["open"] == 0,
             what="a cancelled call")
    wait_for(lambda: client.messages(session), what="the partial answer")
    assert client.messages(session)[1]["status"] == "interrupted"


def test_a_key_again_asks_the_model_once(client, simulator):
    session = client.new()
    key = {"Idempotency-Key": "k1"}
    first = client.chat("[[tokens=3]]", session, key).json
    again = list(client.stream("[[tokens=3]]", session, key))
    assert [event["type"] for event in again] == ["start", "delta", "done"]
    assert again[-1]["response"] == first["response"]
    assert again[-1]["message_count"] == first["message_count"]
    assert again[-1]["usage"] == first["usage"]
    assert client.chat("[[tokens=3]]", session, key).json == first
    assert client.chat("Autre", session, key).problem == (
        422, "idempotency_key_reused")
    assert simulator.calls == 1
