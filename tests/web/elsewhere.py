"""Another site that has the page on it: another port, and so another origin."""

import functools
import http.server
import pathlib
import shutil
import tempfile
import threading

WEB = pathlib.Path(__file__).resolve().parents[2] / "web"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Site:
    """Serves a copy of web/ at self.origin, and "/empty.html" with nothing on
    it, which may connect to everywhere."""

    def __init__(self, host="127.0.0.1"):
        self.folder = tempfile.mkdtemp(prefix="causerie-site-")
        shutil.copytree(WEB, self.folder, dirs_exist_ok=True)
        (pathlib.Path(self.folder) / "empty.html").write_text(
            "<!doctype html><title>Ailleurs</title><p>Ailleurs")
        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Quiet, directory=self.folder))
        self.origin = f"http://{host}:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       kwargs={"poll_interval": 0.01})
        self.thread.start()

    def use(self, service):
        """The two lines of the page that name the service, as docs/api.md has
        it."""
        path = pathlib.Path(self.folder) / "index.html"
        text = path.read_text()
        for old, new in (
                ('name="causerie-api" content=""',
                 f'name="causerie-api" content="{service}"'),
                ("connect-src 'self'", f"connect-src {service}")):
            assert text.count(old) == 1
            text = text.replace(old, new)
        path.write_text(text)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
        shutil.rmtree(self.folder)
