"""A visitor who knows what must be: every reply is looked at, and at the end
the history of every session that was met.

While something fails, a request may be refused (5xx) or left without a reply;
whatever is answered must be right, and what was answered must have happened.
"""

import json
import socket
import struct

from program import HANG, Broken, fcgi

REFUSED = (502, 503, 504)
GONE = (ConnectionError, fcgi.Closed)


def need(condition, what, *seen):
    if not condition:
        raise Broken(": ".join([what, *(repr(item)[:300] for item in seen)]))


class Turn:
    def __init__(self, question):
        self.question = question
        self.answer = None  # when it is known for certain
        self.over = False  # whether it is certain that it left nothing
        self.seen = ""  # of the answer, by the visitor
        self.partial = False


class Session:
    def __init__(self):
        self.turns = []
        self.ended = False  # perhaps


class Connection:
    def __init__(self, address):
        self.peer = fcgi.Peer(address, HANG)
        self.out = b""  # of the request that runs
        self.state = "open"  # then "ended" (END_REQUEST) or "closed"

    def send(self, *args, **kwargs):
        self.out = b""
        self.state = "open"
        self.peer.send(fcgi.request(*args, **kwargs))

    def close(self):
        self.peer.socket.close()

    def step(self):
        kind, _, content = self.peer.read_record()
        if kind == fcgi.END_REQUEST:
            need(struct.unpack("!IB3x", content) ==
                 (0, fcgi.REQUEST_COMPLETE), "end", content)
            self.state = "ended"
        else:
            need(kind == fcgi.STDOUT, "record", kind)
            self.out += content

    def until(self, text):
        """Read up to a text; whether it came."""
        try:
            while self.state == "open" and text not in self.out:
                self.step()
        except GONE:
            self.state = "closed"
        except socket.timeout:
            raise Broken(f"hangs: no {text} after {self.out[-300:]}") from None
        return text in self.out

    def rest(self):
        """The whole reply; None where there is none."""
        self.until(b"\0never\0")
        return self.out if self.state == "ended" else None


class Reply:
    def __init__(self, raw, is_head):
        head, self.body = raw.split(b"\r\n\r\n", 1)
        self.headers = dict(line.split(": ", 1)
                            for line in head.decode().split("\r\n"))
        self.status = int(self.headers.get("Status", "0").split()[0])
        kind = self.headers.get("Content-Type", "")
        self.streamed = kind.startswith("text/event-stream")
        size = self.headers.get("Content-Length")
        if size is not None and not is_head:
            need(int(size) == len(self.body), "length", size, self.body)
        self.json = json.loads(self.body) if "json" in kind and not is_head \
            else None


def events(body):
    return [json.loads(block[6:]) for block in body.decode().split("\n\n")
            if block.startswith("data: ")]


