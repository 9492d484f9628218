"""Other programs of the same user cannot follow the owner: they get nothing of
it, and take nothing away. The program can, as any user, and after an upgrade."""

import ctypes
import os
import socket
import struct
import subprocess
import sys

import pytest

from owners import WIRE, Owners, frame
from test_owner_upgrade import chat, state
from webservers import DEADLINE, ROOT, wait_for

NOBODY = 65534
PR_SET_DUMPABLE = 4
HELLO = bytes(16)
as_nobody = pytest.mark.skipif(not ROOT, reason="only root can be another user")


class Of(Owners):
    """The program of a user."""

    def __init__(self, user):
        super().__init__()
        self.user = user
        if user is not None:
            self.path.chmod(0o777)

    def start(self, command, **options):
        if self.user is not None:
            options["preexec_fn"] = self.become
        return super().start(command, **options)

    def become(self):
        if self.user is not None:
            os.setgroups([])
            os.setresgid(self.user, self.user, self.user)
            os.setresuid(self.user, self.user, self.user)

    def command_output(self, *options):
        done = subprocess.run(
            self.command + list(options), capture_output=True, text=True,
            timeout=DEADLINE, env=self.environment(), cwd=self.path,
            preexec_fn=self.become)
        return done.returncode, done.stdout, done.stderr


@pytest.fixture(params=[None, pytest.param(NOBODY, marks=as_nobody)],
                ids=["own", "nobody"])
def place(request):
    place = Of(request.param)
    yield place
    place.end()


def dial(place):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(DEADLINE)
    s.connect(str(place.own / "owner.sock"))
    return s


def read_all(s):
    """The types of all frames, and the descriptors that came."""
    data, fds = b"", 0
    while True:
        try:
            more, control, _, _ = s.recvmsg(65536, 1024)
        except ConnectionResetError:
            more = b""
        if not more:
            break
        data += more
        for level, kind, got in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds += len(got) // 4
    kinds = []
    while data:
        kinds.append(data[3])
        data = data[8 + int.from_bytes(data[4:8], "big"):]
    return kinds, fds


def as_stranger(place, what):
    """In another process of the user; what it returns."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            place.become()
            os.write(write, repr(what()).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return eval(said)


def dumpable(on):
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, on, 0, 0, 0)


REPLAYED = [frame("FOLLOW", HELLO)] + [
    frame("FOLLOW", HELLO) + b"".join(frame(*each) for each in rest)
    for rest in ([["PROOF", bytes(16)]], [["TAKEN"], ["TAKEN"]],
                 [["PROOF", bytes(16)], ["TAKEN"], ["MINE"]], [["MINE"]],
                 [["TAKEN"], ["DRAIN"]])]


@pytest.mark.parametrize("hidden", [False, True], ids=["shown", "hidden"])
def test_a_stranger_gets_nothing_and_takes_nothing(place, hidden):
    process = place.spawn()
    session = process.new()
    chat(process, "un", session)
    before, owner = state(process, session), place.owner()

    def follow():
        dumpable(0 if hidden else 1)
        answers = []
        for data in REPLAYED:
            with dial(place) as s:
                s.sendall(data)
                answers.append(read_all(s))
        return answers
    for kinds, fds in as_stranger(place, follow):
        assert fds == 0
        assert kinds in ([], [WIRE["REFUSED"]])
    wait_for(lambda: "refused=follower" in place.owner_log.read_text())
    assert "event=hand_over" not in place.owner_log.read_text()
    assert place.owner() == owner
    assert state(process, session) == before
    assert place.listeners() == {process.pid}


class Waiting:
    """The program, executed by who had connected before; somebody else has the
    connection then."""

    def __init__(self, place):
        self.place = place
        self.ours, theirs = socket.socketpair()
        self.child = place.start(
            [sys.executable, "-c", (
                "import os, socket, sys\n"
                "s = socket.socket(socket.AF_UNIX)\n"
                "s.connect(sys.argv[1])\n"
                "o = socket.socket(fileno=int(sys.argv[2]))\n"
                "socket.send_fds(o, [b'x'], [s.fileno()])\n"
                "os.execv(sys.argv[3], sys.argv[3:])\n"),
             str(place.own / "owner.sock"), str(theirs.fileno()),
             *place.command, "-s", "owner_dir=", "-l",
             f"unix:{place.run}/own.sock"], pass_fds=[theirs.fileno()])
        theirs.close()
        _, fds, _, _ = socket.recv_fds(self.ours, 1, 1)
        self.link = socket.socket(fileno=fds[0])
        self.link.settimeout(DEADLINE)
        wait_for(lambda: self.child.pid in place.pids())


def test_another_process_cannot_speak_for_the_program():
    """The process that connected is the program; who has the connection, and
    says what it is asked to say, is not. Root sees both as they are."""
    if not ROOT:
        pytest.skip("others do not see the program when it hides")
    place = Of(None)
    try:
        process = place.spawn()
        session = process.new()
        link = Waiting(place).link
        link.sendall(frame("FOLLOW", HELLO))
        head = link.recv(8, socket.MSG_WAITALL)
        assert head[3] == WIRE["PROVE"]
        nonce = link.recv(struct.unpack("!I", head[4:])[0],
                          socket.MSG_WAITALL)
        link.sendall(frame("PROOF", nonce))
        assert read_all(link) == ([WIRE["REFUSED"]], 0)
        link.close()
        wait_for(lambda: "another process" in place.owner_log.read_text())
        assert process.json("GET", f"/session/{session}/info")
    finally:
        place.end()


@pytest.mark.parametrize("change", ["settings", "program", "copy"])
def test_the_program_follows_and_another_one_does_not(place, change):
    """An upgrade puts another file in the place of the program's."""
    process = place.spawn()
    session = process.new()
    owner = place.owner()
    copy = place.path / "copy"
    copy.write_bytes(place.program.read_bytes())
    copy.chmod(0o755)
    if change == "program":
        place.new_program()
    if change == "copy":
        place.command[0] = str(copy)
    fresh = place.spawn("-s", "threads=1")
    if change == "copy":
        assert fresh.child.wait(DEADLINE) == 1
        assert "another program" in place.log.read_text()
        place.command[0] = str(place.program)
        assert place.owner() == owner
    else:
        assert fresh.json("GET", f"/session/{session}/info")
        assert place.owner() != owner
        # and hides again
        status = open(f"/proc/{place.owner()}/status").read()
        assert "NoNewPrivs:\t1" in status
        assert os.stat(f"/proc/{place.owner()}/fd").st_uid == 0
    assert process.json("GET", f"/session/{session}/info")
