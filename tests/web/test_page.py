"""What the page promises to its visitors, in a real browser."""

import json
import re
import threading

import pytest

import browser as chromium
from fake_api import FakeApi
from old import DIALOG, without

KEY = "chatbot_session_id"
PROBLEM = "Le service de réponse n'a pas répondu"
ALLOWED = {"P", "BR", "STRONG", "EM", "CODE", "PRE", "UL", "OL", "LI",
           "BLOCKQUOTE", "A", "DEL", "HR", "H2", "H3", "H4", "H5", "H6",
           "DIV", "TABLE", "THEAD", "TBODY", "TR", "TH", "TD"}
ANSWER = ".exchange:last-child .answer .text"
IDLE = ("document.querySelector('#stop').hidden &&"
        " document.querySelector('#log').ariaLive === 'polite'")


def stored(tab):
    return tab.js(f"localStorage.getItem('{KEY}')")


def open_with(visitor, api, sid, **kind):
    """A page whose visitor has been here before, with this session."""
    tab = visitor.open(api.url, **kind)
    tab.until(IDLE)
    tab.js(f"localStorage.setItem('{KEY}', '{sid}')")
    tab.reload()
    tab.until(IDLE)
    return tab


def write(tab, text):
    tab.until("document.readyState === 'complete'")
    tab.js("document.querySelector('#message').focus()")
    tab.type(text)


def send(tab, text):
    write(tab, text)
    tab.press("Enter")


def chat(tab, text):
    """Send a message and wait for the whole answer."""
    send(tab, text)
    tab.until_text(f"Vous avez dit : {text}", ANSWER)
    tab.until(IDLE)


def fail_before_text(turn):
    turn.start()
    turn.event(type="error", status=502, code="upstream_failed",
               title="Erreur", detail=PROBLEM, request_id="essai",
               session_id=turn.sid)


class Gate:
    """An answer that says one thing, then waits until it is let go on."""

    def __init__(self, *texts):
        self.texts = texts
        self.open = threading.Event()

    def __call__(self, turn):
        turn.start()
        turn.delta(self.texts[0])
        turn.wait(self.open)
        for text in self.texts[1:]:
            turn.delta(text)
        turn.done()


# The session


def test_no_session_before_the_first_message(tab, api):
    tab.until(IDLE)
    assert api.requests == []
    assert stored(tab) is None

    chat(tab, "un")
    assert api.chats == [{"message": "un", "session_id": None, "stream": True}]
    sid = stored(tab)
    assert sid in api.sessions

    chat(tab, "deux")
    assert api.chats[1]["session_id"] == sid
    assert api.made("POST") == ["/session/chat"] * 2


def test_the_conversation_is_shown_again_after_a_reload(tab, api):
    chat(tab, "premier\nmessage")
    send(tab, "second **message**")
    tab.until_text("Vous avez dit : second message", ANSWER)
    tab.until(IDLE)
    tab.reload()
    tab.until_text("second message", "#messages")
    assert tab.js("[...document.querySelectorAll('.message .text')]"
                  ".map((e) => e.innerText)") == [
        "premier\nmessage", "Vous avez dit : premier\nmessage",
        "second **message**", "Vous avez dit : second message"]
    chat(tab, "trois")
    assert api.chats[2]["session_id"] == stored(tab)


def test_a_part_of_an_answer_is_marked_in_the_history(visitor, api):
    sid = api.session("Question", "Le début", status="interrupted")
    tab = open_with(visitor, api, sid)
    tab.until_text("Le début\n\nInterrompu", "#messages")


SOURCES = [{"n": 2, "title": "Rappel <b>", "date": "2026-11-12",
            "url": "https://www.exemple.fr/rappel"},
           {"n": 3, "title": "Sans adresse", "url": "javascript:alert(1)"}]
SHOWN = "[...document.querySelectorAll('.answer .sources li')]" \
        ".map((e) => [e.value, e.innerText, e.querySelector('a')?.href])"
EXPECTED = [[2, "Rappel <b> (2026-11-12)", "https://www.exemple.fr/rappel"],
            [3, "Sans adresse", None]]


def test_an_answers_numbers_lead_to_its_sources(tab, api):
    def plan(turn):
        turn.start()
        turn.event(type="sources", sources=SOURCES)
        turn.delta("Un rappel [2], `a[2]` et [9].")
        turn.done(sources=SOURCES, grounding="cited", answered_by="model")

    api.plans.append(plan)
    send(tab, "Un rappel ?")
    tab.until("document.querySelector('.sources')")
    for _ in range(2):
        assert tab.js(SHOWN) == EXPECTED
        assert tab.js(
            "[...document.querySelectorAll('.answer .text a')].map((e) =>"
            " [e.innerText, document.querySelector(e.getAttribute('href'))"
            ".value])") == [["[2]", 2]]
        tab.reload()
        tab.until("document.querySelector('.sources')")


