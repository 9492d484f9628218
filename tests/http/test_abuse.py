"""What one address may do: exactly what is configured, however many clients it
has and whatever they say of themselves; and what another one notices of it."""

import json
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import pytest

from client import CHAT, UNKNOWN
from fcgi import Peer, request
from test_metrics import Metrics
from webservers import wait_for

ABUSER, OTHER = "192.0.2.66", "198.51.100.7"
CLIENTS = 64
DAY = 86400  # seconds: within a test no token comes back
ENDLESS = "paced 100000 1000"


class Visitor:
    """A client's requests over a kept FastCGI connection."""

    def __init__(self, program, address=OTHER, **params):
        self.peer = Peer(program.address)
        self.params = dict(params, REMOTE_ADDR=address)

    def ask(self, method, path, body=None, **more):
        data = b"" if body is None else json.dumps(body).encode()
        return self.peer.ask(method, path, data, keep=True,
                             **{**self.params, **more})

    def new(self, **more):
        return self.ask("POST", "/session/new", **more)

    def make(self):
        reply = self.new()
        assert reply.status == 200, reply.body
        return json.loads(reply.body)["session_id"]

    def chat(self, session=None, message="Bonjour", **more):
        return self.ask("POST", CHAT, {"message": message,
                                       "session_id": session}, **more)

    def info(self, session):
        return self.ask("GET", f"/session/{session}/info")


def code(reply):
    return json.loads(reply.body).get("code")


def retry_after(reply):
    return int(reply.headers["Retry-After"])


