"""What is done while something fails. A scenario is a function of a visit; it
is also run where nothing fails, and then must go as written here."""

import json
import os
import signal
import time

from program import HANG, wait_for
from visit import GONE, fcgi, need

FREE = {"rate_new": 0, "rate_chat": "1000000/1", "sessions_per_ip": 0,
        "turns_per_ip": 0}
LOCAL = {**FREE, "threads": 1, "log_target": "{folder}/log"}
MODEL = {**FREE, "threads": 1, "llm_base_url": "{upstream}",
         "llm_model": "simulated", "llm_api_key_file": "{folder}/key",
         "llm_retries": 0, "turn_wait_seconds": 20,
         "llm_first_token_seconds": 10, "llm_stall_seconds": 10}
SHORT = {**LOCAL, "session_timeout_minutes": 0.001,
         "cleanup_interval_seconds": 0.02}
STRICT = {**LOCAL, "rate_chat": "2/86400", "rate_new": "3/86400",
          "sessions_per_ip": 1, "log_format": "json"}
OPEN = {**LOCAL, "session_cookie": "sid", "base_path": "/api",
        "allowed_origins": "https://a.example",
        "trusted_proxies": "192.0.2.0/24,2001:db8::/32"}

SCENARIOS = []


def scenario(settings, every=1, memory=1, starts=False, owner=None):
    """every: of its points, only each such one is tried, as it is slow;
    memory: so of its allocations. starts: it is run from the start on; owner:
    in a Place (owners.py), whose plan of this name it is that comes true."""
    def add(function):
        function.settings = settings
        function.every = every
        function.memory = memory
        function.starts = starts
        function.owner = owner
        SCENARIOS.append(function)
        return function
    return add


def retry(visit, method, path, **more):
    """What must succeed so that the visit can go on."""
    reply = visit.ask(method, path, **more)
    if reply is None:
        visit.program.plan.disarm()
        strict, visit.strict = visit.strict, True
        reply = visit.ask(method, path, **more)
        visit.strict = strict
    return reply


# answered by the articles

@scenario(LOCAL)
def new(visit):
    visit.new()


@scenario(LOCAL)
def chat(visit):
    visit.chat(None, "Que dit le journal ?")


@scenario(LOCAL)
def chat_on(visit):
    sid = visit.new()
    if sid is not None:
        visit.chat(sid, "Parle-moi du climat et de la mer")
        visit.chat(sid, "Et après ?")
        visit.chat(sid, "xyzzy")


@scenario(LOCAL)
def chat_stream(visit):
    sid = visit.new()
    visit.chat(sid, "Quelles nouvelles de la lune ?", stream=True)


@scenario(LOCAL)
def info(visit):
    sid = visit.new()
    if sid is not None:
        reply = visit.ask("GET", f"/session/{sid}/info")
        need(reply is None or reply.json["message_count"] == 0, "info")


@scenario(LOCAL)
def messages(visit):
    sid = visit.new()
    if sid is not None:
        visit.chat(sid, 'Un « mot » et "deux"\n\t\\')
        visit.ask("GET", f"/session/{sid}/messages")


@scenario(LOCAL)
def delete(visit):
    sid = visit.new()
    if sid is not None:
        visit.chat(sid, "Bonjour")
        visit.delete(sid)


@scenario(LOCAL)
def state(visit):
    visit.ask("GET", "/sessions/stats")
    visit.ask("GET", "/ready")
    visit.ask("GET", "/health")
    visit.ask("GET", "/health", HTTP_ACCEPT_LANGUAGE="en;q=0.9, fr;q=0.1",
              HTTP_X_REQUEST_ID="torture-1")


@scenario(LOCAL)
def metrics(visit):
    reply = visit.ask("GET", "/metrics")
    need(reply is None or b"causerie_sessions " in reply.body, "metrics")


