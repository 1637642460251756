"""One WebSocket of a load, on picows: lean enough that one process of Python can saturate a server.

A `Line` knows sockets, its subclasses speak: `Dibs` the public protocol of dibs, `bench.peers.tongue` what the peers understand. What is
wrong for whoever hears it (a number left out or said twice, an error, a close) goes to `faults`, which the bench looks at.
"""

import asyncio
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import count
from typing import Any, Self

import attrs
import jwt
import msgspec
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

OPEN_S = 30.0
_ids = count(1)


@attrs.frozen
class Place:
    """A server: its address, and the secret that its tokens are signed with."""

    address: str
    secret: str = ""


@attrs.frozen
class Who:
    """A person: the role is `user` or `agent`; an agent works for the store, a user writes to it."""

    role: str
    id: str
    store: str


class Line(WSListener, ABC):  # type: ignore[misc]  # a class of Cython
    """What the person says leaves at once; what is heard is told to `on_text` (the text) and `on_ack` (how long it took, in ns)."""

    def __init__(self, place: Place, who: Who, faults: list[str]) -> None:
        self.place, self.who, self.faults = place, who, faults
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.on_text: Callable[[str], None] = _ignore
        self.on_ack: Callable[[int], None] = _ignore
        self.leaving = False
        self.opened_s = 0.0
        self.gone = asyncio.Event()

    @classmethod
    async def open(
        cls, place: Place, who: Who, faults: list[str], *, origin: str | None = None, within_s: float = OPEN_S, **more: Any
    ) -> Self:
        """A line whose server has said that it is ready. `origin` is the address it comes from."""
        line = cls(place, who, faults, **more)
        where: dict[str, Any] = {"local_addr": (origin, 0)} if origin is not None and sys.platform == "linux" else {}
        async with asyncio.timeout(within_s):
            await ws_connect(lambda: line, line.url(), websocket_handshake_timeout=within_s, **where)
            line.greet()
            await line.ready
        line.opened_s = time.perf_counter()
        return line

    def url(self) -> str:
        """Where the WebSocket is."""
        return f"ws://{self.place.address}/ws"

    def greet(self) -> None:
        """What is said first."""

    @abstractmethod
    def take(self, payload: memoryview) -> None:
        """A text message of the server's."""

    @abstractmethod
    def ask(self, text: str) -> None:
        """A user's message."""

    @abstractmethod
    def answer(self, user: str, text: str) -> None:
        """An agent's message to a user."""

    def say(self, payload: bytes) -> None:
        """A text message to the server."""
        self.transport.send(WSMsgType.TEXT, payload)

    async def close(self) -> None:
        """Leaves."""
        self.leaving = True
        self.transport.send_close(WSCloseCode.OK)
        async with asyncio.timeout(OPEN_S):
            await self.gone.wait()

    # picows.

    def on_ws_connected(self, transport: WSTransport) -> None:
        """See picows."""
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """See picows."""
        if frame.msg_type == WSMsgType.TEXT:
            self.take(frame.get_payload_as_memoryview())
        elif frame.msg_type == WSMsgType.CLOSE:
            # picows knows the codes of the RFC only.
            self.fault(f"was closed with {int.from_bytes(frame.get_payload_as_bytes()[:2], 'big')}")
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """See picows."""
        self.fault("lost the connection")
        self.leaving = True
        self.gone.set()

    def fault(self, what: str) -> None:
        """Something is wrong; not for somebody who is leaving."""
        if not self.leaving:
            self.faults.append(f"{self.who.id} {what}")
            if not self.ready.done():
                self.ready.set_exception(ConnectionError(self.faults[-1]))


def _ignore(_: object) -> None:
    pass


class _Text(msgspec.Struct):
    text: str = ""


class Frame(msgspec.Struct):
    """As much of a frame of dibs as a load looks at."""

    type: str
    id: str | None = None
    store: str = ""
    user: str = ""
    seq: int = 0
    offset: int = 0
    body: _Text | None = None
    code: str = ""
    generation: str = ""
    offsets: dict[str, int] | None = None


_decode = msgspec.json.Decoder(list[Frame] | Frame).decode
_encode = msgspec.json.Encoder().encode


