"""What floods are made of: endless streams of WebSocket bytes, each with what opens it and whether its answers are read."""

import json
import os
from collections.abc import Iterator

import attrs

BLOCK = 1 << 18
MASK = bytes((0x11, 0x22, 0x33, 0x44))
STORE = "mall"
TEXT, CONTINUED, BINARY, CLOSE, PING, PONG = 0x1, 0x0, 0x2, 0x8, 0x9, 0xA
FIN, RSV1 = 0x80, 0x40


def frame(
    payload: bytes, opcode: int = TEXT, *, fin: bool = True, rsv: int = 0, masked: bool = True, announced: int | None = None
) -> bytes:
    """One frame of a client; `announced` is the length it claims."""
    size = len(payload) if announced is None else announced
    bit = FIN if masked else 0
    if size < 126:
        header = bytes(((FIN if fin else 0) | rsv | opcode, bit | size))
    elif size < 1 << 16:
        header = bytes(((FIN if fin else 0) | rsv | opcode, bit | 126)) + size.to_bytes(2, "big")
    else:
        header = bytes(((FIN if fin else 0) | rsv | opcode, bit | 127)) + size.to_bytes(8, "big")
    if not masked:
        return header + payload
    key = int.from_bytes((MASK * (len(payload) // 4 + 1))[: len(payload)], "little")
    return header + MASK + (int.from_bytes(payload, "little") ^ key).to_bytes(len(payload), "little")


def said(value: object) -> bytes:
    """A text frame of JSON."""
    return frame(json.dumps(value, separators=(",", ":")).encode())


def _send(number: int, text: str = "x") -> dict[str, object]:
    return {"type": "send", "id": f"f{number}", "store": STORE, "kind": "text", "body": {"text": text}}


def _fill(*units: bytes) -> bytes:
    """A block of whole units, one after another."""
    whole = b"".join(units)
    return whole * max(1, BLOCK // len(whole))


@attrs.frozen
class Flood:
    """`opening` is said once in each connection, `block` again and again. Without `hello` nothing is said before."""

    name: str
    block: bytes
    opening: bytes = b""
    hello: bool = True
    reads: bool = True
    handshake: bytes | None = None
    """In place of the WebSocket handshake."""

    def blocks(self) -> Iterator[bytes]:
        """All of it."""
        if self.opening:
            yield self.opening
        while True:
            yield self.block


_ROTATING = [said(_send(number)) for number in range(500)]
_LARGE = said(_send(1, "y" * 60_000))
_PINGS = _fill(said({"type": "ping"}))
_RUBBISH = _fill(*(frame(b'{"type":"ping"' + b"}" * (n % 3 != 0) * (n % 5)) for n in range(1, 31)), said({"type": "ping"}))
_WIDE = frame(b'{"type":"what","a":[' + b"0," * 30_000 + b"0]}")
_HISTORY = {"type": "history", "id": "h", "store": STORE, "limit": 200}
_NOISE = os.urandom(BLOCK)
_TOO_BIG = frame(b"", announced=64 * 1024 + 1)
_LONG_CHAT = b"".join(said(_send(n, "z" * 7_500)) for n in range(70))
"""A page of it is half a mebibyte."""

FLOODS = (
    Flood("small commands", _fill(*_ROTATING)),
    Flood("small commands, answers never read", _fill(*_ROTATING), reads=False),
    Flood("large commands", _fill(_LARGE)),
    Flood("pings", _PINGS),
    Flood("pings, answers never read", _PINGS, reads=False),
    Flood("queries, answers never read", _fill(*(said(_HISTORY | {"id": f"h{n}"}) for n in range(500))), opening=_LONG_CHAT, reads=False),
    Flood("received", _fill(*(said({"type": "received", "store": STORE, "seq": n}) for n in range(500)))),
    Flood("typing", _fill(said({"type": "typing", "store": STORE, "on": True}), said({"type": "typing", "store": STORE, "on": False}))),
    Flood("rubbish JSON", _RUBBISH),
    Flood("wide JSON of an unknown type", _fill(_WIDE)),
    Flood("arrays of 64", _fill(*(said([_send(64 * n + k) for k in range(64)]) for n in range(20)))),
    Flood("fresh tokens", _fill(said({"type": "token", "token": "x" * 8000}))),
    Flood("WebSocket pings", _fill(frame(b"", PING))),
    Flood("WebSocket pings of 125 bytes, pongs never read", _fill(frame(b"p" * 125, PING)), reads=False),
    Flood("WebSocket pongs", _fill(frame(b"", PONG))),
    Flood("empty text frames", _fill(frame(b""))),
    Flood("empty frames between good ones", _fill(*[frame(b"")] * 9, said({"type": "ping"}))),
    Flood("empty fragments", _fill(frame(b"", CONTINUED, fin=False)), opening=frame(b"", fin=False)),
    Flood("fragments of one byte", _fill(frame(b"x", CONTINUED, fin=False)), opening=frame(b"x", fin=False)),
    Flood("endless fragments", _fill(frame(b"z" * 60_000, CONTINUED, fin=False)), opening=frame(b"z", fin=False)),
    Flood("one huge frame", _NOISE, opening=frame(b"", announced=300_000_000)),
    Flood("a frame of 2^63 bytes", _NOISE, opening=frame(b"", announced=(1 << 63) - 1)),
    Flood("after our 1009", _fill(*_ROTATING), opening=_TOO_BIG),
    Flood("after our 1002", _fill(*_ROTATING), opening=frame(b"hi", masked=False)),
    Flood("after our 1003", _fill(*_ROTATING), opening=frame(b"", BINARY)),
    Flood("after our 1007", _fill(*_ROTATING), opening=frame(b"\xff\xfe")),
    Flood("after our 4000", _fill(*_ROTATING), opening=said({"type": "hello", "token": 7}) * 10),
    Flood("after its own close", _fill(*_ROTATING), opening=frame((1000).to_bytes(2, "big"), CLOSE)),
    Flood("before hello: WebSocket pings", _fill(frame(b"", PING)), hello=False),
    Flood("before hello: commands", _fill(*_ROTATING), hello=False),
    Flood("before hello: fragments of one byte", _fill(frame(b"x", CONTINUED, fin=False)), opening=frame(b"x", fin=False), hello=False),
    Flood("before hello: a large hello", _fill(said({"type": "hello", "token": "x" * 60_000})), hello=False),
    Flood("a body of HTTP", _NOISE, hello=False, handshake=b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 900000000\r\n\r\n"),
    Flood(
        "after a refused handshake",
        _NOISE,
        hello=False,
        handshake=b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ),
    Flood("frames before the handshake is answered", _fill(*_ROTATING), hello=False, handshake=b""),
)
