"""How the points of a scenario are tried, one after the other."""

import os
import re
import signal
import subprocess
from collections import Counter

import points
import scenarios
from owners import OWNER, Place
from program import Broken, Program
from visit import Visit

MANY = 40  # who finds no memory, or no owner, tries again for a minute
CHUNK = 300  # points before the program is ended, and its memory counted

# What OpenSSL does once in a process, and leaves half done where memory fails.
ONCE = "CRYPTO_THREAD_run_once"


class Upstream:
    def __init__(self):
        self.process = subprocess.Popen(
            [os.environ["CAUSERIE_UPSTREAM"], "0"], stdout=subprocess.PIPE,
            text=True)
        self.port = self.process.stdout.readline().rsplit(":", 1)[1].strip()

    def close(self):
        self.process.kill()
        self.process.wait()


class Work:
    """A scenario's. Its kinds have a plan that comes true, measure() what one
    run calls, and attempt() a point."""

    def __init__(self, scenario, options, folder):
        self.scenario = scenario
        self.name = scenario.__name__
        self.options = options
        self.folder = folder
        self.binary = os.environ["CAUSERIE_TORTURE"]
        scenarios.fill(folder)
        self.upstream = Upstream()
        words = {"folder": folder,
                 "upstream": f"http://127.0.0.1:{self.upstream.port}/v1",
                 "named_upstream": f"http://localhost:{self.upstream.port}/v1"}
        self.settings = {key: str(value).format(**words)
                         for key, value in scenario.settings.items()
                         if value is not None}
        self.flags = [f"-{key}" for key, value in scenario.settings.items()
                      if value is None]
        self.counts = Counter()
        self.findings = []

    def close(self):
        self.upstream.close()

    # what differs

    def account(self, point):
        """After each point, and None, and now and then before it."""

    # findings

    def report(self, point, what):
        where = [self.line(call) for call in self.plan.trace()]
        self.findings.append(
            f"{self.name}: {point}: {what}\n"
            f"\tagain: tests/torture/run -p {point} {self.name}\n" +
            "".join(f"\t{call}\n" for call in where))
        if self.options.verbose:
            print(self.findings[-1], end="", flush=True)

    def line(self, call):
        match = re.match(r"causerie-torture\+(0x[0-9a-f]+)", call)
        if not match:
            return call
        run = subprocess.run(["addr2line", "-fspe", self.binary, match[1]],
                             stdout=subprocess.PIPE, text=True)
        return run.stdout.strip() or call

    def is_openssls(self):
        return any(ONCE in call for call in self.plan.trace())

    # all

    def try_point(self, point):
        try:
            fired = self.attempt(point)
        except Broken as broken:
            self.report(point, broken)
            self.end()
            fired = True
        self.counts[point.kind] += fired
        return fired

    def called(self):
        calls = self.measure()
        return {kind: calls[kind] for kind in sorted(calls) if calls[kind]}

    def draw(self):
        """A sample."""
        scenario = self.scenario
        few = 20 if scenario.every > 10 else \
            10 if scenario.starts or scenario.owner else 4
        return points.spread(self.called(), self.name, few,
                             3 if few == 4 else 12)

    def these(self, chosen):
        self.called()
        for point in chosen:
            self.try_point(point)
            self.account(point)
        self.account(None)

    def all(self):
        each = points.all_points(self.called(), self.scenario.every,
                                 self.scenario.memory)
        fired = None
        while True:
            try:
                point = each.send(fired)
            except StopIteration:
                break
            fired = self.try_point(point)
            self.account(point)
        self.account(None)


