"""An owner of the sessions: a scenario is a function of a place (owners.py),
and returns the visit that is to be held, or None."""

import os
import signal

from program import wait_for
from scenario import MODEL, SHARED, STALL, scenario
from scenarios_model import stopped
from visit import need


def both(settings, **more):
    """Two scenarios: the first process fails, and the second does."""
    def add(function):
        for plan in ("first", "second"):
            def attacked(place):
                return function(place)
            attacked.__name__ = f"{function.__name__}_{plan}"
            scenario(settings, owner=plan, **more.get(plan, {}))(attacked)
        return function
    return add


def talk(place):
    visit = place.visit()
    sid = visit.new()
    visit.new()
    visit.chat(sid, "Parle-moi du climat")
    return visit


@scenario(SHARED, owner="first", memory=10)
def owner_first(place):
    """Nobody was here before."""
    place.arm()
    place.start(0, "first").answers()


@scenario(SHARED, owner="second", memory=20)
def owner_killed(place):
    """What it leaves behind is in the way of the next."""
    first = place.up(0, "first")
    wait_for("its wait", lambda: place.plans["first"].calls()["signalfd"] > 1)
    place.kill_owner()
    wait_for("its end", lambda: first.status() is not None)
    place.arm()
    place.start(0, "second").answers()


def held_up(place, name, process):
    """The right to begin is another's, until the process has seen it."""
    lock = place.lock(name)
    place.arm()
    process = process()
    wait_for("the lock", lambda: place.plan.calls()["flock"] > 0 or
             process.status() is not None)
    os.close(lock)
    return process


@scenario(SHARED, owner="first", memory=20)
def owner_elected(place):
    """Another one was about to own, and is gone."""
    held_up(place, "owner.lock", lambda: place.start(0, "first")).answers()


@both(SHARED)
def owner_joined(place):
    place.up(0, "first")
    visit = talk(place)
    place.arm()
    place.start(0, "second").answers()
    return visit


@scenario(SHARED, owner="first")
def owner_left(place):
    place.up(0, "first")
    second = place.up(0, "second")
    visit = talk(place)
    place.arm()
    second.child.terminate()
    wait_for("its listener's end", lambda: "listeners=1 " in (
        place.told(0, "--owner-status") or ""))
    return visit


@both(SHARED)
def owner_status(place):
    place.up(0, "first")
    visit = talk(place)
    place.arm()
    said = place.told(0, "--owner-status", plan="second")
    need(said is None or "sessions=2 listeners=1 " in said, "status", said)
    return visit


@both(SHARED)
def owner_stop(place):
    place.up(0, "first")
    talk(place)
    place.arm()
    said = place.told(0, "--owner-stop", plan="second")
    need(said is None or "has ended" in said, "stop", said)
    if said is not None:
        wait_for("the owner's end", place.all_ended)


@scenario(SHARED, owner="first")
def owner_drained(place):
    place.up(0, "first")
    talk(place)
    place.arm()
    place.signal_owner(signal.SIGTERM)
    wait_for("the owner's end", place.all_ended)


@both(SHARED, second={"memory": 10})
def followed(place):
    """Another version comes; a connection is kept over it."""
    place.up(0, "first")
    visit = talk(place)
    idle = visit.connect()
    visit.ask("GET", "/health", connection=idle)
    place.arm()
    place.start(1, "second").answers()
    place.settled()
    visit.ask("GET", "/health", connection=idle)
    return visit


@scenario(SHARED, owner="second", memory=20)
def followed_late(place):
    """Another one was about to follow, and is gone."""
    place.up(0, "first")
    visit = talk(place)
    second = held_up(place, "next.lock", lambda: place.start(1, "second"))
    second.answers()
    place.settled()
    return visit


@both({**MODEL, "log_target": "{folder}/log"}, second={"memory": 20})
def followed_turn(place):
    """Who is answered then is stopped by the new one. Where the two are
    parted, that answer may be lost, but nothing else."""
    first = place.up(0, "first")
    visit = talk(place)
    sid = visit.new()
    begun = visit.chat_begin(sid, STALL, stream=True)
    begun[1].until(b'"delta"')
    place.arm()
    second = place.start(1, "second")
    place.front = second.number if second.answers() else first.number
    stopped(visit, begun)
    place.settled()
    if place.parts():
        begun[0].answer = None
    return visit
