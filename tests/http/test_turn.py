"""A turn, through each server, with a responder whose pace the test sets."""

import threading
import time

import pytest

from client import UNKNOWN, Client, Reply, begin_turn
from webservers import wait_for

ENDLESS = "paced 100000 20"
SILENT = "paced 1 60000"
PING = 4  # seconds, less than until the first one


def in_background(call, *args, **kwargs):
    """Call it on a thread of its own; what is returned waits for its result."""
    results = []
    thread = threading.Thread(
        target=lambda: results.append(call(*args, **kwargs)), daemon=True)
    thread.start()

    def result():
        thread.join(60)
        assert results, "no answer"
        return results[0]
    return result


def stop_running(client, session):
    """Stop as soon as there is a turn to stop."""
    wait_for(lambda: client.stop(session).json["stopped"], what="a turn")


def begun(client, session, message=ENDLESS):
    """A stream whose first words have come."""
    stream = client.stream(message, session)
    stream.until("delta")
    return stream


def texts(client, session):
    return [m["content"] for m in client.messages(session)]


# history and context


def test_the_history_goes_with_the_question(paced):
    session = paced.new()
    for count in 0, 2, 4:
        answer = paced.chat("Bonjour!", session).json["response"]
        assert answer == f"écho : Bonjour! ({count} messages d'historique)"


def test_question_and_answer_enter_the_history_together(paced):
    session = paced.new()
    stream = paced.stream("paced 3 10", session)
    assert stream.until("start")
    assert stream.until("done")["message_count"] == 2
    assert texts(paced, session) == ["paced 3 10", "mot1 mot2 mot3"]


def test_a_failure_before_any_text_leaves_the_history(paced):
    session = paced.new()
    paced.chat("Bonjour!", session)
    reply = paced.chat("fail", session)
    assert reply.problem == (503, "unavailable")
    assert reply.json["session_id"] == session
    assert len(texts(paced, session)) == 2


def test_a_new_session_stays_after_a_failure(paced):
    reply = paced.chat("fail")
    assert reply.problem == (503, "unavailable")
    assert paced.info(reply.json["session_id"])["message_count"] == 0


def test_an_answer_that_broke_off_is_kept_as_interrupted(paced):
    session = paced.new()
    reply = paced.chat("paced 2 1 fail", session)
    assert reply.status == 200
    answer = reply.json
    assert answer["response"] == "mot1 mot2"
    assert answer["status"] == "interrupted"
    assert answer["code"] == "unavailable"
    assert answer["message_count"] == 2
    kept = paced.messages(session)[1]
    assert kept["content"] == "mot1 mot2"
    assert kept["status"] == "interrupted"


def test_the_next_turn_runs_after_a_failure(paced):
    session = paced.new()
    paced.chat("fail", session)
    assert paced.chat("Bonjour!", session).status == 200


# streams


def test_a_stream_is_start_deltas_done(paced):
    session = paced.new()
    events = list(paced.stream("paced 3 10", session))
    kinds = [event["type"] for event in events]
    assert kinds[0] == "start" and kinds[-1] == "done"
    assert set(kinds[1:-1]) == {"delta"}
    assert events[0] == {"type": "start", "session_id": session,
                         "new_session": False}
    assert "".join(e["text"] for e in events[1:-1]) == "mot1 mot2 mot3"
    assert events[-1] == {
        "type": "done", "response": "mot1 mot2 mot3", "session_id": session,
        "message_count": 2, "success": True, "new_session": False}


def test_a_stream_may_begin_a_session(paced):
    events = list(paced.stream("Bonjour!"))
    assert events[0]["new_session"] is True
    assert events[-1]["new_session"] is True
    assert paced.info(events[0]["session_id"])["message_count"] == 2


def test_a_stream_has_its_headers(paced):
    stream = paced.stream("Bonjour!")
    assert stream.status == 200
    assert stream.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert stream.headers["Cache-Control"] == "no-cache, no-store"
    assert stream.headers["X-Content-Type-Options"] == "nosniff"
    assert stream.headers["X-Request-Id"]
    assert list(stream)[-1]["type"] == "done"


