"""The tasks of a node: started anywhere, ended together. One that raises is logged and takes nothing with it."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from actors.port import Log


class Tasks:
    """Belongs to whoever builds the node; `end` is its last word."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._running: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Runs `work` as a task."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._finished)
        return task

    async def end(self) -> None:
        """Cancels whatever still runs and waits for it."""
        while self._running:
            running = tuple(self._running)
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await asyncio.sleep(0)  # one that had ended already is let go of in the loop's next turn

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("task_failed", error=repr(error), exc_info=error)
