"""SIGHUP: other workers, by the code and the settings of now, in the place of those before; clients are moved and lose nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from storage.key import COUNT

from tests.cluster.crew import arrive, crew, ended, hang_up, has, holds, judge, said
from tests.faults.load import Load
from tests.wire.person import Person
from tests.wire.server import Server

pytestmark = pytest.mark.anyio

CODE = """
import sys
if "web.crew.worker" in sys.orig_argv:
    with open({seen!r}, "a") as file:
        file.write({version!r})
"""
"""Stands for the code of dibs: each process that begins tells which version it has read."""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("reload")
    server = crew(folder, env_file=folder / "env")
    del server.options["heartbeat"], server.options["workers"]
    server.environ["PYTHONPATH"] = str(folder)
    settle(server)
    install(folder, "1")
    with server.running():
        yield server
    assert server.stdout.read_text().count("dibs: listening on ") == 1


def settle(server: Server, **settings: object) -> None:
    """Writes the file of settings."""
    lines = {"heartbeat": 5, "workers": 2} | settings
    Path(server.options["env_file"]).write_text("".join(f"DIBS_{name.upper()}={value}\n" for name, value in lines.items()))


def install(folder: Path, version: str) -> None:
    """Puts a version of the code in place."""
    (folder / "sitecustomize.py").write_text(CODE.format(seen=str(folder / "seen"), version=version))


async def heartbeats(server: Server, id: str) -> set[float]:
    """What several sessions are told, so that each worker is asked."""
    people = [await Person.open(server, server.token("user", f"{id}{n}")) for n in range(8)]
    for person in people:
        await person.close()
    return {person.welcome["heartbeat"] for person in people}


async def test_under_load_every_session_is_moved_with_1001_and_nothing_is_lost_or_done_twice(server: Server) -> None:
    """One tab has stopped reading, so that a worker takes its time to go: nobody who comes meanwhile is let in there."""
    load = Load(server, shoppers=16, agents=2)
    stuck = await Person.open(server, server.token("user", "stuck"))
    stuck.socket.transport.pause_reading()
    try:
        await arrive(load)
        load.work()
        await load.until_acked(100)
        before, valkey = server.workers(), server.valkey_pid()
        counts = [len(person.codes) for person in load.people]
        settle(server, heartbeat=7)
        install(server.data.parent, "2")
        hang_up(server)
        await said(server, '"reloaded"')
        assert (server.data.parent / "seen").read_text() == "1122"
        after = server.workers()
        assert after.keys() == before.keys()
        assert not set(after.values()) & set(before.values())
        assert server.valkey_pid() == valkey
        assert await heartbeats(server, "p") == {7}
        await load.until_acked(100)
        assert all(len(person.codes) > count for person, count in zip(load.people, counts, strict=True)), "somebody was never moved"
        assert set(ended(load, counts)) == {1001}
        assert {person.id: person.duplicates for person in load.people if person.duplicates} == {}, "done and not answered"
        await judge(load)
        with server.valkey() as valkey:
            assert valkey.hlen(COUNT) == 2, "whoever comes in the place of another goes by its name"
    finally:
        await load.end()
        await stuck.tidy()


async def test_settings_and_successors_that_are_of_no_use_leave_those_before_serving(server: Server) -> None:
    user = await Person.open(server, server.token("user", "u1"))
    before, heard = server.workers(), await heartbeats(server, "q")
    settle(server, heartbeat="often")
    hang_up(server)
    await said(server, "DIBS_HEARTBEAT: must be a number")
    settle(server, heartbeat=9, cert="/no/such/file", key="/no/such/key")
    hang_up(server)
    await said(server, '"not_reloaded"', 2)
    assert "--cert: /no/such/file cannot be read" in server.said()
    assert server.workers() == before
    assert await heartbeats(server, "r") == heard
    await user.pong()
    await user.close()


async def test_there_may_be_fewer_workers_than_before_and_more(server: Server) -> None:
    """What the master holds for all stays as it is: another Redis under half of the workers would be another mall."""
    for number in (1, 2):
        told = server.said().count('"reloaded"')
        settle(server, workers=number, redis=f"redis://nowhere.invalid:{number}")
        hang_up(server)
        await said(server, '"reloaded"', told + 1)
        await holds(lambda: has(server, f"workers: {number} of {number}"), 20, f"{number} workers")  # noqa: B023
        assert server.workers().keys() == {str(n) for n in range(1, number + 1)}
    assert server.said().count('"setting_kept"') == 2
