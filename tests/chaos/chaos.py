#!/usr/bin/env python3
"""Chaos: many visitors do everything at once while the model fails and the
program is ended and started again; a ledger on their side knows what every
reply must be.

    chaos.py [-o] [-s SECONDS] [-r SEED] [-v VISITORS]

With the same seed the visitors want the same; what happens between them is the
machine's. Needs the programs in CAUSERIE and CAUSERIE_UPSTREAM."""

import argparse
import asyncio
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections import Counter, deque
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "http"), str(HERE.parent / "upstream")]

from ledger import DEADLINE, Difference, Session  # noqa: E402
from program import Owned, Program  # noqa: E402
from sim import Upstream  # noqa: E402
from visitor import Visitor  # noqa: E402

SESSIONS = 60   # that visitors know at a time
GHOSTS = 200    # that they remember
EPOCH = 3, 12   # seconds between two restarts; less in a short run
STALLS = 0.1, 0.5, 2, 12  # seconds without reading; the last is too long


class World:
    """What all visitors have in common."""

    def __init__(self, program, seed):
        self.program, self.rng = program, random.Random(seed)
        self.count, self.replies = Counter(), Counter()
        self.nonces = 0
        self.stalls = STALLS
        self.ids = {}
        self.ghosts = deque(maxlen=GHOSTS)
        self.gate = asyncio.Event()
        self.gate.set()
        self.acting = 0
        self.prompts = 0
        self.over = False
        self.restarting = False
        self.restarted, self.restart_ended = -1.0, -1.0  # the last time
        self.running = set()   # attempts
        self.clear()

    def clear(self):
        self.live = []
        self.made = self.deleted = self.leaks = self.making = 0

    def nonce(self):
        self.nonces += 1
        return f"n{self.nonces}"

    # sessions

    def adopt(self, id, begun):
        """A session that the program says it has made."""
        session = Session(id, time.monotonic())
        if id in self.ids:
            raise Difference(id, "a new session", f"{self.ids[id]!r}")
        self.ids[id] = session
        self.made += 1
        if self.restarting or begun < self.restarted:
            session.lost = [self.restarted, None]
        elif len(self.live) < SESSIONS:
            self.live.append(session)
        return session

    def pick(self, rng, chance=1.0):
        """A session; the first ones are in great demand."""
        if not self.live or rng.random() >= chance:
            return None
        among = self.live[:3] if rng.random() < 0.25 else self.live
        session = rng.choice(among)
        return None if session.closing else session

    def ghost(self, rng):
        return rng.choice(self.ghosts) if self.ghosts and \
            rng.random() < 0.7 else None

    def removed(self, session):
        self.deleted += 1
        self.prompts += session.checked_prompts
        self.ghosts.append(session.id)
        if session in self.live:
            self.live.remove(session)

    def live_count(self, begun, deleted_before):
        """The least and the most sessions that there can have been."""
        least = sum(s.deleting is None and s.born < begun for s in self.live)
        most = self.made - deleted_before + self.leaks + self.making + \
            len(self.running)
        return least, most

    # attempts

    def begin(self, attempt):
        attempt.restarted, attempt.late = self.restarting, False
        self.running.add(attempt)

    def end(self, attempt):
        self.running.discard(attempt)

    # restarts

    def was_restarted(self, begun):
        return self.restarting or begun < self.restart_ended

    def excuse(self, begun, what):
        """A connection was closed on somebody who began then."""
        if not self.was_restarted(begun):
            raise Difference("-", "a reply", f"closed: {what}")
        self.count["excused"] += 1

    async def calm(self, checker):
        """Let all come to an end, and look at every history."""
        self.gate.clear()
        end = time.monotonic() + DEADLINE
        while self.acting > 0:
            if time.monotonic() > end:
                raise Difference("-", "all requests to end",
                                 f"{self.acting} that do not")
            await asyncio.sleep(0.01)
        for session in list(self.live):
            await checker.check_all_of(session)
        self.count["calms"] += 1

    async def restart(self):
        """An end and a start, or what the web server does when it is reloaded
        and the program is upgraded: then nobody is to notice."""
        settings = {"threads": self.rng.choice([1, 2, 4])}
        if self.program.keeps and self.rng.random() < 0.8:
            if self.rng.random() < 0.4:
                settings = self.program.settings
            await self.hand_over(settings)
        else:
            await self.end_and_start(settings)

    async def hand_over(self, settings):
        """What runs goes on in the old owner, and nobody is to notice."""
        self.count["reloads" if settings == self.program.settings
                   else "hand-overs"] += 1
        await self.program.replace(**settings)

    async def end_and_start(self, settings):
        """SIGTERM while they go on; what it held is forgotten."""
        self.restarting, self.restarted = True, time.monotonic()
        lost = [self.restarted, None]
        for attempt in self.running:
            attempt.restarted = True
        for session in self.live:
            session.lost = lost
            self.prompts += session.checked_prompts
        ghosts = [session.id for session in self.live[:GHOSTS // 4]]
        await self.program.stop()
        self.clear()
        await self.program.start(**settings)
        lost[1] = self.restart_ended = time.monotonic()
        self.restarting = False
        self.ghosts.extend(ghosts)
        self.count["restarts"] += 1


async def visit(world, visitor):
    while not world.over:
        await world.gate.wait()
        world.acting += 1
        try:
            await visitor.act()
        finally:
            world.acting -= 1


async def disturb(world, upstream, checker, until):
    """Restarts, half of them out of the calm."""
    high = min(EPOCH[1], (until - time.monotonic()) / 2)
    low = min(EPOCH[0], high / 2)
    left = high
    while left > 0:
        await asyncio.sleep(min(left, world.rng.uniform(low, high)))
        if world.rng.random() < 0.5:
            await world.calm(checker)
            world.gate.set()
        await world.restart()
        await asyncio.to_thread(upstream.reset)
        left = until - time.monotonic()
    await asyncio.sleep(low)
    await world.calm(checker)


async def run(args, upstream, program):
    world = World(program, args.seed)
    if args.seconds < 60:
        world.stalls = STALLS[:-1]
    await program.start(threads=2)
    visitors = [Visitor(world, random.Random(f"{args.seed} {n}"))
                for n in range(args.visitors)]
    checker = Visitor(world, random.Random(args.seed))
    tasks = [asyncio.create_task(visit(world, v)) for v in visitors]
    until = time.monotonic() + args.seconds
    tasks.append(asyncio.create_task(
        disturb(world, upstream, checker, until)))
    try:
        done, _ = await asyncio.wait(
            tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        await idle(upstream, program)
    finally:
        world.over = True  # wait_for may swallow a cancellation
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=DEADLINE)
    await program.stop()
    return world


async def idle(upstream, program):
    """Nobody asks any more: no call to the model is left, and no connection of
    ours but those that are kept."""
    await asyncio.to_thread(upstream.wait, DEADLINE, open=0)
    assert program.descriptors() < 300, program.descriptors()


def report(world, args, program):
    count = world.count
    prompts = world.prompts + sum(s.checked_prompts for s in world.live)
    print(f"chaos: seed {args.seed}, {args.seconds} s, {args.visitors} "
          f"visitors, {count['restarts']} restarts (the slowest end "
          f"{program.slowest_end:.1f} s), {count['hand-overs']} hand-overs, "
          f"{count['reloads']} reloads")
    print("  " + ", ".join(f"{n} {name}" for name, n in sorted(
        count.items(), key=lambda item: -item[1])))
    print("  statuses: " + ", ".join(
        f"{status}: {n}" for status, n in sorted(world.replies.items())))
    print(f"  {count['histories']} histories and {prompts} prompts compared, "
          f"{count['settled']} sessions to their end: 0 differences")


async def main(args):
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    for number in signal.SIGTERM, signal.SIGINT:
        loop.add_signal_handler(number, task.cancel)
    with Upstream() as upstream:
        program = (Owned if args.owner else Program)(upstream.base_url)
        try:
            world = await run(args, upstream, program)
        except Exception as e:
            log = Path(f"chaos-{args.seed}.log")
            shutil.copy(program.log, log)
            if not isinstance(e, Difference):
                traceback.print_exc()
            print(f"chaos: seed {args.seed}, a difference: {e}\n"
                  f"  the program's log: {log.resolve()}")
            return 1
        finally:
            await program.close()
    report(world, args, program)
    return 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("-s", "--seconds", type=float, default=10)
    parser.add_argument("-r", "--seed", type=int,
                        default=int.from_bytes(os.urandom(4)))
    parser.add_argument("-o", "--owner", action="store_true",
                        help="with an owner of the sessions: most restarts "
                        "lose nothing")
    parser.add_argument("-v", "--visitors", type=int, default=40)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(arguments())))
