"""How several workers end: when all of dibs is told to, when their master is gone, and where they cannot even begin."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.cluster.crew import arrive, crew, gone, hang_up, judge, said
from tests.faults.load import Load, until
from tests.wire.person import Person
from tests.wire.server import Server, running

pytestmark = pytest.mark.anyio

STOP_S = 10.0
SABOTAGE = """
import os, sys
if "web.crew.worker" in sys.orig_argv:
    os._exit(3)
"""


async def test_sigterm_under_load_ends_every_session_with_1001_and_loses_nothing(tmp_path: Path) -> None:
    server = crew(tmp_path)
    await server.start()
    load = Load(server, shoppers=16, agents=2, pause_s=0.02)
    try:
        await arrive(load)
        load.work()
        await load.until_acked(200)
        counts = [len(person.codes) for person in load.people]
        began_s = time.monotonic()
        await server.stop()
        assert time.monotonic() - began_s < STOP_S
        firsts = lambda: [person.codes[count : count + 1] for person, count in zip(load.people, counts, strict=True)]  # noqa: E731
        await until(lambda: all(firsts()), 5, "everybody noticed")
        assert firsts() == [[1001]] * len(load.people)
        await server.start()
        await load.back()
        assert {person.id: person.duplicates for person in load.people if person.duplicates} == {}, "done and not answered"
        await judge(load)
        await server.stop()
    finally:
        await load.end()
        server.kill()
    server.check_log()


ON_A_TERMINAL = """
import os, sys
os.open(sys.argv[1], os.O_RDWR)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Whoever leads a session and has no terminal gets the first that it opens."""


async def a_second_signal_hurries(server: Server) -> None:
    """A tab that has stopped reading holds the farewell up, but not beyond the second signal."""
    assert server.process is not None
    stuck = await Person.open(server, server.token("agent", "a1", stores=["s1"]))
    stuck.socket.transport.pause_reading()
    server.process.send_signal(signal.SIGTERM)
    await said(server, '"draining"', 2)
    began_s = time.monotonic()
    server.process.send_signal(signal.SIGINT)
    assert await asyncio.to_thread(server.process.wait, STOP_S) == 0
    assert time.monotonic() - began_s < 2.5
    await stuck.tidy()


async def a_worker_that_stands_still_is_killed_in_time(server: Server) -> None:
    pids = server.workers()
    os.kill(pids["2"], signal.SIGSTOP)
    try:
        await server.stop()
        assert not any(map(running, pids.values()))
    finally:
        if running(pids["2"]):  # it sees the end of nobody
            os.kill(pids["2"], signal.SIGKILL)
    assert '"worker_killed"' in server.said()


async def sigterm_in_the_middle_of_a_reload_ends_everything(server: Server) -> None:
    user = await Person.open(server, server.token("user", "u1"))
    hang_up(server)
    await said(server, '"reloading"')
    await until(lambda: len(server.workers()) == 2, 1, "the processes")
    pids = [*server.pids(), server.valkey_pid()]
    await server.stop()
    assert await user.closed() == 1001
    assert not any(map(running, pids))


async def nothing_outlives_a_master_that_is_killed(server: Server) -> None:
    """And the port is free for the next one at once."""
    user = await Person.open(server, server.token("user", "u1"))
    pids = [*server.pids(), server.valkey_pid()]
    assert len(pids) == 3
    server.options["port"] = server.address.rpartition(":")[2]
    server.kill()
    assert await user.closed() == 1001
    await server.start()
    await gone(*pids)
    await server.stop()


async def where_no_worker_can_start_it_is_one_line_and_status_1(server: Server) -> None:
    server.data.mkdir()
    (server.data / "sitecustomize.py").write_text(SABOTAGE)
    server.environ |= {"PYTHONPATH": str(server.data)}
    status, told = await server.refused()
    assert status == 1
    lines = [line for line in told.splitlines() if line.startswith("dibs: ")]
    assert lines == ["dibs: no worker could be started: it ended with status 3"]
    assert server.stdout.read_text() == ""


async def a_terminal_that_is_closed_ends_what_was_started_on_it(server: Server) -> None:
    ours, theirs = os.openpty()
    server.within = (sys.executable, "-c", ON_A_TERMINAL, os.ttyname(theirs))
    try:
        await server.start()
        hang_up(server)
        await said(server, '"reloaded"')
        user = await Person.open(server, server.token("user", "u1"))
        workers = server.workers().values()
        os.close(ours)
        assert await user.closed() == 1001
        await gone(*workers)
        assert server.process is not None
        assert await asyncio.to_thread(server.process.wait, STOP_S) == 0
    finally:
        os.close(theirs)


ENDS: tuple[Callable[[Server], Awaitable[None]], ...] = (
    a_second_signal_hurries,
    a_worker_that_stands_still_is_killed_in_time,
    sigterm_in_the_middle_of_a_reload_ends_everything,
    nothing_outlives_a_master_that_is_killed,
)
BEGINNINGS = (where_no_worker_can_start_it_is_one_line_and_status_1, a_terminal_that_is_closed_ends_what_was_started_on_it)
"""These start it themselves."""


async def test_every_other_end_is_whole_and_in_time(tmp_path: Path) -> None:
    """Side by side: each of them mostly waits."""
    await asyncio.gather(*(to_its_end(end, tmp_path / end.__name__[:8]) for end in (*ENDS, *BEGINNINGS)))


async def to_its_end(end: Callable[[Server], Awaitable[None]], folder: Path) -> None:
    await asyncio.to_thread(folder.mkdir)
    server = crew(folder)
    try:
        if end not in BEGINNINGS:
            await server.start()
        await end(server)
    finally:
        server.kill()
    server.check_log()
