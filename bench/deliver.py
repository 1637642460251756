"""Shoppers write at an open rate and agents answer: how long until the other side has it, and until the writer is told that it is safe."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from actors import told
from bench.house import Figures, client, serving, spread
from web.client import Client

AGENTS, SHOPPERS, RATE, SECONDS = 5, 25, 200, 20.0


async def deliver(folder: Path, share: float, step: Callable[[float], None]) -> Figures:
    """`share` of twenty seconds, one store. A message is sent when its time has come, whatever has become of the one before."""
    seconds = max(2.0, SECONDS * share)
    acks_s: list[float] = []
    heard_s: list[float] = []
    sent: dict[str, float] = {}
    counts: dict[str, int] = {}
    async with serving(folder) as server, AsyncExitStack() as stack:
        agents = [await stack.enter_async_context(client(server, "agent", f"a{n}", "s")) for n in range(AGENTS)]
        shoppers = [await stack.enter_async_context(client(server, "user", f"u{n}", "s")) for n in range(SHOPPERS)]
        for person in (*agents, *shoppers):
            await person.ready()

        async def listen(agent: Client, name: str) -> None:
            async for event in agent:
                if isinstance(event, told.Message):
                    heard_s.append(time.monotonic() - sent[event.body["text"]])
                    counts[name] = counts.get(name, 0) + 1

        async def write(shopper: Client, text: str) -> None:
            sent[text] = start_s = time.monotonic()
            await shopper.send("s", {"text": text})
            acks_s.append(time.monotonic() - start_s)

        listening = [asyncio.create_task(listen(agent, f"a{n}")) for n, agent in enumerate(agents)]
        writing: list[asyncio.Task[None]] = []
        start_s = time.monotonic()
        total = int(RATE * seconds)
        for number in range(total):
            await asyncio.sleep(max(0.0, start_s + number / RATE - time.monotonic()))
            writing.append(asyncio.create_task(write(shoppers[number % SHOPPERS], str(number))))
            step((number + 1) / total)
        await asyncio.gather(*writing)
        async with asyncio.timeout(10):
            while min(counts.get(f"a{n}", 0) for n in range(AGENTS)) < total:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert all(count == total for count in counts.values()), f"{total} messages, heard {counts}"
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
    return {"messages": total, "a second": RATE, "agents": AGENTS} | spread(acks_s, "ack") | spread(heard_s, "heard")
