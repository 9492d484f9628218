"""What visitors do, all of it at once; each reply goes to the ledger."""

import asyncio
import json
import time
import uuid

import fcgi
import openapi
import plans
from client import CHAT
from fcgi import Closed
from ledger import DEADLINE, Attempt, Difference
from wire import Answer, Wire

LEAVES = ["close", "close", "record", "half-close", "reset"]
OPERATIONS = [("chat", 50), ("repeat", 8), ("new", 4), ("messages", 16),
              ("info", 6), ("stop", 6), ("delete", 1), ("ghost", 3),
              ("stats", 2), ("bad", 8), ("garbage", 2), ("flood", 0.5),
              ("retire", 1)]


class Excused(Exception):
    """A restart came between."""


class Visitor:
    def __init__(self, world, rng):
        self.world, self.rng = world, rng
        self.wires = []  # kept connections
        self.last = ""   # how the last one was got

    async def act(self):
        names, weights = zip(*OPERATIONS)
        name = self.rng.choices(names, weights)[0]
        begun = time.monotonic()
        try:
            await asyncio.wait_for(getattr(self, name)(), DEADLINE + 20)
        except Excused:
            self.world.count["excused"] += 1
            await asyncio.sleep(0.1)
        except Closed:
            self.world.excuse(begun, f"{name} {self.last}")
            await asyncio.sleep(0.1)
        except asyncio.TimeoutError:
            raise Difference("-", f"{name} to end", "nothing") from None
        self.world.count[name] += 1

    # connections

    async def take(self):
        """A connection, and whether it is to be kept."""
        keep = self.rng.random() < 0.6
        self.wires = [wire for wire in self.wires
                      if wire.since > self.world.restart_ended and
                      wire.is_open()]
        now = time.monotonic()
        if self.wires and self.rng.random() < 0.9:
            wire = self.wires.pop()
        else:
            wire = await Wire.open(self.world.program.socket, now)
        self.last = f"on a connection {now - wire.since:.3f} s old, its " \
            f"{wire.used + 1}. request, {now - self.world.restarted:.3f} s " \
            "after a restart"
        return wire, keep

    def give(self, wire, keep):
        if keep and len(self.wires) < 2:
            self.wires.append(wire)
        else:
            wire.close()

    async def ask(self, method, path, body=b"", **params):
        """A whole reply, held against the interface's description."""
        wire, keep = await self.take()
        try:
            await wire.send(fcgi.request(method, path, body, keep, **params))
            answer = await wire.read_answer(Answer())
        except BaseException:
            wire.close()
            raise
        self.give(wire, keep)
        self.look(method, path, answer)
        return answer

    def look(self, method, path, answer):
        self.world.count["replies"] += 1
        self.world.replies[answer.status] += 1
        if self.rng.random() < 0.05:
            openapi.check_reply(method, path, answer.status, answer.headers,
                                answer.body)

    async def about(self, session, method, what=""):
        """Ask something of a session; (begun, status, JSON)."""
        begun = time.monotonic()
        id = session.id.upper() if self.rng.random() < 0.1 else session.id
        answer = await self.ask(method, f"/session/{id}{what}")
        end = json.loads(answer.body)
        if answer.status == 404 and end["code"] == "session_not_found":
            session.check_gone(end)
        elif answer.status != 200:
            session.differs("200", end)
        return begun, answer.status, end

    # chats

    async def chat(self):
        session = self.world.pick(self.rng, 0.93)
        plan = plans.make(self.rng, self.world.nonce())
        key = None
        if self.rng.random() < 0.5:
            key = f"key-{plan.nonce}"
        await self.send(session, plan, key)

    async def repeat(self):
        """The same key again, and sometimes with another message."""
        session = self.world.pick(self.rng)
        if session is None or not session.keys:
            return
        key = self.rng.choice(list(session.keys)[-12:])
        plan = session.keys[key][0]
        if self.rng.random() < 0.1:
            plan = plans.make(self.rng, self.world.nonce())
        await self.send(session, plan, key)

    async def ghost(self):
        """A session that is no more, or never was."""
        id = self.world.ghost(self.rng) or str(uuid.UUID(
            int=self.rng.getrandbits(128), version=4))
        if self.rng.random() < 0.7:
            method, what = self.rng.choice([
                ("GET", "/info"), ("GET", "/messages"), ("POST", "/stop"),
                ("DELETE", "")])
            answer = await self.ask(method, f"/session/{id}{what}")
            if answer.status != 404:
                raise Difference(id, 404, answer.body)
        else:
            plan = plans.make(self.rng, self.world.nonce())
            await self.send(None, plan, None, named=id)

    async def flood(self):
        """A reader who does not read, for a while or for too long."""
        session = self.world.pick(self.rng)
        plan = plans.make(self.rng, self.world.nonce(), plans.FLOODS)
        stall = self.rng.choice(self.world.stalls)
        await self.send(session, plan, None, stream=True, stall=stall)

    async def send(self, session, plan, key, named=None, stream=None,
                   stall=0.0):
        if stream is None:
            stream = self.rng.random() < 0.6
        attempt = Attempt(plan, stream, key, time.monotonic())
        attempt.stalls = stall > 0
        if session is not None:
            session.begin(attempt)
            session.running += 1
        self.world.begin(attempt)
        try:
            await self.converse(session, attempt, named, stall)
        except (Closed, Excused):
            self.gone(attempt)
        finally:
            self.world.end(attempt)
            if session is not None:
                session.running -= 1

    def gone(self, attempt):
        """The program closed the connection."""
        self.leave(attempt, time.monotonic())
        if attempt.stalls or attempt.plan.endless:
            self.world.count["dropped readers"] += 1
        elif attempt.started is not None and not attempt.late:
            raise Difference(attempt.session and attempt.session.id,
                             "the end of a stream that ran before SIGTERM",
                             f"closed: {attempt}")
        else:
            self.world.excuse(attempt.begun, f"{attempt} {self.last}")

    def leave(self, attempt, now):
        session = attempt.session
        if attempt.started is None:
            self.world.leaks += 1  # it may have made a session
        if session is not None:
            session.leave(attempt, now)
            if attempt.key is None and not attempt.plan.is_piece(attempt.seen):
                session.differs(f"a piece of {attempt}", attempt.seen[-200:])

    def request(self, session, attempt, named, keep):
        body = {"message": attempt.plan.message, "more": [None, {}]}
        params = {}
        if session is not None:
            body["session_id"] = session.id
        elif named is not None or self.rng.random() < 0.5:
            body["session_id"] = named
        if attempt.stream and self.rng.random() < 0.2:
            params["HTTP_ACCEPT"] = "text/event-stream"
        elif attempt.stream or self.rng.random() < 0.5:
            body["stream"] = attempt.stream
        if attempt.key is not None:
            params["HTTP_IDEMPOTENCY_KEY"] = attempt.key
        text = json.dumps(body, ensure_ascii=self.rng.random() < 0.5)
        return fcgi.request("POST", CHAT, text.encode(), keep,
                            size=self.rng.choice([65535, 65535, 100, 7]),
                            **params)

    async def converse(self, session, attempt, named, stall):
        attempt.session = session
        patience = self.rng.randint(0, 12) if self.rng.random() < 0.15 \
            else None
        if stall:
            patience = None
        wire, keep = await self.take()
        try:
            await wire.send(self.request(session, attempt, named, keep))
            if stall:
                wire.writer.transport.pause_reading()
                await asyncio.sleep(stall)
                wire.writer.transport.resume_reading()
            answer = Answer()
            if not await self.listen(wire, attempt, answer, patience):
                self.world.count["left"] += 1
                wire.leave(self.rng.choice(LEAVES))
                self.leave(attempt, time.monotonic())
                return
        except BaseException:
            wire.close()
            raise
        self.give(wire, keep)
        self.look("POST", CHAT, answer)
        self.finish(attempt, answer)

    async def listen(self, wire, attempt, answer, patience):
        """Read to the end; False when patience has an end before it: after so
        many events, or before any reply after as many hundredths of a
        second."""
        if patience is not None and not attempt.stream:
            try:
                await asyncio.wait_for(wire.read_answer(answer),
                                       patience * 0.02)
            except asyncio.TimeoutError:
                return False
            return True
        while patience is None or len(answer.events) < patience:
            if not await wire.read_some(answer):
                wire.used += 1
                return True
            self.hear(attempt, answer)
        return False

    def hear(self, attempt, answer):
        """What a stream has told so far."""
        if attempt.started is None and answer.events and \
                answer.events[0]["type"] == "start":
            attempt.started = time.monotonic()
            attempt.late = self.world.restarting
            self.settle(attempt, answer.events[0])
        attempt.seen = answer.text

    def settle(self, attempt, end):
        """Find the session that it is in: the one that was named, or a new
        one."""
        id, session = end["session_id"], attempt.session
        if session is not None and session.id == id:
            return
        if session is not None:
            session.forget(attempt)
            session.check_gone(end)
        attempt.key = None
        attempt.session = self.world.adopt(id, attempt.begun)
        attempt.session.begin(attempt)
        attempt.session.first = attempt

    def finish(self, attempt, answer):
        now = time.monotonic()
        streamed = answer.is_stream
        if streamed:
            end = self.end_of_stream(attempt, answer)
        else:
            end = json.loads(answer.body)
            if not attempt.stream and answer.status == 200:
                self.settle(attempt, end)
        failed = "response" not in end
        if failed and end.get("session_id"):
            self.settle(attempt, end)
        session = attempt.session
        if not failed:
            if end["session_id"] != session.id or \
                    end["new_session"] != (session.first is attempt):
                session.differs(f"its own, new: {session.first is attempt}",
                                end)
            session.answered(attempt, end, now)
            self.world.count["whole" if "code" not in end else
                             end["code"]] += 1
            return
        self.world.count[end["code"]] += 1
        if session is None:
            self.failed_without(attempt, end)
        else:
            session.failed(attempt, end, now)

    def end_of_stream(self, attempt, answer):
        kinds = [event["type"] for event in answer.events]
        end = answer.events[-1]
        if kinds[-1] not in ("done", "error") or \
                set(kinds[1:-1]) - {"delta"} or \
                kinds[0] not in ("start", "error") or \
                answer.text != end.get("response", answer.text):
            raise Difference(attempt.session and attempt.session.id,
                             "start, deltas, one end", answer.body[-2000:])
        return end

    def failed_without(self, attempt, end):
        """No session was named, and none made."""
        got = end["status"], end["code"]
        if got != plans.DOWN and not (
                got == (503, "unavailable") and attempt.restarted):
            raise Difference("-", f"what {attempt} may lead to", end)

    # the rest

    async def new(self):
        begun = time.monotonic()
        self.world.making += 1
        try:
            answer = await self.ask("POST", "/session/new",
                                    self.rng.choice([b"", b"{}", b"?"]))
        except Closed:
            self.world.leaks += 1
            raise
        finally:
            self.world.making -= 1
        end = json.loads(answer.body)
        if answer.status == 503 and self.world.was_restarted(begun):
            raise Excused()
        if answer.status != 200:
            raise Difference("-", "a new session", end)
        self.world.adopt(end["session_id"], begun)

    async def messages(self):
        if (session := self.world.pick(self.rng)) is not None:
            await self.read(session)

    async def read(self, session):
        begun, status, end = await self.about(session, "GET", "/messages")
        if status == 200:
            self.world.count["histories"] += 1
            session.read(begun, end, time.monotonic())
        return status

    async def info(self):
        if (session := self.world.pick(self.rng)) is None:
            return
        begun, status, end = await self.about(session, "GET", "/info")
        if status != 200:
            return
        session.check_alive(begun, end)
        session.check_count(end["message_count"], begun, end)
        if end["session_id"] != session.id or \
                not 0 < end["expires_in_minutes"] <= 30 or \
                end["created_at"] > end["last_activity"]:
            session.differs("its times", end)

    async def stop(self):
        if (session := self.world.pick(self.rng)) is None:
            return
        stop = [time.monotonic(), None]
        session.stops.append(stop)
        begun, status, end = await self.about(session, "POST", "/stop")
        stop[1] = time.monotonic()
        if status != 200 or not end["stopped"]:
            session.stops.remove(stop)
        elif not session.open and session.last_end < begun:
            session.differs("nothing to stop", end)

    async def delete(self):
        if (session := self.world.pick(self.rng)) is not None:
            await self.remove(session)

    async def remove(self, session):
        session.deletes += 1
        session.deleting = session.deleting or time.monotonic()
        begun, status, end = await self.about(session, "DELETE")
        now = time.monotonic()
        if status == 200:
            session.check_alive(begun, end)
            if session.deleted_by:
                session.differs("404: another one deleted it", end)
            session.deleted_by, session.deleted = True, now
            self.world.removed(session)
        elif session.deletes < 2 and session.lost is None:
            session.differs("to be deleted", end)

    async def retire(self):
        """An old session: all that ran in it has ended, its history is looked
        at for the last time."""
        session = self.world.pick(self.rng)
        if session is None or session.total < 10 or session.closing:
            return
        session.closing = True
        try:
            if await self.check_all_of(session):
                await self.remove(session)
        finally:
            session.closing = False

    async def check_all_of(self, session):
        """When nobody uses it any more; False when it is gone."""
        end = time.monotonic() + DEADLINE
        while session.running > 0 and time.monotonic() < end:
            await asyncio.sleep(0.01)
        while not session.may_be_gone():
            if await self.read(session) != 200:
                return False
            if session.complete and not session.missing():
                self.world.count["settled"] += 1
                return True
            if time.monotonic() > end:
                session.differs(f"{len(session.pairs)} pairs, and what was "
                                f"seen: {session.missing()}", "less")
            await asyncio.sleep(0.02)
        return False

    async def stats(self):
        begun, gone = time.monotonic(), self.world.deleted
        answer = await self.ask("GET", "/sessions/stats")
        found = json.loads(answer.body)["active_sessions"]
        if self.world.was_restarted(begun):
            raise Excused()
        least, most = self.world.live_count(begun, gone)
        if not least <= found <= most:
            raise Difference("-", f"{least} to {most} sessions", found)

    async def bad(self):
        """What is wrong is told, and changes nothing."""
        session = self.world.pick(self.rng)
        row = self.rng.choice(BAD)
        method, path, body, status, code = row[:5]
        params = row[5] if len(row) > 5 else {}
        if session is not None:
            path = path.replace("{id}", session.id)
            body = body.replace(b"{id}", session.id.encode())
        begun = time.monotonic()
        answer = await self.ask(method, path, body, **params)
        end = json.loads(answer.body)
        got = answer.status, end["code"]
        if got == (503, "unavailable") and self.world.was_restarted(begun):
            raise Excused()
        if got != (status, code):
            raise Difference(session and session.id, f"{status} {code} of "
                             f"{method} {path} {body[:200]}", end)

    async def garbage(self):
        """What is no request, or half of one; the program closes, or waits."""
        whole = fcgi.request("POST", CHAT, b'{"message": "Bonjour"}')
        data = self.rng.choice([
            self.rng.randbytes(200), b"GET / HTTP/1.1\r\n\r\n",
            whole[:self.rng.randrange(len(whole))],
            fcgi.begin() + fcgi.split(
                fcgi.PARAMS, b"\xff\xff\xff\xfe\x00" + b"x" * 20),
            fcgi.record(self.rng.randint(1, 11), b"\0" * 9, id=7) * 20])
        wire = await Wire.open(self.world.program.socket, time.monotonic())
        try:
            await wire.send(data)
            wire.leave(self.rng.choice(LEAVES))
        except Closed:
            wire.close()


