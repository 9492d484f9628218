"""A conversation is read piece by piece, as its reader takes it: what waits
for the readers of one address has a limit, and so has how often they ask."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from client import CHAT
from fcgi import END_REQUEST, STDOUT, Closed, Peer, request
from webservers import is_instrumented, wait_for

READERS = 300
MIB = 1 << 20
TEXT = "\x01" * 6000  # each becomes six bytes of JSON


def new(program):
    with Peer(program.address) as peer:
        return json.loads(peer.ask("POST", "/session/new").body)["session_id"]


def chat(program, session, message):
    body = json.dumps({"message": message, "session_id": session}).encode()
    with Peer(program.address) as peer:
        reply = peer.ask("POST", CHAT, body)
    assert reply.status == 200, reply.body
    return json.loads(reply.body)


def path(session):
    return f"/session/{session}/messages"


def a_long_one(program, bytes=250_000):
    session = new(program)
    for _ in range(bytes // (2 * len(TEXT))):
        chat(program, session, TEXT)
    return session


def memory(program):
    """In bytes, of what the process has in memory; 0 where a sanitizer has
    most of it."""
    if is_instrumented():
        return 0
    status = (Path("/proc") / str(program.child.pid) / "status").read_text()
    line = next(x for x in status.splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


class Reader(Peer):
    """One who asks for a conversation, and takes nothing yet."""

    def __init__(self, program, session, **more):
        super().__init__(program.address)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.send(request("GET", path(session), **more))

    def status(self):
        """Reads the head; the rest may wait."""
        self.kind, _, self.head = self.read_record()
        return int(self.head.split(b"\r\n")[0].split()[1])

    def rest(self):
        parts = [self.head]
        while self.kind != END_REQUEST:
            self.kind, _, part = self.read_record()
            if self.kind == STDOUT:
                parts.append(part)
        return json.loads(b"".join(parts).split(b"\r\n\r\n", 1)[1])


def read(program, session):
    """None: it was refused."""
    with Reader(program, session) as reader:
        return reader.rest() if reader.status() == 200 else None


def test_slow_readers_of_an_address_wait_within_a_limit(launch):
    program = launch()
    session = a_long_one(program)
    before = memory(program)
    readers = [Reader(program, session) for _ in range(READERS)]
    statuses = [reader.status() for reader in readers]
    assert set(statuses) == {200, 429}
    assert 4 <= statuses.count(200) <= 20
    assert memory(program) - before < 12 * MIB
    with Reader(program, session, REMOTE_ADDR="192.0.2.9") as other:
        assert other.status() == 200
    for reader in readers:
        reader.socket.close()
    wait_for(lambda: memory(program) - before < 4 * MIB,
             what="the memory's return")
    wait_for(lambda: read(program, session) is not None, what="a place")
    assert len(read(program, session)["messages"]) == 40


def test_a_refused_reader_is_told_when_to_come_again(launch):
    program = launch()
    session = a_long_one(program)
    readers = [Reader(program, session) for _ in range(40)]
    refused = next(r for r in readers if r.status() == 429)
    assert b"Retry-After: 5\r\n" in refused.head
    assert b'"rate_limited"' in refused.head
    for reader in readers:
        reader.socket.close()


def test_one_address_reads_so_much_in_a_minute(launch):
    program = launch({"rate_new": "1000000/60"})
    short, long = new(program), a_long_one(program)
    with Peer(program.address) as peer:
        passed, begun = 0, time.monotonic()
        peer.send(request("GET", path(long), keep=True))
        while peer.read_reply().status == 200:
            passed += 1
            peer.send(request("GET", path(long), keep=True))
        took = time.monotonic() - begun
    # it gets 10 back a second; one costs 4 or 5
    assert 600 // 5 <= passed <= (600 + 10 * took) / 4 + 1, (passed, took)
    with Peer(program.address) as peer:
        assert peer.ask("GET", path(short), REMOTE_ADDR="192.0.2.9").status \
            == 200


@pytest.mark.parametrize("length", [0, 1, 40])
def test_head_tells_the_headers_without_a_length(launch, length):
    program = launch()
    session = new(program)
    for _ in range(length):
        chat(program, session, TEXT)
    with Peer(program.address) as peer:
        head = peer.ask("HEAD", path(session))
    with Peer(program.address) as peer:
        get = peer.ask("GET", path(session))
    assert head.status == 200 and head.body == b""
    assert "Content-Length" not in head.headers
    get.headers.pop("Content-Length", None)
    del get.headers["X-Request-Id"], head.headers["X-Request-Id"]
    assert head.headers == get.headers


def test_a_short_conversation_has_its_length(launch):
    program = launch()
    session = new(program)
    chat(program, session, "Bonjour")
    with Peer(program.address) as peer:
        reply = peer.ask("GET", path(session))
    assert int(reply.headers["Content-Length"]) == len(reply.body)


def test_who_reads_sees_the_conversation_as_it_was(launch):
    program = launch()
    session = a_long_one(program)
    with Reader(program, session) as reader:
        assert reader.status() == 200
        for n in range(30):
            assert chat(program, session, TEXT)["message_count"] == 42 + 2 * n
        seen = reader.rest()
    assert seen["message_count"] == len(seen["messages"]) == 40
    assert all(m["content"] == TEXT for m in seen["messages"][::2])


def test_a_deleted_conversation_is_read_no_further(launch):
    program = launch()
    session = a_long_one(program)
    with Reader(program, session) as reader:
        assert reader.status() == 200
        with Peer(program.address) as peer:
            assert peer.ask("DELETE", f"/session/{session}").status == 200
        with pytest.raises(Closed):
            reader.rest()


def test_readers_disturb_nobody(launch):
    program = launch({"threads": 1})
    session = a_long_one(program)
    with ThreadPoolExecutor(8) as pool:
        readers = [Reader(program, session, REMOTE_ADDR=f"192.0.2.{n}")
                   for n in range(8)]
        assert {r.status() for r in readers} == {200}
        seen = list(pool.map(lambda reader: reader.rest(), readers))
    assert all(len(s["messages"]) == 40 for s in seen)


def test_what_is_kept_can_be_read(launch):
    program = launch({"session_max_bytes": "64M", "message_max_bytes": "1M",
                      "request_max_bytes": "8M", "memory_limit": "256M"})
    session = new(program)
    message = ("Ça va ? \U0001f600 \x01 et après, encore " * 20_000)[:500_000]
    for _ in range(80):
        chat(program, session, message)
    before = memory(program)
    with Reader(program, session) as reader:
        assert reader.status() == 200
        assert memory(program) - before < 4 * MIB
        read = reader.rest()["messages"]
    assert len(read) == 160
    assert all(m["content"] == message for m in read[::2])
    assert sum(len(m["content"].encode()) for m in read) > 45 * MIB


def test_a_long_one_comes_whole_through_the_web_servers(parallel):
    session = parallel.new()
    message = "Ça va ? \U0001f600 \x01\"" * 700
    for _ in range(10):
        assert parallel.chat(message, session).status == 200
    for _ in range(3):
        reply = parallel.get(path(session))
        assert len(reply.json["messages"]) == 20
        assert all(m["content"] == message
                   for m in reply.json["messages"][::2])
    head = parallel.ask("HEAD", path(session))
    assert head.status == 200 and head.body == b""
    assert head.headers["Content-Type"] == reply.headers["Content-Type"]
    assert head.headers.get("Content-Length") in (None, "")


def test_answers_that_nobody_reads_count_as_chats(launch):
    program = launch({"turns_per_ip": 4, "message_max_bytes": "64K",
                      "request_max_bytes": "1M"})
    body = json.dumps({"message": "\x01" * 60_000, "stream": True}).encode()
    before, peers = memory(program), []
    for _ in range(4):
        peers.append(Peer(program.address))
        peers[-1].socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peers[-1].send(request("POST", CHAT, body))
        peers[-1].read_record()
    with Peer(program.address) as peer:
        peer.send(request("POST", CHAT, body))
        assert peer.read_reply().status == 429
    assert memory(program) - before < 12 * MIB
    peers[0].socket.close()
    wait_for(lambda: answered(program, body), what="a place")
    for peer in peers[1:]:
        peer.read_raw()
    wait_for(lambda: answered(program, body), what="a place")


def answered(program, body):
    with Peer(program.address) as peer:
        peer.send(request("POST", CHAT, body))
        out, _ = peer.read_raw()
    return out.startswith(b"Status: 200")