class Dibs(Line):
    """Speaks the protocol of dibs, and counts: a user's `seq` and an agent's `offset` go up by one, whatever is heard.

    `resume` is a place to go on from; `number` is the last that was heard of the store. `on_frame` is told every numbered frame.
    """

    def __init__(
        self,
        place: Place,
        who: Who,
        faults: list[str],
        *,
        resume: int | None = None,
        generation: str = "",
        on_frame: Callable[["Frame"], None] | None = None,
    ) -> None:
        super().__init__(place, who, faults)
        self.number = resume
        self.generation = generation
        self._on_frame = _ignore if on_frame is None else on_frame
        self._sent: dict[str, int] = {}
        self._asked: dict[str, asyncio.Future[Frame]] = {}

    def greet(self) -> None:
        """Says hello."""
        who = self.who
        claims: dict[str, Any] = {"sub": who.id, "role": who.role, "exp": int(time.time()) + 7200}
        claims |= {"stores": [who.store]} if who.role == "agent" else {}
        hello: dict[str, Any] = {"type": "hello", "token": jwt.encode(claims, self.place.secret, algorithm="HS256")}
        if self.number is not None:
            hello |= {"resume": {who.store: self.number}, "generation": self.generation}
        self.say(_encode(hello))

    def ask(self, text: str) -> None:
        """A user's `send`."""
        id = self._id()
        self._sent[id] = time.perf_counter_ns()
        self.say(b'{"type":"send","id":"%b","store":"%b","kind":"text","body":{"text":"%b"}}' % _bytes(id, self.who.store, text))

    def answer(self, user: str, text: str) -> None:
        """An agent's `send`."""
        id = self._id()
        self._sent[id] = time.perf_counter_ns()
        parts = _bytes(id, self.who.store, user, text)
        self.say(b'{"type":"send","id":"%b","store":"%b","user":"%b","kind":"text","body":{"text":"%b"}}' % parts)

    async def command(self, type: str, **fields: Any) -> Frame:
        """Says a command and gives its answer, an error too."""
        id = self._id()
        answer = self._asked[id] = asyncio.get_running_loop().create_future()
        self.say(_encode({"type": type, "id": id, "store": self.who.store} | fields))
        async with asyncio.timeout(OPEN_S):
            return await answer

    async def carried_out(self, type: str, **fields: Any) -> Frame:
        """A command that must get its ack."""
        answer = await self.command(type, **fields)
        assert answer.type == "ack", f"{type} of {self.who.id}: {answer.code}"
        return answer

    def received(self) -> None:
        """Says how far it has come."""
        if self.number:
            numbered = "seq" if self.who.role == "user" else "offset"
            self.say(_encode({"type": "received", "store": self.who.store, numbered: self.number}))

    def take(self, payload: memoryview) -> None:
        """See `Line`."""
        found = _decode(payload)
        for frame in found if isinstance(found, list) else (found,):
            match frame.type:
                case "message":
                    self._count(frame)
                    self.on_text(frame.body.text if frame.body is not None else "")
                case "ack":
                    self._acked(frame)
                case "note" | "status":
                    if self.who.role == "agent":
                        self._count(frame)
                case "welcome":
                    self.generation = frame.generation
                case "chats" if frame.id is None:
                    if frame.offsets is not None and self.number is None:
                        self.number = frame.offsets[self.who.store]
                case "ready":
                    self.ready.set_result(None)
                case "error":
                    self._refused(frame)
                case "reset":
                    self.fault("was reset")
                case _:
                    pass

    def _count(self, frame: Frame) -> None:
        number = frame.seq if self.who.role == "user" else frame.offset
        if self.number is not None and number != self.number + 1:
            self.fault(f"heard {number} after {self.number}")
        self.number = number
        self._on_frame(frame)

    def _acked(self, frame: Frame) -> None:
        id = frame.id or ""
        sent_ns = self._sent.pop(id, None)
        if sent_ns is not None:
            self.on_ack(time.perf_counter_ns() - sent_ns)
        elif (asked := self._asked.pop(id, None)) is not None:
            asked.set_result(frame)
        else:
            self.fault(f"got an ack for {id}, which was not asked")

    def _refused(self, frame: Frame) -> None:
        asked = self._asked.pop(frame.id or "", None)
        if asked is not None:
            asked.set_result(frame)
        else:
            self.fault(f"was told {frame.code}")

    @property
    def unanswered(self) -> int:
        """Sends that have no ack yet."""
        return len(self._sent)

    def _id(self) -> str:
        return f"{os.getpid()}-{next(_ids)}"


def _bytes(*parts: str) -> tuple[bytes, ...]:
    return tuple(part.encode() for part in parts)
