"""The key to the language model stays where it belongs: in the program's memory
and in what it says to the model."""

import json
import os
import re
import resource
import signal
from html import escape
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from model import KEY, http_reply, scripted, serve, service, simulator
from webservers import DEADLINE, ROOT

__all__ = ["scripted", "serve", "service", "simulator"]

NOBODY = 65534
UNLIMITED = resource.RLIM_INFINITY


def process(service):
    return Path("/proc") / str(service.child.pid)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("message, status", [
    ("[[tokens=3]]", 200), ("[[cut=2]]", 200), ("[[stall=2]]", 200),
    ("[[status=401]]", 502), ("[[status=503]]", 503), ("[[garbage=0]]", 502),
    ("[[endless_header]]", 502),
])
def test_no_reply_and_no_log_line_has_it(serve, simulator, stream, message,
                                         status):
    service = serve(simulator.base_url, {"log_level": "debug"})
    outcome = service.chat(message, None, stream)
    assert outcome.status == status
    assert f"Bearer {KEY}" == simulator.last().headers["authorization"]
    log = service.log.read_bytes()
    assert b"event=" in log
    assert KEY.encode() not in log + outcome.raw


def test_no_argument_has_it(service):
    assert service.chat("Bonjour").status == 200
    assert KEY.encode() not in (process(service) / "cmdline").read_bytes()


def test_it_is_refused_as_an_argument(service):
    run = service.start(service.command + ["-t", "-s", f"llm_api_key={KEY}"])
    assert run.wait(DEADLINE) == 2


# core files


@pytest.fixture
def cores():
    """What is started may leave cores of any size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard != UNLIMITED:
        pytest.skip("the limit of cores cannot be raised")
    resource.setrlimit(resource.RLIMIT_CORE, (UNLIMITED, UNLIMITED))
    yield
    resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def dies(child):
    """Make it crash; whether a core was made."""
    child.send_signal(signal.SIGABRT)
    end = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    child.wait(DEADLINE)
    assert end.si_code in (os.CLD_KILLED, os.CLD_DUMPED)
    return end.si_code == os.CLD_DUMPED


def test_a_crash_leaves_no_core(cores, service):
    assert service.chat("Bonjour").status == 200
    if not dies(service.start(["sleep", "600"])):
        pytest.skip("nothing leaves cores here")
    limits = (process(service) / "limits").read_text()
    assert re.search(r"Max core file size +0 +0 ", limits)
    assert not dies(service.child)


def test_nobody_but_root_may_look_into_it(serve, simulator):
    """Nor may whoever makes a core without heed of its limit."""
    if ROOT:
        service = serve(simulator.base_url, user=NOBODY, group=NOBODY,
                        extra_groups=[])
    else:
        service = serve(simulator.base_url)
    assert service.chat("Bonjour").status == 200
    user = NOBODY if ROOT else os.getuid()
    status = (process(service) / "status").read_text()
    assert re.search(rf"^Uid:\t{user}\t{user}\t", status, re.M)
    for name in "mem", "environ", "maps":
        assert (process(service) / name).stat().st_uid == 0


# what was asked stays out of the log

WORDS = 'Mon "numéro" est 06 12 34 56 78, à Besançon'
ESCAPED = json.dumps(WORDS)[1:-1]


@pytest.mark.parametrize("said", [
    WORDS, WORDS.upper(), ESCAPED, json.dumps(ESCAPED)[1:-1], WORDS[9:25],
    ESCAPED[14:40], repr(WORDS.split()), WORDS.replace(" ", "\t"),
    quote(WORDS), quote(quote(WORDS)), quote_plus(WORDS),
    WORDS.encode("ascii", "xmlcharrefreplace").decode(),
    escape(WORDS).replace("é", "&eacute;").replace("ç", "&ccedil;"),
    repr(WORDS.encode()), ascii(WORDS), "Mon", "numéro", "12 34 56 78", "Besançon",
])
@pytest.mark.parametrize("status", [400, 503, 200])
def test_the_log_does_not_repeat_the_visitor(serve, scripted, said, status):
    body = json.dumps({"error": {"message": f"refused: <{said}>"}},
                      ensure_ascii=False).encode()
    if status == 200:
        body = b"data: " + body + b"\n\n"
    server = scripted(http_reply(status, body))
    service = serve(server.url, {"llm_retries": 0})
    assert service.chat(WORDS).status >= 500
    log = service.log.read_text()
    assert "event=upstream" in log and "refused" in log
    told = "".join(line.partition(" said=")[2] for line in log.splitlines())
    letters = "".join(c for c in told.lower() if c.isalnum())
    for piece in "numéro", "num\\u", "12345678", "besan", "u00e9", "xc3", \
            "c3a9", "233", "eacute", "<mon":
        assert piece not in letters and piece not in told


def test_nor_after_some_text(serve, scripted):
    """The prompt is not kept so long."""
    event = json.dumps({"choices": [{"delta": {"content": "oui"}}]})
    error = json.dumps({"error": {"code": "overloaded", "message": WORDS}})
    server = scripted(http_reply(
        200, f"data: {event}\n\ndata: {error}\n\n".encode()))
    service = serve(server.url, {"llm_retries": 0})
    assert service.chat(WORDS).end["status"] == "interrupted"
    log = service.log.read_text()
    assert "overloaded" in log
    for piece in "numéro", "06 12", "Besan", "u00e9":
        assert piece not in log


@pytest.mark.parametrize("key", ["********", "*", "a" * 300, "-._~-._~"])
def test_a_strange_key_is_hidden_too(serve, scripted, key):
    server = scripted(http_reply(401, b'{"error": "bad {authorization}!"}'))
    service = serve(server.url, {"llm_retries": 0}, key=key)
    for _ in range(3):
        assert service.chat("Bonjour").status == 502
    log = service.log.read_text()
    assert "bad" in log and (set(key) == {"*"} or key not in log)
