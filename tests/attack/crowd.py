"""A crowd in a process of its own: strangers that never say hello, and visitors that all come at once.

The test speaks with it in lines of JSON. It has raw sockets rather than WebSocket clients, and any address of 127.0.0.0/8 it likes.
"""

import asyncio
import base64
import contextlib
import json
import os
import resource
import socket
import ssl
import sys
import time
from itertools import cycle
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvloop

ROOT = Path(__file__).parents[2]
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: dibs\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + base64.b64encode(b"0123456789abcdef") + b"\r\n\r\n"
)
KINDS = {
    "silent": (b"", b""),
    "slow head": (b"GET /ws HTTP/1.1\r\nHost: dibs\r\n", b"X-Slow: yes\r\n"),
    "keep-alive": (b"GET /healthz HTTP/1.1\r\nHost: dibs\r\n\r\n", b""),
    "no hello": (UPGRADE, b"\x89\x80\x00\x00\x00\x00"),
    "slow handshake": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x00"),
}
"""What a stranger says at first, and then every second. A handshake is one of TLS."""


def addresses(first: int, count: int) -> list[str]:
    """So many addresses of this machine, beside the usual one."""
    return [f"127.{first}.{n // 250}.{n % 250 + 1}" for n in range(count)]


def mask(payload: bytes) -> bytes:
    """One text frame of a client, with a mask of nothing."""
    size = len(payload)
    head = bytes((0x81, 0x80 | size)) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
    return head + b"\x00\x00\x00\x00" + payload


class Stranger(asyncio.Protocol):
    """Says its first words, then drips, and remembers how long it was let."""

    def __init__(self, kind: str) -> None:
        self.first, self.drop = KINDS[kind]
        self.waits = kind == "no hello"
        self.came_s = time.monotonic()
        self.lasted_s: float | None = None
        self.heard = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self.first)

    def drip(self) -> None:
        if self.lasted_s is None and self.drop and (self.heard or not self.waits):
            self.transport.write(self.drop)

    def data_received(self, data: bytes) -> None:
        self.heard = (self.heard + data)[:200]

    def connection_lost(self, error: Exception | None) -> None:
        self.lasted_s = time.monotonic() - self.came_s


class Visitor(asyncio.Protocol):
    """Says hello as soon as it may, and is content with `ready`."""

    def __init__(self, token: str, ended: "asyncio.Future[str]") -> None:
        self.hello = mask(json.dumps({"type": "hello", "token": token}).encode())
        self.ended = ended
        self.heard = b""
        self.greeted = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(UPGRADE)

    def data_received(self, data: bytes) -> None:
        if self.ended.done():
            return
        self.heard += data
        if not self.greeted and b"\r\n\r\n" in self.heard:
            self.greeted = True
            self.transport.write(self.hello)
        if b'"type":"ready"' in self.heard:
            self.ended.set_result("ready")
        elif (at := self.heard.rfind(b"\x88")) >= 0 and self.greeted and at + 4 <= len(self.heard) <= at + 127:
            self.ended.set_result(str(int.from_bytes(self.heard[at + 2 : at + 4], "big")))

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(type(error).__name__ if error else "closed")


