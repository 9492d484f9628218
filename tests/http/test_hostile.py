"""Bad input never ends the process and never blocks another request."""

import socket

import pytest

from client import CHAT, UNKNOWN

M = b'{"message": "x"'
BODIES = {
    # no object
    "nothing": b"", "blanks": b" \n\t", "null": b"null", "true": b"true",
    "number": b"12", "string": b'"x"', "array": b"[]", "two": M + b"}{}",
    "array of object": b"[" + M + b"}]", "word": b"hello",
    "form": b"message=x&session_id=", "xml": b"<message>x</message>",
    # cut or closed wrongly
    "cut": M, "cut text": b'{"message": "x', "cut name": b'{"mess',
    "cut escape": b'{"message": "\\', "cut unicode": b'{"message": "\\u00',
    "no colon": b'{"message" "x"}', "no value": b'{"message":}',
    "no name": b'{: "x"}', "comma": M + b",}", "two commas": M + b",,}",
    "first comma": b'{,"message": "x"}', "wrong bracket": M + b"]",
    "open": b"{" * 10, "behind": M + b"} x", "NUL behind": M + b"}\0",
    # what lenient parsers let through
    "single quotes": b"{'message': 'x'}", "bare name": b'{message: "x"}',
    "comment": M + b"} // x", "comment inside": b'{/**/"message": "x"}',
    "NaN": M + b', "a": NaN}', "Infinity": M + b', "a": Infinity}',
    "-Infinity": M + b', "a": -Infinity}', "plus": M + b', "a": +1}',
    "leading zero": M + b', "a": 01}', "hex": M + b', "a": 0x1}',
    "no fraction": M + b', "a": 1.}', "no integer": M + b', "a": .5}',
    "no exponent": M + b', "a": 1e}', "minus": M + b', "a": -}',
    "True": M + b', "a": True}', "None": M + b', "a": None}',
    "control": b'{"message": "a\x01b"}', "newline": b'{"message": "a\nb"}',
    "tab": b'{"message": "a\tb"}', "escape x": b'{"message": "\\x41"}',
    "escape quote": b'{"message": "\\\'"}', "form feed": b'\f' + M + b"}",
    "vertical tab": b"\v" + M + b"}",
    # names
    "twice": M + b', "message": "y"}',
    "twice, escaped": M + b', "\\u006dessage": "y"}',
    "twice inside": M + b', "a": {"b": 1, "b": 2}}',
    "name is a number": b'{1: "x"}', "name is null": b'{null: "x"}',
    # not UTF-8, no character
    "latin-1": '{"message": "é"}'.encode("latin-1"),
    "UTF-16": '{"message": "x"}'.encode("utf-16"),
    "UTF-32": '{"message": "x"}'.encode("utf-32-be"),
    "overlong": b'{"message": "\xc0\xaf"}',
    "overlong NUL": b'{"message": "\xc0\x80"}',
    "overlong of 3": b'{"message": "\xe0\x80\xaf"}',
    "surrogate bytes": b'{"message": "\xed\xa0\x80"}',
    "too high": b'{"message": "\xf4\x90\x80\x80"}',
    "five bytes": b'{"message": "\xf8\x88\x80\x80\x80"}',
    "lone continuation": b'{"message": "\x80"}',
    "cut character": b'{"message": "\xe2\x82"}',
    "0xff": b'{"message": "\xff\xfe"}',
    "lone high": b'{"message": "\\ud800"}',
    "lone low": b'{"message": "\\udc00"}',
    "wrong pair": b'{"message": "\\udc00\\ud800"}',
    "high and letter": b'{"message": "\\ud800a"}',
    "NUL": b'{"message": "a\0b"}', "escaped NUL": b'{"message": "a\\u0000b"}',
    "NUL in a name": M + b', "a\\u0000": 1}',
    # depth and size
    "deep arrays": M + b', "a": ' + b"[" * 17 + b"]" * 17 + b"}",
    "deep objects": b'{"a":' * 17 + b"1" + b"}" * 17,
    "very deep": b"[" * 60000, "very deep object": b'{"a":' * 10000,
    "random": bytes(range(256)) * 4, "quotes": b'"' * 9999,
    "backslashes": b'{"message": "' + b"\\" * 9999,
}
IDS = [
    "x", "null", "undefined", "0", "-1", "None", "new.", "..", "../info",
    "..%2f..%2fetc%2fpasswd", "%2e%2e", "%00", UNKNOWN + "%00", "%", "%zz",
    "%ff", "%c0%af", "%0d%0aX-Injected:%201", "a%20b", "'", "%22", "%27;--",
    "' OR 1=1".replace(" ", "%20"), "$(id)", "`id`", "{id}", "%s%s%n", "*",
    "<script>".replace("<", "%3c").replace(">", "%3e"), "é".encode().hex(),
    "%C3%A9", UNKNOWN[:-1], UNKNOWN + "0", UNKNOWN.replace("-", ""),
    UNKNOWN.replace("-", "_"), "{" + UNKNOWN + "}", "urn:uuid:" + UNKNOWN,
    UNKNOWN.replace("3", "g", 1), "%20" + UNKNOWN, UNKNOWN + "%20",
    UNKNOWN + "%0a", "-" * 36, "0" * 36, "x" * 36, "x" * 4000,
]
RAW = {
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "no version": b"GET\r\n\r\n",
    "binary": bytes(range(256)) * 20 + b"\r\n\r\n",
    "long line": b"GET /session/" + b"x" * 100000 + b" HTTP/1.1\r\n\r\n",
    "many headers": b"GET /health HTTP/1.1\r\nHost: x\r\n" +
    b"".join(b"X-%d: y\r\n" % i for i in range(2000)) + b"\r\n",
    "negative length": b"POST /session/chat HTTP/1.1\r\nHost: x\r\n"
    b"Content-Length: -1\r\n\r\n",
    "two lengths": b"POST /session/chat HTTP/1.1\r\nHost: x\r\n"
    b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
    "length and chunks": b"POST /session/chat HTTP/1.1\r\nHost: x\r\n"
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bad chunk": b"POST /session/chat HTTP/1.1\r\nHost: x\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "proxy request": b"GET http://example.org/session/new HTTP/1.1\r\n"
    b"Host: example.org\r\n\r\n",
    "CONNECT": b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "Proxy header": b"GET /health HTTP/1.1\r\nHost: x\r\nProxy: y\r\n"
    b"Connection: close\r\n\r\n",
}


