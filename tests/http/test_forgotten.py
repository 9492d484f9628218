"""What a visitor wrote and was answered is nowhere in the program's memory once
the session is deleted: all of it is searched, as root may."""

import json
import os
import re
import secrets
import time

import pytest

from client import CHAT
from fcgi import Peer, request
from model import http_reply, scripted, serve, simulator
from webservers import DEADLINE, is_instrumented

__all__ = ["scripted", "serve", "simulator"]

pytestmark = pytest.mark.skipif(
    is_instrumented(), reason="a sanitizer keeps what was freed, and maps "
    "more than can be read")
WRITABLE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw")


def memory(pid):
    with open(f"/proc/{pid}/maps") as maps, \
            open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            if not (found := WRITABLE.match(line)):
                continue
            begin, end = (int(x, 16) for x in found.groups())
            try:
                mem.seek(begin)
                yield line, mem.read(end - begin)
            except (OSError, ValueError, OverflowError):
                continue


def traces(program, word):
    """Where a word stands, with what surrounds it."""
    return [(line.split()[-1], data[max(0, at.start() - 60):at.end() + 60])
            for line, data in memory(program.child.pid)
            for at in re.finditer(re.escape(word), data)]


@pytest.fixture
def word():
    """One that is nowhere else, and no part of any id."""
    if os.geteuid() != 0:
        pytest.skip("only root may look")
    return "zq" + secrets.token_hex(8).translate(
        str.maketrans("0123456789", "ghijklmnop"))


def gone(program, word):
    """A connection may end a moment after its reply."""
    end = time.monotonic() + 6
    while seen := traces(program, word.encode()):
        assert time.monotonic() < end, seen[:8]
        time.sleep(0.1)


def ask(program, method, path, body=None, **more):
    data = b"" if body is None else json.dumps(body).encode()
    with Peer(program.address) as peer:
        reply = peer.ask(method, path, data, **more)
    assert reply.status == 200, reply.body
    return json.loads(reply.body)


def stream(program, body, **more):
    with Peer(program.address) as peer:
        peer.send(request("POST", CHAT, json.dumps(
            {**body, "stream": True}).encode(), **more))
        out, _ = peer.read_raw()
    assert b'"done"' in out
    return out


def text(word, size):
    """With quotes and letters that JSON escapes, and of any length."""
    return (f'{word} "é\n' * (1 + size // len(word)))[:max(size - 900, 20)]


@pytest.mark.parametrize("size", [1, 300, 5000, 16000])
def test_an_echo_is_forgotten(launch, word, size):
    program = launch()
    session = ask(program, "POST", "/session/new")["session_id"]
    body = {"message": text(word, size), "session_id": session}
    ask(program, "POST", CHAT, body)
    stream(program, body)
    for _ in range(2):
        ask(program, "POST", CHAT, body, HTTP_IDEMPOTENCY_KEY="k")
        stream(program, body, HTTP_IDEMPOTENCY_KEY="k")
    ask(program, "GET", f"/session/{session}/messages")
    assert traces(program, word.encode())
    ask(program, "DELETE", f"/session/{session}")
    gone(program, word)


def test_what_was_refused_is_forgotten(launch, word):
    program = launch()
    for body in ({"message": text(word, 20000)}, {"message": [word] * 40},
                 {"text": word}, {"message": word, "stream": word}):
        with Peer(program.address) as peer:
            assert peer.ask("POST", CHAT,
                            json.dumps(body).encode()).status >= 400
    with Peer(program.address) as peer:
        assert peer.ask("POST", CHAT, ('{"message": "%s' % text(
            word, 3000)).encode()).status == 400
    with Peer(program.address) as peer:
        peer.send(request("POST", CHAT, text(word, 9000).encode())[:-2000])
    gone(program, word)


def test_a_reader_who_leaves_is_forgotten(launch, word):
    program = launch()
    session = ask(program, "POST", "/session/new")["session_id"]
    for _ in range(20):
        ask(program, "POST", CHAT, {"message": text(word, 12000),
                                    "session_id": session})
    readers = [Peer(program.address) for _ in range(4)]
    for reader in readers:
        reader.send(request("GET", f"/session/{session}/messages"))
        reader.read_record()
    ask(program, "DELETE", f"/session/{session}")
    for reader in readers:
        reader.socket.close()
    gone(program, word)


def test_a_search_is_forgotten(launch, word):
    program = launch(name="causerie")
    session = ask(program, "POST", "/session/new")["session_id"]
    for size in (1, 500, 9000):
        body = {"message": f"{text(word, size)} prix de l'essence",
                "session_id": session}
        ask(program, "POST", CHAT, body)
        stream(program, body)
    ask(program, "DELETE", f"/session/{session}")
    gone(program, word)


@pytest.mark.parametrize("size", [1, 3000])
def test_what_a_model_heard_is_forgotten(simulator, serve, word, size):
    program = serve(simulator.base_url)
    session = program.new()
    message = text(word, size).replace('"', "'") + \
        f' [[text="{word} et {word}"]]'
    for streamed in (False, True):
        assert program.chat(message, session, streamed).status == 200
    ask(program, "DELETE", f"/session/{session}")
    gone(program, word)


@pytest.mark.parametrize("status", [200, 400, 503])
def test_what_a_refusal_repeats_is_forgotten(scripted, serve, word, status):
    """Also what it was compared with, to keep it out of the log."""
    said = json.dumps({"error": {"type": "bad", "message": f"no <{word}>!"}})
    if status == 200:
        said = f"data: {said}\n\n"
    server = scripted(http_reply(status, said.encode()))
    program = serve(server.url, {"threads": 1, "llm_retries": 1})
    session = program.new()
    for streamed in (False, True):
        assert program.chat(f"Je dis {word}", session, streamed).failed
    ask(program, "DELETE", f"/session/{session}")
    gone(program, word)
    gone(program, word[7::-1])