def test_dropped_beginnings_are_said(visitor, api):
    sid = api.session("Question", "Réponse")

    class Long(list):
        def __len__(self):
            return 8

    api.sessions[sid] = Long(api.sessions[sid])
    tab = open_with(visitor, api, sid)
    tab.until_text("Le début de cette conversation", "#messages")


@pytest.mark.parametrize("sid", ["550e8400-e29b-41d4-a716-446655440000",
                                 "n'importe quoi/../x"])
def test_a_lost_session_begins_anew_silently(visitor, api, sid):
    tab = visitor.open(api.url)
    tab.until(IDLE)
    tab.js(f"localStorage.setItem('{KEY}', {json.dumps(sid)})")
    tab.reload()
    tab.until("!document.querySelector('#welcome').hidden")
    assert tab.js("document.querySelector('#messages').childElementCount") == 0
    assert stored(tab) is None
    chat(tab, "bonjour")
    assert api.chats[0]["session_id"] is None


def test_an_expired_conversation_is_announced(tab, api):
    chat(tab, "un")
    old = stored(tab)
    del api.sessions[old]
    chat(tab, "deux")
    assert "avait expiré" in tab.text(".notice")
    assert stored(tab) not in (None, old)
    chat(tab, "trois")
    assert api.chats[2]["session_id"] == stored(tab)
    assert tab.js("document.querySelectorAll('.notice').length") == 1


def test_a_history_that_does_not_load_can_be_tried_again(visitor, api):
    sid = api.session("Question", "La réponse de tantôt")
    api.failing[("GET", "messages")] = 503
    tab = open_with(visitor, api, sid)
    tab.until_text("Service en panne", ".error")
    assert stored(tab) == sid
    api.failing.clear()
    tab.click(".error button")
    tab.until_text("La réponse de tantôt", "#messages")
    assert tab.text(".error") is None


def test_two_tabs_show_the_same_conversation(visitor, api):
    first, second = visitor.open(api.url), visitor.open(api.url)
    first.until(IDLE)
    write(second, "un brouillon")
    chat(first, "depuis le premier")
    second.until_text("Vous avez dit : depuis le premier", "#messages")
    assert second.js("document.querySelector('#message').value") == \
        "un brouillon"
    second.press("Enter")
    first.until_text("Vous avez dit : un brouillon", "#messages")
    assert api.chats[1]["session_id"] == stored(first)

    first.click("#reset")
    first.click("#erase")
    second.until("!document.querySelector('#welcome').hidden")
    assert second.text("#messages") == ""


def test_another_tab_waits_for_the_end_of_an_answer(visitor, api):
    first, second = visitor.open(api.url), visitor.open(api.url)
    chat(first, "un")
    second.until_text("Vous avez dit : un", "#messages")
    gate = Gate("Le début", " et la fin")
    api.plans.append(gate)
    send(second, "deux")
    second.until_text("Le début", ANSWER)
    chat(first, "trois")
    assert second.text(ANSWER) == "Le début"
    gate.open.set()
    second.until_text("Le début et la fin", "#messages")
    second.until_text("Vous avez dit : trois", "#messages")


@pytest.mark.parametrize("broken", [
    "get() { throw new DOMException('no', 'SecurityError'); }",
    "value: { getItem() { throw 1; }, setItem() { throw 1; },"
    " removeItem() { throw 1; } }",
])
def test_works_without_local_storage(visitor, api, broken):
    tab = visitor.open(api.url, before="Object.defineProperty(window,"
                       f" 'localStorage', {{ {broken} }})")
    chat(tab, "un")
    chat(tab, "deux")
    assert api.chats[1]["session_id"] in api.sessions


def test_stands_below_a_base_path(visitor):
    api = FakeApi(base="/api/chatbot")
    try:
        tab = visitor.open(api.url)
        chat(tab, "un")
        assert api.requests == [("POST", "/api/chatbot/session/chat")]
    finally:
        api.close()


@pytest.mark.parametrize("old", [None, "550e8400-e29b-41d4-a716-446655440000"],
                         ids=["empty", "full"])
def test_a_storage_that_cannot_be_written_is_no_new_session_each_time(
        visitor, api, old):
    tab = visitor.open(api.url)
    tab.until(IDLE)
    if old:
        tab.js(f"localStorage.setItem('{KEY}', '{old}')")
    tab = visitor.open(api.url, before="Storage.prototype.setItem = () =>"
                       " { throw new DOMException('', 'QuotaExceededError') };")
    for text in ("un", "deux", "trois"):
        chat(tab, text)
    assert api.chats[0]["session_id"] is None
    assert {c["session_id"] for c in api.chats[1:]} == set(api.sessions)
    assert len(api.sessions) == 1
    tab.click("#reset")
    tab.click("#erase")
    tab.until("!document.querySelector('#welcome').hidden")
    assert api.sessions == {}
    chat(tab, "quatre")
    assert api.chats[3]["session_id"] is None


def test_a_storage_that_forgets_is_no_new_session_each_time(visitor, api):
    tab = visitor.open(api.url, before="Storage.prototype.setItem = () => {};")
    chat(tab, "un")
    chat(tab, "deux")
    assert len(api.sessions) == 1