@pytest.fixture(autouse=True)
def survives(server, client):
    """The same process is there afterwards, and answers."""
    assert client.get("/health").status == 200
    pid = server.pid()
    yield
    assert client.get("/health").status == 200
    assert server.pid() == pid


@pytest.mark.parametrize("name", BODIES)
def test_what_is_no_json_object_is_refused(client, name):
    reply = client.ask("POST", CHAT, BODIES[name])
    assert reply.problem == (400, "invalid_json")


def test_a_body_may_be_nested_16_deep(client):
    body = M + b', "a": ' + b"[" * 15 + b"]" * 15 + b"}"
    assert client.ask("POST", CHAT, body).status == 200


@pytest.mark.parametrize("id", IDS)
def test_a_strange_id_is_refused(client, id):
    for method, rest in ("GET", "/info"), ("DELETE", ""), ("POST", "/stop"):
        reply = client.ask(method, f"/session/{id}{rest}")
        # 501: where lighttpd reads ".." first, the rest is no file to POST
        assert 400 <= reply.status < 500 or reply.status == 501
        assert "X-Injected" not in reply.headers


@pytest.mark.parametrize("name", RAW)
def test_what_is_hardly_http_does_no_harm(server, name):
    with socket.create_connection(("127.0.0.1", server.port), 30) as s:
        try:
            s.sendall(RAW[name])
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass
        except ConnectionError:
            pass


@pytest.mark.parametrize("name, value", [
    ("Accept-Language", "fr;q=2,en;q=-1,;;;,*;q=x" * 100),
    ("Accept-Language", "\xff\xfe"), ("Accept", ";q=,text/event-stream;q"),
    ("Accept", ",".join(["text/event-stream;q=0.0001"] * 200)),
    ("X-Request-Id", "a\tb"), ("X-Request-Id", "x" * 5000),
    ("X-Request-Id", "\xe9"), ("Content-Type", "application/json" * 200),
    ("Cookie", "x" * 6000), ("X-Forwarded-For", "1.2.3.4, x, ::1" * 100),
])
def test_strange_headers_do_no_harm(client, name, value):
    reply = client.chat("Bonjour!", headers={name: value})
    assert reply.status in (200, 400, 415)
