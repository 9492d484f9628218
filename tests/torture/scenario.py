"""What scenarios are made of: settings, and the list of them all."""

import json

FREE = {"rate_new": 0, "rate_chat": "1000000/1", "sessions_per_ip": 0,
        "turns_per_ip": 0}
LOCAL = {**FREE, "threads": 1, "log_target": "{folder}/log"}
MODEL = {**FREE, "threads": 1, "llm_base_url": "{upstream}",
         "llm_model": "simulated", "llm_api_key_file": "{folder}/key",
         "llm_retries": 0, "turn_wait_seconds": 20,
         "llm_first_token_seconds": 10, "llm_stall_seconds": 10}
SHARED = {**LOCAL, "articles": "{folder}/articles"}

WORDS = "[[tokens=3]]"
STALL = "[[tokens=9 stall=2]]"

SCENARIOS = {}  # functions, by their names


def scenario(settings, every=1, memory=1, starts=False, owner=None):
    """every: of its points, only each such one is tried, as it is slow;
    memory: so of its allocations. starts: it is run from the start on; owner:
    in a Place (owners.py), whose plan of this name it is that comes true."""
    def add(function):
        function.settings = settings
        function.every = every
        function.memory = memory
        function.starts = starts
        function.owner = owner
        SCENARIOS[function.__name__] = function
        return function
    return add


def retry(visit, method, path, **more):
    """What must succeed so that the visit can go on."""
    reply = visit.ask(method, path, **more)
    if reply is None:
        visit.program.plan.disarm()
        strict, visit.strict = visit.strict, True
        reply = visit.ask(method, path, **more)
        visit.strict = strict
    return reply


def fill(folder):
    """The files that settings name."""
    (folder / "key").write_text("sk-torture\n")
    (folder / "prompt").write_text("Nous sommes le {date}.\n")
    rows = [{"title": f"Titre {i}", "url": f"https://a.example/{i}",
             "date": "2025-11-08", "text": f"Le climat et la mer {i}"}
            for i in range(2)]
    (folder / "articles").write_text(
        "".join(json.dumps(row) + "\n" for row in rows))
