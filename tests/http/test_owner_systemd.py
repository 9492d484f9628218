"""What systemd does with share/systemd, without systemd: it keeps the socket,
starts the unit's command with it on standard input, ends the main process only,
and starts it anew. nginx stands in front and keeps its connections."""

import os
import re
import shlex
import signal
import socket
import subprocess
import time

import pytest

from client import Client
from fcgi import request
from owners import Process
from test_owner_web import (SESSIONS, Streams, Users, check_sessions,
                            make_sessions, owner)
from webservers import DEADLINE, NEEDED, TOP, WebServer, tool, wait_for


def unit(name):
    """The settings of a unit file; none of ours is set twice on purpose."""
    lines = (TOP / "share" / "systemd" / name).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines
                if "=" in line and not line.startswith("#"))


class Unit(WebServer):
    """nginx or lighttpd before the service."""

    def __init__(self, kind):
        self.service, self.socket_unit = (
            unit("causerie.service"), unit("causerie.socket"))
        self.listener = self.main = None
        super().__init__(kind, "causerie-paced")

    def spawn(self):
        """socket(7) as causerie.socket has it, and the service's start."""
        if self.listener is not None:
            return
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.socket)
        (self.run / "causerie.sock").chmod(0o666)
        self.listener.listen(int(self.socket_unit["Backlog"]))
        self.start_main()

    def lighttpd_socket(self):
        self.spawn()
        self.lighttpd(app="")

    def start_main(self):
        assert self.service["StandardInput"] == "socket"
        command = shlex.split(self.service["ExecStart"])
        assert command == ["/usr/bin/causerie", "-f", "/etc/causerie.conf",
                           "-s", "owner_dir=/run/causerie/owner"]
        self.main = self.start(
            self.command + ["-s", f"owner_dir={self.own}", "-s",
                            f"log_target={self.path}/owner.log"],
            stdin=self.listener, env=self.environment())

    def stop_main(self):
        assert self.service["KillMode"] == "process"
        self.main.send_signal(signal.SIGTERM)
        assert self.main.wait(DEADLINE) == 0

    def end(self):
        super().end()
        self.listener.close()


def size(text):
    """Bytes, as systemd and settings write them."""
    return int(text[:-1]) << {"M": 20, "G": 30}[text[-1]]


def test_it_is_never_given_up():
    """systemd's default is five starts in ten seconds, then never again."""
    service = unit("causerie.service")
    assert service["Restart"] == "always"
    assert service["StartLimitIntervalSec"] == "0"


def test_there_is_memory_for_two_owners():
    service = unit("causerie.service")
    done = subprocess.run([os.environ["CAUSERIE_SETTINGS"], "markdown"],
                          text=True, capture_output=True, check=True)
    limit = re.search(r"`memory_limit` \| (\w+) ", done.stdout)[1]
    assert size(service["MemoryMax"]) >= 3 * size(limit)
    assert service["OOMPolicy"] == "continue"


@pytest.mark.skipif(tool("systemd-analyze") is None, reason="no systemd")
def test_systemd_understands_the_units(tmp_path):
    for name in "causerie.service", "causerie.socket":
        text = (TOP / "share" / "systemd" / name).read_text()
        (tmp_path / name).write_text(text.replace("/usr/bin/causerie",
                                                  "/bin/true"))
    done = subprocess.run(
        [tool("systemd-analyze"), "verify", "--man=no",
         str(tmp_path / "causerie.service")], capture_output=True, text=True)
    assert done.returncode == 0 and "causerie" not in done.stderr, done.stderr


def started(kind):
    for needed in NEEDED[kind]:
        if tool(needed) is None:
            pytest.skip(f"{needed} is not installed")
    service = Unit(kind)
    yield service
    service.end()


@pytest.fixture
def service():
    yield from started("nginx")


@pytest.fixture
def lighttpd():
    yield from started("lighttpd-socket")


class Direct(Process):
    """The service's socket itself, past nginx."""

    def __init__(self, service):
        self.address = service.socket


@pytest.mark.parametrize("change", ["nothing", "program", "settings"])
def test_a_restart_loses_nothing(service, change):
    client, direct = Client(service.port), Direct(service)
    ids = make_sessions(direct, SESSIONS)
    first = owner(service)
    streams = Streams(client)
    if change == "program":
        service.new_program()
    elif change == "settings":
        with service.conf.open("a") as conf:
            conf.write("turn_wait_seconds = 59\n")
    with Users(client) as users:
        service.stop_main()
        service.start_main()
        if change != "nothing":
            wait_for(lambda: "event=taken_over" in
                     (service.path / "owner.log").read_text(),
                     what="the new owner")
        users.go_on()
    users.check()
    streams.check()
    check_sessions(direct, ids)
    stats = client.get("/sessions/stats").json
    assert stats["active_sessions"] == \
        len(ids) + len(streams) + len(users.sessions)
    if change == "nothing":
        assert owner(service) == first
    else:
        wait_for(lambda: first not in service.pids(), what="the old one's end")


def test_lighttpd_is_reloaded_under_streams(lighttpd):
    """It waits for no stream's end when it has not started the program."""
    client, direct = Client(lighttpd.port), Direct(lighttpd)
    ids = make_sessions(direct, SESSIONS)
    streams = Streams(client)
    before = lighttpd.log.read_text().count("server started")
    with Users(client) as users:
        lighttpd.server.send_signal(signal.SIGUSR1)
        wait_for(lambda: lighttpd.log.read_text().count("server started") >
                 before, what="lighttpd's restart")
        users.go_on()
    users.check()
    streams.check()
    check_sessions(direct, ids)


def test_who_comes_while_it_is_stopped_is_answered_by_the_next(service):
    client = Client(service.port)
    session = client.new()
    service.stop_main()
    with Direct(service).peer() as peer:
        wait_for(lambda: "listeners=0" in status(service))
        peer.send(request("GET", f"/session/{session}/info"))
        service.start_main()
        assert peer.read_reply().status == 200


def status(service):
    return subprocess.run(
        service.command + ["-s", f"owner_dir={service.own}",
                           "--owner-status"], capture_output=True, text=True,
        env=service.environment(), timeout=DEADLINE).stdout


def test_a_killed_owner_is_replaced(service):
    """systemd starts the main process anew when it ends (Restart=always)."""
    assert service.service["Restart"] == "always"
    client = Client(service.port)
    session = client.new()
    first = owner(service)
    os.kill(first, signal.SIGKILL)
    began = time.monotonic()
    # who has not yet heard that the owner has its socket makes a new one itself
    wait_for(lambda: service.main.poll() is not None or
             owner(service) not in (None, first), what="the main process")
    if service.main.poll() is not None:
        assert service.main.returncode == 0
        service.start_main()
    wait_for(lambda: client.get(f"/session/{session}/info").status == 404)
    print(f"a new owner after {1000 * (time.monotonic() - began):.0f} ms, and "
          f"RestartSec={service.service['RestartSec']} of systemd's")