@scenario(LOCAL)
def bad_json(visit):
    for body in (b"{", b'{"message": "a", "message": "b"}', b"\xff",
                 b'{"a": [1, 2, {"b": "c"}], "d": NaN}'):
        reply = visit.ask("POST", "/session/chat", body, wanted=400)
        need(reply is None or reply.json["code"] == "invalid_json", "code")


@scenario(LOCAL)
def bad_requests(visit):
    ask = visit.ask
    ask("POST", "/session/chat", {"message": " "}, wanted=422)
    ask("POST", "/session/chat", {"message": "a", "session_id": [1, "b"]},
        wanted=400)
    ask("POST", "/session/chat", {"message": "a" * 20000}, wanted=413)
    ask("POST", "/session/chat", b"a", wanted=415, CONTENT_TYPE="text/plain")
    ask("PUT", "/session/new", wanted=405)
    ask("GET", "/nowhere", wanted=404)
    ask("GET", "/session/nonsense/info", wanted=400)
    ask("GET", "/session/00000000-0000-4000-8000-000000000000/info",
        wanted=404)
    ask("OPTIONS", "/session/chat", wanted=204)
    ask("HEAD", "/health")


@scenario(LOCAL)
def large_body(visit):
    visit.ask("POST", "/session/chat",
              {"message": "Bonjour", "ignored": ["é" * 20, 1.5e3] * 200})
    visit.ask("POST", "/session/new", b"x" * 70000, wanted=(200, 413))


@scenario(LOCAL)
def kept(visit):
    """Three requests on one connection, of which one ends it."""
    try:
        connection = visit.connect()
    except GONE:
        return
    for path in ("/health", "/sessions/stats", "/ready"):
        if connection.state != "closed":
            visit.ask("GET", path, connection=connection)


@scenario(LOCAL)
def pieces(visit):
    """A request that comes a few bytes at a time, twice on a connection."""
    body = b'{"message": "Bonjour"}'
    data = fcgi.request("POST", "/session/chat", body, keep=True, size=50,
                        REMOTE_ADDR=visit.client, HTTP_X_LONG="x" * 4000)
    connection = visit.connect()
    for _ in range(2):
        if connection.state == "closed":
            break
        connection.out, connection.state = b"", "open"
        try:
            for i in range(0, len(data), 700):
                connection.peer.send(data[i:i + 700])
        except GONE:
            pass
        visit.judge(connection.rest(), 200)


@scenario(LOCAL)
def many(visit):
    """Eight connections at once."""
    connections = [visit.connect() for _ in range(8)]
    for connection in connections:
        try:
            connection.send("GET", "/sessions/stats")
        except GONE:
            pass
    for connection in connections:
        visit.judge(connection.rest(), 200)


@scenario(LOCAL)
def idempotent(visit):
    sid = visit.new()
    if sid is None:
        return
    begun = visit.chat_begin(sid, "Bonjour", key="k1")
    visit.chat_end(begun)
    for stream in (False, True):
        visit.chat_end(visit.chat_begin(sid, "", key="k1", turn=begun[0],
                                        stream=stream))
    if begun[0].answer is not None:
        other = visit.chat_begin(sid, "Autre", key="k1")
        visit.chat_end(other, wanted=422)


@scenario(LOCAL)
def slow_reader(visit):
    """A long history, of which nothing is read for a while."""
    sid = visit.new()
    if sid is None:
        return
    for _ in range(3):
        visit.chat(sid, "mer " + "é" * 7500)
    connection = visit.connect()
    try:
        for _ in range(1):
            connection.send("GET", f"/session/{sid}/messages")
        for _ in range(8):
            connection.peer.send(fcgi.request("GET", "/health"))
    except GONE:
        pass
    visit.judge(connection.rest(), 200)


