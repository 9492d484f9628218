"""What was spent of limits is spent in the next owner, too."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from client import UNKNOWN
from fcgi import Reply
from model import SETTINGS, Outcome, read_all, simulator
from owners import Owners
from test_budget import SHORT, refused, spent
from test_owner_upgrade import chat, follow
from webservers import wait_for

__all__ = ["simulator"]

HERE, THERE = {"REMOTE_ADDR": "192.0.2.7"}, {"REMOTE_ADDR": "192.0.2.8"}


@pytest.fixture
def owners():
    """Make places; every process in them is ended."""
    made = []

    def make(*args):
        made.append(Owners(*args))
        return made[-1]
    yield make
    for place in made:
        place.end()


# clients' rates


def rates(new="3/3600", chats="3/3600"):
    return ["-s", f"rate_new={new}", "-s", f"rate_chat={chats}"]


def new(process, **client):
    return process.ask("POST", "/session/new", **client)


def guess(process, **client):
    return process.ask("GET", f"/session/{UNKNOWN}/info", **client)


def statuses(ask, n, *args, **client):
    return [ask(*args, **client).status for _ in range(n)]


def test_a_spent_rate_stays_spent(owners):
    place = owners()
    process = place.spawn(*rates())
    session = process.new()
    assert statuses(new, 4, process, **HERE) == [200, 200, 200, 429]
    assert statuses(chat, 4, process, "x", session, **HERE) == \
        [200, 200, 200, 429]
    left = int(new(process, **HERE).headers["Retry-After"])
    for more in ["-s", "turn_wait_seconds=59"], ["-s", "threads=1"]:
        after = follow(place, *rates(), *more)
        for one in process, after:
            reply = new(one, **HERE)
            assert reply.status == 429
            assert json.loads(reply.body)["code"] == "rate_limited"
            assert 0 < int(reply.headers["Retry-After"]) <= left
            assert chat(one, "x", session, **HERE).status == 429
    assert statuses(new, 4, after, **THERE) == [200, 200, 200, 429]


def test_spent_guesses_stay_spent(owners):
    """30 in a minute; they come back while we look."""
    place = owners()
    process = place.spawn(*rates())
    assert statuses(guess, 30, process, **HERE) == 30 * [404]
    after = follow(place, *rates(), "-s", "threads=1")
    assert 429 in statuses(guess, 30, after, **HERE)
    assert statuses(guess, 30, after, **THERE) == 30 * [404]


def test_what_is_left_of_a_rate_is_left(owners):
    place = owners()
    process = place.spawn(*rates())
    assert statuses(new, 2, process, **HERE) == [200, 200]
    after = follow(place, *rates(), "-s", "threads=1")
    assert statuses(new, 2, after, **HERE) == [200, 429]
    assert statuses(chat, 4, after, "x", **THERE) == [200, 200, 200, 429]


@pytest.mark.parametrize("fresh, here, there", [
    ("5/3600", 2, 0), ("1/3600", 1, 0), ("3/7200", 2, 0), ("0/60", 9, 9)])
def test_other_rates_keep_the_tokens_that_fit(owners, fresh, here, there):
    place = owners()
    process = place.spawn(*rates())
    assert statuses(new, 1, process, **HERE) == [200]
    assert statuses(new, 3, process, **THERE) == [200, 200, 200]
    after = follow(place, *rates(fresh))
    assert statuses(new, 9, after, **HERE).count(200) == here
    assert statuses(new, 9, after, **THERE).count(200) == there


def test_many_addresses_go_over(owners):
    """More than one frame takes."""
    many = [{"REMOTE_ADDR": f"198.{18 + n // 250}.{n % 250}.7"}
            for n in range(1000)]
    place = owners()
    process = place.spawn(*rates("1/3600"))
    with process.peer() as peer:
        for client in many:
            assert peer.ask("POST", "/session/new", keep=True,
                            **client).status == 200
    after = follow(place, *rates("1/3600"), "-s", "threads=1")
    with after.peer() as peer:
        for client in many:
            assert peer.ask("POST", "/session/new", keep=True,
                            **client).status == 429


# the day's tokens


PATIENT = {f"llm_{what}_seconds": 60
           for what in ("first_token", "stall", "timeout")}


def budget(simulator, cap, **more):
    """Options for a model that may use so much a day."""
    settings = {**SETTINGS, **SHORT, **PATIENT, "tokens_per_day": cap,
                "llm_base_url": simulator.base_url, **more}
    return [word for item in settings.items()
            for word in ("-s", "=".join(map(str, item)))]


def turn(process, message, session=None, stream=False):
    with process.begin(message, session, stream) as peer:
        return outcome(peer)


def outcome(peer):
    raw = read_all(peer)
    return Outcome(Reply(*raw.split(b"\r\n\r\n", 1)), raw, 0)


def use_up(process, message="[[tokens=100]]", session=None):
    """One message after the other, until no token is left."""
    answered = []
    while not refused(one := turn(process, message, session)):
        answered.append(one)
    return answered


def test_a_spent_day_stays_spent(owners, simulator):
    place = owners("causerie")
    process = place.spawn(*budget(simulator, 4000))
    assert use_up(process)
    calls = simulator.calls
    for threads in 1, 2:
        after = follow(place, *budget(simulator, 4000, threads=threads))
        assert refused(turn(after, "[[tokens=100]]"))
        assert refused(turn(process, "[[tokens=100]]", stream=True))
    assert simulator.calls == calls
    # a higher ceiling gives what it is higher
    more = follow(place, *budget(simulator, 8000))
    assert 0 < sum(map(spent, use_up(more))) <= 8000


def test_the_ceiling_holds_while_owners_change(owners, simulator):
    """Clients that never stop asking, and two hand-overs meanwhile."""
    cap = 60000
    message = "[[tokens=100 pace=2]]"
    place = owners("causerie")
    process = place.spawn(*budget(simulator, cap))
    done = threading.Event()

    def client(number):
        outcomes = []
        while not outcomes or not (done.is_set() and refused(outcomes[-1])):
            outcomes.append(turn(process, message, stream=number % 2 == 0))
        return outcomes
    with process.begin("[[tokens=200 pace=5]]", stream=True) as running, \
            ThreadPoolExecutor(8) as pool:
        running.read_until(b'"delta"')
        some = [pool.submit(client, number) for number in range(8)]
        try:
            for threads in 1, 2:
                follow(place, *budget(simulator, cap, threads=threads))
        finally:
            done.set()
        outcomes = [one for each in some for one in each.result()]
        end = running.read_until(b'"done"')
    usage = json.loads(end[end.rindex(b"data: ") + 6:])["usage"]
    wait_for(lambda: len(place.pids()) == 4, what="the old owners' end")
    answered = [one for one in outcomes if not refused(one)]
    answered += use_up(process, message)
    total = usage["total_tokens"] + sum(map(spent, answered))
    assert cap - 4000 < total <= cap
    assert simulator.calls == len(answered) + 1


def test_turns_that_run_on_are_charged(owners, simulator):
    """What they have taken is gone, until it is known what they used."""
    place = owners("causerie")
    process = place.spawn(*budget(simulator, 6000))
    session = process.new()
    long = "mot " * 500
    with process.begin(long + "[[first=60000]]", session) as running:
        wait_for(lambda: simulator.calls == 1)
        after = follow(place, *budget(simulator, 6000, threads=1))
        # a second one like it does not fit beside it
        assert refused(turn(after, long))
        assert after.json("POST", f"/session/{session}/stop")["stopped"]
        outcome(running)
    wait_for(lambda: len(place.pids()) == 3, what="the old owner's end")
    # it was interrupted: it has cost all that it had taken
    assert refused(turn(after, long))


def test_what_was_not_used_comes_back(owners, simulator):
    place = owners("causerie")
    process = place.spawn(*budget(simulator, 6000))
    long = "mot " * 500
    with process.begin(long + "[[tokens=20 pace=100]]", stream=True) as running:
        running.read_until(b'"delta"')
        after = follow(place, *budget(simulator, 6000, threads=1))
        running.read_until(b'"done"')
    wait_for(lambda: len(place.pids()) == 3, what="the old owner's end")
    assert turn(after, long + "[[tokens=20]]").status == 200


def test_who_waits_in_the_old_owner_is_answered_there(owners, simulator):
    place = owners("causerie")
    process = place.spawn(*budget(simulator, 60000))
    session = process.new()
    with process.begin("[[tokens=40 pace=20]]", session, True) as running:
        running.read_until(b'"delta"')
        with process.begin("[[tokens=10]]", session, True) as waiting:
            waiting.read_until(b"\r\n\r\n")
            after = follow(place, *budget(simulator, 60000, threads=1))
            use_up(after)
            running.read_until(b'"done"')
            assert b'"message_count":4' in waiting.read_until(b'"done"')


def test_a_follower_that_dies_takes_nothing_with_it(owners, simulator):
    options = budget(simulator, 6000, rate_new="1/3600")
    place = owners("causerie-meets")
    process = place.spawn(*options)
    session = process.new()
    assert turn(process, "[[tokens=10]]", session).status == 200
    place.fail_to_follow("ALL die", *options, "-s", "threads=1")
    assert statuses(new, 2, process, **HERE) == [200, 429]
    assert len(use_up(process, "[[tokens=10]]", session)) > 1
    after = follow(place, *options, "-s", "threads=1")
    assert refused(turn(after, "[[tokens=10]]", session))
    assert new(after, **HERE).status == 429


# wrong bytes


@pytest.mark.parametrize("bytes_", ["0 02", "1 03", "2 ffffffffffffffff"],
                         ids=["version", "part", "numbers"])
def test_what_is_not_understood_is_refused(owners, bytes_):
    """The old owner serves on; another one, that understands, is taken."""
    place = owners()
    place.variables["OWNER_PATIENCE"] = "START=1000"
    process = place.spawn(*rates())
    session = process.new()
    assert statuses(new, 4, process, **HERE) == [200, 200, 200, 429]
    other, owner = [*rates(), "-s", "threads=1"], place.owner()
    place.fail_to_follow(f"SPENT {bytes_}", *other)
    for words in "the previous owner did not hand over", "failed, serving on":
        wait_for(lambda: words in place.owner_log.read_text(), what=words)
    assert "event=taken_over" not in place.owner_log.read_text()
    place.variables.clear()
    for one in place.spawn(*other), process:
        assert one.json("GET", f"/session/{session}/info")
        assert new(one, **HERE).status == 429
    assert place.owner() != owner
