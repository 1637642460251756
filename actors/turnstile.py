"""What newcomers cost, in small coin: one step of one newcomer in each turn of the loop.

A handshake and the reading of a snapshot are a hundred times as dear as a message. Of a crowd that comes at once each waits a little
here, so that the messages of those who are in, which need several turns of the loop each, do not wait for the whole crowd.
Those of one key enter in the order in which they came, and the keys take turns: a thousand from one address are no longer a way than one.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable

Step = Callable[[], None]


class Turnstile:
    """Who has entered need not leave again: a turn is over by itself."""

    def __init__(self) -> None:
        self._lines: OrderedDict[str, deque[Step]] = OrderedDict()
        self._turning = False

    def call(self, step: Step, key: str = "") -> None:
        """Calls `step` in a turn of the loop in which nobody else enters; at once where nobody waits."""
        if self._turning:
            self._lines.setdefault(key, deque()).append(step)
        else:
            self._turning = True
            asyncio.get_running_loop().call_soon(self._turn)
            step()

    async def enter(self, key: str = "") -> None:
        """Returns in a turn of its own."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def step() -> None:
            if not turn.done():  # else whoever waited has given up
                turn.set_result(None)

        self.call(step, key)
        await turn

    def _turn(self) -> None:
        if not self._lines:
            self._turning = False
            return
        asyncio.get_running_loop().call_soon(self._turn)
        key, line = self._lines.popitem(last=False)
        step = line.popleft()
        if line:
            self._lines[key] = line
        step()
