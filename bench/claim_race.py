"""Agents race for every chat of a store.

Promise: one winner each, and everybody else is told who.
"""

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

from bench.found import Found, Plot, distribution, spread
from bench.house import Step, client, serving
from web.client import Client, Refused

AGENTS, CHATS, AT_ONCE = 50, 1000, 20


async def claim_race(folder: Path, share: float, step: Step) -> Found:
    """`share` of a thousand chats. A chat is asked for by all agents at the same moment; they are on the client that dibs ships."""
    chats = max(1, round(CHATS * share))
    waits_s: list[float] = []
    wins: Counter[str] = Counter()
    async with serving(folder) as server, AsyncExitStack() as stack:
        agents = [await stack.enter_async_context(client(server, "agent", f"a{n}", "s")) for n in range(AGENTS)]
        for agent in agents:
            await agent.ready()

        async def claim(agent: Client, number: int, user: str) -> str:
            start_s = time.monotonic()
            try:
                ack = await agent.claim("s", user)
                owner = ack.owner
                wins[f"a{number}"] += 1
            except Refused as refused:
                owner = refused.error.owner if refused.code == "already_claimed" else None
            waits_s.append(time.monotonic() - start_s)
            assert owner, "everybody is told whose it is"
            return owner.id

        async def race(user: str) -> None:
            async with client(server, "user", user, "s") as shopper:
                await shopper.send("s", {"text": "hello"})
            owners = {await told for told in asyncio.as_completed([claim(agent, n, user) for n, agent in enumerate(agents)])}
            assert len(owners) == 1, f"{user} has the owners {owners}"

        start_s = time.monotonic()
        for first in range(0, chats, AT_ONCE):
            group = [f"u{n}" for n in range(first, min(first + AT_ONCE, chats))]
            await asyncio.gather(*map(race, group))
            step((first + len(group)) / chats)
        took_s = time.monotonic() - start_s
        assert sum(wins.values()) == chats, f"{sum(wins.values())} claims of {chats} chats were accepted"
    figures = {"agents": AGENTS, "chats": chats, "claims a second": round(len(waits_s) / took_s)} | spread(waits_s, "answer")
    plot = Plot(
        title="How long a claim takes in a race",
        x="percentile",
        y="ms",
        lines={f"{AGENTS} agents": distribution(waits_s)},
        across="nines",
        tall="log",
    )
    return Found(rows={"race": figures}, plots=[plot])
