"""The program under torture, and the plan of what fails in it (fault.h)."""

import mmap
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "http"))

import fcgi  # noqa: E402

HANG = 5.0  # seconds within which everything must have happened
ALWAYS = 1 << 40

LAYOUT = (HERE / "fault.h").read_text()
KINDS = re.findall(r"X\((\w+)\)", LAYOUT)
TRACE, CALL = (int(re.search(rf"#define FAULT_{name}\s+(\d+)", LAYOUT)[1])
               for name in ("TRACE", "CALL"))
FIELDS = ("kind", "at", "times", "error", "ceiling", "fired", "count")
PROCESSES = int(re.search(r"#define FAULT_PROCESSES\s+(\d+)", LAYOUT)[1])
PROCESS = struct.Struct("=4q")  # pid, depth, blocks, bytes
FIRST = 8 * len(FIELDS)
CALLS = FIRST + PROCESSES * PROCESS.size
TRACES = CALLS + 8 * len(KINDS)
SIZE = TRACES + TRACE * CALL


def wait_for(what, condition, pause=0.0005):
    end = time.monotonic() + HANG
    while not (found := condition()):
        if time.monotonic() > end:
            raise Broken(f"hangs: {what}")
        time.sleep(pause)
    return found


class Broken(Exception):
    """What must not be."""


Row = namedtuple("Row", "pid depth blocks bytes")


class Plan:
    def __init__(self, path):
        path.write_bytes(bytes(SIZE))
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), SIZE)
        self.reset()

    def reset(self):
        self.map[:] = bytes(SIZE)
        self.disarm()

    def __getitem__(self, field):
        return struct.unpack_from("=q", self.map, 8 * FIELDS.index(field))[0]

    def __setitem__(self, field, n):
        struct.pack_into("=q", self.map, 8 * FIELDS.index(field), n)

    def arm(self, kind, at, error, times=1):
        self["fired"] = 0
        self["times"] = times
        self["error"] = error
        self["at"] = at
        self["kind"] = KINDS.index(kind)

    def disarm(self):
        self["kind"] = -1
        self["ceiling"] = 0

    def processes(self):
        """The one that was started, and those that it forked."""
        count = min(self["count"], PROCESSES)
        return [Row(*PROCESS.unpack_from(self.map, FIRST + i * PROCESS.size))
                for i in range(count)]

    def calls(self):
        return dict(zip(KINDS, struct.unpack_from(
            f"={len(KINDS)}q", self.map, CALLS)))

    def trace(self):
        texts = [self.map[TRACES + i * CALL:TRACES + (i + 1) * CALL]
                 for i in range(TRACE)]
        return [text.split(b"\0")[0].decode() for text in texts if text[0]]


def program_environment(plan_file):
    return {"CAUSERIE_FAULT": str(plan_file), "LC_ALL": "C.UTF-8",
            "MALLOC_PERTURB_": "165", "TZ": "UTC"}


class Program:
    """Ready for one start after the other, with the same settings."""

    def __init__(self, folder, settings, arguments=()):
        self.folder = folder
        self.binary = os.environ["CAUSERIE_TORTURE"]
        self.socket = str(folder / "socket")
        self.plan_file = folder / "plan"
        self.plan = Plan(self.plan_file)
        self.settings = settings
        self.arguments = arguments
        self.process = None

    def spawn(self):
        arguments = [self.binary, *self.arguments]
        for key, value in self.settings.items():
            arguments += ["-s", f"{key}={value}"]
        self.said = open(self.folder / "said", "w+b")
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=self.said,
            stderr=self.said, env=program_environment(self.plan_file))

    def address(self):
        return self.socket

    def is_up(self):
        """"up" when it serves, how it ended when it has, else None."""
        status = self.process.poll()
        if status is not None:
            return f"ended: {status}"
        try:
            peer = fcgi.Peer(self.socket, HANG)
        except OSError:
            return None
        try:
            with peer:
                peer.send(fcgi.request())
                peer.read_raw()
            return "up"
        except (ConnectionError, fcgi.Closed):
            time.sleep(0.01)
            if self.process.poll() is None:
                self.plan.disarm()
            return None
        except socket.timeout:
            raise Broken("hangs: no reply at the start") from None

    def start(self):
        """Without a plan: it must come up."""
        self.plan.reset()
        self.spawn()
        if wait_for("start", self.is_up) != "up":
            raise Broken(f"does not start: {self.words()}")

    def words(self):
        """What it said, to standard error or in its log."""
        self.said.seek(0)
        said = self.said.read().decode(errors="replace")
        log = self.folder / "log"
        return said + (log.read_text()[-2000:] if log.exists() else "")

    def look(self):
        """Whether it still runs."""
        status = self.process.poll()
        if status is not None:
            raise Broken(f"ended by itself: {status} {self.words()[-500:]}")

    def wait(self):
        try:
            return self.process.wait(HANG)
        except subprocess.TimeoutExpired:
            raise Broken("hangs: it does not end") from None

    def stop(self):
        """End it in order; the blocks of memory that it has not freed."""
        self.process.send_signal(signal.SIGTERM)
        status = self.wait()
        self.end()
        if status != 0:
            raise Broken(f"exit status {status}: {self.words()[-500:]}")
        return self.plan.processes()[0].blocks

    def end(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.said.close()
            self.process = None
