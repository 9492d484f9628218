"""From the start to the end: a scenario is a function of what makes visits,
the program, and what lets the point come true. Whether the program came up."""

import signal
import time

from program import HANG, wait_for
from scenario import LOCAL, MODEL, SHARED, STALL, WORDS, scenario
from scenarios_articles import chat
from visit import need


def serves(program, visit_of):
    """Whether it came up; then it must work, and end in order."""
    up = wait_for("start", program.is_up)
    if up != "up":
        return False
    visit = visit_of(program, strict=True)
    chat(visit)
    visit.check()
    visit.close()
    return True


@scenario(SHARED, starts=True)
def start(visit_of, program, arm):
    arm()
    program.spawn()
    return serves(program, visit_of)


@scenario({**MODEL, "log_format": "json"}, starts=True)
def start_model(visit_of, program, arm):
    arm()
    program.spawn()
    return serves(program, visit_of)


@scenario({**SHARED,
           "system_prompt_file": "{folder}/prompt", "t": None}, starts=True)
def check_only(visit_of, program, arm):
    arm()
    program.spawn()
    return False


def drained(visit_of, program, arm, words):
    """The end while one speaks, one waits and one listens to nothing."""
    program.spawn()
    wait_for("start", program.is_up)
    visit = visit_of(program, strict=False)
    sid = visit.new()
    first = visit.chat_begin(sid, words, stream=True)
    first[1].until(b'"delta"')
    second = visit.chat_begin(sid, WORDS, stream=True)
    second[1].until(b"\r\n\r\n")
    idle = visit.connect()
    visit.ask("GET", "/health", connection=idle)
    arm()
    began = time.monotonic()
    program.process.send_signal(signal.SIGTERM)
    visit.chat_end(first)
    visit.chat_end(second)
    visit.close()
    program.wait()
    need(time.monotonic() - began < HANG, "the drain takes too long")
    return True


@scenario(MODEL, starts=True)
def drain(visit_of, program, arm):
    return drained(visit_of, program, arm, "[[tokens=4 pace=20]]")


@scenario(MODEL, starts=True, every=60)
def drain_cut(visit_of, program, arm):
    """The answer does not end by itself; that takes 4 s."""
    return drained(visit_of, program, arm, STALL)


@scenario({**LOCAL, "h": None}, starts=True)
def help_text(visit_of, program, arm):
    arm()
    program.spawn()
    return False
