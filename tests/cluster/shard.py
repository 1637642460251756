"""What befalls a cluster, as a row: the primary of a busy store dies, and a busy store's slot goes to another primary."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from anyio import to_thread
from storage.key import StoreKeys
from storage.slot import slot

from tests.cluster.failover import BACK_S, LARGE, stands, taken_back
from tests.cluster.ring import Ring, noded, ring
from tests.faults.load import Figures, Load, conclude, loaded
from tests.history.record import Setting
from tests.wire.server import Server

STRIKES = ("moved", "killed", "stopped")


async def shards(rounds: int, folder: Path, *, which: Sequence[str] = STRIKES) -> Figures:
    """Round by round another strike at the shard of a store that is in use. Nothing acknowledged is lost, and nobody owns a chat twice."""
    async with ring(folder / "r") as there, noded(there, folder, **LARGE) as nodes:
        return await struck(there, nodes, rounds, which)


async def struck(there: Ring, nodes: list[Server], rounds: int, which: Sequence[str]) -> Figures:
    """The same where it is all there already."""
    figures, promoted_s, keys = Figures(), [0.0], 0
    setting = Setting(may_roll_back=True)
    async with (
        loaded(nodes[1], seed=rounds, agents=4, others=nodes[:1], setting=setting) as load,
        _elsewhere(there, nodes, load) as others,
    ):
        while figures.rounds < rounds:
            await there.well()
            await load.until_acked(40)
            kind = which[figures.rounds % len(which)]
            if kind == "moved":
                keys += await _moved(there, load, others, figures)
            else:
                promoted_s.append(await _lost(there, load, others, figures, kind))
            figures.rounds += 1
            figures.also = f"promoted after at most {max(promoted_s):.1f} s, {keys} keys moved"
        for each in (load, others):
            await each.until_acked(20)
            await conclude(each, figures)
    return figures


@asynccontextmanager
async def _elsewhere(there: Ring, nodes: list[Server], load: Load) -> AsyncIterator[Load]:
    """A load on a store of another shard."""
    taken = there.primary(StoreKeys(load.store).head)
    while True:
        found = Load(nodes[0], shoppers=4, agents=1, others=nodes[1:], setting=Setting(may_roll_back=True))
        if there.primary(StoreKeys(found.store).head) is not taken:
            break
    try:
        await found.begin()
        found.work()
        yield found
    finally:
        await found.end()


async def _moved(there: Ring, load: Load, others: Load, figures: Figures) -> int:
    """The slot of the store goes to a primary that has neither store, while everybody writes. Nobody has to come again for that."""
    key = StoreKeys(load.store).head
    old = there.primary(key)
    busy = (old, there.primary(StoreKeys(others.store).head))
    to = next(member for member in there.members if member.is_primary() and member not in busy)
    before = {person.id: (person.generations[-1], person.resets) for person in load.people}
    moved = await to_thread.run_sync(there.move, slot(key), to)
    await _served(load, figures, "after a slot has moved")
    figures.expect(there.primary(key) is to, "the slot has not moved")
    figures.expect(moved, "nothing was in the slot")
    come = [person.id for person in load.people if (person.generations[-1], person.resets) != before[person.id]]
    figures.expect(not come, f"a slot that moves is no loss, and yet another generation began for {come}")
    return moved


async def _lost(there: Ring, load: Load, others: Load, figures: Figures, kind: str) -> float:
    """The primary of the store dies, or stands still; its replica may lack what was shown, so everybody gets `reset`. Of other shards
    nothing was lost: they are written to meanwhile, and nobody gets `reset` for them. How long until it was promoted."""
    old = there.primary(StoreKeys(load.store).head)
    before = stands(load, others)
    struck_s = time.monotonic()
    await to_thread.run_sync(old.kill if kind == "killed" else old.stand_still)
    promoted_s, _ = await asyncio.gather(there.promoted(old), others.until_acked(20, BACK_S))
    # It has no replica, so it acknowledges nothing until the former primary follows it.
    await to_thread.run_sync(old.start if kind == "killed" else old.go_on)
    await there.well()
    await _served(load, figures, f"after a primary was {kind}")
    await taken_back(load, before, figures, f"after a primary was {kind}")
    told = [person.id for person in others.people if (person.generations[-1], person.resets) != before[person.id]]
    figures.expect(not told, f"after a primary was {kind}: `reset` for {told}, whose store another shard has")
    return promoted_s - struck_s


async def _served(load: Load, figures: Figures, when: str) -> None:
    start_s = time.monotonic()
    await asyncio.gather(*(person.ask(person.text()) for person in load.shoppers[:2]))
    figures.recovered(time.monotonic() - start_s, BACK_S, f"writing again {when}")
