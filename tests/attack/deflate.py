"""Compression: never agreed upon, whoever offers it how, and what comes compressed all the same is an error that costs nothing."""

import asyncio
import base64
import functools
import os
import zlib
from pathlib import Path

from tests.attack.flood_bytes import RSV1, frame, said
from tests.attack.scene import MB, Figures, Scene, scene

BOMB_BYTES = 61 * 1024
OFFERS = (
    "permessage-deflate",
    "permessage-deflate; client_max_window_bits",
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    "permessage-deflate; client_max_window_bits=15, permessage-deflate",
    "x-webkit-deflate-frame, PERMESSAGE-DEFLATE",
)


@functools.cache
def bomb() -> bytes:
    """What inflates to sixty million bytes."""
    packer = zlib.compressobj(9, wbits=-15)
    packed = packer.compress(b'{"type":"ping"' + b" " * (BOMB_BYTES * 1000)) + packer.flush(zlib.Z_SYNC_FLUSH)
    return packed[:BOMB_BYTES]


async def _offered(address: str, offer: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A WebSocket whose handshake offered compression; the answer agrees to none."""
    host, port = address.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET /ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Extensions: {offer}\r\n\r\n".encode()
    )
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    assert head.startswith("http/1.1 101"), head
    assert "sec-websocket-extensions" not in head, head
    return reader, writer


async def _bombed(stage: Scene, offer: str, *, greets: bool) -> int:
    """The close code that a bomb is answered with."""
    reader, writer = await _offered(stage.server.address, offer)
    try:
        if greets:
            writer.write(said({"type": "hello", "token": stage.server.token("user", f"bomber-{os.urandom(4).hex()}")}))
        writer.write(frame(bomb(), rsv=RSV1))
        async with asyncio.timeout(10):
            heard = await reader.read()
        at = heard.rfind(b"\x88")
        assert at >= 0, f"no close: {heard[-40:]!r}"
        return int.from_bytes(heard[at + 2 : at + 4], "big")
    finally:
        writer.transport.abort()


async def deflate(folder: Path, share: float) -> Figures:
    """Bombs one after another, each in a socket of its own."""
    rounds = max(1, round(10 * share))
    async with scene(folder) as stage:
        await stage.begin()
        for _ in range(rounds):
            codes = await asyncio.gather(*(_bombed(stage, offer, greets=greets) for offer in OFFERS for greets in (True, False)))
            assert set(codes) == {1002}, codes
        return {"sent MB": round(rounds * len(codes) * BOMB_BYTES / MB, 1), "answered": "1002"} | await stage.judged()
