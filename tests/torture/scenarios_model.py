"""Requests that a language model answers."""

from program import wait_for
from scenario import MODEL, STALL, WORDS, retry, scenario
from visit import GONE, fcgi, need


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