class Visits(Work):
    """One program serves one visit after the other; the plan comes true in
    each second one."""

    def __init__(self, *args):
        super().__init__(*args)
        self.program = Program(self.folder, self.settings, [
            "-l", f"unix:{self.folder}/socket", *self.flags])
        self.plan = self.program.plan
        self.chunk = []

    def close(self):
        self.program.end()
        super().close()

    def end(self):
        self.program.end()

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
        if "llm_base_url" in self.settings and point.kind != "memory":
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

    def measure(self):
        blocks = []
        for _ in range(3 if self.scenario.every < 10 else 1):
            self.program.start()
            for _ in range(3):
                self.run_and_check(True)
            before = Counter(self.plan.calls())
            self.run(True).close()
            calls = Counter(self.plan.calls()) - before
            blocks.append(self.program.stop())
        self.most = max(blocks)
        calls[points.CEILING] = points.CEILINGS
        return calls

    # memory

    def leaks(self, chunk):
        """Whether these leave more behind than none does."""
        self.program.end()
        self.program.start()
        for point in chunk:
            try:
                self.attempt(point)
            except Broken:
                self.program.end()
                return False
        return self.program.stop() > self.most

    def find_leak(self, chunk):
        while len(chunk) > 1:
            half = len(chunk) // 2
            if self.leaks(chunk[:half]):
                chunk = chunk[:half]
            elif self.leaks(chunk[half:]):
                chunk = chunk[half:]
            else:
                return
        if self.leaks(chunk * 5):
            self.report(chunk[0], "leaks")

    def account(self, point):
        """End the program in order after a chunk of points."""
        if point is not None:
            self.chunk.append(point)
            if len(self.chunk) < CHUNK:
                return
        chunk, self.chunk = self.chunk, []
        if self.program.process is None or not chunk:
            return
        try:
            left = self.program.stop()
        except Broken as broken:
            self.program.end()
            self.report(chunk[-1], f"at the end: {broken}")
            return
        if left > self.most:
            self.find_leak(chunk)
        self.program.end()


class Starts(Visits):
    """From the start to the end."""

    def attempt(self, point):
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
        self.hold_memory(point)
        return self.fired > 0

    def left(self):
        return self.plan.processes()[0].blocks

    def hold_memory(self, point):
        if point is None or self.is_openssls():
            return
        if self.left() > self.most:
            raise Broken(f"leaks: {self.left()} blocks left of {self.most}")

    def measure(self):
        blocks = []
        for _ in range(3 if self.scenario.every < 10 else 1):
            self.attempt(None)
            blocks.append(self.left())
            calls = Counter(self.plan.calls()) - self.before
        self.most = max(blocks)
        return calls

    def account(self, point):
        pass


class Owners(Work):
    """Several processes and their owners, from the first to the last."""

    def __init__(self, *args):
        super().__init__(*args)
        self.place = Place(self.folder, self.settings, self.binary)
        self.most = {}

    @property
    def plan(self):
        return self.place.plan

    def end(self):
        self.place.end()

    def attempt(self, point):
        place = self.place
        place.begin(point is None, self.scenario.owner)

        def arm():
            self.before = Counter(self.plan.calls())
            if point is not None:
                point.arm(self.plan, MANY)
        place.arm = arm
        visit = self.scenario(place)
        self.calls = Counter(self.plan.calls()) - self.before
        fired = self.plan["fired"]
        place.holds(visit)
        place.stop()
        place.crashed()
        if point is not None:
            self.hold_memory()
        blocks = place.blocks()
        place.end()
        return blocks if point is None else fired > 0

    def hold_memory(self):
        if self.is_openssls():
            return
        for kind, left in self.place.blocks().items():
            if left > self.most.get(kind, left):
                plan, depth = kind
                which = "owner" if depth == OWNER else "process"
                raise Broken(f"the {plan} {which} leaks: {left} blocks left "
                             f"of {self.most[kind]}")

    def measure(self):
        for _ in range(3):
            for kind, left in self.attempt(None).items():
                self.most[kind] = max(left, self.most.get(kind, 0))
        return self.calls


def work_of(scenario, *args):
    kind = Owners if scenario.owner else \
        Starts if scenario.starts else Visits
    return kind(scenario, *args)
