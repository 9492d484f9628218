"""The socket of the program: FastCGI as web servers and others speak it."""

import json
import socket
import struct

import pytest

import fcgi
from client import CHAT
from fcgi import Peer
from webservers import DEADLINE, wait_for

BODY = json.dumps({"message": "Bonjour!"}).encode()
NEVER = 60  # seconds, over every time-out of the program


@pytest.fixture(autouse=True)
def survives(direct):
    """The same process is there afterwards, and answers others."""
    yield
    assert direct.child.poll() is None
    with Peer(direct.address) as peer:
        assert peer.ask().status == 200


@pytest.fixture
def peer(direct):
    with Peer(direct.address, NEVER) as peer:
        yield peer


# requests in strange pieces


def test_a_request_may_come_byte_by_byte(peer):
    for byte in fcgi.request("POST", CHAT, BODY):
        peer.send(bytes([byte]))
    assert peer.read_reply().status == 200


def test_a_request_may_come_in_records_of_one_byte(peer):
    peer.send(fcgi.request("POST", CHAT, BODY, size=1))
    assert peer.read_reply().status == 200


def test_a_long_body_may_come_in_records_of_one_byte(peer):
    body = b'{"message": "' + b"x" * 16000 + b'"}'
    peer.send(fcgi.request("POST", CHAT, body, size=1))
    assert peer.read_reply().status == 200


def test_records_may_be_padded(peer):
    params = fcgi.params("POST", CHAT, BODY)
    peer.send(fcgi.begin() +
              fcgi.record(fcgi.PARAMS, params, padding=255) +
              fcgi.record(fcgi.PARAMS, padding=7) +
              fcgi.record(fcgi.STDIN, BODY, padding=1) +
              fcgi.record(fcgi.STDIN, padding=255))
    assert peer.read_reply().status == 200


def test_a_body_is_read_to_its_end_whatever_its_length_says(peer):
    peer.send(fcgi.request("POST", CHAT, BODY, CONTENT_LENGTH=""))
    assert peer.read_reply().status == 200


def test_names_and_values_may_have_long_lengths(peer):
    name, value = b"REQUEST_METHOD", b"GET"
    params = fcgi.params().replace(
        fcgi.pair("REQUEST_METHOD", "GET"),
        struct.pack("!II", len(name) | 1 << 31, len(value) | 1 << 31) +
        name + value)
    peer.send(fcgi.begin() + fcgi.split(fcgi.PARAMS, params) +
              fcgi.record(fcgi.STDIN))
    assert peer.read_reply().status == 200


@pytest.mark.parametrize("id", [1, 2, 255, 256, 65535])
def test_the_reply_has_the_id_of_its_request(peer, id):
    assert peer.ask(id=id).status == 200


# connections


def test_a_connection_is_closed_unless_it_is_to_be_kept(peer):
    assert peer.ask().status == 200
    assert peer.closed() == b""


def test_a_kept_connection_serves_many_requests(peer):
    for n in range(1, 200):
        assert peer.ask(keep=True, id=n).status == 200
    session = json.loads(peer.ask("POST", "/session/new", keep=True).body)
    body = json.dumps({"message": "Bonjour!", **{
        "session_id": session["session_id"]}}).encode()
    assert peer.ask("POST", CHAT, body, keep=True).status == 200


def test_requests_may_be_sent_ahead_on_a_kept_connection(peer):
    peer.send(fcgi.request(keep=True))
    assert peer.read_reply().status == 200
    peer.send(fcgi.request("POST", CHAT, BODY, keep=True))
    assert peer.read_reply().status == 200


# management records


def test_get_values_are_told(peer):
    names = "FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS", "X"
    peer.send(fcgi.record(fcgi.GET_VALUES, b"".join(
        fcgi.pair(name, "") for name in names), id=0))
    kind, id, content = peer.read_record()
    assert (kind, id) == (fcgi.GET_VALUES_RESULT, 0)
    assert fcgi.pair("FCGI_MPXS_CONNS", "0") in content
    assert b"FCGI_MAX_CONNS" in content and b"FCGI_MAX_REQS" in content
    assert b"X" not in content.replace(b"MAX", b"").replace(b"MPXS", b"")
    assert peer.ask().status == 200


