"""Machines of their own: they hear each other, those set apart only one another, who is cut off nobody; and nothing is left of them."""

import os
import signal
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import pytest

from tests.cluster.net import Machine, machines, need_machines
from tests.wire.server import ROOT, running

LOST = "import os, tests.cluster.net as n; there = n.machines(1); there.__enter__(); os.kill(os.getpid(), 9)"
WITHIN_S = 0.3


@pytest.fixture(autouse=True)
def _possible() -> None:
    need_machines()


def spaces(pid: int) -> list[Path]:
    return list(Path("/run/netns").glob(f"dibs-{pid}-*"))


def heard(there: list[Machine]) -> set[tuple[int, int]]:
    """Who is refused by whom, as everybody is where nobody listens: then the way there is open. All try at once."""
    tries = {}
    for one, other in permutations(there, 2):
        words = ("timeout", str(WITHIN_S), "bash", "-c", f"exec 3<>/dev/tcp/{other.address}/9")
        tries[one.number, other.number] = subprocess.Popen([*one.within, *words], stderr=subprocess.PIPE, text=True)
    said = {pair: process.communicate(timeout=10)[1] for pair, process in tries.items()}
    assert all(tries[pair].returncode == 124 or "Connection refused" in text for pair, text in said.items()), said
    return {pair for pair, text in said.items() if text}


def test_those_set_apart_hear_one_another_and_who_is_cut_off_hears_nobody() -> None:
    with machines(3) as there:
        everybody = set(permutations(range(3), 2))
        assert heard(there) == everybody
        for machine in there[:2]:
            machine.set_apart()
        assert heard(there) == {(0, 1), (1, 0)}
        for machine in there[:2]:
            machine.join()
        assert heard(there) == everybody
        there[0].cut()
        assert heard(there) == {(1, 2), (2, 1)}


def test_nothing_is_left_and_whatever_ran_there_has_ended() -> None:
    links = lambda: set(Path("/sys/class/net").iterdir())  # noqa: E731
    before = links()
    with machines(1) as there:
        words = ("sh", "-c", "echo here; exec sleep 600")
        process = subprocess.Popen([*there[0].within, *words], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        assert len(spaces(os.getpid())) == 2
        mine = links() - before
        assert mine
    with process:
        assert process.wait(20) == -signal.SIGKILL
    assert not running(process.pid)
    assert not spaces(os.getpid())
    assert not mine & links()


def test_what_somebody_left_who_was_killed_is_removed_by_the_next() -> None:
    killed = subprocess.Popen([sys.executable, "-c", LOST], cwd=ROOT)
    assert killed.wait(20) == -signal.SIGKILL
    assert len(spaces(killed.pid)) == 2
    with machines(1):
        assert not spaces(killed.pid)
