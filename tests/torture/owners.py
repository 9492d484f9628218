"""Processes that share an owner of the sessions, as web servers start them.

Each gets a listening socket that stays open here, as a web server keeps it: a
process that ends is started again on the same one. Each has a plan of its own;
an owner is a fork of the process that started it, and has that one's plan."""

import ctypes
import errno
import fcntl
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import time

from program import HANG, Broken, Plan, fcgi, program_environment, wait_for
from visit import GONE, Visit

STARTER, OWNER = 0, 2  # forks between the process that was started and it
NOBODY = "there is no owner"
AGAIN = "[[tokens=3]]"
STOP = struct.pack("!2sBBI16x", b"CO", 1, 3, 16)  # owner/owner_wire.h
PR_SET_CHILD_SUBREAPER = 36
ORDERLY = (0, 1, 2, 3)  # exit statuses


def adopt_orphans():
    """An owner is nobody's child: be told of its end nevertheless."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


class Process:
    """One that a web server has started; `plan` is the name of its plan."""

    def __init__(self, place, version, plan, number):
        self.place, self.number = place, number
        self.said = place.folder / f"said{len(place.started)}"
        with open(self.said, "wb") as said:
            self.child = subprocess.Popen(
                place.command(version), stdin=place.listeners[number],
                stdout=said, stderr=said,
                env=program_environment(place.plan_file(plan)))

    def status(self):
        return self.child.poll()

    def words(self):
        return self.said.read_text(errors="replace")

    def answers(self):
        """Whether it came to be served; if not it has ended, and says why."""
        end = time.monotonic() + HANG
        while True:
            served = self.health(end)
            if served is not None:
                return served
            if time.monotonic() > end:
                raise Broken(f"hangs: no reply on socket {self.number}")
            time.sleep(0.005)

    def health(self, end):
        """None: this connection was closed."""
        with fcgi.Peer(self.place.socket(self.number), HANG) as peer:
            try:
                peer.send(fcgi.request())
            except GONE:
                return None
            while not select.select([peer.socket], [], [], 0.01)[0]:
                if self.status() is not None:
                    return self.said_why()
                if time.monotonic() > end:
                    return None
            try:
                peer.read_raw()
                return True
            except (*GONE, socket.timeout):
                return None

    def said_why(self):
        status = self.status()
        if status not in ORDERLY:
            raise Broken(f"exit status {status}: {self.words()[-500:]}")
        if status != 0 and not self.words():
            raise Broken("it does not say why it ends")
        return False


class Place:
    """A folder with an owner's directory, and all that was started in it."""

    def __init__(self, folder, settings, binary):
        self.folder, self.settings, self.binary = folder, settings, binary
        self.own = folder / "own"
        self.plans = {name: Plan(self.plan_file(name))
                      for name in ("first", "second", "rest")}
        self.plan = None  # the one under attack
        self.started, self.listeners, self.open = [], [], []
        self.front = 0
        adopt_orphans()

    def plan_file(self, name):
        return self.folder / f"plan-{name}"

    def socket(self, number):
        return str(self.folder / f"socket{number}")

    def address(self):
        return self.socket(self.front)

    def command(self, version, *options):
        """version: two of them differ, so that one follows the other."""
        settings = {**self.settings, "owner_dir": self.own,
                    "session_timeout_minutes": 30 + version}
        return [self.binary, *options] + [
            word for key, value in settings.items()
            for word in ("-s", f"{key}={value}")]

    # what scenarios do

    def begin(self, strict, plan):
        """Anew, with nothing left of what was before."""
        shutil.rmtree(self.own, ignore_errors=True)
        for old in self.plans.values():
            old.reset()
        self.plan = self.plans[plan]
        self.strict = strict
        self.statuses = {}
        self.killed = set()  # by us
        (self.folder / "log").write_text("")

    def listen(self):
        number = len(self.listeners)
        listener = socket.socket(socket.AF_UNIX)
        if os.path.exists(self.socket(number)):
            os.unlink(self.socket(number))
        listener.bind(self.socket(number))
        listener.listen(128)
        self.listeners.append(listener)
        return number

    def start(self, version, plan="rest", number=None):
        number = self.listen() if number is None else number
        self.started.append(Process(self, version, plan, number))
        return self.started[-1]

    def up(self, version, plan="rest", number=None):
        """Where nothing fails it must come up."""
        before = self.still_awaited(plan)
        process = self.start(version, plan, number)
        if not process.answers():
            raise Broken(f"does not start: {process.words()} {self.log()}")
        wait_for("its wait", lambda: self.still_awaited(plan) < before)
        return process

    def still_awaited(self, plan):
        """Each process and each owner watches for signals, an owner before it
        serves, a process when it waits; one that is served already may still
        have to read that it is, and would find an owner that has ended and make
        another one."""
        owners = [row for row in self.plans[plan].processes()
                  if row.depth == OWNER]
        return len(owners) - self.plans[plan].calls()["signalfd"]

    def parts(self):
        """Whether owners cannot go on together: the failure lasts, or says
        that the other one is gone."""
        return self.plan["fired"] > 0 and (
            self.plan["times"] > 1 or
            self.plan["error"] in (errno.EPIPE, errno.ECONNRESET))

    def visit(self):
        visit = Visit(self, self.strict)
        self.open.append(visit)
        return visit

    def told(self, version, *options, plan="rest"):
        """What the owner says to a command; None: it fails, and says why."""
        child = subprocess.Popen(
            self.command(version, *options), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=program_environment(self.plan_file(plan)))
        try:
            said, _ = child.communicate(timeout=HANG)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            raise Broken(f"hangs: {options}") from None
        finally:
            self.statuses[child.pid] = child.returncode
        if not said:
            raise Broken(f"{options}: {child.returncode}, says nothing")
        return None if child.returncode != 0 or NOBODY in said else said

    def owners(self):
        """The owners' processes, the living ones."""
        self.reap()
        return [row.pid for plan in self.plans.values()
                for row in plan.processes()
                if row.depth == OWNER and row.pid not in self.statuses]

    def signal_owner(self, number):
        for pid in self.owners():
            os.kill(pid, number)

    def kill_owner(self):
        self.killed.update(self.owners())
        self.signal_owner(signal.SIGKILL)

    def lock(self, name):
        """Hold a lock, until the descriptor is closed."""
        self.own.mkdir(0o700, exist_ok=True)
        fd = os.open(self.own / name, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return fd

    def settled(self):
        """Of two owners, one ends: the old, or the new that could not."""
        wait_for("one owner", lambda: len(self.owners()) <= 1)

    # afterwards

    def log(self):
        return (self.folder / "log").read_text(errors="replace")[-1500:]

    def disarm(self):
        for plan in self.plans.values():
            plan.disarm()

    def holds(self, visit):
        """Nothing fails any more. Who has ended is started again, as the
        newest, and follows; before and after it all sessions are there."""
        self.disarm()
        self.crashed()
        for process in self.living():
            self.look(process, visit)
        self.replace()
        for process in self.living():
            if not self.look(process, visit):
                raise Broken(f"ended: {process.words()} {self.log()}")

    def living(self):
        return [process for process in self.started
                if process.status() is None]

    def look(self, process, visit):
        """Whether it is served; then what it serves must be right."""
        self.front = process.number
        if not process.answers():
            return False
        for each in (visit, Visit(self, True)):
            if each is None:
                continue
            self.open.append(each)
            each.strict = True
            sid = next((sid for sid, session in each.sessions.items()
                        if session.turns is not None), None)
            each.chat(sid or each.new(), AGAIN)
            each.check()
        return True

    def replace(self):
        """What the web server does where a process has ended."""
        alive = {process.number for process in self.living()}
        for number in range(len(self.listeners)):
            if number not in alive:
                self.up(1, number=number)
        self.up(1)

    def stop(self):
        """The owner ends, and with it all others."""
        with socket.socket(socket.AF_UNIX) as owner:
            owner.settimeout(HANG)
            owner.connect(str(self.own / "owner.sock"))
            owner.sendall(STOP)
            while owner.recv(100):
                pass
        wait_for("the end of all", self.all_ended)

    def all_ended(self):
        self.reap()
        return all(row.pid in self.statuses for plan in self.plans.values()
                   for row in plan.processes())

    def reap(self):
        """Find out how those ended who did."""
        for process in self.started:
            if process.status() is not None:
                self.statuses[process.child.pid] = process.status()
        for plan in self.plans.values():
            for row in plan.processes():
                if row.pid not in self.statuses and row.depth > STARTER:
                    self.reap_orphan(row.pid)

    def reap_orphan(self, pid):
        try:
            found, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            if not os.path.exists(f"/proc/{pid}"):
                self.statuses[pid] = 0  # its parent has seen it
            return
        if found != 0:
            self.statuses[pid] = os.waitstatus_to_exitcode(status)

    def crashed(self):
        self.reap()
        for pid, status in self.statuses.items():
            if status not in ORDERLY and pid not in self.killed:
                raise Broken(f"process {pid} ended: {status} {self.log()}")

    def blocks(self):
        """Of memory that each kind of process left, by plan and depth."""
        left = {}
        for name, plan in self.plans.items():
            for row in plan.processes():
                if row.depth in (STARTER, OWNER) and \
                        row.pid not in self.killed and name != "rest":
                    key = name, row.depth
                    left[key] = max(left.get(key, 0), row.blocks)
        return left

    def end(self):
        for visit in self.open:
            visit.close()
        self.disarm()
        for _ in range(100):
            self.reap()
            living = [row.pid for plan in self.plans.values()
                      for row in plan.processes()
                      if row.pid not in self.statuses]
            if not living:
                break
            for pid in living:
                self.killed.add(pid)
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.005)
        for listener in self.listeners:
            listener.close()
        self.started, self.listeners, self.open = [], [], []
        self.front = 0
