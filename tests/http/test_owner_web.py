"""The owner behind real web servers, which are reloaded, upgraded and robbed of
it under fifty streams. `make check-owner' has the full numbers."""

import http.client
import json
import os
import signal
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from client import CHAT, Client
from fcgi import request
from owners import Process
from webservers import (DEADLINE, NEEDED, OWNED_KINDS, ROOT, WebServer, tool,
                        wait_for)

STREAMS = 50
SPARE = 8  # processes of mod_fcgid that wait for a request
SESSIONS = int(os.environ.get("CAUSERIE_OWNER_SESSIONS", "500"))
KILLS = int(os.environ.get("CAUSERIE_OWNER_KILLS", "2"))
# Who waits for a process in the moment when Apache restarts may wait for ever,
# whatever the program is: apache-fcgid.conf says why. Where there are processes
# to spare nobody waits, unless the machine is so busy that a request takes
# longer than mod_fcgid does to end.
GRACEFUL = bool(os.environ.get("CAUSERIE_OWNER_GRACEFUL"))


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


def beside(server):
    """A further process of the same owner, which tests speak FastCGI to."""
    who = {"user": "www-data", "group": "www-data", "extra_groups": []} \
        if ROOT and server.kind == "apache-fcgid" else {}
    return Process(server, len(server.children),
                   ["-s", f"owner_dir={server.own}"], **who)


def make_sessions(process, count):
    whole = request("POST", "/session/new", keep=True)
    ids = []
    with process.peer() as peer:
        for _ in range(count):
            peer.send(whole)
            ids.append(json.loads(peer.read_reply().body)["session_id"])
    return ids


def check_sessions(process, ids):
    """Each of them is there, as it was made."""
    with process.peer() as peer:
        for session in ids:
            peer.send(request("GET", f"/session/{session}/info", keep=True))
            reply = peer.read_reply()
            assert reply.status == 200, (session, reply.body)
            assert json.loads(reply.body)["message_count"] == 0


class Streams:
    """Streams that run until they are stopped, and some that end before; or,
    where a reload waits for their end, all of them."""

    SHORT = 10
    WORDS = 40

    def __init__(self, client, endless=True):
        self.client, self.endless = client, endless
        self.message = f"paced {100000 if endless else 2 * self.WORDS} 50"
        with ThreadPoolExecutor(STREAMS + SPARE) as pool:
            streams = list(pool.map(
                lambda n: client.stream(self.message),
                range(STREAMS + SPARE)))
        self.running = [self.begun(stream) for stream in streams]
        for running in self.running[STREAMS:]:
            self.stopped(*running)
        self.running = self.running[:STREAMS]
        self.short = [client.stream(f"paced {self.WORDS} 50")
                      for _ in range(self.SHORT)]

    def begun(self, stream):
        return stream, stream.until("start")["session_id"], \
            stream.until("delta")["text"]

    def stopped(self, stream, session, words):
        """Stop an answer, and see that it is whole up to there."""
        if not self.client.stop(session).json["stopped"]:
            rest = list(stream)
            raise AssertionError(f"it has ended: {rest[-1:]}, "
                                 f"{self.client.messages(session)[1:]}")
        for event in stream:
            if event["type"] != "delta":
                break
            words += event["text"]
        stream.leave()
        assert event["type"] == "done" and event["code"] == "stopped", event
        count = len(words.split())
        assert words == " ".join(f"mot{n + 1}" for n in range(count))
        assert event["response"] == words
        question, answer = wait_for(lambda: self.client.messages(session))
        assert question["content"] == self.message
        assert answer["content"] == words
        assert answer["status"] == "interrupted"

    def check(self):
        """None was broken: those that were to run still do."""
        for running in self.running:
            if self.endless:
                self.stopped(*running)
            else:
                self.ended(running[0], 2 * self.WORDS)
        for stream in self.short:
            self.ended(stream, self.WORDS)

    def ended(self, stream, words):
        done = stream.until("done")
        assert done["response"] == " ".join(
            f"mot{n + 1}" for n in range(words)), done
        assert "status" not in done
        stream.leave()

    def __len__(self):
        return STREAMS + SPARE + self.SHORT


