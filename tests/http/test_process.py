"""The process: where it listens, how it ends, what its command line says."""

import json
import os
import select
import signal
import socket
import stat
import subprocess

import pytest

import fcgi
from client import CHAT
from fcgi import Peer
from webservers import (DEADLINE, SANITIZER, Directory, accepts, environment,
                        free_port, wait_for)

SIGNALS = ["SIGTERM", "SIGINT", "SIGUSR1"]


@pytest.fixture
def place():
    """A directory with the program, which the test starts itself."""
    place = Directory("causerie-paced", {})
    yield place
    place.end()


def run(place, *args, **env):
    """Run the program to its end: status, output, errors."""
    done = subprocess.run(
        [str(place.program), *args], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=DEADLINE,
        env=environment(**env), cwd=place.path)
    assert not SANITIZER.search(done.stderr), done.stderr
    return done.returncode, done.stdout, done.stderr


# the end


def begin(program, session=None, stream=True, message="paced 100000 20"):
    """A turn that runs on."""
    peer = Peer(program.address)
    peer.send(fcgi.request("POST", CHAT, json.dumps(
        {"message": message, "stream": stream,
         "session_id": session}).encode()))
    return peer


def ends(program):
    """It ends by itself with status 0, in 5 s; a busy machine adds some."""
    assert program.child.wait(5 + 3) == 0


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_ends_it(launch, name):
    program = launch()
    program.child.send_signal(getattr(signal, name))
    ends(program)


@pytest.mark.parametrize("name", SIGNALS)
def test_running_streams_end_as_interrupted(launch, name):
    program = launch()
    with begin(program) as peer:
        peer.read_until(b"mot1")
        program.child.send_signal(getattr(signal, name))
        done = peer.read_until(b'"type":"done"')
        assert b'"status":"interrupted"' in done
        assert b'"code":"unavailable"' in done
        ends(program)
        peer.closed()


def test_running_chats_end_as_interrupted(launch):
    program = launch({"turn_wait_seconds": 0})
    with Peer(program.address) as peer:
        session = json.loads(peer.ask("POST", "/session/new", keep=True).body)
        session = session["session_id"]
        fail = json.dumps({"message": "fail", "session_id": session}).encode()
        chat = begin(program, session, False, "paced 100000 1")
        while peer.ask("POST", CHAT, fail, keep=True).status != 409:
            # what asks whether the turn runs may have been before it
            if select.select([chat.socket], [], [], 0.01)[0]:
                assert chat.read_reply().status == 409
                chat = begin(program, session, False, "paced 100000 1")
        program.child.terminate()
        answer = json.loads(chat.read_reply().body)
        assert answer["status"] == "interrupted"
        assert answer["code"] == "unavailable"
    ends(program)


def test_a_turn_that_ends_in_time_is_complete(launch):
    program = launch()
    with begin(program, message="paced 30 10") as peer:
        peer.read_until(b"mot1")
        program.child.terminate()
        assert b'"interrupted"' not in peer.read_until(b'"type":"done"')
    ends(program)


def test_a_silent_stream_ends_with_an_event(launch):
    program = launch()
    with begin(program, message="paced 1 60000") as peer:
        peer.read_until(b'"start"')
        program.child.terminate()
        assert b"unavailable" in peer.read_until(b"unavailable")
    ends(program)


def test_nobody_is_taken_after_the_signal(launch):
    program = launch()
    with begin(program) as peer:
        peer.read_until(b"mot1")
        program.child.terminate()
        wait_for(lambda: not accepts(program.address), 4, "closing")
        peer.read_until(b'"type":"done"')
    ends(program)


def test_while_it_ends_it_is_not_ready(launch):
    program = launch()
    whole = fcgi.request("GET", "/ready")
    with begin(program) as peer:
        peer.read_until(b"mot1")
        half = [Peer(program.address) for _ in range(100)]
        for other in half:
            other.send(whole[:-1])
        with Peer(program.address) as other:
            assert other.ask().status == 200
        program.child.terminate()

        def is_not_ready():
            with half.pop() as other:
                other.send(whole[-1:])
                return other.read_reply().status == 503
        wait_for(is_not_ready, 4, "not ready")
        for other in half:
            other.socket.close()
        peer.read_until(b'"type":"done"')
    ends(program)


