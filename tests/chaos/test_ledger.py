"""The ledger sees every lie that it is there to see."""

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "chaos"), str(TESTS / "http"),
             str(TESTS / "upstream")]

import ledger  # noqa: E402
from ledger import Attempt, Difference, Session  # noqa: E402
from plans import DOWN, FAILED, Plan, words  # noqa: E402

ID = "425cfb0f-3b9a-4d10-9d3a-8f3b0d1c2e4f"


def whole(n, tokens=3):
    return Plan(f"n{n}", f"nonce=n{n} tokens={tokens}",
                words(f"n{n}", 1, tokens))


def done(text, count, status=None, code=None, **more):
    end = {"response": text, "message_count": count, "success": True, **more}
    return end if status is None else {**end, "status": status, "code": code}


def interrupted(text, count, code="stopped"):
    return done(text, count, "interrupted", code)


def history(*pairs, total=None):
    messages = []
    for question, answer, *status in pairs:
        messages += [{"role": "user", "content": question},
                     {"role": "assistant", "content": answer}]
        if status:
            messages[-1]["status"] = status[0]
    return {"message_count": 2 * len(pairs) if total is None else total,
            "messages": messages}


@pytest.fixture
def session():
    return Session(ID, 0)


def begin(session, plan, key=None, now=1, stream=True):
    attempt = Attempt(plan, stream, key, now)
    session.begin(attempt)
    return attempt


def chat(session, n, now, key=None, **more):
    attempt = begin(session, whole(n), key, now)
    session.answered(attempt, done(attempt.plan.text, 2 * n, **more), now + 1)
    return attempt


def row(attempt, *status):
    return attempt.plan.message, attempt.plan.text, *status


def test_a_true_history_is_taken(session):
    rows = [row(chat(session, n, 10 * n)) for n in (1, 2, 3)]
    session.read(50, history(*rows), 51)
    assert session.missing() == []


@pytest.mark.parametrize("lie", [
    lambda a, b: history(b, a), lambda a, b: history(a),
    lambda a, b: history(a, a), lambda a, b: history(a, b, b),
    lambda a, b: history(a, (b[0], "n2.1")),
    lambda a, b: history(a, (*b, "interrupted")),
    lambda a, b: history(b, total=4), lambda a, b: history(a, b, total=6),
    lambda a, b: history(("Qui ?", a[1]), b), lambda a, b: history(),
])
def test_a_history_that_is_not_so(session, lie):
    rows = [row(chat(session, n, 10 * n)) for n in (1, 2)]
    with pytest.raises(Difference):
        session.read(50, lie(*rows), 51)


@pytest.mark.parametrize("end", [
    done("n1.1 n1.2 n1.4", 2), done("n1.1 n1.2", 2), done("", 2),
    done("n1.1 n1.2 n1.3", 4), done("n1.1 n1.2 n1.3", 0),
    done("n1.1 n1.2 n1.3", 3), interrupted("n1.1", 2),
    interrupted("n1.1", 2, "upstream_failed"),
    interrupted("n1.1", 2, "upstream_timeout"),
    interrupted("n1.1", 2, "unavailable"), interrupted("", 0),
    interrupted("n1.1", 2, "answer_too_long"),
])
def test_an_answer_that_cannot_be(session, end):
    with pytest.raises(Difference):
        session.answered(begin(session, whole(1)), end, 2)


def test_a_place_that_another_one_has(session):
    chat(session, 1, 1)
    with pytest.raises(Difference):
        session.answered(begin(session, whole(2), now=5),
                         done(whole(2).text, 2), 6)


def test_a_stop_explains_what_it_met_and_nothing_else(session):
    session.stops.append([1.5, 1.6])
    session.answered(begin(session, whole(1)), interrupted("n1.1", 2), 2)
    with pytest.raises(Difference):
        session.answered(begin(session, whole(2), now=3),
                         interrupted("n2.1", 4), 4)