class Visit:
    """strict: nothing fails, so that every reply must be the one wanted."""

    count = 0

    def __init__(self, program, strict):
        Visit.count += 1
        self.program = program
        self.strict = strict
        self.sessions = {}
        self.open = []
        self.asked = 0
        # each visit comes from a network of its own, which has limits too
        n = Visit.count
        self.client = f"10.{n >> 8 & 255}.{n & 255}.{1 + (n >> 16 & 127)}"

    def connect(self):
        connection = Connection(self.program.address())
        self.open.append(connection)
        return connection

    def close(self):
        while self.open:
            self.open.pop().close()

    def judge(self, raw, wanted, head=False):
        """A reply, or None where there is none and need not be."""
        if raw is None:
            need(not self.strict, "no reply")
            return None
        reply = Reply(raw, head)
        if not self.strict and reply.status in REFUSED:
            return None
        wanted = wanted if isinstance(wanted, tuple) else (wanted,)
        need(reply.status in wanted, "status", reply.status, reply.body)
        return reply

    def ask(self, method, path, body=b"", wanted=200, connection=None,
            **variables):
        if isinstance(body, dict):
            body = json.dumps(body).encode()
        variables.setdefault("REMOTE_ADDR", self.client)
        try:
            keep = connection is not None
            connection = connection or self.connect()
            connection.send(method, path, body, keep=keep, **variables)
        except GONE:
            return self.judge(None, wanted)
        return self.judge(connection.rest(), wanted, method == "HEAD")

    def session(self, sid):
        return self.sessions.setdefault(sid, Session())

    def new(self, **more):
        reply = self.ask("POST", "/session/new", **more)
        if reply is None:
            return None
        sid = reply.json["session_id"]
        need(sid not in self.sessions, "an id comes twice", sid)
        self.session(sid)
        return sid

    def question(self, text):
        self.asked += 1
        return f"{text} ({self.client}, {self.asked})"

    def chat_begin(self, sid, text, question=None, stream=False, key=None,
                   turn=None, connection=None, **variables):
        """Send a message, or again that of a turn; how it goes on."""
        again = turn is not None
        turn = turn or Turn(question or self.question(text))
        if sid is not None and not again:
            self.session(sid).turns.append(turn)
        body = {"message": turn.question, "stream": stream}
        if sid is not None:
            body["session_id"] = sid
        if key is not None:
            variables["HTTP_IDEMPOTENCY_KEY"] = key
        connection = connection or self.connect()
        variables.setdefault("REMOTE_ADDR", self.client)
        try:
            connection.send("POST", "/session/chat",
                            json.dumps(body).encode(), **variables)
        except GONE:
            pass
        return turn, connection, sid

    def chat_end(self, begun, wanted=200, status=None, expires=False):
        """Read the answer; None where there is none, else what it says. status
        is what it must say where nothing fails. expires: the session may have
        come to its end before, then this begins another one."""
        turn, connection, sid = begun
        raw = connection.rest()
        reply = self.judge(raw, wanted)
        if reply is None:
            return None
        if reply.status != 200:
            turn.over = True
            return reply.json
        said = self.streamed(reply, turn) if reply.streamed else reply.json
        if said is None:
            return None
        need(said.get("status") == status or not self.strict,
             "status of the answer", said)
        if turn.answer and said["response"] == "" and not self.strict:
            return said  # a second stop met it while it waited
        need(turn.answer in (None, said["response"]), "another answer", said)
        turn.answer = said["response"]
        turn.over = turn.answer == ""
        turn.partial = said.get("status") == "interrupted"
        if expires and said["new_session"]:
            self.session(sid).turns.remove(turn)
            sid = None
        if sid is None:
            self.session(said["session_id"]).turns.append(turn)
        else:
            need(said["session_id"] == sid, "another session", said)
        need(said["new_session"] is (sid is None), "new_session", said)
        return said

    def streamed(self, reply, turn):
        said = events(reply.body)
        ends = [event for event in said if event["type"] in ("done", "error")]
        need(len(ends) == 1 and said[-1] is ends[0], "ends of a stream", said)
        turn.seen = "".join(event["text"] for event in said
                            if event["type"] == "delta")
        if ends[0]["type"] == "error":
            need(not self.strict, "error in a stream", ends[0])
            need(ends[0]["status"] in REFUSED, "error in a stream", ends[0])
            return None
        need(said[0]["type"] == "start", "start of a stream", said[0])
        need(turn.seen == ends[0]["response"], "deltas", said)
        return ends[0]

    def chat(self, sid, text, status=None, expires=False, **more):
        return self.chat_end(self.chat_begin(sid, text, **more), status=status,
                             expires=expires)

    def delete(self, sid):
        self.session(sid).ended = True
        reply = self.ask("DELETE", f"/session/{sid}")
        if reply is not None:
            self.session(sid).turns = None
        return reply

    def check(self):
        """Afterwards: every history is what it must be."""
        self.strict = True
        for sid, session in self.sessions.items():
            path = f"/session/{sid}/messages"
            if session.turns is None:
                self.ask("GET", path, wanted=404)
                continue
            try:
                reply = self.ask("GET", path)
            except Broken:
                if not session.ended:
                    raise
                continue
            hold(session.turns, reply.json["messages"])
            need(reply.json["message_count"] == len(reply.json["messages"]),
                 "message_count", reply.body)


def hold(turns, messages):
    """Whole turns, in order; none that was refused, all that were told."""
    pairs = list(zip(messages[::2], messages[1::2]))
    need(len(messages) % 2 == 0, "half a turn", messages)
    for turn in turns:
        there = bool(pairs) and pairs[0][0]["content"] == turn.question
        need(not (turn.over and there), "kept a refused turn", messages)
        need(there or turn.over or turn.answer is None, "lost a turn",
             turn.question, messages)
        if not there:
            continue
        user, assistant = pairs.pop(0)
        text = assistant["content"]
        need(user["role"] == "user" and assistant["role"] == "assistant",
             "roles", messages)
        if turn.answer is not None:
            need(text == turn.answer, "another answer", text, turn.answer)
            need((assistant.get("status") == "interrupted") == turn.partial,
                 "status in the history", messages)
        else:
            need(text and text.startswith(turn.seen), "less than was seen",
                 text, turn.seen)
    need(not pairs, "what nobody said", messages)