def test_a_second_signal_is_harmless(launch):
    program = launch()
    with begin(program) as peer:
        peer.read_until(b"mot1")
        program.child.terminate()
        wait_for(lambda: not accepts(program.address), 4, "closing")
        program.child.terminate()
        program.child.send_signal(signal.SIGUSR1)
        assert b'"interrupted"' in peer.read_until(b'"type":"done"')
    ends(program)


def test_idle_connections_do_not_delay_the_end(launch):
    program = launch()
    peers = [Peer(program.address) for _ in range(20)]
    for peer in peers:
        assert peer.ask(keep=True).status == 200
    program.child.terminate()
    ends(program)
    for peer in peers:
        assert peer.closed() == b""
        peer.socket.close()


def test_a_half_sent_request_does_not_delay_the_end(launch):
    program = launch()
    with Peer(program.address) as peer:
        peer.send(fcgi.request()[:50])
        with Peer(program.address) as other:
            other.ask()
        program.child.terminate()
        ends(program)


def test_a_broken_pipe_is_no_end(launch):
    program = launch()
    for _ in range(20):
        begin(program, message="paced 100 0").socket.close()
    with Peer(program.address) as peer:
        assert peer.ask().status == 200


def test_sighup_is_no_end(launch):
    program = launch()
    with Peer(program.address) as peer:
        assert peer.ask(keep=True).status == 200
        program.child.send_signal(signal.SIGHUP)
        assert peer.ask(keep=True).status == 200


# where it listens


def serves(address):
    with Peer(address) as peer:
        return peer.ask().status == 200


def test_a_unix_socket_is_for_owner_and_group(launch):
    program = launch()
    assert stat.S_IMODE(os.stat(program.socket).st_mode) == 0o660


def test_the_mode_of_a_unix_socket_ignores_the_umask(launch):
    program = launch(umask=0o777 & ~0o700)
    assert stat.S_IMODE(os.stat(program.socket).st_mode) == 0o660


def test_a_unix_socket_is_removed_at_the_end(launch):
    program = launch()
    program.child.terminate()
    ends(program)
    assert not os.path.exists(program.socket)


def test_a_stale_unix_socket_is_replaced(place):
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(place.socket)
    place.start(place.command + ["-l", "unix:" + place.socket])
    wait_for(lambda: accepts(place.socket))
    assert serves(place.socket)


def test_a_unix_socket_that_is_served_is_not_taken(launch):
    program = launch()
    status, _, errors = run(program, "-l", "unix:" + program.socket)
    assert status != 0
    assert program.socket in errors
    assert serves(program.socket)


def test_a_file_is_not_replaced_by_a_socket(place):
    status, _, errors = run(place, "-l", f"unix:{place.conf}")
    assert status != 0 and errors
    assert place.conf.is_file()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
def test_a_loopback_port_is_listened_on(place, host):
    port = free_port()
    place.start(place.command + ["-l", f"{host}:{port}"])
    wait_for(lambda: accepts((host, port)))
    assert serves((host, port))


@pytest.mark.parametrize("where", ["0.0.0.0:9000", "10.0.0.1:9000", "[::]:9000",
                                   "192.0.2.1:9000"])
def test_an_address_that_is_not_loopback_is_refused(place, where):
    status, _, errors = run(place, "-l", where)
    assert status != 0
    assert "loopback" in errors or "allow_remote" in errors


def test_another_address_may_be_allowed(place):
    port = free_port()
    place.start(place.command + ["-s", "allow_remote=yes", "-l",
                                 f"0.0.0.0:{port}"])
    wait_for(lambda: accepts(("127.0.0.1", port)))
    assert serves(("127.0.0.1", port))


@pytest.mark.parametrize("where", ["", "unix:", "x", "127.0.0.1", ":9000",
                                   "127.0.0.1:x", "127.0.0.1:70000",
                                   "unix:/no/such/place/socket",
                                   "unix:" + "x" * 200, "localhost:9000"])
