"""A new program or configuration takes the sessions over, while it is used."""

import json
import os
import re
import signal
import threading
import time

import pytest

from client import CHAT
from fcgi import Closed, request
from owners import Owners
from webservers import DEADLINE, wait_for

SESSIONS = int(os.environ.get("CAUSERIE_OWNER_SESSIONS", "500"))


@pytest.fixture
def place():
    place = Owners()
    yield place
    place.end()


def follow(place, *options):
    """A process that makes a new owner, and is served by it."""
    before = place.owner()
    process = place.spawn(*(options or ["-s", "turn_wait_seconds=59"]))
    assert process.ask().status == 200
    assert place.owner() != before
    return process


def state(process, session):
    info = process.json("GET", f"/session/{session}/info")
    return info, process.messages(session)


def chat(process, message, session=None, **headers):
    body = json.dumps({"message": message, "session_id": session}).encode()
    return process.ask("POST", CHAT, body, **headers)


def test_everything_of_a_session_is_handed_over(place):
    process = place.spawn()
    session = process.new()
    chat(process, "un", session, HTTP_IDEMPOTENCY_KEY="key1")
    chat(process, "deux é 字", session)
    stopped = process.begin("paced 100000 10", session)
    stopped.read_until(b"mot2")
    process.ask("POST", f"/session/{session}/stop")
    stopped.read_until(b'"done"')
    before = state(process, session)
    assert before[0]["message_count"] == 6
    after = follow(place)
    for one in process, after:
        assert state(one, session) == before
    # the key is remembered, too: the answer is not given anew
    reply = json.loads(chat(after, "un", session,
                            HTTP_IDEMPOTENCY_KEY="key1").body)
    assert reply["message_count"] == 2
    assert state(after, session)[0]["message_count"] == 6
    assert chat(after, "autre", session,
                HTTP_IDEMPOTENCY_KEY="key1").status == 422


def test_a_new_program_takes_over(place):
    process = place.spawn()
    session = process.new()
    place.new_program()
    after = place.spawn()
    assert after.json("GET", f"/session/{session}/info")
    wait_for(lambda: "event=taken_over" in place.owner_log.read_text())
    # and the next one finds it in place
    owner = place.owner()
    assert place.spawn().ask().status == 200
    assert place.owner() == owner


def test_forty_new_ones_make_one_new_owner(place):
    process = place.spawn()
    session = process.new()
    fresh = [place.spawn("-s", "threads=1") for _ in range(40)]
    for one in fresh + [process]:
        assert one.json("GET", f"/session/{session}/info")
    wait_for(lambda: len(place.pids()) == 42)
    wait_for(lambda: "event=taken_over" in place.owner_log.read_text())
    assert place.owner_log.read_text().count("event=taken_over") == 1


def test_nothing_breaks_while_it_is_used(place):
    """50 streams, many sessions, and requests all the while."""
    processes = [place.spawn() for _ in range(5)]
    streams = [process.begin("paced 40 20")
               for process in processes for _ in range(10)]
    sessions = [processes[n % 5].new() for n in range(SESSIONS)]
    for stream in streams:
        stream.read_until(b"mot1")
    failed, done = [], threading.Event()

    def use(process):
        while not done.is_set():
            try:
                reply = chat(process, "bonjour", sessions[0])
                if reply.status != 200:
                    failed.append(reply.body)
            except (Closed, OSError) as error:
                failed.append(error)

    users = [threading.Thread(target=use, args=[p]) for p in processes[:3]]
    for user in users:
        user.start()
    try:
        after = follow(place)
        again = follow(place, "-s", "threads=1")
        texts = [stream.read_until(b'"done"') for stream in streams]
    finally:
        done.set()
        for user in users:
            user.join(DEADLINE)
    assert not failed, failed[:3]
    for text in texts:
        assert b"mot40" in text and b"interrupted" not in text
    stats = again.json("GET", "/sessions/stats")
    assert stats["active_sessions"] == SESSIONS + len(streams)
    for session in sessions[:50]:
        assert after.json("GET", f"/session/{session}/info")
    wait_for(lambda: len(place.pids()) == 5 + 2 + 1, what="the old owners' end")


