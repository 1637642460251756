"""A session on a real socket: reads into it, writes out of it, closes it with its code."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from quart import Websocket

from actors.close import Close
from actors.node import Node
from actors.session import Session
from web.front import Disconnected
from web.line import FAREWELL_S, Line

FLUSH_S = 3.0
"""How long what waits for a session that ends may take to be written."""

Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


async def attend(socket: Websocket, session: Session, node: Node) -> None:
    """Runs a session until its socket is gone."""
    line: Line = socket.scope["dibs.line"]  # type: ignore[typeddict-item]
    hanging_up = _HangUp(socket, line, session, node.spawn)
    session.on_end = hanging_up.begin
    session.on_beat = lambda: line.beat(node.options.heartbeat_s, node.sweep_s)
    session.on_room = line.resume
    session.on_stuck = line.abort
    if node.draining:
        session.end(Close.DRAINING)
    try:
        line.listen(session)
        await socket.receive()
    except Disconnected:
        pass
    except asyncio.CancelledError:
        line.abort()
        raise
    except Exception as error:
        node.log.error("session_failed", session=session.name, error=repr(error), exc_info=error)
        session.end(Close.LOST_PLACE)
    finally:
        code = session.close_code or line.broken or 1006
        node.tally.sessions_closed[int(code)] += 1
        hanging_up.over.set()
        session.gone()


class _HangUp:
    """The end of one session, each step within its time."""

    def __init__(self, socket: Websocket, line: Line, session: Session, spawn: Spawn) -> None:
        self._socket = socket
        self._line = line
        self._session = session
        self._spawn = spawn
        self._writer = spawn(session.write(line.put))
        self.over = asyncio.Event()

    def begin(self) -> None:
        """Writes what waits, says why, and hangs up."""
        if self.over.is_set():
            self._writer.cancel()
        else:
            self._spawn(self._run())

    async def _run(self) -> None:
        code = self._session.close_code
        assert code is not None
        if code is Close.SLOW_READER:
            # Its buffer is full: the close frame goes behind what is in it, the rest is read from the log at the next connect.
            self._writer.cancel()
        await asyncio.wait([self._writer], timeout=FLUSH_S)
        self._writer.cancel()
        try:
            async with asyncio.timeout(FLUSH_S):
                await self._socket.close(int(code))
        except (TimeoutError, RuntimeError):
            pass
        try:
            async with asyncio.timeout(FAREWELL_S):
                await self.over.wait()
        except TimeoutError:
            self._line.abort()
