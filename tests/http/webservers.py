"""The program, alone and behind each web server, with the configuration files
as they are shipped; everything on a free port of 127.0.0.1, unless a test wants
another address of this machine, and in a directory of its own."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
DEADLINE = 30  # seconds, for whatever is to happen soon; sanitizers are slow
SANITIZER = re.compile(
    r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:")
ROOT = os.getuid() == 0
APACHE_HTTPS = ["ssl", "http2", "alias"]


def program(name):
    """The path of causerie, causerie-paced or causerie-meets."""
    if name == "causerie-meets":
        return str(Path(program("causerie-paced")).with_name(name))
    variable = {"causerie": "CAUSERIE", "causerie-paced": "CAUSERIE_PACED"}
    path = os.environ.get(variable[name]) or TOP / "build" / name
    return str(Path(path).resolve())


def is_instrumented():
    """Whether the program is built for a sanitizer or gcov, which take time and
    memory of their own."""
    built = Path(program("causerie")).read_bytes()
    return any(sign in built
               for sign in (b"__asan_init", b"__tsan_init", b"__gcov_"))


def tool(name):
    """The path of a web server, which may stand in a directory of root's."""
    return shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")


def environment(**more):
    """Ours, without settings of the program."""
    kept = {k: v for k, v in os.environ.items()
            if not k.startswith("CAUSERIE")}
    return {**kept, **more}


def wait_for(condition, seconds=DEADLINE, what="it"):
    """Poll until the condition holds; its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what}: not in {seconds} s"
        time.sleep(0.01)


def free_port(host="127.0.0.1"):
    with socket.socket() as s:
        s.bind((host, 0))
        return s.getsockname()[1]


def accepts(address):
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as s:
        return s.connect_ex(address) == 0


def processes(path):
    """Those of a program, detached ones too."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0] == bytes(path):
            found.append(int(entry.name))
    return found


# A test asks more of one address than a visitor does.
UNLIMITED = {"rate_new": 0, "rate_chat": 0, "sessions_per_ip": 0,
             "turns_per_ip": 0, "tokens_per_ip_per_day": 0}


