"""The page before the service itself, behind lighttpd as it is shipped."""

import os
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "http"))
import webservers  # noqa: E402

LAST = "#messages > :last-child .answer .text"
IDLE = ("document.querySelector('#stop').hidden &&"
        " document.querySelector('#log').ariaLive === 'polite'")


def served(name, settings={}):
    if webservers.tool("lighttpd") is None:
        pytest.skip("lighttpd is not installed (Debian: lighttpd)")
    if not os.access(webservers.program(name), os.X_OK):
        pytest.skip(f"{webservers.program(name)} is not built")
    server = webservers.WebServer("lighttpd", name, settings)
    yield f"http://127.0.0.1:{server.port}/"
    server.end()


@pytest.fixture(scope="module")
def service():
    yield from served("causerie")


@pytest.fixture(scope="module")
def paced():
    """Where the question says how the answer comes."""
    yield from served("causerie-paced")


def ask(tab, text):
    tab.until(IDLE)
    tab.js("document.querySelector('#message').focus()")
    tab.type(text)
    tab.press("Enter")


def test_a_conversation_that_remembers(visitor, service):
    tab = visitor.open(service)
    ask(tab, "Je m'appelle Jean et je cherche un smartphone")
    tab.until(f"document.querySelector('{LAST} a[href^=\"http\"]')")
    ask(tab, "Quel est mon nom ?")
    tab.until_text("Jean", LAST)
    tab.until(IDLE)
    tab.reload()
    tab.until("document.querySelectorAll('.message').length === 4")
    tab.until_text("Jean", "#messages > :last-child")
    assert tab.text(".error") is None


def test_each_suggestion_finds_something(visitor, service):
    tab = visitor.open(service)
    tab.until("!document.querySelector('#welcome').hidden")
    count = tab.js("document.querySelectorAll('#suggestions button').length")
    for number in range(1, count + 1):
        tab.click(f"#suggestions li:nth-child({number}) button")
        tab.until(f"document.querySelector('{LAST} a[href^=\"http\"]')")
        tab.until(IDLE)
        tab.click("#reset")
        tab.click("#erase")
        tab.until("!document.querySelector('#welcome').hidden")


def test_an_answer_comes_word_by_word_and_is_stopped(visitor, paced):
    tab = visitor.open(paced)
    ask(tab, "paced 5000 20")
    tab.until_text("mot3", LAST)
    tab.click("#stop")
    tab.until_text("Interrompu", ".mark")
    tab.until(IDLE)
    said = tab.text(LAST)
    tab.until(f"fetch('session/' + localStorage.chatbot_session_id +"
              " '/messages').then((r) => r.json())"
              ".then((d) => d.message_count === 2)")
    tab.reload()
    tab.until_text("Interrompu", ".mark")
    assert tab.text("#messages > :last-child .text").startswith(said)


def test_an_error_of_the_service_is_told(visitor, paced):
    tab = visitor.open(paced)
    ask(tab, "fail")
    tab.until("document.querySelector('.error button')")
    assert tab.text(".question .text") == "fail"
