"""Requests that the articles answer, or nothing does."""

import os
import signal

from program import wait_for
from scenario import LOCAL, scenario
from visit import GONE, fcgi, need

SHORT = {**LOCAL, "session_timeout_minutes": 0.001,
         "cleanup_interval_seconds": 0.02}
STRICT = {**LOCAL, "rate_chat": "2/86400", "rate_new": "3/86400",
          "sessions_per_ip": 1, "log_format": "json"}
OPEN = {**LOCAL, "session_cookie": "sid", "base_path": "/api",
        "allowed_origins": "https://a.example",
        "trusted_proxies": "192.0.2.0/24,2001:db8::/32"}


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
        connection.send("GET", f"/session/{sid}/messages")
    except GONE:
        pass
    visit.ask("GET", "/health")
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
