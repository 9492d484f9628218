"""/metrics: what Prometheus thinks of it, and that its numbers are those of
the requests that were made."""

import re
import socket
import subprocess

import pytest

import fcgi
from client import CHAT, UNKNOWN
from fcgi import Peer
from model import http_reply, scripted, serve, simulator
from webservers import tool, wait_for

__all__ = ["scripted", "serve", "simulator"]

LINE = re.compile(r'(\w+)(?:\{(.*)\})? (-?[0-9.]+)')
REQUESTS = "http_requests_total"
SECONDS = "http_request_duration_seconds"
NEW = {"route": "/session/new", "method": "POST", "status": "200"}


class Metrics:
    """One answer of /metrics."""

    def __init__(self, text):
        self.text, self.series = text, {}
        for line in text.splitlines():
            if line.startswith("# "):
                continue
            name, labels, value = LINE.fullmatch(line).groups()
            assert name.startswith("causerie_")
            key = name.removeprefix("causerie_"), frozenset(
                re.findall(r'(\w+)="([^"]*)"', labels or ""))
            assert key not in self.series, line
            self.series[key] = float(value)

    def __call__(self, name, **labels):
        return self.series.get((name, frozenset(labels.items())), 0)

    def total(self, name, **labels):
        """The sum over what the labels leave open."""
        return sum(value for (found, has), value in self.series.items()
                   if found == name and labels.items() <= dict(has).items())


def scrape(program, path="/metrics"):
    with Peer(program.address) as peer:
        reply = peer.ask("GET", path)
    assert reply.status == 200
    assert reply.headers["Content-Type"] == \
        "text/plain; version=0.0.4; charset=utf-8"
    return Metrics(reply.body.decode())


class Growth:
    """What the counters have grown by since it was made, without those for
    reading them."""

    def __init__(self, program):
        self.program, self.before = program, scrape(program)

    def __call__(self, name, **labels):
        now = scrape(self.program)
        return now.total(name, **labels) - self.before.total(name, **labels)

    def settles(self, expected, name, **labels):
        """An end is counted on the loop, maybe after the client's."""
        wait_for(lambda: self(name, **labels) == expected,
                 what=f"{name} {labels} {expected}")


def ask_all(program, requests):
    with Peer(program.address) as peer:
        for method, path, body, status in requests:
            reply = peer.ask(method, path, body, keep=True)
            assert reply.status == status, (method, path)


def promtool(metrics):
    if tool("promtool") is None:
        pytest.skip("promtool is not installed")
    check = subprocess.run([tool("promtool"), "check", "metrics"], text=True,
                           input=metrics.text, capture_output=True)
    assert (check.returncode, check.stdout, check.stderr) == (0, "", "")


VARIED = [
    ("GET", "/health", b"", 200),
    ("POST", "/session/new", b"", 200),
    ("POST", "/session/new", b"", 200),
    ("HEAD", "/health", b"", 200),
    ("OPTIONS", CHAT, b"", 204),
    ("PUT", CHAT, b"", 405),
    ("POST", CHAT, b"{", 400),
    ("POST", CHAT, b"{}", 422),
    ("POST", CHAT, b'{"message":"Bonjour"}', 200),
    ("POST", CHAT, b"x" * 70000, 413),
    ("GET", f"/session/{UNKNOWN}/info", b"", 404),
    ("DELETE", "/session/new", b"", 405),
    ("GET", "/nowhere", b"", 404),
    ("GET", "/session/xxx/info", b"", 400),
]


def test_prometheus_has_nothing_to_complain_about(launch):
    program = launch()
    promtool(scrape(program))
    ask_all(program, VARIED)
    promtool(scrape(program))


def test_each_request_is_counted_once_in_its_row(launch):
    program = launch()
    grown = Growth(program)
    ask_all(program, VARIED)
    now, rows = scrape(program), {
        ("/health", "GET", 200): 1, ("/health", "HEAD", 200): 1,
        ("/session/new", "POST", 200): 2, ("/session/new", "DELETE", 405): 1,
        (CHAT, "OPTIONS", 204): 1, (CHAT, "other", 405): 1,
        (CHAT, "POST", 400): 1, (CHAT, "POST", 422): 1,
        (CHAT, "POST", 200): 1, (CHAT, "POST", 413): 1,
        ("/session/{id}/info", "GET", 404): 1,
        ("/session/{id}/info", "GET", 400): 1, ("none", "GET", 404): 1}
    for (route, method, status), n in rows.items():
        labels = {"route": route, "method": method, "status": str(status)}
        assert now(REQUESTS, **labels) == n, labels
        assert grown.before(REQUESTS, **labels) == 0
    assert now.total(REQUESTS) == len(VARIED) + 1  # and the first scrape


