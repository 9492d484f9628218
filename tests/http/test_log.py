"""The log: what its lines look like, where they go, and how many there are."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import uuid
from datetime import datetime

import pytest

import fcgi
from client import CHAT, Client
from fcgi import Closed, Peer
from webservers import (DEADLINE, SANITIZER, Directory, accepts, environment,
                        tool, wait_for)

FORMATS = ["logfmt", "json"]
BARE = r"[a-zA-Z0-9+,\-./:@_%]+"
# what may stand between quotes: no quote, no backslash but for \xHH, nothing
# that could end a line or turn it around
QUOTED = (r'"(?:[^"\\\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]'
          r'|\\x[0-9a-f]{2})*"')
LOGFMT = re.compile(rf"[a-z_]+=(?:{BARE}|{QUOTED})"
                    rf"(?: [a-z_]+=(?:{BARE}|{QUOTED}))*")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
NUMBERS = {"status", "duration_ms", "bytes", "count", "lines", "loops",
           "threads", "signal", "session_timeout_ms", "articles"}
# of a request; each takes its turn at holding every byte
FIELDS = ["REQUEST_METHOD", "REDIRECT_STATUS", "REQUEST_URI", "SCRIPT_NAME",
          "PATH_INFO", "CONTENT_TYPE", "REMOTE_ADDR", "HTTP_X_FORWARDED_FOR",
          "HTTP_ACCEPT", "HTTP_ACCEPT_LANGUAGE", "HTTP_X_REQUEST_ID",
          "HTTP_IDEMPOTENCY_KEY", "HTTP_ORIGIN", "HTTP_SEC_FETCH_SITE",
          "HTTP_COOKIE", "HTTPS", "HTTP_X_OTHER"]
SECRET = "mot-de-passe"
KEY = "idempotency-secret"


def parse(line):
    """A line of either format as a dictionary, held against its rules."""
    if line.startswith("{"):
        fields = json.loads(line, object_pairs_hook=unique)
        for key in NUMBERS & fields.keys():
            assert isinstance(fields[key], (int, float)), (key, line)
    else:
        assert LOGFMT.fullmatch(line), line
        fields = unique(
            pair.split("=", 1)
            for pair in re.findall(rf"[a-z_]+=(?:{BARE}|{QUOTED})", line))
    assert list(fields)[:3] == ["time", "level", "event"], line
    assert TIME.fullmatch(fields["time"]), line
    return fields


def unique(pairs):
    pairs = list(pairs)
    assert len(dict(pairs)) == len(pairs), pairs
    return dict(pairs)


def lines(path):
    text = path.read_bytes().decode("utf-8") if path.exists() else ""
    assert text == "" or text.endswith("\n")
    return [parse(line) for line in text.split("\n")[:-1]]


def events(path, event, **fields):
    return [line for line in lines(path) if line["event"] == event and
            all(str(line.get(k)) == str(v) for k, v in fields.items())]


def stop(program):
    program.child.terminate()
    assert program.child.wait(DEADLINE) == 0


@pytest.fixture
def place():
    """A directory with the program, which the test starts itself."""
    place = Directory("causerie-paced", {})
    yield place
    place.end()


def run(place, *args):
    """Run the program to its end: status, errors."""
    done = subprocess.run(
        [str(place.program), *args], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=DEADLINE, env=environment(),
        cwd=place.path)
    assert not SANITIZER.search(done.stderr), done.stderr
    return done.returncode, done.stderr


# lines


def every_byte(session):
    """Requests that hold each byte in each field, and in body and path."""
    chat = {"message": SECRET, "session_id": session}
    for byte in range(256):
        byte = bytes([byte])
        for field in FIELDS:
            yield {"path": "/session/new", "method": "POST",
                   "HTTP_IDEMPOTENCY_KEY": KEY,
                   field: b"a" + byte + b"b" + byte}
        for path in b"/", b"/session/" + byte + b"/info", \
                b"/session/" + session.encode() + byte, \
                b"/session/%" + byte + b"0/info":
            yield {"path": path + byte}
        body = json.dumps(chat).encode()
        yield {"path": CHAT, "method": "POST", "body": byte + body}
        for text in SECRET, session:
            yield {"path": CHAT, "method": "POST", "body": body.replace(
                text.encode(), text.encode() + byte)}


@pytest.mark.parametrize("form", FORMATS)
def test_every_byte_everywhere_makes_one_line_a_request(launch, form):
    program = launch({"log_level": "debug", "log_format": form,
                      "session_cookie": "sid", "trusted_proxies": "::/0",
                      "log_client": "full"})
    with Peer(program.address) as peer:
        session = json.loads(peer.ask(
            "POST", "/session/new").body)["session_id"]
    asked, peer = 1, Peer(program.address)
    for request in every_byte(session):
        asked += 1
        try:
            peer.ask(keep=True, **request)
        except Closed:
            peer.socket.close()
            peer = Peer(program.address)
    peer.socket.close()
    stop(program)
    found = lines(program.log)
    told = [line for line in found if line["event"] in ("request", "fastcgi")]
    assert len(told) == asked
    assert {line["event"] for line in found} <= {
        "start", "serving", "request", "fastcgi", "suspicious", "turn",
        "connection", "drain", "stop"}
    log = program.log.read_text()
    for secret in SECRET, session, session.upper(), session[9:], KEY:
        assert secret not in log


@pytest.mark.parametrize("form", FORMATS)
def test_a_request_has_a_line_with_what_an_operator_needs(launch, form):
    program = launch({"log_format": form})
    with Peer(program.address) as peer:
        session = json.loads(peer.ask(
            "POST", "/session/new", keep=True).body)["session_id"]
        peer.ask("GET", f"/session/{session}/info?x=1", keep=True,
                 HTTP_X_REQUEST_ID="the-id-1", REMOTE_ADDR="192.0.2.77")
        peer.ask("GET", "/session/x/info", keep=True,
                 REMOTE_ADDR="2001:db8:1:2::3")
    stop(program)
    _, good, bad = events(program.log, "request")
    assert good["id"] == "the-id-1"
    assert good["method"] == "GET"
    assert good["route"].strip('"') == "/session/{id}/info"
    assert str(good["status"]) == "200"
    assert float(good["duration_ms"]) >= 0
    assert int(good["bytes"]) > 0
    assert good["client"] == "192.0.2.0/24"
    assert re.fullmatch("[0-9a-f]{12}", good["session"])
    assert bad["client"] == "2001:db8:1::/48"
    assert bad["code"] == "invalid_session_id"


@pytest.mark.parametrize("shown, client", [
    ("full", "192.0.2.77"), ("prefix", "192.0.2.0/24"), ("none", None)])
def test_the_log_shows_so_much_of_an_address(launch, shown, client):
    program = launch({"log_client": shown})
    with Peer(program.address) as peer:
        peer.ask("GET", "/session/x/info", keep=True,
                 REMOTE_ADDR="192.0.2.77")
    stop(program)
    for event in "request", "suspicious":
        line, = events(program.log, event)
        assert line.get("client") == client
    assert shown == "full" or "192.0.2.77" not in program.log.read_text()


def test_level_notice_leaves_requests_out(launch):
    program = launch({"log_level": "notice"})
    with Peer(program.address) as peer:
        assert peer.ask("GET", "/health", keep=True).status == 200
        assert peer.ask("GET", "/session/x/info", keep=True).status == 400
    stop(program)
    assert {line["event"] for line in lines(program.log)} == {
        "start", "suspicious", "drain", "stop"}


# how many


def suspicious(client, kind):
    """Make a request that is suspicious in this way."""
    unknown, over = uuid.uuid4(), "x" * 20000
    return {
        "malformed_id": lambda: client.get("/session/x/info"),
        "guessing": lambda: client.get(f"/session/{unknown}/info"),
        "origin": lambda: client.ask("POST", "/session/new", headers={
            "Origin": "https://other.example"}),
        "oversize": lambda: client.chat(over),
        "broken_json": lambda: client.ask("POST", CHAT, "{"),
    }[kind]()


COUNTED = {"malformed_id": 400, "guessing": 404, "origin": 403,
           "oversize": 413, "broken_json": 400}


@pytest.mark.parametrize("kind", COUNTED)
def test_suspicious_requests_have_one_line_a_minute(server, kind):
    client = Client(server.port)
    seen = told(server, kind)
    before = metric(client, kind)
    for _ in range(3):
        reply = suspicious(client, kind)
        assert reply.status == COUNTED[kind], reply.body
    wait_for(lambda: metric(client, kind) == before + 3)
    wait_for(lambda: told(server, kind))
    assert seen <= told(server, kind) <= seen + 2


def told(server, kind):
    """How many lines there are of a kind, also of tests before this one."""
    return server.log.read_text(errors="replace").count(
        f"event=suspicious kind={kind} ")


def metric(client, kind):
    found = re.search(
        rf'^causerie_suspicious_total{{kind="{kind}"}} (\d+)$',
        client.get("/metrics").body.decode(), re.M)
    return int(found[1]) if found else 0


def minutes(program):
    """How many minutes it has run, the one that had begun as well."""
    first, *_, last = (datetime.fromisoformat(line["time"][:-1])
                       for line in lines(program.log))
    return 1 + (last - first).seconds // 60


def hidden(program, event):
    return sum(int(line["lines"])
               for line in events(program.log, "log_limited", of=event))


def test_a_storm_of_refusals_is_counted_not_written(launch):
    program = launch({"rate_new": "2/3600"})
    with Peer(program.address) as peer:
        got = [peer.ask("POST", "/session/new", keep=True).status
               for _ in range(500)]
    stop(program)
    assert got == [200] * 2 + [429] * 498
    told = events(program.log, "suspicious", kind="rate")
    assert sum(int(line["count"]) for line in told) == 498
    assert told[0]["count"] == "1" and len(told) <= 2 * minutes(program)
    requests = events(program.log, "request")
    assert [line["status"] for line in requests[:3]] == ["200", "200", "429"]
    assert told[0]["id"] == requests[2]["id"]
    assert len(requests) < 2 + len(told)


def test_a_storm_of_broken_requests_is_counted_not_written(launch):
    program = launch()
    for _ in range(40):
        with Peer(program.address) as peer:
            peer.send(b"\x02" * 64)
            peer.closed()
    stop(program)
    shown = len(events(program.log, "fastcgi"))
    assert shown <= 10 * minutes(program)
    assert shown + hidden(program, "fastcgi") == 40


def test_a_storm_from_many_clients_fills_no_disk(launch):
    program = launch()
    with Peer(program.address) as peer:
        for i in range(2500):
            status = peer.ask("GET", "/session/x/info", keep=True,
                              REMOTE_ADDR=f"10.9.{i // 250}.{i % 250}").status
            assert status == 400
    stop(program)
    for event, most in ("request", 1000), ("suspicious", 100):
        shown = len(events(program.log, event))
        assert shown <= most * minutes(program)
        assert shown + hidden(program, event) == 2500


# where it goes


@pytest.fixture
def to_file(launch, tmp_path):
    """The program with its log in a file, beside its socket."""
    tmp_path.chmod(0o755)
    file = tmp_path / "causerie.log"
    program = launch({"log_target": file})
    program.file = file
    return program


def ask(program, id):
    with Peer(program.address) as peer:
        assert peer.ask(HTTP_X_REQUEST_ID=id).status == 200


def has(path, id):
    return path.exists() and f"id={id} " in path.read_text()


def test_a_file_is_made_for_owner_and_group(to_file):
    ask(to_file, "one")
    stop(to_file)
    assert stat.S_IMODE(to_file.file.stat().st_mode) == 0o640
    assert {"start", "request", "drain", "stop"} <= {
        line["event"] for line in lines(to_file.file)}
    assert to_file.log.read_text() == ""


def test_sighup_opens_the_file_anew(to_file):
    moved = to_file.file.with_suffix(".1")
    ask(to_file, "one")
    wait_for(lambda: has(to_file.file, "one"))
    to_file.file.rename(moved)
    ask(to_file, "two")
    wait_for(lambda: has(moved, "two"))
    to_file.child.send_signal(signal.SIGHUP)
    wait_for(lambda: to_file.file.exists() and
             events(to_file.file, "log_reopened"))
    ask(to_file, "three")
    stop(to_file)
    assert has(to_file.file, "three") and not has(moved, "three")


def test_without_a_new_file_the_old_one_is_kept(to_file):
    moved = to_file.file.with_suffix(".1")
    to_file.file.rename(moved)
    to_file.file.mkdir()
    to_file.child.send_signal(signal.SIGHUP)
    wait_for(lambda: events(moved, "log_not_reopened"))
    ask(to_file, "one")
    stop(to_file)
    assert has(moved, "one")


def test_a_full_disk_is_no_end(launch):
    program = launch({"log_target": "/dev/full"})
    for i in range(100):
        ask(program, f"r-{i}")
    program.child.send_signal(signal.SIGHUP)
    ask(program, "last")
    stop(program)


@pytest.mark.parametrize("option", [(), ("-t",)])
@pytest.mark.parametrize("target, reason", [
    ("/no/such/directory/log", "No such file or directory"),
    ("/", "Is a directory"), ("stdout", "stderr, syslog or /path/of/file"),
    ("", "stderr, syslog or /path/of/file")])
def test_a_wrong_target_ends_the_start(place, option, target, reason):
    status, errors = run(place, *option, "-l", "unix:" + place.socket, "-s",
                         f"log_target={target}")
    assert status != 0
    assert "log_target" in errors and reason in errors
    assert errors.count("\n") == 1


def test_t_checks_the_file_and_makes_none(place):
    file = place.run / "causerie.log"
    assert run(place, "-t", "-s", f"log_target={file}")[0] == 0
    assert not file.exists()


def test_sighup_ends_no_program_of_a_web_server(server):
    client, pid = Client(server.port), None
    assert client.get("/health").status == 200
    pid = server.pid()
    os.kill(pid, signal.SIGHUP)
    assert client.get("/health").status == 200
    assert server.pid() == pid


# syslog(3): a daemon of our own, where /dev is another one for the program


class Daemon:
    def __init__(self, place):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(place.path / "devlog"))
        self.socket.settimeout(DEADLINE)

    def read(self):
        return self.socket.recv(65536).decode()


@pytest.fixture
def syslog(place):
    """A daemon, and the program that writes to it."""
    hidden = 'mount -t tmpfs tmpfs /dev && ln -s "$0" /dev/log && ' \
        'mknod /dev/null c 1 3 && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", hidden,
               str(place.path / "devlog")]
    if tool("unshare") is None or subprocess.run(
            command + ["true"], capture_output=True).returncode != 0:
        pytest.skip("needs root, to give the program another /dev")
    daemon = Daemon(place)
    daemon.child = place.start(
        command + place.command + ["-l", "unix:" + place.socket, "-s",
                                   "log_target=syslog"])
    wait_for(lambda: accepts(place.socket), what=place.log.read_text())
    yield daemon
    daemon.socket.close()


def test_syslog_gets_lines_with_their_weight(place, syslog):
    with Peer(place.socket) as peer:
        peer.ask(HTTP_X_REQUEST_ID="one")
    seen = {}
    while "request" not in seen:
        head, line = syslog.read().split(": ", 1)
        fields = parse(line)
        seen[fields["event"]] = head
    assert re.fullmatch(r"<29>.* causerie\[\d+\]", seen["start"])
    assert seen["request"].startswith("<30>")


def test_a_syslog_that_stands_still_holds_nobody_up(place, syslog):
    with Peer(place.socket) as peer:
        for _ in range(2000):
            assert peer.ask(keep=True).status == 200
    syslog.child.terminate()
    assert syslog.child.wait(5 + 3) == 0


def test_without_a_daemon_syslog_is_refused(place):
    if os.path.exists("/dev/log"):
        pytest.skip("there is one")
    status, errors = run(place, "-t", "-s", "log_target=syslog")
    assert status != 0
    assert "/dev/log" in errors
