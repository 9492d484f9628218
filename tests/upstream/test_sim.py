"""The simulated upstream does what it is told."""

import json
import socket
import time

import pytest

from sim import CANARY, DEADLINE, Upstream, scenario


@pytest.fixture(scope="module")
def running():
    with Upstream() as upstream:
        yield upstream


@pytest.fixture
def upstream(running):
    running.wait(open=0)
    running.reset()
    return running


class Conn:
    """A connection with one call at a time."""

    def __init__(self, upstream):
        self.socket = socket.create_connection(("127.0.0.1", upstream.port),
                                               DEADLINE)
        self.file = self.socket.makefile("rb")

    def send(self, message, path="/v1/chat/completions", **members):
        body = json.dumps({
            "model": "m", "stream": True,
            "messages": [{"role": "system", "content": "[[status=500]]"},
                         {"role": "user", "content": message}],
            **members}).encode()
        self.socket.sendall(
            f"POST {path} HTTP/1.1\r\nHost: sim\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def head(self):
        status = int(self.file.readline().split()[1])
        headers = {}
        while line := self.file.readline().rstrip():
            name, value = line.decode().split(": ", 1)
            headers[name.lower()] = value
        return status, headers

    def chunk(self):
        """One piece of a stream: b"" at its end, None when it is cut."""
        size = self.file.readline()
        if not size:
            return None
        data = self.file.read(int(size, 16))
        assert self.file.readline() == b"\r\n"
        return data

    def stream(self):
        """All that comes, and whether it came to its end."""
        body = b""
        while data := self.chunk():
            body += data
        return body, data is not None

    def call(self, message, **members):
        """Status, headers and body of a call."""
        self.send(message, **members)
        status, headers = self.head()
        if "content-length" in headers:
            return status, headers, self.file.read(
                int(headers["content-length"]))
        return status, headers, self.stream()[0]

    def close(self):
        self.file.close()
        self.socket.close()


@pytest.fixture
def conn(upstream):
    conn = Conn(upstream)
    yield conn
    conn.close()


def events(body):
    return [line.removeprefix(b"data: ") for line in body.splitlines()
            if line.startswith(b"data: ")]


def text(body):
    chunks = (json.loads(e) for e in events(body) if e != b"[DONE]")
    return "".join(choice["delta"].get("content", "")
                   for chunk in chunks for choice in chunk["choices"])


def test_an_answer_has_its_nonce_in_every_token(conn):
    status, headers, body = conn.call(scenario(tokens=3, nonce="a7"))
    assert status == 200
    assert headers["content-type"] == "text/event-stream"
    assert text(body) == "a7.1 a7.2 a7.3"
    assert events(body)[-1] == b"[DONE]"


def test_a_text_of_its_own_is_answered_word_by_word(conn):
    body = conn.call(scenario(text="un déjà vu"))[2]
    assert text(body) == "un déjà vu"
    assert len(events(body)) == 6  # role, three words, finish, [DONE]


def test_usage_comes_when_asked_for(conn):
    asked = {"stream_options": {"include_usage": True}}
    last = [events(conn.call(scenario(tokens=2), **more)[2])[-2]
            for more in (asked, {})]
    assert json.loads(last[0])["usage"]["completion_tokens"] == 2
    assert b"usage" not in last[1]


def test_calls_share_a_connection(upstream, conn):
    for _ in range(3):
        assert conn.call(scenario(tokens=1))[0] == 200
    stats = upstream.wait(completed=3)
    assert stats["calls"] == 3
    assert stats["accepted"] <= stats["calls"] + 2  # and those that ask


def test_requests_that_came_together_are_answered_in_order(conn):
    for nonce in "abc":
        conn.send(scenario(tokens=2, nonce=nonce, pace=5))
    for nonce in "abc":
        assert conn.head()[0] == 200
        assert text(conn.stream()[0]) == f"{nonce}.1 {nonce}.2"


def test_tokens_come_at_their_pace(conn):
    start = time.monotonic()
    conn.send(scenario(tokens=4, first=60, pace=40))
    assert conn.head()[0] == 200
    conn.chunk()
    for number in range(4):
        assert conn.chunk()
        # its clock counts whole milliseconds
        assert time.monotonic() - start > 0.057 + 0.04 * number


def test_the_role_does_not_wait_for_the_first_token(conn):
    conn.send(scenario(tokens=1, first=1000 * DEADLINE * 2))
    assert conn.head()[0] == 200
    assert b'"role"' in conn.chunk()


def test_a_token_does_not_come_a_turn_of_the_wheel_early(conn):
    conn.send(scenario(tokens=1, first=4096 + 50))
    assert conn.head()[0] == 200
    conn.chunk()
    conn.socket.settimeout(0.3)
    with pytest.raises(TimeoutError):
        conn.chunk()


@pytest.mark.parametrize("form, where", [
    ("object", lambda e: e["error"]["message"]),
    ("string", lambda e: e["error"]),
    ("message", lambda e: e["message"]["detail"]),
    ("nested", lambda e: e["error"]["message"]["detail"]),
])
def test_a_failure_has_the_form_that_was_asked_for(conn, form, where):
    status, headers, body = conn.call(
        scenario(status=429, retry_after=7, error=form))
    assert (status, headers["retry-after"]) == (429, "7")
    assert where(json.loads(body)) == CANARY
    body = conn.call(scenario(error_event=1, error=form))[2]
    assert where(json.loads(events(body)[-1])) == CANARY


def test_faults_pass_after_their_number_by_key(upstream, conn):
    message = scenario(status=503, fail_times=2, key="k", tokens=1)
    assert [conn.call(message)[0] for _ in range(4)] == [503, 503, 200, 200]
    other = scenario(status=503, fail_times=1, key="other")
    assert [conn.call(other)[0] for _ in range(2)] == [503, 200]
    upstream.reset()
    assert conn.call(message)[0] == 503


def test_a_field_is_refused_where_it_is_used(conn):
    message = scenario(refuse_field="max_tokens,top_k")
    status, _, body = conn.call(message, max_tokens=5)
    assert status == 400
    assert b"'max_tokens'" in body
    assert conn.call(message, max_completion_tokens=5)[0] == 200


@pytest.mark.parametrize("fault", ["cut", "reset"])
def test_a_broken_stream_keeps_what_came_before(upstream, conn, fault):
    conn.send(scenario(tokens=5, nonce="x", **{fault: 2}))
    assert conn.head()[0] == 200
    body = b"".join(conn.chunk() for _ in range(3))
    assert text(body) == "x.1 x.2"
    if fault == "cut":
        assert conn.chunk() is None
    else:
        with pytest.raises(ConnectionResetError):
            conn.chunk()
    upstream.wait(open=0, broken=1)


@pytest.mark.parametrize("values", [
    {"silent": True},
    {"stall": 2},
    {"endless": True, "pace": 10},
    {"endless": True},
    {"endless_header": True},
    {"bomb": True},
    {"first": 60000},
], ids=lambda values: "-".join(values))
def test_a_call_that_never_ends_is_cancelled_by_leaving(upstream, values):
    conn = Conn(upstream)
    conn.send(scenario(**values))
    upstream.wait(calls=1, open=1)
    conn.close()
    upstream.wait(seconds=1, open=0, cancelled=1, completed=0)


@pytest.mark.parametrize("values, missing", [
    ({"nodone": True}, {b"[DONE]", b"finish"}),
    ({"nofinish": True}, {b"finish"}),
    ({"onlyfinish": True}, {b"[DONE]"}),
])
def test_an_end_lacks_what_it_is_told_to(conn, values, missing):
    body = conn.call(scenario(tokens=1, finish="finish", **values))[2]
    for part in (b"[DONE]", b"finish\""):
        assert (part in body) is not (part.rstrip(b'"') in missing)


@pytest.mark.parametrize("values, found", [
    ({"nul": True}, b"<\\u0000>"),
    ({"rawnul": True}, b"<\0>"),
    ({"badutf8": True}, b"\xff\xc3("),
    ({"inject": True}, b"</script>"),
    ({"garbage": True}, b"data: }{"),
    ({"large_event": 70000}, b"x" * 70000),
    ({"comments": True}, b": waiting\n\n"),
    ({"crlf": True}, b"data: [DONE]\r\n\r\n"),
    ({"html": True}, b"<!DOCTYPE html>"),
])
def test_odd_contents_come_through(conn, values, found):
    status, _, body = conn.call(scenario(tokens=2, **values))
    assert status == 200
    assert found in body


def test_events_are_split_anywhere(conn):
    conn.send(scenario(tokens=1, nonce="n", split=3))
    assert conn.head()[0] == 200
    pieces = []
    while data := conn.chunk():
        pieces.append(data)
    assert max(map(len, pieces)) == 3
    assert text(b"".join(pieces)) == "n.1"


def test_a_redirect_and_a_hangup(upstream, conn):
    status, headers, _ = conn.call(scenario(redirect=True))
    assert (status, headers["location"]) == (
        307, "/elsewhere/chat/completions")
    conn.send(scenario(hangup=True))
    assert conn.file.read() == b""
    upstream.wait(completed=1, broken=1)


def test_the_last_request_is_shown_as_it_came(upstream, conn):
    assert upstream.last() is None
    conn.send(scenario(tokens=1), path="/any/chat/completions", seed=4)
    conn.head()
    last = upstream.last()
    assert (last.method, last.path) == ("POST", "/any/chat/completions")
    assert last.headers["host"] == "sim"
    assert last.body["seed"] == 4


@pytest.mark.parametrize("message", ["[[bogus]]", "[[tokens=x]]", "[[key"])
def test_a_wrong_directive_is_said(conn, message):
    status, _, body = conn.call(message)
    assert status == 400
    assert b"no such directive or value" in body


@pytest.mark.parametrize("members", [
    {"stream": False}, {"messages": []}, {"messages": None}])
def test_a_call_that_is_no_stream_is_refused(conn, members):
    assert conn.call("", **members)[0] == 400


@pytest.mark.parametrize("values, answer", [
    ({"tokens": 2, "nonce": "a7"}, "a7.1 a7.2"),
    ({"text": "d'eux mots"}, "d'eux mots"),
    ({"first": 50, "tokens": 1}, "mot.1")])
def test_a_call_that_is_no_stream_is_answered_whole_where_told(
        conn, values, answer):
    begin = time.monotonic()
    status, headers, body = conn.call(scenario(whole=True, **values),
                                      stream=False)
    # its clock counts whole milliseconds
    assert time.monotonic() - begin >= (values.get("first", 0) - 2) / 1000
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(body)["choices"][0]["message"]["content"] == answer
    status, _, body = conn.call(scenario(tokens=1, whole=True))
    assert (status, text(body)) == (200, "mot.1")


def test_a_whole_answer_can_fail(conn):
    status, _, body = conn.call(scenario(whole=True, status=500), stream=False)
    assert status == 500 and CANARY.encode() in body


def test_what_is_not_http_is_closed(upstream, conn):
    conn.socket.sendall(b"\x16\x03\x01\x02\x00\x01")
    assert conn.head()[0] == 400
    assert conn.file.read() == b""


def test_the_usual_behaviour_is_an_argument():
    with Upstream(tokens=2, nonce="u") as upstream:
        conn = Conn(upstream)
        assert text(conn.call("Bonjour")[2]) == "u.1 u.2"
        assert text(conn.call(scenario(tokens=1))[2]) == "u.1"
        conn.close()


def test_a_stalled_reader_does_not_hold_up_others(upstream, conn):
    stalled = Conn(upstream)
    stalled.send(scenario(endless=True))
    stalled.head()
    assert text(conn.call(scenario(tokens=1, nonce="n"))[2]) == "n.1"
    stalled.close()
    upstream.wait(cancelled=1, open=0)


def test_many_streams_are_held_at_once(upstream):
    conns = [Conn(upstream) for _ in range(200)]
    for number, conn in enumerate(conns):
        conn.send(scenario(tokens=5, pace=100, nonce=f"n{number}"))
    for number, conn in enumerate(conns):
        conn.head()
        expected = " ".join(f"n{number}.{i}" for i in range(1, 6))
        assert text(conn.stream()[0]) == expected
        conn.close()
    stats = upstream.wait(completed=200, open=0)
    assert stats["tokens"] == 1000
