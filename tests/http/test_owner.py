"""One owner of the sessions, whatever number of processes a web server starts:
who becomes it, who is let in, how it is followed by another, and its end."""

import array
import fcntl
import json
import os
import signal
import socket
import stat
import time

import pytest

import fcgi
from owners import CHAT, WIRE, Owners, frame
from fcgi import Peer
from webservers import DEADLINE, ROOT, is_instrumented, wait_for

ROUNDS = int(os.environ.get("CAUSERIE_OWNER_ROUNDS", "3"))
SIGNALS = ["SIGTERM", "SIGINT", "SIGUSR1"]


@pytest.fixture
def owners():
    """Make places; every process in them is ended."""
    made = []

    def make(name="causerie-paced", settings={}):
        made.append(Owners(name, settings))
        return made[-1]
    yield make
    for place in made:
        place.end()


def field(place, pid, name):
    """Of /proc/PID/status."""
    with open(f"/proc/{pid}/status") as lines:
        for line in lines:
            if line.startswith(name + ":"):
                return line.split()[1]


def refused(place):
    """What a process says that cannot find an owner."""
    process = place.spawn()
    assert process.child.wait(DEADLINE) == 1
    words = place.log.read_text()
    place.log.write_text("")
    assert words.startswith("causerie: owner_dir: "), words
    return words


# one for all


def test_processes_share_the_sessions(owners):
    place = owners()
    processes = [place.spawn() for _ in range(4)]
    session = processes[0].new()
    for n, process in enumerate(processes):
        body = json.dumps({"message": f"n{n}", "session_id": session}).encode()
        reply = json.loads(process.ask("POST", CHAT, body).body)
        assert reply["session_id"] == session
        assert reply["message_count"] == 2 * n + 2
    assert place.listeners() == {process.pid for process in processes}


@pytest.mark.parametrize("round", range(ROUNDS))
def test_forty_that_start_at_once_make_one_owner(owners, round):
    place = owners()
    processes = [place.spawn() for _ in range(40)]
    for process in processes:
        assert process.ask().status == 200
    owner, listeners = place.status()
    assert set(listeners) == {process.pid for process in processes}
    assert set(place.pids()) == set(listeners) | {int(owner["pid"])}
    wait_for(lambda: "event=start " in place.owner_log.read_text())
    assert place.owner_log.read_text().count("event=start ") == 1


def test_chats_run_at_the_same_time(owners):
    place = owners()
    processes = [place.spawn() for _ in range(32)]
    chats = [process.begin("paced 2 60000") for process in processes]
    for chat in chats:
        chat.read_until(b'"start"')
    # all of them are in flight; none waits for another's end
    for chat in chats:
        chat.socket.close()


def test_the_owner_is_nobodys_child_and_has_nothing_of_others(owners):
    place = owners()
    read, write = os.pipe()
    os.set_inheritable(write, True)
    process = place.spawn(pass_fds=[write])
    os.close(write)
    assert process.ask().status == 200
    owner = place.owner()
    assert int(field(place, owner, "PPid")) != process.pid
    assert os.getsid(owner) not in (os.getsid(0), os.getsid(process.pid))
    assert not [pid for pid in place.pids()
                if field(place, pid, "State") == "Z"]
    for fd in (0, 1, 2):
        assert os.readlink(f"/proc/{owner}/fd/{fd}") == "/dev/null"
    process.child.terminate()
    process.child.wait(DEADLINE)
    # nobody else has the pipe's other end any more
    assert os.read(read, 1) == b""
    os.close(read)
    assert "ERROR" not in place.log.read_text()


def test_a_waiting_process_is_small(owners):
    place = owners()
    processes = [place.spawn() for _ in range(3)]
    for process in processes:
        assert process.ask().status == 200
    if is_instrumented():
        pytest.skip("a sanitizer, or gcov, takes more than the program")
    for process in processes:
        wait_for(lambda: private(process.pid) < 400, what="400 KiB")


def private(pid):
    """KiB that only this process has."""
    with open(f"/proc/{pid}/smaps_rollup") as lines:
        return sum(int(line.split()[1]) for line in lines
                   if line.startswith("Private_"))


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_ends_a_waiting_process_and_its_listener(owners, name):
    place = owners()
    process, other = place.spawn(), place.spawn()
    assert process.ask().status == other.ask().status == 200
    process.child.send_signal(getattr(signal, name))
    assert process.child.wait(DEADLINE) == 0
    wait_for(lambda: place.listeners() == {other.pid})
    with pytest.raises(ConnectionRefusedError):
        process.peer()
    assert other.ask().status == 200


