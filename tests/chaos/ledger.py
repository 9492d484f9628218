"""What every session's history must be, as far as a client can know.

A chat that was read to its end says by its message_count which place of the
history it has; one whose client left is open: it may be there or not, and what
is there must be what that client can have seen, or more. Every reply is held
against this, and adds to it."""

import json

import plans

DEADLINE = 60      # seconds, for whatever is to happen soon
IN_LINE = 5        # turns of a session: one that runs, four that wait
KEYS = 8           # that a session remembers
WAIT_S = 20        # turn_wait_seconds
MESSAGES, BYTES = 32, 12 * 1024             # kept of a session
CONTEXT_MESSAGES, CONTEXT_BYTES = 10, 2 * 1024    # of it in a prompt
SYSTEM = "Sois bref."
HEAD = '{"model":"simulated","temperature":0.70,"stream":true,"messages":['
TAIL = '],"max_tokens":1024,"stream_options":{"include_usage":true}}'


class Difference(Exception):
    """The program did not do what the model says."""

    def __init__(self, session, expected, got):
        super().__init__(f"session {session}\n  expected: {expected}\n"
                         f"  got:      {got}")


def size(pair):
    return len(pair.question.encode()) + len(pair.answer.encode())


def newest(pairs, messages, limit):
    """How many of the last pairs fit; None when that is not known."""
    count = used = 0
    for pair in reversed(pairs):
        if 2 * (count + 1) > messages:
            return count
        if pair is None:
            return None
        used += size(pair)
        if used > limit:
            return count
        count += 1
    return count


def kept(pairs):
    """How many of all pairs a session keeps: the last one always."""
    if not pairs:
        return 0
    if pairs[-1] is None:
        return None
    rest = newest(pairs[:-1], MESSAGES - 2, BYTES - size(pairs[-1]))
    return None if rest is None else rest + 1


def prompt_tokens(history, question):
    """As the simulated model counts them: a quarter of the request's bytes."""
    messages = [("system", SYSTEM)]
    for pair in history:
        messages += [("user", pair.question), ("assistant", pair.answer)]
    messages.append(("user", question))
    text = ",".join(json.dumps({"role": role, "content": content},
                               ensure_ascii=False, separators=(",", ":"))
                    for role, content in messages)
    return len((HEAD + text + TAIL).encode()) // 4


class Pair:
    """A question and its answer, in a place of the history."""

    def __init__(self, attempt, answer, status, code=None):
        self.attempt, self.question = attempt, attempt.plan.message
        self.answer, self.status, self.code = answer, status, code
        self.key = attempt.key
        self.known = None  # when, surely
        self.prompt = None  # the tokens that it was asked with
        self.checked = False


class Attempt:
    """A chat that was sent."""

    def __init__(self, plan, stream, key, now):
        self.plan, self.stream, self.key, self.begun = plan, stream, key, now
        self.ended = None    # when the client had all, or left
        self.left = False
        self.started = None  # when its start event came
        self.seen = ""
        self.session = None  # as far as it is known
        self.crowded = False    # the line was full
        self.restarted = False  # the program was ended meanwhile
        self.late = False       # it started only then
        self.stalls = False     # it does not read for a while

    def __repr__(self):
        return f"<{self.plan.message} stream={self.stream} key={self.key} " \
            f"seen={len(self.seen)} left={self.left}>"


