"""Every allocation fails once, and from then on; every system call fails once,
in each way that is plausible, or does a part of its work: over all scenarios.

A point is one such failure. After it the program must still run, serve the
same scenario again without a fault, hold no wrong history, answer within five
seconds, and when it ends, it must have freed as much as it does otherwise.

	torture.py [-s N] [-j N] [-v] [SCENARIO ...]

-s: a spread sample of N points of each scenario. -j: so many at a time.
"""

import argparse
import errno
import multiprocessing
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import scenarios
from program import ALWAYS, HANG, KINDS, Broken, Program, wait_for
from visit import Visit

CHUNK = 300  # points before the program is ended, and its memory counted
SHORT = 0  # in place of an errno: one byte goes through
CEILING = "ceiling"  # of memory: so many steps of bytes over what is taken
STEP, CEILINGS = 128, 100
PATHS = ("EACCES", "EMFILE", "ENOMEM", "EINTR", "EIO")

# how each kind fails
ERRORS = {
    "accept4": ("EMFILE", "ENFILE", "ENOMEM", "ECONNABORTED", "EINTR"),
    "bind": ("EADDRINUSE", "EACCES", "ENOMEM"),
    "close": ("EINTR", "EIO"),
    "connect": ("ECONNREFUSED", "ENETUNREACH", "EADDRNOTAVAIL", "ETIMEDOUT"),
    "epoll_create1": ("EMFILE", "ENOMEM"),
    "epoll_ctl": ("ENOMEM", "ENOSPC"),
    "epoll_wait": ("EINTR",),
    "eventfd": ("EMFILE", "ENOMEM"),
    "faccessat": ("EACCES", "ENOMEM"),
    "fchmod": ("EIO", "EROFS"),
    "fcntl": ("ENOMEM",),
    "fopen": PATHS,
    "fstat": ("ENOMEM", "EIO"),
    "getaddrinfo": (-10, -3, -2),  # EAI_MEMORY, EAI_AGAIN, EAI_NONAME
    "getpeername": ("ENOBUFS", "ENOTCONN"),
    "getrandom": ("EINTR", "ENOSYS", SHORT),
    "getrlimit": ("EPERM",),
    "getsockname": ("ENOBUFS",),
    "getsockopt": ("ENOBUFS", "ENOTSOCK"),
    "listen": ("EADDRINUSE",),
    "lstat": ("EACCES", "ENOMEM"),
    "mmap": ("ENOMEM",),
    "mprotect": ("ENOMEM",),
    "open": PATHS + ("ENOSPC",),
    "poll": ("EINTR", "ENOMEM"),
    "prctl": ("EPERM", "EINVAL"),
    "pthread_create": ("EAGAIN", "ENOMEM"),
    "read": ("EINTR", "EIO", SHORT),
    "recv": ("EINTR", "EAGAIN", "ECONNRESET", "ENOMEM", SHORT),
    "send": ("EINTR", "EAGAIN", "EPIPE", "ECONNRESET", "ENOBUFS", SHORT),
    "setrlimit": ("EPERM",),
    "setsockopt": ("ENOMEM", "ENOBUFS"),
    "sigtimedwait": ("EINTR", "EAGAIN"),
    "socket": ("EMFILE", "ENFILE", "ENOBUFS"),
    "socketpair": ("EMFILE", "ENOMEM"),
    "stat": ("EACCES", "ENOMEM"),
    "unlink": ("EACCES", "EROFS"),
    "write": ("EINTR", "ENOSPC", "EIO", "EPIPE", SHORT),
}


class Point:
    """The at-th call of a kind, how it fails, and how many after it do."""

    def __init__(self, kind, error, times, at):
        self.kind, self.error, self.times, self.at = kind, error, times, at

    def arm(self, plan):
        if self.kind == CEILING:
            plan["fired"] = 0
            plan["ceiling"] = plan["bytes"] + self.at * STEP
            return
        code = getattr(errno, self.error) if isinstance(self.error, str) \
            else self.error
        plan.arm(self.kind, self.at, code, self.times)

    def __str__(self):
        often = "once" if self.times == 1 else "and all after it"
        return f"{self.kind} {self.at}: {self.error or 'short'}, {often}"


