"""How the model is reached from where people are: through a proxy, with a
company's authority, with headers of one's own and a query in the URL."""

import base64
import socket
import subprocess

import pytest

from model import KEY, Scripted, http_reply, scripted, serve
from test_model_names import names, shim
from webservers import DEADLINE, program

__all__ = ["names", "scripted", "serve", "shim"]

ANSWER = http_reply(
    200, b'data: {"choices":[{"delta":{"content":"oui"},"finish_reason":'
    b'"stop"}]}\n\ndata: [DONE]\n\n', "Content-Type: text/event-stream")
HOST = "model.elsewhere.example"
USER = "j%40ne:p:a%41s+s w/rd"


class Proxy(Scripted):
    """A proxy that has the answer itself; tls: with whom it asks for."""

    def __init__(self, kind, certificate=None, status=200):
        self.kind, self.status, self.heard = kind, status, []
        super().__init__(ANSWER, certificate)
        self.url = f"{kind}://127.0.0.1:{self.socket.getsockname()[1]}"

    def read(self, peer, n):
        data = b""
        while len(data) < n:
            more = peer.recv(n - len(data))
            assert more
            data += more
        return data

    def answer(self, peer):
        peer.settimeout(DEADLINE)
        if self.kind == "socks5h":
            self.greet(peer)
        elif self.tls is not None and self.kind == "http":
            if not self.connect(peer):
                return
        super().answer(peer)

    def greet(self, peer):
        """RFC 1928 and RFC 1929."""
        _, methods = self.read(peer, 2)
        offered = self.read(peer, methods)
        if 2 in offered:
            peer.sendall(b"\5\2")
            user = self.read(peer, self.read(peer, 2)[1])
            word = self.read(peer, self.read(peer, 1)[0])
            self.heard.append((user + b":" + word).decode())
            peer.sendall(b"\1\0")
        else:
            assert 1 not in offered  # GSS-API, which makes one wait
            peer.sendall(b"\5\0")
        kind = self.read(peer, 4)
        assert kind == b"\5\1\0\3"  # by name
        self.heard.append(self.read(peer, self.read(peer, 1)[0]).decode())
        self.read(peer, 2)
        peer.sendall(b"\5\0\0\1\0\0\0\0\0\0")

    def connect(self, peer):
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.read(peer, 1)
        self.heard.append(head.decode())
        peer.sendall(f"HTTP/1.1 {self.status} Said\r\nX-Said: much\r\n"
                     "Content-Length: 0\r\n\r\n".encode())
        return self.status == 200


@pytest.fixture
def proxy():
    started = []

    def start(*args, **kwargs):
        started.append(Proxy(*args, **kwargs))
        return started[-1]
    yield start
    for one in started:
        one.end()


@pytest.fixture
def file(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text)
        return path
    return write


@pytest.fixture
def authority(tmp_path_factory):
    """A certificate for the host, and for the proxy on this machine."""
    place = tmp_path_factory.mktemp("ca")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
         "/CN=x", "-addext", f"subjectAltName=DNS:{HOST},IP:127.0.0.1",
         "-keyout", place / "key", "-out", place / "cert"],
        check=True, capture_output=True)
    both = place / "both"
    both.write_bytes((place / "key").read_bytes() +
                     (place / "cert").read_bytes())
    return {"cert": place / "cert", "both": both}


def basic(user):
    return "Basic " + base64.b64encode(user.encode()).decode()


def answers(service):
    outcome = service.chat("Bonjour")
    assert outcome.text == "oui", (outcome.raw, service.log.read_text())


# proxies


def test_an_http_proxy_is_asked_for_the_whole_url(proxy, serve, file, names):
    way = proxy("http")
    service = serve(f"http://{HOST}/v1", {
        "llm_proxy": way.url, "llm_proxy_user_file": file("user", USER + "\n"),
    }, environ=names.environ)
    answers(service)
    head = way.requests[0].decode().lower()
    assert head.startswith(f"post http://{HOST}/v1/chat/completions ")
    assert f"proxy-authorization: {basic(USER)}".lower() in head
    assert names.questions == 0


