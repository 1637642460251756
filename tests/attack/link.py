"""Links that die without a word: a relay on loopback that goes on taking bytes and forwards them no more, in both or in one direction."""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect

from tests.attack.latency import QUIET
from tests.attack.scene import Figures
from tests.wire.server import Server

USUAL_HEARTBEAT_S = 25.0
STORE = "links"


class Relay:
    """`up` and `down` say whether bytes of the client and of the server are forwarded. Nothing of TCP passes: no FIN, no RST."""

    def __init__(self, target: str) -> None:
        self._target = target
        self.up = self.down = True
        self.ended_s: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        """When the server ended its side."""
        self.heard_s: list[float] = []
        """When the server said something."""
        self._tasks: list[asyncio.Task[None]] = []
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.address = f"{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = self._target.rsplit(":", 1)
        there_reader, there_writer = await asyncio.open_connection(host, int(port))
        self._writers += [writer, there_writer]
        self._tasks.append(asyncio.create_task(self._upward(reader, there_writer)))
        self._tasks.append(asyncio.create_task(self._downward(there_reader, writer)))

    async def _upward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                if self.up:
                    writer.write(data)

    async def _downward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                self.heard_s.append(time.monotonic())
                if self.down:
                    writer.write(data)
        if not self.ended_s.done():
            self.ended_s.set_result(time.monotonic())


async def _talk(socket: ClientConnection) -> None:
    """A client that does not notice that it hears nothing."""
    while True:
        await socket.send('{"type":"ping"}')
        await asyncio.sleep(0.2)


async def _dead(server: Server, heartbeat_s: float, *, up: bool, down: bool, greets: bool, talks: bool = False) -> float:
    """How many heartbeats after a link died its session was closed. What does not say hello is closed after ten seconds anyway."""
    async with Relay(server.address) as relay:
        socket = await connect(f"ws://{relay.address}/ws", **QUIET)
        work: list[asyncio.Task[Any]] = [asyncio.create_task(_listen(socket))]
        try:
            if greets:
                await socket.send(json.dumps({"type": "hello", "token": server.token("user", f"l-{up}-{down}-{talks}")}))
            if talks:
                work.append(asyncio.create_task(_talk(socket)))
            await asyncio.sleep(1.6 * min(heartbeat_s, 3.0))
            assert not relay.ended_s.done(), "closed while the link was alive"
            relay.up, relay.down = up, down
            died_s = time.monotonic()
            async with asyncio.timeout(4 * heartbeat_s + 5):
                return (await relay.ended_s - died_s) / heartbeat_s
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            socket.transport.abort()
            with contextlib.suppress(OSError):
                await socket.close()


async def _listen(socket: ClientConnection) -> None:
    async for _ in socket:
        pass


async def _longest_silence(server: Server, heartbeat_s: float) -> float:
    """What an idle client waits at most for the next frame, in heartbeats."""
    socket = await connect(f"ws://{server.address}/ws", **QUIET)
    try:
        await socket.send(json.dumps({"type": "hello", "token": server.token("user", "idle")}))
        await socket.recv()
        end_s = time.monotonic() + 5 * heartbeat_s
        longest_s, heard_s = 0.0, time.monotonic()
        while heard_s < end_s:
            await socket.recv()
            longest_s, heard_s = max(longest_s, time.monotonic() - heard_s), time.monotonic()
        return longest_s / heartbeat_s
    finally:
        await socket.close()


async def links(folder: Path, share: float) -> Figures:
    """All of them at once: each mostly waits."""
    heartbeat_s = max(1.0, USUAL_HEARTBEAT_S * share)
    server = Server(folder / "data", rate=20, heartbeat=heartbeat_s)
    await server.start()
    try:
        dead: dict[str, Callable[[], Any]] = {
            "vanished": lambda: _dead(server, heartbeat_s, up=False, down=False, greets=True),
            "client unheard": lambda: _dead(server, heartbeat_s, up=False, down=True, greets=True, talks=True),
            "server unheard": lambda: _dead(server, heartbeat_s, up=True, down=False, greets=True, talks=True),
            "server unheard, client silent": lambda: _dead(server, heartbeat_s, up=True, down=False, greets=True),
            "vanished before hello": lambda: _dead(server, heartbeat_s, up=False, down=False, greets=False),
            "server unheard before hello": lambda: _dead(server, heartbeat_s, up=True, down=False, greets=False),
        }
        found = await asyncio.gather(*(start() for start in dead.values()), _longest_silence(server, heartbeat_s))
        beats = {f"{name} beats": round(value, 2) for name, value in zip([*dead, "longest silence"], found, strict=True)}
        for name, value in beats.items():
            assert value < (1.0 if name == "longest silence beats" else 2.5), f"{name}: {value} heartbeats; {beats}"
        await server.stop()
        server.check_log()
        return {"answered": "dropped", "heartbeat s": heartbeat_s} | beats
    finally:
        server.kill()