def test_a_duration_is_counted_with_each_request(launch):
    program = launch()
    ask_all(program, VARIED)
    now = scrape(program)
    for route in "/health", "/session/new", CHAT, "none":
        n = now.total(REQUESTS, route=route)
        assert n == now(SECONDS + "_count", route=route) > 0
        assert n == now(SECONDS + "_bucket", route=route, le="+Inf")


def test_a_duration_is_in_the_buckets_of_its_length(launch):
    program = launch()
    with Peer(program.address) as peer:
        peer.ask("POST", CHAT, b'{"message":"paced 3 100"}')
    now = scrape(program)
    assert now(SECONDS + "_sum", route=CHAT) >= 0.3
    assert now(SECONDS + "_bucket", route=CHAT, le="0.25") == 0
    assert now(SECONDS + "_bucket", route=CHAT, le="120") == 1


def test_the_buckets_of_a_histogram_never_fall(launch):
    program = launch()
    ask_all(program, VARIED)
    buckets = re.findall(r'(\w+_bucket\{.*?)le="(.+?)"\} (\d+)',
                         scrape(program).text)
    assert buckets
    for (name, bound, n), (other, after, more) in zip(buckets, buckets[1:]):
        if name == other:
            assert float(bound) < float(after) and int(n) <= int(more)


def test_every_loop_is_counted(launch):
    program = launch({"threads": 4})
    grown = Growth(program)
    peers = [Peer(program.address) for _ in range(40)]
    for n, peer in enumerate(peers):
        for _ in range(n):
            peer.send(fcgi.request("POST", "/session/new", keep=True))
            assert peer.read_reply().status == 200
    now = scrape(program)
    assert grown(REQUESTS, **NEW) == sum(range(40))
    assert now("sessions") == sum(range(40))
    for peer in peers:
        peer.socket.close()


def test_sessions_and_their_bytes(launch):
    program = launch()
    assert scrape(program)("session_bytes") == 0
    ask_all(program, [("POST", "/session/new", b"", 200)] * 3)
    one = scrape(program)("session_bytes") / 3
    assert scrape(program)("sessions") == 3
    assert 0 < one <= 512
    ask_all(program, [("POST", CHAT, b'{"message":"%s"}' % (b"x" * 9000),
                       200)])
    now = scrape(program)
    assert now("sessions") == 4
    assert now("session_bytes") >= 4 * one + 18000


def test_a_session_that_is_deleted_is_gone(launch):
    program = launch()
    with Peer(program.address) as peer:
        reply = peer.ask("POST", "/session/new", keep=True)
        id = re.search(rb'"session_id":"(.*?)"', reply.body)[1].decode()
        assert scrape(program)("sessions") == 1
        peer.ask("DELETE", f"/session/{id}")
    now = scrape(program)
    assert (now("sessions"), now("session_bytes")) == (0, 0)


def test_turns_that_run_and_that_wait(launch):
    program = launch()

    def turns():
        now = scrape(program)
        return now("turns_in_flight"), now("turns_waiting")

    with Peer(program.address) as peer:
        reply = peer.ask("POST", "/session/new", keep=True)
    id = re.search(rb'"session_id":"(.*?)"', reply.body)[1].decode()
    body = '{"message":"paced 1000 20","session_id":"%s"}' % id
    assert turns() == (0, 0)
    first, second = Peer(program.address), Peer(program.address)
    first.send(fcgi.request("POST", CHAT, body.encode()))
    wait_for(lambda: turns() == (1, 0), what="a turn that runs")
    second.send(fcgi.request("POST", CHAT, body.encode()))
    wait_for(lambda: turns() == (2, 1), what="a turn that waits")
    first.socket.close()
    wait_for(lambda: turns() == (1, 0), what="the next one's turn")
    second.socket.close()
    wait_for(lambda: turns() == (0, 0), what="the end")