@pytest.mark.parametrize("kind", [0, 12, 100, 255])
def test_an_unknown_management_record_is_answered(peer, kind):
    peer.send(fcgi.record(kind, b"?", id=0))
    got, id, content = peer.read_record()
    assert (got, id) == (fcgi.UNKNOWN_TYPE, 0)
    assert content == bytes([kind]) + bytes(7)
    assert peer.ask().status == 200


@pytest.mark.parametrize("role", [0, fcgi.AUTHORIZER, fcgi.FILTER, 4, 65535])
def test_another_role_is_refused(peer, role):
    peer.send(fcgi.begin(role, keep=True) +
              fcgi.split(fcgi.PARAMS, fcgi.params()) +
              fcgi.record(fcgi.STDIN))
    out, status = peer.read_raw()
    assert out == b""
    assert status == (0, fcgi.UNKNOWN_ROLE)


def test_a_second_request_on_a_connection_is_refused(peer):
    peer.send(fcgi.begin(keep=True) + fcgi.begin(keep=True, id=2))
    assert peer.read_raw(2) == (b"", (0, fcgi.CANT_MPX_CONN))
    peer.send(fcgi.split(fcgi.PARAMS, fcgi.params()) +
              fcgi.record(fcgi.STDIN))
    assert peer.read_reply().status == 200


# what is broken or too much


@pytest.mark.parametrize("name, data", [
    ("another version", b"\2" + fcgi.begin()[1:]),
    ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("random", bytes(range(255, -1, -1)) * 8),
])
def test_what_is_no_fastcgi_is_closed(peer, name, data):
    peer.send(data)
    peer.closed()


@pytest.mark.parametrize("name, params", [
    ("a length that makes libfcgi abort",
     b"\xff\xff\xff\xfe\x00" + b"x" * 20),
    ("a value's length that makes libfcgi abort",
     b"\x01\xff\xff\xff\xfex" + b"x" * 20),
    ("both", b"\xff\xff\xff\xfe\xff\xff\xff\xfe"),
    ("the greatest length", b"\xff\xff\xff\xff\xff\xff\xff\xff"),
    ("a length beyond the end", b"\x0f\x0fREQUEST"),
    ("a cut length", b"\x80\x00"), ("a name without value", b"\x05"),
    ("a long length beyond", b"\x80\x01\x00\x00\x00xx"),
])
def test_lengths_that_lie_do_no_harm(peer, name, params):
    peer.send(fcgi.begin() + fcgi.split(fcgi.PARAMS, params) +
              fcgi.record(fcgi.STDIN))
    peer.closed()


def test_no_parameters_at_all_do_no_harm(peer):
    peer.send(fcgi.begin() + fcgi.record(fcgi.PARAMS) +
              fcgi.record(fcgi.STDIN))
    peer.closed()


def test_parameters_have_a_limit(peer):
    big = {f"HTTP_X_{n}": "y" * 8000 for n in range(9)}
    try:
        peer.send(fcgi.request(**big))
    except OSError:
        return
    assert b"Status: 200" not in peer.closed()


def test_parameters_up_to_the_limit_are_served(peer):
    big = {f"HTTP_X_{n}": "y" * 8000 for n in range(8)}
    assert peer.ask(**big).status == 200


def test_a_body_over_the_limit_is_read_to_its_end(peer):
    reply = peer.ask("POST", CHAT, b"x" * 3000000, keep=True)
    assert reply.status == 413
    assert json.loads(reply.body)["code"] == "body_too_large"
    assert peer.ask().status == 200


@pytest.mark.parametrize("kind", range(1, 12))
def test_records_out_of_turn_do_no_harm(peer, kind):
    try:
        for _ in range(20):
            peer.send(fcgi.record(kind, b"\0" * 9, id=7))
        peer.socket.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    peer.closed()


