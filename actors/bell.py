"""A bell: wakes the one task that has looked, found nothing to do, and waits. Cheaper than an event, because nothing is remembered."""

import asyncio


class Bell:
    """Who waits has looked just before, without an await in between: a ring that nobody waits for says nothing new."""

    __slots__ = ("_waiter",)

    def __init__(self) -> None:
        self._waiter: asyncio.Future[None] | None = None

    def ring(self) -> None:
        """Wakes the waiter, if there is one."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self) -> None:
        """Returns at the next ring."""
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
