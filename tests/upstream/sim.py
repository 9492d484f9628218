"""The simulated upstream, on a free port of 127.0.0.1."""

import http.client
import json
import os
import subprocess
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
DEADLINE = 30  # seconds
CANARY = "upstream-words-3c1f"  # in every failure, never to be passed on


def program():
    path = os.environ.get("CAUSERIE_UPSTREAM") or (
        TOP / "build" / "bench" / "upstream")
    return str(Path(path).resolve())


def directives(**values):
    """As the simulator reads them: tokens=3, nodone=True, text="a b"."""
    words = []
    for name, value in values.items():
        if value is True:
            words.append(name)
        elif isinstance(value, str) and (" " in value or "]" in value):
            words.append(f'{name}="{value}"')
        else:
            words.append(f"{name}={value}")
    return f"[[{' '.join(words)}]]"


def scenario(words="Bonjour", **values):
    """A message that makes the simulator behave like that."""
    return f"{words} {directives(**values)}"


class Request:
    """A call as it reached the simulator."""

    def __init__(self, raw):
        head, _, self.raw_body = raw.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        self.method, self.path, self.version = line.split(" ")
        pairs = (field.split(":", 1) for field in fields)
        self.headers = {n.lower(): v.strip() for n, v in pairs}

    @property
    def body(self):
        return json.loads(self.raw_body)


class Upstream:
    """with Upstream() as upstream: ... upstream.base_url ..."""

    def __init__(self, port=0, **usual):
        command = [program(), str(port)]
        if usual:
            command.append(directives(**usual))
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE,
                                        text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on 127.0.0.1:"), line
        self.port = int(line.rsplit(":", 1)[1])
        self.base_url = f"http://127.0.0.1:{self.port}/v1"

    def stop(self):
        alive = self.process.poll() is None
        self.process.terminate()
        self.process.wait(DEADLINE)
        self.process.stdout.close()
        assert alive, "the simulator ended by itself"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def ask(self, method, path):
        conn = http.client.HTTPConnection("127.0.0.1", self.port,
                                          timeout=DEADLINE)
        try:
            conn.request(method, path)
            reply = conn.getresponse()
            assert reply.status == 200, path
            return reply.read()
        finally:
            conn.close()

    def stats(self):
        return json.loads(self.ask("GET", "/stats"))

    def last(self):
        """The last call, or None."""
        raw = self.ask("GET", "/last")
        return Request(raw) if raw else None

    def reset(self):
        self.ask("POST", "/reset")

    def wait(self, seconds=DEADLINE, **counters):
        """Until the counters have these values; all of them then."""
        end = time.monotonic() + seconds
        while True:
            stats = self.stats()
            if all(stats[name] == value for name, value in counters.items()):
                return stats
            assert time.monotonic() < end, f"{counters}: still {stats}"
            time.sleep(0.01)
