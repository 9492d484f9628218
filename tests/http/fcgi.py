"""FastCGI as a web server speaks it, over a socket, in whatever pieces a test
wants: record() and request() make bytes, Peer sends and reads them."""

import socket
import struct

import openapi

BEGIN_REQUEST, ABORT_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT = range(1, 7)
STDERR, DATA, GET_VALUES, GET_VALUES_RESULT, UNKNOWN_TYPE = range(7, 12)
RESPONDER, AUTHORIZER, FILTER = 1, 2, 3
REQUEST_COMPLETE, CANT_MPX_CONN, OVERLOADED, UNKNOWN_ROLE = range(4)


def record(kind, content=b"", id=1, padding=0):
    return struct.pack("!BBHHBx", 1, kind, id, len(content), padding) + \
        content + bytes(padding)


def begin(role=RESPONDER, keep=False, id=1):
    return record(BEGIN_REQUEST, struct.pack("!HB5x", role, keep), id)


def length(n):
    return struct.pack("!B", n) if n < 128 else struct.pack("!I", n | 1 << 31)


def pair(name, value):
    """Of strings, or bytes for what is no text."""
    name, value = (text if isinstance(text, bytes) else text.encode()
                   for text in (name, value))
    return length(len(name)) + length(len(value)) + name + value


def params(method="GET", path="/health", body=b"", **more):
    values = {
        "REQUEST_METHOD": method, "REQUEST_URI": path,
        "CONTENT_LENGTH": str(len(body)), "REMOTE_ADDR": "127.0.0.1",
        "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "localhost",
    }
    if body:
        values["CONTENT_TYPE"] = "application/json"
    values.update(more)
    return b"".join(pair(*item) for item in values.items())


def split(kind, content, size=65535, id=1):
    """The content in records of a size, and the empty one that ends it."""
    parts = [content[i:i + size] for i in range(0, len(content), size)]
    return b"".join(record(kind, part, id) for part in parts + [b""])


def request(method="GET", path="/health", body=b"", keep=False, id=1,
            size=65535, **more):
    return begin(keep=keep, id=id) + \
        split(PARAMS, params(method, path, body, **more), size, id) + \
        split(STDIN, body, size, id)


class Closed(Exception):
    """The program has closed the connection."""


class Reply:
    def __init__(self, head, body):
        lines = head.decode().split("\r\n")
        self.headers = dict(line.split(": ", 1) for line in lines)
        self.status = int(self.headers["Status"].split()[0])
        self.body = body


class Peer:
    """The web server's end of a connection."""

    def __init__(self, address, timeout=30):
        family = socket.AF_UNIX if isinstance(address, str) else \
            socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.settimeout(timeout)
        self.socket.connect(address)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def read(self, n):
        data = b""
        while len(data) < n:
            try:
                more = self.socket.recv(n - len(data))
            except (ConnectionResetError, BrokenPipeError):
                more = b""
            if not more:
                raise Closed()
            data += more
        return data

    def read_record(self):
        version, kind, id, size, padding = struct.unpack("!BBHHBx",
                                                         self.read(8))
        assert version == 1
        content = self.read(size)
        self.read(padding)
        return kind, id, content

    def read_raw(self, id=1):
        """STDOUT until the end of the request, and END_REQUEST's statuses."""
        out = b""
        while True:
            kind, got, content = self.read_record()
            assert got == id
            if kind == END_REQUEST:
                return out, struct.unpack("!IB3x", content)
            assert kind == STDOUT
            out += content

    def read_reply(self, id=1):
        out, status = self.read_raw(id)
        assert status == (0, REQUEST_COMPLETE)
        return Reply(*out.split(b"\r\n\r\n", 1))

    def read_until(self, text):
        """STDOUT up to a record with this text."""
        seen = b""
        while text not in seen:
            kind, _, content = self.read_record()
            assert kind == STDOUT, seen
            seen += content
        return seen

    def ask(self, method="GET", path="/health", *args, **kwargs):
        self.send(request(method, path, *args, **kwargs))
        reply = self.read_reply(kwargs.get("id", 1))
        target = path or kwargs["SCRIPT_NAME"] + kwargs["PATH_INFO"]
        openapi.check_reply(method, target, reply.status, reply.headers,
                            reply.body)
        return reply

    def closed(self):
        """Wait until the program closes; what it said before that."""
        data = b""
        try:
            while True:
                more = self.socket.recv(65536)
                if not more:
                    return data
                data += more
        except (ConnectionResetError, BrokenPipeError):
            return data
