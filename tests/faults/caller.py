"""A person who never gives up: reconnects, resumes with what it holds, and sends what has no answer again with the same id.

Holds itself to the protocol as it goes: whatever does not fit is written into `faults`. A new life of the socket is a new checker.
"""

import asyncio
import contextlib
import json
import random
import time
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from tests.history.record import Recorder
from tests.wire.checker import ANSWERS, Checker, Frame
from tests.wire.person import words
from tests.wire.server import Server


class Ended(ConnectionError):
    """The server hung up, with this close code."""

    def __init__(self, code: int | None) -> None:
        super().__init__(code)
        self.code = code


LOST = (OSError, TimeoutError, EOFError, ConnectionClosed, InvalidHandshake, InvalidMessage)
AGAIN_S = 0.2
OPEN_S = 15.0
ARRAY_LIMIT, MESSAGE_BYTES = 64, 60_000


def same(ack: Frame, other: Frame) -> bool:
    """Whether two answers to one command say the same."""
    return {**ack, "duplicate": True} == {**other, "duplicate": True}


def packed(frames: Iterable[Frame]) -> Iterator[str]:
    """Arrays of frames, none of them longer than the server takes: who resends all it has sends much at once."""
    texts: list[str] = []
    for text in map(json.dumps, frames):
        if texts and (len(texts) == ARRAY_LIMIT or sum(map(len, texts)) + len(text) > MESSAGE_BYTES):
            yield f"[{','.join(texts)}]"
            texts = []
        texts.append(text)
    if texts:
        yield f"[{','.join(texts)}]"


