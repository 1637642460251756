"""A reader that stops reading in a busy store: it costs a bounded memory, is closed with 4101, and has lost nothing when it is back."""

import asyncio
import contextlib
import json
import socket
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.attack.flood_bytes import STORE
from tests.attack.latency import QUIET, frames
from tests.attack.scene import Figures, Scene, scene
from tests.wire.server import Server

STALL_S = 10.0
BUSY, BODY = 8, "psst-" + "y" * 6_000
KERNEL_BYTES = 1 << 16
BUSY_STORE_MIB, WAITING_MIB = 3.0, 1.0
"""What a busy store may grow by meanwhile, and what may wait for each reader that has stopped."""


async def stuck_agent(server: Server, token: str, resume: dict[str, int] | None = None, generation: str | None = None) -> ClientConnection:
    """A client whose kernel takes little for it, and whose library reads no more than it is asked for."""
    host, port = server.address.rsplit(":", 1)
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, (host, int(port)))
    opened = await connect(f"ws://{server.address}/ws", sock=raw, **QUIET | {"max_queue": (1, 0), "close_timeout": 0.1})
    more = {} if resume is None else {"resume": resume, "generation": generation}
    await opened.send(json.dumps({"type": "hello", "token": token} | more))
    return opened


async def _read(opened: ClientConnection, held: list[int], until: Any) -> dict[str, Any]:
    """Notes offsets until `until` says of a frame that it was the last; the frame, or the close code."""
    try:
        while True:
            told = frames(await opened.recv())
            held += [frame["offset"] for frame in told if "offset" in frame]
            for frame in told:
                if until(frame):
                    return frame
    except ConnectionClosed as closed:
        return {"type": "closed", "code": closed.rcvd.code if closed.rcvd else 1006}


async def _busy(stage: Scene, number: int) -> None:
    """A shopper who writes much; each message waits for its ack."""
    opened = await connect(f"ws://{stage.server.address}/ws", **QUIET)
    try:
        await opened.send(json.dumps({"type": "hello", "token": stage.server.token("user", f"busy{number}")}))
        for count in range(1_000_000):
            body = {"type": "send", "id": f"y{count}", "store": STORE, "kind": "text", "body": {"text": BODY}}
            await opened.send(json.dumps(body))
            await _read(opened, [], lambda frame, count=count: frame["type"] == "ack" and frame["id"] == f"y{count}")
            await asyncio.sleep(0.06)
    finally:
        await opened.close()


async def _stuck_since(stage: Scene) -> float:
    """When the server first said that a session fell behind."""
    async with asyncio.timeout(40):
        while True:
            _, text = await stage.server.http("/metrics")
            if any(line.startswith("dibs_fallen_behind_total ") and not line.endswith(" 0.0") for line in text.splitlines()):
                return time.monotonic()
            await asyncio.sleep(0.1)


async def reader(folder: Path, share: float) -> Figures:
    """As many stopped readers as the share says, ten in full."""
    count = max(1, round(10 * share))
    async with scene(folder) as stage:
        tokens = [stage.server.token("agent", f"stuck{n}", stores=[STORE]) for n in range(count)]
        held: list[list[int]] = [[] for _ in tokens]
        stuck = [await stuck_agent(stage.server, token) for token in tokens]
        welcomes = [
            (await _read(opened, offsets, lambda frame: frame["type"] == "welcome")) for opened, offsets in zip(stuck, held, strict=True)
        ]
        work = [asyncio.create_task(_busy(stage, n)) for n in range(BUSY)]
        try:
            for opened, offsets in zip(stuck, held, strict=True):
                await _read(opened, offsets, lambda frame: "offset" in frame)
            start_s = time.monotonic()
            await stage.begin()
            behind_s = await _stuck_since(stage)
            # The socket has taken nothing for a while when the outbox overflows, and its close waits five seconds for it at most.
            await asyncio.sleep(STALL_S + 1.0)
            ends = await asyncio.gather(*(_read(opened, offsets, lambda _: False) for opened, offsets in zip(stuck, held, strict=True)))
            assert [end["code"] for end in ends] == [4101] * count, ends
            closed_s = time.monotonic()
            figures = await stage.judged(BUSY_STORE_MIB + count * WAITING_MIB)
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            missed = 0
            for token, offsets, welcome in zip(tokens, held, welcomes, strict=True):
                before = len(offsets)
                again = await stuck_agent(stage.server, token, {STORE: offsets[-1]}, welcome["generation"])
                await _read(again, offsets, lambda frame: frame["type"] == "ready")
                missed += len(offsets) - before
                await again.close()
                gaps = [pair for pair in pairwise(offsets) if pair[1] != pair[0] + 1]
                assert not gaps, f"an event is missing, doubled or out of order: {gaps[:5]}"
            assert missed > 100, f"only {missed} were missed"
            return {
                "answered": "4101",
                "fell behind after s": round(behind_s - start_s, 1),
                "closed after s": round(closed_s - start_s, 1),
                "caught up": missed,
            } | figures
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            for opened in stuck:
                opened.transport.abort()
                with contextlib.suppress(OSError):
                    await opened.close()
