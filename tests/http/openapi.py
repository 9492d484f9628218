"""web/openapi.json, and whether what the service says is what stands there.

The tests' clients hand every reply to check_reply and every event of a stream
to check_event. A reply without X-Request-Id is the web server's own. Without
Debian's python3-jsonschema only routes, statuses and codes are checked.
"""

import json
import re
from urllib.parse import unquote

try:
    import jsonschema
except ImportError:
    jsonschema = None

from webservers import TOP

DESCRIPTION = json.loads((TOP / "web/openapi.json").read_text())
PROBLEM = "application/problem+json"
EVENTS = "text/event-stream"


def at(pointer):
    """What a reference in the document points to."""
    found = DESCRIPTION
    for word in pointer.removeprefix("#/").split("/"):
        found = found[word.replace("~1", "/").replace("~0", "~")]
    return found


def resolve(value):
    return at(value["$ref"]) if "$ref" in value else value


def closed(schema):
    """The schema, where nothing is allowed that it does not name: the document
    lets clients ignore what is new, these tests do not let it be forgotten."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict):
        result.setdefault("additionalProperties", False)
    return result


SCHEMAS = closed(DESCRIPTION["components"]["schemas"])
validators = {}


def validate(value, schema):
    """Whether a value is of a schema of the document."""
    if jsonschema is None:
        return
    key = json.dumps(schema)
    if key not in validators:
        validators[key] = jsonschema.Draft202012Validator(
            {**closed(schema), "components": {"schemas": SCHEMAS}})
    wrong = [f"{error.json_path}: {error.message}"
             for error in validators[key].iter_errors(value)]
    assert not wrong, f"web/openapi.json does not know this: {value}: {wrong}"


PATTERNS = [(path, re.compile(".*" + re.escape(path).replace(
    r"\{id\}", "[^/]+"))) for path in sorted(
        DESCRIPTION["paths"], key=lambda path: "{" in path)]


def route_of(target):
    """The path of the document that a request's target fits, below whatever
    base path; None without one."""
    if isinstance(target, bytes):
        target = target.decode("latin-1")
    path = unquote(re.split(r"[?#]", target, maxsplit=1)[0])
    path = path.removesuffix("/") or "/"
    return next((known for known, pattern in PATTERNS
                 if pattern.fullmatch(path)), None)


def operation(method, target):
    """The operation that a request is; None when the document has none."""
    method = "get" if method == "HEAD" else method.lower()
    return DESCRIPTION["paths"].get(route_of(target), {}).get(method)


# what another path or method is told
ELSEWHERE = {400: "BadRequest", 404: "NotFound", 405: "MethodNotAllowed",
             414: "UriTooLong", 431: "HeadersTooLarge", 501: "NotImplemented"}


def response_of(method, target, status):
    asked = operation(method, target)
    if asked is None:
        assert status in ELSEWHERE, (method, target, status)
        return at(f"#/components/responses/{ELSEWHERE[status]}")
    assert str(status) in asked["responses"], \
        f"web/openapi.json: {method} {target} has no {status}"
    return resolve(asked["responses"][str(status)])


def check_request(method, target, body, status):
    """Whether a body that was accepted is one that the document allows."""
    asked = operation(method, target)
    if status == 200 and asked is not None and "requestBody" in asked:
        kind = asked["requestBody"]["content"]["application/json"]
        name = kind["schema"]["$ref"].rsplit("/", 1)[1]
        given = DESCRIPTION["components"]["schemas"][name]
        known = {key: value for key, value in json.loads(body).items()
                 if key in given["properties"]}
        validate(known, kind["schema"])


def check_event(event):
    response = response_of("POST", "/session/chat", 200)
    validate(event, response["content"][EVENTS]["schema"])


def check_events(body):
    for part in body.decode("utf-8").split("\n\n"):
        if part.startswith("data: "):
            check_event(json.loads(part[6:]))


def check_json(value, method, target, status, kind):
    response = response_of(method, target, status)
    assert kind in response["content"], (method, target, status, kind)
    content = response["content"][kind]
    validate(value, content["schema"])
    if kind == PROBLEM:
        assert value["code"] in content["examples"], \
            f"web/openapi.json: {method} {target} has no {value['code']}"


def text(value):
    return value.decode("latin-1") if isinstance(value, bytes) else value


def check_reply(method, target, status, headers, body):
    """Whether a whole reply is as the document says."""
    if "X-Request-Id" not in headers or not body:
        return
    method, target = text(method), text(target)
    kind = headers["Content-Type"].split(";")[0]
    if kind == EVENTS:
        check_events(body)
    elif kind in ("application/json", PROBLEM):
        value = json.loads(body.decode("utf-8"))
        if value.get("code") == "not_found":
            target = "/nothing"
        check_json(value, method, target, status, kind)
    else:
        content = response_of(method, target, status)["content"]
        assert kind in content, (method, target, kind)
