"""What the status page promises to an operator, in a real browser."""

import itertools
import re
import sys
from pathlib import Path

import pytest

from fake_api import FakeApi
from test_service import served

sys.path.append(str(Path(__file__).resolve().parents[1] / "http"))
from client import Client  # noqa: E402

# the page asks every 2 s; here it does not wait so long
SOON = ("const wait = setTimeout; window.setTimeout = (f, ms, ...more) =>"
        " wait(f, ms === 2000 ? 20 : ms, ...more);")
FINE = "Les mesures sont à jour."
ROW = 'causerie_http_requests_total{route="%s",method="POST",status="%s"} %d\n'


class Counting:
    """Metrics that grow with every reading."""

    def __init__(self, **gauges):
        self.readings = itertools.count(1)
        self.gauges = gauges

    def __call__(self):
        n = next(self.readings)
        gauges = "".join(f"causerie_{name} {value}\n"
                         for name, value in self.gauges.items())
        buckets = "".join(
            f'causerie_http_request_duration_seconds_bucket'
            f'{{route="/session/new",le="{le}"}} {4 * n * (le != "0.001")}\n'
            for le in ("0.001", "0.002", "+Inf"))
        return ('causerie_build_info{version="9.8.7"} 1\n' + gauges + buckets +
                ROW % ("/session/new", 200, 4 * n) +
                ROW % ("/session/chat", 429, n) +
                'causerie_limited_total{kind="rate_limited"} %d\n' % n +
                'causerie_limited_total{kind="too_many_turns"} 0\n')


@pytest.fixture
def counting(api):
    api.metrics = Counting(sessions=3, session_bytes=2048,
                           turns_in_flight=5, turns_waiting=2)
    return api


def open_status(visitor, api, **kind):
    return visitor.open(api.url + "status.html", before=SOON, **kind)


def card(title):
    return ("[...document.querySelectorAll('.card')].find((card) =>"
            f" card.querySelector('h2').innerText.startsWith('{title}'))")


def until_card(tab, title, text):
    """A card says something; text is a regular expression."""
    text = text.replace("/", "\\/")
    tab.until(f"/{text}/.test({card(title)}?.innerText"
              ".replace(/[\\u00a0\\u202f]/g, ' '))")


def test_it_shows_what_the_service_says(visitor, counting):
    tab = open_status(visitor, counting)
    tab.until_text(FINE, "#state")
    assert tab.text("#version") == "9.8.7"
    until_card(tab, "Sessions", "ouvertes\\n3\\n[^]*Mémoire\\n2,05 ko")
    until_card(tab, "Réponses en cours", "en cours\\n3\\nen attente\\n2\\n")
    until_card(tab, "Requêtes", "toutes\\n[0-9,]+[^]*/s\\n")
    until_card(tab, "Durée des requêtes", "médiane\\n1,5 ms")
    until_card(tab, "Durée des réponses", "médiane\\n–")
    until_card(tab, "Limites", "Limite : débit par adresse\\n\\d+$")
    assert "simultanées" not in tab.text("main")


def test_the_table_has_each_route(visitor, counting):
    tab = open_status(visitor, counting)
    tab.until("document.querySelectorAll('#routes tr').length === 2")
    tab.until("/^\\/session\\/chat\\t(\\d+)\\t\\1\\t0\\t–\\t–$/.test("
              "document.querySelector('#routes tr').innerText)")


def test_the_charts_draw_what_came(visitor, counting):
    tab = open_status(visitor, counting)
    tab.until_text(FINE, "#state")
    tab.until(f"{card('Sessions')}.querySelector('.line').getAttribute('d')"
              ".split('L').length > 5")
    path = tab.js(f"{card('Sessions')}.querySelector('.line')"
                  ".getAttribute('d')")
    points = [tuple(map(float, p.split()))
              for p in re.findall(r"[\d.]+ [\d.]+", path)]
    assert path.count("M") == 1  # in one go
    assert points == sorted(points) and points[-1][0] == 100
    assert {y for _, y in points} == {40}  # 3 of 5
    assert tab.js(f"{card('Sessions')}.querySelector('.top').innerText") == "5"


def test_a_chart_is_told_in_words(visitor, counting):
    tab = open_status(visitor, counting)
    tab.until_text(FINE, "#state")
    svg = f"{card('Sessions')}.querySelector('svg')"
    tab.until(f"{svg}.getAttribute('aria-label') === 'Sessions, cinq"
              " dernières minutes. ouvertes : de 3 à 3'")
    assert tab.js(f"{svg}.getAttribute('role')") == "img"
    assert tab.js("[...document.querySelectorAll('.card svg')].every((svg) =>"
                  " svg.getAttribute('aria-label').length > 20)")


def test_a_restart_is_no_negative_rate(visitor, api):
    api.metrics = Counting(sessions=3)
    for _ in range(1000):
        api.metrics()
    tab = open_status(visitor, api)
    tab.until_text(FINE, "#state")
    api.metrics = Counting(sessions=1)
    until_card(tab, "Sessions", "ouvertes\\n1\\n")
    assert "-" not in tab.js(f"{card('Requêtes')}.innerText")
    assert "-" not in tab.js(
        f"{card('Requêtes')}.querySelector('.line-1.line').getAttribute('d')")


@pytest.mark.parametrize("status, text", [
    (403, "qu’à sa propre machine"), (404, "causerie-api"),
    (503, "Le serveur a répondu 503.")])