def hammer(program, ask, times, address=ABUSER):
    """The replies to what many clients of one address ask at the same time."""
    def one(_):
        visitor = Visitor(program, address)
        return [ask(visitor) for _ in range(times)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        return [r for replies in pool.map(one, range(CLIENTS))
                for r in replies]


def check(replies, passed, refusal):
    """So many got through, and the others were told so."""
    assert sum(reply.status == 200 for reply in replies) == passed
    refused = [reply for reply in replies if reply.status != 200]
    assert {(r.status, code(r)) for r in refused} == {(429, refusal)}
    assert all(retry_after(reply) > 0 for reply in refused)
    return refused


def test_exactly_so_many_sessions_are_made(launch):
    program = launch({"rate_new": f"20/{DAY}"})
    refused = check(hammer(program, Visitor.new, 8), 20, "rate_limited")
    token = DAY // 20
    assert {retry_after(r) for r in refused} <= set(range(token - 60,
                                                          token + 1))
    assert max(retry_after(r) for r in refused) == token
    assert Visitor(program).new().status == 200


def test_exactly_so_many_messages_are_answered(launch):
    program = launch({"rate_chat": f"30/{DAY}"})
    check(hammer(program, Visitor.chat, 4), 30, "rate_limited")
    assert Visitor(program).chat().status == 200


def test_a_message_that_makes_a_session_counts_as_one(launch):
    program = launch({"rate_new": f"3/{DAY}", "rate_chat": f"30/{DAY}"})
    visitor = Visitor(program)
    session = json.loads(visitor.chat().body)["session_id"]
    visitor.chat()
    visitor.make()
    refused = visitor.chat()
    assert (refused.status, code(refused)) == (429, "rate_limited")
    assert retry_after(refused) > DAY / 3 - 60
    assert visitor.chat(session).status == 200


def test_there_is_a_token_again_when_retry_after_says_so(launch):
    program = launch({"rate_new": "1/2"})
    visitor = Visitor(program)
    assert visitor.new().status == 200
    refused = visitor.new()
    assert refused.status == 429 and retry_after(refused) in (1, 2)
    wait_for(lambda: visitor.new().status == 200, what="a token")


def test_exactly_so_many_sessions_live(launch):
    program = launch({"sessions_per_ip": 10})
    replies = hammer(program, Visitor.new, 2)
    check(replies, 10, "too_many_sessions")
    visitor = Visitor(program, ABUSER)
    refused = visitor.chat()
    assert (refused.status, code(refused)) == (429, "too_many_sessions")
    assert "session_id" not in json.loads(refused.body)
    assert Visitor(program).new().status == 200
    session = next(json.loads(r.body)["session_id"] for r in replies
                   if r.status == 200)
    assert visitor.ask("DELETE", f"/session/{session}").status == 200
    assert visitor.new().status == 200
    assert visitor.new().status == 429


@pytest.mark.parametrize("cleanup", [0.05, DAY])
def test_expired_sessions_do_not_count(launch, cleanup):
    program = launch({"sessions_per_ip": 3, "session_timeout_minutes": 0.002,
                      "cleanup_interval_seconds": cleanup})
    visitor = Visitor(program)
    for _ in range(3):
        for _ in range(3):
            wait_for(lambda: visitor.new().status == 200, what="expiry")


def test_a_session_that_could_not_be_made_does_not_count(launch):
    program = launch({"sessions_per_ip": 5, "max_sessions": 1})
    visitor = Visitor(program)
    session = visitor.make()
    for _ in range(10):
        assert code(visitor.new()) == "session_capacity"
        assert code(visitor.chat()) == "session_capacity"
    visitor.ask("DELETE", f"/session/{session}")
    assert visitor.new().status == 200


def test_exactly_so_many_messages_are_answered_at_a_time(launch):
    program = launch({"turns_per_ip": 8})

    def begin(_):
        peer = Peer(program.address)
        body = json.dumps({"message": ENDLESS, "stream": True}).encode()
        peer.send(request("POST", CHAT, body, REMOTE_ADDR=ABUSER))
        return peer, peer.read_until(b"\r\n\r\n")
    with ThreadPoolExecutor(CLIENTS) as pool:
        begun = list(pool.map(begin, range(CLIENTS)))
    running = [peer for peer, head in begun if b"Status: 200" in head]
    assert len(running) == 8
    refused = [head for _, head in begun if b"Status: 429" in head]
    assert len(refused) == CLIENTS - 8
    assert all(b"Retry-After: 5\r\n" in head and b"too_many_turns" in head
               for head in refused)
    visitor = Visitor(program, ABUSER)
    assert code(visitor.chat()) == "too_many_turns"
    assert Visitor(program).chat().status == 200
    running[0].socket.close()
    wait_for(lambda: visitor.chat().status == 200, what="the end of a turn")
    assert visitor.chat().status == 200


def test_forged_addresses_share_a_bucket(launch):
    program = launch({"rate_new": f"20/{DAY}"})
    visitor = Visitor(program, ABUSER)
    forged = [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(10000)]
    replies = [visitor.new(HTTP_X_FORWARDED_FOR=address)
               for address in forged]
    check(replies, 20, "rate_limited")


def test_a_trusted_proxy_is_believed_for_what_it_added(launch):
    program = launch({"rate_new": f"2/{DAY}",
                      "trusted_proxies": "10.0.0.0/8, 2001:db8:ff::/48"})
    proxy = Visitor(program, "10.1.2.3")

    def passed(forwarded, visitor=proxy):
        return sum(visitor.new(HTTP_X_FORWARDED_FOR=forwarded.format(n))
                   .status == 200 for n in range(5))
    assert passed("192.0.2.1") == 2
    assert passed("192.0.2.2") == 2
    assert passed("203.0.113.{0}, 192.0.2.3") == 2
    assert passed("203.0.113.{0}, 192.0.2.3, 10.9.9.{0}") == 0
    assert passed("2001:db8::{0}, 2001:db8:ff::{0}") == 2
    assert passed("192.0.2.{0}, unknown") == 2
    assert passed("192.0.2.2", Visitor(program, "2001:db8:ff::1")) == 0
    assert passed("192.0.2.1", Visitor(program, ABUSER)) == 2


def test_an_ipv6_network_is_one_client(launch):
    program = launch({"rate_new": f"5/{DAY}", "sessions_per_ip": 100})
    replies = [Visitor(program, f"2001:db8:1:2:{n:x}::{n:x}").new()
               for n in range(30)]
    check(replies, 5, "rate_limited")
    assert Visitor(program, "2001:db8:1:3::1").new().status == 200


@pytest.mark.parametrize("network", ["2001:db8:1:{:x}::1", "192.0.2.{}"])
def test_a_network_has_the_room_of_twenty_clients(launch, network):
    """Half of it for sessions without a message."""
    program = launch({"sessions_per_ip": 2})
    empty = [Visitor(program, network.format(n)).new() for n in range(30)]
    check(empty, 20, "too_many_sessions")
    chats = [Visitor(program, network.format(n)).chat() for n in range(30, 60)]
    check(chats, 20, "too_many_sessions")
    assert Visitor(program, "2001:db8:2::1").new().status == 200


@pytest.mark.parametrize("network", ["2001:db8:1:{:x}::1", "192.0.2.{}",
                                     "::ffff:192.0.2.{}"])
@pytest.mark.parametrize("act", ["new", "chat"])
def test_no_network_has_all_sessions(launch, network, act):
    """However few there may be."""
    program = launch({"sessions_per_ip": 4, "max_sessions": 40,
                      "rate_new": 0, "rate_chat": 0})
    for n in range(30):
        for _ in range(2):
            getattr(Visitor(program, network.format(n)), act)()
    for n in range(20):
        assert Visitor(program, f"203.0.{n}.1").chat().status == 200


def test_empty_sessions_are_refused_first_where_room_is_scarce(launch):
    program = launch({"sessions_per_ip": 20, "max_sessions": 20})
    abuser, other = Visitor(program), Visitor(program, "203.0.113.99")
    replies = [abuser.new() for _ in range(20)]
    check(replies, 16, "too_many_sessions")
    assert abuser.chat().status == 200
    assert other.new().status == 200


@pytest.mark.parametrize("address", ["", "unix:", "nonsense"])
def test_those_without_an_address_are_one_client(launch, address):
    program = launch({"rate_new": f"5/{DAY}"})
    replies = [Visitor(program, address).new() for _ in range(8)]
    check(replies, 5, "rate_limited")
    assert Visitor(program).new().status == 200


GUESSES = 30  # limits/limit.h, LIMIT_GUESSES


def guesses(visitor, session):
    """Ways to name a session, and the answer when it is not live."""
    path = f"/session/{session}"
    return [visitor.info(session), visitor.ask("GET", path + "/messages"),
            visitor.ask("POST", path + "/stop"),
            visitor.ask("DELETE", path)]


@pytest.mark.parametrize("wrong, refusal", [
    (UNKNOWN, (404, "session_not_found")),
    ("not-an-id", (400, "invalid_session_id"))])
def test_ids_cannot_be_guessed_at_speed(launch, wrong, refusal):
    program = launch({"rate_new": f"1000/{DAY}"})
    visitor, victim = Visitor(program, ABUSER), Visitor(program)
    own, foreign = visitor.make(), victim.make()
    replies = [reply for _ in range(10) for reply in guesses(visitor, wrong)]
    assert [(r.status, code(r)) for r in replies] == \
        [refusal] * GUESSES + [(429, "rate_limited")] * (40 - GUESSES)
    assert all(1 <= retry_after(r) <= 2 for r in replies[GUESSES:])
    # a hit is a guess, too
    for reply in [*guesses(visitor, foreign), visitor.chat(foreign),
                  visitor.chat(wrong)]:
        assert (reply.status, code(reply)) == (429, "rate_limited")
    # but what is its own is served, and others notice nothing
    assert visitor.info(own).status == 200
    assert visitor.chat(own).status == 200
    assert visitor.new().status == 200
    assert visitor.ask("DELETE", f"/session/{own}").status == 200
    assert victim.info(foreign).status == 200
    assert victim.chat(foreign).status == 200
    assert (victim.info(wrong).status, code(victim.info(wrong))) == refusal


def test_a_chat_with_an_unknown_id_is_a_guess(launch):
    program = launch({"rate_new": f"1000/{DAY}"})
    visitor = Visitor(program, ABUSER)
    replies = [visitor.chat(UNKNOWN) for _ in range(GUESSES + 5)]
    check(replies, GUESSES, "rate_limited")
    assert visitor.chat().status == 200


def test_a_session_goes_with_its_visitor(launch):
    """Who changes from one network to another keeps the conversation."""
    program = launch({"rate_new": f"10/{DAY}"})
    session = Visitor(program, "192.0.2.1").make()
    elsewhere = Visitor(program, "2001:db8::1")
    assert elsewhere.chat(session).status == 200
    assert elsewhere.info(session).status == 200


def test_a_foreign_page_takes_no_tokens_of_its_visitor(launch):
    program = launch({"rate_new": f"1/{DAY}"})
    visitor = Visitor(program)
    for _ in range(5):
        assert visitor.new(HTTP_ORIGIN="https://evil.example",
                           HTTP_SEC_FETCH_SITE="cross-site").status == 403
    assert visitor.new().status == 200


def test_refusals_are_counted_by_kind(launch):
    program = launch({"rate_new": f"2/{DAY}", "sessions_per_ip": 1})
    visitor = Visitor(program)
    visitor.make()
    assert code(visitor.new()) == "too_many_sessions"
    for _ in range(3):
        assert code(visitor.new()) == "rate_limited"
    metrics = Metrics(visitor.ask("GET", "/metrics").body.decode())
    assert metrics("limited_total", kind="rate_limited") == 3
    assert metrics("limited_total", kind="too_many_sessions") == 1
    assert metrics("limited_total", kind="too_many_turns") == 0


def test_a_refusal_speaks_the_visitors_language(launch):
    program = launch({"rate_new": f"1/{DAY}"})
    visitor = Visitor(program)
    visitor.make()
    french, english = visitor.new(), visitor.new(HTTP_ACCEPT_LANGUAGE="en")
    assert json.loads(french.body)["detail"].startswith("Trop de requêtes")
    assert json.loads(english.body)["detail"].startswith("Too many requests")


def forwarded(port, *values):
    """POST /session/new with X-Forwarded-For headers; its status."""
    connection = HTTPConnection("127.0.0.1", port, 60)
    connection.putrequest("POST", "/session/new")
    for value in values:
        connection.putheader("X-Forwarded-For", value)
    connection.putheader("Content-Length", "0")
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


def test_through_a_web_server_nobody_is_believed(limited_server):
    server = limited_server({"rate_new": f"3/{DAY}"})
    statuses = [forwarded(server.port, f"192.0.2.{n}") for n in range(6)]
    assert statuses == [200] * 3 + [429] * 3


def test_through_a_web_server_a_proxy_is_believed(limited_server):
    server = limited_server({"rate_new": f"2/{DAY}",
                             "trusted_proxies": "127.0.0.1"})

    def statuses(*values):
        return [forwarded(server.port, *values) for _ in range(3)]
    assert statuses("192.0.2.1") == [200, 200, 429]
    assert statuses("192.0.2.2") == [200, 200, 429]
    # HAProxy adds a header of its own behind the client's
    assert statuses("203.0.113.1", "192.0.2.2") == [429] * 3
    assert statuses("192.0.2.2", "203.0.113.1") == [200, 200, 429]
    assert statuses("192.0.2.3", "127.0.0.1") == [200, 200, 429]


@pytest.mark.parametrize("name", [
    "X_Forwarded_For", "X.Forwarded.For", "X-Forwarded_For",
    "X_Forwarded-For", "X.Forwarded-For", "X!Forwarded~For",
    "x_forwarded_for"])
def test_no_other_header_is_taken_for_the_proxy_s(limited_server, name):
    """Some web servers make one variable of all these names."""
    server = limited_server({"rate_new": f"2/{DAY}",
                             "trusted_proxies": "127.0.0.1"})

    def forged(n, first, *more):
        headers = [*more, (name, f"192.0.2.{n}")]
        connection = HTTPConnection("127.0.0.1", server.port, 30)
        connection.putrequest("POST", "/session/new")
        for field, value in headers if first else headers[::-1]:
            connection.putheader(field, value)
        connection.putheader("Content-Length", "0")
        connection.endheaders()
        status = connection.getresponse().status
        connection.close()
        return status
    # two for who it says it is, two for the proxy where both were dropped
    statuses = [forged(n, n % 2 == 0, ("X-Forwarded-For", "198.51.100.9"))
                for n in range(8)]
    assert statuses == [200] * 2 + [429] * 6
    # alone it is nothing, where the file or the web server knows the name
    if name != "X!Forwarded~For":
        assert 429 in [forged(n, True) for n in range(100, 103)]
    assert forwarded(server.port, "203.0.113.7") == 200
