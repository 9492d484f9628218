"""The customer's own clients, as they stand in the customer's document."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import customer
from webservers import environment

HERE = Path(__file__).resolve().parent
# what a page has and node has not: a storage, and addresses without a host
PAGE = """
const store = new Map();
globalThis.localStorage = {
	getItem: (key) => store.get(key) ?? null,
	setItem: (key, value) => store.set(key, String(value)),
};
const plain = globalThis.fetch;
globalThis.fetch = (path, options) => plain(ORIGIN + path, options);
"""


@pytest.fixture
def url(server):
    return f"http://localhost:{server.port}"


def test_python_client_chats(url):
    client = customer.ChatbotClient(url)
    assert client.chat("Bonjour!")
    assert client.chat("Quelles sont les dernières actualités?")


def test_python_client_resets_to_another_session(url):
    client = customer.ChatbotClient(url)
    client.chat("Bonjour!")
    first = client.session_id
    client.reset()
    assert client.session_id != first


def run_node(server, script):
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed (Debian: nodejs)")
    source = f"const ORIGIN = 'http://127.0.0.1:{server.port}';\n" + PAGE + \
        (HERE / "customer.js").read_text() + script
    done = subprocess.run([node, "--input-type=commonjs"], input=source,
                          capture_output=True, text=True, timeout=120,
                          env=environment())
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_javascript_sends_null_before_it_has_a_session(server):
    lines = run_node(server, "sendMessage('Bonjour!');")
    assert lines[-1] == "Messages dans la session: 2"


def test_javascript_keeps_its_session(server):
    lines = run_node(server, """
(async () => {
	await initSession();
	const first = sessionId;
	await sendMessage('Bonjour!');
	await initSession();
	await sendMessage('Et après?');
	console.log(sessionId === first);
})();
""")
    assert "Messages dans la session: 2" in lines
    assert lines[-2:] == ["Messages dans la session: 4", "true"]


def test_javascript_replaces_a_session_that_is_gone(server):
    lines = run_node(server, """
(async () => {
	localStorage.setItem('chatbot_session_id',
	    '3f2b8a30-5d0c-4a58-9a0e-6c1d1f7f0a11');
	await initSession();
	await sendMessage('Bonjour!');
	console.log(sessionId === localStorage.getItem('chatbot_session_id'));
})();
""")
    assert lines[-2:] == ["Messages dans la session: 2", "true"]


def curl(url, line, session="xxx"):
    """A line of the document, with this server's address and session."""
    line = line.replace("http://localhost:8000", url).replace("xxx", session)
    done = subprocess.run(["sh", "-c", line.replace("curl", "curl -s", 1)],
                          capture_output=True, text=True, timeout=60,
                          env=environment())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


NEW = "curl -X POST http://localhost:8000/session/new"
CHAT = r"""curl -X POST http://localhost:8000/session/chat \
  -H "Content-Type: application/json" \
  -d '{"message": "Bonjour!", "session_id": "xxx"}'"""
AGAIN = r"""curl -X POST http://localhost:8000/session/chat \
  -H "Content-Type: application/json" \
  -d '{"message": "Et après?", "session_id": "xxx"}'"""
INFO = "curl http://localhost:8000/session/xxx/info"
DELETE = "curl -X DELETE http://localhost:8000/session/xxx"
STATS = "curl http://localhost:8000/sessions/stats"


def test_curl_creates_a_session(url):
    answer = curl(url, NEW)
    assert list(answer) == ["session_id", "message"]
    assert answer["message"] == "Session créée avec succès"
    assert re.fullmatch(r"[0-9a-f-]{36}", answer["session_id"])


def test_curl_goes_through_the_whole_example(url):
    session = curl(url, NEW)["session_id"]
    for line, count in (CHAT, 2), (AGAIN, 4):
        answer = curl(url, line, session)
        assert answer["response"]
        assert answer["session_id"] == session
        assert answer["message_count"] == count
        assert answer["success"] is True
    assert curl(url, INFO, session)["message_count"] == 4
    assert curl(url, DELETE, session) == {
        "message": "Session supprimée avec succès"}
    assert curl(url, INFO, session)["code"] == "session_not_found"


def test_curl_reads_the_statistics(url):
    before = curl(url, STATS)["active_sessions"]
    curl(url, NEW)
    assert curl(url, STATS) == {"active_sessions": before + 1}