def test_the_language_is_the_pages(visitor, api):
    api.lang = "en-GB"
    tab = visitor.open(api.url)
    chat(tab, "un")
    tab.reload()
    tab.until(IDLE)
    tab.click("#reset")
    tab.click("#erase")
    tab.until("!document.querySelector('#welcome').hidden")
    assert len(api.languages) == 3
    assert set(api.languages) == {"en-GB"}


def test_another_servers_404_does_not_end_the_session(visitor, api):
    sid = api.session("Question", "La réponse de tantôt")
    api.failing[("GET", "messages")] = lambda handler: handler.text(
        "<h1>Not Found</h1>", 404, "text/html")
    tab = open_with(visitor, api, sid)
    tab.until_text("n’a pas pu être affichée", ".error")
    assert stored(tab) == sid


def test_a_page_in_place_of_a_reply_erases_nothing(visitor, api):
    sid = api.session("Question", "La réponse de tantôt")
    api.failing[("DELETE", None)] = lambda handler: handler.text(
        "<h1>Bienvenue</h1>", 200, "text/html")
    tab = open_with(visitor, api, sid)
    tab.click("#reset")
    tab.click("#erase")
    tab.until_text("n’a pas pu être effacée", ".error")
    assert stored(tab) == sid
    assert "de tantôt" in tab.text("#messages")


def test_a_message_sent_while_another_conversation_is_erased(tab, api):
    chat(tab, "un")
    gate = threading.Event()

    def slow(handler):
        gate.wait(20)
        api.sessions.clear()
        handler.json({"message": "Session supprimée avec succès"})

    api.failing[("DELETE", None)] = slow
    tab.click("#reset")
    tab.click("#erase")
    send(tab, "deux")
    tab.click("#send")
    gate.set()
    tab.until_text("Vous avez dit : deux", ANSWER)
    tab.until(IDLE)
    assert [c["session_id"] for c in api.chats] == [None, None]
    assert tab.text("#messages").count("Vous avez dit : ") == 1


# The browser


def test_the_newest_browser_too(browser, api):
    visitor = chromium.Visitor(browser)
    tab = visitor.open(api.url)
    assert tab.js("typeof AbortSignal.timeout") == "function"
    chat(tab, "un")
    tab.reload()
    tab.until_text("Vous avez dit : un", "#messages")
    assert tab.complaints() == []
    visitor.close()


@pytest.mark.parametrize("sure", [True, False])
def test_a_browser_without_dialogs(visitor, api, sure):
    sid = api.session("Question", "La réponse de tantôt")
    tab = open_with(visitor, api, sid, before=without(DIALOG) +
                    "window.confirm = (text) => { window.asked = text;"
                    f" return {json.dumps(sure)}; }};")
    assert tab.js("document.querySelector('#confirm').offsetHeight") == 0
    tab.click("#reset")
    tab.until("window.asked?.includes('effacés')")
    if sure:
        tab.until("!document.querySelector('#welcome').hidden")
    tab.until(IDLE)
    assert (sid in api.sessions) == (not sure)
    assert ("de tantôt" in tab.text("#messages")) == (not sure)


def test_what_is_no_text_is_mended_before_it_is_sent(tab, api):
    tab.until(IDLE)
    tab.js("document.querySelector('#message').value ="
           " 'a\\ud800b\\udc00\\ufdd0\\uffff\\u{1fffe}\\0é😀\\ue000'")
    write(tab, "")
    tab.press("Enter")
    tab.until_text("Vous avez dit : a", ANSWER)
    mended = "a\ufffdb" + "\ufffd" * 4 + "é😀\ue000"
    assert api.chats[0]["message"] == mended
    assert tab.text(".question .text") == mended


# The answer


def test_hostile_markdown_makes_only_allowed_elements(tab, api):
    hostile = "\n\n".join([
        "<script>window.hacked = 1</script>",
        "<img src=x onerror='window.hacked = 1'>",
        "<svg/onload=hacked=1><iframe srcdoc='<script>1</script>'>",
        "[a](javascript:window.hacked=1) [b](JAVASCRIPT:hacked=1)",
        "[c](data:text/html,<script>1</script>) <javascript:hacked=1>",
        "![d](https://exemple.fr/pixel.png \"onerror=hacked=1\")",
        "[e](https://exemple.fr/\"onclick=\"hacked=1)",
        "**[f](https://exemple.fr/bon)** `<b>` # <i>",
        "- > 1. <style>*{display:none}</style>",
        "```html\n<script>window.hacked = 1</script>\n```",
    ])
    api.plans.append(lambda turn: turn.say(*re.findall(r"(?s).{1,7}", hostile)))
    send(tab, "<b>gras</b> **non**\n<img src=x onerror=hacked=1>")
    tab.until_text("window.hacked = 1</script>", ANSWER + " pre")
    tab.until(IDLE)
    for _ in range(2):
        assert set(tab.js(f"[...document.querySelectorAll('.answer .text *')]"
                          ".map((e) => e.tagName)")) <= ALLOWED
        assert tab.text(".question .text") == \
            "<b>gras</b> **non**\n<img src=x onerror=hacked=1>"
        assert tab.js("document.querySelector('.question .text')"
                      ".childElementCount") == 0
        links = tab.js("[...document.querySelectorAll('.answer a')].map((a) =>"
                       " [a.protocol, a.target, a.rel,"
                       " a.getAttributeNames().length])")
        assert links == [["https:", "_blank", "noopener noreferrer nofollow",
                          3]] * 3
        assert tab.js("window.hacked === undefined")
        tab.reload()
        tab.until_text("window.hacked", ".answer .text")


