"""A name server that is silent makes nobody wait but those who need the name;
it is asked once, however many do."""

import json
import os
import shutil
import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from fcgi import Peer, Reply
from model import SPARE, Outcome, read_all, serve, simulator
from webservers import DEADLINE, TOP, wait_for

__all__ = ["serve", "simulator"]

PATIENT = {"threads": 1, "llm_connect_timeout_seconds": DEADLINE,
           "llm_first_token_seconds": DEADLINE, "turns_per_ip": 0,
           "llm_timeout_seconds": DEADLINE, "llm_retries": 0}
CHATS = 40


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    if shutil.which("cc") is None:
        pytest.skip("no compiler for the name server")
    path = tmp_path_factory.mktemp("names") / "names.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", path,
                    TOP / "tests" / "tools" / "names.c"], check=True)
    return path


class Names:
    def __init__(self, shim, directory):
        self.told, self.asked = directory / "told", directory / "asked"
        options = os.environ.get("ASAN_OPTIONS", "")
        self.environ = {
            "LD_PRELOAD": str(shim), "NAMES_TOLD": str(self.told),
            "NAMES_ASKED": str(self.asked),
            "ASAN_OPTIONS": options + ":verify_asan_link_order=0"}

    def tell(self):
        self.told.touch()

    @property
    def questions(self):
        return self.asked.stat().st_size if self.asked.exists() else 0


@pytest.fixture
def names(shim, tmp_path):
    server = Names(shim, tmp_path)
    yield server
    server.tell()


@pytest.fixture
def start(serve, simulator, names):
    def start(**settings):
        url = f"http://model.silent:{simulator.port}/v1"
        return serve(url, {**PATIENT, **settings}, environ=names.environ)
    return start


def is_served(service):
    with Peer(service.address, DEADLINE) as peer:
        return peer.ask("GET", "/health").status == 200


def count(service, what):
    return len(list((Path("/proc") / str(service.child.pid) / what).iterdir()))


def begin_many(service, stack, n=CHATS):
    return [stack.enter_context(service.begin("[[tokens=2]]", None, True))
            for _ in range(n)]


def test_who_leaves_holds_up_nobody(start, names):
    service = start()
    for n in range(3):
        with ExitStack() as stack:
            for peer in begin_many(service, stack):
                peer.read_until(b'"start"')
            wait_for(lambda: names.questions)
            assert is_served(service)
        assert is_served(service)
    assert names.questions == 1
    names.tell()
    assert service.chat("[[tokens=2]]").text == "mot.1 mot.2"


def test_who_waits_for_a_name_takes_no_more_than_another(start, names):
    service = start()
    assert is_served(service)
    fds, threads = count(service, "fd"), count(service, "task")
    with ExitStack() as stack:
        for peer in begin_many(service, stack):
            peer.read_until(b'"start"')
        wait_for(lambda: names.questions)
        assert count(service, "fd") <= fds + 2 * CHATS
        assert count(service, "task") <= threads + 1


def test_all_go_on_when_it_is_told(start, names, simulator):
    service = start()
    with ExitStack() as stack:
        peers = begin_many(service, stack)
        for peer in peers[:10]:
            peer.read_until(b'"start"')
            peer.socket.close()
        names.tell()
        for peer in peers[10:]:
            raw = read_all(peer)
            outcome = Outcome(Reply(*raw.split(b"\r\n\r\n", 1)), raw, 0)
            assert outcome.text == "mot.1 mot.2"
    for _ in range(5):
        assert service.chat("[[tokens=1]]").text == "mot.1"
    assert names.questions == 1


def test_a_wait_has_an_end(start, names, simulator):
    service = start(llm_connect_timeout_seconds=0.3,
                    llm_first_token_seconds=30, llm_timeout_seconds=60)
    for stream in False, True:
        outcome = service.chat("Bonjour", None, stream)
        assert (outcome.status, outcome.code) == (504, "upstream_timeout")
        assert outcome.seconds < 0.3 + SPARE
    names.tell()
    wait_for(lambda: service.chat("[[tokens=1]]").text == "mot.1")
    assert simulator.calls == 1


def test_the_program_ends_at_once(start, names):
    service = start()
    with ExitStack() as stack:
        for peer in begin_many(service, stack):
            peer.read_until(b'"start"')
        wait_for(lambda: names.questions)
        begun = time.monotonic()
        service.child.send_signal(signal.SIGTERM)
        assert service.child.wait(DEADLINE) == 0
        assert time.monotonic() - begun < 5 + SPARE


def test_a_host_of_many_addresses_is_found(serve, simulator, names):
    """Of both versions, of which the last one answers."""
    service = serve(f"http://model.many:{simulator.port}/v1",
                    {**PATIENT, "llm_retries": 2}, environ=names.environ)
    for _ in range(3):
        assert service.chat("[[tokens=1]]").text == "mot.1"
    assert names.questions == 1
    assert simulator.calls == 3


def test_an_address_needs_no_name_server(serve, simulator, names):
    service = serve(simulator.base_url, PATIENT, environ=names.environ)
    assert service.chat("[[tokens=1]]").text == "mot.1"
    assert names.questions == 0
    assert json.loads(service.ask("GET", "/health").body)