def test_the_result_of_a_running_turn_follows(place):
    process = place.spawn()
    session = process.new()
    with process.begin("paced 30 20", session) as stream:
        stream.read_until(b"mot1")
        after = follow(place)
        # who writes there now waits for the turn in the old owner
        reply = json.loads(chat(after, "ensuite", session).body)
        assert reply["session_id"] == session
        assert reply["message_count"] == 4
        assert b"mot30" in stream.read_until(b'"done"')
    contents = [m["content"] for m in after.messages(session)]
    assert contents[0] == "paced 30 20" and "mot30" in contents[1]
    assert contents[2] == "ensuite"


def test_what_is_told_as_done_is_done_everywhere(place):
    """Who reads the end of a stream finds its history, and a free line."""
    process = place.spawn()
    streams = [process.begin(f"paced {n + 5} 20") for n in range(30)]
    sessions = [json.loads(re.search(rb'"session_id":("[^"]*")',
                                     stream.read_until(b"mot1"))[1])
                for stream in streams]
    after = follow(place)
    again = follow(place, "-s", "threads=1")
    for reader, stream, session in zip(
            [after, again] * 15, streams, sessions):
        with stream:
            stream.read_until(b'"done"')
        assert len(reader.messages(session)) == 2
        assert json.loads(chat(reader, "ensuite", session).body)[
            "message_count"] == 4


@pytest.mark.parametrize("many", [1, 12])
def test_a_new_owner_that_stands_still_keeps_nobody_from_his_end(place, many):
    """Whose turn ran in the old one; what it takes in later is not lost."""
    process = place.spawn()
    sessions = [process.new() for _ in range(many)]
    streams = [process.begin(f"paced 30 20 {'x' * 9000}", session)
               for session in sessions]
    for stream in streams:
        stream.read_until(b"mot1")
    after = follow(place)
    owner = place.owner()
    os.kill(owner, signal.SIGSTOP)
    try:
        end = time.monotonic() + DEADLINE
        for stream in streams:
            seen = b""
            while b'"done"' not in seen:
                assert time.monotonic() < end, seen[-200:]
                seen += stream.read_record()[2]
            stream.socket.close()
    finally:
        os.kill(owner, signal.SIGCONT)
    for session in sessions:
        assert json.loads(chat(after, "ensuite", session).body)[
            "message_count"] == 4
        assert "mot30" in after.messages(session)[1]["content"]


def test_each_of_a_line_is_known_when_it_is_done(place):
    process = place.spawn()
    session = process.new()
    streams = [process.begin(f"paced 20 {10 + n}", session)
               for n in range(4)]
    streams[0].read_until(b"mot1")
    after = follow(place)
    for n, stream in enumerate(streams):
        with stream:
            stream.read_until(b'"done"')
        assert len(after.messages(session)) >= 2 * n + 2


def test_a_line_is_handed_over(place):
    """Who waits in the old owner comes before who comes to the new one."""
    process = place.spawn()
    session = process.new()
    running = process.begin("paced 30 20", session)
    running.read_until(b"mot1")
    waiting = process.begin("attendait", session)
    waiting.send(b"")
    wait_for(lambda: waits(process) == 1, what="the line")
    after = follow(place)
    reply = json.loads(chat(after, "ensuite", session).body)
    assert reply["message_count"] == 6
    assert b'"message_count":4' in waiting.read_until(b'"done"')
    contents = [m["content"] for m in after.messages(session)]
    assert contents[0::2] == ["paced 30 20", "attendait", "ensuite"]


def waits(process):
    text = process.ask("GET", "/metrics").body.decode()
    return int(next(line.split()[1] for line in text.splitlines()
                    if line.startswith("causerie_turns_waiting ")))


