"""The articles: which files are taken, and how they change while served."""

import json
import os
import re
import signal
import subprocess
import threading

import pytest

from client import CHAT
from fcgi import Peer
from webservers import DEADLINE, SANITIZER, environment, wait_for

SWAPS = 40
VISITORS = 4


def line(number, text="gaz"):
    return json.dumps({
        "title": f"Titre {number}", "url": f"https://a.invalid/{number}",
        "date": "2025-11-08", "text": text}) + "\n"


def put(path, text):
    """As a file should be replaced: whole, by renaming."""
    new = path.with_suffix(".new")
    if isinstance(text, bytes):
        new.write_bytes(text)
    else:
        new.write_text(text)
    new.rename(path)


def ask(peer, message):
    reply = peer.ask("POST", CHAT, json.dumps({"message": message}).encode(),
                     keep=True, CONTENT_TYPE="application/json")
    assert reply.status == 200, reply.body
    return json.loads(reply.body)["response"]


def metric(peer, name):
    text = peer.ask("GET", "/metrics", keep=True).body.decode()
    return float(re.search(rf"^causerie_{name} (\S+)$", text, re.M)[1])


@pytest.fixture
def served(launch, tmp_path):
    """The program with a file of one article."""
    class Served:
        file = tmp_path / "articles.any"

        def hang_up(self):
            self.program.child.send_signal(signal.SIGHUP)

        def told(self, text):
            return text in self.program.log.read_text()

        def run(self, *args):
            return subprocess.run(
                [str(self.program.program), *map(str, args)],
                stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=DEADLINE, env=environment())

    served = Served()
    served.file.write_text(line(1))
    served.program = launch({"articles": served.file}, name="causerie")
    return served


def test_a_new_file_is_served_after_a_hangup(served):
    with Peer(served.program.address) as peer:
        assert "https://a.invalid/1" in ask(peer, "gaz")
        assert metric(peer, "articles") == 1
        put(served.file, line(2) + line(3))
        served.hang_up()
        wait_for(lambda: metric(peer, "articles") == 2)
        text = ask(peer, "gaz")
        assert "https://a.invalid/2" in text and "https://a.invalid/3" in text
        assert "https://a.invalid/1" not in text
        assert served.told("event=articles articles=2 passages=2")


def test_a_new_file_is_found_without_being_told(served):
    put(served.file, line(2) + line(3))
    with Peer(served.program.address) as peer:
        wait_for(lambda: metric(peer, "articles") == 2)


def test_a_file_that_was_written_in_place_is_found(served):
    with Peer(served.program.address) as peer:
        with served.file.open("a") as file:
            file.write(line(2))
        served.hang_up()
        wait_for(lambda: metric(peer, "articles") == 2)


@pytest.mark.parametrize("bad", [
    "{", "", line(2) * 2, b"CAUSIDX\n" + bytes(100), "r\xe9".encode("latin-1"),
    None], ids=["no-json", "empty", "twice", "no-index", "latin-1", "gone"])
def test_a_bad_file_is_told_of_and_the_old_one_stays(served, bad):
    with Peer(served.program.address) as peer:
        if bad is None:
            served.file.unlink()
        else:
            put(served.file, bad)
        served.hang_up()
        wait_for(lambda: served.told("event=articles failed="))
        assert "https://a.invalid/1" in ask(peer, "gaz")
        assert metric(peer, "articles") == 1
        put(served.file, line(2) + line(3))
        served.hang_up()
        wait_for(lambda: metric(peer, "articles") == 2)
    log = served.program.log.read_text()
    assert log.count("event=articles failed=") == 1
    assert str(served.file) in log


