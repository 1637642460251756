"""Warnings before memory or disk run out: one when it begins, one when it is over, and none in between."""

import shutil

import pytest

from storage import room as room_module
from storage.batch import Limits
from storage.journal import JournalUnreachable
from storage.room import CALM, NAMES, WARN, Room, Use, machine_memory
from tests.storage.test_embedded import Log

GIB = 1 << 30


def uses(*shares):
    """A Redis that uses more and more, or less."""
    left = list(shares)

    async def ask():
        return Use(int(left.pop(0) * 1000), 1000, "its memory")

    return ask


async def told(shares, log):
    room = Room(uses(*shares), None, log)
    warned = []
    for _ in shares:
        await room.look()
        warned.append("redis_memory" in room.warnings)
    return warned


@pytest.fixture
def nothing_else(monkeypatch):
    monkeypatch.setattr(room_module, "machine_memory", lambda: None)


@pytest.mark.usefixtures("nothing_else")
async def test_a_warning_is_told_once_and_stays_until_there_is_clearly_room():
    log = Log()
    between = (WARN + CALM) / 2
    assert await told([0.5, between, WARN, between, 0.99, WARN, between, CALM, between, WARN], log) == [
        *(False, False),
        *(True, True, True, True, True),
        *(False, False),
        True,
    ]
    assert log.names() == ["room_runs_out", "room_again", "room_runs_out"]
    assert log.events[0][1] == {"of": "redis_memory", "sentence": "85% of its memory is used"}


@pytest.mark.usefixtures("nothing_else")
async def test_what_cannot_be_asked_leaves_what_was_known():
    answers = [Use(9, 10, "its memory"), JournalUnreachable("no way")]

    async def ask():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    room = Room(ask, None, Log())
    await room.look()
    await room.look()
    assert room.warnings == {"redis_memory": "90% of its memory is used"}
    assert room.shares == {"redis_memory": 0.9}


@pytest.mark.usefixtures("nothing_else")
async def test_a_disk_that_is_nearly_full_or_has_no_room_for_a_rewrite_is_told(tmp_path, monkeypatch):
    files = tmp_path / "valkey" / "appendonlydir"
    files.mkdir(parents=True)
    (files / "base").write_bytes(b"x" * 90)
    room = Room(uses(*[0.1] * 3), tmp_path, Log())
    for free, warned in ((500, set()), (100, {"disk", "rewrite"}), (300, {"rewrite"} if CALM < 90 / 300 else set())):
        monkeypatch.setattr(shutil, "disk_usage", lambda path, free=free: shutil._ntuple_diskusage(1000, 1000 - free, free))
        await room.look()
        assert set(room.warnings) == warned
    assert room.shares == {"redis_memory": 0.1, "disk": 0.7, "rewrite": 0.3}


def test_where_nothing_is_left_all_is_used():
    assert Use(0, 0, "nothing").share == 1.0
    assert Use(7, 5, "less than there is").share == 1.0


def test_a_container_counts_where_it_may_use_less_than_there_is(tmp_path):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(f"MemTotal:       {16 * GIB // 1024} kB\nMemFree:  1 kB\nMemAvailable:    {4 * GIB // 1024} kB\n")
    assert machine_memory(meminfo, tmp_path) == Use(12 * GIB, 16 * GIB, "the memory of this machine")
    (tmp_path / "memory.current").write_text(f"{3 * GIB}\n")
    (tmp_path / "memory.stat").write_text(f"anon 5\ninactive_file {GIB}\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert machine_memory(meminfo, tmp_path).of == 16 * GIB
    (tmp_path / "memory.max").write_text(f"{4 * GIB}\n")
    assert machine_memory(meminfo, tmp_path) == Use(2 * GIB, 4 * GIB, "the memory of this container")
    assert machine_memory(tmp_path / "none", tmp_path) is None


async def test_a_real_server_and_this_machine_tell_what_they_use(empty_valkey, wall, tmp_path):
    journal = empty_valkey.journal(wall, Limits())
    use = await journal.memory()
    assert use.what == "the memory of the machine of Redis, which has no maxmemory,"
    assert 0 < use.share < 1
    empty_valkey.client.config_set("maxmemory", use.used * 2)
    try:
        limited = await journal.memory()
    finally:
        empty_valkey.client.config_set("maxmemory", 0)
    assert limited.what == "the maxmemory of Redis"
    assert 0.3 < limited.share < 0.7
    room = Room(journal.memory, tmp_path, Log())
    await room.look()
    assert set(room.shares) <= set(NAMES)
    assert {"redis_memory", "disk"} <= set(room.shares)
    await journal.close()