def test_a_client_that_leaves_is_counted_as_aborted(launch):
    program = launch()
    grown = Growth(program)
    with Peer(program.address) as peer:
        peer.send(fcgi.request("POST", CHAT, b'{"message":"paced 9 5000"}'))
        wait_for(lambda: scrape(program)("turns_in_flight") == 1)
    grown.settles(1, REQUESTS, route=CHAT, method="POST", status="aborted")
    assert grown(REQUESTS, route=CHAT) == 1
    assert grown(SECONDS + "_count", route=CHAT) == 1


def test_a_stream_that_is_left_has_the_status_it_began_with(launch):
    program = launch()
    grown = Growth(program)
    with Peer(program.address) as peer:
        peer.send(fcgi.request(
            "POST", CHAT, b'{"message":"paced 9 5000","stream":true}'))
        peer.read_until(b"start")
    grown.settles(1, REQUESTS, route=CHAT, method="POST", status="200")
    assert grown(REQUESTS, route=CHAT) == 1


def test_the_lag_of_a_loop_that_works_is_sampled(launch):
    program = launch({"threads": 1})
    name = "loop_lag_seconds"
    wait_for(lambda: scrape(program)(name + "_count") > 0, what="a sample")
    now = scrape(program)
    assert now(name + "_bucket", le="+Inf") == now(name + "_count")


def test_a_head_has_no_body(launch):
    program = launch()
    with Peer(program.address) as peer:
        reply = peer.ask("HEAD", "/metrics")
    assert (reply.status, reply.body) == (200, b"")
    assert int(reply.headers["Content-Length"]) > 1000


def test_it_stands_below_the_base_path_and_routes_without_it(launch):
    program = launch({"base_path": "/api/chatbot"})
    with Peer(program.address) as peer:
        assert peer.ask("GET", "/metrics").status == 404
    now = scrape(program, "/api/chatbot/metrics")
    assert now(REQUESTS, route="none", method="GET", status="404") == 1
    now = scrape(program, "/api/chatbot/metrics")
    assert now(REQUESTS, route="/metrics", method="GET", status="200") == 1


def test_the_version_is_that_of_the_program(launch):
    program = launch()
    said = subprocess.run([program.program, "-V"], text=True,
                          capture_output=True).stdout
    version = said.split()[1]
    assert scrape(program)("build_info", version=version) == 1


# limits, and what is suspicious


def kinds(grown, name):
    """Those of a counter that were counted, with their numbers."""
    now = scrape(grown.program)
    return {dict(labels)["kind"]: int(n) for (found, labels), n in
            now.series.items() if found == name and n > 0}


def test_what_a_rate_refused_is_counted(launch):
    program = launch({"rate_new": "3/86400", "rate_chat": "2/86400"})
    grown = Growth(program)
    ask_all(program, [("POST", "/session/new", b"", status)
                      for status in [200] * 3 + [429] * 4])
    assert kinds(grown, "limited_total") == {"rate_limited": 4}
    ask_all(program, [("POST", CHAT, b'{"message":"a"}', status)
                      for status in [429] * 2])
    assert kinds(grown, "limited_total") == {"rate_limited": 6}
    assert kinds(grown, "suspicious_total") == {"rate": 6}
    assert grown(REQUESTS, status="429") == 6


def test_what_a_number_of_sessions_refused_is_counted(launch):
    program = launch({"sessions_per_ip": 2})
    grown = Growth(program)
    ask_all(program, [("POST", "/session/new", b"", status)
                      for status in [200] * 2 + [429] * 3])
    assert kinds(grown, "limited_total") == {"too_many_sessions": 3}


def test_what_a_number_of_turns_refused_is_counted(launch):
    program = launch({"turns_per_ip": 1})
    grown = Growth(program)
    with Peer(program.address) as peer:
        peer.send(fcgi.request("POST", CHAT, b'{"message":"paced 9 5000"}'))
        wait_for(lambda: scrape(program)("turns_in_flight") == 1)
        ask_all(program, [("POST", CHAT, b'{"message":"a"}', 429)] * 2)
    assert kinds(grown, "limited_total") == {"too_many_turns": 2}


