"""A mailbox: a deque and one future, drained whole at each wake-up.

Two lanes. Commands are bounded: when the lane is full the sender is told at once. Control (commit results, stop, what was loaded)
is never refused and is always taken first, so no command is ever judged by a picture that a waiting result would change.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Generic, TypeVar

Message = TypeVar("Message")


class Mailbox(Generic[Message]):
    """`limit` bounds the commands, not the control."""

    __slots__ = ("_commands", "_control", "_limit", "_waiter")

    def __init__(self, limit: int) -> None:
        self._commands: deque[Message] = deque()
        self._control: deque[Message] = deque()
        self._limit = limit
        self._waiter: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._commands) + len(self._control)

    def put_nowait(self, message: Message) -> bool:
        """Adds a command; False if there is no room."""
        if len(self._commands) >= self._limit:
            return False
        self._commands.append(message)
        self._wake()
        return True

    def put_control(self, message: Message) -> None:
        """Adds what must not be lost."""
        self._control.append(message)
        self._wake()

    def put_back(self, messages: Sequence[Message]) -> None:
        """Puts commands before all others, in their order; they have been in here before, so there is room."""
        self._commands.extendleft(reversed(messages))
        if messages:
            self._wake()

    def take(self) -> Message | None:
        """The next message, control first; None if there is none."""
        if self._control:
            return self._control.popleft()
        return self._commands.popleft() if self._commands else None

    async def wait(self) -> int:
        """Returns when there is a message, or whoever waits is to look up: how many there are. For one waiter."""
        if not self._control and not self._commands:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return len(self._commands) + len(self._control)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
