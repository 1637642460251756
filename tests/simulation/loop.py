"""The simulated event loop: time that leaps to the next timer, a ready queue shuffled by a seed, nodes that can stand still.

Nothing waits for anything outside, so a run is a function of its seed. asyncio promises an order only to those who were called from
one place; between tasks every order is possible, and the shuffle tries them. A handle belongs to the node in whose context it was made.
"""

import asyncio
import random
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from heapq import heappop, heappush
from typing import Any

NODE: ContextVar[str] = ContextVar("NODE", default="")
"""Whose handle it is; nobody's for clients, the network and the storage."""
TURNS_LIMIT = 200_000
"""So many turns in one moment of virtual time: something spins."""


class Spinning(RuntimeError):
    """Time does not go on."""


class Handle:
    """What `call_soon` and its like return: asyncio's own ask more questions, and a run makes ten thousand of them."""

    __slots__ = ("args", "callback", "context", "is_cancelled")

    def __init__(self, callback: Callable[..., Any], args: tuple[Any, ...], context: Context | None) -> None:
        self.callback, self.args, self.is_cancelled = callback, args, False
        self.context = copy_context() if context is None else context

    def cancel(self) -> None:
        self.is_cancelled = True

    def cancelled(self) -> bool:
        return self.is_cancelled


class SimulatedLoop(asyncio.BaseEventLoop):
    """Starts at 0 s."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance
        self._now_s = 0.0
        self._turns = self._timers = 0
        self._heap: list[tuple[float, int, Handle]] = []
        self._paused: dict[str, list[Handle]] = {}

    def time(self) -> float:
        return self._now_s

    def pause(self, node: str) -> None:
        """Nothing of this node runs until `resume`; its timers are late then."""
        self._paused.setdefault(node, [])

    def resume(self, node: str) -> None:
        self._ready.extend(self._paused.pop(node, ()))

    def is_paused(self, node: str) -> bool:
        return node in self._paused

    def call_soon(self, callback, *args, context=None):
        handle = Handle(callback, args, context)
        self._ready.append(handle)
        return handle

    def call_later(self, delay, callback, *args, context=None):
        return self.call_at(self._now_s + delay, callback, *args, context=context)

    def call_at(self, when, callback, *args, context=None):
        handle = Handle(callback, args, context)
        self._timers += 1
        heappush(self._heap, (when, self._timers, handle))
        return handle

    def _run_once(self) -> None:
        ready, heap = self._ready, self._heap
        if not ready:
            self._leap(heap)
        self._turns += 1
        if self._turns > TURNS_LIMIT:
            raise Spinning(f"something spins at {self._now_s} s: {[handle.callback for handle in ready][:5]}")
        now_s = self._now_s
        while heap and heap[0][0] <= now_s:
            ready.append(heappop(heap)[2])
        turn = list(ready)
        ready.clear()
        if len(turn) == 2:
            if self._chance.random() < 0.5:
                turn.reverse()
        elif turn:
            self._chance.shuffle(turn)
        if self._paused:
            turn = [handle for handle in turn if not self._is_held(handle)]
        for handle in turn:
            if not handle.is_cancelled:
                try:
                    handle.context.run(handle.callback, *handle.args)
                except Exception as error:  # noqa: BLE001 - as asyncio's handles do
                    self.call_exception_handler({"message": "a callback failed", "exception": error})

    def _leap(self, heap: list[tuple[float, int, Handle]]) -> None:
        while heap and heap[0][2].is_cancelled:
            heappop(heap)
        if not heap:
            raise Spinning("everybody waits and no timer is set: nothing would ever happen")
        if heap[0][0] > self._now_s:
            self._now_s = heap[0][0]
            self._turns = 0

    def _is_held(self, handle: Handle) -> bool:
        node = handle.context.get(NODE, "")
        if node in self._paused:
            self._paused[node].append(handle)
            return True
        return False

    def _process_events(self, event_list: object) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """There is no other thread."""


def context_of(node: str):
    """A context in which everything that is started belongs to the node."""
    context = copy_context()
    context.run(NODE.set, node)
    return context


class SimulatedClock:
    """The clock of one node; nodes need not agree about the time of day."""

    def __init__(self, loop: SimulatedLoop, wall_offset_ms: int) -> None:
        self._wall_offset_ms = wall_offset_ms
        self.monotonic_s = loop.time

    def wall_ms(self) -> int:
        return self._wall_offset_ms + int(self.monotonic_s() * 1000)
