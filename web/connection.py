"""One socket after another, from the gate to Hypercorn's HTTP/1.1: in the place of Hypercorn's own server.

That accepts without a bound, counts nothing, gives a slow TLS handshake a minute and slow headers all the time they want. `web.gate`
accepts; `Front.enter` serves what it lets in.
"""

import asyncio
import logging
import socket
import ssl
from contextlib import suppress

import h11
from hypercorn.asyncio.task_group import TaskGroup
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.typing import ConnectionState
from hypercorn.utils import wrap_app

from web.arrival import STRANGER, Application
from web.front import hypercorn_config
from web.stranger import PATIENCE_S, Stranger, Strangers

READ_BYTES = 16 * 1024
GOODBYE_S = 1.0
"""How long a connection may take to end when the server does."""
_log = logging.getLogger("hypercorn.error")


class Http1(H11Protocol):
    """Hypercorn's HTTP/1.1 without its ways over to HTTP/2, where one socket is many, and none of them has a `Line`'s place, and without
    what others read differently: handshakes that are no text (wsproto reads their lists as ASCII and raises, where nobody catches it), and
    bodies with two lengths (RFC 9112, section 6.1: a proxy that goes by the other one would take the rest for a request)."""

    async def _create_stream(self, request: h11.Request) -> None:
        names = {name for name, _ in request.headers}
        told = [value for name, value in request.headers if name == b"connection" or name.startswith(b"sec-websocket-")]
        if all(map(bytes.isascii, told)) and not {b"content-length", b"transfer-encoding"} <= names:
            await super()._create_stream(request)
        else:
            await self._send_error_response(400)
            await self.send(Closed())

    async def _check_protocol(self, event: h11.Request) -> None:
        """An upgrade to h2c is an offer that a server may pass by (RFC 9110, section 7.8); a preface of HTTP/2 is not HTTP/1.1."""
        if event.http_version not in (b"1.0", b"1.1"):
            raise NotSpoken


class NotSpoken(Exception):
    """The peer speaks another HTTP."""


class Connection:
    """One socket: what it reads goes to Hypercorn, what Hypercorn says is written. In the place of Hypercorn's TCPServer, with no timers
    of its own: the gate has one for all."""

    def __init__(self, front: "Front", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.idle = True
        """Whether no request is under way."""
        self._front = front
        self._reader = reader
        self._turn = asyncio.Lock()
        self._protocol: H11Protocol

    async def run(self, stranger: Stranger) -> None:
        """Serves until one side ends."""
        writer = self.writer
        here = writer.get_extra_info("sockname")
        try:
            async with TaskGroup(asyncio.get_running_loop()) as tasks:
                self._protocol = Http1(
                    self._front.app,
                    self._front.config,
                    self._front.context,
                    tasks,
                    ConnectionState({STRANGER: stranger}),
                    writer.get_extra_info("ssl_object") is not None,
                    (stranger.address, 0),
                    here and here[:2],
                    self.protocol_send,
                )
                with suppress(OSError, NotSpoken):
                    while data := await self._reader.read(READ_BYTES):
                        await self._protocol.handle(RawData(data))
                await self._protocol.handle(Closed())
        finally:
            await self._close()

    async def protocol_send(self, event: Event) -> None:
        """What Hypercorn's protocol has to say."""
        match event:
            case RawData(data=data):
                async with self._turn:
                    try:
                        self.writer.write(data)
                        await self.writer.drain()
                    except (ConnectionError, RuntimeError):
                        await self._protocol.handle(Closed())
            case Closed():
                await self._close()
            case Updated(idle=idle):
                self.idle = idle
            case _:
                raise TypeError(event)

    async def _close(self) -> None:
        with suppress(NotImplementedError, OSError, RuntimeError):  # TLS has no half-closed connections
            self.writer.write_eof()
        with suppress(OSError, RuntimeError):
            self.writer.close()
            await self.writer.wait_closed()


class Front:
    """Serves what arrives on sockets that the gate let in."""

    def __init__(self, application: Application, strangers: Strangers, tls: ssl.SSLContext | None) -> None:
        self.config = hypercorn_config()
        self.context = WorkerContext(None)
        self.app = wrap_app(application, self.config.wsgi_max_body_size, "asgi")
        self._strangers = strangers
        self._tls = tls
        self._tasks: dict[asyncio.Task[None], Connection | None] = {}

    def enter(self, accepted: socket.socket, stranger: Stranger) -> None:
        """Takes a socket that was accepted, until it is gone."""

        def drop() -> None:  # a TLS handshake has no transport to close yet
            with suppress(OSError):
                accepted.shutdown(socket.SHUT_RDWR)

        stranger.drop = stranger.late = drop
        task = asyncio.get_running_loop().create_task(self._serve(accepted, stranger))
        self._tasks[task] = None
        task.add_done_callback(lambda _: self._gone(task, stranger))

    def _gone(self, task: "asyncio.Task[None]", stranger: Stranger) -> None:
        del self._tasks[task]
        self._strangers.forget(stranger)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("connection failed", exc_info=error)

    async def _serve(self, accepted: socket.socket, stranger: Stranger) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(READ_BYTES, loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        patience_s = None if self._tls is None else PATIENCE_S
        try:
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, accepted, ssl=self._tls, ssl_handshake_timeout=patience_s)
        except OSError:  # no TLS, or too slow, or gone
            accepted.close()
            return
        stranger.drop = stranger.late = transport.abort
        connection = Connection(self, reader, asyncio.StreamWriter(transport, protocol, reader, loop))
        task = asyncio.current_task()
        assert task is not None
        self._tasks[task] = connection
        await connection.run(stranger)

    async def close(self) -> None:
        """Ends every connection; whoever is in the middle of a request has a moment."""
        await self.context.terminated.set()
        for connection in self._tasks.values():
            if connection is not None and connection.idle:
                connection.writer.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GOODBYE_S)
        for task, connection in self._tasks.items():
            if connection is not None:
                connection.writer.transport.abort()
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GOODBYE_S)
