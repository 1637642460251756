"""An echo server on the front door of dibs: the real `BoundedConnection` and `Line`, with a listener that sends back what it hears.

Tools that test framing expect an echo, and dibs answers frames otherwise.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from quart import Quart, websocket

from tests.web.door import opened
from web.arrival import STRANGER
from web.front import BoundedConnection, Disconnected
from web.stranger import Strangers

WAITING_LIMIT = 1024 * 1024
"""Bytes waiting to be sent back; beyond it the client is not read."""


class Echo:
    """The listener of one line. Texts go back over the line, as a session's do; what is binary goes back over Hypercorn."""

    def __init__(self, line):
        self._line = line
        self._waiting = deque()
        self._size = 0
        self._parts = []
        self._work = asyncio.Event()

    def feed(self, text):
        self._put(text.encode(), binary=False)

    def feed_binary(self, part, *, finished):
        self._parts.append(part)
        if finished:
            self._put(b"".join(self._parts), binary=True)
            self._parts = []

    def is_full(self):
        return self._size > WAITING_LIMIT

    def _put(self, data, *, binary):
        self._waiting.append((data, binary))
        self._size += len(data)
        self._work.set()

    async def write(self, send):
        while True:
            await self._work.wait()
            while self._waiting:
                data, binary = self._waiting.popleft()
                await (send(data) if binary else self._line.put(data))
                self._size -= len(data)
                self._line.resume()
            self._work.clear()


def echo_app(limit, strangers):
    """An application that sends back every message of up to `limit` bytes."""
    app = Quart(__name__, static_folder=None)
    app.asgi_websocket_class = type("EchoConnection", (BoundedConnection,), {"message_limit": limit})

    @app.websocket("/")
    async def _echo():
        at_hand = websocket._get_current_object()
        await at_hand.accept()
        strangers.forget(at_hand.scope["state"][STRANGER])
        line = at_hand.scope["dibs.line"]
        echo = Echo(line)
        writer = asyncio.get_running_loop().create_task(echo.write(at_hand.send))
        line.listen(echo)
        try:
            await at_hand.receive()
        except Disconnected:
            pass
        finally:
            writer.cancel()

    return app


@asynccontextmanager
async def echoing(limit) -> AsyncIterator[int]:
    """Serves on a free port of 127.0.0.1 and gives the port."""
    strangers = Strangers(1000, 1000)
    async with opened(echo_app(limit, strangers), strangers) as port:
        yield port
