"""A model that gives each word only when the test lets it go: what a client has
not seen although it was let go is held up by something between, on a machine
of any speed."""

import asyncio
import json
import threading

from webservers import DEADLINE

WORDS = 10


def word(nonce, number):
    return f"{nonce}.{number} "


def answer(nonce):
    """What a model says to the message NONCE."""
    return "".join(word(nonce, k + 1) for k in range(WORDS))


def event(text, finish=None):
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return f"data: {json.dumps({'choices': [choice]})}\n\n".encode()


class Held:
    """with Held() as model: ... model.base_url ...; a thread of its own."""

    def __init__(self):
        self.calls = 0
        self.released = 0
        self.ready = threading.Event()
        self.thread = threading.Thread(
            target=lambda: asyncio.run(self.serve()), daemon=True)
        self.thread.start()
        assert self.ready.wait(DEADLINE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.stop.set)
        self.thread.join(DEADLINE)
        assert not self.thread.is_alive()

    async def serve(self):
        self.loop = asyncio.get_running_loop()
        self.stop, self.changed = asyncio.Event(), asyncio.Event()
        server = await asyncio.start_server(self.call, "127.0.0.1", 0,
                                            backlog=4096)
        port = server.sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}/v1"
        self.ready.set()
        await self.stop.wait()
        server.close()

    async def call(self, reader, writer):
        try:
            await self.reply(writer, await self.question(reader))
            writer.close()
            await writer.wait_closed()
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.close()

    async def question(self, reader):
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(": ", 1)
                      for line in head.decode().split("\r\n")[1:-2])
        body = await reader.readexactly(int(fields["content-length"]))
        return json.loads(body)["messages"][-1]["content"]

    async def reply(self, writer, nonce):
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
                     b"Content-Type: text/event-stream\r\n\r\n")
        self.calls += 1
        for k in range(1, WORDS + 1):
            while self.released < k:
                await self.changed.wait()
            writer.write(event(word(nonce, k)))
            await writer.drain()
        writer.write(event("", "stop") + b"data: [DONE]\n\n")
        await writer.drain()

    def set_released(self, count):
        self.released = count
        self.changed.set()
        self.changed = asyncio.Event()

    def release(self, count):
        """Let the first words of each call go."""
        self.loop.call_soon_threadsafe(self.set_released, count)

    def reset(self):
        """For the next test, when all calls have ended."""
        self.calls = self.released = 0
