"""An owner that may have few descriptors: who comes beyond is told so, and the
others are served."""

import os
import resource
import time

import pytest

from owners import Owners, frame
from test_owner import STATUS, dial
from webservers import DEADLINE, is_instrumented, wait_for


@pytest.fixture
def place():
    place = Owners()
    yield place
    place.end()


def limited(descriptors):
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    return {"preexec_fn": limit}


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def settle(place, processes):
    """Those that the owner has let in; the others have ended."""
    def all_known():
        known = place.listeners()
        return all(process.pid in known or process.child.poll() is not None
                   for process in processes)
    wait_for(all_known, 3 * DEADLINE, "all to be let in or refused")
    known = place.listeners()
    return [process for process in processes if process.pid in known]


@pytest.mark.parametrize("descriptors, count, least", [
    (256, 140, 20), (1024, 540, 150)])
def test_listeners_leave_room_for_connections(place, descriptors, count,
                                              least):
    if count > 500 and is_instrumented():
        pytest.skip("a sanitizer takes too long for so many processes")
    processes = [place.spawn(**limited(descriptors)) for _ in range(count)]
    served = settle(place, processes)
    assert least <= len(served) < descriptors / 2
    for process in set(processes) - set(served):
        assert process.child.wait(DEADLINE) == 1
    words = set(place.log.read_text().splitlines())
    assert len(words) == 1
    assert f"has {len(served)} listeners" in (word := words.pop())
    assert "descriptors" in word
    owner = place.owner()
    began, used = time.monotonic(), cpu_seconds(owner)
    peers = [process.peer() for process in served]
    for peer in peers:
        assert peer.ask(keep=True).status == 200
    for process in served:
        assert process.ask().status == 200
    for peer in peers:
        peer.socket.close()
    took = time.monotonic() - began
    assert cpu_seconds(owner) - used < max(took / 2, 0.2)
    # there is room again for one where one has left
    served[0].child.terminate()
    served[0].child.wait(DEADLINE)
    wait_for(lambda: len(place.listeners()) == len(served) - 1)
    assert place.spawn(**limited(descriptors)).ask().status == 200


def test_silent_ones_take_no_descriptors_from_others(place):
    place.variables["OWNER_PATIENCE"] = "HELLO=100"
    process = place.spawn(**limited(256))
    assert process.ask().status == 200
    silent = [dial(place) for _ in range(250)]
    with dial(place) as s:
        # in its turn, when those before it have lost their patience
        s.settimeout(3 * DEADLINE)
        s.sendall(frame(STATUS, bytes(16)))
        for _ in range(20):
            assert process.ask().status == 200
        assert s.recv(4)
    for s in silent:
        s.close()