def test_accept_asks_for_a_stream(paced):
    reply = paced.chat("Bonjour!", headers={"Accept": "text/event-stream"})
    assert reply.headers["Content-Type"].startswith("text/event-stream")
    assert reply.body.startswith(b"data: ")
    assert reply.body.endswith(b"\n\n")


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/*",
                                    "text/event-stream;q=0"])
def test_other_accept_headers_ask_for_no_stream(paced, accept):
    reply = paced.chat("Bonjour!", headers={"Accept": accept})
    assert reply.headers["Content-Type"].startswith("application/json")


def test_the_body_goes_before_accept(paced):
    reply = paced.chat("Bonjour!", headers={"Accept": "text/event-stream"},
                       stream=False)
    assert reply.headers["Content-Type"].startswith("application/json")


def test_bad_input_is_refused_before_the_stream(paced):
    reply = paced.chat("", stream=True)
    assert reply.problem == (422, "invalid_field")
    reply = paced.chat("Bonjour!", "xxx", stream=True)
    assert reply.problem == (400, "invalid_session_id")


def test_a_failure_in_a_stream_is_its_last_event(paced):
    session = paced.new()
    events = list(paced.stream("fail", session))
    assert [e["type"] for e in events].count("error") == 1
    error = events[-1]
    assert error["type"] == "error"
    assert (error["status"], error["code"]) == (503, "unavailable")
    assert error["title"] and error["detail"] and error["request_id"]
    assert error["session_id"] == session
    assert not texts(paced, session)


def test_a_stream_that_broke_off_is_done_as_interrupted(paced):
    session = paced.new()
    done = list(paced.stream("paced 2 1 fail", session))[-1]
    assert done["type"] == "done"
    assert done["status"] == "interrupted"
    assert done["code"] == "unavailable"
    assert done["response"] == "mot1 mot2"


def test_words_come_one_by_one(paced):
    stream = begun(paced, None)
    for _ in range(3):
        assert stream.until("delta")["text"].startswith(" mot")
    stream.leave()


def test_a_client_that_leaves_keeps_what_it_saw(paced):
    session = paced.new()
    stream = begun(paced, session)
    stream.leave()
    wait_for(lambda: paced.messages(session), what="the partial answer")
    question, answer = paced.messages(session)
    assert question["content"] == ENDLESS
    assert answer["content"].startswith("mot1")
    assert answer["status"] == "interrupted"


def test_a_stream_that_goes_on_for_long_comes_whole(paced):
    done = list(paced.stream("paced 3000 0"))[-1]
    words = done["response"].split()
    assert len(words) == 3000 and words[-1] == "mot3000"


# side by side


def test_sessions_do_not_wait_for_each_other(parallel):
    stream = begun(parallel, None)
    assert parallel.chat("Bonjour!").status == 200
    assert stream.until("delta")
    stream.leave()


def test_stop_keeps_what_came(parallel):
    session = parallel.new()
    stream = begun(parallel, session)
    assert parallel.stop(session).json == {"stopped": True}
    done = stream.until("done")
    assert done["status"] == "interrupted"
    assert done["code"] == "stopped"
    assert done["success"] is True
    assert done["message_count"] == 2
    assert parallel.messages(session)[1]["status"] == "interrupted"
    assert parallel.messages(session)[1]["content"] == done["response"]


def test_stop_ends_a_chat_that_is_not_streamed(parallel):
    session = parallel.new()
    chat = in_background(parallel.chat, "paced 100000 1", session)
    stop_running(parallel, session)
    reply = chat()
    assert reply.status == 200
    assert reply.json["code"] == "stopped"


def test_stop_before_any_text_keeps_nothing(parallel):
    session = parallel.new()
    stream = parallel.stream(SILENT, session)
    stream.until("start")
    assert parallel.stop(session).json == {"stopped": True}
    done = stream.until("done")
    assert done["response"] == ""
    assert done["code"] == "stopped"
    assert parallel.messages(session) == []


def test_delete_ends_a_running_chat(impatient):
    session = impatient.new()
    chat = begin_turn(impatient, session, SILENT)
    assert impatient.delete(session).status == 200
    assert Reply(chat.getresponse()).problem == (410, "session_deleted")


def test_delete_ends_a_running_stream(parallel):
    session = parallel.new()
    stream = begun(parallel, session)
    assert parallel.delete(session).status == 200
    error = stream.until("error")
    assert (error["status"], error["code"]) == (410, "session_deleted")
    assert parallel.get(f"/session/{session}/info").status == 404


def test_delete_ends_those_who_wait(parallel):
    session = parallel.new()
    first = begun(parallel, session)
    waiting = [parallel.stream("Bonjour!", session) for _ in range(2)]
    parallel.delete(session)
    for stream in [first] + waiting:
        assert stream.until("error")["code"] == "session_deleted"


def test_messages_wait_in_the_order_of_their_arrival(parallel):
    session = parallel.new()
    first = begun(parallel, session)
    waiting = [parallel.stream(str(n), session) for n in range(4)]
    parallel.stop(session)
    first.until("done")
    for n, stream in enumerate(waiting):
        assert stream.until("done")["message_count"] == 2 * n + 4
    assert texts(parallel, session)[2::2] == ["0", "1", "2", "3"]


def test_a_stream_that_waits_begins_at_once(parallel):
    session = parallel.new()
    first = begun(parallel, session)
    before = time.monotonic()
    waiting = parallel.stream("Bonjour!", session)
    assert waiting.status == 200
    assert time.monotonic() - before < PING  # did not wait for one
    parallel.stop(session)
    first.until("done")
    assert waiting.until("done")["success"]


def test_at_most_four_wait(parallel):
    session = parallel.new()
    streams = [begun(parallel, session)]
    streams += [parallel.stream("Bonjour!", session) for _ in range(4)]
    for stream in False, True:
        reply = parallel.chat("Bonjour!", session, stream=stream)
        assert reply.problem == (409, "session_busy")
        assert int(reply.headers["Retry-After"]) > 0
    parallel.stop(session)
    for stream in streams:
        assert stream.until("done")


def test_one_who_leaves_the_line_lets_the_next_come(parallel):
    session = parallel.new()
    first = begun(parallel, session)
    leaves = parallel.stream("leaves", session)
    stays = parallel.stream("stays", session)
    leaves.leave()
    parallel.stop(session)
    first.until("done")
    assert stays.until("done")
    assert texts(parallel, session)[-2] == "stays"


def test_a_reader_who_leaves_lets_the_next_come(parallel):
    session = parallel.new()
    first = begun(parallel, session)
    second = parallel.stream("Bonjour!", session)
    first.leave()
    assert second.until("done")["message_count"] == 4


def test_an_answer_that_nobody_saw_is_not_kept(impatient_server):
    if impatient_server.kind.startswith("apache"):
        pytest.skip("Apache notices at the second write only")
    if impatient_server.kind.startswith("lighttpd"):
        pytest.skip("lighttpd does not always notice while nothing is sent")
    client = Client(impatient_server.port)
    session = client.new()
    leaving = begin_turn(client, session, ENDLESS)
    leaving.close()
    wait_for(lambda: client.chat("Bonjour!", session).status == 200)
    assert texts(client, session)[0] == "Bonjour!"


def test_a_silent_turn_ends_when_its_client_leaves(parallel_server):
    if parallel_server.kind == "apache-proxy":
        pytest.skip("mod_proxy_fcgi notices at the second write only")
    client = Client(parallel_server.port)
    session = client.new()
    first = client.stream(SILENT, session)
    first.until("start")
    first.leave()
    assert client.chat("Bonjour!", session).json["message_count"] == 2


def test_reading_does_not_wait_for_a_turn(parallel):
    session = parallel.new()
    stream = begun(parallel, session)
    assert parallel.info(session)["message_count"] == 0
    assert parallel.messages(session) == []
    stream.leave()


def test_stop_of_another_session_stops_nothing_here(parallel):
    stream = begun(parallel, None)
    assert parallel.stop(UNKNOWN).status == 404
    assert parallel.stop(parallel.new()).json == {"stopped": False}
    assert stream.until("delta")
    stream.leave()


def test_the_error_of_a_stream_names_the_session(parallel):
    """Also of one that is deleted while it waits in line."""
    session = parallel.new()
    running = parallel.stream("paced 100000 1000", session)
    running.until("delta")
    waiting = parallel.stream("Bonjour", session)
    parallel.delete(session)
    for stream in running, waiting:
        error = stream.until("error")
        assert error["code"] == "session_deleted"
        assert error["session_id"] == session
        stream.leave()
