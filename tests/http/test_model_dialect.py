"""What a model refuses by name is left out, a conversation that is too long is
cut, and both are remembered for a while, but only when it then answered."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from model import serve
from webservers import wait_for

__all__ = ["serve"]

BOTH = pytest.mark.parametrize("stream", [False, True],
                               ids=["whole", "stream"])
PROMPT = "Sois bref."


class Model:
    """Answers a request, as JSON, with what the function says of it: None is
    an answer, else a status and the words of the refusal."""

    def __init__(self, refuse):
        self.refuse, self.requests = refuse, []
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                size = int(self.headers["Content-Length"])
                model.answer(self, json.loads(self.rfile.read(size)))

            def log_message(self, *_):
                pass
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def answer(self, handler, request):
        self.requests.append(request)
        refused = self.refuse(request)
        status, kind, body = 200, "text/event-stream", self.stream()
        if refused is not None:
            status, words = refused
            kind, body = "application/json", words and json.dumps(
                {"error": {"message": words}})
        if status == 200 and refused is not None:
            kind, body = "text/event-stream", f"data: {body}\n\n"
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body.encode())))
        handler.end_headers()
        handler.wfile.write(body.encode())

    def stream(self):
        event = {"choices": [{"delta": {"content": "oui"},
                              "finish_reason": "stop"}]}
        return f"data: {json.dumps(event)}\n\ndata: [DONE]\n\n"

    @property
    def calls(self):
        return len(self.requests)

    def texts(self, n=-1):
        return [(m["role"], m["content"])
                for m in self.requests[n]["messages"]]

    def end(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def model():
    started = []

    def start(refuse=lambda request: None):
        started.append(Model(refuse))
        return started[-1]
    yield start
    for one in started:
        one.end()


@pytest.fixture
def prompt(tmp_path):
    file = tmp_path / "prompt"
    file.write_text(PROMPT)
    return {"system_prompt_file": file, "llm_retries": 0}


def refuses(*fields, status=400):
    """Names one field at a time, the first that it finds."""
    def refuse(request):
        for field in fields:
            if field in request:
                return status, f"Unsupported parameter: '{field}'"
        return None
    return refuse


def answers(service, message="Bonjour", session=None, stream=False):
    outcome = service.chat(message, session, stream)
    assert (outcome.text, outcome.code) == ("oui", None), outcome.raw
    return outcome.end["session_id"]


# fields


LIMITS = ["max_tokens", "max_completion_tokens"]


@BOTH
@pytest.mark.parametrize("fields, calls", [
    (["temperature"], 2), (["stream_options"], 2), (["max_tokens"], 2),
    (LIMITS, 3), (["temperature", "stream_options", *LIMITS], 5),
])
@pytest.mark.parametrize("status", [400, 422, 200, 404, 500])
def test_a_field_that_is_refused_is_left_out(model, serve, prompt, stream,
                                             fields, calls, status):
    refusing = model(refuses(*fields, status=status))
    service = serve(refusing.url, prompt)
    answers(service, stream=stream)
    assert refusing.calls == calls
    assert not set(fields) & set(refusing.requests[-1])
    answers(service, stream=stream)
    assert refusing.calls == calls + 1


def test_a_field_is_refused_once_only(model, serve, prompt):
    """A server that refuses whatever is left is not asked for ever."""
    refusing = model(lambda request: (400, "temperature, stream_options, "
                                      "max_tokens, max_completion_tokens, "
                                      "System role not supported"))
    service = serve(refusing.url, prompt)
    assert service.chat("Bonjour").code == "upstream_failed"
    assert refusing.calls == 6
    assert service.chat("Bonjour").code == "upstream_failed"
    assert refusing.calls == 12  # nothing was learnt of it


@pytest.mark.parametrize("word", [
    "stream_options", "temperature", "max_tokens", "system role"])
def test_a_message_that_is_refused_teaches_nothing(model, serve, prompt,
                                                   word):
    """A refusal may repeat it, and it may name a field."""
    def refuse(request):
        text = request["messages"][-1]["content"]
        return (400, f"bad words: {text}") if word in text else None
    refusing = model(refuse)
    service = serve(refusing.url, prompt)
    assert service.chat(f"my {word}").code == "upstream_failed"
    answers(service)
    last = refusing.requests[-1]
    assert {"stream_options", "temperature", "max_tokens"} <= set(last)
    assert last["messages"][0]["role"] == "system"


def test_what_was_learnt_is_logged(model, serve, prompt):
    refusing = model(refuses("temperature"))
    service = serve(refusing.url, prompt)
    answers(service)
    answers(service)
    wait_for(lambda: "event=dialect" in service.log.read_text())
    assert service.log.read_text().count("event=dialect") == 1


# the role of the prompt


@BOTH
@pytest.mark.parametrize("status, words", [
    (400, "System role not supported"),
    (500, "Jinja Exception: System role not supported"),
    (400, "Conversation roles must alternate user/assistant/user"),
    (400, "'messages[0].role' does not support 'system' with this model."),
    (404, "System role not supported"),
    (200, "Jinja Exception: System role not supported"),
    (400, "Developer instruction is not enabled for models/gemma-3-1b-it"),
])
def test_a_model_without_a_system_role(model, serve, prompt, stream, status,
                                       words):
    refusing = model(lambda request: (status, words) if any(
        m["role"] == "system" for m in request["messages"]) else None)
    service = serve(refusing.url, prompt)
    session = answers(service, 'Un "œuf" ?', None, stream)
    first = ("user", f'{PROMPT}\n\nUn "œuf" ?')
    assert refusing.texts() == [first]
    answers(service, "Et deux ?", session, stream)
    assert refusing.calls == 3
    assert refusing.texts() == [first, ("assistant", "oui"),
                                ("user", "Et deux ?")]


# conversations that are too long


def too_long(most, status=400, words="This model's maximum context length is "
             "8192 tokens. Please reduce the length of the messages."):
    def refuse(request):
        size = sum(len(m["content"]) for m in request["messages"][1:])
        return (status, words) if size > most else None
    return refuse


def questions(refusing):
    return [text.split()[0] for role, text in refusing.texts()[1:]
            if role == "user"]


LONG = " mot" * 250  # a thousand letters


@BOTH
@pytest.mark.parametrize("status", [400, 413, 200])
def test_a_conversation_that_outgrows_the_model_goes_on(model, serve, prompt,
                                                        stream, status):
    refusing = model(too_long(5500, status))
    service = serve(refusing.url, prompt)
    session = service.new()
    for n in range(12):
        answers(service, f"q{n}{LONG}", session, stream)
    assert questions(refusing)[-2:] == ["q10", "q11"]
    # once in a while, and not each time: the size is remembered
    assert refusing.calls <= 14
    assert len(service.messages(session)) == 24
    # for other sessions, too
    other = service.new()
    before = refusing.calls
    for n in range(8):
        answers(service, f"r{n}{LONG}", other, stream)
    assert refusing.calls == before + 8


@BOTH
@pytest.mark.parametrize("status, words", [
    (413, ""), (413, "Payload Too Large"),
    (422, "Input validation error: `inputs` tokens + `max_new_tokens` must "
          "be <= 2048. Given: 2000 `inputs` tokens"),
    (400, "Your request exceeded model token limit: 8192"),
    (400, "The prompt is longer than the maximum model length"),
    (200, "Prompt exceeds max length"),
])
def test_a_length_is_refused_in_many_words(model, serve, prompt, stream,
                                           status, words):
    refusing = model(too_long(2500, status, words))
    service = serve(refusing.url, prompt)
    session = service.new()
    for n in range(4):
        answers(service, f"q{n}{LONG}", session, stream)
    assert questions(refusing)[-1] == "q3"


def test_a_history_is_left_out_to_the_last_pair(model, serve, prompt):
    refusing = model(too_long(10 ** 9))
    service = serve(refusing.url, prompt)
    session = service.new()
    for n in range(8):
        answers(service, f"q{n}{LONG}", session)
    refusing.refuse = too_long(1200)
    answers(service, f"q8{LONG}", session)
    sizes = [len(r["messages"]) for r in refusing.requests[-5:]]
    assert sizes == [18, 10, 6, 4, 2]
    # and a short question has as much of the past as fits
    answers(service, "q9", session)
    assert questions(refusing)[-1:] == ["q9"]


def test_a_message_that_is_too_long_alone_is_refused(model, serve, prompt):
    refusing = model(too_long(3000))
    service = serve(refusing.url, prompt)
    session = answers(service, f"q0{LONG}")
    outcome = service.chat(f"q1{LONG * 4}", session)
    assert (outcome.status, outcome.code) == (502, "upstream_failed")
    answers(service, f"q2{LONG}", session)
    assert questions(refusing) == ["q0", "q2"]  # nothing was learnt


def test_conversations_that_are_too_long_open_no_breaker(model, serve,
                                                         prompt):
    refusing = model(too_long(100))
    service = serve(refusing.url, prompt)
    for n in range(25):
        assert service.chat(LONG, REMOTE_ADDR=f"192.0.2.{n}").status == 502
    answers(service)
