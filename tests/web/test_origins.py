"""The page on another site, in a browser: refused, unless its origin is in the
service's list. And cookies, which no page sees."""

import json

import pytest

import browser as chromium
from elsewhere import Site
from test_service import LAST, IDLE, ask, served

COOKIE = "causerie_session"


@pytest.fixture(scope="module")
def friend():
    """A site that the service lets in."""
    site = Site()
    yield site
    site.close()


@pytest.fixture(scope="module")
def other():
    """One of another name, too, so that no cookie goes with it."""
    site = Site("localhost")
    yield site
    site.close()


@pytest.fixture(scope="module")
def service(friend):
    for url in served("causerie", {"allowed_origins": friend.origin}):
        friend.use(url.rstrip("/"))
        yield url


@pytest.fixture(scope="module")
def baker():
    """The service in cookie mode."""
    yield from served("causerie", {"session_cookie": COOKIE})


@pytest.fixture
def stranger(browser):
    """A visitor of pages that may complain."""
    visitor = chromium.Visitor(browser)
    yield visitor
    visitor.close()


def fetch(tab, url, **options):
    """What a page learns of a reply, None when that is nothing."""
    return tab.js(
        f"fetch({json.dumps(url)}, {json.dumps(options)})"
        ".then(async (r) => ({status: r.status, type: r.type,"
        " body: await r.text(), id: r.headers.get('X-Request-Id')}))"
        ".catch(() => null)")


def chat(tab, service, **options):
    return fetch(tab, service + "session/chat", method="POST",
                 headers={"Content-Type": "application/json"},
                 body='{"message": "Bonjour!"}', **options)


def sessions(tab, service):
    """Asked from the service's own page."""
    return json.loads(fetch(tab, service + "sessions/stats")["body"])


def test_a_listed_site_has_the_whole_page(visitor, service, friend):
    tab = visitor.open(friend.origin + "/")
    ask(tab, "Je cherche un smartphone")
    tab.until(f"document.querySelector('{LAST} a[href^=\"http\"]')")
    tab.until(IDLE)
    tab.reload()
    tab.until("document.querySelectorAll('.message').length === 2")
    tab.click("#reset")
    tab.click("#erase")
    tab.until("!document.querySelector('#welcome').hidden")
    tab.until("!('chatbot_session_id' in localStorage)")
    assert tab.text(".error") is None


def test_a_listed_site_reads_the_request_id(visitor, service, friend):
    tab = visitor.open(friend.origin + "/empty.html")
    reply = chat(tab, service)
    assert reply["status"] == 200 and reply["type"] == "cors"
    assert reply["id"]


def test_a_listed_site_reads_problems(visitor, service, friend):
    tab = visitor.open(friend.origin + "/empty.html")
    reply = fetch(tab, service + "session/xxx/info")
    assert json.loads(reply["body"])["code"] == "invalid_session_id"


def test_the_service_s_own_page_goes_on(visitor, service):
    tab = visitor.open(service)
    ask(tab, "Je cherche un smartphone")
    tab.until(f"document.querySelector('{LAST} a[href^=\"http\"]')")
    tab.until(IDLE)
    assert tab.text(".error") is None


def test_another_site_s_page_is_refused(stranger, service, other):
    other.use(service.rstrip("/"))
    own = stranger.open(service + "openapi.json")
    before = sessions(own, service)
    tab = stranger.open(other.origin + "/")
    ask(tab, "Bonjour !")
    tab.until("document.querySelector('.error')")
    assert "injoignable" in tab.text(".error")
    assert sessions(own, service) == before


@pytest.mark.parametrize("path", ["session/new", "session/chat"])
def test_no_simple_request_slips_through(stranger, service, other, path):
    """No preflight comes before it, and the browser sends it blindly."""
    own = stranger.open(service + "openapi.json")
    before = sessions(own, service)
    tab = stranger.open(other.origin + "/empty.html")
    for credentials in "omit", "include":
        reply = fetch(tab, service + path, method="POST", mode="no-cors",
                      credentials=credentials, body='{"message": "x"}')
        assert reply["type"] == "opaque"
    assert sessions(own, service) == before


def test_no_form_slips_through(stranger, service, other):
    own = stranger.open(service + "openapi.json")
    before = sessions(own, service)
    tab = stranger.open(other.origin + "/empty.html")
    tab.js("document.body.innerHTML = '<form method=post action=\""
           f"{service}session/new\"></form>'; document.forms[0].submit()")
    tab.until_text("origin_not_allowed")
    assert sessions(own, service) == before


def test_a_page_without_an_origin_is_refused(stranger, service):
    """In a sandbox it is "null"."""
    own = stranger.open(service + "openapi.json")
    before = sessions(own, service)
    tab = stranger.open("data:text/html,<p>Ailleurs")
    assert chat(tab, service) is None
    fetch(tab, service + "session/new", method="POST", mode="no-cors")
    assert sessions(own, service) == before


def test_another_site_reads_nothing(stranger, service, other):
    tab = stranger.open(other.origin + "/empty.html")
    assert fetch(tab, service + "health") is None
    assert fetch(tab, service + "sessions/stats") is None


def test_a_conversation_lives_in_the_cookie(visitor, baker):
    tab = visitor.open(baker + "openapi.json")
    counts = [json.loads(chat(tab, baker)["body"])["message_count"]
              for _ in range(3)]
    assert counts == [2, 4, 6]
    assert tab.js("document.cookie") == ""
    session = json.loads(chat(tab, baker)["body"])["session_id"]
    fetch(tab, f"{baker}session/{session}", method="DELETE")
    assert json.loads(chat(tab, baker)["body"])["message_count"] == 2


def test_another_site_does_not_use_the_cookie(stranger, baker, friend):
    """Another port is the same site to SameSite: the origin decides."""
    own = stranger.open(baker + "openapi.json")
    session = json.loads(chat(own, baker)["body"])["session_id"]
    tab = stranger.open(friend.origin + "/empty.html")
    assert chat(tab, baker, credentials="include") is None
    fetch(tab, baker + "session/chat", method="POST", mode="no-cors",
          credentials="include", body='{"message": "x"}')
    info = fetch(own, f"{baker}session/{session}/info")
    assert json.loads(info["body"])["message_count"] == 2