def ways(kind):
    if kind == CEILING:
        return [("ENOMEM", ALWAYS)]
    if kind == "memory":
        return [("ENOMEM", 1), ("ENOMEM", ALWAYS)]
    return [(error, 1) for error in ERRORS[kind]]


def visit_of(program, strict):
    return Visit(program, strict)


class Upstream:
    def __init__(self):
        self.process = subprocess.Popen(
            [os.environ["CAUSERIE_UPSTREAM"], "0"], stdout=subprocess.PIPE,
            text=True)
        self.port = self.process.stdout.readline().rsplit(":", 1)[1].strip()

    def close(self):
        self.process.kill()
        self.process.wait()


class Torture:
    def __init__(self, scenario, options, folder):
        self.scenario = scenario
        self.options = options
        self.folder = folder
        scenarios.fill(folder)
        self.upstream = Upstream()
        self.program = self.program_of(scenario.settings)
        self.plan = self.program.plan
        self.counts = Counter()
        self.findings = []

    def program_of(self, settings):
        words = {"folder": self.folder,
                 "upstream": f"http://127.0.0.1:{self.upstream.port}/v1",
                 "named_upstream": f"http://localhost:{self.upstream.port}/v1"}
        arguments = ["-l", f"unix:{self.folder}/socket"]
        arguments += [f"-{key}" for key, value in settings.items()
                      if value is None]
        return Program(self.folder, {
            key: str(value).format(**words)
            for key, value in settings.items() if value is not None},
            arguments)

    def close(self):
        self.program.end()
        self.upstream.close()

    # one run

    def run(self, strict):
        visit = Visit(self.program, strict)
        try:
            self.scenario(visit)
        except Broken:
            raise
        except OSError as error:
            if strict or not isinstance(error, ConnectionError):
                raise Broken(f"{error!r}") from None
        finally:
            self.fired = self.plan["fired"]
            self.plan.disarm()
        return visit

    def run_and_check(self, strict):
        visit = self.run(strict)
        try:
            self.program.look()
            visit.check()
        finally:
            visit.close()

    def settle(self, point):
        """What failed on the way to the model must not open the breaker."""
        if "llm_base_url" in self.scenario.settings and \
                point.kind != "memory":
            for _ in range(3):
                visit = Visit(self.program, True)
                visit.chat(None, scenarios.WORDS)
                visit.close()

    def attempt(self, point):
        """Whether it came to the failure."""
        if self.program.process is None:
            self.program.start()
        point.arm(self.plan)
        self.run_and_check(False)
        fired = self.fired
        self.settle(point)
        self.run_and_check(True)
        return fired > 0

    def attempt_start(self, point):
        def arm():
            self.before = Counter(self.plan.calls())
            if point is not None:
                point.arm(self.plan)
        self.plan.reset()

        def visits(program, strict):
            self.fired = self.plan["fired"]
            if strict:
                self.plan.disarm()
            return Visit(program, strict)
        up = self.scenario(visits, self.program, arm)
        if up and self.program.process.poll() is None:
            self.program.process.send_signal(signal.SIGTERM)
        status = self.program.wait()
        self.fired = self.plan["fired"]
        words = self.program.words()
        self.program.end()
        if status not in ((0,) if up or point is None else (0, 1, 2)):
            raise Broken(f"exit status {status}: {words[-500:]}")
        if status != 0 and not words:
            raise Broken("it does not say why it ends")
        return self.fired > 0

    # memory

    def measure(self):
        """How much is not freed at the end, and what one run calls."""
        blocks = []
        for _ in range(3 if self.scenario.every < 10 else 1):
            if self.scenario.starts:
                self.attempt_start(None)
                before, after = self.before, Counter(self.plan.calls())
                blocks.append(self.plan["blocks"])
                continue
            self.program.start()
            for _ in range(3):
                self.run_and_check(True)
            before = Counter(self.plan.calls())
            self.run(True).close()
            after = Counter(self.plan.calls())
            blocks.append(self.program.stop())
        self.most = max(blocks)
        calls = after - before
        if not self.scenario.starts:
            calls[CEILING] = CEILINGS
        return calls

    def leaks(self, points):
        """Whether these leave more behind than none does."""
        self.program.end()
        self.program.start()
        for point in points:
            try:
                self.attempt(point)
            except Broken:
                self.program.end()
                return False
        return self.program.stop() > self.most

    def find_leak(self, points):
        while len(points) > 1:
            half = len(points) // 2
            if self.leaks(points[:half]):
                points = points[:half]
            elif self.leaks(points[half:]):
                points = points[half:]
            else:
                return
        if self.leaks(points * 5):
            self.report(points[0], "leaks")

    def settle_accounts(self, points):
        """End the program in order after a chunk of points."""
        if self.program.process is None or not points:
            return
        try:
            left = self.program.stop()
        except Broken as broken:
            self.program.end()
            self.report(points[-1], f"at the end: {broken}")
            return
        if left > self.most:
            self.find_leak(points)
        self.program.end()

    # all runs

    def report(self, point, what):
        where = [self.line(call) for call in self.plan.trace()]
        self.findings.append(f"{self.scenario.__name__}: {point}: {what}\n" +
                             "".join(f"\t{call}\n" for call in where))

    def line(self, call):
        match = re.match(r"causerie-torture\+(0x[0-9a-f]+)", call)
        if not match:
            return call
        run = subprocess.run(
            ["addr2line", "-fspe", self.program.binary, match[1]],
            stdout=subprocess.PIPE, text=True)
        return run.stdout.strip() or call

    def try_point(self, point):
        try:
            starts = self.scenario.starts
            fired = (self.attempt_start if starts else self.attempt)(point)
            if starts and self.plan["blocks"] > self.most:
                raise Broken(f"leaks: {self.plan['blocks']} blocks left of "
                             f"{self.most}")
        except Broken as broken:
            if self.options.verbose:
                print(f"{self.scenario.__name__}: {point}: {broken}",
                      flush=True)
            self.report(point, broken)
            self.program.end()
            fired = True
        self.counts[point.kind] += fired
        return fired

    def points(self, calls):
        """All points, or a spread sample; told whether each came to be."""
        rows = [(kind, *way, calls[kind]) for kind in calls if calls[kind]
                for way in ways(kind)]
        step = self.scenario.every
        if self.options.sample:
            step = max(step, sum(row[-1] for row in rows) //
                       self.options.sample)
        before = 0
        for kind, error, times, count in rows:
            at, missed = 1 + -before % step, 0
            while at <= count or (missed < 2 and step == 1):
                fired = yield Point(kind, error, times, at)
                missed = 0 if fired else missed + 1
                at += step
            before += count

    def all(self):
        began = time.monotonic()
        points = self.points(self.measure())
        chunk, fired = [], None
        try:
            while True:
                point = points.send(fired)
                fired = self.try_point(point)
                chunk.append(point)
                if len(chunk) == CHUNK:
                    self.settle_accounts(chunk)
                    chunk = []
        except StopIteration:
            self.settle_accounts(chunk)
        self.seconds = time.monotonic() - began