class Users:
    """Threads that chat all the while, on new connections and on kept ones;
    none may be refused, and each message counts once."""

    NEW, KEPT = 3, 2

    def __init__(self, client, during=True):
        self.client = client
        count = self.NEW + self.KEPT if during else 0
        self.sessions = [client.new() for _ in range(count)]
        self.counts = [0] * count
        self.done, self.failed, self.renewed = threading.Event(), [], 0
        self.threads = [threading.Thread(target=self.use, args=[n])
                        for n in range(count)]

    def use(self, n):
        connection = None
        while not self.done.is_set():
            try:
                connection = self.chat(n, connection)
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
                connection = None
            if connection is not None and n < self.NEW:
                connection.close()
                connection = None

    def chat(self, n, connection):
        """One message; the connection it was answered on. One that was kept
        may have been closed by the server meanwhile: then it is sent anew, as
        every browser does (RFC 9112, 9.3.1)."""
        was_kept = connection is not None
        if not was_kept:
            connection = http.client.HTTPConnection(
                "127.0.0.1", self.client.port, timeout=DEADLINE)
        try:
            connection.request("POST", CHAT, json.dumps({
                "message": "bonjour", "session_id": self.sessions[n]}),
                {"Content-Type": "application/json"})
            response = connection.getresponse()
        except (ConnectionError, http.client.RemoteDisconnected):
            connection.close()
            if not was_kept:
                raise
            self.renewed += 1
            return self.chat(n, None)
        body = response.read()
        self.counts[n] += 2
        if response.status != 200 or \
                json.loads(body)["message_count"] != self.counts[n]:
            self.failed.append((response.status, body, self.counts[n]))
        return connection

    def go_on(self):
        """Wait until each has chatted more."""
        counts = list(self.counts)
        wait_for(lambda: self.failed or all(
            now > before + 4 for now, before in zip(self.counts, counts)))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.go_on()
        return self

    def __exit__(self, *_):
        self.done.set()
        for thread in self.threads:
            thread.join(DEADLINE)

    def check(self):
        assert not self.failed, (len(self.failed), self.failed[:3])
        print(f"{sum(self.counts) // 2} messages, none refused; kept "
              f"connections that the web server closed: {self.renewed}")


class Scene:
    """A web server with sessions, streams and users."""

    def __init__(self, web, during=True):
        self.web, self.client = web, Client(web.port)
        self.client.new()
        self.beside = beside(web)
        self.ids = make_sessions(self.beside, SESSIONS)
        # lighttpd waits for their end before it takes a new request, since
        # it has started the program itself
        self.streams = Streams(self.client, web.kind != "lighttpd")
        self.users = Users(self.client, during)

    def check(self):
        self.users.check()
        self.streams.check()
        check_sessions(self.beside, self.ids)
        stats = self.client.get("/sessions/stats").json
        assert stats["active_sessions"] == 1 + len(self.ids) + \
            len(self.streams) + len(self.users.sessions)


def reload(server):
    """What apachectl graceful and systemctl reload lighttpd do; the processes
    of the program there were before."""
    again = "resuming normal operations"
    before, count = set(server.pids()), server.log.read_text().count(again)
    server.server.send_signal(signal.SIGUSR1)
    if server.kind != "lighttpd":
        wait_for(lambda: server.log.read_text().count(again) > count,
                 what="Apache's restart")
    return before


def test_a_reload_breaks_no_stream_and_loses_no_session(web):
    scene = Scene(web, GRACEFUL or web.kind == "lighttpd")
    first = owner(web)
    with scene.users:
        before = reload(web)
        wait_for(lambda: scene.client.get("/sessions/stats").status == 200 and
                 set(web.pids()) - before, what="a new process")
        scene.users.go_on()
    assert owner(web) == first
    scene.check()


def test_a_reload_with_other_settings_loses_nothing(web):
    scene = Scene(web, GRACEFUL or web.kind == "lighttpd")
    first = owner(web)
    with web.conf.open("a") as conf:
        conf.write("turn_wait_seconds = 59\n")
    with scene.users:
        reload(web)
        wait_for(lambda: scene.client.get("/sessions/stats").status == 200 and
                 "event=taken_over" in web.log.read_text(),
                 what="the new owner")
        scene.users.go_on()
    scene.check()
    wait_for(lambda: first not in web.pids(), what="the old owner's end")


def test_an_upgrade_needs_no_reload(web):
    """A process of the new program beside the web server's is enough."""
    scene = Scene(web)
    first = owner(web)
    web.new_program()
    with scene.users:
        scene.beside = beside(web)
        wait_for(lambda: "event=taken_over" in web.log.read_text(),
                 what="the new owner")
        scene.users.go_on()
    scene.check()
    wait_for(lambda: first not in web.pids(), what="the old owner's end")
    assert owner(web) not in (None, first)


def test_a_killed_owner_is_replaced(web):
    client, took = Client(web.port), []
    for _ in range(KILLS):
        session, first, statuses = client.new(), owner(web), []
        os.kill(first, signal.SIGKILL)
        began = time.monotonic()

        def answered():
            statuses.append(client.get(f"/session/{session}/info").status)
            return statuses[-1] == 404
        wait_for(answered, what="a new owner")
        took.append(1000 * (time.monotonic() - began))
        assert set(statuses) <= {404, 500, 503}, statuses
        assert owner(web) not in (None, first)
    print(f"{web.kind}: {KILLS} times a new owner, after "
          f"{statistics.median(took):.0f} ms, at most {max(took):.0f} ms")


def test_chats_through_mod_fcgid_run_at_the_same_time(fcgid):
    """Each on a process of its own, all in the same sessions."""
    client = Client(fcgid.port)
    session = client.new()
    with ThreadPoolExecutor(32) as pool:
        streams = list(pool.map(
            lambda _: client.stream("paced 2 60000"), range(32)))
    ids = {stream.until("start")["session_id"] for stream in streams}
    assert len(ids) == 32
    # not one of them has ended, and there is room for more
    assert client.info(session)["message_count"] == 0
    assert client.get("/sessions/stats").json["active_sessions"] == 33
    assert len(fcgid.pids()) >= 32
    for stream in streams:
        stream.leave()