def test_a_proxy_makes_a_tunnel_for_tls(proxy, serve, file, names, authority):
    way = proxy("http", authority["both"])
    service = serve(f"https://{HOST}/v1", {
        "llm_proxy": way.url, "llm_ca_file": authority["cert"],
        "llm_proxy_user_file": file("user", USER),
        "llm_headers_file": file("headers", "x-secret: s3cr3t-value\n"),
    }, environ=names.environ)
    answers(service)
    connect = way.heard[0]
    assert connect.startswith(f"CONNECT {HOST}:443 ")
    assert basic(USER) in connect
    # what is the model's is not the proxy's
    assert KEY not in connect and "s3cr3t" not in connect
    head = way.requests[0].decode()
    assert KEY in head and "x-secret: s3cr3t-value" in head
    assert basic(USER) not in head
    assert names.questions == 0


def test_a_socks_proxy_looks_up_the_name(proxy, serve, file, names):
    way = proxy("socks5h")
    service = serve(f"http://{HOST}/v1", {
        "llm_proxy": way.url, "llm_proxy_user_file": file("user", USER),
    }, environ=names.environ)
    answers(service)
    assert way.heard == [USER, HOST]
    assert names.questions == 0


def test_a_socks_proxy_without_user(proxy, serve):
    way = proxy("socks5h")
    answers(serve(f"http://{HOST}/v1", {"llm_proxy": way.url}))
    assert way.heard == [HOST]


def test_a_proxy_may_speak_tls(proxy, serve, authority, file):
    way = proxy("https", authority["both"])
    answers(serve(f"http://{HOST}/v1", {
        "llm_proxy": way.url, "llm_ca_file": authority["cert"],
        "llm_proxy_user_file": file("user", USER)}))
    head = way.requests[0].decode()
    assert head.startswith(f"POST http://{HOST}/v1/chat/completions ")
    assert basic(USER) in head


@pytest.mark.parametrize("status", [403, 407, 502])
def test_a_proxy_that_refuses(proxy, serve, authority, status):
    way = proxy("http", authority["both"], status)
    service = serve(f"https://{HOST}/v1", {
        "llm_proxy": way.url, "llm_retries": 0})
    outcome = service.chat("Bonjour")
    assert (outcome.status, outcome.code) == (503, "upstream_unavailable")


def test_a_proxy_by_name_is_looked_up(proxy, serve, names):
    way = proxy("http")
    port = way.url.rsplit(":", 1)[1]
    service = serve(f"http://{HOST}/v1", {
        "llm_proxy": f"http://proxy.test:{port}"}, environ=names.environ)
    answers(service)
    assert names.questions == 1


def test_a_proxy_that_is_not_there(serve):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        service = serve(f"http://{HOST}/v1", {
            "llm_proxy": f"http://127.0.0.1:{port}", "llm_retries": 0})
        assert service.chat("Bonjour").code == "upstream_unavailable"