def test_a_turn_in_the_old_owner_can_be_stopped(place):
    process = place.spawn()
    session = process.new()
    with process.begin("paced 100000 10", session) as stream:
        stream.read_until(b"mot1")
        after = follow(place)
        reply = after.json("POST", f"/session/{session}/stop")
        assert reply["stopped"] is True
        assert b'"stopped"' in stream.read_until(b'"done"')
    wait_for(lambda: after.messages(session))
    assert after.messages(session)[1]["status"] == "interrupted"
    wait_for(lambda: len(place.pids()) == 3, what="the old owner's end")


def test_a_session_with_a_turn_in_the_old_owner_can_be_deleted(place):
    process = place.spawn()
    session = process.new()
    with process.begin("paced 100000 10", session) as stream:
        stream.read_until(b"mot1")
        after = follow(place)
        assert after.ask("DELETE", f"/session/{session}").status == 200
        assert b"session_deleted" in stream.read_until(b'"error"')
    assert after.ask("GET", f"/session/{session}/info").status == 404
    wait_for(lambda: len(place.pids()) == 3, what="the old owner's end")
    assert after.ask("GET", f"/session/{session}/info").status == 404


def test_a_turn_goes_through_two_takeovers(place):
    process = place.spawn()
    session = process.new()
    with process.begin("paced 60 20", session) as stream:
        stream.read_until(b"mot1")
        follow(place)
        after = follow(place, "-s", "threads=1")
        reply = json.loads(chat(after, "ensuite", session).body)
        assert reply["message_count"] == 4
        assert b"mot60" in stream.read_until(b'"done"')
    wait_for(lambda: len(place.pids()) == 4, what="the old owners' end")


def test_a_client_that_leaves_the_old_owner_ends_the_turn(place):
    process = place.spawn()
    session = process.new()
    with process.begin("paced 100000 10", session) as stream:
        stream.read_until(b"mot1")
        after = follow(place)
    wait_for(lambda: after.messages(session))
    assert after.messages(session)[1]["status"] == "interrupted"


def test_a_killed_old_owner_takes_only_its_turns_with_it(place):
    process = place.spawn()
    session = process.new()
    chat(process, "un", session)
    with process.begin("paced 100000 10", session) as stream:
        stream.read_until(b"mot1")
        first = place.owner()
        after = follow(place)
        os.kill(first, signal.SIGKILL)
        stream.closed()
    reply = json.loads(chat(after, "ensuite", session).body)
    assert reply["message_count"] == 4


def test_stopping_ends_the_old_owners_turns_too(place):
    process = place.spawn()
    with process.begin("paced 100000 10") as stream:
        stream.read_until(b"mot1")
        follow(place)
        place.stop()
        assert b'"interrupted"' in stream.read_until(b'"done"')
    wait_for(lambda: not place.pids())


def test_idle_connections_are_handed_over(place):
    process = place.spawn()
    with process.peer() as fresh, process.peer() as kept:
        assert kept.ask(keep=True).status == 200
        follow(place)
        assert kept.ask(keep=True).status == 200
        assert fresh.ask().status == 200


def test_busy_connections_are_handed_over_afterwards(place):
    process = place.spawn()
    peers = [process.begin("paced 30 20", keep=True) for _ in range(20)]
    for peer in peers:
        peer.read_until(b"mot1")
    follow(place)
    for peer in peers:
        with peer:
            assert b'"done"' in peer.read_raw()[0]
            assert peer.ask(keep=True).status == 200
            assert peer.ask().status == 200


def test_half_a_request_is_awaited(place):
    process = place.spawn()
    session = process.new()
    whole = request("GET", f"/session/{session}/info")
    with process.peer() as slow:
        slow.send(whole[:20])
        after = place.spawn("-s", "threads=1")
        with after.peer() as next_one:
            next_one.send(request())
            slow.send(whole[20:])
            assert slow.read_reply().status == 200
            assert next_one.read_reply().status == 200


def test_a_wrong_configuration_does_not_take_over(place):
    process = place.spawn()
    session = process.new()
    owner = place.owner()
    wrong = place.spawn("-s", f"articles={place.path}/none")
    assert wrong.child.wait(DEADLINE) == 1
    assert "none: " in place.log.read_text()
    assert place.owner() == owner
    assert process.json("GET", f"/session/{session}/info")
