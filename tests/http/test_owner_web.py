"""The owner behind real web servers, which are reloaded under its streams."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from client import Client
from webservers import (DEADLINE, NEEDED, OWNED_KINDS, WebServer, tool,
                        wait_for)

STREAMS = 20
SESSIONS = int(os.environ.get("CAUSERIE_OWNER_SESSIONS", "200"))


def web_server(kind, settings={}):
    for needed in NEEDED[kind]:
        if tool(needed) is None:
            pytest.skip(f"{needed} is not installed")
    return WebServer(kind, "causerie-paced", settings)


@pytest.fixture(params=OWNED_KINDS)
def web(request):
    server = web_server(request.param)
    yield server
    server.end()


@pytest.fixture
def fcgid():
    server = web_server("apache-fcgid")
    yield server
    server.end()


def owner(server):
    for pid in server.pids():
        if "(deleted)" not in os.readlink(f"/proc/{pid}/exe") and \
                len(os.listdir(f"/proc/{pid}/task")) > 1:
            return pid
    return None


def start_streams(client, message, count=STREAMS):
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: client.stream(message), range(count)))


def reload(server):
    """What apachectl graceful and systemctl reload lighttpd do; the processes
    of the program there were before."""
    again = "resuming normal operations"
    before, count = set(server.pids()), server.log.read_text().count(again)
    server.children[-1].send_signal(signal.SIGUSR1)
    if server.kind != "lighttpd":
        wait_for(lambda: server.log.read_text().count(again) > count,
                 what="Apache's restart")
    return before


class Users:
    """Threads that chat all the while; none may be refused. Not through Apache:
    a request that waits for a process when mod_fcgid's manager of processes
    restarts may wait for ever, or get a 500, whatever the program does."""

    def __init__(self, web, client, sessions):
        self.client, self.sessions = client, sessions
        self.done, self.failed, self.count = threading.Event(), [], 0
        self.threads = [threading.Thread(target=self.use, args=[n])
                        for n in range(3 if web.kind == "lighttpd" else 0)]

    def use(self, n):
        while not self.done.is_set():
            try:
                reply = self.client.chat("bonjour", self.sessions[n])
                if reply.status != 200 or reply.json["new_session"]:
                    self.failed.append((reply.status, reply.body))
                self.count += 1
            except OSError as error:
                self.failed.append(error)

    def go_on(self):
        """Wait until they have chatted more."""
        count = self.count
        wait_for(lambda: not self.threads or self.count > count + 10)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        for thread in self.threads:
            thread.join(DEADLINE)


def check_all(client, streams, sessions):
    for stream in streams:
        assert "mot60" in stream.until("done")["response"]
        stream.leave()
    stats = client.get("/sessions/stats").json
    assert stats["active_sessions"] == len(sessions) + len(streams)


def test_a_reload_breaks_no_stream_and_loses_no_session(web):
    client = Client(web.port)
    sessions = [client.new() for _ in range(SESSIONS)]
    first = owner(web)
    streams = start_streams(client, "paced 60 50")
    with Users(web, client, sessions) as users:
        before = reload(web)
        wait_for(lambda: client.get("/sessions/stats").status == 200 and
                 set(web.pids()) - before, what="a new process")
        users.go_on()
    assert not users.failed, users.failed[:3]
    assert owner(web) == first
    check_all(client, streams, sessions)


def test_an_upgrade_breaks_no_stream_and_loses_no_session(web):
    client = Client(web.port)
    sessions = [client.new() for _ in range(SESSIONS)]
    first = owner(web)
    streams = start_streams(client, "paced 60 50")
    with web.conf.open("a") as conf:
        conf.write("turn_wait_seconds = 59\n")
    with Users(web, client, sessions) as users:
        reload(web)
        wait_for(lambda: client.get("/sessions/stats").status == 200 and
                 "event=taken_over" in web.log.read_text(),
                 what="the new owner")
        users.go_on()
    assert not users.failed, users.failed[:3]
    check_all(client, streams, sessions)
    wait_for(lambda: first not in web.pids(), what="the old owner's end")


def test_a_killed_owner_is_replaced(web):
    client = Client(web.port)
    session = client.new()
    first = owner(web)
    os.kill(first, signal.SIGKILL)
    began = time.monotonic()
    statuses = []

    def answered():
        statuses.append(client.get(f"/session/{session}/info").status)
        return statuses[-1] == 404
    wait_for(answered, what="a new owner")
    assert set(statuses) <= {404, 500, 503}, statuses
    assert time.monotonic() - began < DEADLINE
    assert owner(web) not in (None, first)


def test_chats_through_mod_fcgid_run_at_the_same_time(fcgid):
    """Each on a process of its own, all in the same sessions."""
    client = Client(fcgid.port)
    session = client.new()
    streams = start_streams(client, "paced 2 60000", 32)
    ids = {stream.until("start")["session_id"] for stream in streams}
    assert len(ids) == 32
    # not one of them has ended, and there is room for more
    assert client.info(session)["message_count"] == 0
    assert client.get("/sessions/stats").json["active_sessions"] == 33
    assert len(fcgid.pids()) >= 32
    for stream in streams:
        stream.leave()
