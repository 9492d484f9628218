"""Chromium, without a window, spoken to in its DevTools protocol.

The protocol runs over a pair of pipes (descriptors 3 and 4, messages that end
with a NUL), so that neither a port nor a driver is needed. Waiting is done in
the page, with a deadline here.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

DEADLINE = 20  # seconds, for anything that a page is to do

ARGUMENTS = [
    "--headless=new", "--remote-debugging-pipe", "--no-sandbox",
    "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage",
    "--no-first-run", "--no-default-browser-check",
    "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-extensions", "--mute-audio",
    "--password-store=basic", "--hide-scrollbars",
]

KEYS = {
    "Enter": (13, "\r"),
    "Escape": (27, ""),
    "Tab": (9, ""),
    "Space": (32, " "),
}


def find_chromium():
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


class BrowserError(Exception):
    pass


class Browser:
    def __init__(self, program):
        self.profile = tempfile.mkdtemp(prefix="causerie-web-")
        self.pending = b""
        self.count = 0
        self.replies = {}
        self.events = []
        self._start(program)

    def _start(self, program):
        to_child, self.output = os.pipe()
        self.input, from_child = os.pipe()
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)
                for fd in (to_child, from_child)]

        def connect():
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.process = subprocess.Popen(
            [program, *ARGUMENTS, f"--user-data-dir={self.profile}",
             "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, close_fds=False,
            env={**os.environ, "HOME": self.profile},
            preexec_fn=connect)
        for fd in (to_child, from_child, *high):
            os.close(fd)

    def close(self):
        try:
            self.call("Browser.close")
        except BrowserError:
            pass
        try:
            self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.input)
        os.close(self.output)
        shutil.rmtree(self.profile, ignore_errors=True)

    def call(self, method, session=None, deadline=DEADLINE, **params):
        """Send a command and return its result."""
        self.count += 1
        number = self.count
        message = {"id": number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        try:
            while data:
                data = data[os.write(self.output, data):]
        except OSError as error:
            raise BrowserError(f"the browser has gone: {error}") from error
        end = time.monotonic() + deadline
        while number not in self.replies:
            self._read(end, method)
        reply = self.replies.pop(number)
        if "error" in reply:
            raise BrowserError(f"{method}: {reply['error']['message']}")
        return reply["result"]

    def _read(self, end, what):
        left = max(0, end - time.monotonic())
        if not select.select([self.input], [], [], left)[0]:
            raise BrowserError(f"{what}: no answer in time")
        data = os.read(self.input, 1 << 16)
        if not data:
            raise BrowserError(f"{what}: the browser has gone")
        *messages, self.pending = (self.pending + data).split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self.replies[message["id"]] = message
            else:
                self.events.append(message)


class Visitor:
    """A storage of its own, and the tabs that share it."""

    def __init__(self, browser, before=""):
        """before: a script that runs in each page before its own."""
        self.browser = browser
        self.before = before
        self.context = browser.call(
            "Target.createBrowserContext")["browserContextId"]
        self.tabs = []

    def open(self, url=None, before="", **kind):
        tab = Tab(self.browser, self.context, before=self.before + before,
                  **kind)
        self.tabs.append(tab)
        if url is not None:
            tab.goto(url)
        return tab

    def close(self):
        self.browser.call("Target.disposeBrowserContext",
                          browserContextId=self.context)


class Tab:
    def __init__(self, browser, context, width=1200, height=800, scheme="light",
                 touch=False, before=""):
        self.browser = browser
        target = browser.call("Target.createTarget", url="about:blank",
                              browserContextId=context)["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=target,
                                    flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)
        self.call("Emulation.setDeviceMetricsOverride", width=width,
                  height=height, deviceScaleFactor=1, mobile=touch)
        self.call("Emulation.setTouchEmulationEnabled", enabled=touch)
        self.media(scheme)
        if before:
            self.call("Page.addScriptToEvaluateOnNewDocument", source=before)

    def call(self, method, **params):
        return self.browser.call(method, session=self.session, **params)

    def media(self, scheme="light", motion="no-preference"):
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": motion}])

    def goto(self, url):
        self.call("Page.navigate", url=url)
        self.until_loaded(url)

    def reload(self):
        self.js("window.old = true")
        self.call("Page.reload")
        self.until_loaded()

    def until_loaded(self, url=""):
        self.until(f"location.href.startsWith({json.dumps(url)}) &&"
                   " window.old === undefined &&"
                   " document.readyState === 'complete'")

    def js(self, expression):
        """The value of an expression in the page; promises are awaited."""
        reply = self.call("Runtime.evaluate", expression=expression,
                          awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in reply:
            raise BrowserError(json.dumps(reply["exceptionDetails"]))
        return reply["result"].get("value")

    def until(self, condition):
        """Wait until a condition holds in the page; return its value."""
        end = time.monotonic() + DEADLINE
        wait = (f"new Promise((resolve) => {{ const end = Date.now() + 1000;"
                f" (function look() {{ const value = ({condition});"
                f" if (value || Date.now() > end)"
                f" resolve(value instanceof Node || value);"
                f" else setTimeout(look, 5); }})(); }})")
        while time.monotonic() < end:
            try:
                value = self.js(wait)
            except BrowserError as error:
                # The page is being replaced by another.
                if "context" not in str(error) and "navigat" not in str(error):
                    raise
                continue
            if value:
                return value
        raise AssertionError(
            f"never came true: {condition}\n{self.js('document.body.innerText')}")

    def text(self, selector):
        return self.js(f"document.querySelector({json.dumps(selector)})"
                       "?.innerText ?? null")

    def until_text(self, text, selector="body"):
        self.until(f"document.querySelector({json.dumps(selector)})?.innerText"
                   f".includes({json.dumps(text)})")

    def click(self, selector, times=1):
        """With the mouse, in the middle of what is visible."""
        rect = self.until(
            f"(() => {{ const e = document.querySelector("
            f"{json.dumps(selector)}); if (!e) return null;"
            " e.scrollIntoView({block: 'nearest'});"
            " const r = e.getBoundingClientRect(); return r.width &&"
            " {x: r.x + r.width / 2, y: r.y + r.height / 2}; })()")
        for count in range(1, times + 1):
            for kind in ("mousePressed", "mouseReleased"):
                self.call("Input.dispatchMouseEvent", type=kind, **rect,
                          button="left", clickCount=count)

    def press(self, key, shift=False):
        code, text = KEYS[key]
        params = {"key": " " if key == "Space" else key, "code": key,
                  "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **params)
        self.call("Input.dispatchKeyEvent", type="keyUp", **params)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def focused(self):
        return self.js("document.activeElement.id")

    def screenshot(self, path):
        data = self.call("Page.captureScreenshot")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def complaints(self):
        """What the page threw, and what its security policy refused."""
        found = []
        for event in self.browser.events:
            if event.get("sessionId") != self.session:
                continue
            if event["method"] == "Runtime.exceptionThrown":
                found.append(event["params"]["exceptionDetails"])
            elif event["method"] == "Log.entryAdded":
                entry = event["params"]["entry"]
                if entry["level"] == "error" and entry["source"] != "network":
                    found.append(entry["text"])
        return found
