"""The peers, one nginx in front of them all, and the simulated model, on free
ports of 127.0.0.1 and in a directory of their own."""

import getpass
import glob
import http.client
import json
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SEARCH = os.environ["PATH"] + ":/usr/sbin:/sbin"
DEADLINE = 30            # seconds

HISTORY = 20             # messages
SYSTEM_PROMPT = "Tu es l'assistant de Conso News. Réponds en français."
CHILDREN = 5             # of PHP-FPM, as Debian has it
TUNED = 50               # likewise, where many chats are to be held

# The order is that of the tables.
TITLES = {
    "nginx": "nginx, `return 200`",
    "causerie": "Causerie",
    "ordinary": "libfcgi, 8 threads, a constant",
    "node": "Node, `http`",
    "fpm": f"PHP-FPM, APCu, {CHILDREN} children",
    "fpm-tuned": f"PHP-FPM, APCu, {TUNED} children",
    "fastapi": "FastAPI, threads, uvicorn as Debian has it",
    "fastapi-async": "FastAPI, async, uvicorn with uvloop",
}

NGINX = """
daemon off;
worker_processes 1;
worker_rlimit_nofile {files};
pid {tmp}/nginx.pid;
error_log {tmp}/nginx.log;
{user}
events {{ worker_connections {files}; }}
http {{
	access_log off;
	default_type application/json;
	keepalive_timeout 600;
	keepalive_requests 1000000000;
	client_body_temp_path {tmp}/body;
	proxy_temp_path {tmp}/proxy;
	fastcgi_temp_path {tmp}/fastcgi;
	uwsgi_temp_path {tmp}/uwsgi;
	scgi_temp_path {tmp}/scgi;
	proxy_http_version 1.1;
	proxy_set_header Connection "";
	proxy_set_header Host $http_host;
{servers}
}}
"""
PARAMS = """
fastcgi_param REQUEST_METHOD $request_method;
fastcgi_param REQUEST_URI $request_uri;
fastcgi_param QUERY_STRING $query_string;
fastcgi_param CONTENT_TYPE $content_type;
fastcgi_param CONTENT_LENGTH $content_length;
fastcgi_param SERVER_PROTOCOL $server_protocol;
fastcgi_param SERVER_NAME $server_name;
fastcgi_param SERVER_PORT $server_port;
fastcgi_param REMOTE_ADDR $remote_addr;
fastcgi_param REMOTE_PORT $remote_port;
fastcgi_param HTTP_HOST $http_host;
"""
SERVER = """
	upstream {name} {{ server unix:{tmp}/{name}.sock; keepalive 32; }}
	server {{
		listen 127.0.0.1:{port} backlog=4096;
		location / {{
{location}
		}}
	}}
"""
# PHP-FPM gives a child to each kept connection, so none is kept, as in
# Debian's configuration.
LOCATIONS = {
    "nginx": "return 200 '{{\"session_id\":\""
             "550e8400-e29b-41d4-a716-446655440000\"}}';",
    "causerie": "fastcgi_pass {name}; fastcgi_keep_conn on; include params;",
    "ordinary": "fastcgi_pass {name}; fastcgi_keep_conn on; include params;",
    "node": "proxy_pass http://{name};",
    "fastapi": "proxy_pass http://{name};",
    "fpm": "fastcgi_pass {name}; include /etc/nginx/fastcgi_params;\n"
           "fastcgi_param SCRIPT_FILENAME {here}/chat.php;",
}
LOCATIONS["fpm-tuned"] = LOCATIONS["fpm"]
LOCATIONS["fastapi-async"] = LOCATIONS["fastapi"]

# No visitor's limits, no log of requests: the others have neither.
CAUSERIE = """
log_level = notice
rate_new = 0
rate_chat = 0
sessions_per_ip = 0
turns_per_ip = 0
system_prompt_file = {prompt}
session_max_messages = {history}
context_messages = {history}
llm_base_url = {base}
llm_model = m
"""

UVICORN = {
    "fastapi": ["--loop", "asyncio", "--http", "h11", "chat_fastapi:app"],
    "fastapi-async": ["--loop", "uvloop", "--http", "httptools",
                      "chat_fastapi_async:app"],
}

FPM = """
[global]
error_log = {tmp}/{name}.log
daemonize = no
[www]
{user}
listen = {tmp}/{name}.sock
pm = static
pm.max_children = {children}
clear_env = no
"""


def need(pattern, package):
    """The path of a program of Debian's."""
    found = [path for folder in SEARCH.split(":")
             for path in sorted(glob.glob(os.path.join(folder, pattern)))]
    if not found:
        sys.exit(f"bench/peers: {package} is missing: "
                 "scripts/install-deps peers")
    return found[0]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition, what):
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"bench/peers: {what}: not in {DEADLINE} s")
        time.sleep(0.01)


def accepts(address):
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as s:
        return s.connect_ex(address) == 0


def family(pid):
    """A process and all its children's."""
    found = [pid]
    for task in os.listdir(f"/proc/{pid}/task"):
        children = Path(f"/proc/{pid}/task/{task}/children").read_text()
        for child in children.split():
            found += family(int(child))
    return found