def test_an_index_is_made_and_served_whatever_its_name(served):
    made = served.file.with_suffix(".jsonl")
    source = served.file.with_suffix(".source")
    source.write_text("\ufeff" + line(2) + "\r\n" + line(3))
    done = served.run("--index", source, made)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert made.read_bytes()[:8] == b"CAUSIDX\n"
    made.rename(served.file)
    served.hang_up()
    with Peer(served.program.address) as peer:
        wait_for(lambda: metric(peer, "articles") == 2)
        assert "https://a.invalid/3" in ask(peer, "gaz")
    assert served.run("-t", "-s", f"articles={served.file}").returncode == 0
    put(served.file, served.file.read_bytes()[:-1])
    done = served.run("-t", "-s", f"articles={served.file}")
    assert done.returncode == 2
    assert f"articles: {served.file}: is cut off" in done.stderr


def test_an_index_that_cannot_be_made_is_told_of(served, tmp_path):
    (tmp_path / "bad").write_text(line(1) + "{")
    for args, said in (
            (["--index"], "needs two files"),
            (["--index", "a"], "needs two files"),
            (["--index", "a", "b", "c"], "needs two files"),
            (["--index", tmp_path / "none", tmp_path / "out"], "No such file"),
            (["--index", tmp_path / "bad", tmp_path / "out"], "bad:2: "),
            (["--index", served.file, tmp_path / "no" / "out"],
             "No such file"),
            (["-s", "article_max_bytes=1K", "-s", "articles_max=0", "--index",
              served.file, tmp_path / "out"], "articles_max")):
        done = served.run(*args)
        assert done.returncode == 2 and said in done.stderr, done
        assert not SANITIZER.search(done.stderr)
        assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob("*.tmp"))


def test_ceilings_of_a_collection(served):
    served.file.write_text(line(1) + line(2) + line(3, "x" * 2000))
    for setting, said in (("articles_max=2", ":3: is one article too many"),
                          ("article_max_bytes=1K", ":3: is longer than")):
        done = served.run("-t", "-s", setting, "-s",
                          f"articles={served.file}")
        assert done.returncode == 2 and said in done.stderr, done.stderr
    assert served.run("-t", "-s", "articles_memory=1M", "-s",
                      f"articles={served.file}").returncode == 0


@pytest.mark.parametrize("key", ["recency", "recency_news"])
def test_what_a_preference_for_news_may_be(served, key):
    for value in "0/1", "5/3650", "0.25/30":
        assert served.run("-t", "-s", f"{key}={value}").returncode == 0
    for value in "", "1", "/1", "1/", "6/1", "1/0", "1/3651", "1/1.5", \
            "0.123/1", "-1/1", "1/1/1", "99999999999999999999/1":
        done = served.run("-t", "-s", f"{key}={value}")
        assert done.returncode == 2 and key in done.stderr, value


def test_no_answer_fails_while_articles_change(served):
    failed, stop = [], threading.Event()

    def visit():
        try:
            with Peer(served.program.address) as peer:
                while not stop.is_set():
                    text = ask(peer, "gaz")
                    assert "https://a.invalid/" in text, text
        except Exception as error:
            failed.append(error)

    visitors = [threading.Thread(target=visit) for _ in range(VISITORS)]
    for visitor in visitors:
        visitor.start()
    try:
        with Peer(served.program.address) as peer:
            for i in range(SWAPS):
                put(served.file, "".join(map(line, range(2 + i % 2))))
                served.hang_up()
                wait_for(lambda: metric(peer, "articles") == 2 + i % 2)
            assert metric(peer, "search_seconds_count") > 0
    finally:
        stop.set()
        for visitor in visitors:
            visitor.join()
    assert not failed, failed
    wait_for(lambda: served.program.log.read_text().count(
        "event=articles") >= SWAPS, what="the last line")
    assert served.program.log.read_text().count("event=articles") == SWAPS


def test_the_age_of_the_articles_is_a_metric(served):
    os.utime(served.file, (1000000000, 1000000000))
    served.hang_up()
    with Peer(served.program.address) as peer:
        wait_for(lambda: metric(peer, "articles_age_seconds") > 7e8)