def test_a_strange_place_is_refused(place, where):
    status, _, errors = run(place, "-l", where)
    assert status != 0
    assert len(errors.splitlines()) >= 1


@pytest.mark.parametrize("family", ["unix", "tcp"])
def test_descriptor_0_is_listened_on(place, family):
    if family == "unix":
        listener, address = socket.socket(socket.AF_UNIX), place.socket
        listener.bind(address)
    else:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        address = listener.getsockname()
    with listener:
        listener.listen()
        place.start(place.command, stdin=listener)
        assert serves(address)


def systemd(place, listener, descriptors="1", pid=None):
    """Start it as systemd does: the listening socket is descriptor 3."""
    script = 'exec 3<&0 </dev/null; export LISTEN_PID="${PID:-$$}"; exec "$@"'
    return place.start(
        ["sh", "-c", script, "sh"] + place.command, stdin=listener,
        env=environment(LISTEN_FDS=descriptors, PID=pid or ""))


def test_descriptor_3_of_systemd_is_listened_on(place):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place.socket)
        listener.listen()
        systemd(place, listener)
        assert serves(place.socket)


@pytest.mark.parametrize("pid, descriptors", [("1", "1"), (None, "0"),
                                              (None, "x"), ("x", "1")])
def test_descriptors_of_somebody_else_are_not_taken(place, pid, descriptors):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place.socket)
        listener.listen()
        child = systemd(place, listener, descriptors, pid)
        assert child.wait(DEADLINE) != 0


def test_without_a_place_to_listen_it_says_so(place):
    status, _, errors = run(place)
    assert status != 0
    assert "listen" in errors


# the command line and the settings


def test_t_checks_and_ends(place):
    assert run(place, "-t")[0] == 0


def test_v_prints_the_version(place):
    status, out, _ = run(place, "-V")
    assert status == 0
    assert out.startswith("causerie ")


def test_h_prints_every_setting(place):
    status, out, _ = run(place, "-h")
    assert status == 0
    assert "[-f FILE]" in out
    for key in ("session_timeout_minutes", "cleanup_interval_seconds",
                "max_sessions", "memory_limit", "base_path", "articles"):
        assert key in out


@pytest.mark.parametrize("option", ["-V", "-h", "-t"])
def test_words_that_cannot_be_written_are_a_failure(place, option):
    with open("/dev/full", "w") as full:
        done = subprocess.run(place.command + [option], stdout=full,
                              stderr=subprocess.PIPE, text=True,
                              env=place.environment(), timeout=DEADLINE)
    assert done.returncode == 1
    assert done.stderr == "causerie: standard output cannot be written\n"


@pytest.mark.parametrize("args", [
    ["-x"], ["x"], ["-f"], ["-s"], ["-s", "x"], ["-s", "=1"], ["-s", ""],
    ["-f", "/no/such/file"], ["-f", "/"]])
def test_a_wrong_argument_ends_it_with_one_line(place, args):
    status, _, errors = run(place, *args, "-t")
    assert status != 0
    assert errors.startswith("causerie: ") or "Usage" in errors


WRONG = [("sesion_timeout_minutes", "30"), ("session_timeout_minutes", "0"),
         ("session_timeout_minutes", "-1"), ("session_timeout_minutes", "x"),
         ("session_timeout_minutes", "nan"), ("session_timeout_minutes", ""),
         ("session_timeout_minutes", "30m"), ("max_sessions", "1.5"),
         ("max_sessions", "99999999999999999999"), ("threads", "257"),
         ("memory_limit", "1X"), ("base_path", "api"), ("log_level", "loud"),
         ("allow_remote", "maybe"), ("articles", "/no/such/file")]


@pytest.mark.parametrize("key, value", WRONG)
def test_a_wrong_setting_ends_it_and_names_the_key(place, key, value):
    status, _, errors = run(place, "-t", "-s", f"{key}={value}")
    assert status != 0
    assert key in errors or "/no/such/file" in errors


