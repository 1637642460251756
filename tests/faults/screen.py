"""The client that dibs ships, through the same faults: what an application shows of it stands once, in order, and is what is stored.

A shopper who writes and an agent who answers, in a store of their own.
"""

import asyncio
import contextlib

from actors import told
from tests.faults.audit import history, visit
from tests.wire.checker import Frame
from tests.wire.server import Server
from web.client import Client, Connected, Refused

PAUSE_S = 0.2
SETTLE_S = 20.0
"""The client takes its time to come back where a server is down; nobody else waits for it."""


class Screen:
    """One identity at one store; `shown` is what it was told since it began, or since the last `reset`."""

    def __init__(self, server: Server, role: str, id: str, store: str) -> None:
        self.id, self.role, self._server, self._store = id, role, server, store
        self.shown: list[told.Message | told.Note | told.StatusChange] = []
        self.acked: dict[str, int] = {}
        """The text of each message that was acknowledged, and its number."""
        self.faults: list[str] = []
        self._resets = 0
        self._shopper = f"{store}-user"
        self._key = "seq" if role == "user" else "offset"
        self._client = Client("", self._token)
        self._begun, self._ending = asyncio.Event(), asyncio.Event()
        self._unanswered: asyncio.Queue[told.Message] = asyncio.Queue()
        self._work: list[asyncio.Task[None]] = []

    def _token(self) -> str:
        self._client.url = f"ws://{self._server.address}/ws"  # a server that was started anew may listen elsewhere
        return self._server.token(self.role, self.id, stores=None if self.role == "user" else [self._store])

    async def begin(self) -> None:
        """Returns when it is connected."""
        self._work = [asyncio.create_task(self._watch()), asyncio.create_task(self._write() if self.role == "user" else self._answer())]
        async with asyncio.timeout(SETTLE_S):
            await self._begun.wait()

    async def end(self) -> None:
        for task in self._work:
            task.cancel()
        self.faults += [f"{self.id}: {error!r}" for error in await asyncio.gather(*self._work, return_exceptions=True) if is_failure(error)]

    async def _watch(self) -> None:
        async with self._client as client:
            async for event in client:
                match event:
                    case Connected():
                        self._begun.set()
                    case told.Reset():
                        self._resets += 1
                        self.shown.clear()
                        self.acked.clear()
                    case told.Message() | told.Note() | told.StatusChange():
                        self.shown.append(event)
                        if isinstance(event, told.Message) and event.by.role == "user":
                            self._unanswered.put_nowait(event)
                    case _:
                        pass

    async def _write(self) -> None:
        await self._begun.wait()
        number = 0
        while not self._ending.is_set():
            number += 1
            await self._say(f"{number} of {self.id}", None)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PAUSE_S):
                    await self._ending.wait()

    async def _answer(self) -> None:
        while True:
            message = await self._unanswered.get()
            text = f"{message.seq} {message.id} is answered"
            try:
                await self._say(text, message.user)
            except Refused as refused:
                if refused.code not in ("not_claimed", "not_owner"):
                    raise
                await self._client.claim(self._store, message.user)
                await self._say(text, message.user)
            finally:
                self._unanswered.task_done()

    async def _say(self, text: str, user: str | None) -> None:
        ack = await self._client.send(self._store, {"text": text}, user=user)
        assert isinstance(ack.seq, int)
        self.acked[text] = ack.seq

    async def rest(self) -> None:
        """Writes no more; what was written has its answer."""
        self._ending.set()
        if self.role == "user":
            await self._work[1]
        # An answer says that it is connected to the server that runs now, and has been told what is new there.
        await self._client.history(self._store, user=None if self.role == "user" else self._shopper)

    def state(self) -> str:
        """Whether it works, and what it waits for."""
        ended = [repr(task.exception()) for task in self._work if task.done() and not task.cancelled()]
        shown = self._numbers()[-3:]
        return f"{self.id}: ended {ended}, {self._client.waiting} unanswered, {self._unanswered.qsize()} to answer, shown {shown}"

    async def answered(self, seq: int) -> None:
        """Every message up to this one is held, and what the shopper said since the last `reset` is answered."""
        while not ((chat := self._client.held.chats.get((self._store, self._shopper))) and chat.seq >= seq):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await self._unanswered.join()

    async def judge(self, log: list[Frame], history: list[Frame]) -> list[str]:
        """Sentences for what is not as it should be; `log` is the store's, `history` the shopper's chat."""
        stored = history if self.role == "user" else log
        end = stored[-1][self._key] if stored else 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                while self._client.place.numbers.get(self._store, 0) < end:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        numbers, found = self._numbers(), [*self.faults]
        first = numbers[0] if self._resets and numbers else end + 1 if self._resets else 1
        if numbers != list(range(first, end + 1)):
            found.append(f"{self.id}'s screen shows {len(numbers)}, {numbers[:3]} to {numbers[-3:]} of {end}")
        frames = {frame[self._key]: frame for frame in stored}
        for number, event in zip(numbers, self._numbered(), strict=True):
            frame = frames.get(number, {})
            if isinstance(event, told.Message) and (event.id, event.body, event.at) != tuple(map(frame.get, ("id", "body", "at"))):
                found.append(f"{self.id}'s screen shows {event}, stored is {frame}")
        for text, seq in self.acked.items():
            there = [frame["seq"] for frame in history if frame["body"].get("text") == text]
            if there != [seq]:
                found.append(f"{self.id} wrote {text!r}, acknowledged as {seq}, and it stands at {there}")
        return found

    def _numbered(self) -> list[told.Message | told.Note | told.StatusChange]:
        return [event for event in self.shown if self.role != "user" or isinstance(event, told.Message)]

    def _numbers(self) -> list[int]:
        return [getattr(event, self._key) for event in self._numbered()]


def is_failure(error: object) -> bool:
    """Whether a task ended otherwise than it was to."""
    return isinstance(error, Exception)


class Screens:
    """A shopper and an agent on a store of their own."""

    def __init__(self, server: Server, store: str) -> None:
        self._server, self._store = server, store
        self._agent, self._user = (Screen(server, role, f"{store}-{role}", store) for role in ("agent", "user"))

    async def begin(self) -> None:
        """The agent first: only an agent's token makes a store."""
        await self._agent.begin()
        await self._user.begin()

    def state(self) -> str:
        """What they are at."""
        return "".join(f"\n  {screen.state()}" for screen in (self._agent, self._user))

    async def rest(self) -> None:
        """Everything that the shopper said is acknowledged and answered."""
        async with asyncio.timeout(SETTLE_S):
            await self._user.rest()
            await self._agent.rest()
            await self._agent.answered(max(self._user.acked.values(), default=0))

    async def judge(self) -> list[str]:
        """What both screens show, against what is stored; sentences."""
        auditor, _ = await visit(self._server, self._store)
        async with auditor:
            log, stored = auditor.missed, await history(auditor, self._user.id)
        return [*await self._agent.judge(log, stored), *await self._user.judge(log, stored)]

    async def end(self) -> None:
        for screen in (self._user, self._agent):
            await screen.end()
