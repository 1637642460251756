"""Somebody comes back and has missed a thousand messages, or a hundred thousand, while more arrive.

Promise: all of them in order, none twice, none missing.
"""

import asyncio
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench.found import Figures, Found, Plot, spread
from bench.house import Step, play_on, serving
from bench.line import Dibs, Frame, Place, Who

MISSED, MORE, ROUNDS, MANY = 1000, 300, 10, 100_000
UNDER_WAY = 256
"""How many messages the agent has under way at most."""
MORE_S = 0.001
"""Between two of those that arrive meanwhile."""
WAIT_S = 120.0


async def offline_drain(folder: Path, share: float, step: Step) -> Found:
    """`share` of ten rounds and of a hundred thousand messages."""
    async with serving(folder) as server:
        order = {"rounds": max(1, round(ROUNDS * share)), "many": max(MISSED, round(MANY * share))}
        return await play_on(server, "offline_drain", step, **order)


async def play(order: dict[str, Any], step: Step) -> Found:
    """See `bench.load`. Each round has a user of its own."""
    cases = [("1,000 missed", MISSED, 0)] * order["rounds"] + [("1,000 missed, 300 more", MISSED, MORE)] * order["rounds"]
    cases.append((f"{order['many']:,} missed at once", order["many"], 0))
    whole = sum(missed for _, missed, _ in cases)
    faults: list[str] = []
    waits_s: dict[str, list[float]] = {}
    found = Found()
    done = 0
    place = Place(order["address"], order["secret"])
    agent = await Dibs.open(place, Who("agent", "a", "s"), faults)
    for number, (name, missed, more) in enumerate(cases):
        back = _Return(place, agent, Who("user", f"u{number}", "s"), faults)
        await back.leave(missed, lambda part, done=done, missed=missed: step((done + part * missed) / whole))
        waits_s.setdefault(name, []).append(await back.come(missed, more))
        done += missed
        step(done / whole)
    await agent.close()
    for name, waits in waits_s.items():
        figures: Figures = {"rounds": len(waits)} | spread(waits, "handed over")
        found.rows[name] = figures | {
            "messages a second": round(len(waits) * (order["many"] if name == cases[-1][0] else MISSED) / sum(waits))
        }
    found.broken = faults
    medians = {name: 1000 * median(waits) for name, waits in waits_s.items()}
    found.plots = [
        Plot(
            title="From the connect until all that was missed is there",
            x="missed messages",
            y="ms, median",
            lines={
                "nothing else": [(MISSED, medians["1,000 missed"]), (order["many"], medians[cases[-1][0]])],
                "300 more meanwhile": [(MISSED, medians["1,000 missed, 300 more"])],
            },
            across="log",
            tall="log",
        )
    ]
    return found


class _Return:
    """A user who is away for a while."""

    def __init__(self, place: Place, agent: Dibs, who: Who, faults: list[str]) -> None:
        self._place, self._agent, self._who, self._faults = place, agent, who, faults
        self._seq, self._generation = 0, ""

    async def leave(self, missed: int, step: Step) -> None:
        """Says a word, and is sent `missed` messages when gone."""
        user = await Dibs.open(self._place, self._who, self._faults)
        ack = await user.carried_out("send", kind="text", body={"text": "is there anybody?"})
        self._seq, self._generation = ack.seq, user.generation
        await self._agent.carried_out("claim", user=self._who.id)
        user.number = self._seq
        user.received()
        await user.close()
        acked = 0
        room = asyncio.Event()

        def one_more(_: int) -> None:
            nonlocal acked
            acked += 1
            room.set()

        self._agent.on_ack = one_more
        for number in range(missed):
            while number - acked >= UNDER_WAY:
                room.clear()
                await room.wait()
                step(acked / missed)
            self._agent.answer(self._who.id, f"missed {number}")
        async with asyncio.timeout(WAIT_S):
            while acked < missed:
                room.clear()
                await room.wait()

    async def come(self, missed: int, more: int) -> float:
        """Comes back while `more` messages are sent; seconds until the last of those that were missed is there."""
        last, end = self._seq + missed, self._seq + missed + more
        there, over = asyncio.get_running_loop().create_future(), asyncio.Event()

        def hear(frame: Frame) -> None:
            if frame.seq == last:
                there.set_result(time.perf_counter())
            if frame.seq == end:
                over.set()

        arriving = asyncio.ensure_future(self._send(more))
        start_s = time.perf_counter()
        async with asyncio.timeout(WAIT_S):
            user = await Dibs.open(self._place, self._who, self._faults, resume=self._seq, generation=self._generation, on_frame=hear)
            end_s = await there
            await arriving
            await over.wait()
        await user.close()
        if user.number != end:
            self._faults.append(f"{self._who.id} heard up to {user.number} of {end}")
        return float(end_s - start_s)

    async def _send(self, more: int) -> None:
        for number in range(more):
            self._agent.answer(self._who.id, f"meanwhile {number}")
            await asyncio.sleep(MORE_S)
