"""A stand-in for the service, for what the real one does not do when asked:
errors in the middle of an answer, streams cut anywhere, answers that wait.

Each chat is answered by the next function in `plans`, which gets a Turn; by
default by a stream that repeats the message.
"""

import collections
import http.server
import json
import pathlib
import re
import select
import threading
import uuid

WEB = pathlib.Path(__file__).resolve().parents[2] / "web"
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css",
         ".js": "text/javascript"}
DEADLINE = 20


class FakeApi:
    def __init__(self, base=""):
        self.base = base
        self.sessions = {}
        self.plans = collections.deque()
        self.requests = []  # (method, path)
        self.chats = []  # bodies
        self.keys = []  # their Idempotency-Key
        self.languages = []  # Accept-Language of all requests
        self.lang = None  # the page's, where it is not its own
        self.failing = {}  # (method, last part of the path) -> status, or
        #                    what replies, given the handler
        self.metrics = None  # a function that makes the text of /metrics
        self.stopped = threading.Event()
        self.left = threading.Event()
        api = self

        class Handler(_Handler):
            pass

        Handler.api = api
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close_listener(self):
        """From now on nobody is there."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def close(self):
        if self.thread.is_alive():
            self.close_listener()

    def session(self, *texts, **status):
        """A session with a conversation; the last answer has the status."""
        sid = str(uuid.uuid4())
        roles = ("user", "assistant")
        self.sessions[sid] = [
            {"role": roles[n % 2], "content": text,
             "created_at": "2025-11-08T14:30:00"}
            for n, text in enumerate(texts)]
        if texts:
            self.sessions[sid][-1].update(status)
        return sid

    def made(self, method):
        return [path for m, path in self.requests if m == method]


class Turn:
    """One chat: what came in, and the means to answer."""

    def __init__(self, handler, body):
        self.handler = handler
        self.api = handler.api
        self.message = body["message"]
        self.asked = body.get("session_id")
        self.new = self.asked not in self.api.sessions
        self.sid = self.api.session() if self.new else self.asked
        self.said = ""

    def head(self, status=200, kind="text/event-stream; charset=utf-8"):
        self.handler.send_response(status)
        self.handler.send_header("Content-Type", kind)
        self.handler.end_headers()

    def raw(self, data):
        self.handler.wfile.write(data)

    def event(self, **event):
        text = json.dumps(event, ensure_ascii=False)
        self.raw(f"data: {text}\n\n".encode())

    def start(self):
        self.head()
        self.event(type="start", session_id=self.sid, new_session=self.new)

    def delta(self, text):
        self.said += text
        self.event(type="delta", text=text)

    def keep(self, **status):
        if self.said and self.sid in self.api.sessions:
            self.api.sessions[self.sid] += [
                {"role": "user", "content": self.message},
                {"role": "assistant", "content": self.said, **status}]

    def answer(self, **more):
        return {"response": self.said, "session_id": self.sid,
                "message_count": len(self.api.sessions[self.sid]),
                "success": True, "new_session": self.new, **more}

    def done(self, **more):
        self.keep(**{k: v for k, v in more.items()
                     if k in ("status", "code", "sources")})
        self.event(type="done", **self.answer(**more))

    def say(self, *pieces):
        """A whole answer."""
        self.start()
        for piece in pieces:
            self.delta(piece)
        self.done()

    def wait(self, event):
        assert event.wait(DEADLINE)

    def wait_left(self):
        """Until the client has gone; what it saw is kept."""
        connection = self.handler.connection
        assert select.select([connection], [], [], DEADLINE)[0]
        assert connection.recv(1) == b""
        self.keep(status="interrupted")
        self.api.left.set()

    def reply(self, status, body, kind="application/json"):
        self.head(status, kind)
        self.raw(body if isinstance(body, bytes) else json.dumps(body).encode())


def repeat(turn):
    turn.say("Vous avez dit : ", turn.message)


class _Handler(http.server.BaseHTTPRequestHandler):
    api = None

    def log_message(self, *args):
        pass

    def handle(self):
        try:
            super().handle()
        except (BrokenPipeError, ConnectionResetError):
            pass

    def do_GET(self):
        self.route()

    def do_POST(self):
        self.route()

    def do_DELETE(self):
        self.route()

    def route(self):
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        if self.serve_file():
            return
        self.api.requests.append((self.command, self.path))
        self.api.languages.append(self.headers.get("Accept-Language"))
        path = self.path.removeprefix(self.api.base)
        failing = self.api.failing.get((self.command, path.split("/")[-1]))
        if failing is None and self.command == "DELETE":
            failing = self.api.failing.get(("DELETE", None))
        if not self.path.startswith(self.api.base + "/"):
            self.problem(404, "not_found", "Cette adresse n'existe pas")
        elif callable(failing):
            failing(self)
        elif failing is not None:
            self.problem(failing, "unavailable", "Service en panne (essai)")
        elif (self.command, path) == ("GET", "/metrics") and self.api.metrics:
            self.text(self.api.metrics())
        elif (self.command, path) == ("POST", "/session/chat"):
            self.api.keys.append(self.headers.get("Idempotency-Key"))
            self.chat(json.loads(body))
        else:
            self.in_session(path)

    def serve_file(self):
        name = self.path.split("?")[0].lstrip("/") or "index.html"
        file = WEB / name
        if self.command != "GET" or "/" in name or not file.is_file():
            return False
        data = file.read_bytes()
        if name.endswith(".html"):
            data = data.replace(
                b'name="causerie-api" content=""',
                b'name="causerie-api" content="%s"' % self.api.base.encode())
            if self.api.lang is not None:
                data = data.replace(b'<html lang="fr">', b'<html lang="%s">' %
                                    self.api.lang.encode())
        self.send_response(200)
        self.send_header("Content-Type", TYPES[file.suffix])
        self.end_headers()
        self.wfile.write(data)
        return True

    def json(self, value, status=200, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())

    def text(self, text, status=200, kind="text/plain; version=0.0.4"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(text.encode())

    def problem(self, status, code, detail):
        self.json({"type": "about:blank", "title": "Erreur", "status": status,
                   "detail": detail, "code": code, "request_id": "essai"},
                  status, "application/problem+json")

    def chat(self, body):
        self.api.chats.append(body)
        plan = self.api.plans.popleft() if self.api.plans else repeat
        plan(Turn(self, body))

    def in_session(self, path):
        found = re.fullmatch(r"/session/([^/]+)(/messages|/stop|)", path)
        if found is None:
            self.problem(404, "not_found", "Cette adresse n'existe pas")
            return
        sid, rest = found.groups()
        if not re.fullmatch(r"[0-9a-fA-F-]{36}", sid):
            self.problem(400, "invalid_session_id", "Pas un UUID")
        elif sid not in self.api.sessions:
            self.problem(404, "session_not_found",
                         "Session non trouvée ou expirée")
        elif rest == "/messages":
            messages = self.api.sessions[sid]
            self.json({"session_id": sid, "message_count": len(messages),
                       "messages": messages})
        elif rest == "/stop":
            self.api.stopped.set()
            self.json({"stopped": True})
        else:
            del self.api.sessions[sid]
            self.json({"message": "Session supprimée avec succès"})
