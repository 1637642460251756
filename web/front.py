"""Hypercorn and Quart as the front door: how they are set, and where they must be held back.

Each seam below stands for something measured in the libraries as they come; `tests/web/test_front.py` tells when an upgrade makes one
needless or breaks it. Private names of Hypercorn stand in this file and in no other.
"""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from hypercorn.config import Config
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable
from quart import Quart
from quart.asgi import ASGIWebsocketConnection
from werkzeug.datastructures import Headers
from wsproto.connection import Connection, ConnectionState
from wsproto.events import CloseConnection, Event, Message, Ping
from wsproto.utilities import LocalProtocolError

from actors.close import Close

MESSAGE_LIMIT = 64 * 1024
"""Bytes of one WebSocket message of a client."""
FAREWELL_S = 2.0
"""How long a peer may take to answer a close before its connection is dropped."""


class Disconnected(Exception):
    """The peer is gone."""


class BoundedConnection(ASGIWebsocketConnection):
    """Quart's connection without its unbounded queue: a message is read when the session wants one, else TCP pushes back.

    It saves two tasks and a queue for each socket, too. `socket.receive()` raises `Disconnected` at the end.
    """

    def __init__(self, app: Quart, scope: Any) -> None:
        super().__init__(app, scope)
        self._receive: ASGIReceiveCallable
        self.queue = self  # type: ignore[assignment]  # Quart asks `queue.get` for the next message

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        self._receive = receive
        # Hypercorn accepts permessage-deflate and has no switch: 226 KiB a connection, and bombs.
        send.__self__.handshake.extensions = None  # type: ignore[attr-defined]
        await self.handle_websocket(self._create_websocket_from_scope(send), send)

    async def get(self) -> str | bytes:
        """The next message of the peer, text or bytes; an empty binary message too, which Quart passes on as None."""
        while True:
            event = await self._receive()
            if event["type"] == "websocket.receive":
                text = event.get("text")
                return text if text is not None else event.get("bytes") or b""
            if event["type"] == "websocket.disconnect":
                raise Disconnected

    async def accept_connection(self, send: ASGISendCallable, headers: Headers, subprotocol: str | None) -> None:
        """Accepts, and puts a `Line` between Hypercorn and wsproto: `socket.scope["dibs.line"]`."""
        await super().accept_connection(send, headers, subprotocol)
        if "dibs.line" not in self.scope:
            self.scope["dibs.line"] = Line(send)  # type: ignore[typeddict-unknown-key]


class Line:
    """The WebSocket connection of one socket, in wsproto's place: watches what Hypercorn does not.

    Hypercorn goes on reading and buffering behind its own 1009, counts characters rather than bytes, does not say why it ends a broken
    connection, passes an empty binary message on as None, and never looks for pongs.
    """

    def __init__(self, send: Any) -> None:
        stream = send.__self__
        self._asgi_send = send
        self._inner: Connection = stream.connection
        self._transport: asyncio.Transport = stream.send.__self__.send.__self__.writer.transport
        self._size = 0
        self._deaf = False
        self.heard_s = self._pinged_s = time.monotonic()
        """When the peer last said anything at all."""
        self.broken: Close | int | None = None
        """The code this line was closed with because of what the peer sent."""
        stream.connection = self

    async def put(self, text: str) -> None:
        """Sends one text message. Quart's own `send` gives up its turn before each; Hypercorn's does not need that."""
        await self._asgi_send({"type": "websocket.send", "bytes": None, "text": text})

    def beat(self, heartbeat_s: float, slack_s: float) -> None:
        """To be called several times in a heartbeat: pings once in each, drops a peer that was silent, pongs included, for 2.5."""
        now_s = time.monotonic()
        if now_s - self.heard_s > 2.5 * heartbeat_s - slack_s:
            self.abort()
        elif now_s - self._pinged_s >= heartbeat_s and self._inner.state is ConnectionState.OPEN:
            self._pinged_s = now_s
            if not self._transport.is_closing() and not self._transport.get_write_buffer_size():
                self._transport.write(self._inner.send(Ping()))

    def abort(self) -> None:
        """Drops the connection, whatever waits in its buffer."""
        self._transport.abort()

    # What Hypercorn asks of wsproto's connection.

    @property
    def state(self) -> ConnectionState:
        """See `wsproto.connection.Connection`."""
        return self._inner.state

    def send(self, event: Event) -> bytes:
        """See `wsproto.connection.Connection`."""
        return self._inner.send(event)

    def receive_data(self, data: bytes | None) -> None:
        """See `wsproto.connection.Connection`; nothing once the connection is broken."""
        self.heard_s = time.monotonic()
        if not self._deaf:
            self._inner.receive_data(data)

    def events(self) -> Iterator[Event]:
        """See `wsproto.connection.Connection`."""
        if self._deaf:
            return
        for event in self._inner.events():
            if isinstance(event, Message):
                self._size += _bytes(event.data)
                if self._size > MESSAGE_LIMIT:
                    self._break(Close.TOO_BIG)
                    return
                if event.message_finished:
                    self._size = 0
            elif isinstance(event, CloseConnection) and self._inner.state is ConnectionState.OPEN:
                # wsproto names what is wrong with the bytes it got; the peer is told before the connection goes.
                self._break(event.code)
                return
            yield event

    def _break(self, code: int) -> None:
        self._deaf = True
        self.broken = code
        with suppress(LocalProtocolError):
            self._transport.write(self._inner.send(CloseConnection(code=code)))
        self._transport.pause_reading()
        asyncio.get_running_loop().call_later(FAREWELL_S, self._transport.abort)


def hypercorn_config(descriptor: int) -> Config:
    """The settings of a front door on a listening socket."""
    config = Config()
    config.bind = [f"fd://{descriptor}"]
    config.backlog = 4096
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    config.include_server_header = False
    config.websocket_max_message_size = MESSAGE_LIMIT
    # No pings of Hypercorn's own: their task keeps a closed connection in memory until the next one is due. `Line.beat` does it.
    config.websocket_ping_interval = None
    config.keep_alive_timeout = 30.0
    config.graceful_timeout = 1.0
    config.h11_max_incomplete_size = 16 * 1024
    config.alpn_protocols = ["http/1.1"]
    return config


async def until(event: asyncio.Event) -> None:
    """What Hypercorn calls a shutdown trigger."""
    await event.wait()


def _bytes(data: str | bytes | bytearray) -> int:
    return len(data.encode()) if isinstance(data, str) and not data.isascii() else len(data)
