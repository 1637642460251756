"""Hypercorn and Quart as the front door: how they are set, and where they must be held back.

Each seam here and in `web.line` stands for something measured in the libraries as they come; `tests/web/test_front.py` tells when an
upgrade makes one needless or breaks it. Private names of Hypercorn stand in these two files and in no other.
"""

import asyncio
import logging
from typing import Any

from hypercorn.config import Config
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable
from quart import Quart
from quart.asgi import ASGIWebsocketConnection
from werkzeug.datastructures import Headers

from web.line import MESSAGE_LIMIT, Line


class Disconnected(Exception):
    """The peer is gone."""


class BoundedConnection(ASGIWebsocketConnection):
    """Quart's connection without its unbounded queue and the two tasks at its ends.

    Messages come over the `Line`, once the socket is accepted: `socket.scope["dibs.line"]`. `socket.receive()` only raises
    `Disconnected`, when the peer is gone.
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
        """Waits for the end."""
        while (await self._receive())["type"] != "websocket.disconnect":
            pass
        raise Disconnected

    async def accept_connection(self, send: ASGISendCallable, headers: Headers, subprotocol: str | None) -> None:
        """Accepts, and puts a `Line` between Hypercorn and wsproto."""
        await super().accept_connection(send, headers, subprotocol)
        if "dibs.line" not in self.scope:
            self.scope["dibs.line"] = Line(send.__self__)  # type: ignore[typeddict-unknown-key, attr-defined]


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