def test_an_answer_is_shown_as_it_comes(tab, api):
    gate = Gate("**Voici** le dé", "but, puis la fin.")
    api.plans.append(gate)
    send(tab, "bonjour")
    tab.until_text("Voici le dé", ANSWER)
    assert tab.js(f"document.querySelector('{ANSWER} strong').innerText") == \
        "Voici"
    assert tab.js("document.querySelector('#log').ariaLive") == "off"
    assert "Voici" not in tab.text("#announcer")
    gate.open.set()
    tab.until_text("Voici le début, puis la fin.", "#announcer")
    tab.until(IDLE)
    assert tab.text(ANSWER) == "Voici le début, puis la fin."


def test_a_list_that_begins_is_no_heading_meanwhile(tab, api):
    gate = Gate("Voici :\n-", " un", "\n- deux")
    api.plans.append(gate)
    send(tab, "bonjour")
    tab.until_text("Voici :", ANSWER)
    assert tab.text(ANSWER) == "Voici :"
    assert tab.js(f"document.querySelector('{ANSWER} h3')") is None
    gate.open.set()
    tab.until_text("deux", ANSWER)
    tab.until(IDLE)
    assert tab.js(f"document.querySelectorAll('{ANSWER} li').length") == 2


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_stream_may_be_cut_anywhere(tab, api, end):
    def plan(turn):
        turn.head()
        turn.said = "Été 😀, 5 €\u2028\net la fin"
        start = {"type": "start", "session_id": turn.sid, "new_session": True}
        deltas = [{"type": "delta", "text": c} for c in turn.said]
        done = {"type": "done", **turn.answer()}
        lines = [": ping", ""]
        for event in [start, *deltas, done]:
            lines += ["event: x", "id: 1",
                      "data:" + json.dumps(event, ensure_ascii=False),
                      ": ping", "", "", ""]
        for byte in end.join([*lines, ""]).encode():
            turn.raw(bytes([byte]))

    api.plans.append(plan)
    send(tab, "bonjour")
    tab.until_text("et la fin", ANSWER)
    tab.until(IDLE)
    assert tab.text(".error") is None
    assert tab.text(ANSWER).startswith("Été 😀, 5 €")


def test_an_answer_in_one_piece(tab, api):
    def plan(turn):
        turn.said = "D'un *bloc*"
        turn.reply(200, turn.answer())

    api.plans.append(plan)
    send(tab, "bonjour")
    tab.until_text("D'un bloc", ANSWER)
    tab.until_text("D'un bloc", "#announcer")
    assert stored(tab) in api.sessions


def test_a_long_answer_leaves_the_reader_in_place(tab, api):
    gate = Gate("ligne\n\n" * 60, "la fin\n\n" * 20)
    api.plans.append(gate)
    send(tab, "bonjour")
    tab.until("document.querySelector('#log').scrollTop > 500")
    tab.js("document.querySelector('#log').scrollTop = 100")
    tab.until("!document.querySelector('#end').hidden")
    gate.open.set()
    tab.until_text("la fin", ANSWER)
    tab.until(IDLE)
    assert tab.js("document.querySelector('#log').scrollTop") == 100
    tab.click("#end")
    tab.until("document.querySelector('#log').scrollTop > 500")
    tab.until("document.querySelector('#end').hidden")


# Stop


def stoppable(turn):
    turn.start()
    turn.delta("Le début")
    turn.wait(turn.api.stopped)
    turn.done(status="interrupted", code="stopped")


@pytest.mark.parametrize("how", ["click", "Escape"])
def test_stop_ends_the_answer(tab, api, how):
    api.plans.append(stoppable)
    tab.until(IDLE)
    send(tab, "bonjour")
    tab.until_text("Le début", ANSWER)
    if how == "click":
        tab.click("#stop")
    else:
        tab.press(how)
    tab.until_text("Interrompu", ".mark")
    tab.until(IDLE)
    assert api.made("POST") == ["/session/chat", f"/session/{stored(tab)}/stop"]
    assert tab.focused() == "message"
    assert tab.text(".error") is None
    assert "Interrompu" in tab.text("#announcer")
    tab.reload()
    tab.until_text("Interrompu", ".mark")