class Session:
    def __init__(self, id, born):
        self.id, self.born = id, born
        self.pairs = []     # by place; None: taken, but not known by whom
        self.open = []      # attempts that may still enter the history
        self.running = 0    # operations
        self.total = 0      # attempts
        self.deleting = None  # since when, perhaps
        self.deleted = None   # since when, surely
        self.lost = None      # by a restart, as deleting
        self.stops = []     # [begun, ended]
        self.last_end = born  # of an attempt
        self.deletes = 0    # that were begun
        self.deleted_by = False  # one that succeeded
        self.first = None   # the attempt that made it
        self.keys = {}      # key: plans that were sent with it
        self.closing = False
        self.complete = False  # when it was read last: all was there
        self.checked_prompts = 0

    def __repr__(self):
        return f"<born {self.born:.3f}, deleting {self.deleting}, deleted " \
            f"{self.deleted}, lost {self.lost}, {len(self.pairs)} pairs, " \
            f"open {self.open}>"

    def differs(self, expected, got):
        raise Difference(self.id, expected, got)

    # whether it is there

    def may_be_gone(self):
        return self.deleting is not None or self.lost is not None

    def check_alive(self, begun, what):
        """Something in it succeeded that began then."""
        for end in self.deleted, self.lost_surely:
            if end is not None and begun > end:
                self.differs("404: it was deleted or lost before", what)

    def check_gone(self, what):
        if not self.may_be_gone():
            self.differs("a live session", what)

    @property
    def lost_surely(self):
        return self.lost[1] if self.lost is not None else None

    # how many pairs there are

    def least(self, begun):
        """Pairs that were there before."""
        return max((place + 1 for place, pair in enumerate(self.pairs)
                    if pair is not None and pair.known is not None and
                    pair.known < begun), default=0)

    def most(self):
        return sum(pair is not None for pair in self.pairs) + len(self.open)

    def check_count(self, count, begun, what):
        if count % 2 or not self.least(begun) <= count // 2 <= self.most():
            self.differs(f"from {2 * self.least(begun)} to "
                         f"{2 * self.most()} messages", f"{count} in {what}")

    # chats

    def begin(self, attempt):
        self.total += 1
        self.open.append(attempt)
        if attempt.key is not None:
            self.keys.setdefault(attempt.key, []).append(attempt.plan)
        self.note_crowd()

    def note_crowd(self):
        """Who comes late into a full line is refused."""
        if len(self.open) > IN_LINE:
            for attempt in self.open:
                attempt.crowded = True

    def forget(self, attempt):
        """Nothing of it was kept."""
        if attempt in self.open:
            self.open.remove(attempt)

    def leave(self, attempt, now):
        attempt.left = True
        attempt.ended = self.last_end = now

    def put(self, place, pair):
        self.pairs += [None] * (place + 1 - len(self.pairs))
        self.pairs[place] = pair

    def was_stopped(self, attempt, now):
        return any(begun < now and (ended is None or ended > attempt.begun)
                   for begun, ended in self.stops)

    def is_legal(self, attempt, text, status, code, now):
        """Whether a kept answer may be this; code None: not told."""
        plan = attempt.plan
        now = attempt.ended or now
        if status is None:
            return code is None and plan.is_whole(text)
        if status != "interrupted" or not plan.is_piece(text) or \
                not text.startswith(attempt.seen):
            return False
        slow = now - attempt.begun >= plans.STALL_S
        reasons = {
            "stopped": attempt.left and attempt.stream or
            self.was_stopped(attempt, now),
            "unavailable": attempt.restarted,
            "upstream_timeout": slow or plan.breaks(text, "upstream_timeout"),
            "upstream_failed": plan.breaks(text, "upstream_failed"),
            "length": plan.breaks(text, "length"),
            "answer_too_long": plan.breaks(text, "answer_too_long"),
        }
        return any(reasons.values()) if code is None else \
            bool(reasons.get(code))

    def answered(self, attempt, end, now):
        """An ordinary end: 200, or done."""
        attempt.ended = self.last_end = now
        text, status, code = (end.get(name) for name in
                              ("response", "status", "code"))
        self.check_alive(attempt.begun, end)
        if (status is None) != (code is None) or end["success"] is not True:
            self.differs("status and code together, success", end)
        if text == "":
            self.check_count(end["message_count"], attempt.begun, end)
            if (status, code) != ("interrupted", "stopped") or \
                    not self.was_stopped(attempt, now):
                self.differs(f"an answer to {attempt}", end)
        elif end["message_count"] < 2 or end["message_count"] % 2:
            self.differs("whole pairs", end)
        else:
            place = end["message_count"] // 2 - 1
            if self.at(place) is None:
                self.take(place, attempt, text, status, code, end, now)
            self.check_pair(self.at(place), attempt, text, status, code, end)
            if self.at(place).known is None:
                self.at(place).known = now
        self.forget(attempt)

    def at(self, place):
        return self.pairs[place] if place < len(self.pairs) else None

    def take(self, place, attempt, text, status, code, end, now):
        """A place that nobody is known to have."""
        begun = attempt.begun
        if self.is_legal(attempt, text, status, code, now) and \
                place >= self.least(begun):
            giver = attempt
        else:
            giver = self.first_try(attempt, text, status, code, now)
        if giver is None or place >= self.most():
            self.differs(f"what {attempt} may lead to, in a place from "
                         f"{self.least(begun)} to {self.most()}", end)
        self.put(place, Pair(giver, text, status))
        self.forget(giver)

    def first_try(self, attempt, text, status, code, now):
        """One with the same key whose answer nobody has read to its end."""
        for other in self.open:
            if other.plan is attempt.plan and other.key == attempt.key and \
                    other.key is not None and other is not attempt and \
                    self.is_legal(other, text, status, code, now):
                return other
        return None

    def check_pair(self, pair, attempt, text, status, code, end):
        """It is this attempt's, or its key's; asked with once only."""
        same_key = attempt.key is not None and pair.key == attempt.key
        if pair.attempt is not attempt and not same_key or \
                pair.question != attempt.plan.message:
            self.differs(f"another place: {pair.attempt} has it", end)
        if (text, status) != (pair.answer, pair.status) or \
                pair.code not in (None, code):
            self.differs(f"the same again: {pair.answer}, {pair.status}, "
                         f"{pair.code}", end)
        pair.code = code
        if "usage" in end:
            prompt = end["usage"]["prompt_tokens"]
            if pair.prompt not in (None, prompt):
                self.differs(f"the usage of the first, {pair.prompt}", end)
            pair.prompt = prompt

    def failed(self, attempt, problem, now):
        """A problem, or an error event."""
        attempt.ended = self.last_end = now
        plan, code = attempt.plan, problem["code"]
        took = now - attempt.begun
        got = (problem["status"], code)
        legal = {
            plans.FAILED: got == plan.problem,
            plans.DOWN: True,  # the breaker may be open
            plans.TIMEOUT: got == plan.problem or took >= plans.FIRST_S,
            (409, "session_busy"): attempt.crowded or took >= WAIT_S,
            (410, "session_deleted"): self.deleting is not None,
            (422, "idempotency_key_reused"): any(
                other is not plan
                for other in self.keys.get(attempt.key, [])),
            (503, "unavailable"): attempt.restarted,
        }
        if not legal.get(got):
            self.differs(f"what {attempt} may lead to", problem)
        if code == "session_deleted":
            self.check_alive(attempt.begun, problem)
        elif attempt.seen:
            self.differs(f"an ordinary end after {attempt.seen!r}", problem)
        self.forget(attempt)

    # its history

    def find_open(self, message, answer, status, now):
        """Whose pair this is, that was not known yet."""
        content, text = message["content"], answer["content"]
        for attempt in self.open:
            if attempt.plan.message == content and \
                    self.is_legal(attempt, text, status, None, now):
                return attempt
        return None

    def read(self, begun, body, now):
        """What GET /messages answered."""
        self.check_alive(begun, body)
        self.check_count(body["message_count"], begun, "the history")
        total, list = body["message_count"] // 2, body["messages"]
        first = total - len(list) // 2
        if len(list) % 2 or first < 0:
            self.differs("whole pairs", body)
        for n in range(first, total):
            self.read_pair(n, list[2 * (n - first)],
                           list[2 * (n - first) + 1], now)
        self.pairs += [None] * (total - len(self.pairs))
        keep = kept(self.pairs[:total])
        if keep is not None and keep != total - first:
            self.differs(f"the last {keep} pairs of {total}",
                         f"{total - first}")
        self.complete = total >= len(self.pairs)
        self.check_prompts()

    def read_pair(self, place, question, answer, now):
        status = answer.get("status")
        if (question["role"], answer["role"]) != ("user", "assistant") or \
                "status" in question:
            self.differs("a question and an answer", [question, answer])
        pair = self.pairs[place] if place < len(self.pairs) else None
        if pair is None:
            attempt = self.find_open(question, answer, status, now)
            if attempt is None:
                self.differs(f"in place {place} one of {self.open}",
                             [question, answer])
            pair = Pair(attempt, answer["content"], status)
            pair.known = now
            self.put(place, pair)
            self.forget(attempt)
        got = question["content"], answer["content"], status
        if got != (pair.question, pair.answer, pair.status):
            self.differs(f"in place {place} {pair.question}: {pair.answer} "
                         f"({pair.status})", got)

    def check_prompts(self):
        """The model was shown exactly what the history was, and no key was
        asked twice while it was remembered."""
        for place, pair in enumerate(self.pairs):
            if pair is None or pair.checked:
                continue
            keep = kept(self.pairs[:place])
            if keep is None:
                continue
            before = self.pairs[place - keep:place]
            pair.checked = True
            self.check_key(pair, before)
            if pair.prompt is None:
                continue
            shown = newest(before, CONTEXT_MESSAGES, CONTEXT_BYTES)
            expected = prompt_tokens(before[keep - shown:], pair.question)
            self.checked_prompts += 1
            if pair.prompt != expected:
                self.differs(f"{expected} tokens: the last {shown} pairs "
                             f"before place {place}", pair.prompt)

    def check_key(self, pair, before):
        keys = [p.key for p in before if p.key is not None][-KEYS:]
        if pair.key is not None and pair.key in keys:
            self.differs("the answer of the first try with its key",
                         f"another: {pair.question}")

    def missing(self):
        """Attempts that must be in the history, and are not yet: their client
        saw a part of the answer. They may be in places that are dropped."""
        seen = [a for a in self.open if a.seen and not a.restarted and
                not self.has_key(a)]
        return seen if len(seen) > self.pairs.count(None) else []

    def has_key(self, attempt):
        """What it saw was the answer of another try."""
        return attempt.key is not None and any(
            pair.key == attempt.key for pair in self.pairs if pair is not None)
