"""A simulated model that we did not write, the npm package @copilotkit/aimock,
behind the interface of our own simulator: it is told before each message what
our simulator reads in it. What it cannot do is refused (Unable)."""

import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from sim import CANARY, DEADLINE

sys.path.append(str(Path(__file__).resolve().parents[1] / "npm"))

from npm import node, script  # noqa: E402

NEVER = 3600 * 1000  # ms
REDACTED = "[REDACTED]"  # what its journal has in the key's place

KNOWN = {"nonce", "tokens", "text", "pace", "status", "retry_after", "cut",
         "stall", "fail_times", "key"}


class Unable(Exception):
    """It cannot behave like that."""


def directives(message):
    """Those of a message, {} without any."""
    found = re.search(r"\[\[(.*?)\]\]", message, re.S)
    words = re.findall(r'(\w+)(?:=("[^"]*"|\S+))?', found[1] if found else "")
    return {name: value.strip('"') for name, value in words}


def answer(told):
    """The fixture of an answer: a block, and so a piece, for each word."""
    nonce, count = told.get("nonce", "mot"), int(told.get("tokens", 10))
    if "cut" in told or "stall" in told:
        count = int(told.get("cut", told.get("stall"))) + 2
    words = told["text"].split(" ") if "text" in told else \
        [f"{nonce}.{i + 1}" for i in range(count)]
    pace = int(told.get("pace", 1))
    fixture = {"latency": pace, "chunkSize": 1000, "response": {
        "blocks": [{"type": "text", "text": " " * (i > 0) + word}
                   for i, word in enumerate(words)],
        "usage": {"prompt_tokens": 7, "completion_tokens": len(words)}}}
    if "cut" in told:
        # the role comes first; what it writes last is lost with the connection
        fixture["truncateAfterChunks"] = 1 + int(told["cut"]) + 1
    if "stall" in told:
        fixture["recordedTimings"] = {
            "ttftMs": 0, "totalDurationMs": NEVER,
            "interChunkDelaysMs": [pace] * int(told["stall"]) + [NEVER]}
    return fixture


def failure(told):
    error = {"status": int(told["status"]), "error": {
        "message": CANARY, "type": "server_error"}}
    if "retry_after" in told:
        error["retryAfter"] = int(told["retry_after"])
    elif error["status"] == 429:
        error["retryAfter"] = 0  # else it says 1
    return {"response": error}


def fixtures(message):
    """What it is to be told about a message."""
    told = directives(message)
    if not told.keys() <= KNOWN:
        raise Unable(", ".join(told.keys() - KNOWN))
    match = {"userMessage": message}
    if "status" not in told:
        return [{"match": match, **answer(told)}]
    if "fail_times" not in told:
        return [{"match": match, **failure(told)}]
    failures = [{"match": {**match, "sequenceIndex": i}, **failure(told)}
                for i in range(int(told["fail_times"]))]
    return failures + [{"match": match, **answer(told)}]


class Request:
    """A call as its journal tells it."""

    def __init__(self, entry):
        self.method, self.path = entry["method"], entry["path"]
        self.headers, self.body = entry["headers"], entry["body"]


class Aimock:
    """with Aimock(key) as model: ... model.base_url ...; only who has the key
    is let in."""

    def __init__(self, key):
        self.key, self.known, self.lock = key, set(), threading.Lock()
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [node(), script("@copilotkit/aimock/dist/cli.js"),
             "-p", "0", "-f", "/dev/stdin"],
            stdin=subprocess.PIPE, stdout=self.log, stderr=self.log, text=True,
            env={**os.environ, "AIMOCK_API_KEYS": key})
        with self.process.stdin as file:
            file.write('{"fixtures": []}')
        self.port = self.wait_for_port()
        self.base_url = f"http://127.0.0.1:{self.port}/v1"

    def wait_for_port(self):
        end = time.monotonic() + DEADLINE
        while True:
            ended = self.process.poll() is not None
            self.log.seek(0)
            said = self.log.read()
            found = re.search(r"listening on http://127\.0\.0\.1:(\d+)\n",
                              said)
            if found:
                return int(found[1])
            assert not ended and time.monotonic() < end, said
            time.sleep(0.01)

    def stop(self):
        alive = self.process.poll() is None
        self.process.kill()  # it would wait for who is connected
        self.process.wait(DEADLINE)
        self.log.close()
        assert alive, "aimock ended by itself"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def ask(self, method, path, body=None):
        conn = http.client.HTTPConnection("127.0.0.1", self.port,
                                          timeout=DEADLINE)
        try:
            conn.request(method, "/__aimock" + path, json.dumps(body),
                         {"Authorization": f"Bearer {self.key}"})
            reply = conn.getresponse()
            said = reply.read()
            assert reply.status == 200, said
            return json.loads(said)
        finally:
            conn.close()

    def prepare(self, message):
        """Tell it what is coming; none may be a part of a later one, since it
        looks for what it was told anywhere in a message."""
        with self.lock:
            if message not in self.known:
                assert not any(known in message for known in self.known)
                self.ask("POST", "/fixtures", {"fixtures": fixtures(message)})
                self.known.add(message)

    def journal(self):
        return self.ask("GET", "/journal?path=/chat/completions")

    @property
    def calls(self):
        return len(self.journal())

    def last(self):
        journal = self.journal()
        return Request(journal[-1]) if journal else None

    def reset(self):
        self.known.clear()
        self.ask("POST", "/reset")
