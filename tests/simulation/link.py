"""A simulated WebSocket between a client and a session: what `web.socket` does on one side, what a network does between."""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from tests.simulation.loop import context_of
from tests.simulation.node import SimulatedNode

CLOSE_S = 5.0
"""What waits at the end of a session is written within this time, or not at all."""
_decode = msgspec.json.decode
_encode = msgspec.json.encode
NOBODY = context_of("")


class Link:
    """`heard` gets each frame, `ended` the close code, once. In both directions the order is kept whatever the ways take."""

    def __init__(self, node: SimulatedNode, heard: Callable[[dict[str, Any]], None], ended: Callable[[int], None], chance: random.Random):
        self.pace_s = 0.0
        """How long the client takes for one WebSocket message."""
        self.is_half_open = False
        """Nothing arrives any more, and nobody is told."""
        self._node, self._chance = node, chance
        self._heard, self._ended = heard, ended
        self._loop = asyncio.get_running_loop()
        self._is_over = False
        self._session = None
        self._writer: asyncio.Task[None] | None = None
        self._up: deque[bytes] = deque()
        self._inbox: deque[bytes] = deque()
        self._down: deque[bytes] = deque()
        self._context = node.context
        node.links.add(self)
        self._loop.call_later(self._way_s(), self._accept, context=self._context)

    @property
    def is_session(self) -> bool:
        """Whether the node has taken it."""
        return self._session is not None

    def _way_s(self) -> float:
        return 0.0005 + 0.01 * self._chance.random() ** 4

    # The server's side, in the node's context.

    def _accept(self) -> None:
        if self._is_over:
            return
        if self._node.node is None or not self._node.takes:
            self._loop.call_soon(self._over, 1006, context=NOBODY)
            return
        session = self._session = self._node.node.open(self._node.authenticate)
        session.on_end = self._end
        session.on_room = self._feed
        self._writer = self._node.node.spawn(session.write(self._take))
        self._feed()

    def _arrive(self) -> None:
        if self._up:
            self._inbox.append(self._up.popleft())
            self._feed()

    def _feed(self) -> None:
        session = self._session
        while session is not None and self._inbox and session.close_code is None and not session.is_full():
            session.feed(self._inbox.popleft().decode())

    async def _take(self, payload: bytes) -> None:
        if self.pace_s:
            await asyncio.sleep(self.pace_s)
        if not self._is_over and not self.is_half_open:
            self._down.append(payload)
            self._loop.call_later(self._way_s(), self._come, context=NOBODY)

    def _end(self) -> None:
        if self._session is not None and self._node.node is not None:
            self._node.node.spawn(self._close())

    async def _close(self) -> None:
        session, writer = self._session, self._writer
        if session is None or writer is None:
            return  # cut meanwhile
        await asyncio.wait([writer], timeout=CLOSE_S)
        code = session.close_code
        self._leave()
        self._loop.call_later(0.02, self._over, int(code or 1006), context=NOBODY)

    def _leave(self) -> None:
        """The socket is gone, as far as the node knows. What it wrote last arrives all the same."""
        self._node.links.discard(self)
        session, self._session = self._session, None
        if session is not None and self._writer is not None:
            self._writer.cancel()
            session.gone()

    # The client's side.

    def say(self, value: Any) -> None:
        """One text message."""
        if not self._is_over and not self.is_half_open:
            self._up.append(_encode(value))
            self._loop.call_later(self._way_s(), self._arrive, context=self._context)

    def _come(self) -> None:
        if self._down and not self._is_over:
            found = _decode(self._down.popleft())
            for frame in found if isinstance(found, list) else (found,):
                if self._is_over:
                    return
                self._heard(frame)

    def _over(self, code: int) -> None:
        if not self._is_over:
            while self._down:
                self._come()
            self._is_over = True
            self._node.links.discard(self)
            self._ended(code)

    def cut(self) -> None:
        """The connection is gone, without a word: of what is on its way to the server some arrives, to the client nothing."""
        if self._is_over:
            return
        self._is_over = True
        self._node.links.discard(self)
        arriving = self._chance.randrange(len(self._up) + 1)
        while len(self._up) > arriving:
            self._up.pop()
        if self._node.node is not None:
            self._loop.call_later(0.012 + self._way_s(), self._leave, context=self._context)
        self._ended(1006)