def test_stop_leaves_where_the_service_cannot(tab, api):
    def plan(turn):
        turn.start()
        turn.delta("Le début")
        turn.wait_left()

    api.failing[("POST", "stop")] = 404
    api.plans.append(plan)
    send(tab, "bonjour")
    tab.until_text("Le début", ANSWER)
    tab.click("#stop")
    tab.until_text("Interrompu", ".mark")
    assert api.left.wait(20)
    chat(tab, "suite")
    assert api.chats[1]["session_id"] == stored(tab) is not None


def test_stopped_before_any_text(tab, api):
    def plan(turn):
        turn.start()
        turn.wait(turn.api.stopped)
        turn.done(status="interrupted", code="stopped")

    chat(tab, "un")
    api.plans.append(plan)
    send(tab, "deux")
    tab.click("#stop")
    tab.until_text("arrêtée avant d’avoir commencé", ".error")
    tab.click(".error button")
    tab.until_text("Vous avez dit : deux", ANSWER)


def test_the_reason_of_an_interruption_is_said(tab, api):
    def plan(turn):
        turn.start()
        turn.delta("Le début")
        turn.done(status="interrupted", code="answer_too_long")

    api.plans.append(plan)
    send(tab, "bonjour")
    tab.until_text("Interrompu : longueur maximale", ".mark")


# Errors


def refuse(turn):
    turn.reply(429, {"status": 429, "code": "rate_limited", "detail": PROBLEM},
               "application/problem+json")


def refuse_in_html(turn):
    turn.reply(502, b"<html><h1>Bad Gateway</h1></html>", "text/html")


def nonsense(turn):
    turn.reply(200, b"<html>", "text/html")


def cut(turn):
    turn.start()
    turn.raw(b"data: {\"type\":\"done\",")


def nonsense_in_stream(turn):
    turn.start()
    turn.raw(b"data: {\"type\":\n\n")
    turn.wait_left()


@pytest.mark.parametrize("plan, detail", [
    (fail_before_text, PROBLEM),
    (refuse, PROBLEM),
    (refuse_in_html, "502"),
    (nonsense, "pas répondu comme prévu"),
    (cut, "coupée"),
    (nonsense_in_stream, "pas répondu comme prévu"),
    (lambda turn: None, "injoignable"),
], ids=["event", "problem", "html", "nonsense", "cut", "event-nonsense",
        "unreachable"])
def test_an_error_is_told_and_tried_again(tab, api, plan, detail):
    api.plans += [plan, fail_before_text]
    send(tab, "ma *question*")
    tab.until_text(detail, ".error[role=alert]")
    tab.until(IDLE)
    assert tab.text(".question .text") == "ma *question*"
    tab.click(".error button")
    tab.until_text(PROBLEM, ".error")
    tab.until("document.querySelectorAll('.exchange').length === 1")
    tab.until(IDLE)
    tab.click(".error button")
    tab.until_text("Vous avez dit : ma question", ANSWER)
    assert tab.text(".error") is None
    assert [c["message"] for c in api.chats] == ["ma *question*"] * 3
    assert tab.js("document.querySelectorAll('.question').length") == 1
    assert tab.focused() == "message"
    assert api.keys[0] and len(set(api.keys)) == 1


def test_another_message_has_another_key(tab, api):
    for text in ("un", "deux"):
        send(tab, text)
        tab.until_text("Vous avez dit : " + text, ANSWER)
        tab.until(IDLE)
    assert len(set(api.keys)) == 2


def cut_after(*kept, code="stopped", wait=False):
    """An answer whose connection breaks in the middle; what the service keeps
    of it, and whether it goes on until it is stopped."""
    def plan(turn):
        turn.start()
        turn.delta("Le début")
        if wait:
            turn.api.running = turn
            return
        turn.said = "".join(kept)
        if kept == ("Le début",):
            turn.keep(status="interrupted", code=code)
        else:
            turn.keep()

    return plan


def test_what_came_before_a_cut_stays(tab, api):
    api.plans.append(cut_after("Le début"))
    send(tab, "bonjour")
    tab.until_text("coupée", ".error")
    assert tab.text(ANSWER) == "Le début"
    assert tab.text(".mark") == "Interrompu"
    tab.click(".error button:last-child")
    assert tab.js("document.querySelector('#message').value") == "bonjour"
    assert "Le début" in tab.text("#messages")


@pytest.mark.parametrize("kept", [("Le début",), ()], ids=["kept", "lost"])
def test_a_cut_answer_is_asked_for_again_whole(tab, api, kept):
    api.plans.append(cut_after(*kept))
    send(tab, "bonjour")
    tab.until_text("coupée", ".error")
    tab.click(".error button")
    tab.until_text("Vous avez dit : bonjour", ANSWER)
    tab.until(IDLE)
    assert "Le début" not in tab.text("#messages")
    assert tab.js("document.querySelectorAll('.question').length") == 1
    assert tab.text(".error") is None
    assert api.chats[1]["session_id"] == stored(tab)
    assert len(set(api.keys)) == 2


