"""One that is to follow an owner stands still, dies, or comes while a request
is on its way: the old owner serves on, and no request is lost or done twice."""

import json
import os
import signal
import socket
import threading

import pytest

import fcgi
from client import CHAT
from owners import Owners, frame
from test_owner_upgrade import chat, follow, state
from webservers import DEADLINE, wait_for

STAGES = ["PROVE", "LOCK", "SOCKET", "LISTENER", "CONNECTION", "SESSION",
          "ALL", "YOURS"]


@pytest.fixture
def place():
    place = Owners()
    yield place
    place.end()


def follow_at_last(place):
    """On a busy machine the short patience may be too short for one."""
    before = place.owner()
    for number in range(20):
        process = place.spawn("-s", f"turn_wait_seconds={30 + number}")
        wait_for(lambda: process.child.poll() is not None or
                 place.listeners() >= {process.pid})
        if process.child.poll() is None:
            assert process.ask().status == 200
            assert place.owner() != before
            return process
    raise AssertionError("none could follow")


def check_served(place, process, owner, session, before):
    assert place.owner() == owner
    assert place.listeners() == {process.pid}
    assert state(process, session) == before
    assert chat(process, "encore", session).status == 200


@pytest.mark.parametrize("what", ["stop", "die"])
@pytest.mark.parametrize("stage", STAGES)
def test_one_that_does_not_come_forward_changes_nothing(place, stage, what):
    place.variables["OWNER_PATIENCE"] = "HEIR=1000 REQUEST=100"
    process = place.spawn()
    session = process.new()
    chat(process, "un", session)
    owner = place.owner()
    before = state(process, session)
    whole = fcgi.request("GET", f"/session/{session}/info")
    with process.peer() as kept, process.begin("paced 50 10") as stream, \
            process.peer() as half:
        assert kept.ask(keep=True).status == 200
        stream.read_until(b"mot1")
        half.send(whole[:60])
        place.fail_to_follow(f"{stage} {what}")
        assert kept.ask("GET", f"/session/{session}/info").status == 200
        assert b"mot50" in stream.read_until(b'"done"')
        half.send(whole[60:])
        assert half.read_reply().status == 200
    check_served(place, process, owner, session, before)
    wait_for(lambda: len(place.pids()) == 2, what="its end")
    after = follow_at_last(place)
    assert after.json("GET", f"/session/{session}/info")["message_count"] == 4


def test_one_that_trickles_is_given_up(place):
    """It goes on taking, for three seconds in all."""
    place.variables["OWNER_PATIENCE"] = "HEIR=1000"
    process = place.spawn()
    sessions = [process.new() for _ in range(150)]
    chat(process, "un", sessions[0])
    before = state(process, sessions[0])
    owner = place.owner()
    place.fail_to_follow("SESSION slow")
    check_served(place, process, owner, sessions[0], before)
    stats = process.json("GET", "/sessions/stats")
    assert stats["active_sessions"] == len(sessions)


def test_meanwhile_the_others_are_served(place):
    """Until it has proved that it is the program, it holds up nobody."""
    place.variables["OWNER_PATIENCE"] = "HEIR=60000"
    process = place.spawn()
    assert process.ask().status == 200
    owner = place.owner()
    fresh = place.spawn("-s", "turn_wait_seconds=58", meets="PROVE stop")
    wait_for(lambda: stopped(place, fresh), what="its standing still")
    assert process.ask().status == 200
    assert place.owner() == owner
    for pid in stopped(place, fresh):
        os.kill(pid, signal.SIGKILL)
    assert fresh.child.wait(DEADLINE) == 1


def stopped(place, process):
    found = []
    for pid in place.pids():
        with open(f"/proc/{pid}/stat") as stat:
            if stat.read().rsplit(")", 1)[1].split()[0] == "T":
                found.append(pid)
    return found


# half a request


@pytest.fixture
def impatient(place):
    place.variables["OWNER_PATIENCE"] = "REQUEST=50"
    return place


def cuts(whole):
    params = whole.index(b"REQUEST_METHOD")
    body = whole.index(b'{"message"')
    return [1, 8, 20, params + 3, body - 4, body + 5, len(whole) - 8,
            len(whole) - 1]


