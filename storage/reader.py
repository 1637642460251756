"""Asks over one connection what many want to know: what is asked while one list is on its way goes together in the next."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from redis.exceptions import ResponseError

from storage.deadline import Deadline, within
from storage.journal import JournalLost, JournalRefused
from storage.pipe import Command

READ_TIMEOUT_S = 5.0
"""A connection that is silent for this long while it is asked is given up."""
SOME = 256
"""Questions that go in one list."""

Asked = tuple[tuple[Command, ...], asyncio.Future[Any]]


class Reader:
    """`call` sends a list and gives the replies."""

    def __init__(self, call: Callable[[list[Command]], Awaitable[list[Any]]]) -> None:
        self._call = call
        self._asked: list[Asked] = []
        self._deadline = Deadline(READ_TIMEOUT_S)
        self._reading: asyncio.Task[None] | None = None

    def ask(self, *commands: Command) -> asyncio.Future[Any]:
        """The replies, an error of the server in the place of its reply. Whoever waits may be cancelled; the call itself never is."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked.append((commands, answer))
        if self._reading is None or self._reading.done():
            self._reading = asyncio.get_running_loop().create_task(self._read())
        return answer

    def end(self) -> None:
        """Whoever still waits never hears."""
        if self._reading is not None:
            self._reading.cancel()

    async def _read(self) -> None:
        while self._asked:
            asked, self._asked = self._asked[:SOME], self._asked[SOME:]
            asked = [(commands, answer) for commands, answer in asked if not answer.done()]
            if not asked:
                continue
            try:
                with within(self._deadline):
                    replies = iter(await self._call([command for commands, _ in asked for command in commands]))
            except TimeoutError:
                _fail(asked, JournalLost("no reply in time"))
            except Exception as error:  # noqa: BLE001 - whoever asked must hear, whatever it was
                _fail(asked, error)
            else:
                for commands, answer in asked:
                    found = [next(replies) for _ in commands]
                    if not answer.done():
                        answer.set_result(found)


def _fail(asked: Sequence[Asked], error: Exception) -> None:
    for _, answer in asked:
        if not answer.done():
            answer.set_exception(error)


def taken(replies: list[Any]) -> list[Any]:
    """The same; raises `JournalRefused` if one of them is an error."""
    for reply in replies:
        if isinstance(reply, ResponseError):
            raise JournalRefused(str(reply))
    return replies