def test_a_cut_answer_that_was_whole_is_not_asked_for_again(tab, api):
    chat(tab, "bonjour")
    api.plans.append(cut_after("Le début", " et la fin"))
    send(tab, "bonjour")
    tab.until_text("coupée", ".error")
    tab.click(".error button")
    tab.until_text("Le début et la fin", ANSWER)
    tab.until(IDLE)
    assert len(api.chats) == 2
    assert tab.text(".mark") is None and tab.text(".error") is None
    chat(tab, "suite")
    assert api.chats[2]["session_id"] == stored(tab)


def test_a_cut_answer_that_still_runs_is_stopped_first(tab, api):
    def stop(handler):
        api.running.keep(status="interrupted", code="stopped")
        handler.json({"stopped": True})

    api.failing[("POST", "stop")] = stop
    api.plans.append(cut_after(wait=True))
    send(tab, "bonjour")
    tab.until_text("coupée", ".error")
    tab.click(".error button")
    tab.until_text("Vous avez dit : bonjour", ANSWER)
    sid = stored(tab)
    assert api.made("POST") == ["/session/chat", f"/session/{sid}/stop",
                                "/session/chat"]


def test_a_cut_answer_can_be_tried_again_once_the_service_is_back(tab, api):
    api.plans.append(cut_after("Le début", " et la fin"))
    api.failing[("GET", "messages")] = 503
    send(tab, "bonjour")
    tab.until_text("coupée", ".error")
    tab.click(".error button")
    tab.until_text("Service en panne", ".error")
    tab.until(IDLE)
    api.failing.clear()
    tab.click(".error button")
    tab.until_text("Le début et la fin", ANSWER)
    assert len(api.chats) == 1


CODES = {"length": "Réponse coupée : elle était trop longue",
         "content_filter": "Réponse coupée : le modèle a refusé la suite"}


@pytest.mark.parametrize("code", CODES)
def test_a_cut_answer_can_be_gone_on_with(tab, api, code):
    def plan(turn):
        turn.start()
        turn.delta("Le début")
        turn.done(status="interrupted", code=code)

    api.plans.append(plan)
    send(tab, "bonjour")
    tab.until_text(CODES[code], ".mark")
    tab.until(IDLE)
    tab.reload()
    tab.until_text(CODES[code], ".mark")
    tab.until(IDLE)
    api.plans.append(lambda turn: turn.say("et la fin"))
    tab.click(".more button", times=2)
    tab.until_text("et la fin", ANSWER)
    tab.until(IDLE)
    assert "Le début" in tab.text("#messages")
    assert "Continuez" in tab.text(".exchange .question")
    assert [c["session_id"] for c in api.chats] == [None, stored(tab)]
    assert tab.text(".more") is None


def test_only_the_last_answer_can_be_gone_on_with(visitor, api):
    sid = api.session("un", "Le début", status="interrupted", code="length")
    api.sessions[sid] += [{"role": "user", "content": "deux"},
                          {"role": "assistant", "content": "tout"}]
    tab = open_with(visitor, api, sid)
    tab.until_text("tout", "#messages")
    assert tab.text(".mark") == CODES["length"]
    assert tab.text(".more") is None
    api.plans.append(stoppable)
    send(tab, "trois")
    tab.until_text("Le début", ANSWER)
    tab.click("#stop")
    tab.until("document.querySelector('.more')")
    chat(tab, "quatre")
    assert tab.text(".more") is None


def test_a_refused_message_can_be_changed(tab, api):
    api.plans.append(refuse)
    send(tab, "trop long")
    tab.until_text(PROBLEM, ".error")
    write(tab, "un brouillon")
    tab.click(".error button:last-child")
    assert tab.js("document.querySelector('#message').value") == \
        "trop long\nun brouillon"
    assert tab.focused() == "message"
    assert tab.text("#messages") == ""


def test_an_unsent_message_outlives_news_from_another_tab(visitor, api):
    first, second = visitor.open(api.url), visitor.open(api.url)
    api.plans.append(refuse)
    send(second, "non envoyé")
    second.until_text(PROBLEM, ".error")
    chat(first, "un")
    second.until_text("Vous avez dit : un", "#messages")
    second.click(".error button")
    second.until_text("Vous avez dit : non envoyé", ANSWER)


def test_a_deleted_session_is_forgotten(tab, api):
    def plan(turn):
        turn.start()
        turn.event(type="error", status=410, code="session_deleted",
                   title="Erreur", detail="La session a été supprimée",
                   session_id=turn.sid)

    api.plans.append(plan)
    send(tab, "bonjour")
    tab.until_text("a été supprimée", ".error")
    assert stored(tab) is None


# A new conversation


def test_reset_of_an_empty_conversation_asks_nothing(tab, api):
    tab.until(IDLE)
    tab.click("#reset")
    tab.until("document.activeElement.id === 'message'")
    assert not tab.js("document.querySelector('#confirm').open")
    assert api.requests == []


