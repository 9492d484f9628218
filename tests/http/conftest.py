import subprocess

import pytest

from client import Client
from model import KEY, Aimock, npm
from webservers import (KINDS, NEEDED, Direct, WebServer,
                        tool)


def web_server(kind, name, settings={}, host="127.0.0.1", certificate=None,
               **more):
    for needed in NEEDED[kind]:
        if tool(needed) is None:
            pytest.skip(f"{needed} is not installed")
    server = WebServer(kind, name, settings, host, certificate, **more)
    yield server
    server.end()


@pytest.fixture(scope="session", params=KINDS)
def server(request):
    """Each web server before the program as it is delivered."""
    yield from web_server(request.param, "causerie")


@pytest.fixture(scope="session", params=KINDS)
def paced_server(request):
    """Each web server before the program with the responder of the tests."""
    yield from web_server(request.param, "causerie-paced")


@pytest.fixture(scope="session", params=KINDS)
def parallel_server(request):
    """As paced_server, where requests are answered side by side."""
    yield from web_server(request.param, "causerie-paced")


@pytest.fixture(scope="session", params=KINDS)
def impatient_server(request):
    """As parallel_server, where nobody waits for the turn before his."""
    yield from web_server(request.param, "causerie-paced",
                          {"turn_wait_seconds": 0})


@pytest.fixture(params=KINDS)
def limited_server(request):
    """Start each web server before the program, with settings."""
    started = []

    def start(settings):
        started.append(web_server(request.param, "causerie", settings))
        return next(started[-1])
    yield start
    for server in started:
        next(server, None)


@pytest.fixture
def client(server):
    return Client(server.port)


@pytest.fixture
def paced(paced_server):
    return Client(paced_server.port)


@pytest.fixture
def parallel(parallel_server):
    return Client(parallel_server.port)


@pytest.fixture
def impatient(impatient_server):
    return Client(impatient_server.port)


@pytest.fixture(scope="session")
def direct():
    """The program with the responder of the tests, without a web server."""
    program = Direct("causerie-paced")
    yield program
    program.end()


@pytest.fixture
def launch():
    """Start the program, without a web server, with settings."""
    started = []

    def start(settings={}, name="causerie-paced", **options):
        program = Direct(name, settings, **options)
        started.append(program)
        return program
    yield start
    for program in started:
        program.end()


@pytest.fixture(scope="session")
def other_model():
    """aimock, which takes too long to start for a new one in each test."""
    if npm.missing():
        pytest.skip(npm.missing())
    with Aimock(KEY) as model:
        yield model


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate that nobody signed but itself, with its key."""
    place = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
         "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", place / "key", "-out", place / "cert"],
        check=True, capture_output=True)
    both = place / "both"
    both.write_bytes((place / "key").read_bytes() +
                     (place / "cert").read_bytes())
    return both
