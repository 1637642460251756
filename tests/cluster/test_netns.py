"""Namespaces as hosts: they hear each other, those that are cut off only one another, and nothing is left of them."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from tests.cluster.netns import NAMED, Host, Network, why_not
from tests.wire.server import ROOT, running

ORPHAN = "import os, tests.cluster.netns as n; n.Network('a').__enter__(); os.kill(os.getpid(), 9)"


@pytest.fixture(autouse=True)
def _possible() -> None:
    if reason := why_not():
        pytest.skip(reason)


def names() -> set[str]:
    return {path.name for path in NAMED.glob(f"dibs-{os.getpid()}-*")}


async def hears(host: Host, within_s: float = 0.5) -> bool:
    """Whether the host refuses us, as it does where nobody listens: then the way there is open."""
    try:
        async with asyncio.timeout(within_s):
            await asyncio.open_connection(host.address, 9)
    except ConnectionRefusedError:
        return True
    except TimeoutError:
        return False
    raise AssertionError("somebody listens there")


def test_those_that_are_cut_off_hear_one_another_and_the_others_nothing_of_them() -> None:
    with Network("a", "b", "c") as net:
        every = [(one, other) for one in net.hosts for other in net.hosts if one != other]
        heard = lambda: {(one, other) for one, other in every if net[one].run(lambda: hears(net[other]))}  # noqa: B023, E731
        assert heard() == set(every)
        net.cut_off("a", "b")
        assert heard() == {("a", "b"), ("b", "a")}
        net.join("a", "b")
        assert heard() == set(every)


def test_nothing_is_seen_outside_and_nothing_is_left() -> None:
    interfaces = lambda: subprocess.run(["ip", "-o", "address"], capture_output=True, text=True, check=True).stdout  # noqa: E731
    before = interfaces()
    with Network("a") as net:
        process = subprocess.Popen([*net["a"].words, "sleep", "600"])
        assert interfaces() == before
        assert len(names()) == 2
    assert process.wait(5) == -signal.SIGKILL
    assert not running(process.pid)
    assert not names()


def test_what_somebody_left_who_was_killed_is_removed_by_the_next() -> None:
    killed = subprocess.Popen([sys.executable, "-c", ORPHAN], cwd=ROOT)
    assert killed.wait(20) == -signal.SIGKILL
    left = list(NAMED.glob(f"dibs-{killed.pid}-*"))
    assert len(left) == 2
    with Network("a"):
        assert not [path for path in left if path.exists()]
