"""Processes of the program that share one owner, each with a listening socket
on its standard input, as a web server starts them."""

import json
import os
import re
import socket
import struct
import subprocess

from fcgi import Peer, request
from webservers import DEADLINE, TOP, Directory

CHAT = "/session/chat"


NAMES = re.findall(r"X\(WIRE_(\w+),", (
    TOP / "include/owner/owner_wire.h").read_text())
WIRE = {name: number for number, name in enumerate(NAMES, 1)}


def frame(kind, data=b""):
    """Of a name, or of a number that has none."""
    return struct.pack("!2sBBI", b"CO", 1, WIRE.get(kind, kind),
                       len(data)) + data


class Process:
    """One that a web server would have started."""

    def __init__(self, place, number, options, meets=None, **more):
        self.address = str(place.run / f"socket{number}")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.address)
        listener.listen(128)
        variables = {"OWNER_MEETS": meets} if meets else {}
        self.child = place.start(place.command + options, stdin=listener,
                                 env=place.environment(**variables), **more)
        listener.close()
        self.pid = self.child.pid

    def peer(self):
        return Peer(self.address, DEADLINE)

    def ask(self, *args, **kwargs):
        with self.peer() as peer:
            return peer.ask(*args, **kwargs)

    def json(self, *args):
        reply = self.ask(*args)
        assert reply.status == 200, reply.body
        return json.loads(reply.body)

    def new(self):
        return self.json("POST", "/session/new")["session_id"]

    def messages(self, session):
        return self.json("GET", f"/session/{session}/messages")["messages"]

    def begin(self, message, session=None, stream=True, keep=False):
        """A chat whose answer is read later."""
        peer = self.peer()
        peer.send(request("POST", CHAT, json.dumps(
            {"message": message, "session_id": session,
             "stream": stream}).encode(), keep=keep))
        return peer


class Owners(Directory):
    """A directory with an owner_dir, and what is started with it."""

    def __init__(self, name="causerie-paced", settings={}):
        super().__init__(name, {})
        self.owner_log = self.path / "owner.log"
        self.conf.write_text(self.conf.read_text() + "".join(
            f"{key} = {value}\n" for key, value in {
                "owner_dir": self.own, "log_target": self.owner_log,
                **settings}.items()))
        self.count = 0
        self.variables = {}  # of what is started from now on

    def environment(self, **more):
        return super().environment(**self.variables, **more)

    def spawn(self, *options, **more):
        self.count += 1
        return Process(self, self.count, list(options), **more)

    def command_output(self, *options):
        done = subprocess.run(
            self.command + list(options), capture_output=True, text=True,
            timeout=DEADLINE, env=self.environment(), cwd=self.path)
        return done.returncode, done.stdout, done.stderr

    def status(self):
        """The owner's line as a dictionary, and the pids of the others."""
        code, out, err = self.command_output("--owner-status")
        assert code == 0, (code, out, err)
        first, *others = out.splitlines()
        assert first.startswith("owner ")
        owner = dict(word.split("=", 1) for word in first.split()[1:])
        return owner, {int(re.search(r"pid=(\d+)", line)[1]): line
                       for line in others}

    def owner(self):
        return int(self.status()[0]["pid"])

    def listeners(self):
        return set(self.status()[1])

    def stop(self):
        code, out, err = self.command_output("--owner-stop")
        assert code == 0, (code, out, err)

    def fail_to_follow(self, meets, *options):
        """A process whose new owner meets with something, and ends."""
        process = self.spawn(*(options or ["-s", "turn_wait_seconds=58"]),
                             meets=meets)
        assert process.child.wait(DEADLINE) == 1
        return process
