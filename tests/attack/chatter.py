"""People who chat while something goes on, and how long their messages take: from `send` to the ack, and to the agent's screen."""

import asyncio
import contextlib
import itertools
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

from tests.wire.person import Person
from tests.wire.server import Server


def p(share: float, values: list[float]) -> float:
    """A percentile; 0.5 is the median."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


class Chatter:
    """Users of one store who write `a_second` messages together to one agent."""

    def __init__(self, server: Server, users: int, a_second: float) -> None:
        self.server, self.a_second = server, a_second
        self.store = f"s-{uuid.uuid4().hex[:12]}"
        self.names = [f"u-{uuid.uuid4().hex[:12]}" for _ in range(users)]
        self.acked_s: list[float] = []
        self.heard_s: list[float] = []
        self.refused = 0
        self._sent: dict[str, float] = {}

    def mark(self) -> None:
        """What was measured so far is forgotten."""
        self.acked_s.clear()
        self.heard_s.clear()

    def figures(self) -> dict[str, Any]:
        """In milliseconds."""
        assert self.acked_s, "nobody got an ack"
        assert self.heard_s, "the agent heard nothing"
        return {
            "messages": len(self.acked_s),
            "ack p50 ms": round(1000 * p(0.5, self.acked_s), 1),
            "ack p99 ms": round(1000 * p(0.99, self.acked_s), 1),
            "heard p99 ms": round(1000 * p(0.99, self.heard_s), 1),
            "worst ms": round(1000 * max(self.heard_s + self.acked_s), 1),
        }

    @contextlib.asynccontextmanager
    async def chatting(self, **options: Any) -> AsyncIterator["Chatter"]:
        agent = await Person.open(self.server, self.server.token("agent", f"a-{self.store}", stores=[self.store]), **options)
        users = [await Person.open(self.server, self.server.token("user", name), **options) for name in self.names]
        work = [asyncio.create_task(self._listen(agent)), *(asyncio.create_task(self._listen(user)) for user in users)]
        work.append(asyncio.create_task(self._write(users)))
        try:
            yield self
        finally:
            for task in work:
                task.cancel()
            ends = await asyncio.gather(*work, return_exceptions=True)
            for person in (agent, *users):
                await person.close()
            for end in ends:
                if isinstance(end, Exception) and not isinstance(end, asyncio.CancelledError):
                    raise end

    async def _write(self, users: list[Person]) -> None:
        start = time.monotonic()
        for n in itertools.count():
            await asyncio.sleep(max(0.0, start + n / self.a_second - time.monotonic()))
            id = f"m{n}"
            self._sent[id] = time.monotonic()
            await users[n % len(users)].post("send", id=id, store=self.store, kind="text", body={"text": "psst-hello"})

    async def _listen(self, person: Person) -> None:
        """The figures are taken where a frame comes in, not where a test looks."""
        see = person.checker.see

        def seeing(frame: Any) -> None:
            see(frame)
            if (sent_s := self._sent.get(frame.get("id", ""))) is not None:
                if frame["type"] == "ack":
                    self.acked_s.append(time.monotonic() - sent_s)
                elif frame["type"] == "message" and person.role == "agent":
                    self.heard_s.append(time.monotonic() - sent_s)
                elif frame["type"] == "error":
                    self.refused += 1

        person.checker.see = seeing  # type: ignore[method-assign]
        await asyncio.Event().wait()
