"""The files of Redis lose their end, or an older copy of them comes back: dibs starts, and says so to everybody."""

import asyncio
import random
import shutil
from pathlib import Path

from storage.key import COUNT
from tests.faults.load import Figures, Load, conclude, loaded, until
from tests.faults.process import Dibs, Redis, tail_file
from tests.history.record import Setting

BACK_S = 5.0


async def _rolled_back(load: Load, figures: Figures, what: str, before: dict[str, tuple[str, int]]) -> None:
    """Everybody is back in another generation with a `reset`, and from here on all is as if the past had been like that."""
    figures.recovered(await load.back(), BACK_S, f"coming back after {what}")
    same = [person.id for person in load.people if person.generations[-1] == before[person.id][0]]
    figures.expect(not same, f"{what}: still in the old generation are {same}")
    unaware = [person.id for person in load.people if person.resets == before[person.id][1]]
    figures.expect(not unaware, f"{what}: no `reset` for {unaware}")
    for person in load.people:
        person.acks.clear()


def _now(load: Load) -> dict[str, tuple[str, int]]:
    return {person.id: (person.generations[-1], person.resets) for person in load.people}


def _cut_tail(folder: Path, chance: random.Random) -> None:
    """The file ends within an entry. At most one batch was on its way, so of the last three one at least had been acknowledged."""
    file = tail_file(folder)
    written = file.read_bytes()
    end = len(written)
    for _ in range(3):
        end = written.rindex(COUNT.encode(), 0, end)
    with file.open("r+b") as handle:
        handle.truncate(end + chance.randint(1, len(COUNT)))


async def tail_cut(rounds: int, folder: Path, seed: int = 21) -> Figures:
    """The append-only file ends in the middle of an entry, which had been acknowledged."""
    figures, chance = Figures(), random.Random(seed)
    for number in range(rounds):
        server = Dibs(folder / f"data{number}")
        await server.start()
        try:
            async with loaded(server, seed=seed + number, setting=Setting(may_roll_back=True)) as load:
                await load.until_acked(60)
                before = _now(load)
                await asyncio.to_thread(server.kill_both)
                _cut_tail(server.data / "valkey", chance)
                await server.start()
                await _rolled_back(load, figures, "a torn tail", before)
                await load.until_acked(30)
                await conclude(load, figures)
            await server.stop()
        finally:
            server.kill()
        figures.rounds += 1
    return figures


async def older_copy(rounds: int, folder: Path, seed: int = 22) -> Figures:
    """A copy of some time ago takes the place of the data while nothing runs."""
    figures = Figures()
    for number in range(rounds):
        server = Dibs(folder / f"data{number}")
        await server.start()
        try:
            async with loaded(server, seed=seed + number, setting=Setting(may_roll_back=True)) as load:
                await load.until_acked(60)
                copy = folder / f"copy{number}"
                await asyncio.to_thread(shutil.copytree, server.data / "valkey", copy, ignore=shutil.ignore_patterns("*.sock"))
                await load.until_acked(60)
                before = _now(load)
                await asyncio.to_thread(server.kill_both)
                _restore(copy, server.data / "valkey")
                await server.start()
                await _rolled_back(load, figures, "an older copy", before)
                await load.until_acked(30)
                await conclude(load, figures)
            await server.stop()
        finally:
            server.kill()
        figures.rounds += 1
    return figures


async def older_copy_under_way(rounds: int, folder: Path, seed: int = 23) -> Figures:
    """The same under a dibs that lives: Redis comes back behind what it has seen committed."""
    figures = Figures()
    for number in range(rounds):
        with Redis(folder / f"redis{number}") as redis:
            server = Dibs(folder / f"live{number}", redis=redis.url)
            await server.start()
            try:
                async with loaded(server, seed=seed + number, setting=Setting(may_roll_back=True)) as load:
                    await load.until_acked(60)
                    copy = folder / f"before{number}"
                    await asyncio.to_thread(shutil.copytree, redis.folder / "appendonlydir", copy)
                    await load.until_acked(60)
                    before = _now(load)
                    redis.kill()
                    _restore(copy, redis.folder / "appendonlydir")
                    redis.start()
                    await until(lambda: all(_noticed(load, before)), 15, "everybody in another generation", lambda: str(before))  # noqa: B023
                    await _rolled_back(load, figures, "an older copy under way", before)
                    await load.until_acked(30)
                    await conclude(load, figures)
                await server.stop()
            finally:
                server.kill()
        figures.rounds += 1
    return figures


def _noticed(load: Load, before: dict[str, tuple[str, int]]) -> list[bool]:
    return [person.ready.is_set() and person.generations[-1] != before[person.id][0] for person in load.people]


def _restore(copy: Path, place: Path) -> None:
    shutil.rmtree(place)
    shutil.copytree(copy, place)
