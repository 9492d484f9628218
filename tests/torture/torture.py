"""Every allocation fails once, and from then on; every system call fails once,
in each way that is plausible, or does a part of its work: over all scenarios.

A point is one such failure. After it the program must still run, serve the
same scenario again without a fault, hold no wrong history, answer within five
seconds, and when it ends, it must have freed as much as it does otherwise.

	torture.py [-a | -s | -d | -p POINT ...] [-j N] [-v] [SCENARIO ...]

-a: all points. -s: the sample. -d: draw another one, for the file `sample'.
-p: these points, as findings name them. -j: so many scenarios at a time.
-v: tell findings at once.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path

from points import Point, read_sample
from program import Broken
from scenarios import SCENARIOS
from work import work_of


def torture(name, options):
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="causerie-torture-") as folder:
        work = work_of(SCENARIOS[name], options, Path(folder))
        try:
            if options.points or options.sample:
                work.these(options.points or read_sample().get(name, []))
            else:
                work.all()
        except Broken as broken:
            work.end()
            work.findings.append(f"{name}: without a fault: {broken}\n")
        finally:
            work.close()
    return name, work.counts, time.monotonic() - began, work.findings


def draw(name, options):
    with tempfile.TemporaryDirectory(prefix="causerie-torture-") as folder:
        work = work_of(SCENARIOS[name], options, Path(folder))
        drawn = [f"{name} {point}\n" for point in work.draw()]
        work.end()
        work.close()
    return drawn


def tell(name, counts, seconds, found, verbose):
    kinds = ", ".join(f"{kind} {n}" for kind, n in counts.most_common() if n)
    print(f"{name}: {counts.total()} points in {seconds:.0f} s: {kinds}")
    if not verbose:
        print("".join(found), end="")
    sys.stdout.flush()


def options_of(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("-a", "--all", action="store_true")
    parser.add_argument("-s", "--sample", action="store_true")
    parser.add_argument("-d", "--draw", action="store_true")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count())
    parser.add_argument("-p", "--point", dest="points", action="append",
                        type=Point.read)
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("names", nargs="*", metavar="SCENARIO")
    options = parser.parse_args(arguments)
    for name in options.names:
        if name not in SCENARIOS:
            parser.error(f"no scenario {name}")
    return options


def is_quick(name):
    """The others are begun first."""
    scenario = SCENARIOS[name]
    return not scenario.owner and not scenario.starts and scenario.every == 1


def main():
    options = options_of(sys.argv[1:])
    names = options.names or sorted(SCENARIOS, key=is_quick)
    began = time.monotonic()
    total, findings = Counter(), []
    with multiprocessing.Pool(options.jobs, maxtasksperchild=1) as pool:
        if options.draw:
            for drawn in pool.imap(partial(draw, options=options), names):
                print("".join(drawn), end="")
            return 0
        for name, counts, seconds, found in pool.imap_unordered(
                partial(torture, options=options), names):
            tell(name, counts, seconds, found, options.verbose)
            total += counts
            findings += found
    print(f"torture: {len(names)} scenarios, {total.total()} points, "
          f"{len(findings)} findings, {time.monotonic() - began:.0f} s")
    return 1 if findings or not total else 0


if __name__ == "__main__":
    sys.exit(main())