def named(**members):
    return json.dumps(members).encode()


BAD = [
    ("POST", CHAT, b"", 400, "invalid_json",
     {"CONTENT_TYPE": "application/json"}),
    ("POST", CHAT, b"{", 400, "invalid_json"),
    ("POST", CHAT, b"[]", 400, "invalid_json"),
    ("POST", CHAT, b'{"message": "\xff"}', 400, "invalid_json"),
    ("POST", CHAT, b'{"message": "a", "message": "b"}', 400, "invalid_json"),
    ("POST", CHAT, b'{"message": "a\\u0000"}', 400, "invalid_json"),
    ("POST", CHAT, named(session_id="{id}"), 422, "invalid_field"),
    ("POST", CHAT, named(message=" \n", session_id="{id}"), 422,
     "invalid_field"),
    ("POST", CHAT, named(message=5, session_id="{id}"), 422, "invalid_field"),
    ("POST", CHAT, named(message="a", stream="yes", session_id="{id}"), 422,
     "invalid_field"),
    ("POST", CHAT, named(message="a", session_id="{id}x"), 400,
     "invalid_session_id"),
    ("POST", CHAT, named(message="a", session_id=7), 400,
     "invalid_session_id"),
    ("POST", CHAT, named(message="a" * 16385, session_id="{id}"), 413,
     "message_too_long"),
    ("POST", CHAT, named(message="a" * 70000, session_id="{id}"), 413,
     "body_too_large"),
    ("POST", CHAT, named(message="a", session_id="{id}"), 415,
     "unsupported_media_type", {"CONTENT_TYPE": "text/plain"}),
    ("GET", "/session/x/info", b"", 400, "invalid_session_id"),
    ("DELETE", "/session/{id}x", b"", 400, "invalid_session_id"),
    ("GET", CHAT, b"", 405, "method_not_allowed"),
    ("DELETE", "/session/new", b"", 405, "method_not_allowed"),
    ("PATCH", "/session/{id}/messages", b"", 405, "method_not_allowed"),
    ("POST", "/session/{id}/nowhere", b"", 404, "not_found"),
    ("GET", "/", b"", 404, "not_found"),
    ("POST", CHAT, named(message="a", session_id="{id}"), 403,
     "origin_not_allowed", {"HTTP_ORIGIN": "https://elsewhere.example"}),
]
