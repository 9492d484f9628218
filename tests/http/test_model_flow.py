"""Words on their way from a language model to the visitor: nothing between
holds one back until more have come, and a thousand chats run side by side."""

import contextlib
import json
import re
import resource
import socket

import pytest

import fcgi
from client import CHAT, Client
from conftest import web_server
from held import WORDS, Held, answer, word
from model import KEY, Outcome, Service, read_all
from webservers import DEADLINE, KINDS, wait_for

CROWD = 1000
DESCRIPTORS = 3 * CROWD  # the visitors' and the model's are both ours


@pytest.fixture(scope="module")
def model():
    with Held() as model:
        yield model


@pytest.fixture(scope="module", params=KINDS)
def server(request, model):
    yield from web_server(request.param, "causerie", {
        "llm_base_url": model.base_url, "llm_model": "held",
        "llm_api_key": KEY, "llm_first_token_seconds": 300,
        "llm_timeout_seconds": 600})


@pytest.fixture(autouse=True)
def held(model):
    model.reset()
    return model


def test_each_word_arrives_before_the_next_is_sent(server, held):
    stream = Client(server.port).stream("n")
    for k in range(1, WORDS + 1):
        held.release(k)
        assert stream.until("delta")["text"] == word("n", k)
    assert stream.until("done")["response"] == answer("n")


@pytest.fixture
def descriptors():
    """Enough for a crowd; the web servers have been started with less."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < DESCRIPTORS:
        pytest.skip(f"only {hard} descriptors are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def visit(port, nonce):
    """Ask, with a connection of one's own; the answer is to be read from it."""
    body = json.dumps({"message": nonce, "stream": True})
    visitor = socket.create_connection(("127.0.0.1", port), DEADLINE)
    visitor.sendall(f"POST {CHAT} HTTP/1.0\r\nHost: localhost\r\n"
                    "Content-Type: application/json\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
    return visitor


def hear(visitor):
    """The last event, at the end of the connection."""
    with visitor.makefile("rb") as file:
        reply = file.read()
    events = re.findall(rb"^data: (.*)\n", reply, re.M)
    assert events, reply
    return json.loads(events[-1])


@pytest.mark.parametrize("server", ["lighttpd", "lighttpd-socket", "nginx"],
                         indirect=True, scope="module")
def test_a_thousand_chats_at_a_time(server, held, descriptors):
    nonces = [f"nonce-{n}-" for n in range(CROWD)]
    with contextlib.ExitStack() as stack:
        visitors = [stack.enter_context(visit(server.port, nonce))
                    for nonce in nonces]
        wait_for(lambda: held.calls == CROWD, 4 * DEADLINE, "the last call")
        held.release(WORDS)
        for nonce, visitor in zip(nonces, visitors):
            done = hear(visitor)
            assert (done["type"], done["response"]) == ("done", answer(nonce))
            assert "status" not in done
    assert held.calls == CROWD


def test_more_chats_than_descriptors_wait_for_their_turn(held):
    """Each takes two; the program raises the soft limit to the hard one."""
    service = Service(held.base_url, {
        "threads": 1, "llm_first_token_seconds": 300,
        "llm_timeout_seconds": 600}, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (100, 200)))
    try:
        line = re.compile(r"event=serving .*descriptors=200 max_chats=(\d+)")
        fit = int(wait_for(lambda: line.search(service.log.read_text()),
                           what="the line of the start")[1])
        assert 60 <= fit < 100
        nonces = [f"nonce-{n}-" for n in range(fit + 20)]
        with contextlib.ExitStack() as stack:
            peers = [stack.enter_context(service.begin(nonce, stream=True))
                     for nonce in nonces]
            wait_for(lambda: held.calls == fit, what="as many as fit")
            held.release(WORDS)
            for nonce, peer in zip(nonces, peers):
                raw = read_all(peer)
                outcome = Outcome(fcgi.Reply(*raw.split(b"\r\n\r\n", 1)), raw,
                                  0)
                assert (outcome.text, outcome.code) == (answer(nonce), None)
    finally:
        service.end()