def test_reset_asks_then_deletes(tab, api):
    chat(tab, "un")
    sid = stored(tab)
    tab.click("#reset")
    tab.until("document.querySelector('#confirm').open")
    assert tab.focused() == "keep"
    tab.press("Escape")
    tab.until("!document.querySelector('#confirm').open")
    assert tab.focused() == "reset"
    assert stored(tab) == sid

    tab.press("Enter")
    tab.press("Tab")
    assert tab.focused() == "erase"
    tab.press("Enter")
    tab.until("!document.querySelector('#welcome').hidden")
    assert api.made("DELETE") == [f"/session/{sid}"]
    assert stored(tab) is None
    assert tab.text("#messages") == ""
    assert tab.focused() == "message"
    chat(tab, "deux")
    assert api.chats[1]["session_id"] is None


def test_reset_during_an_answer(tab, api):
    def plan(turn):
        turn.start()
        turn.delta("Le début")
        turn.wait_left()

    api.plans.append(plan)
    send(tab, "bonjour")
    tab.until_text("Le début", ANSWER)
    tab.click("#reset")
    tab.click("#erase")
    tab.until("!document.querySelector('#welcome').hidden")
    assert api.left.wait(20)
    tab.until(IDLE)
    assert tab.text("#messages") == ""
    assert stored(tab) is None


def test_a_reset_that_fails_keeps_the_conversation(tab, api):
    chat(tab, "un")
    api.failing[("DELETE", None)] = 503
    tab.click("#reset")
    tab.click("#erase")
    tab.until_text("Service en panne", ".error")
    assert stored(tab) in api.sessions
    assert "Vous avez dit : un" in tab.text("#messages")
    api.failing.clear()
    tab.click(".error button")
    tab.until("!document.querySelector('#welcome').hidden")
    assert api.sessions == {}


# The keyboard, the screen, the eye and the ear


def test_enter_sends_and_shift_enter_begins_a_line(tab, api):
    write(tab, "un")
    tab.press("Enter", shift=True)
    tab.type("deux")
    assert api.chats == []
    tab.press("Enter")
    tab.until_text("un\ndeux", ANSWER)
    assert api.chats[0]["message"] == "un\ndeux"
    assert tab.focused() == "message"
    assert tab.js("document.querySelector('#message').value") == ""


def test_blank_messages_are_not_sent(tab, api):
    write(tab, " \n ")
    tab.press("Enter")
    tab.click("#send")
    chat(tab, "un")
    assert len(api.chats) == 1


def test_enter_that_ends_a_composition_does_not_send(tab, api):
    tab.until(IDLE)
    write(tab, "")
    tab.call("Input.imeSetComposition", text="にほ", selectionStart=2,
             selectionEnd=2)
    for composing in (
            "{key: 'Enter', isComposing: true}",
            "{key: 'Enter', keyCode: 229}"):
        tab.js("document.querySelector('#message').dispatchEvent("
               f"new KeyboardEvent('keydown', {composing}))")
    assert tab.js("document.querySelector('#message').value") == "にほ"
    tab.type("日本")
    tab.press("Enter")
    tab.until_text("日本", ANSWER)
    assert [c["message"] for c in api.chats] == ["日本"]


def test_a_second_try_while_an_answer_runs_does_nothing(tab, api):
    gate = Gate("Le début", " et la fin")
    api.plans.append(gate)
    write(tab, "un")
    tab.click("#send", times=2)
    tab.until_text("Le début", ANSWER)
    send(tab, "deux")
    tab.click("#send", times=2)
    gate.open.set()
    tab.until_text("et la fin", ANSWER)
    tab.until(IDLE)
    assert tab.js("document.querySelector('#message').value") == "deux"
    assert len(api.chats) == 1
    assert len(api.made("POST")) == 1
    tab.click("#send")
    tab.until_text("Vous avez dit : deux", ANSWER)


def test_a_suggestion_is_sent(tab, api):
    tab.click("#suggestions button")
    tab.until_text("Vous avez dit : Quelles", ANSWER)
    assert "\u00a0" not in api.chats[0]["message"]


def test_the_tab_key_reaches_everything_in_order(tab, api):
    chat(tab, "un")
    tab.js("document.activeElement.blur(); getSelection().removeAllRanges()")
    write(tab, "x")
    order = []
    while len(order) < 8 and (tab.focused() or "body") not in order:
        order.append(tab.focused() or "body")
        assert order[-1] == "body" or order[-1] == "message" or tab.js(
            "getComputedStyle(document.activeElement).outlineStyle") != "none"
        tab.press("Tab")
    order = [name for name in order if name != "body"]
    assert order[:2] == ["message", "send"]
    assert set(order) == {"message", "send", "reset", "log"}