class Directory:
    """A directory of one's own, with the program and its settings, which the
    web server's user may read too; without limits that no setting asks for."""

    def __init__(self, name, settings):
        self.path = Path(tempfile.mkdtemp(prefix="causerie-"))
        self.path.chmod(0o755)
        self.run = self.path / "run"
        self.run.mkdir()
        self.run.chmod(0o777)
        self.program = self.path / name
        shutil.copy(program(name), self.program)
        self.conf = self.path / "causerie.conf"
        self.conf.write_text("".join(
            f"{key} = {value}\n"
            for key, value in {**UNLIMITED, **settings}.items()))
        self.log = self.path / "log"
        self.socket = str(self.run / "causerie.sock")
        self.command = [str(self.program), "-f", str(self.conf)]
        self.own = self.run / "own"
        self.children = []

    def start(self, command, **options):
        """Start a process whose output goes to the log."""
        options.setdefault("env", environment())
        with open(self.log, "ab") as log:
            child = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.path,
                **{"stdin": subprocess.DEVNULL, **options})
        self.children.append(child)
        return child

    def end(self):
        """End what was started, last first; the log must be clean."""
        try:
            self.end_children()
            wait_for(self.owner_ended, what="the program's end")
            log = self.log.read_text(errors="replace") \
                if self.log.exists() else ""
            assert not SANITIZER.search(log), log[-20000:]
            reports = [path.read_text(errors="replace")
                       for path in self.path.glob("sanitizer.*")]
            assert not reports, "\n".join(reports)[:20000]
        finally:
            for child in self.children:
                if child.poll() is None:
                    child.kill()
                    child.wait()
            for pid in self.pids():
                os.kill(pid, signal.SIGKILL)
            shutil.rmtree(self.path, ignore_errors=True)

    def end_children(self):
        for child in reversed(self.children):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                child.wait(DEADLINE)

    def owner_ended(self):
        """An owner of sessions outlives the web server; a process that had
        just been started when that ended may still make one."""
        if self.own.exists():
            subprocess.run([str(self.program), "-s", f"owner_dir={self.own}",
                            "--owner-stop"], check=True, timeout=DEADLINE,
                           stdout=subprocess.DEVNULL, env=self.environment())
        return not self.pids()

    def environment(self, **more):
        """A sanitizer's report must not go where an owner's errors go."""
        path = f"log_path={self.path}/sanitizer"
        return environment(**more, **{
            f"{kind}_OPTIONS": ":".join(filter(None, (
                os.environ.get(f"{kind}_OPTIONS"), path)))
            for kind in ("ASAN", "TSAN", "UBSAN")})

    def new_program(self):
        """The same, as an upgrade would have it: with another build id."""
        data = bytearray(self.program.read_bytes())
        note = data.index(b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0") + 16
        data[note] ^= 1
        fresh = self.path / "fresh"
        fresh.write_bytes(data)
        fresh.chmod(0o755)
        fresh.rename(self.program)

    def pids(self):
        """The processes of the program that were started from here."""
        return processes(self.program)

    def pid(self):
        """The one process that serves; those that wait for it have a single
        thread."""
        found = [pid for pid in self.pids()
                 if len(os.listdir(f"/proc/{pid}/task")) > 1]
        assert len(found) == 1, found
        return found[0]


class Direct(Directory):
    """The program alone, on a unix socket of its own."""

    def __init__(self, name="causerie", settings={}, **options):
        super().__init__(name, settings)
        self.address = self.socket
        self.child = self.start(
            self.command + ["-l", "unix:" + self.socket], **options)
        wait_for(lambda: accepts(self.socket) or self.child.poll() is not None)
        assert self.child.poll() is None, self.log.read_text()


LIVE = "/etc/letsencrypt/live/chat.example.org"


def uncomment(text, mark):
    """A configuration with the lines that stand ready in a comment, below its
    head "# HTTPS" for instance, each behind "#" and a tab."""
    lines, ready, found = [], False, 0
    for line in text.split("\n"):
        code = line.lstrip("\t")
        if code.startswith(f"# {mark}"):
            ready = True
        elif not code.startswith("#"):
            ready = False
        elif ready and code.startswith("#\t"):
            line = line.replace("#\t", "", 1)
            found += 1
        lines.append(line)
    assert found, mark
    return "\n".join(lines)


def replace(text, *pairs):
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


class WebServer(Directory):
    """One of the web servers before the program. With a certificate it speaks
    TLS, as its file has it ready, and plain HTTP on another port, which leads
    there; it can keep an access log, as its file has that ready."""

    def __init__(self, kind, name="causerie", settings={}, host="127.0.0.1",
                 certificate=None, access_log=False):
        super().__init__(name, settings)
        self.certificate = certificate
        self.access_log = self.run / "access.log" if access_log else None
        self.kind = kind
        if kind in OWNED_KINDS:
            self.log.touch()
            self.log.chmod(0o666)
            with self.conf.open("a") as conf:
                conf.write(f"log_target = {self.log}\n")
        self.host = host
        self.web = self.path / "web"
        shutil.copytree(TOP / "web", self.web)
        for _ in range(5):
            self.port, self.plain_port = free_port(host), free_port(host)
            getattr(self, kind.replace("-", "_"))()
            if self.came_up():
                break
        else:
            raise AssertionError(self.log.read_text(errors="replace"))

    def configuration(self, name, https, log):
        """A shipped file, with what stands ready in it."""
        text = (TOP / name).read_text()
        if self.access_log:
            text = replace(text, *log) if "Access log" not in text else \
                replace(uncomment(text, "Access log"), *log)
        if self.certificate:
            text = replace(uncomment(text, "HTTPS"), *https,
                           (f"{LIVE}/fullchain.pem", str(self.certificate)),
                           (f"{LIVE}/privkey.pem", str(self.certificate)))
        written = self.path / name
        written.write_text(text)
        return str(written)

    def came_up(self):
        """False when the port was taken meanwhile."""
        server = self.server = self.children[-1]
        wait_for(lambda: accepts((self.host, self.port)) or
                 server.poll() is not None, what=self.kind)
        return server.poll() is None

    def spawn(self):
        """The program on the socket, as spawn-fcgi starts it."""
        if self.children:
            return
        self.start([tool("spawn-fcgi"), "-n", "-s", self.socket, "-M", "0666",
                    "--"] + self.command)
        wait_for(lambda: accepts(self.socket), what="spawn-fcgi")

    def lighttpd(self, app=None):
        app = " ".join(self.command) if app is None else app
        conf = self.configuration("lighttpd.conf", [
            ('"0.0.0.0:443"', f'"{self.host}:{self.port}"'),
            ('"0.0.0.0:80"', f'"{self.host}:{self.plain_port}"'),
        ], [("/var/log/lighttpd/access.log", str(self.access_log))])
        port = self.plain_port if self.certificate else self.port
        self.start(
            [tool("lighttpd"), "-D", "-f", conf],
            env=self.environment(
                LIGHTTPD_BIND=self.host, LIGHTTPD_PORT=str(port),
                LIGHTTPD_WEB=str(self.web), LIGHTTPD_APP=app,
                LIGHTTPD_SOCKET=self.socket, LIGHTTPD_OWNER=str(self.own)))

    def lighttpd_socket(self):
        if not self.children:
            self.start(self.command + ["-l", "unix:" + self.socket])
            wait_for(lambda: accepts(self.socket))
        self.lighttpd(app="")

    def nginx(self):
        self.spawn()
        at = f"{self.host}:{self.port}"
        conf = Path(self.configuration("nginx-fastcgi.conf", [
            ("listen 127.0.0.1:8000;", ""),
            ("listen [::]:443 ssl http2;", ""), ("listen [::]:80;", ""),
            ("listen 443 ssl", f"listen {at} ssl"),
            ("listen 80;", f"listen {self.host}:{self.plain_port};"),
        ], [("access_log off;", ""),
            ("/var/log/nginx/causerie.log", str(self.access_log))]))
        if not self.certificate:
            conf.write_text(replace(conf.read_text(),
                                    ("127.0.0.1:8000", at)))
        user = "user root;" if ROOT else ""
        temp = "".join(f"{kind}_temp_path run/{kind};" for kind in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.run / "nginx.conf").write_text(
            f"daemon off; {user} pid run/nginx.pid;\n"
            "worker_rlimit_nofile 8192;\n"
            "events { worker_connections 4096; }\n"
            f"http {{ access_log off; {temp}\n"
            "include /etc/nginx/mime.types;\n"
            "include ../nginx-fastcgi.conf; }\n")
        self.start([tool("nginx"), "-p", str(self.path), "-e", "stderr",
                    "-c", "run/nginx.conf"])

    def apache(self, conf, **defines):
        defines = {"LISTEN": f"{self.host}:{self.port}", "WEB": self.web,
                   **defines}
        define = [word for key, value in defines.items()
                  for word in ("-C", f'Define CAUSERIE_{key} "{value}"')]
        if self.access_log:
            define += ["-C", f'Define CAUSERIE_LOG "{self.access_log}"']
        for module in APACHE_HTTPS if self.certificate else ():
            define += ["-C", f"LoadModule {module}_module "
                       f"/usr/lib/apache2/modules/mod_{module}.so"]
        conf = self.configuration(conf, [
            ("Listen 80\n", f"Listen {self.host}:{self.plain_port}\n"),
            ("<VirtualHost *:80>", f"<VirtualHost *:{self.plain_port}>"),
        ], [])
        self.start([tool("apache2"), "-d", str(self.path), "-f", conf,
                    *define, "-C",
                    f"Define APACHE_RUN {self.run}", "-DALONE",
                    "-DFOREGROUND"])

    def apache_fcgid(self):
        self.apache("apache-fcgid.conf", APP=" ".join(self.command),
                    OWNER=self.own)

    def apache_proxy(self):
        self.spawn()
        self.apache("apache-proxy-fcgi.conf", SOCKET=self.socket)


def chosen(kinds):
    """Those of CAUSERIE_TEST_SERVERS, where it is set."""
    wanted = os.environ.get("CAUSERIE_TEST_SERVERS", " ".join(kinds)).split()
    return [kind for kind in kinds if kind in wanted]


KINDS = chosen(["lighttpd", "lighttpd-socket", "nginx", "apache-fcgid",
                "apache-proxy"])
# where the program's processes have one owner of the sessions
OWNED_KINDS = chosen(["lighttpd", "apache-fcgid"])
NEEDED = {
    "lighttpd": ["lighttpd"], "lighttpd-socket": ["lighttpd"],
    "nginx": ["nginx", "spawn-fcgi"], "apache-fcgid": ["apache2"],
    "apache-proxy": ["apache2", "spawn-fcgi"],
}
