"""Chats in flight: how many of 2 s each a peer holds at a time."""

import json
import selectors
import socket
import time

from servers import wait_for

FIRST_MS = 2000          # until the model's word comes
OPENING = 1.0            # seconds over which the visitors come
PATIENCE = 3.5           # seconds; two chats, one after the other, are 4
MEMORY = 1 << 30         # bytes, at most
STEPS = 5, 10, 40, 50, 100, 250, 500, 1000, 1500, 2500, 5000, 7500
QUICK_STEPS = 5, 10, 40, 50, 100, 500, 1000, 2500

BODY = json.dumps({"message": f"Bonjour [[first={FIRST_MS} tokens=1]]"})
REQUEST = ("POST /session/chat HTTP/1.1\r\nHost: localhost\r\n"
           "Connection: close\r\nContent-Type: application/json\r\n"
           f"Content-Length: {len(BODY)}\r\n\r\n{BODY}").encode()


class Crowd:
    """So many visitors, each with one chat."""

    def __init__(self, port, count):
        self.port, self.count = port, count
        self.selector = selectors.DefaultSelector()
        self.opened = self.good = 0
        self.problems = {}

    def problem(self, what):
        self.problems[what] = self.problems.get(what, 0) + 1

    def open(self):
        self.opened += 1
        try:
            s = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
            s.sendall(REQUEST)
        except OSError as error:
            self.problem(error.strerror or str(error))
            return
        s.setblocking(False)
        self.selector.register(s, selectors.EVENT_READ,
                               {"said": b"", "sent": time.monotonic()})

    def hear(self, key):
        try:
            data = key.fileobj.recv(65536)
        except OSError:
            data = b""
        key.data["said"] += data
        if data:
            return
        self.selector.unregister(key.fileobj)
        key.fileobj.close()
        said = key.data["said"]
        if not said.startswith(b"HTTP/1.1 200") or b'"mot.1"' not in said:
            self.problem(said[:said.find(b"\r")].decode(errors="replace")
                         or "closed")
        elif time.monotonic() - key.data["sent"] > PATIENCE:
            self.problem("late")
        else:
            self.good += 1

    def run(self, look):
        """look() is called once, when all have come."""
        begin = time.monotonic()
        looked = False
        while self.opened < self.count or self.selector.get_map():
            now = time.monotonic()
            due = min(self.count,
                      int((now - begin) / OPENING * self.count) + 1)
            for _ in range(min(20, due - self.opened)):
                self.open()
            if not looked and now - begin > OPENING + 0.5:
                look()
                looked = True
            if now - begin > OPENING + PATIENCE + 1:
                break
            wait = 0 if self.opened < due else 0.001
            for key, _ in self.selector.select(wait):
                self.hear(key)
        for key in list(self.selector.get_map().values()):
            self.problem("late")
            key.fileobj.close()
        self.selector.close()


def attempt(fleet, peer, count):
    """What went wrong with so many ("" when nothing), and the memory."""
    wait_for(lambda: fleet.model.stats()["open"] == 0, "the model's rest")
    fleet.model.ask("POST", "/reset")
    memory = []
    crowd = Crowd(peer.port, count)
    crowd.run(lambda: memory.append(peer.memory()))
    peak = fleet.model.stats()["peak"]
    if crowd.problems:
        what = ", ".join(f"{n} × {p}" for p, n in crowd.problems.items())
    elif max(memory) > MEMORY:
        what = "over 1 GiB"
    elif peak < count:
        what = f"at most {peak} at a time"
    else:
        what = ""
    return what, max(memory, default=0)


def climb(fleet, peer, steps):
    """The highest step that a peer holds; a failed one is tried twice."""
    run = {"held": 0, "rest": peer.memory(), "memory": 0,
           "end": "more was not tried"}
    for count in steps:
        what, memory = attempt(fleet, peer, count)
        if what:
            what, memory = attempt(fleet, peer, count)
        if what:
            return {**run, "end": f"{count}: {what}"}
        run.update(held=count, memory=memory)
    return run
