"""The description of the interface is valid, complete, and served."""

import copy
import json
import os
import re
import subprocess

import pytest

import openapi
from model import npm
from openapi import DESCRIPTION, resolve
from webservers import TOP, environment


OPERATIONS = [(path, method, operation)
              for path, methods in DESCRIPTION["paths"].items()
              for method, operation in methods.items()]
EXAMPLES = DESCRIPTION["components"]["examples"]
ID = "550e8400-e29b-41d4-a716-446655440000"


def source(path):
    """A file of the program, its broken lines joined."""
    return re.sub(r"\\\n\s*", " ", (TOP / path).read_text())


def results():
    """Status, code and French text of each row in include/base/rc.h."""
    rows = re.findall(r'X\(RC_\w+, (\d+), (?:NULL|"(\w+)"),\s*"(.*?)",\s*"',
                      source("include/base/rc.h"))
    assert len(rows) > 20
    return [(int(status), code, text) for status, code, text in rows if code]


def routes():
    """Method, path and flags of each row in app/routes/routes.c."""
    rows = re.findall(r'\.method = METHOD_(\w+),\s*\.path = "([^"]*)",'
                      r'([^}]*)\}', source("app/routes/routes.c"))
    assert len(rows) > 8
    return {(path, method.lower()): flags for method, path, flags in rows}


def problems(operation):
    """Status and code of each problem of an operation."""
    for status, response in operation["responses"].items():
        content = resolve(response).get("content", {})
        for code in content.get(openapi.PROBLEM, {}).get("examples", {}):
            yield int(status), code


def test_it_has_every_route_and_no_other():
    assert {(path, method) for path, method, _ in OPERATIONS} == set(routes())


def test_it_has_every_code_and_no_other():
    codes = {code for status, code, _ in results() if status >= 400}
    assert set(DESCRIPTION["components"]["schemas"]["Code"]["enum"]) == codes
    assert set(EXAMPLES) == codes
    used = {code for *_, operation in OPERATIONS
            for _, code in problems(operation)}
    assert used == codes


def test_its_problems_say_what_the_service_says():
    titles = dict(re.findall(r'X\((\d+), "[^"]*", "([^"]*)"\)',
                             source("app/http/reply.c")))
    texts = {(status, code): set() for status, code, _ in results()}
    for status, code, text in results():
        texts[status, code].add(text)
    for code, example in EXAMPLES.items():
        problem = example["value"]
        assert problem["code"] == code
        detail = problem["detail"].split("\u00a0: ")[0]
        assert detail in texts[problem["status"], code]
        assert problem["title"] == titles[str(problem["status"])]


def test_each_problem_stands_under_its_status():
    for path, method, operation in OPERATIONS:
        for status, code in problems(operation):
            assert EXAMPLES[code]["value"]["status"] == status, (path, method)


def test_what_changes_something_is_refused_to_foreign_pages():
    flags = routes()
    for path, method, operation in OPERATIONS:
        assert ("403" in operation["responses"]) == \
            ("ROUTE_CHANGES" in flags[path, method]), path


def test_why_an_answer_ended_early_is_named():
    early = {code for status, code, _ in results() if status < 400}
    named = DESCRIPTION["components"]["schemas"]["EndedEarly"]
    assert early < set(named["enum"])


def test_its_version_is_the_program_s():
    version = re.search(r"AC_INIT\(\[causerie\], \[(.*?)\]",
                        source("configure.ac"))[1]
    assert DESCRIPTION["info"]["version"] == version


def with_examples(value):
    if isinstance(value, dict):
        if "schema" in value and ("example" in value or "examples" in value):
            yield value
        for part in value.values():
            yield from with_examples(part)


def test_its_examples_are_of_their_schemas():
    found = list(with_examples(DESCRIPTION))
    assert len(found) > 20
    for value in found:
        examples = [resolve(example)["value"]
                    for example in value.get("examples", {}).values()]
        for example in examples or [value["example"]]:
            openapi.validate(example, value["schema"])


INFO = {"session_id": ID, "message_count": 2, "expires_in_minutes": 30,
        "created_at": "2025-11-08T14:30:00",
        "last_activity": "2025-11-08T14:30:00"}
PROBLEM = EXAMPLES["session_not_found"]["value"]


def check(value, status=200, kind="application/json", method="GET",
          path=f"/session/{ID}/info"):
    openapi.check_reply(method, path, status, {
        "X-Request-Id": "r", "Content-Type": kind}, json.dumps(value).encode())


@pytest.mark.parametrize("base", ["", "/api/chatbot"])
def test_what_it_describes_passes(base):
    check(INFO, path=f"{base}/session/{ID}/info?x")
    check(PROBLEM, 404, openapi.PROBLEM, path=f"{base}/session/{ID}/info")
    check(EXAMPLES["not_found"]["value"], 404, openapi.PROBLEM, path="/x")
    check(EXAMPLES["method_not_allowed"]["value"], 405, openapi.PROBLEM, "PUT")
    openapi.check_event({"type": "delta", "text": "Voici"})


@pytest.mark.parametrize("change", [
    {"more": 1}, {"message_count": "2"}, {"message_count": -1},
    {"session_id": ID.upper()}, {"created_at": "2025-11-08T14:30:00Z"},
    {"expires_in_minutes": None}])
def test_a_reply_that_it_does_not_describe_is_seen(change):
    if openapi.jsonschema is None:
        pytest.skip("python3-jsonschema is not installed")
    with pytest.raises(AssertionError):
        check({**INFO, **change})
    for name in INFO:
        less = copy.copy(INFO)
        del less[name]
        with pytest.raises(AssertionError):
            check(less)


def test_an_event_that_it_does_not_describe_is_seen():
    if openapi.jsonschema is None:
        pytest.skip("python3-jsonschema is not installed")
    for event in ({"type": "delta"}, {"type": "delta", "text": 1}, {},
                  {"type": "delta", "text": "x", "more": 1},
                  {"type": "other", "text": "x"}):
        with pytest.raises(AssertionError):
            openapi.check_event(event)


def test_a_problem_that_its_route_does_not_have_is_seen():
    for value, status, kind, method in (
            (PROBLEM, 409, openapi.PROBLEM, "GET"),
            (EXAMPLES["not_found"]["value"], 400, openapi.PROBLEM, "GET"),
            (EXAMPLES["method_not_allowed"]["value"], 404, openapi.PROBLEM,
             "GET"),
            (PROBLEM, 404, "application/json", "GET"),
            (INFO, 200, "application/json", "PUT")):
        with pytest.raises(AssertionError):
            check(value, status, kind, method)


def test_it_is_served(client):
    reply = client.get("/openapi.json")
    assert reply.status == 200
    assert reply.headers["Content-Type"].split(";")[0] == "application/json"
    assert reply.body == (TOP / "web/openapi.json").read_bytes()


def test_a_linter_finds_nothing_in_it():
    if npm.missing():
        pytest.skip(npm.missing())
    done = subprocess.run(
        [npm.node(), npm.script("@redocly/cli/bin/cli.js"), "lint",
         "--format", "json", TOP / "web/openapi.json"],
        stdout=subprocess.PIPE, timeout=120, cwd=os.sep, env=environment(
            REDOCLY_TELEMETRY="off", REDOCLY_SUPPRESS_UPDATE_NOTICE="true"))
    found = json.loads(done.stdout)
    assert not found["problems"], json.dumps(found["problems"], indent=1)
    assert done.returncode == 0