class Model:
    """The simulated model, bench/upstream; a call gets one word at once."""

    def __init__(self, fleet, program):
        self.process = fleet.start([program, "0", "[[tokens=1 whole]]"],
                                   stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.port = int(re.match(r"listening on .*:(\d+)$", line).group(1))
        self.base = f"http://127.0.0.1:{self.port}/v1"
        self.url = self.base + "/chat/completions"

    def ask(self, method, path):
        client = http.client.HTTPConnection("127.0.0.1", self.port, DEADLINE)
        client.request(method, path)
        reply = client.getresponse().read()
        client.close()
        return reply

    def stats(self):
        return json.loads(self.ask("GET", "/stats"))

    def last(self):
        """The last call's messages."""
        return json.loads(self.ask("GET", "/last").partition(b"\r\n\r\n")[2])[
            "messages"]


class Peer:
    """A program and the port on which nginx passes requests to it."""

    def __init__(self, name, process, port):
        self.name, self.process, self.port = name, process, port

    def pids(self):
        return family(self.process.pid)

    def cpu_seconds(self):
        """What it has used so far, to the nanosecond: the CPU clocks of its
        processes (clock_getcpuclockid(3)), threads that have ended included."""
        return sum(time.clock_gettime(~pid << 3 | 2) for pid in self.pids())

    def memory(self):
        """Bytes; what processes share is counted once (proc(5), PSS)."""
        total = 0
        for pid in self.pids():
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss:\s+(\d+)", rollup, re.M).group(1))
        return total * 1024

    def ask(self, client, method, path, body=None):
        """A JSON reply of status 200."""
        headers = {"Content-Type": "application/json"} if body else {}
        client.request(method, path, json.dumps(body) if body else None,
                       headers)
        reply = client.getresponse()
        text = reply.read()
        if reply.status != 200:
            sys.exit(f"bench/peers: {self.name}: {method} {path}: "
                     f"{reply.status}: {text.decode(errors='replace')[:500]}")
        return json.loads(text)

    def client(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, DEADLINE)


class Fleet:
    """with Fleet(build, names) as fleet: fleet.peers[name] ..."""

    def __init__(self, build, names):
        self.build = build
        self.tmp = tempfile.mkdtemp(prefix="peers-")
        os.chmod(self.tmp, 0o755)
        self.log = open(os.path.join(self.tmp, "log"), "w+")
        self.started = []
        self.peers = {}
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith("CAUSERIE")}
        self.model = Model(self, os.path.join(build, "bench", "upstream"))
        self.env.update(MODEL_URL=self.model.url, HISTORY=str(HISTORY),
                        SYSTEM_PROMPT=SYSTEM_PROMPT)
        try:
            self.start_all(names, hard)
        except BaseException:
            self.stop()
            raise

    def start(self, command, **more):
        process = subprocess.Popen(
            command, **{"stdin": subprocess.DEVNULL, "stdout": self.log,
                        "stderr": self.log, "env": getattr(self, "env", None),
                        **more})
        self.started.append(process)
        return process

    def path(self, name):
        return os.path.join(self.tmp, name)

    def write(self, name, text):
        path = self.path(name)
        Path(path).write_text(text)
        return path

    def causerie(self, sock):
        prompt = self.write("prompt", SYSTEM_PROMPT)
        conf = self.write("causerie.conf", CAUSERIE.format(
            prompt=prompt, history=HISTORY, base=self.model.base))
        program = os.environ.get("CAUSERIE") or \
            os.path.join(self.build, "causerie")
        return [program, "-f", conf, "-l", "unix:" + sock]

    def fpm(self, name):
        conf = self.write(name + ".conf", FPM.format(
            tmp=self.tmp, name=name, user=self.user("user = {}"),
            children=CHILDREN if name == "fpm" else TUNED))
        return [need("php-fpm*", "php-fpm"), "-R", "-F", "-y", conf,
                "-d", "apc.shm_size=256M"]

    def command(self, name):
        """What serves NAME.sock, or None: nginx does it alone."""
        sock = self.path(name + ".sock")
        if name == "causerie":
            return self.causerie(sock)
        if name == "ordinary":
            return [os.path.join(self.build, "bench", "ordinary"), sock]
        if name == "node":
            return [need("node", "nodejs"), HERE / "chat_node.js", sock]
        if name in UVICORN:
            # Debian's own interpreter, which has Debian's packages.
            return ["/usr/bin/python3", "-B", "-m", "uvicorn", "--app-dir",
                    HERE, "--uds", sock, "--no-access-log", "--log-level",
                    "warning", "--timeout-keep-alive", "600", *UVICORN[name]]
        return self.fpm(name) if name.startswith("fpm") else None

    @staticmethod
    def user(line):
        """A line that only root may write."""
        return line.format(getpass.getuser()) if os.getuid() == 0 else ""

    def start_nginx(self, files):
        servers = "".join(
            SERVER.format(name=name, tmp=self.tmp, port=peer.port,
                          location=LOCATIONS[name].format(name=name, here=HERE))
            for name, peer in self.peers.items())
        self.write("params", PARAMS)
        conf = self.write("nginx.conf", NGINX.format(
            tmp=self.tmp, files=files, servers=servers,
            user=self.user("user {};")))
        return self.start([need("nginx", "nginx"), "-p", self.tmp, "-e",
                           self.path("nginx.log"), "-c", conf])

    def start_all(self, names, files):
        for name in names:
            command = self.command(name)
            process = self.start(command) if command else None
            self.peers[name] = Peer(name, process, free_port())
        nginx = self.start_nginx(files)
        for peer in self.peers.values():
            if peer.process:
                wait_for(lambda: accepts(self.path(peer.name + ".sock")),
                         peer.name)
            wait_for(lambda: accepts(("127.0.0.1", peer.port)), "nginx")
            peer.process = peer.process or nginx

    def stop(self):
        for process in reversed(self.started):
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.model.process.stdout.close()
        self.log.close()
        shutil.rmtree(self.tmp, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
