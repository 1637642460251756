"""Hypercorn and Quart as the front door: how they are set, and where they must be held back.

Each seam here and in `web.line` stands for something measured in the libraries as they come; `tests/web/test_front.py` tells when an
upgrade makes one needless or breaks it. Private names of Hypercorn stand in these two files, in `web.connection`, and in no other.
"""

import asyncio
import logging
import re
from typing import Any

from hypercorn.config import Config
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable
from quart import Quart
from quart.asgi import ASGIHTTPConnection, ASGIWebsocketConnection
from quart.routing import QuartMap
from quart.wrappers import Request
from quart.wrappers.base import BaseRequestWebsocket
from quart.wrappers.request import Body
from werkzeug.datastructures import Headers
from werkzeug.routing import MapAdapter

from web.header import STREAMED, floor
from web.line import MESSAGE_LIMIT, Line

BODY_PIECE = 64 * 1024
"""Bytes of a paced body that nobody has taken yet, when it stops."""
_ABSOLUTE = re.compile(r"https?://[^/]*(/.*)?", re.IGNORECASE | re.ASCII | re.DOTALL)


class Disconnected(Exception):
    """The peer is gone."""


class PacedBody(Body):
    """Quart's body takes whatever comes, however slowly it is read: this one lets no more come until what is there was taken."""

    def __init__(self) -> None:
        super().__init__(None, None)
        self._taken = asyncio.Event()

    async def __anext__(self) -> bytes:
        self._taken.set()
        return await super().__anext__()

    async def room(self) -> None:
        """Waits until somebody wants more."""
        while len(self._data) >= BODY_PIECE:
            self._taken.clear()
            await self._taken.wait()


class PlainConnection(ASGIHTTPConnection):
    """Quart's connection, but for targets that are no path (RFC 9112, section 3.2): it raises on `GET ?` and on `GET http://[`.

    `request.scope["dibs.abort"]` drops its socket, which Hypercorn writes to without a limit of time.
    """

    def __init__(self, app: Quart, scope: Any) -> None:
        super().__init__(app, _in_origin_form(scope))

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        writer: asyncio.StreamWriter = send.__self__.send.__self__.send.__self__.writer  # type: ignore[attr-defined]
        self.scope["dibs.abort"] = writer.transport.abort  # type: ignore[typeddict-unknown-key]
        await super().__call__(receive, send)

    def _create_request_from_scope(self, send: ASGISendCallable) -> Request:
        asked = super()._create_request_from_scope(send)
        if asked.path in STREAMED:
            asked.body = PacedBody()
        return asked

    async def handle_messages(self, request: Request, receive: ASGIReceiveCallable) -> None:
        """See `ASGIHTTPConnection`."""
        body = request.body
        if not isinstance(body, PacedBody):
            await super().handle_messages(request, receive)
            return
        while (message := await receive())["type"] == "http.request":
            body.append(message.get("body", b""))
            if not message.get("more_body", False):
                body.set_complete()
            await body.room()


class BoundedConnection(ASGIWebsocketConnection):
    """Quart's connection without its unbounded queue and the two tasks at its ends.

    Messages come over the `Line`, once the socket is accepted: `socket.scope["dibs.line"]`. `socket.receive()` only raises
    `Disconnected`, when the peer is gone.
    """

    message_limit = MESSAGE_LIMIT

    def __init__(self, app: Quart, scope: Any) -> None:
        super().__init__(app, _in_origin_form(scope))
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
        """Accepts, and puts a `Line` between Hypercorn and wsproto. Raises `Disconnected` if the stream has ended before."""
        await super().accept_connection(send, headers, subprotocol)
        stream: Any = send.__self__  # type: ignore[attr-defined]
        if stream.closed or not hasattr(stream, "connection"):
            raise Disconnected  # gone, or it sent frames before it was accepted, which Hypercorn answered with 400
        if "dibs.line" not in self.scope:
            self.scope["dibs.line"] = Line(send.__self__, self.message_limit)  # type: ignore[typeddict-unknown-key, attr-defined]


class PathMap(QuartMap):
    """Quart's map of routes, looked up by the path alone: a `Host` that is no name (`a..b`) makes Quart raise, and names no page here."""

    def bind_to_request(self, request: BaseRequestWebsocket, subdomain: str | None, server_name: str | None) -> MapAdapter:
        """See `QuartMap`."""
        del subdomain, server_name
        return self.bind("", request.root_path, None, request.scheme, request.method, request.path, request.query_string.decode("latin1"))


class FrontDoor(Quart):
    """Quart with the seams above."""

    asgi_http_class = PlainConnection
    asgi_websocket_class = BoundedConnection
    url_map_class = PathMap

    def log_exception(self, exception_info: Any) -> None:
        """Quart's log line holds the path, which is the client's own text."""
        self.logger.error("exception in a handler", exc_info=exception_info)


class FlooredConfig(Config):
    """Hypercorn asks its configuration which headers to add to each response, also to errors of its own."""

    def response_headers(self, protocol: str) -> list[tuple[bytes, bytes]]:
        """See `Config`."""
        return [*super().response_headers(protocol), *floor()]


def hypercorn_config() -> Config:
    """The settings of a connection."""
    config = FlooredConfig()
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    config.include_server_header = False
    config.websocket_max_message_size = MESSAGE_LIMIT
    # No pings of Hypercorn's own: their task keeps a closed connection in memory until the next one is due. `Line.beat` does it.
    config.websocket_ping_interval = None
    config.h11_max_incomplete_size = 16 * 1024
    return config


def _in_origin_form(scope: Any) -> Any:
    """The scope with a path that begins with a slash; a target that has none, such as `*`, is no page's."""
    path: str = scope["path"]
    if not path.startswith("/"):
        absolute = _ABSOLUTE.fullmatch(path)
        scope = scope | {"path": (absolute[1] or "/") if absolute else "/ "}
    return scope