def test_a_signal_before_the_hand_over_loses_no_request(owners):
    """mod_fcgid ends, in a graceful restart, also what it has just started for
    a request that waits."""
    place = owners()
    place.own.mkdir(0o700)
    with open(place.own / "owner.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = place.spawn()
        directory = str(place.own)
        wait_for(lambda: directory in descriptors(process.pid))
        with process.peer() as peer:
            peer.send(fcgi.request())
            process.child.terminate()
            fcntl.flock(lock, fcntl.LOCK_UN)
            assert peer.read_reply().status == 200
    assert process.child.wait(DEADLINE) == 0


def descriptors(pid):
    """What a process has open."""
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except FileNotFoundError:
            pass
    return found


def test_streams_outlive_their_waiting_process(owners):
    place = owners()
    process = place.spawn()
    with process.begin("paced 20 20") as stream:
        stream.read_until(b"mot1")
        process.child.terminate()
        process.child.wait(DEADLINE)
        assert b"mot20" in stream.read_until(b'"done"')


# its end


def test_a_killed_owner_is_followed_by_a_new_one(owners):
    place = owners()
    process = place.spawn()
    session = process.new()
    first = place.owner()
    with process.begin("paced 2 60000") as stream:
        stream.read_until(b'"start"')
        os.kill(first, signal.SIGKILL)
        stream.closed()
    assert process.child.wait(DEADLINE) == 0
    with pytest.raises(ConnectionRefusedError):
        process.peer()
    began = time.monotonic()
    again = place.spawn()
    assert again.ask("GET", f"/session/{session}/info").status == 404
    assert time.monotonic() - began < DEADLINE
    assert place.owner() != first


def test_a_signal_to_the_owner_is_a_drain(owners):
    place = owners()
    process = place.spawn()
    with process.begin("paced 100000 20") as stream:
        stream.read_until(b"mot1")
        os.kill(place.owner(), signal.SIGTERM)
        assert b'"interrupted"' in stream.read_until(b'"done"')
    assert process.child.wait(DEADLINE) == 0
    wait_for(lambda: not place.pids())
    assert "event=stop status=0" in place.owner_log.read_text()


def test_it_can_be_asked_and_stopped(owners):
    place = owners()
    assert place.command_output("--owner-status")[:2] == (
        3, "causerie: there is no owner\n")
    assert place.command_output("--owner-stop")[:2] == (
        0, "causerie: there is no owner\n")
    process = place.spawn()
    process.new()
    owner, others = place.status()
    assert owner["sessions"] == owner["listeners"] == "1"
    assert owner["dir"] == str(place.own)
    assert process.address in others[process.pid]
    assert place.command_output("--owner-stop")[:2] == (
        0, "causerie: the owner has ended\n")
    assert process.child.wait(DEADLINE) == 0
    wait_for(lambda: not place.pids())
    assert place.command_output("--owner-status")[0] == 3


def test_without_listeners_and_sessions_it_ends(owners):
    place = owners(settings={"owner_linger_seconds": 0.2,
                             "session_timeout_minutes": 0.02})
    process = place.spawn()
    session = process.new()
    process.child.terminate()
    process.child.wait(DEADLINE)
    # whether the session lives still or not: who comes meanwhile is served
    other = place.spawn()
    assert other.ask("GET", f"/session/{session}/info").status in (200, 404)
    other.child.terminate()
    wait_for(lambda: not place.pids(), what="the owner's end")
    assert "why=nobody" in place.owner_log.read_text()


def test_hangup_opens_the_log_anew(owners):
    place = owners()
    process = place.spawn()
    assert process.ask().status == 200
    place.owner_log.rename(place.path / "old.log")
    os.kill(place.owner(), signal.SIGHUP)
    wait_for(place.owner_log.exists)
    assert process.ask().status == 200


# strangers


def test_an_open_directory_is_refused(owners):
    place = owners()
    place.own.mkdir()
    place.own.chmod(0o755)
    assert "has mode 0755; it must have 0700" in refused(place)
    place.own.rmdir()


def test_a_link_instead_of_the_directory_is_refused(owners):
    place = owners()
    other = place.path / "other"
    other.mkdir(0o700)
    place.own.symlink_to(other)
    assert "symbolic link" in refused(place)
    place.own.unlink()


def test_a_directory_without_parent_is_refused(owners):
    place = owners(settings={"owner_dir": "/nowhere/at/all"})
    assert "cannot be created" in refused(place)


@pytest.mark.parametrize("name", ["owner.lock", "owner.sock"])
def test_a_planted_link_is_refused(owners, name):
    place = owners()
    place.own.mkdir(0o700)
    (place.own / name).symlink_to(place.path / "elsewhere")
    assert name in refused(place)
    assert not (place.path / "elsewhere").exists()
    (place.own / name).unlink()


def test_a_planted_lock_or_socket_is_refused(owners):
    place = owners()
    place.own.mkdir(0o700)
    os.mkfifo(place.own / "owner.lock")
    assert "owner.lock: is not a file" in refused(place)
    (place.own / "owner.lock").unlink()
    (place.own / "owner.sock").write_text("")
    assert "owner.sock: is not a socket" in refused(place)
    (place.own / "owner.sock").unlink()


@pytest.mark.skipif(not ROOT, reason="only root can be another user")
def test_a_socket_that_another_user_serves_is_refused(owners):
    place = owners()
    place.own.mkdir(0o700)
    path = str(place.own / "owner.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        child = os.fork()
        if child == 0:
            os.setresuid(12345, 12345, 12345)
            server.listen()
            signal.pause()
        try:
            wait_for(lambda: connects(path))
            assert "served by user 12345" in refused(place)
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    os.unlink(path)


def connects(path):
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(path) == 0


@pytest.mark.skipif(not ROOT, reason="only root can be another user")
def test_another_user_is_not_heard(owners):
    place = owners()
    process = place.spawn()
    assert process.ask().status == 200
    place.path.chmod(0o755)
    place.own.chmod(0o755)
    (place.own / "owner.sock").chmod(0o777)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.setresuid(12345, 12345, 12345)
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(place.own / "owner.sock"))
            try:
                s.sendall(frame(STATUS, bytes(16)))
                os.write(write, b"%d" % len(s.recv(1)))
            except OSError:
                os.write(write, b"0")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 9) == b"0"
    os.close(read)
    os.close(write)
    place.own.chmod(0o700)
    wait_for(lambda: "refused=stranger" in place.owner_log.read_text())
    assert process.ask().status == 200


