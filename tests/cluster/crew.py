"""Several workers of one dibs under load, and what they say of themselves."""

import asyncio
import os
import re
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.faults.load import Load, until
from tests.history.feed import keep_over_the_wire
from tests.history.linear import check, report
from tests.wire.server import Server, running

GRACE_S = 600
"""Nobody who is cut off here is to be missed: whose chats go back when is another matter."""


def crew(folder: Path, *, workers: int = 2, **options: Any) -> Server:
    """A server with several workers; not yet started."""
    return Server(folder / "data", private=True, workers=workers, **{"grace": GRACE_S} | options)


async def arrive(load: Load) -> None:
    """Everybody comes, one after another, and so by turns to this worker and that; agents first, because only their tokens make a store."""
    for person in load.people:
        person.start()
        async with asyncio.timeout(30):
            await person.ready.wait()


async def figures(server: Server, name: str) -> dict[str, float]:
    """The samples of one name at /metrics by the worker they are of; the sum under the empty name. Without other labels."""
    status, text = await server.http("/metrics")
    assert status == 200, text
    found = re.findall(rf'^{name}(?:{{worker="(\d+)"}})? (\S+)$', text, re.MULTILINE)
    return {worker: float(value) for worker, value in found}


async def holds(look: Callable[[], Awaitable[bool]], within_s: float, what: str) -> None:
    """Looks again, ten times a second, at what only asking tells."""
    try:
        async with asyncio.timeout(within_s):
            while not await look():  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"not within {within_s} s: {what}") from None


async def has(server: Server, text: str) -> bool:
    """Whether /readyz says this."""
    return text in (await server.http("/readyz"))[1]


async def said(server: Server, text: str, times: int = 1, within_s: float = 20.0) -> None:
    """Until the log says this so often."""
    await until(lambda: server.said().count(text) >= times, within_s, f"{text!r} in the log", lambda: f":\n{server.said()[-2000:]}")


def hang_up(server: Server) -> None:
    os.kill(server.pid, signal.SIGHUP)


async def gone(*pids: int) -> None:
    await until(lambda: not any(map(running, pids)), 10, f"the end of {pids}")


def ended(load: Load, counts: list[int]) -> list[int | None]:
    """With which codes sessions have ended since everybody had seen so many end."""
    return [code for person, count in zip(load.people, counts, strict=True) for code in person.codes[count:]]


async def judge(load: Load) -> None:
    """Everybody comes to rest and comes again; then what all were told is what is kept: nothing lost, doubled or out of order."""
    await load.pause()
    counts = [len(person.codes) for person in load.people]
    for person in load.people:
        person.ready.clear()
        person.cut()
    pairs = list(zip(load.people, counts, strict=True))
    back = lambda: all(len(person.codes) > count and person.ready.is_set() for person, count in pairs)  # noqa: E731
    await until(back, 20, "everybody back", load.told)
    found = await load.audit()
    assert found.sentences() == []
    assert found.acked > 0
    await keep_over_the_wire(load.recorder, load.server, {load.store: load.server.token("agent", "keeper", stores=[load.store])})
    violations = check(load.recorder.history)
    assert not violations, report(violations)
