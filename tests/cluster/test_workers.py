"""Several workers on one port: all serve, whichever is asked answers for all, and the loss of one costs its own clients a moment."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from storage.key import COUNT

from tests.cluster.crew import arrive, crew, ended, figures, has, holds, judge, said
from tests.faults.load import Load, until
from tests.wire.door import ask, operator
from tests.wire.person import Person
from tests.wire.server import SECRET, Server

pytestmark = pytest.mark.anyio

ADDRESS_LIMIT = 40
WORKER_TIMEOUT_S = 3


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with crew(
        tmp_path_factory.mktemp("crew"), unauthenticated_per_address=ADDRESS_LIMIT, worker_timeout=WORKER_TIMEOUT_S
    ).running() as server:
        yield server
    assert server.stdout.read_text().count("dibs: listening on ") == 1
    lines = server.said().splitlines()
    for name in ("master", "1", "2"):
        assert [line for line in lines if f'"worker": "{name}"' in line], name
    assert all('"worker": "' in line for line in lines), lines


async def test_each_worker_serves_and_whichever_is_asked_answers_for_all(server: Server) -> None:
    load = Load(server, shoppers=30, agents=2, burst=2)
    try:
        await arrive(load)
        load.work()
        await load.until_acked(150)
        assert server.workers().keys() == {"1", "2"}
        for _ in range(6):
            sessions = await figures(server, "dibs_sessions")
            assert sessions == {"": 32, "1": sessions["1"], "2": 32 - sessions["1"]}
            assert min(sessions.values()) > 0, "one of them has no clients at all"
            assert await has(server, "workers: 2 of 2")
        await judge(load)
        for name in ("dibs_append_seconds_count", "dibs_sessions_opened_total", "dibs_deliveries_total"):
            parts = await figures(server, name)
            assert parts[""] == parts["1"] + parts["2"] > 0, (name, parts)
    finally:
        await load.end()


async def test_kill_9_of_a_worker_costs_its_own_clients_a_moment_and_nobody_else_notices(server: Server) -> None:
    load = Load(server, shoppers=24, agents=2)
    try:
        await arrive(load)
        load.work()
        await load.until_acked(60)
        before = await figures(server, "dibs_sessions")
        counted = await figures(server, "dibs_sessions_opened_total")
        counts = [len(person.codes) for person in load.people]
        below, pid = server.valkey_pid(), server.workers()["1"]
        os.kill(pid, signal.SIGKILL)
        await until(lambda: len(ended(load, counts)) >= before["1"], 10, "its clients noticed")
        await load.back()
        await holds(lambda: has(server, "workers: 2 of 2"), 20, "another in its place")
        assert ended(load, counts) == [1006] * int(before["1"]), "others noticed"
        assert before["2"] > 0
        assert server.valkey_pid() == below
        assert server.workers()["1"] != pid
        opened = await figures(server, "dibs_sessions_opened_total")
        assert opened[""] == counted[""] + before["1"], "what the one that is gone has counted still counts"
        assert (await figures(server, "dibs_worker_restarts_total"))[""] == 1
        await load.until_acked(60)
        await judge(load)
        with server.valkey() as valkey:
            assert valkey.hlen(COUNT) == 2, "whoever comes in the place of another goes by its name"
    finally:
        await load.end()
    assert server.said().count('"worker_ended"') == 1


async def test_what_waits_to_be_accepted_is_taken_by_another_when_a_worker_is_killed(server: Server) -> None:
    """Both stand still while a crowd connects: everything waits in the kernel's queue. One is killed, the other goes on."""
    ones, others = server.workers().values()
    for pid in (ones, others):
        os.kill(pid, signal.SIGSTOP)
    dials = [asyncio.create_task(Person.open(server, server.token("user", f"u{n}"))) for n in range(20)]
    done, _ = await asyncio.wait(dials, timeout=0.3)
    os.kill(ones, signal.SIGKILL)
    os.kill(others, signal.SIGCONT)
    assert not done
    for person in await asyncio.gather(*dials):
        await person.close()
    await holds(lambda: has(server, "workers: 2 of 2"), 20, "another in its place")


async def test_a_worker_that_is_stuck_is_killed_and_its_clients_go_on_elsewhere(server: Server) -> None:
    load = Load(server, shoppers=12, agents=2)
    try:
        await arrive(load)
        load.work()
        await load.until_acked(30)
        stuck, other = server.workers()["2"], server.workers()["1"]
        os.kill(stuck, signal.SIGSTOP)
        await said(server, "worker_stuck")
        await load.back()
        await holds(lambda: has(server, "workers: 2 of 2"), 20, "another in its place")
        assert server.workers()["1"] == other
        assert server.workers()["2"] != stuck
        await load.until_acked(30)
        await judge(load)
    finally:
        await load.end()


async def test_a_chat_that_is_erased_is_forgotten_by_all_workers(server: Server) -> None:
    """Whoever sees the chat on another worker than the one that is asked has to come again as well."""
    agents = [await Person.open(server, server.token("agent", f"a{n}", stores=["s1"])) for n in range(16)]
    assert min((await figures(server, "dibs_sessions")).values()) > 0, "all on one worker: this shows nothing"
    user = await Person.open(server, server.token("user", "u1"))
    user.store = "s1"
    await user.say()
    answer = await ask(server, "POST", "/operator/erase", operator(server), {"store": "s1", "user": "u1"})
    assert answer.json["existed"], answer
    assert {await person.closed() for person in (*agents, user)} == {4200}


async def test_no_secret_stands_in_the_arguments_or_the_environment_of_a_worker(server: Server) -> None:
    for pid in server.workers().values():
        assert SECRET.encode() not in shown(pid)
        assert b"DIBS_" not in shown(pid)


def shown(pid: int) -> bytes:
    """What others may be shown of a process."""
    proc = Path(f"/proc/{pid}")
    if proc.exists():
        return (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()
    return subprocess.run(["ps", "-Eww", "-o", "command=", "-p", str(pid)], capture_output=True, check=True).stdout


async def test_what_is_promised_of_sockets_without_hello_holds_for_all_workers_together(server: Server) -> None:
    """Each has a part of it; the crowd comes from an address of its own, so that there is room for who asks."""
    host, port = server.address.split(":")
    dials = (asyncio.open_connection(host, int(port), local_addr=("127.66.0.1", 0)) for _ in range(4 * ADDRESS_LIMIT))
    sockets = [found for found in await asyncio.gather(*dials, return_exceptions=True) if not isinstance(found, BaseException)]
    try:
        await said(server, "strangers_turned_away")
        there = await figures(server, "dibs_unauthenticated")
        asking = 1
        assert max(there["1"], there["2"]) >= ADDRESS_LIMIT / 2
        assert there["1"] <= ADDRESS_LIMIT / 2 + asking
        assert there["2"] <= ADDRESS_LIMIT / 2 + asking
    finally:
        for _, writer in sockets:
            writer.close()