@scenario(LOCAL)
def leave_early(visit):
    """Those who go in the middle of a request, or before its reply."""
    data = fcgi.request("POST", "/session/new", REMOTE_ADDR=visit.client)
    for n in (0, 5, len(data) // 2, len(data)):
        connection = visit.connect()
        try:
            connection.peer.send(data[:n])
        except GONE:
            pass
        connection.close()
    visit.ask("GET", "/health")


@scenario(LOCAL)
def odd_records(visit):
    """Management records, and what no web server sends."""
    connection = visit.connect()
    try:
        connection.peer.send(
            fcgi.record(fcgi.GET_VALUES, fcgi.pair("FCGI_MAX_CONNS", ""), 0) +
            fcgi.record(99, b"?", 0) + fcgi.begin(role=fcgi.FILTER) +
            b"\x07nonsense" * 4)
    except GONE:
        pass
    connection.peer.closed()


@scenario(LOCAL, every=2)
def log_reopened(visit):
    log, moved = visit.program.folder / "log", visit.program.folder / "log.1"
    plan = visit.program.plan
    if log.exists():
        os.replace(log, moved)
    visit.program.process.send_signal(signal.SIGHUP)
    wait_for("the log", lambda: log.exists() or (
        not visit.strict and plan["fired"] > 0))
    visit.ask("GET", "/health")


@scenario(OPEN)
def cookie(visit):
    ask = visit.ask
    where = {"REMOTE_ADDR": "192.0.2.7", "HTTPS": "on",
             "HTTP_X_FORWARDED_FOR": "198.51.100.1, 192.0.2.9",
             "HTTP_ORIGIN": "https://a.example"}
    reply = ask("POST", "/api/session/new", **where)
    if reply is None:
        return
    sid = reply.json["session_id"]
    where["HTTP_COOKIE"] = f"a=b; sid={sid}"
    reply = ask("POST", "/api/session/chat", {"message": "Bonjour"}, **where)
    need(reply is None or reply.json["session_id"] == sid, "cookie")
    ask("DELETE", f"/api/session/{sid}", **where)
    ask("POST", "/api/session/new", wanted=403, HTTP_ORIGIN="https://b.b")


@scenario(STRICT)
def limits(visit):
    sid = visit.new()
    if sid is None:
        return
    beyond = 429 if visit.strict else (200, 429)
    visit.ask("POST", "/session/new", wanted=beyond)
    visit.chat(sid, "un")
    visit.chat(sid, "deux")
    begun = visit.chat_begin(sid, "trois")
    visit.chat_end(begun, wanted=beyond)


@scenario(SHORT, every=7)
def expiry(visit):
    sid = visit.new()
    if sid is None:
        return
    visit.chat(sid, "Bonjour", expires=True)

    def swept():
        reply = visit.ask("GET", "/metrics")
        return reply is not None and \
            b"\ncauserie_session_bytes 0\n" in reply.body or \
            not visit.strict and visit.program.plan["fired"] > 0
    wait_for("the sweep", swept, pause=0.02)
    for each in visit.sessions.values():
        each.ended = True
    if visit.strict:
        visit.ask("GET", f"/session/{sid}/info", wanted=404)


# answered by a model

WORDS = "[[tokens=3]]"
STALL = "[[tokens=9 stall=2]]"


@scenario(MODEL)
def model(visit):
    visit.chat(visit.new(), WORDS)


@scenario(MODEL)
def model_on(visit):
    sid = visit.new()
    visit.chat(sid, "[[tokens=40 split=7 usage=1]]")
    visit.chat(sid, WORDS)


@scenario(MODEL)
def model_stream(visit):
    sid = visit.new()
    visit.chat(sid, "[[tokens=20 comments crlf]]", stream=True)


@scenario(MODEL)
def model_fails(visit):
    sid = visit.new()
    for how, status in (("status=500", 503), ("status=400", 502),
                        ("hangup", 502), ("html", 502)):
        begun = visit.chat_begin(sid, f"[[{how}]]")
        visit.chat_end(begun, wanted=status)
        for _ in range(2):
            visit.chat(sid, WORDS)


@scenario(MODEL)
def model_breaks(visit):
    sid = visit.new()
    for how in ("cut=2", "reset=2", "error_event=2", "nodone"):
        visit.chat(sid, f"[[tokens=4 {how}]]", stream=True,
                   status="interrupted")
        for _ in range(2):
            visit.chat(sid, WORDS)


@scenario({**MODEL, "llm_retries": 1}, every=40)
def model_again(visit):
    text = f"[[status=503 fail_times=1 key=k{visit.client}]]"
    visit.chat(visit.new(), text)


@scenario({**MODEL, "llm_base_url": "{named_upstream}"})
def model_anew(visit):
    """A connection for each answer, to a name."""
    visit.chat(visit.new(), "[[tokens=3 until_close]]")


def stopped(visit, begun):
    """End what stalls, once it has begun."""
    turn, connection, sid = begun
    connection.until(b'"delta"')
    if connection.state == "open":
        retry(visit, "POST", f"/session/{sid}/stop")
    return visit.chat_end(begun, status="interrupted")


@scenario(MODEL)
def stop(visit):
    sid = visit.new()
    if sid is not None:
        stopped(visit, visit.chat_begin(sid, STALL, stream=True))
        visit.chat(sid, WORDS)


@scenario(MODEL)
def delete_turn(visit):
    sid = visit.new()
    if sid is None:
        return
    begun = visit.chat_begin(sid, STALL, stream=True)
    connection = begun[1]
    connection.until(b'"delta"')
    visit.session(sid).ended = True
    if retry(visit, "DELETE", f"/session/{sid}",
             wanted=200 if visit.strict else (200, 404)) is not None:
        visit.session(sid).turns = None
    raw = connection.rest()
    need(raw is not None or not visit.strict, "no reply")
    need(raw is None or b'"session_deleted"' in raw or not visit.strict,
         "the deleted session's stream", raw)


@scenario(MODEL)
def busy(visit):
    """One speaks, two wait, a fourth leaves the line."""
    sid = visit.new()
    if sid is None:
        return
    first = visit.chat_begin(sid, STALL, stream=True)
    first[1].until(b'"delta"')
    line = []
    for _ in range(3):
        line.append(visit.chat_begin(sid, WORDS, stream=True))
        line[-1][1].until(b"\r\n\r\n")
    line[1][1].close()
    line[1][0].over = visit.strict
    del line[1]
    stopped(visit, first)
    for begun in line:
        visit.chat_end(begun)


@scenario(MODEL)
def idempotent_wait(visit):
    """Sent again while the first try still runs."""
    sid = visit.new()
    if sid is None:
        return
    first = visit.chat_begin(sid, STALL, stream=True, key="k")
    first[1].until(b'"delta"')
    again = visit.chat_begin(sid, "", turn=first[0], stream=True, key="k")
    again[1].until(b"\r\n\r\n")
    stopped(visit, first)
    if again[1].until(b'"delta"') and again[1].state == "open":
        retry(visit, "POST", f"/session/{sid}/stop")
    visit.chat_end(again, status="interrupted")


def kept_partly(visit, sid):
    reply = visit.ask("GET", f"/session/{sid}/messages")
    return reply is not None and len(reply.json["messages"]) == 2


@scenario(MODEL)
def leave_stream(visit):
    """What was seen of an answer is kept."""
    sid = visit.new()
    if sid is None:
        return
    begun = visit.chat_begin(sid, STALL, stream=True)
    begun[1].until(b'"delta"')
    begun[1].close()
    if visit.strict:
        wait_for("what was seen", lambda: kept_partly(visit, sid))


@scenario(MODEL)
def leave_silence(visit):
    """Nothing was seen, nothing is kept."""
    sid = visit.new()
    if sid is None:
        return
    begun = visit.chat_begin(sid, "[[silent]]")
    visit.ask("GET", "/health")
    begun[1].close()
    begun[0].over = True
    visit.chat(sid, WORDS)


@scenario(MODEL)
def aborted(visit):
    """FCGI_ABORT_REQUEST, after which the connection goes on."""
    sid = visit.new()
    if sid is None:
        return
    begun = visit.chat_begin(sid, STALL, stream=True)
    connection = begun[1]
    connection.until(b'"delta"')
    if connection.state != "open":
        return
    try:
        connection.peer.send(fcgi.record(fcgi.ABORT_REQUEST))
    except GONE:
        pass
    raw = connection.rest()
    need(raw is not None or not visit.strict, "no end of an aborted request")


@scenario(MODEL, every=25)
def stalled_reader(visit):
    """A long stream, read only when the socket is full."""
    sid = visit.new()
    begun = visit.chat_begin(sid, "[[tokens=3000]]", stream=True)
    visit.ask("GET", "/health")
    visit.chat_end(begun)


# from the start to the end

def serves(program, visit_of):
    """Whether it came up; then it must work, and end in order."""
    up = wait_for("start", program.is_up)
    if up != "up":
        return False
    visit = visit_of(program, strict=True)
    chat(visit)
    visit.check()
    visit.close()
    return True


@scenario({**LOCAL, "articles": "{folder}/articles"}, starts=True)
def start(visit_of, program, arm):
    arm()
    program.spawn()
    return serves(program, visit_of)


@scenario({**MODEL, "log_format": "json"}, starts=True)
def start_model(visit_of, program, arm):
    arm()
    program.spawn()
    return serves(program, visit_of)


@scenario({**LOCAL, "articles": "{folder}/articles",
           "system_prompt_file": "{folder}/prompt", "t": None}, starts=True)
def check_only(visit_of, program, arm):
    arm()
    program.spawn()
    return False


def drained(visit_of, program, arm, words):
    """The end while one speaks, one waits and one listens to nothing."""
    program.spawn()
    wait_for("start", program.is_up)
    visit = visit_of(program, strict=False)
    sid = visit.new()
    first = visit.chat_begin(sid, words, stream=True)
    first[1].until(b'"delta"')
    second = visit.chat_begin(sid, WORDS, stream=True)
    second[1].until(b"\r\n\r\n")
    idle = visit.connect()
    visit.ask("GET", "/health", connection=idle)
    arm()
    began = time.monotonic()
    program.process.send_signal(signal.SIGTERM)
    visit.chat_end(first)
    visit.chat_end(second)
    visit.close()
    program.wait()
    need(time.monotonic() - began < HANG, "the drain takes too long")
    return True


@scenario(MODEL, starts=True)
def drain(visit_of, program, arm):
    return drained(visit_of, program, arm, "[[tokens=4 pace=20]]")


@scenario(MODEL, starts=True, every=60)
def drain_cut(visit_of, program, arm):
    """The answer does not end by itself; that takes 4 s."""
    return drained(visit_of, program, arm, STALL)


@scenario({**LOCAL, "h": None}, starts=True)
def help_text(visit_of, program, arm):
    arm()
    program.spawn()
    return False


# an owner of the sessions; these return the visit that is to be held, or None

SHARED = {**LOCAL, "articles": "{folder}/articles"}


def both(settings, **more):
    """Two scenarios: the first process fails, and the second does."""
    def add(function):
        for plan in ("first", "second"):
            def attacked(place):
                return function(place)
            attacked.__name__ = f"{function.__name__}_{plan}"
            globals()[attacked.__name__] = attacked
            scenario(settings, owner=plan, **more.get(plan, {}))(attacked)
        return function
    return add


def talk(place):
    visit = place.visit()
    sid = visit.new()
    visit.new()
    visit.chat(sid, "Parle-moi du climat")
    return visit


@scenario(SHARED, owner="first", memory=10)
def owner_first(place):
    """Nobody was here before."""
    place.arm()
    place.start(0, "first").answers()


@scenario(SHARED, owner="second", memory=20)
def owner_killed(place):
    """What it leaves behind is in the way of the next."""
    first = place.up(0, "first")
    wait_for("its wait", lambda: place.plans["first"].calls()["signalfd"] > 1)
    place.kill_owner()
    wait_for("its end", lambda: first.status() is not None)
    place.arm()
    place.start(0, "second").answers()


def held_up(place, name, process):
    """The right to begin is another's, until the process has seen it."""
    lock = place.lock(name)
    place.arm()
    process = process()
    wait_for("the lock", lambda: place.plan.calls()["flock"] > 0 or
             process.status() is not None)
    os.close(lock)
    return process


@scenario(SHARED, owner="first", memory=20)
def owner_elected(place):
    """Another one was about to own, and is gone."""
    held_up(place, "owner.lock", lambda: place.start(0, "first")).answers()


@both(SHARED)
def owner_joined(place):
    place.up(0, "first")
    visit = talk(place)
    place.arm()
    place.start(0, "second").answers()
    return visit


@scenario(SHARED, owner="first")
def owner_left(place):
    place.up(0, "first")
    second = place.up(0, "second")
    visit = talk(place)
    place.arm()
    second.child.terminate()
    wait_for("its listener's end", lambda: "listeners=1 " in (
        place.relieve() or place.told(0, "--owner-status") or ""))
    return visit


@both(SHARED)
def owner_status(place):
    place.up(0, "first")
    visit = talk(place)
    place.arm()
    said = place.told(0, "--owner-status", plan="second")
    need(said is None or "sessions=2 listeners=1 " in said, "status", said)
    return visit


@both(SHARED)
def owner_stop(place):
    place.up(0, "first")
    talk(place)
    place.arm()
    said = place.told(0, "--owner-stop", plan="second")
    need(said is None or "has ended" in said, "stop", said)
    if said is not None:
        wait_for("the owner's end", place.all_ended)


@scenario(SHARED, owner="first")
def owner_drained(place):
    place.up(0, "first")
    talk(place)
    place.arm()
    place.signal_owner(signal.SIGTERM)
    wait_for("the owner's end", place.all_ended)


@both(SHARED, second={"memory": 10})
def followed(place):
    """Another version comes; a connection is kept over it."""
    place.up(0, "first")
    visit = talk(place)
    idle = visit.connect()
    visit.ask("GET", "/health", connection=idle)
    place.arm()
    place.start(1, "second").answers()
    place.settled()
    visit.ask("GET", "/health", connection=idle)
    return visit


@scenario(SHARED, owner="second", memory=20)
def followed_late(place):
    """Another one was about to follow, and is gone."""
    place.up(0, "first")
    visit = talk(place)
    second = held_up(place, "next.lock", lambda: place.start(1, "second"))
    second.answers()
    place.settled()
    return visit


@both({**MODEL, "log_target": "{folder}/log"}, second={"memory": 20})
def followed_turn(place):
    """Who is answered then is stopped by the new one. Where the two are
    parted, that answer may be lost, but nothing else."""
    first = place.up(0, "first")
    visit = talk(place)
    sid = visit.new()
    begun = visit.chat_begin(sid, STALL, stream=True)
    begun[1].until(b'"delta"')
    place.arm()
    second = place.start(1, "second")
    place.front = second.number if second.answers() else first.number
    stopped(visit, begun)
    place.settled()
    if place.parts():
        begun[0].answer = None
    return visit


def fill(folder):
    """The files that settings name."""
    (folder / "key").write_text("sk-torture\n")
    (folder / "prompt").write_text("Nous sommes le {date}.\n")
    rows = [{"title": f"Titre {i}", "url": f"https://a.example/{i}",
             "date": "2025-11-08", "text": f"Le climat et la mer {i}"}
            for i in range(2)]
    (folder / "articles").write_text(
        "".join(json.dumps(row) + "\n" for row in rows))