class Caller:
    """One identity at one store on one session at a time."""

    def __init__(self, server: Server, role: str, id: str, store: str, *, seed: int = 0) -> None:
        self.server, self.role, self.id, self.store = server, role, id, store
        self.agent = role != "user"
        self.token_s = 3600
        self.recorder = Recorder()
        self._name = ""
        self.random = random.Random(f"{seed} {id}")
        self.generations: list[str] = []
        self.seq = 0
        self.offset: int | None = None
        self.messages: dict[str, dict[int, Frame]] = {}
        """What it holds: chat to seq to message."""
        self.chats: dict[str, Frame] = {}
        """An agent's picture of the store."""
        self.early: list[Frame] = []
        """Events before `ready` of the present session that its snapshot stands before."""
        self.acks: dict[str, Frame] = {}
        """Every acknowledged command, in the order of the acks."""
        self.refusals: dict[str, Frame] = {}
        self.codes: list[int | None] = []
        self.faults: list[str] = []
        self.resets = self.unavailable = self.delivered = 0
        self.duplicates = 0
        """Acks that came for what had been done in an earlier life: the first ack was lost, or never sent."""
        self.away_s = (0.02, 0.15)
        """How long it stays away when a session has ended: anything between these."""
        self.slowest_s, self.slowest = 0.0, ""
        """The longest that a command on a living session went without an answer, and which it was."""
        self.ready = asyncio.Event()
        self.error: Exception | None = None
        self.cut_after: int | None = None
        """Cuts its own socket at the n-th event of a session."""
        self._waiting: dict[str, tuple[Frame, asyncio.Future[Frame], float]] = {}
        self._socket: ClientConnection | None = None
        self._offsets: dict[str, int] = {}
        self._checker = Checker(role)
        self._events = 0
        self._fresh = False
        self._life: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._life = asyncio.create_task(self._live())

    async def stop(self) -> None:
        if self._life is not None:
            self._life.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._life

    def cut(self) -> None:
        """The network goes: TCP is reset, no close frame."""
        if self._socket is not None:
            self._socket.transport.abort()

    @property
    def waits(self) -> bool:
        """Whether a command has no answer yet."""
        return bool(self._waiting)

    def told(self) -> str:
        """Whether it lives, and what it waits for."""
        life = repr(self._life.exception()) if self._life is not None and self._life.done() else "alive"
        return f"{life}, waiting for {[asked for asked, _, _ in self._waiting.values()][:3]}, last error {self.error!r}"

    # Asking.

    def frame(self, type: str, **fields: Any) -> Frame:
        return {"type": type, "id": str(uuid.UUID(int=self.random.getrandbits(128))), "store": self.store} | fields

    def text(self, **fields: Any) -> Frame:
        frame = self.frame("send", kind="text", **fields)
        return frame | {"body": words(frame["id"])}

    async def ask(self, *frames: Frame) -> list[Frame]:
        """The last answer to each, once it is an ack or a lasting refusal: what is temporary is asked again, in order."""
        left = {frame["id"]: frame for frame in frames}
        answers: dict[str, Frame] = {}
        while left:
            answers |= zip(left, await self.try_once(*left.values()), strict=True)
            left = {id: frame for id, frame in left.items() if answers[id].get("temporary")}
            if left:
                await asyncio.sleep(AGAIN_S)
        for frame in frames:
            self._keep(frame["id"], answers[frame["id"]])
        return [answers[frame["id"]] for frame in frames]

    async def try_once(self, *frames: Frame) -> list[Frame]:
        """The first answer to each; after a cut the unanswered ones are sent again."""
        futures = [asyncio.get_running_loop().create_future() for _ in frames]
        now_s = time.monotonic()
        self._waiting |= {frame["id"]: (frame, future, now_s) for frame, future in zip(frames, futures, strict=True)}
        if self.ready.is_set():
            await self._send(*frames)
        return [await future for future in futures]

    def _keep(self, id: str, answer: Frame) -> None:
        if answer["type"] == "ack":
            known = self.acks.setdefault(id, answer)
            if not same(known, answer):
                self.faults.append(f"{self.id}: {answer} after {known}")
        elif answer["type"] == "error":
            self.refusals[id] = answer

    async def _send(self, *frames: Frame) -> None:
        socket = self._socket
        if socket is None or not frames:
            return
        self._checker.asked.update(frame["id"] for frame in frames if "id" in frame)
        for frame in frames:
            self.recorder.asked(self._name, frame)
        with contextlib.suppress(*LOST):
            for message in packed(frames):
                await socket.send(message)

    # Living.

    async def _live(self) -> None:
        while True:
            try:
                await self._session()
            except LOST as error:
                self.codes.append(error.code if isinstance(error, Ended) else None)
                self.error = error
            self.ready.clear()
            self._socket = None
            await asyncio.sleep(self.random.uniform(*self.away_s))

    async def _session(self) -> None:
        token = self.server.token(self.role, self.id, stores=[self.store] if self.agent else None, ttl_s=self.token_s)
        hello: Frame = {"type": "hello", "token": token}
        held = self.offset if self.agent else self.seq
        if self.generations and held is not None:
            hello |= {"resume": {self.store: held}, "generation": self.generations[-1]}
        options: dict[str, Any] = {"compression": None, "ping_interval": None, "proxy": None, "max_size": None, "max_queue": None}
        async with asyncio.timeout(OPEN_S) as opening:
            self._checker, self._events = Checker(self.role), 0
            async with connect(f"ws://{self.server.address}/ws", close_timeout=1, **options) as socket:
                stores = (self.store,) if self.agent else None
                self._name = self.recorder.opened(self.role, self.id, stores, hello.get("resume"), hello.get("generation"))
                self._socket = socket
                await socket.send(json.dumps(hello))
                try:
                    async for data in socket:
                        message = json.loads(data)
                        for frame in message if isinstance(message, list) else [message]:
                            self._see(frame)
                            if frame["type"] == "ready":
                                opening.reschedule(None)
                                self.ready.set()
                                now_s = time.monotonic()
                                self._waiting = {id: (frame, future, now_s) for id, (frame, future, _) in self._waiting.items()}
                                await self._send(*(frame for frame, _, _ in self._waiting.values()))
                            if self._events == self.cut_after:
                                self.cut()
                                return
                except ConnectionClosed:
                    pass
                finally:
                    self.faults += [f"{self.role} {self.id}: {fault}" for fault in self._checker.faults]
                    self.recorder.ended(self._name, socket.close_code or 1006)
                raise Ended(socket.close_code)

    # Hearing.

    def _see(self, frame: Frame) -> None:
        self._checker.see(frame)
        self.recorder.told(self._name, frame)
        match frame["type"]:
            case "welcome":
                self.chats, self.early = {}, []
                if frame["generation"] not in self.generations[-1:]:
                    self.generations.append(frame["generation"])
            case kind if kind in ANSWERS and "id" in frame:
                self._answered(frame)
            case "chats":
                self._offsets = frame.get("offsets", {}) or self._offsets
                if self.offset is None:
                    self.offset = self._offsets.get(self.store)
                self.chats |= {chat["user"]: dict(chat) for chat in frame["chats"]}
            case "reset":
                self.resets += 1
                self.messages.clear()
                self._fresh = True
                self.offset = self._offsets.get(self.store)
            case "message" | "note" | "status":
                self._events += 1
                self.delivered += 1
                self._event(frame)

    def _answered(self, frame: Frame) -> None:
        asked, future, since_s = self._waiting.pop(frame["id"], ({}, None, 0.0))
        if future is None:
            self.faults.append(f"{self.id}: nobody waits for {frame}")
            return
        waited_s = time.monotonic() - since_s
        if waited_s > self.slowest_s:
            self.slowest_s, self.slowest = waited_s, f"{asked} got {frame}"
        self.unavailable += frame.get("code") == "unavailable"
        self.duplicates += frame.get("duplicate", False)
        if not future.done():
            future.set_result(frame)

    def _event(self, frame: Frame) -> None:
        if self.agent:
            if self.offset is not None and frame["offset"] != self.offset + 1:
                self.faults.append(f"{self.id} held offset {self.offset} and got {frame}")
            self.offset = frame["offset"]
        if frame["type"] == "message":
            if not self.agent and not self._fresh and frame["seq"] != self.seq + 1:
                self.faults.append(f"{self.id} held seq {self.seq} and got {frame}")
            if not self.agent:
                self._fresh, self.seq = False, frame["seq"]
            self.messages.setdefault(frame["user"], {})[frame["seq"]] = frame
        if self.agent and self.ready.is_set():
            self._picture(frame)
        elif self.agent and frame["offset"] > self._offsets[self.store]:
            self.early.append(frame)

    def _picture(self, frame: Frame) -> None:
        chat = self.chats.setdefault(frame["user"], {"user": frame["user"], "status": "waiting", "owner": None, "epoch": 0, "seq": 0})
        if frame["type"] == "message":
            chat["seq"] = frame["seq"]
        elif frame["type"] == "status" and frame["epoch"] > chat["epoch"]:
            chat |= {key: frame[key] for key in ("status", "owner", "epoch")}

    async def acknowledge(self) -> None:
        """Tells what is safely held."""
        number = {"offset": self.offset} if self.agent else {"seq": self.seq}
        await self._send({"type": "received", "store": self.store} | number)