LISTEN, STATUS, FOLLOW, ALL = "LISTEN", "STATUS", "FOLLOW", "ALL"


def dial(place):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(DEADLINE)
    s.connect(str(place.own / "owner.sock"))
    return s


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\n\r\n", frame(0), frame(99), frame(LISTEN, bytes(16)),
    frame(STATUS), frame(STATUS, bytes(17)), frame(STATUS, bytes(1025)),
    frame(ALL), frame(FOLLOW), frame(WIRE["SESSION"])[:4] + b"\x80\0\0\0",
], ids=["http", "none", "unknown", "no descriptor", "no hello", "long hello",
        "over the limit", "out of turn", "no hello to follow", "huge"])
def test_what_is_not_understood_is_closed(owners, data):
    place = owners()
    process = place.spawn()
    assert process.ask().status == 200
    with dial(place) as s:
        s.sendall(data)
        try:
            assert s.recv(1) == b""
        except ConnectionResetError:
            pass
    assert process.ask().status == 200
    assert place.listeners() == {process.pid}


def test_a_descriptor_that_is_no_listener_is_refused(owners):
    place = owners()
    process = place.spawn()
    session = process.new()
    with dial(place) as s, open("/dev/null") as null:
        # an equal hello is not known here: another one is told so
        s.sendmsg([frame(LISTEN, bytes(16))], [(
            socket.SOL_SOCKET, socket.SCM_RIGHTS,
            array.array("i", [null.fileno()]))])
        assert s.recv(8)[3] == 6
    assert process.ask("GET", f"/session/{session}/info").status == 200


def test_one_that_says_nothing_holds_up_nobody(owners):
    place = owners()
    process = place.spawn()
    assert process.ask().status == 200
    silent = [dial(place) for _ in range(50)]
    assert place.spawn().ask().status == 200
    for s in silent:
        assert s.recv(1) == b""
        s.close()