def test_the_field_grows_with_its_text_up_to_a_limit(tab):
    tab.until(IDLE)
    height = "document.querySelector('#message').offsetHeight"
    one = tab.js(height)
    write(tab, "a\nb\nc")
    three = tab.js(height)
    assert three > one + 40
    tab.type("\nligne" * 60)
    assert three < tab.js(height) <= 0.4 * 800 + 1


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_never_scrolls_sideways(visitor, api, width):
    word = "mot" * 80
    sid = api.session(
        f"{word} https://exemple.fr/{word}",
        f"{word}\n\n`{word}`\n\n```\n{word}\n```\n\n- > 1. {word}\n\n"
        f"[{word}](https://exemple.fr) https://exemple.fr/{word}\n\n"
        f"| {word} | {word} |\n|---|--:|\n| {word} | `{word}` |\n\n"
        f"## {word}")
    tab = open_with(visitor, api, sid, width=width, height=844, touch=True)
    api.plans.append(lambda turn: turn.reply(
        413, {"detail": word}, "application/problem+json"))
    send(tab, word)
    tab.until_text(word, ".error")
    assert tab.js("[document.scrollingElement, document.querySelector('#log')]"
                  ".every((e) => e.scrollWidth <= e.clientWidth)")
    assert tab.js(
        "[...document.querySelectorAll('.column > *, .message, .error,"
        " #send, #reset')].every((e) => { const r = e.getBoundingClientRect();"
        f" return r.left >= 0 && r.right <= {width}; }})")
    assert tab.js("parseFloat(getComputedStyle("
                  "document.querySelector('#message')).fontSize)") >= 16
    assert tab.js(
        "[...document.querySelectorAll('button')].every((e) =>"
        " e.hidden || !e.offsetHeight || e.offsetHeight >= 40)")
    bottom = tab.js("document.querySelector('#composer')"
                    ".getBoundingClientRect().bottom")
    assert 780 < bottom <= 844


CONTRAST = r"""(() => {
    const canvas = document.createElement("canvas").getContext("2d",
        { willReadFrequently: true });
    const parse = (colors) => {
        canvas.clearRect(0, 0, 1, 1);
        for (const color of colors) {
            canvas.fillStyle = color;
            canvas.fillRect(0, 0, 1, 1);
        }
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const light = (rgb) => rgb.map((c) => c / 255).map((c) =>
        c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const worst = {};
    for (const element of document.querySelectorAll("body, body *")) {
        const own = [...element.childNodes].some((n) =>
            n.nodeType === 3 && n.data.trim()) || element.matches("svg");
        if (!own || !element.getClientRects().length ||
            element.closest(".unseen, noscript"))
            continue;
        const grounds = [];
        for (let e = element; e; e = e.parentElement)
            grounds.unshift(getComputedStyle(e).backgroundColor);
        const style = getComputedStyle(element);
        const front = element.matches("h1 svg") ? style.fill : style.color;
        const a = light(parse(grounds)), b = light(parse([...grounds, front]));
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < (element.matches("svg") ? 3 : 4.5))
            worst[element.tagName + "." + element.className.toString()] = ratio;
    }
    return worst;
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_contrasts_with_its_ground(visitor, api, scheme):
    tab = visitor.open(api.url, scheme=scheme)
    tab.until("!document.querySelector('#welcome').hidden")
    assert tab.js(CONTRAST) == {}
    sid = api.session("Question", "**a** `b` [c](https://d.fr)\n\n> e\n\n- f"
                      "\n\n# g\n\n| h |\n|---|\n| ~~i~~ |\n\n***",
                      status="interrupted")
    tab = open_with(visitor, api, sid, scheme=scheme)
    api.plans.append(refuse)
    send(tab, "deux")
    tab.until_text(PROBLEM, ".error")
    assert tab.js(CONTRAST) == {}
    tab.click("#reset")
    assert tab.js(CONTRAST) == {}
    ground = tab.js("getComputedStyle(document.body).backgroundColor")
    assert (int(re.search(r"\d+", ground)[0]) < 60) == (scheme == "dark")


def test_nothing_moves_for_those_who_want_it_still(tab, api):
    gate = threading.Event()

    def plan(turn):
        turn.start()
        turn.wait(gate)
        turn.done()

    api.plans.append(plan)
    send(tab, "un")
    tab.until("document.querySelector('.waiting')")
    name = "getComputedStyle(document.querySelector('.waiting'), '::before')" \
           ".animationName"
    assert tab.js(name) == "breathe"
    tab.media(motion="reduce")
    assert tab.js(name) == "none"
    gate.set()


def test_everything_has_a_name_and_a_role(tab, api):
    chat(tab, "un")
    assert tab.js("document.documentElement.lang") == "fr"
    nodes = tab.call("Accessibility.getFullAXTree")["nodes"]
    named = {(n["role"]["value"], n["name"]["value"]) for n in nodes
             if not n["ignored"] and n.get("name")}
    assert {("log", "Conversation"), ("textbox", "Votre message"),
            ("button", "Envoyer"), ("button", "Nouvelle conversation"),
            ("heading", "Causerie")} <= named
    assert {name for role, name in named if role == "button"} >= {"Envoyer"}
    assert ("button", "") not in named
    assert "Vous :" in tab.js("document.querySelector('.question').textContent")