def test_what_a_reader_saw_before_leaving_must_be_there(session):
    attempt = begin(session, whole(1))
    attempt.seen = "n1.1 n1.2"
    session.leave(attempt, 2)
    session.read(3, history(), 4)
    assert session.missing() == [attempt]
    with pytest.raises(Difference):
        session.read(5, history((attempt.plan.message, "n1.1",
                                 "interrupted")), 6)
    session.read(7, history((attempt.plan.message, "n1.1 n1.2",
                             "interrupted")), 8)
    assert session.missing() == []


def test_nothing_is_kept_for_who_leaves_without_having_seen(session):
    attempt = begin(session, whole(1), stream=False)
    session.leave(attempt, 2)
    with pytest.raises(Difference):
        session.read(3, history((attempt.plan.message, "n1.1",
                                 "interrupted")), 4)
    session.read(5, history(row(attempt)), 6)  # it may have been whole


@pytest.mark.parametrize("problem", [
    (503, "unavailable"), (502, "upstream_failed"), (409, "session_busy"),
    (410, "session_deleted"), (422, "idempotency_key_reused"),
    (504, "upstream_timeout"), (500, "unavailable"), (503, "upstream_failed"),
])
def test_a_problem_without_a_reason(session, problem):
    status, code = problem
    with pytest.raises(Difference):
        session.failed(begin(session, whole(1)),
                       {"status": status, "code": code}, 2)


def test_a_problem_leaves_nothing(session):
    plan = Plan("n1", "status=400", None, problem=FAILED)
    attempt = begin(session, plan)
    session.failed(attempt, {"status": 502, "code": "upstream_failed"}, 2)
    with pytest.raises(Difference):
        session.read(3, history((plan.message, "n1.1")), 4)


def test_an_answer_is_not_taken_back(session):
    attempt = begin(session, whole(1))
    attempt.seen = "n1.1"
    with pytest.raises(Difference):
        session.failed(attempt, dict(zip(("status", "code"), DOWN)), 2)


def test_a_key_gives_the_same_again(session):
    first = chat(session, 1, 1, "key")
    again = begin(session, first.plan, "key", 5)
    session.answered(again, done(first.plan.text, 2), 6)
    again = begin(session, first.plan, "key", 7)
    with pytest.raises(Difference):
        session.answered(again, interrupted("n1.1", 2), 8)


def test_a_key_that_was_asked_with_twice(session):
    first = chat(session, 1, 1, "key")
    again = begin(session, first.plan, "key", 5)
    session.answered(again, done(first.plan.text, 4), 6)
    with pytest.raises(Difference):
        session.read(7, history(row(first), row(first)), 8)


def test_a_prompt_with_another_history(session):
    first, second = whole(1), whole(2)
    pair = ledger.Pair(Attempt(first, True, None, 0), first.text, None)
    for n, tokens in (1, ledger.prompt_tokens([], first.message)), (
            2, ledger.prompt_tokens([pair], second.message)):
        chat(session, n, 10 * n, usage={"prompt_tokens": tokens})
    session.check_prompts()
    assert session.checked_prompts == 2
    chat(session, 3, 40, usage={"prompt_tokens": ledger.prompt_tokens(
        [pair], whole(3).message)})
    with pytest.raises(Difference):
        session.check_prompts()


def test_the_oldest_pairs_are_dropped_and_no_others(session):
    most = ledger.MESSAGES // 2
    rows = [row(chat(session, n, 10 * n)) for n in range(1, most + 3)]
    total = 2 * len(rows)
    session.read(500, history(*rows[2:], total=total), 501)
    for kept in rows[1:], rows[3:]:
        with pytest.raises(Difference):
            session.read(502, history(*kept, total=total), 503)


def test_what_is_deleted_stays_so(session):
    session.deleting, session.deleted = 1, 2
    with pytest.raises(Difference):
        session.read(3, history(), 4)


def test_what_was_not_deleted_is_there(session):
    with pytest.raises(Difference):
        session.check_gone({"status": 404})
