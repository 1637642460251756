"""A worker as its master sees it: a process, the way to it, and how far it is."""

import asyncio
import os
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from web.crew.channel import Channel, hand_over
from web.crew.message import Failed, Order, Ping, Ready, Start, Told, Word
from web.figure import Family

_words: "msgspec.json.Decoder[Word]" = msgspec.json.Decoder(Word)
_PROGRAM = "web.crew.worker"


class Member:
    """One life of a worker; `start` begins it."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, channel: Channel[Word]) -> None:
        self.name = name
        self.pid = process.pid
        self.figures: list[Family] = []
        """What it had counted when it was last heard of."""
        self.told = 0
        """The number of the last question that it has answered."""
        self.failure: Failed | None = None
        self.served = False
        """Whether it has ever been ready."""
        self._asked_s: float | None = None
        """Since when it owes an answer."""
        self._process = process
        self._channel = channel
        self._moved = asyncio.Event()
        self.ended = asyncio.Event()

    @classmethod
    async def start(cls, start: Start, listener: socket.socket) -> "Member":
        """Starts the process and gives it what it needs; raises OSError where there is no room for one."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *_command(start.name), stdin=theirs.fileno(), start_new_session=True, env=_environment()
                )
            with suppress(OSError):  # that it has ended already is seen below
                hand_over(ours, start, listener)
            channel = await Channel.over(ours, _words)
        except BaseException:
            ours.close()
            raise
        return cls(start.name, process, channel)

    async def follow(self, heed: Callable[["Member", Word], None]) -> None:
        """Hears what it says, until it has ended; `heed` is told of everything."""
        while (word := await self._channel.hear()) is not None:
            self._asked_s = None
            match word:
                case Ready():
                    self.served = True
                case Failed():
                    self.failure = word
                case Told(number=number, figures=figures):
                    self.told, self.figures = number or self.told, figures
                case _:
                    pass
            self._move()
            heed(self, word)
        await self._process.wait()
        await self._channel.close()
        self.ended.set()
        self._move()

    async def until_ready(self, patience_s: float) -> bool:
        """Whether it serves; False when it has ended, or has not begun within so many seconds: then it is killed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._until(lambda: self.served or self.ended.is_set())
                return self.served
        self.failure = Failed(sentence=f"it did not begin to serve within {patience_s:.0f} s", status=1)
        self.kill()
        await self.ended.wait()
        return False

    async def until_told(self, number: int) -> None:
        """Until it has answered, or has ended."""
        await self._until(lambda: self.told >= number or self.ended.is_set())

    def say(self, order: Order) -> None:
        """Tells it something; it may be gone."""
        if not self.ended.is_set():
            self._channel.say_nowait(order)

    def ping(self) -> float:
        """Asks for a sign of life; for how many seconds it has owed one."""
        now_s = time.monotonic()
        self._asked_s = self._asked_s or now_s
        self.say(Ping())
        return now_s - self._asked_s

    def forgive(self) -> None:
        """It owes nothing: its answer could not be heard."""
        self._asked_s = None

    def kill(self) -> None:
        """kill -9."""
        with suppress(ProcessLookupError):
            self._process.kill()

    @property
    def reason(self) -> str:
        """Why it has ended, as far as that is known."""
        if self.failure is not None:
            return self.failure.sentence
        status = self._process.returncode
        return f"it was ended by signal {-status}" if status is not None and status < 0 else f"it ended with status {status}"

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._moved.clear()
            await self._moved.wait()

    def _move(self) -> None:
        self._moved.set()


def _command(name: str) -> list[str]:
    """A worker finds the code where this process has found it; where that is not the working directory, nothing there is taken for it."""
    is_in_sight = Path(sys.path[0]).resolve() == Path(__file__).parents[2].resolve()
    return [sys.executable, *([] if is_in_sight else ["-P"]), "-m", _PROGRAM, name]


def _environment() -> dict[str, str]:
    """Without what dibs was told: that goes over by the pair of sockets, and secrets with it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DIBS_")}
