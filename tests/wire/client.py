"""An independent client of the wire protocol: written from its page alone, checking what it is told while it listens."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import jwt
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.wire import schema
from tests.wire.checker import ANSWERS, Checker, Frame

PATIENCE_S = 5.0
T = TypeVar("T")


class Reachable(Protocol):
    """Where to dial: a server that has an address."""

    @property
    def address(self) -> str: ...


def fits(value: Any, wanted: Any) -> bool:
    """Whether a value is what a test wants: equal, or accepted by a predicate, or holding all of a wanted dict."""
    if callable(wanted):
        return bool(wanted(value))
    if isinstance(wanted, dict):
        return isinstance(value, dict) and all(key in value and fits(value[key], item) for key, item in wanted.items())
    return bool(value == wanted)


def ids_in(message: object) -> Iterator[str]:
    for frame in message if isinstance(message, list) else [message]:
        if isinstance(frame, dict) and isinstance(frame.get("id"), str):
            yield frame["id"]


class Client:
    """One session. `frames` is everything in order; `expect` takes frames out of what no test step has taken yet."""

    def __init__(self, socket: ClientConnection, role: str, id: str) -> None:
        self.socket, self.role, self.id = socket, role, id
        self.checker = Checker(role)
        self.frames: list[Frame] = []
        self.messages = 0
        self.welcome: Frame = {}
        self.chats: dict[tuple[str, str], Frame] = {}
        self.offsets: dict[str, int] = {}
        self.missed: list[Frame] = []
        self.resets: list[str] = []
        self._waiting: list[Frame] = []
        self._news = asyncio.Event()
        self._ended = False
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def dial(cls, server: Reachable, role: str = "user", id: str = "nobody", **options: Any) -> Self:
        """Opens the WebSocket and says nothing yet."""
        usual = {"compression": None, "ping_interval": None, "proxy": None, "max_size": None, "max_queue": None, "close_timeout": 3}
        socket = await connect(f"ws://{server.address}/ws", **usual | options)
        return cls(socket, role, id)

    @classmethod
    async def open(
        cls,
        server: Reachable,
        token: str,
        resume: dict[str, int] | None = None,
        generation: str | None = None,
        ready: bool = True,
        **options: Any,
    ) -> Self:
        claims = jwt.decode(token, options={"verify_signature": False, "verify_exp": False})
        client = await cls.dial(server, claims["role"], claims["sub"], **options)
        await client.hello(token, resume, generation)
        if ready:
            await client.opened()
        return client

    async def hello(self, token: str, resume: dict[str, int] | None = None, generation: str | None = None) -> None:
        more = {"resume": resume, "generation": generation}
        await self.send({"type": "hello", "token": token, **{key: value for key, value in more.items() if value is not None}})

    async def opened(self, within_s: float = 15.0) -> None:
        """Waits for `ready` and sorts the opening into attributes; its frames are then no longer for `expect`."""
        if await self._until(lambda: True if self.checker.ready else None, within_s) is None:
            await self.tidy()
            raise AssertionError(f"no ready within {within_s} s; {self.told()}")
        end = next(at for at, frame in enumerate(self.frames) if frame["type"] == "ready")
        for frame in self.frames[: end + 1]:
            self._waiting.remove(frame)
            match frame["type"]:
                case "welcome":
                    self.welcome = frame
                case "chats":
                    self.chats |= {(chat["store"], chat["user"]): chat for chat in frame["chats"]}
                    self.offsets |= frame.get("offsets", {})
                case "reset":
                    self.resets.append(frame["store"])
                case "message" | "note" | "status":
                    self.missed.append(frame)

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for data in self.socket:
                message = json.loads(data)
                self.messages += 1
                for frame in message if isinstance(message, list) else [message]:
                    self.frames.append(frame)
                    self._waiting.append(frame)
                    self.checker.see(frame)
                    self.checker.faults += [f"{fault}: {frame}" for fault in schema.faults("server", frame)]
                self._tell()
        self._ended = True
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _until(self, look: Callable[[], T | None], within_s: float) -> T | None:
        """What `look` finds, asked again whenever something came, for so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not self._ended:
                    if (found := look()) is not None:
                        return found
                    await self._news.wait()
        return look()

    def _take(self, accepts: Callable[[Frame], bool]) -> Frame | None:
        for at, frame in enumerate(self._waiting):
            if accepts(frame):
                return self._waiting.pop(at)
        return None

    async def send(self, *frames: Frame) -> None:
        """Sends one frame as an object, several as an array."""
        message: object = frames[0] if len(frames) == 1 else list(frames)
        await self.send_raw(json.dumps(message))

    async def send_raw(self, text: str | bytes) -> None:
        with contextlib.suppress(ValueError, RecursionError):
            message = json.loads(text)
            self.checker.asked.update(ids_in(message))
            self.checker.faults += schema.faults_of_said(text, message if isinstance(message, list) else [message])
        with contextlib.suppress(ConnectionClosed):
            await self.socket.send(text)

    async def post(self, type: str, /, *, id: str | None = None, **fields: Any) -> str:
        """Sends a command and does not wait for its answer; gives its id."""
        id = id or str(uuid.uuid4())
        await self.send({"type": type, "id": id, **fields})
        return id

    async def answer(self, id: str, within_s: float = PATIENCE_S) -> Frame:
        found = await self._until(lambda: self._take(lambda frame: frame["type"] in ANSWERS and frame.get("id") == id), within_s)
        assert found is not None, f"no answer to {id} within {within_s} s; {self.told()}"
        return found

    async def answered(self, id: str, within_s: float = PATIENCE_S) -> bool:
        """Whether an ack comes before the session ends."""
        found = await self._until(lambda: self._take(lambda frame: frame["type"] == "ack" and frame["id"] == id), within_s)
        return found is not None

    async def command(self, type: str, /, *, id: str | None = None, **fields: Any) -> Frame:
        """Sends a command and gives the one frame that answers it."""
        return await self.answer(await self.post(type, id=id, **fields))

    async def expect(self, type: str, /, *, within_s: float = PATIENCE_S, **match: Any) -> Frame:
        """The first frame not yet taken that fits; `from_` stands for the field `from`."""
        wanted = {"type": type} | {key.removesuffix("_"): value for key, value in match.items()}
        found = await self._until(lambda: self._take(lambda frame: fits(frame, wanted)), within_s)
        assert found is not None, f"{wanted} did not come within {within_s} s; {self.told()}"
        return found

    async def never(self, type: str, /, within_s: float = 0.3, **match: Any) -> None:
        """Nothing that fits waits, and nothing comes for so long."""
        wanted = {"type": type} | {key.removesuffix("_"): value for key, value in match.items()}
        found = await self._until(lambda: self._take(lambda frame: fits(frame, wanted)), within_s)
        assert found is None, f"{found} should never have come; {self.told()}"

    async def pong(self) -> None:
        """A round trip through the session: what the server answers in order has arrived."""
        await self.send({"type": "ping"})
        await self.expect("pong")

    def forget(self) -> None:
        """What came until now is taken."""
        self._waiting.clear()

    def had(self, *types: str, **match: Any) -> list[Frame]:
        """All frames of these types so far, taken or not."""
        return [frame for frame in self.frames if frame["type"] in types and fits(frame, match)]

    def told(self) -> str:
        lately = "\n  ".join(json.dumps(frame, ensure_ascii=False)[:300] for frame in self._waiting[-20:])
        end = f", closed with {self.socket.close_code}" if self._ended else ""
        return f"{self.role} {self.id} had {len(self.frames)} frames{end}; not yet taken:\n  {lately}"

    async def closed(self, within_s: float = 10.0) -> int:
        """The close code, once the server has ended the session; 1006 where it ended without one."""
        await self._until(lambda: None, within_s)
        assert self._ended, f"not closed within {within_s} s; {self.told()}"
        await self.socket.wait_closed()
        assert self.socket.close_code is not None
        return self.socket.close_code

    def alive(self) -> bool:
        return not self._ended

    def cut(self) -> None:
        """The network goes: TCP is reset, no close frame."""
        self.socket.transport.abort()

    async def tidy(self) -> None:
        await self.socket.close()
        await self._reader

    async def close(self) -> None:
        """Ends the session and raises whatever the checker has seen."""
        await self.tidy()
        assert not self.checker.faults, f"{self.role} {self.id} saw:\n  " + "\n  ".join(self.checker.faults[:10])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await (self.close() if kind is None else self.tidy())
