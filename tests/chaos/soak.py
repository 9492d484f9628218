#!/usr/bin/env python3
"""Soak: constant load, and what the program takes of memory, descriptors and
threads meanwhile. It fails when memory grows steadily after the warm-up, or
when a descriptor or a thread is left at the end.

    soak.py [-s SECONDS]

Needs the programs in CAUSERIE and CAUSERIE_UPSTREAM."""

import argparse
import asyncio
import itertools
import json
import signal
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "http"), str(HERE.parent / "upstream")]

import fcgi  # noqa: E402
from client import CHAT  # noqa: E402
from program import Program  # noqa: E402
from sim import Upstream  # noqa: E402
from wire import Answer, Wire  # noqa: E402

VISITORS = 40
ROUND_S = 2.0      # a visitor's round of requests begins every so often
MOST_KIB = 100     # growth in a minute, after the warm-up
LEAST_S = 120      # a shorter run says nothing of growth
WARM_UP = 0.25     # of the run
SETTINGS = {"threads": 2, "session_timeout_minutes": 0.1,
            "cleanup_interval_seconds": 1, "log_level": "notice"}


async def ask(wire, method, path, body=None):
    data = b"" if body is None else json.dumps(body).encode()
    await wire.send(fcgi.request(method, path, data, True))
    answer = await wire.read_answer(Answer())
    assert answer.status == 200, (method, path, answer.raw)
    return answer


async def chat(wire, session, stream, n):
    directives = f"tokens={5 + n % 40} pace={n % 3}"
    answer = await ask(wire, "POST", CHAT, {
        "message": f"Bonjour [[{directives}]]", "session_id": session,
        "stream": stream})
    end = answer.events[-1] if stream else json.loads(answer.body)
    assert end["session_id"] == session and end["success"], end


async def make_round(wire, n):
    """A conversation; every second session is left to expire, every tenth
    visitor leaves in the middle of an answer."""
    answer = await ask(wire, "POST", "/session/new")
    session = json.loads(answer.body)["session_id"]
    for i in range(4):
        await chat(wire, session, i % 2 == 1, n + i)
    await ask(wire, "GET", f"/session/{session}/info")
    await ask(wire, "GET", f"/session/{session}/messages")
    if n % 2 == 0:
        await ask(wire, "DELETE", f"/session/{session}")
    elif n % 10 == 1:
        await wire.send(fcgi.request("POST", CHAT, json.dumps({
            "message": "Bonjour [[tokens=100 pace=20]]", "stream": True,
            "session_id": session}).encode()))
        await wire.read_some(Answer())
        return False
    return True


async def visit(program, count, number):
    wire, begun = None, time.monotonic()
    for n in itertools.count(number):
        if wire is None:
            wire = await Wire.open(program.socket, begun)
        if not await make_round(wire, n):
            wire.leave("close")
            wire = None
        count[0] += 1
        due = begun + (n - number + 1) * ROUND_S
        await asyncio.sleep(max(0, due - time.monotonic()))


class Samples:
    """What was seen, once a second."""

    def __init__(self, program):
        self.program, self.rows = program, []
        self.begun = time.monotonic()

    def take(self):
        self.rows.append((time.monotonic() - self.begun,
                          *self.program.status("VmRSS", "Threads"),
                          self.program.descriptors()))

    def slope(self):
        """KiB of memory a minute, by least squares, after the warm-up."""
        rows = self.rows[int(len(self.rows) * WARM_UP):]
        times, sizes = [row[0] / 60 for row in rows], [row[1] for row in rows]
        mean = sum(times) / len(times)
        spread = sum((t - mean) ** 2 for t in times)
        return sum((t - mean) * s for t, s in zip(times, sizes)) / spread \
            if spread > 0 else 0.0

    def by_minute(self):
        """The least memory of each minute, in KiB."""
        minutes = {}
        for seconds, size, *_ in self.rows:
            minute = int(seconds // 60)
            minutes[minute] = min(size, minutes.get(minute, size))
        return " ".join(str(size) for size in minutes.values())

    def span(self, column):
        values = [row[column] for row in self.rows]
        return f"{min(values)} to {max(values)}"


async def load(program, seconds, count):
    """The samples of a run; what fails in a visitor ends it."""
    samples = Samples(program)
    tasks = [asyncio.create_task(visit(program, count, n))
             for n in range(VISITORS)]
    try:
        while time.monotonic() < samples.begun + seconds:
            done, _ = await asyncio.wait(
                tasks, timeout=1, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            samples.take()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=30)
    return samples


async def at_rest(upstream, program):
    """Descriptors, but those of connections to the model, and threads."""
    stats = await asyncio.to_thread(upstream.stats)
    kept = stats["connections"] - 1  # the last is the one that asks
    kept = stats["connections"] - 1  # the last is the one that asks
    count = program.descriptors()
    return count and count - kept, *program.status("Threads")


async def settled(upstream, program, before):
    """What is at rest afterwards: the same as before, given some time."""
    end = time.monotonic() + 30
    while (now := await at_rest(upstream, program)) != before:
        if time.monotonic() > end:
            break
        await asyncio.sleep(0.1)
    return now


async def warm(upstream, program):
    """Whatever stays open after the first request is no leak."""
    wire = await Wire.open(program.socket, 0)
    await make_round(wire, 0)
    wire.close()
    await asyncio.sleep(1)
    return await at_rest(upstream, program)


async def run(args, upstream, program):
    count = [0]
    await program.start(**SETTINGS)
    before = await warm(upstream, program)
    samples = await load(program, args.seconds, count)
    await asyncio.to_thread(upstream.wait, open=0)
    after = await settled(upstream, program, before)
    await program.stop()
    slope = samples.slope()
    grows = args.seconds >= LEAST_S and slope > MOST_KIB
    print(f"soak: {args.seconds:.0f} s, {count[0]} conversations of 7 to 8 "
          f"requests, {VISITORS} at a time\n"
          f"  memory (RSS) {samples.span(1)} KiB, at the end "
          f"{samples.rows[-1][1]}; by the minute {samples.by_minute()}\n"
          f"  slope {slope:+.1f} KiB a minute "
          f"(at most {MOST_KIB})\n"
          f"  descriptors {samples.span(3)}, threads {samples.span(2)}; "
          f"at rest {before} before, {after} afterwards")
    if grows or after != before:
        print("soak: FAILED: " + ("memory grows" if grows else
                                  "descriptors or threads are left"))
        return 1
    return 0


async def main(args):
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    for number in signal.SIGTERM, signal.SIGINT:
        loop.add_signal_handler(number, task.cancel)
    with Upstream() as upstream:
        program = Program(upstream.base_url)
        try:
            return await run(args, upstream, program)
        finally:
            await program.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("-s", "--seconds", type=float, default=600)
    sys.exit(asyncio.run(main(parser.parse_args())))
