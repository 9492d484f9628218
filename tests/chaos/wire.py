"""The web server's end of a connection, for many at once: asyncio around the
records of tests/http/fcgi.py."""

import asyncio
import json
import select
import socket
import struct

import fcgi
from fcgi import Closed

PIECE = 1 << 16


class Answer:
    """A reply that grows; its events when it is a stream."""

    def __init__(self):
        self.raw, self.head_end = bytearray(), -1
        self.status, self.headers, self.events = None, {}, []
        self.read_to = 0
        self.text = ""  # what a visitor has seen of a streamed answer

    def add(self, content):
        self.raw += content
        if self.head_end < 0:
            self.read_head()
        if self.head_end >= 0 and self.is_stream:
            self.read_events()

    def read_head(self):
        end = self.raw.find(b"\r\n\r\n")
        if end < 0:
            return
        reply = fcgi.Reply(bytes(self.raw[:end]), b"")
        self.status, self.headers = reply.status, reply.headers
        self.head_end = self.read_to = end + 4

    @property
    def is_stream(self):
        return self.headers.get("Content-Type", "").startswith(
            "text/event-stream")

    def read_events(self):
        """Whole events only; pings are left out."""
        while True:
            end = self.raw.find(b"\n\n", self.read_to)
            if end < 0:
                return
            text = bytes(self.raw[self.read_to:end])
            self.read_to = end + 2
            if text.startswith(b"data: "):
                event = json.loads(text[6:])
                self.events.append(event)
                if event["type"] == "delta":
                    self.text += event["text"]
            elif text != b": ping":
                raise ValueError(f"no event: {text[:200]}")

    @property
    def body(self):
        return bytes(self.raw[self.head_end:])


class Wire:
    """One connection; asks one request at a time."""

    def __init__(self, reader, writer, since):
        self.reader, self.writer = reader, writer
        self.since, self.used = since, 0

    @classmethod
    async def open(cls, path, since):
        try:
            reader, writer = await asyncio.open_unix_connection(
                path, limit=PIECE)
        except (ConnectionError, FileNotFoundError, BlockingIOError) as e:
            raise Closed() from e
        return cls(reader, writer, since)

    def is_open(self):
        """Whether the program keeps it too, as far as one can see."""
        poll = select.poll()
        poll.register(self.writer.get_extra_info("socket").fileno(),
                      select.POLLIN | select.POLLRDHUP)
        return not poll.poll(0)

    async def send(self, data):
        try:
            self.writer.write(data)
            await self.writer.drain()
        except ConnectionError as e:
            raise Closed() from e

    async def read(self, n):
        try:
            return await self.reader.readexactly(n)
        except (asyncio.IncompleteReadError, ConnectionError) as e:
            raise Closed() from e

    async def read_some(self, answer):
        """One record into the answer; False at the end of the request."""
        version, kind, _, size, padding = struct.unpack(
            "!BBHHBx", await self.read(8))
        content = await self.read(size + padding)
        if version != 1 or kind not in (fcgi.STDOUT, fcgi.END_REQUEST):
            raise ValueError(f"a record of version {version}, kind {kind}")
        if kind == fcgi.END_REQUEST:
            if content[:5] != bytes(5):
                raise ValueError(f"an end with {content!r}")
            return False
        answer.add(content[:size])
        return True

    async def read_answer(self, answer):
        while await self.read_some(answer):
            pass
        self.used += 1
        return answer

    def leave(self, how):
        """As browsers and web servers do it."""
        try:
            if how == "record":
                self.writer.write(fcgi.record(fcgi.ABORT_REQUEST))
            elif how == "half-close":
                self.writer.write_eof()
            elif how == "reset":
                self.writer.transport.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
        except (OSError, RuntimeError):
            pass
        if how == "reset":
            self.writer.transport.abort()
        else:
            self.close()

    def close(self):
        try:
            self.writer.close()
        except OSError:
            pass