def torture(name, options):
    scenario = getattr(scenarios, name)
    with tempfile.TemporaryDirectory(prefix="causerie-torture-") as folder:
        work = Torture(scenario, options, Path(folder))
        try:
            work.all()
        except Broken as broken:
            work.findings.append(f"{name}: without a fault: {broken}\n")
            work.seconds = 0
        finally:
            work.close()
    return name, work.counts, work.seconds, work.findings


def tell(name, counts, seconds, found):
    kinds = ", ".join(f"{kind} {n}" for kind, n in counts.most_common() if n)
    print(f"{name}: {counts.total()} points in {seconds:.0f} s: {kinds}")
    print("".join(found), end="", flush=True)


def options_of(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("-s", "--sample", type=int, default=0)
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count())
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("names", nargs="*", metavar="SCENARIO")
    return parser.parse_args(arguments)


def main():
    options = options_of(sys.argv[1:])
    names = options.names or [s.__name__ for s in scenarios.SCENARIOS]
    total, findings = Counter(), []
    with multiprocessing.Pool(options.jobs) as pool:
        works = [pool.apply_async(torture, (name, options)) for name in names]
        for work in works:
            name, counts, seconds, found = work.get()
            tell(name, counts, seconds, found)
            total += counts
            findings += found
    print(f"torture: {len(names)} scenarios, {total.total()} points, "
          f"{len(findings)} findings")
    return 1 if findings or not total else 0


if __name__ == "__main__":
    sys.exit(main())