def test_the_environment_names_no_proxy(scripted, serve):
    server = scripted(ANSWER)
    answers(serve(server.url, environ={
        "http_proxy": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"}))


def test_the_environment_excepts_nothing(proxy, serve):
    way = proxy("http")
    answers(serve(f"http://{HOST}/v1", {"llm_proxy": way.url}, environ={
        "no_proxy": "*", "NO_PROXY": HOST}))
    assert way.requests


# authorities


def test_ones_own_authority_is_trusted(scripted, serve, authority):
    server = scripted(ANSWER, authority["both"])
    answers(serve(server.url, {"llm_ca_file": authority["cert"]}))


def test_no_other_one_is_trusted_then(scripted, serve, authority, certificate):
    server = scripted(ANSWER, certificate)
    service = serve(server.url, {"llm_ca_file": authority["cert"],
                                 "llm_retries": 0})
    assert service.chat("Bonjour").code == "upstream_unavailable"
    assert server.requests == []


# headers


def test_headers_are_sent_and_secret(scripted, serve, file):
    reply = http_reply(400, b"refused: azure-k3y-0123456789, and pp-x11")
    server = scripted(reply)
    service = serve(server.url, {"llm_headers_file": file(
        "headers", "\ufeff# of Azure\r\napi-key: azure-k3y-0123456789\r\n\r\n"
        "HTTP-Referer:https://a.example/\r\nX-Two:  pp-x11 \t\r\n")}, key=None)
    assert service.chat("Bonjour").status == 502
    head = server.requests[0].decode()
    assert "\r\napi-key: azure-k3y-0123456789\r\n" in head
    assert "\r\nHTTP-Referer:https://a.example/\r\n" in head
    assert "\r\nX-Two:  pp-x11\r\n" in head
    assert "uthorization" not in head
    log = service.log.read_text()
    assert "refused" in log and "k3y" not in log and "pp-x11" not in log


def test_an_authorization_takes_the_keys_place(scripted, serve, file):
    server = scripted(ANSWER)
    answers(serve(server.url, {"llm_headers_file": file(
        "headers", "authorization: Basic abc\n")}))
    head = server.requests[0].decode().lower()
    assert "authorization: basic abc" in head
    assert head.count("authorization:") == 1


def refusal(settings, tmp_path):
    """What -t says of them."""
    command = [program("causerie"), "-t", "-s", "llm_base_url=http://h/v1",
               "-s", "llm_model=m"]
    for key, value in settings.items():
        command += ["-s", f"{key}={value}"]
    done = subprocess.run(command, capture_output=True, text=True,
                          timeout=DEADLINE, cwd=tmp_path)
    return done.returncode, done.stderr


@pytest.mark.parametrize("line, what", [
    ("no colon s3cr3t", "Name: value"), (": s3cr3t", "Name: value"),
    ("a b: s3cr3t", "Name: value"), ("x-empty:", "no value"),
    ("x: s3cr3t\u00e9", "ASCII"), ("Content-Length: 3", "itself"),
    ("host: s3cr3t", "itself"), ("Transfer-Encoding: chunked", "itself"),
    ("x: s3cr3t\x01", "ASCII"), ("x: " + "s3cr3t" * 800, "longer"),
])
def test_a_line_that_is_no_header_is_refused(file, tmp_path, line, what):
    path = file("headers", "X-Good: yes\n" + line + "\n")
    status, said = refusal({"llm_headers_file": path}, tmp_path)
    assert status == 2 and what in said and "s3cr3t" not in said
    assert f"llm_headers_file: {path}:2: " in said


@pytest.mark.parametrize("settings, what", [
    ({"llm_proxy": "proxy:3128"}, "http://host:port"),
    ({"llm_proxy": "http://proxy"}, "http://host:port"),
    ({"llm_proxy": "http://user:s3cr3t@proxy:1"}, "llm_proxy_user_file"),
    ({"llm_proxy": "socks5://proxy:1080"}, "socks5h"),
    ({"llm_proxy": "socks4://proxy:1080"}, "socks5h"),
    ({"llm_proxy_user_file": "there"}, "llm_proxy"),
    ({"llm_proxy": "http://p:1", "llm_proxy_user_file": "user"},
     "user:password"),
    ({"llm_ca_file": "there"}, "certificate"),
    ({"llm_ca_file": "missing"}, "missing"),
    ({"llm_headers_file": "missing"}, "no such file"),
])
def test_what_cannot_be_meant_is_refused(file, tmp_path, settings, what):
    file("there", "s3cr3t:\n")
    file("user", "s3cr3t\n")
    status, said = refusal(settings, tmp_path)
    assert status == 2 and what in said and "s3cr3t" not in said
    assert any(key in said for key in settings)


# the query


@pytest.mark.parametrize("base, target", [
    ("/v1?api-version=2024-10-21", "/v1/chat/completions?api-version="
                                   "2024-10-21"),
    ("/v1/?a=b&c=/d?e", "/v1/chat/completions?a=b&c=/d?e"),
    ("?a=b", "/chat/completions?a=b"),
    ("/v1/", "/v1/chat/completions"),
])
def test_a_query_stays_behind_the_path(scripted, serve, base, target):
    server = scripted(ANSWER)
    answers(serve(server.url[:-len("/v1")] + base))
    assert server.requests[0].decode().startswith(f"POST {target} HTTP/")