@pytest.mark.parametrize("number", range(8))
def test_half_a_request_goes_on_in_the_new_owner(impatient, number):
    process = impatient.spawn()
    session = process.new()
    body = json.dumps({"message": "né", "session_id": session}).encode()
    whole = fcgi.request("POST", CHAT, body, keep=True)
    cut = cuts(whole)[number]
    with process.peer() as slow, process.peer() as other:
        slow.send(whole[:cut])
        assert other.ask(keep=True).status == 200
        after = follow(impatient)
        assert other.ask(keep=True).status == 200
        slow.send(whole[cut:])
        assert json.loads(slow.read_reply().body)["message_count"] == 2
        # and the connection is as it was
        assert slow.ask("GET", f"/session/{session}/info",
                        keep=True).status == 200
    assert after.json("GET", f"/session/{session}/info")["message_count"] == 2


def test_a_large_body_goes_on_through_two_owners(impatient):
    process = impatient.spawn("-s", "request_max_bytes=1M",
                              "-s", "message_max_bytes=900K")
    body = json.dumps({"message": "x" * 700000}).encode()
    whole = fcgi.request("POST", CHAT, body, size=1000)
    assert process.ask().status == 200
    with process.peer() as slow:
        slow.send(whole[:200000])
        for threads in 1, 2:
            follow(impatient, "-s", "request_max_bytes=1M",
                   "-s", "message_max_bytes=900K", "-s", f"threads={threads}")
            slow.send(whole[200000 * threads:200000 * (threads + 1)])
        slow.send(whole[600000:])
        assert b"xxx" in slow.read_reply().body


def test_what_is_too_large_is_so_in_the_new_owner(impatient):
    process = impatient.spawn()
    body = json.dumps({"message": "x" * 200000}).encode()
    whole = fcgi.request("POST", CHAT, body)
    assert process.ask().status == 200
    with process.peer() as slow:
        slow.send(whole[:150000])
        follow(impatient)
        slow.send(whole[150000:])
        assert slow.read_reply().status == 413


# who asks an owner that stands still


def timed(place, *options):
    place.variables["OWNER_PATIENCE"] = "ANSWER=100 END=100 START=100"
    return place.command_output(*options)


@pytest.mark.parametrize("option", ["--owner-status", "--owner-stop"])
def test_an_owner_that_stands_still_is_not_waited_for(place, option):
    process = place.spawn()
    assert process.ask().status == 200
    owner = place.owner()
    os.kill(owner, signal.SIGSTOP)
    try:
        code, out, err = timed(place, option)
        assert (code, out) == (1, "")
        assert err == "causerie: the owner does not answer\n"
        late = place.spawn()
        assert late.child.wait(DEADLINE) == 1
        assert "causerie: owner: " in place.log.read_text()
    finally:
        os.kill(owner, signal.SIGCONT)
    if option == "--owner-status":
        place.variables.clear()
        assert process.ask().status == 200


class FakeOwner:
    """Takes what comes, says what it is told to, and does not end."""

    def __init__(self, place, backlog, answers):
        place.own.mkdir(0o700)
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(place.own / "owner.sock"))
        self.server.listen(backlog)
        self.open, self.answers = [], answers
        self.done = threading.Event()
        if answers is not None:
            threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                self.open.append(self.server.accept()[0])
            except OSError:
                return
            self.answer(self.open[-1])

    def answer(self, peer):
        try:
            for piece in self.answers:
                peer.sendall(piece)
                self.done.wait(0.02)
        except BrokenPipeError:
            pass

    def end(self, place):
        self.done.set()
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        for peer in self.open:
            peer.close()
        (place.own / "owner.sock").unlink()


@pytest.fixture
def fake(place):
    made = []

    def make(backlog=10, answers=None):
        made.append(FakeOwner(place, backlog, answers))
    yield make
    for one in made:
        one.end(place)


def test_an_owner_that_does_not_end_is_not_waited_for(place, fake):
    fake(answers=[frame("ACCEPTED")])
    code, out, err = timed(place, "--owner-stop")
    assert (code, out) == (1, "")
    assert err == "causerie: the owner has not ended yet\n"


@pytest.mark.parametrize("option", ["--owner-status", "--owner-stop"])
def test_an_answer_that_trickles_is_not_waited_for(place, fake, option):
    fake(answers=[bytes([byte]) for byte in frame("REPORT", bytes(3000))])
    code, _, err = timed(place, option)
    assert (code, err) == (1, "causerie: the owner does not answer\n")


@pytest.mark.parametrize("option", ["--owner-status", "--owner-stop", None])
def test_a_full_queue_is_not_waited_for(place, fake, option):
    fake(backlog=0)
    with socket.socket(socket.AF_UNIX) as first:
        first.connect(str(place.own / "owner.sock"))
        if option is not None:
            assert timed(place, option)[0] == 1
        else:
            timed(place, "--owner-status")
            assert place.spawn().child.wait(DEADLINE) == 1
