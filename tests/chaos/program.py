"""The program under chaos: started, ended and started again on one socket,
with a simulated model behind it, in a directory of its own."""

import asyncio
import os
import re
import shutil
import signal
import socket
import tempfile
import time
from datetime import datetime
from pathlib import Path

import ledger
import plans
from webservers import (SANITIZER, UNLIMITED, accepts, environment,
                        processes, program)

SETTINGS = {
    **UNLIMITED, "llm_model": "simulated", "llm_retries": 1,
    "llm_connect_timeout_seconds": 5,
    "llm_first_token_seconds": plans.FIRST_S,
    "llm_stall_seconds": plans.STALL_S,
    "llm_timeout_seconds": plans.WHOLE_S,
    "session_max_messages": ledger.MESSAGES,
    "session_max_bytes": ledger.BYTES,
    "context_messages": ledger.CONTEXT_MESSAGES,
    "context_bytes": ledger.CONTEXT_BYTES,
    "turn_wait_seconds": ledger.WAIT_S,
    "cleanup_interval_seconds": 0.05,
}


class Program:
    """Alone: what ends it ends its sessions."""

    keeps = False  # the sessions

    def __init__(self, url):
        self.path = Path(tempfile.mkdtemp(prefix="causerie-chaos-"))
        self.program = self.path / "causerie"
        shutil.copy(program("causerie"), self.program)
        self.socket = str(self.path / "socket")
        self.log = self.path / "log"
        self.log.touch()
        self.child = None
        self.checked = 0  # so much of the log
        self.slowest_end = 0.0
        (self.path / "prompt").write_text(ledger.SYSTEM)
        (self.path / "conf").write_text("".join(
            f"{key} = {value}\n" for key, value in {
                **SETTINGS, "llm_base_url": url, "log_target": self.log,
                "system_prompt_file": self.path / "prompt"}.items()))

    async def run(self, *words, stdin=asyncio.subprocess.DEVNULL, **settings):
        more = [word for key, value in settings.items()
                for word in ("-s", f"{key}={value}")]
        with open(self.log, "ab") as log:
            return await asyncio.create_subprocess_exec(
                self.program, "-f", str(self.path / "conf"), *more, *words,
                stdin=stdin, stdout=log, stderr=log, env=environment())

    async def start(self, **settings):
        self.child = await self.run("-l", "unix:" + self.socket, **settings)
        end = time.monotonic() + ledger.DEADLINE
        while not accepts(self.socket):
            assert self.child.returncode is None, self.tail()
            assert time.monotonic() < end, "it does not start"
            await asyncio.sleep(0.005)

    async def stop(self):
        """SIGTERM, to its end."""
        self.child.terminate()
        await self.ended(self.child)
        self.check_log()

    async def ended(self, child):
        status = await asyncio.wait_for(child.wait(), ledger.DEADLINE)
        assert status == 0, f"it ended with {status}\n{self.tail()}"

    def check_log(self):
        """No sanitizer has found anything since it was last looked at; how
        long the end took, by the program's own clock."""
        with open(self.log, errors="replace") as log:
            log.seek(self.checked)
            text = log.read()
            self.checked = log.tell()
        assert not SANITIZER.search(text), text[-20000:]
        drain, stop = (re.findall(
            rf"^time=(\S+)Z .*event={event}\b", text, re.M)[-1]
            for event in ("drain", "stop"))
        took = datetime.fromisoformat(stop) - datetime.fromisoformat(drain)
        self.slowest_end = max(self.slowest_end, took.total_seconds())

    def tail(self):
        with open(self.log, "rb") as log:
            log.seek(max(0, self.log.stat().st_size - 4096))
            return log.read().decode(errors="replace")

    def pid(self):
        """The process that serves."""
        return self.child.pid

    def status(self, *names):
        """What the kernel tells of it; KiB where it has a unit."""
        lines = Path(f"/proc/{self.pid()}/status").read_text().splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        return [int(fields[name].split()[0]) for name in names]

    def descriptors(self):
        """0 where only root may look into a process that is not dumpable."""
        try:
            return len(os.listdir(f"/proc/{self.pid()}/fd"))
        except PermissionError:
            return 0

    def pids(self):
        """All processes that were started from here, detached ones too."""
        return processes(self.program)

    async def close(self):
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if self.child is not None and self.child.returncode is None:
            await self.child.wait()
        shutil.rmtree(self.path, ignore_errors=True)


class Owned(Program):
    """As a web server starts it, which has the listening socket: with an owner
    of the sessions, that outlives what the web server starts."""

    keeps = True

    def __init__(self, url):
        super().__init__(url)
        with open(self.path / "conf", "a") as conf:
            conf.write(f"owner_dir = {self.path}/owner\n")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.socket)
        self.listener.listen(4096)

    async def start(self, **settings):
        self.settings = settings
        self.child = await self.run(stdin=self.listener, **settings)
        end = time.monotonic() + ledger.DEADLINE
        while not await self.is_owned():
            assert self.child.returncode is None, self.tail()
            assert time.monotonic() < end, "it does not start"
            await asyncio.sleep(0.02)

    async def ask_owner(self, option):
        child = await asyncio.create_subprocess_exec(
            self.program, "-f", str(self.path / "conf"), option,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env=environment())
        text, _ = await asyncio.wait_for(child.communicate(), ledger.DEADLINE)
        return child.returncode, text.decode()

    async def is_owned(self):
        """By an owner that has the listener of this child."""
        status, self.report = await self.ask_owner("--owner-status")
        return status == 0 and str(self.child.pid) in self.report

    def pid(self):
        return int(re.search(r"\d+", self.report)[0])

    async def replace(self, **settings):
        """A reload, or with other settings an upgrade: the web server starts
        another one and ends the first; nobody is to notice."""
        before = self.child
        await self.start(**settings)
        before.terminate()
        await self.ended(before)

    async def stop(self):
        begun = time.monotonic()
        status, text = await self.ask_owner("--owner-stop")
        assert status == 0, text
        await self.ended(self.child)
        end = begun + ledger.DEADLINE
        while self.pids():
            assert time.monotonic() < end, f"left: {self.pids()}"
            await asyncio.sleep(0.01)
        self.check_log()

    async def close(self):
        await super().close()
        self.listener.close()
