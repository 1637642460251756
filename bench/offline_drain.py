"""Somebody comes back and has missed a thousand messages, while more arrive: all of them in order, none twice, none missing."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from actors import told
from bench.house import Figures, client, serving, spread
from web.client import Place

MISSED, MORE, ROUNDS = 1000, 300, 10
WAIT_S = 60.0


async def offline_drain(folder: Path, share: float, step: Callable[[float], None]) -> Figures:
    """`share` of ten rounds, each a shopper of its own. The wait is from before the connect until the last missed message is there."""
    rounds = max(1, round(ROUNDS * share))
    waits_s: list[float] = []
    async with serving(folder) as server, client(server, "agent", "a", "s") as agent:
        await agent.ready()
        for number in range(rounds):
            user = f"u{number}"
            async with client(server, "user", user, "s") as shopper:
                welcome = await shopper.ready()
                ack = await shopper.send("s", {"text": "is there anybody?"})
                place = Place(welcome.generation, {"s": int(ack.seq or 0)})
            await agent.claim("s", user)
            await asyncio.gather(*(agent.send("s", {"text": str(n)}, user=user) for n in range(MISSED)))
            more = asyncio.gather(*(agent.send("s", {"text": str(MISSED + n)}, user=user) for n in range(MORE)))
            seen: list[int] = []
            start_s = time.monotonic()
            async with asyncio.timeout(WAIT_S), client(server, "user", user, "s", place) as shopper:
                async for event in shopper:
                    if isinstance(event, told.Message) and event.by.role != "user":
                        seen.append(event.seq)
                        if len(seen) == MISSED:
                            waits_s.append(time.monotonic() - start_s)
                        if len(seen) == MISSED + MORE:
                            break
            await more
            assert seen == list(range(2, MISSED + MORE + 2)), f"{user} saw {seen[:3]} to {seen[-3:]}"
            step((number + 1) / rounds)
    return {"rounds": rounds, "missed": MISSED, "more meanwhile": MORE} | spread(waits_s, "handed over")