@pytest.mark.parametrize("kind, method, path, body, params", [
    ("malformed_id", "GET", "/session/xxx/info", b"", {}),
    ("guessing", "GET", f"/session/{UNKNOWN}/info", b"", {}),
    ("oversize", "POST", CHAT, b"x" * 70000, {}),
    ("broken_json", "POST", CHAT, b"{", {}),
    ("origin", "POST", "/session/new", b"",
     {"HTTP_SEC_FETCH_SITE": "cross-site"}),
])
def test_what_is_suspicious_is_counted(launch, kind, method, path, body,
                                       params):
    program = launch()
    grown = Growth(program)
    with Peer(program.address) as peer:
        for _ in range(3):
            peer.ask(method, path, body, keep=True, **params)
        peer.ask("GET", "/health", keep=True)
        peer.ask("GET", "/nowhere", keep=True)
    assert kinds(grown, "suspicious_total") == {kind: 3}


# the language model


def outcomes(grown):
    """Those that were counted."""
    now = scrape(grown.program)
    return {dict(labels)["outcome"]: int(n) for (name, labels), n in
            now.series.items() if name == "upstream_requests_total" and n > 0}


@pytest.mark.parametrize("directives, counted", [
    ("tokens=3", {"ok": 1}),
    ("status=400", {"rejected": 1}),
    ("status=503", {"unavailable": 2}),
    ("status=429 retry_after=60", {"unavailable": 1}),
    ("silent", {"timeout": 1}),
    ("stall=2 tokens=5", {"timeout": 1}),
    ("cut=0", {"broken": 1}),
    ("empty", {"broken": 1}),
    ("garbage=0", {"broken": 1}),
    ("hangup", {"broken": 1}),
])
def test_each_try_has_one_outcome(serve, simulator, directives, counted):
    service = serve(simulator.base_url)
    grown = Growth(service)
    service.chat(f"[[{directives}]]")
    assert outcomes(grown) == counted
    assert sum(counted.values()) == simulator.calls
    assert grown("upstream_retries_total") == simulator.calls - 1


def test_a_model_that_is_not_there_was_not_reached(serve):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        service = serve(f"http://127.0.0.1:{taken.getsockname()[1]}/v1")
        grown = Growth(service)
        service.chat("Bonjour")
    assert outcomes(grown) == {"unreachable": 2}
    assert grown("upstream_retries_total") == 1


def test_an_answer_nobody_waits_for_was_cancelled(serve, simulator):
    service = serve(simulator.base_url)
    grown = Growth(service)
    with service.begin("[[silent]]"):
        simulator.wait(calls=1)
    wait_for(lambda: outcomes(grown) == {"cancelled": 1}, what="cancelled")
    assert grown("upstream_retries_total") == 0


def test_the_first_text_is_timed(serve, simulator):
    service = serve(simulator.base_url)
    name = "upstream_first_token_seconds"
    service.chat("[[status=400]]")
    assert scrape(service)(name + "_count") == 0
    service.chat("[[first=300 tokens=4]]")
    now = scrape(service)
    assert now(name + "_count") == 1
    assert now(name + "_sum") >= 0.29
    assert now(name + "_bucket", le="0.25") == 0


def test_tokens_are_those_that_the_model_reported(serve, scripted):
    usage = (b'{"choices":[{"delta":{"content":"oui"},"finish_reason":"stop"}]'
             b',"usage":{"prompt_tokens":17,"completion_tokens":5}}')
    server = scripted(http_reply(200, b"data: " + usage +
                                 b"\n\ndata: [DONE]\n\n",
                                 "Content-Type: text/event-stream"))
    service = serve(server.url)
    grown = Growth(service)
    for n in 1, 2:
        assert service.chat("Bonjour").text == "oui"
        assert grown("tokens_total", direction="in") == 17 * n
        assert grown("tokens_total", direction="out") == 5 * n


def test_the_breaker_is_shown_while_it_is_open(serve, simulator):
    service = serve(simulator.base_url, {"llm_retries": 0})
    for _ in range(20):
        assert scrape(service)("upstream_breaker_open") == 0
        service.chat("[[status=500]]")
    assert scrape(service)("upstream_breaker_open") == 1
    calls = simulator.calls
    assert outcomes(Growth(service)) == {"unavailable": calls}
    service.chat("[[tokens=1]]")
    assert simulator.calls == calls
    assert outcomes(Growth(service)) == {"unavailable": calls}
    promtool(scrape(service))
