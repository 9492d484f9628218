"""The program with a language model behind it: our simulator and aimock, a
server that sends what a test wrote down, and what came of a turn."""

import json
import os
import re
import socket
import ssl
import struct
import sys
import threading
import time
from pathlib import Path

import pytest

import fcgi
import openapi
from client import CHAT
from fcgi import Peer
from webservers import (DEADLINE, TOP, Direct, environment, is_instrumented,
                        program)

sys.path.append(str(TOP / "tests" / "upstream"))
os.environ.setdefault("CAUSERIE_UPSTREAM", str(
    Path(program("causerie")).parent / "bench" / "upstream"))

import aimock  # noqa: E402
import npm  # noqa: E402
from sim import Upstream  # noqa: E402

KEY = "sk-canary-51f0c2d9e7"
# seconds after a deadline, within which all must have ended: less than from
# there to the next one, and enough for a machine that is busy
SPARE = 10.0 if is_instrumented() else 4.5

# deadlines that a busy machine meets, and a first retry that still fits
SETTINGS = {
    "llm_model": "simulated", "llm_connect_timeout_seconds": 2,
    "llm_first_token_seconds": 3, "llm_stall_seconds": 2,
    "llm_timeout_seconds": 8, "llm_retries": 1,
}


class Simulator(Upstream):
    def prepare(self, message):
        """It reads what it is to do in the message itself."""

    @property
    def calls(self):
        return self.stats()["calls"]

    def is_idle(self):
        return self.stats()["open"] == 0


class Aimock(aimock.Aimock):
    def is_idle(self):
        return True  # it does not tell


def rows_for_both(rows):
    """Each row, which begins with directives, for our simulator, and for aimock
    where it can do that; to be parametrized as "simulator, ..."."""
    def can(directives):
        try:
            return bool(aimock.fixtures(f"[[{directives}]]"))
        except aimock.Unable:
            return False
    return [("ours", *row) for row in rows] + [
        ("aimock", *row) for row in rows if can(row[0])]


# for tests that need nothing but what both can do
WITH_BOTH = pytest.mark.parametrize("simulator", ["ours", "aimock"],
                                    indirect=True)