def test_a_refusal_is_told(visitor, counting, status, text):
    counting.failing[("GET", "metrics")] = status
    tab = open_status(visitor, counting)
    tab.until_text(text, "#state")
    assert FINE not in tab.text("main")
    del counting.failing[("GET", "metrics")]
    tab.until_text(FINE, "#state")


@pytest.mark.parametrize("body", [
    "<!doctype html><title>Portail</title>", "{}", "", "up 1\n"])
def test_what_is_not_from_causerie_is_told(visitor, api, body):
    api.metrics = lambda: body
    tab = open_status(visitor, api)
    tab.until_text("n’est pas celle de Causerie", "#state")


def test_old_numbers_are_told_as_old(visitor, counting):
    tab = open_status(visitor, counting)
    until_card(tab, "Sessions", "ouvertes\\n3\\n")
    counting.close_listener()
    tab.until_text("Le service est injoignable. Ce qui est montré date de",
                   "#state")
    until_card(tab, "Sessions", "ouvertes\\n3\\n")
    assert tab.js("document.body.dataset.state") == "failed"


def test_the_state_is_told_once(visitor, counting):
    """It is a live region: the same words again would be read out again."""
    tab = open_status(visitor, counting)
    tab.until_text(FINE, "#state")
    tab.js("window.told = 0; new MutationObserver(() => { told++; }).observe("
           "document.querySelector('#state'), { childList: true,"
           " characterData: true, subtree: true })")
    seen = len(counting.requests)
    tab.until("document.querySelector('#time').innerText !== ''")
    while len(counting.requests) < seen + 5:
        tab.js("new Promise((resolve) => setTimeout(resolve, 10))")
    assert tab.js("told") == 0


def test_it_can_be_suspended(visitor, counting):
    tab = open_status(visitor, counting)
    tab.until_text(FINE, "#state")
    tab.click("#pause")
    tab.until_text("Les mesures sont suspendues.", "#state")
    assert tab.text("#pause") == "Reprendre"
    tab.js("fetch('health')")  # after one that may be under way
    asked = len(counting.made("GET"))
    tab.js("(async () => { for (let i = 0; i < 100; i++)"
           " await fetch('status.css'); })()")
    assert len(counting.made("GET")) == asked
    tab.click("#pause")
    tab.until_text(FINE, "#state")
    assert tab.text("#pause") == "Suspendre"


def test_nothing_is_asked_while_nobody_looks(visitor, counting):
    tab = visitor.open(counting.url + "status.html", before=SOON +
                       "Object.defineProperty(document, 'hidden',"
                       " { get: () => window.away !== false });")
    tab.until("document.querySelectorAll('.card').length > 5")
    assert "/metrics" not in counting.made("GET")
    tab.js("window.away = false;"
           " document.dispatchEvent(new Event('visibilitychange'))")
    tab.until_text(FINE, "#state")


def test_it_honours_the_base_path(visitor):
    api = FakeApi("/api/chatbot")
    api.metrics = Counting(sessions=7)
    try:
        tab = open_status(visitor, api)
        until_card(tab, "Sessions", "ouvertes\\n7\\n")
        assert set(api.made("GET")) <= {"/api/chatbot/metrics", "/favicon.ico"}
    finally:
        api.close()


@pytest.mark.parametrize("width", [320, 390, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out(visitor, counting, width, scheme):
    tab = open_status(visitor, counting, width=width, height=800,
                      scheme=scheme, touch=width < 500)
    until_card(tab, "Sessions", "ouvertes\\n3\\n")
    assert tab.js("document.documentElement.scrollWidth") <= width
    assert tab.js("[...document.querySelectorAll('.card *')].every((e) =>"
                  " e.getBoundingClientRect().right <="
                  " e.closest('.card').getBoundingClientRect().right + 1)")


CONTRAST = """(() => {
const lum = (css) => {
    const [r, g, b] = css.match(/[\\d.]+/g).map((v) => v / 255).map((v) =>
        v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (a, b) => {
    const [x, y] = [lum(a), lum(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
};
const ground = getComputedStyle(document.querySelector('.card'))
    .backgroundColor;
return {
    text: Math.min(...[...document.querySelectorAll('.card dt, .card dd,' +
        ' .card h2, .card small')].map((e) =>
        contrast(getComputedStyle(e).color, ground))),
    line: Math.min(...[...document.querySelectorAll('.card .line')].map((e) =>
        contrast(getComputedStyle(e).stroke, ground))),
};
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_can_be_read(visitor, counting, scheme):
    tab = open_status(visitor, counting, scheme=scheme)
    until_card(tab, "Sessions", "ouvertes\\n3\\n")
    contrast = tab.js(CONTRAST)
    assert contrast["text"] >= 4.5 and contrast["line"] >= 3


@pytest.fixture(scope="module")
def service():
    yield from served("causerie")


def test_it_shows_the_service_itself(visitor, service):
    client = Client(int(re.search(r":(\d+)/", service)[1]))
    tab = visitor.open(service + "status.html", before=SOON)
    tab.until_text(FINE, "#state")
    until_card(tab, "Sessions", "ouvertes\\n0\\n")
    for _ in range(3):
        client.new()
    client.chat("Bonjour")
    until_card(tab, "Sessions", "ouvertes\\n4\\n")
    tab.until("document.querySelector('#routes').innerText"
              ".includes('/session/new\\t3\\t0\\t0')")
