"""The simulated event loop: time that leaps to the next timer, a ready queue shuffled by a seed, nodes that can stand still.

Nothing waits for anything outside, so a run is a function of its seed. asyncio promises an order only to those who were called from
one place; between tasks every order is possible, and the shuffle tries them. A handle belongs to the node in whose context it was made.
"""

import asyncio
import random
from contextvars import ContextVar, copy_context
from functools import partial
from heapq import heappop, heappush

NODE: ContextVar[str] = ContextVar("NODE", default="")
"""Whose handle it is; nobody's for clients, the network and the storage."""
TURNS_LIMIT = 200_000
"""So many turns in one moment of virtual time: something spins."""


class Spinning(RuntimeError):
    """Time does not go on."""


class Handle(list):
    """What `call_soon` and its like return: callback, arguments, context. A list, because a run makes thousands of them."""

    __slots__ = ()
    __hash__ = object.__hash__

    def cancel(self) -> None:
        self[0] = None

    def cancelled(self) -> bool:
        return self[0] is None


class SimulatedLoop(asyncio.BaseEventLoop):
    """Starts at 0 s."""

    get_debug = bool
    """False; every future asks for it."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance
        self._now_s = 0.0
        self._turns = self._timers = 0
        self._heap: list[tuple[float, int, Handle]] = []
        self._ready: list[Handle] = []
        self._paused: dict[str, list[Handle]] = {}
        self.create_future = partial(asyncio.Future, loop=self)  # type: ignore[method-assign]
        self.create_task = partial(asyncio.Task, loop=self, name="")  # type: ignore[method-assign,assignment]

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
        handle = Handle((callback, args, copy_context() if context is None else context))
        self._ready.append(handle)
        return handle

    def call_later(self, delay, callback, *args, context=None):
        # `call_at` once more: half of all handles come this way.
        handle = Handle((callback, args, copy_context() if context is None else context))
        self._timers += 1
        heappush(self._heap, (self._now_s + delay, self._timers, handle))
        return handle

    def call_at(self, when, callback, *args, context=None):
        handle = Handle((callback, args, copy_context() if context is None else context))
        self._timers += 1
        heappush(self._heap, (when, self._timers, handle))
        return handle

    def _run_once(self) -> None:
        """Turns, until the loop is to stop. In a turn everything runs that is ready at its begin."""
        heap, paused = self._heap, self._paused
        while not self._stopping:
            if not self._ready:
                self._leap(heap)
            self._turns += 1
            if self._turns > TURNS_LIMIT:
                raise Spinning(f"something spins at {self._now_s} s: {[handle[0] for handle in self._ready][:5]}")
            turn, self._ready = self._ready, []
            now_s = self._now_s
            while heap and heap[0][0] <= now_s:
                turn.append(heappop(heap)[2])
            if len(turn) > 1:
                self._shuffle(turn)
            if paused:
                turn = [handle for handle in turn if not self._is_held(handle)]
            for callback, args, context in turn:
                if callback is not None:
                    try:
                        context.run(callback, *args)
                    except Exception as error:  # noqa: BLE001 - as asyncio's handles do
                        self.call_exception_handler({"message": "a callback failed", "exception": error})

    def _leap(self, heap: list[tuple[float, int, Handle]]) -> None:
        while heap and heap[0][2][0] is None:
            heappop(heap)
        if not heap:
            raise Spinning("everybody waits and no timer is set: nothing would ever happen")
        if heap[0][0] > self._now_s:
            self._now_s = heap[0][0]
            self._turns = 0

    def _shuffle(self, turn: list[Handle]) -> None:
        chance = self._chance.random
        for i in range(len(turn) - 1, 0, -1):
            j = int(chance() * (i + 1))
            turn[i], turn[j] = turn[j], turn[i]

    def _is_held(self, handle: Handle) -> bool:
        node = handle[2].get(NODE, "")
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