def test_a_wrong_line_is_named(place):
    place.conf.write_text("threads = 1\n\n# comment\nmax_sessions = x\n")
    status, _, errors = run(place, "-t", "-f", str(place.conf))
    assert status != 0
    assert f"{place.conf}:4" in errors
    assert "max_sessions" in errors and "1000000000" in errors


def test_a_wrong_variable_is_named(place):
    status, _, errors = run(place, "-t", CAUSERIE_THREADS="many")
    assert status != 0
    assert "CAUSERIE_THREADS" in errors and "256" in errors


def test_an_unknown_variable_is_a_warning(place):
    status, _, errors = run(place, "-t", CAUSERIE_TREADS="1")
    assert status == 0
    assert "CAUSERIE_TREADS" in errors


@pytest.mark.parametrize("url, exposed", [
    ("http://192.0.2.1:11434/v1", True), ("http://ollama:11434/v1", True),
    ("http://127.0.0.1:11434/v1", False), ("http://localhost/v1", False),
    ("https://192.0.2.1/v1", False)])
@pytest.mark.parametrize("key", ["secret-key", None])
def test_a_key_that_others_can_read_is_a_warning(place, url, exposed, key):
    """When it is checked, and when it is started."""
    variables = {"CAUSERIE_LLM_BASE_URL": url, "CAUSERIE_LLM_MODEL": "m"}
    if key is not None:
        variables["CAUSERIE_LLM_API_KEY"] = key
    status, _, errors = run(place, "-t", **variables)
    assert status == 0
    assert ("key_exposed" in errors) == (exposed and key is not None)
    assert "secret-key" not in errors
    child = place.start([str(place.program), "-l", f"unix:{place.socket}"],
                        env=environment(**variables))
    wait_for(lambda: accepts(place.socket), what="the start")
    child.terminate()
    assert child.wait(30) == 0
    assert ("key_exposed" in place.log.read_text()) == (
        exposed and key is not None)


def test_a_broken_line_of_articles_is_named(place):
    articles = place.path / "articles.jsonl"
    good = {"title": "a", "url": "http://x/", "date": "2025-11-08",
            "text": "b"}
    articles.write_text(json.dumps(good) + "\n{\n")
    status, _, errors = run(place, "-t", "-s", f"articles={articles}")
    assert status != 0
    assert f"{articles}:2" in errors


def test_the_command_line_goes_before_environment_and_file(place):
    place.conf.write_text("message_max_bytes = 3\n")
    for args, env, limit in (
            ([], {}, 3), ([], {"CAUSERIE_MESSAGE_MAX_BYTES": "4"}, 4),
            (["-s", "message_max_bytes=5"],
             {"CAUSERIE_MESSAGE_MAX_BYTES": "4"}, 5)):
        child = place.start(
            place.command + ["-l", "unix:" + place.socket, *args],
            env=environment(**env))
        wait_for(lambda: accepts(place.socket))
        with Peer(place.socket) as peer:
            for size, status in (limit, 200), (limit + 1, 413):
                body = json.dumps({"message": "x" * size}).encode()
                assert peer.ask("POST", CHAT, body,
                                keep=True).status == status
        child.terminate()
        assert child.wait(DEADLINE) == 0


# the log


def test_the_log_has_no_text_no_session_and_no_forged_line(launch):
    program = launch({"log_level": "debug"})
    secret = "mot-de-passe"
    body = json.dumps({"message": secret}).encode()
    with Peer(program.address) as peer:
        answer = json.loads(peer.ask("POST", CHAT, body, keep=True).body)
        peer.ask("GET", f"/session/{answer['session_id']}/info", keep=True)
        peer.ask("GET", "/x\nlevel=fatal event=forged", keep=True)
        peer.ask("GET", "/health", keep=True, HTTP_X_REQUEST_ID="the-id-1")
    program.child.terminate()
    ends(program)
    log = program.log.read_text()
    assert "id=the-id-1" in log
    assert secret not in log
    assert answer["session_id"] not in log
    assert "\nlevel=fatal" not in log
    assert all(line.startswith("time=") for line in log.splitlines())
