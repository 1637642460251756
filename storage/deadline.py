"""Many waits of one length, and one timer between them: `asyncio.timeout` for those who wait thousands of times a second.

    with within(deadline):
        await ...

Waits are equally long, so they are late in the order in which they began, and the timer is for the oldest. What it does to a task is
what `asyncio.timeout` does: the task is cancelled, and the cancellation becomes a `TimeoutError` where the wait ends.
"""

import asyncio
from collections import deque
from types import TracebackType


class Deadline:
    """For waits of at most `after_s` in one event loop."""

    __slots__ = ("after_s", "timer", "waits")

    def __init__(self, after_s: float) -> None:
        self.after_s = after_s
        self.waits: deque[within] = deque()
        self.timer: asyncio.TimerHandle | None = None

    def ring(self) -> None:
        """Cancels who is late, and sets the timer for the next."""
        self.timer = None
        loop = asyncio.get_running_loop()
        waits, now_s = self.waits, loop.time()
        while waits and (waits[0].task is None or waits[0].due_s <= now_s):
            waits.popleft().end_late()
        if waits:
            self.timer = loop.call_at(waits[0].due_s, self.ring)


class within:  # noqa: N801 - it reads as the `timeout` of asyncio does
    """One wait; raises `TimeoutError` if its block takes too long."""

    __slots__ = ("_cancelling", "_deadline", "_is_late", "due_s", "task")

    def __init__(self, deadline: Deadline) -> None:
        self.task: asyncio.Task[object] | None = None
        self._deadline = deadline
        self._is_late = False

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = self.task = asyncio.current_task(loop)
        assert task is not None
        self._cancelling = task.cancelling()
        deadline, waits = self._deadline, self._deadline.waits
        self.due_s = loop.time() + deadline.after_s
        while waits and waits[0].task is None:
            waits.popleft()
        waits.append(self)
        if deadline.timer is None:
            deadline.timer = loop.call_at(self.due_s, deadline.ring)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        task, self.task = self.task, None
        if self._is_late and task is not None and task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def end_late(self) -> None:
        """The time is over, if the block is not."""
        if self.task is not None:
            self._is_late = True
            self.task.cancel()