class Rabble:
    """What runs in the crowd's own process."""

    def __init__(self, address: str, tls: bool) -> None:
        host, port = address.rsplit(":", 1)
        self.target = (host, int(port))
        self.tls = None
        if tls:
            self.tls = ssl.create_default_context()
            self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE
        self.strangers: list[Stranger] = []
        self.visits: list[tuple[float, asyncio.Future[str]]] = []
        self.spent: list[float] = []
        self.failed: dict[str, int] = {}
        self.busy: set[asyncio.Task[Any]] = set()

    async def connect(self, make: Any, origin: str, tls: ssl.SSLContext | None) -> Any:
        """A protocol whose socket comes from `origin`; None where there was no getting in."""
        loop = asyncio.get_running_loop()
        end = socket.socket()
        end.setblocking(False)
        try:
            end.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT: one port may serve many targets and origins
            end.bind((origin, 0))
            await loop.sock_connect(end, self.target)
            return (await loop.create_connection(make, sock=end, ssl=tls, server_hostname="dibs" if tls else None))[1]
        except OSError as error:
            end.close()
            self.failed[type(error).__name__] = self.failed.get(type(error).__name__, 0) + 1
            return None

    async def stand(self, kind: str, count: int, origins: list[str], a_second: float = 5000.0) -> None:
        """So many strangers come, from these addresses in turn, and stay as long as they are let."""
        tls = None if kind in ("silent", "slow handshake") else self.tls
        start, turn = time.monotonic(), cycle(origins)
        for n in range(count):
            ahead = n / a_second - (time.monotonic() - start)
            if ahead > 0.002:
                await asyncio.sleep(ahead)
            self.hold(self.come(kind, next(turn), tls))

    async def come(self, kind: str, origin: str, tls: ssl.SSLContext | None) -> None:
        stranger = Stranger(kind)
        if await self.connect(lambda: stranger, origin, tls) is not None:
            self.strangers.append(stranger)

    async def visit(self, tokens: list[str], origins: list[str], over_s: float) -> dict[str, Any]:
        """Everybody comes within so many seconds; when all are served, or it is clear that they are not."""
        loop, turn, start = asyncio.get_running_loop(), cycle(origins), time.monotonic()
        spent: list[float] = []
        ends: dict[str, int] = {}

        async def one(token: str, origin: str, at_s: float) -> None:
            await asyncio.sleep(max(0.0, at_s - (time.monotonic() - start)))
            began, ended = time.monotonic(), loop.create_future()
            if await self.connect(lambda: Visitor(token, ended), origin, self.tls) is None:
                ended.set_result("no connection")
            end = await ended
            ends[end] = ends.get(end, 0) + 1
            if end == "ready":
                spent.append(time.monotonic() - began)

        async with asyncio.timeout(90):
            await asyncio.gather(*(one(token, next(turn), over_s * n / len(tokens)) for n, token in enumerate(tokens)))
        return {"ends": ends, "all_s": time.monotonic() - start, "spent_s": sorted(spent)}

    def tell(self) -> dict[str, Any]:
        """How the strangers are doing."""
        lasted = sorted(stranger.lasted_s for stranger in self.strangers if stranger.lasted_s is not None)
        open_s = [time.monotonic() - stranger.came_s for stranger in self.strangers if stranger.lasted_s is None]
        shaken = sum(stranger.lasted_s is None and stranger.heard.startswith(b"HTTP/1.1 101") for stranger in self.strangers)
        return {
            "came": len(self.strangers),
            "open": len(open_s),
            "shaken": shaken,
            "oldest_s": max(open_s, default=0.0),
            "lasted_s": lasted,
            **self.failed,
        }

    def hold(self, work: Any) -> "asyncio.Task[Any]":
        task = asyncio.create_task(work)
        self.busy.add(task)
        task.add_done_callback(self.busy.discard)
        return task

    async def drip(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            for stranger in self.strangers:
                stranger.drip()

    async def run(self) -> None:
        """Does what the lines say, until there are no more."""
        dripping = asyncio.create_task(self.drip())
        lines = asyncio.StreamReader(limit=64 * 1024 * 1024)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        while line := await lines.readline():
            order = json.loads(line)
            work = getattr(self, order.pop("do"))(**order)
            print(json.dumps(await work if asyncio.iscoroutine(work) else work), flush=True)
        dripping.cancel()


class Crowd:
    """The test's end: `stand`, `visit` and `tell` are the methods of `Rabble`."""

    def __init__(self, address: str, *, tls: bool = False) -> None:
        self.address, self.tls = address, tls

    async def ask(self, do: str, **order: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do} | order).encode() + b"\n")
        line = await self.process.stdout.readline()
        assert line, "the crowd has gone"
        return json.loads(line)

    async def __aenter__(self) -> Self:
        command = (sys.executable, "-m", "tests.attack.crowd", self.address, "tls" if self.tls else "plain")
        pipe = asyncio.subprocess.PIPE
        self.process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe, limit=64 * 1024 * 1024)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.communicate()


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.nice(1)
    uvloop.run(Rabble(sys.argv[1], sys.argv[2] == "tls").run())