def test_every_cut_of_a_request_does_no_harm(direct):
    whole = fcgi.request("POST", CHAT, BODY)
    for cut in range(len(whole)):
        with Peer(direct.address) as peer:
            peer.send(whole[:cut])


# aborts


def chat(message, session=None, stream=True, keep=False):
    body = json.dumps({"message": message, "session_id": session,
                       "stream": stream}).encode()
    return fcgi.request("POST", CHAT, body, keep=keep)


def ask(direct, *args):
    with Peer(direct.address) as peer:
        return json.loads(peer.ask(*args).body)


def messages(direct, session):
    return ask(direct, "GET", f"/session/{session}/messages")["messages"]


@pytest.fixture
def session(direct):
    return ask(direct, "POST", "/session/new")["session_id"]


def test_an_abort_record_ends_the_turn(direct, peer, session):
    peer.send(chat("paced 100000 20", session, keep=True))
    peer.read_until(b"mot1")
    peer.send(fcgi.record(fcgi.ABORT_REQUEST))
    wait_for(lambda: messages(direct, session), what="the partial answer")
    assert messages(direct, session)[1]["status"] == "interrupted"


def test_an_abort_after_the_reply_is_forgotten(peer):
    assert peer.ask(keep=True).status == 200
    peer.send(fcgi.record(fcgi.ABORT_REQUEST))
    assert peer.ask(keep=True, id=2).status == 200


@pytest.mark.parametrize("how", ["close", "half-close", "reset"])
def test_a_web_server_that_goes_ends_the_turn(direct, session, how):
    with Peer(direct.address) as peer:
        peer.send(chat("paced 100000 20", session))
        peer.read_until(b"mot1")
        if how == "half-close":
            peer.socket.shutdown(socket.SHUT_WR)
            wait_for(lambda: messages(direct, session))
        elif how == "reset":
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   struct.pack("ii", 1, 0))
    wait_for(lambda: messages(direct, session), what="the partial answer")
    assert messages(direct, session)[1]["status"] == "interrupted"


def test_a_reader_that_stalls_disturbs_nobody(direct, session):
    with Peer(direct.address) as stalled:
        stalled.send(chat("paced 100000 0", session))
        for _ in range(20):
            with Peer(direct.address) as peer:
                peer.send(chat("paced 20 1"))
                assert b'"done"' in peer.read_reply().body
        # it is far behind after a while, and given up
        wait_for(lambda: messages(direct, session), NEVER, "giving it up")


# time-outs: all of them wait at once, in one test


def test_half_sent_requests_are_dropped_and_idle_ones_hold_up_nobody(direct):
    whole = fcgi.request("POST", CHAT, BODY)
    half = [Peer(direct.address, NEVER) for _ in range(200)]
    for n, peer in enumerate(half):
        peer.send(whole[:1 + n * (len(whole) - 1) // 200])
    idle = [Peer(direct.address, NEVER) for _ in range(200)]
    for peer in idle:
        assert peer.ask(keep=True).status == 200
    for _ in range(50):
        with Peer(direct.address) as peer:
            assert peer.ask("POST", CHAT, BODY).status == 200
    for peer in half:
        assert b"Status: 200" not in peer.closed()
    for peer in idle:
        assert peer.ask(keep=True).status == 200
        peer.socket.close()


def test_a_request_that_trickles_is_dropped(direct):
    with Peer(direct.address, 0.2) as peer:
        data = fcgi.begin() + fcgi.split(fcgi.PARAMS, fcgi.params()) + \
            fcgi.split(fcgi.STDIN, b"x" * 2000, size=1)

        def dropped():
            nonlocal data
            try:
                peer.send(data[:1])
                data = data[1:]
                return peer.socket.recv(1) == b""
            except TimeoutError:
                return False
            except OSError:
                return True
        wait_for(dropped, NEVER, "the end of a trickle")


def test_many_connections_at_once_are_all_served(direct):
    peers = [Peer(direct.address, DEADLINE) for _ in range(300)]
    for peer in peers:
        peer.send(fcgi.request("POST", CHAT, BODY))
    for peer in peers:
        assert peer.read_reply().status == 200
        peer.socket.close()
