"""What befalls a Redis that Sentinel looks after, as a row: the primary dies, is cut off, or is cut off together with a node."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from anyio import to_thread

from tests.cluster.guarded import Guarded, Housed, guarded
from tests.faults.load import Figures, Load, conclude, loaded, until
from tests.history.record import Setting

BACK_S = 5.0
"""Writes are back so long after the promotion, and after a node that was cut off has its way back."""
UNDER_WAY_S = 1.0
"""Acks of what a replica had before the cut come in by then."""
LARGE = {"grace": 600, "heartbeat": 60}
"""Nobody's chats go back because a node was cut off, and nobody is taken for silent."""
STRIKES = ("killed", "cut off", "cut off with a node")


async def failovers(rounds: int, folder: Path, *, which: Sequence[str] = STRIKES) -> Figures:
    """Round by round another strike. Nothing acknowledged is lost, nobody owns a chat twice, and what may have been shown is taken back
    by a `reset` in another generation."""
    async with guarded(folder, **LARGE) as there:
        return await struck(there, rounds, which)


async def struck(there: Guarded, rounds: int, which: Sequence[str]) -> Figures:
    """The same where it is all there already."""
    figures, times_s = Figures(), []
    first, second = there.nodes
    async with loaded(second, seed=rounds, agents=4, others=[first], setting=Setting(may_roll_back=True)) as load:
        while figures.rounds < rounds:
            await there.settled()
            await load.until_acked(40)
            times_s.append(await Strike(there, load, figures, which[figures.rounds % len(which)]).run())
            figures.rounds += 1
            figures.also = f"promoted after {min(times_s):.1f} to {max(times_s):.1f} s"
        await load.until_acked(40)
        await conclude(load, figures)
    return figures


class Strike:
    """One round."""

    def __init__(self, there: Guarded, load: Load, figures: Figures, kind: str) -> None:
        self.there, self.load, self.figures, self.kind = there, load, figures, kind
        self.apart = [person for person in load.people if person.server is there.nodes[0]] if kind == STRIKES[2] else []
        """Who is at the node that is cut off."""

    async def run(self) -> float:
        """How long it took until another server was promoted."""
        old, load, figures = self.there.primary, self.load, self.figures
        before = stands(load)
        struck_s = time.monotonic()
        await to_thread.run_sync(self._strike, old)
        silence = asyncio.create_task(self._nothing_acked()) if self.apart else None
        promoted_s = await self.there.promoted()
        at = [person for person in load.shoppers if person not in self.apart]
        await asyncio.gather(*(person.ask(person.text()) for person in at[:2]))
        figures.recovered(time.monotonic() - promoted_s, BACK_S, f"writing again after the primary was {self.kind}")
        if silence is not None:
            await silence
        await to_thread.run_sync(self._heal, old)
        if self.apart:
            healed_s = time.monotonic()
            shopper = next(person for person in load.shoppers if person in self.apart)
            await shopper.ask(shopper.text())
            figures.recovered(time.monotonic() - healed_s, BACK_S, "writing again at the node that was cut off")
        await taken_back(load, before, figures, f"after the primary was {self.kind}")
        return promoted_s - struck_s

    def _strike(self, old: Housed) -> None:
        match self.kind:
            case "killed":
                old.kill()
            case "cut off":
                old.machine.cut()
            case _:
                old.machine.set_apart()
                self.there.first_machine.set_apart()

    def _heal(self, old: Housed) -> None:
        if old.process is None:
            old.start()
        old.machine.join()
        self.there.first_machine.join()

    async def _nothing_acked(self) -> None:
        """At the node that is cut off with the old primary, which takes writes for some time, commands are `unavailable`."""
        await asyncio.sleep(UNDER_WAY_S)
        acked = {person.id: len(person.acks) for person in self.apart}
        refused = sum(person.unavailable for person in self.apart)
        await until(lambda: sum(person.unavailable for person in self.apart) > refused, 15, "`unavailable` at the node that is cut off")
        wrong = [person.id for person in self.apart if len(person.acks) > acked[person.id]]
        self.figures.expect(not wrong, f"acknowledged without a replica: {wrong}")


def stands(*loads: Load) -> dict[str, tuple[str, int]]:
    """Who knows which generation, and was told `reset` how often."""
    return {person.id: (person.generations[-1], person.resets) for load in loads for person in load.people}


async def taken_back(load: Load, before: dict[str, tuple[str, int]], figures: Figures, when: str) -> None:
    """Everybody is in another generation, and was told `reset`."""
    known = lambda person: person.ready.is_set() and person.generations[-1] != before[person.id][0]  # noqa: E731
    await until(lambda: all(map(known, load.people)), 15, "everybody in another generation", load.told)
    unaware = [person.id for person in load.people if person.resets == before[person.id][1]]
    figures.expect(not unaware, f"{when}: no `reset` for {unaware}")