class Scripted:
    """Answers each request on a connection of its own, with the same bytes, in
    which {authorization} is what the request said; a certificate makes it
    speak TLS."""

    def __init__(self, reply=b"", certificate=None):
        self.reply, self.requests, self.tls = reply, [], None
        if certificate is not None:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate)
        self.socket = socket.create_server(("127.0.0.1", 0))
        scheme = "http" if certificate is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self.socket.getsockname()[1]}/v1"
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            try:
                self.answer(peer)
            except OSError:
                pass
            finally:
                peer.close()

    def answer(self, peer):
        peer.settimeout(DEADLINE)
        if self.tls is not None:
            peer = self.tls.wrap_socket(peer, server_side=True)
        request = b""
        while b"\r\n\r\n" not in request or not request.endswith(b"}"):
            more = peer.recv(65536)
            if not more:
                return
            request += more
        self.requests.append(request)
        found = re.search(rb"\r\nauthorization: (.*?)\r\n", request, re.I)
        peer.sendall(self.reply.replace(
            b"{authorization}", found[1] if found else b""))
        peer.shutdown(socket.SHUT_WR)
        peer.recv(1)

    def end(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(DEADLINE)


def http_reply(status, body, *fields):
    head = [f"HTTP/1.1 {status} Simulated", f"Content-Length: {len(body)}",
            "Connection: close", *fields, "", ""]
    return "\r\n".join(head).encode() + body


class Outcome:
    """What a client heard of one turn: streamed or not, in the same words."""

    def __init__(self, reply, raw, seconds):
        self.status, self.headers = reply.status, reply.headers
        self.raw, self.seconds = raw, seconds
        kind = self.headers["Content-Type"].split(";")[0]
        self.streamed = kind == "text/event-stream"
        self.events = events_of(reply.body) if self.streamed else []
        self.end = self.events[-1] if self.streamed else \
            json.loads(reply.body.decode())
        if self.streamed:
            self.check_stream()
        else:
            assert kind == ("application/json" if self.status == 200 else
                            "application/problem+json")
        openapi.check_reply("POST", CHAT, self.status, self.headers,
                            reply.body)
        self.failed = "response" not in self.end
        self.code = self.end.get("code")
        self.text = self.end.get("response")
        if self.failed:
            self.status = self.end["status"]
            assert self.end["title"] and self.end["detail"]
        else:
            assert self.end["success"] is True
            assert (self.code is None) == ("status" not in self.end)

    def check_stream(self):
        kinds = [event["type"] for event in self.events]
        assert kinds[0] == "start" and kinds[-1] in ("done", "error")
        assert set(kinds[2:-1]) <= {"delta"}
        assert set(kinds[1:2]) <= {"sources", "delta", kinds[-1]}
        deltas = "".join(event["text"] for event in self.events[1:-1]
                         if event["type"] == "delta")
        assert deltas == self.end.get("response", "")


def events_of(body):
    """The events of a whole stream; everything in it is one or a ping."""
    events = []
    for part in body.decode().split("\n\n"):
        if part.startswith("data: "):
            assert "\n" not in part and "\r" not in part
            events.append(json.loads(part[6:]))
        else:
            assert part in ("", ": ping"), part
    return events


class Service(Direct):
    """The program alone, with a model at this URL."""

    def __init__(self, url, settings={}, prepare=None, key=KEY, environ={},
                 **options):
        self.prepare = prepare or (lambda message: None)
        if key is not None:
            environ = {"CAUSERIE_LLM_API_KEY": key, **environ}
        super().__init__("causerie", {
            **SETTINGS, "llm_base_url": url, **settings},
            env=environment(**environ), **options)

    def ask(self, method, path, body=None, **params):
        data = b"" if body is None else json.dumps(body).encode()
        with Peer(self.address) as peer:
            return peer.ask(method, path, data, **params)

    def new(self):
        return json.loads(self.ask("POST", "/session/new").body)["session_id"]

    def messages(self, session):
        reply = self.ask("GET", f"/session/{session}/messages")
        assert reply.status == 200, reply.body
        return json.loads(reply.body)["messages"]

    def begin(self, message, session=None, stream=False, **params):
        """Begin a turn; its answer is to be read from the Peer."""
        self.prepare(message)
        body = json.dumps({"message": message, "session_id": session,
                           "stream": stream}).encode()
        peer = Peer(self.address)
        peer.send(fcgi.request("POST", CHAT, body, **params))
        return peer

    def chat(self, message, session=None, stream=False, **params):
        """A whole turn."""
        begun = time.monotonic()
        with self.begin(message, session, stream, **params) as peer:
            raw = read_all(peer)
        return Outcome(fcgi.Reply(*raw.split(b"\r\n\r\n", 1)), raw,
                       time.monotonic() - begun)

    def end(self):
        """As everywhere, and the key is in no log line."""
        log = self.log.read_bytes()
        super().end()
        assert KEY.encode() not in log
        assert b"canary" not in log


def read_all(peer):
    """STDOUT to its end; fast, so that the program never waits for us."""
    with peer.socket.makefile("rb", 1 << 16) as file:
        out = []
        while True:
            _, kind, _, size, padding = struct.unpack("!BBHHBx", file.read(8))
            content = file.read(size)
            file.read(padding)
            if kind == fcgi.END_REQUEST:
                assert content[:5] == bytes(5)
                return b"".join(out)
            assert kind == fcgi.STDOUT
            out.append(content)


@pytest.fixture
def simulator(request):
    """Our simulator, unless the test wants aimock."""
    if getattr(request, "param", "ours") == "aimock":
        model = request.getfixturevalue("other_model")
        model.reset()
        yield model
    else:
        with Simulator() as simulator:
            yield simulator


@pytest.fixture
def scripted():
    """Start a Scripted server."""
    started = []

    def start(*args, **kwargs):
        started.append(Scripted(*args, **kwargs))
        return started[-1]
    yield start
    for server in started:
        server.end()


@pytest.fixture
def serve(request):
    """Start the program, with a model at a URL and with settings."""
    started = []
    prepare = None
    if "simulator" in request.fixturenames:
        prepare = request.getfixturevalue("simulator").prepare

    def start(url, settings={}, **options):
        started.append(Service(url, settings, prepare, **options))
        return started[-1]
    yield start
    for service in started:
        service.end()


@pytest.fixture
def service(simulator, serve):
    """The program before the simulator."""
    return serve(simulator.base_url)
