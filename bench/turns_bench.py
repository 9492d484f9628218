"""What bench/turns measures with: the servers and clients of a run, what a
process uses, comparison round by round, and the table that comes of it."""

import http.client
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

UNLIMITED = [word for key in ("rate_new", "rate_chat", "sessions_per_ip",
                              "turns_per_ip") for word in ("-s", key + "=0")]
THREADS = 2
DEADLINE = 60            # seconds that one run may take


def cpu_us(pid):
    """What a process has used so far, all its threads, to the nanosecond."""
    return sum(int(path.read_text().split()[0]) for path in
               Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e3


def resident_kib(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+)", status, re.M).group(1))


def thread_names(pid):
    return sorted(path.read_text().strip()
                  for path in Path(f"/proc/{pid}/task").glob("*/comm"))


def accepts(path):
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(path) == 0


def median(values):
    return statistics.median(values)


class Bench:
    """The servers, which are stopped again, and the clients."""

    def __init__(self, build, tmp):
        self.build = build
        self.causerie = os.environ.get("CAUSERIE",
                                       os.path.join(build, "causerie"))
        self.tmp = tmp
        self.count = 0
        self.started = []
        self.log = open(os.path.join(tmp, "log"), "w+")
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith("CAUSERIE")}

    def tool(self, name):
        return os.path.join(self.build, "bench", name)

    def start(self, command, **more):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                   stderr=self.log, env=self.env,
                                   **{"stdout": self.log, **more})
        self.started.append(process)
        return process

    def start_on_socket(self, command):
        self.count += 1
        path = os.path.join(self.tmp, f"{self.count}.sock")
        process = self.start(command(path))
        process.path = path
        end = time.monotonic() + 10
        while not accepts(path):
            if process.poll() is not None or time.monotonic() > end:
                sys.exit(f"bench/turns: {process.args[0]} does not serve:\n"
                         + self.log_end())
            time.sleep(0.01)
        return process

    def start_model(self):
        process = self.start([self.tool("upstream"), "0"],
                             stdout=subprocess.PIPE, text=True)
        line = process.stdout.readline()
        found = re.match(r"listening on 127\.0\.0\.1:(\d+)$", line)
        if found is None:
            sys.exit("bench/turns: bench/upstream does not serve")
        process.port = int(found.group(1))
        return process

    def start_causerie(self, model):
        url = f"http://127.0.0.1:{model.port}/v1"
        return self.start_on_socket(
            lambda path: [self.causerie, "-l", "unix:" + path,
                          "-s", f"threads={THREADS}", *UNLIMITED,
                          "-s", f"llm_base_url={url}", "-s", "llm_model=m"])

    def start_relay(self, model):
        return self.start_on_socket(
            lambda path: [self.tool("relay"), path, str(model.port)])

    def run(self, command):
        """A client's one line, as numbers. A failure is told, not fatal."""
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, env=self.env,
                                  timeout=DEADLINE, text=True)
        except subprocess.TimeoutExpired:
            sys.exit("bench/turns: not done in time: " + " ".join(command))
        if "turns=" not in done.stdout:
            sys.exit("bench/turns: failed: " + " ".join(command) + "\n"
                     + self.log_end())
        run = {k: float(v)
               for k, v in re.findall(r"(\w+)=(-?[\d.]+)(?= |$)",
                                      done.stdout.strip())}
        left = re.search(r"left_us=([\d,]+)", done.stdout)
        run["left_us"] = ([int(us) for us in left.group(1).split(",")]
                          if left else [])
        run["good"] = done.returncode == 0
        return run

    def chats(self, server, *options):
        """A run of visitors, with the CPU that the server used for it."""
        before = cpu_us(server.pid)
        run = self.run([self.tool("chats"), *map(str, options), server.path])
        run["cpu_us"] = cpu_us(server.pid) - before
        return run

    def direct(self, model, *options):
        return self.run([self.tool("direct"), *map(str, options),
                         f"http://127.0.0.1:{model.port}/v1/chat/completions",
                         os.path.join(self.tmp, "body")])

    def record(self, model, server):
        """Have causerie make the call that direct is to make as well."""
        self.chats(server, "-n", 1, "-t", 1)
        client = http.client.HTTPConnection("127.0.0.1", model.port)
        client.request("GET", "/last")
        call = client.getresponse().read()
        client.close()
        Path(self.tmp, "body").write_bytes(call.partition(b"\r\n\r\n")[2])

    def stop(self):
        for process in reversed(self.started):
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self.started = []

    def log_end(self):
        self.log.flush()
        self.log.seek(0)
        return self.log.read()[-2000:]


class Watch(threading.Thread):
    """Calls a function again and again while a run goes on."""

    def __init__(self, look, seconds):
        super().__init__(daemon=True)
        self.look = look
        self.seconds = seconds
        self.over = threading.Event()
        self.seen = []

    def run(self):
        while True:
            self.seen.append((time.monotonic(), self.look()))
            if self.over.wait(self.seconds):
                return

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


class Table:
    """The rows that are printed, and whether all limits are kept."""

    def __init__(self):
        self.good = True
        print("| what | baseline | Causerie | result | limit | |")
        print("|---|--:|--:|--:|--:|---|", flush=True)

    def row(self, what, baseline, ours, result, limit="", kept=None):
        word = {None: "", True: "kept", False: "**EXCEEDED**"}[kept]
        self.good = self.good and kept is not False
        print(f"| {what} | {baseline} | {ours} | {result} | {limit} | {word} |",
              flush=True)

    def failures(self, runs):
        """A row when not every turn was answered whole."""
        bad = sum(run["failed"] + run.get("wrong", 0) for run in runs)
        if bad > 0 or not all(run["good"] for run in runs):
            self.row("answers that are not whole", "", "", f"{bad:.0f}", "0",
                     False)


def in_turns(rounds, first, second):
    """Run both in each round, each one being first in every other."""
    runs = ([], [])
    for number in range(rounds):
        for which in ((0, 1) if number % 2 == 0 else (1, 0)):
            runs[which].append((first, second)[which]())
    return runs


def undisturbed(pairs, calm):
    """The rounds in which the machine had time for us, when there are three."""
    kept = [pair for pair in zip(*pairs) if calm(*pair)]
    return tuple(zip(*kept)) if len(kept) >= 3 else pairs


def compare(pairs, key):
    """The medians of both, and of what key says of each round."""
    return (*map(median, pairs), median(map(key, *pairs)))


class Stats:
    """The model's counters, over one kept connection."""

    def __init__(self, model):
        self.http = http.client.HTTPConnection("127.0.0.1", model.port,
                                               timeout=DEADLINE)

    def cancelled(self):
        self.http.request("GET", "/stats")
        return json.loads(self.http.getresponse().read())["cancelled"]


def cancel_ms(left_us, seen):
    """The longest from a leaving to when as many calls were cancelled."""
    longest = 0.0
    for number, left in enumerate(sorted(left_us), 1):
        at = next((when for when, count in seen if count >= number), None)
        if at is None:
            return float("inf")
        longest = max(longest, at * 1e3 - left / 1e3)
    return longest
