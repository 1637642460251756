"""An actor: one task that takes one message after another, and a supervisor around it.

`receive` never awaits, so between two messages nothing changes under an actor's feet. A message on which it raises costs that
message an error and the actor its state, and nobody else anything: an actor that can be rebuilt starts anew with the rest of its
mailbox, after a pause that grows while it keeps failing; one that hangs on sockets ends, and its clients resume.
"""

import asyncio
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from actors.mailbox import Mailbox
from actors.port import Log
from actors.tally import Tally

Message = TypeVar("Message")

SLICE = 32
"""Messages before others get a turn."""
CALM_S = 2.0
"""Who has worked for so long since it started anew was of use: the next failure counts as the first again."""
PAUSES_S = (0.0, 0.0, 0.1, 0.5, 1.0, 2.0, 5.0)
"""The pause before the n-th start in a row; after the last, the actor is given up."""


class Actor(ABC, Generic[Message]):
    """Subclasses say what a message does (`receive`), who hears of one that failed (`refuse`), and how to start anew (`restart`)."""

    kind = "actor"

    def __init__(self, mailbox_limit: int, tally: Tally, log: Log) -> None:
        self.mailbox: Mailbox[Message] = Mailbox(mailbox_limit)
        self._tally = tally
        self._log = log
        self._stopped = False
        self._failures = 0
        self._began_s = 0.0

    def tell(self, message: Message) -> bool:
        """Puts a command into the mailbox; False if it is full or the actor has ended."""
        return not self._stopped and self.mailbox.put_nowait(message)

    @abstractmethod
    def receive(self, message: Message) -> None:
        """Does what the message says."""

    def refuse(self, message: Message, code: str) -> None:
        """Tells whoever sent `message` that it was not carried out."""

    def restart(self) -> bool:
        """Forgets everything and begins again; False if this actor ends instead."""
        return False

    def give_up(self) -> None:
        """Called in the place of `restart` when it has failed too often in a row."""

    def ended(self) -> None:
        """Called once, when the actor will take no message any more."""

    def stop(self) -> None:
        """Ends the actor after the message it is at."""
        self._stopped = True
        self.mailbox._wake()

    async def run(self) -> None:
        """The actor's task."""
        mailbox, peaks = self.mailbox, self._tally.mailbox_peak
        try:
            while not self._stopped:
                depth = await mailbox.wait()
                if depth > peaks[self.kind]:
                    peaks[self.kind] = depth
                for _ in range(SLICE):
                    message = self._next()
                    if message is None:
                        break
                    try:
                        self.receive(message)
                    except Exception as error:  # noqa: BLE001 - a bug in one message must not end what others rest on
                        await self._failed(message, error)
                else:
                    await asyncio.sleep(0)
        finally:
            self._stopped = True
            self.ended()
            while (left := mailbox.take()) is not None:
                self.refuse(left, "unavailable")

    def _next(self) -> Message | None:
        return None if self._stopped else self.mailbox.take()

    async def _failed(self, message: Message, error: Exception) -> None:
        self._tally.crashes[self.kind] += 1
        self._log.error("actor failed", kind=self.kind, message=type(message).__name__, error=repr(error), exc_info=error)
        self.refuse(message, "internal")
        now_s = asyncio.get_running_loop().time()
        self._failures = self._failures + 1 if now_s - self._began_s < CALM_S else 1
        if self._failures > len(PAUSES_S):
            self.give_up()
            self._stopped = True
            return
        if not self.restart():
            self._stopped = True
            return
        await asyncio.sleep(PAUSES_S[self._failures - 1])
        self._began_s = asyncio.get_running_loop().time()
