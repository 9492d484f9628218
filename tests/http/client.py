"""An HTTP client that sends what it is told, reads streams as they come, and
holds all that it reads against web/openapi.json."""

import http.client
import json
import select

import openapi

CHAT = "/session/chat"
UNKNOWN = "3f2b8a30-5d0c-4a58-9a0e-6c1d1f7f0a11"  # no session's


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body.decode("utf-8"))

    @property
    def problem(self):
        """The status and code of a problem document, which is checked."""
        kind = self.headers["Content-Type"].split(";")[0]
        assert kind == "application/problem+json", self.body
        problem = self.json
        assert problem["status"] == self.status
        assert problem.get("type", "about:blank") == "about:blank"
        assert problem["title"] and problem["detail"]
        assert problem["request_id"] == self.headers["X-Request-Id"]
        return self.status, problem["code"]


class Stream:
    """A chat that is streamed; closing it is leaving."""

    def __init__(self, port, body, headers):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, 60)
        self.connection.request("POST", CHAT, json.dumps(body), {
            "Content-Type": "application/json", **headers})
        self.response = self.connection.getresponse()
        self.status = self.response.status
        self.headers = self.response.headers

    def __iter__(self):
        while line := self.response.readline():
            if line.startswith(b"data: "):
                event = json.loads(line[6:].decode("utf-8"))
                openapi.check_event(event)
                yield event
            else:
                assert line in (b"\n", b": ping\n"), line

    def until(self, kind):
        """Read on to the next event of a kind."""
        for event in self:
            if event["type"] == kind:
                return event
        raise AssertionError(f"the stream ended without {kind}")

    def leave(self):
        self.response.close()
        self.connection.close()


class Client:
    def __init__(self, port):
        self.port = port

    def ask(self, method, path, body=None, headers={}):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, 60)
        try:
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
            if isinstance(body, str):
                body = body.encode("utf-8")
            if body is not None:
                headers = {"Content-Type": "application/json", **headers}
            connection.putrequest(method, path, skip_accept_encoding=True)
            if body is not None or method == "POST":
                connection.putheader("Content-Length", str(len(body or b"")))
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            reply = Reply(connection.getresponse())
        finally:
            connection.close()
        openapi.check_request(method, path, body, reply.status)
        openapi.check_reply(method, path, reply.status, reply.headers,
                            reply.body)
        return reply

    def get(self, path, **headers):
        return self.ask("GET", path, None, headers)

    def chat(self, message, session=None, headers={}, **more):
        body = {"message": message, **more}
        if session is not None:
            body["session_id"] = session
        return self.ask("POST", CHAT, body, headers)

    def stream(self, message, session=None, headers={}, **more):
        return Stream(self.port, {"message": message, "session_id": session,
                                  "stream": True, **more}, headers)

    def new(self):
        reply = self.ask("POST", "/session/new")
        assert reply.status == 200, reply.body
        return reply.json["session_id"]

    def info(self, session):
        return self.get(f"/session/{session}/info").json

    def messages(self, session):
        return self.get(f"/session/{session}/messages").json["messages"]

    def delete(self, session):
        return self.ask("DELETE", f"/session/{session}")

    def stop(self, session):
        return self.ask("POST", f"/session/{session}/stop")


def begin_turn(client, session, message):
    """A chat that is not streamed and whose turn runs, where nobody waits for
    the turn before his: the connection that its reply will come on."""
    connection = http.client.HTTPConnection("127.0.0.1", client.port, 60)

    def send():
        connection.request("POST", CHAT, json.dumps(
            {"message": message, "session_id": session}),
            {"Content-Type": "application/json"})

    send()
    # what asks whether the turn runs may have been before it
    while client.chat("fail", session).status != 409:
        if select.select([connection.sock], [], [], 0.01)[0]:
            reply = connection.getresponse()
            assert reply.status == 409, reply.read()
            reply.read()
            send()
    return connection
