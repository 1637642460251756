"""Time that leaps: a loop that never waits. When nothing is ready it is at once the time of the next timer.

For tests without sockets and processes only: a reply from outside would never have the time to come.
"""

import asyncio
import selectors


class _Leap(selectors.DefaultSelector):
    now_s = 0.0

    def select(self, timeout=None):
        if timeout is None:
            raise RuntimeError("everybody waits and no timer is set: nothing would ever happen")
        if timeout > 0:
            self.now_s += timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """`asyncio.Runner(loop_factory=VirtualLoop)`; starts at 0 s."""

    def __init__(self):
        self._leap = _Leap()
        super().__init__(self._leap)

    def time(self):
        return self._leap.now_s

    def leap(self, seconds):
        """The whole process stood still for so long: timers are late."""
        self._leap.now_s += seconds


class VirtualClock:
    """The clock of a node on a `VirtualLoop`; `wall_offset_ms` sets the wall clock right, or wrong."""

    def __init__(self):
        self.wall_offset_ms = 1_700_000_000_000

    def wall_ms(self):
        return self.wall_offset_ms + int(self.monotonic_s() * 1000)

    def monotonic_s(self):
        return asyncio.get_running_loop().time()
