"""The client: one identity, one connection at a time, one outbox.

    connect -> hello with what is held -> ready -> live --lost--> wait as the close code says -> connect ...

A command leaves the outbox with its answer and not before. On a new connection everything in the outbox is sent again, in the order in
which it was given; so is what got a temporary error, and nothing newer to the same chat overtakes it. What the application has taken
out of the client is acknowledged to the server with `received`, once a second at most.
"""

import json
import random
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from inspect import isawaitable
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
import attrs
from anyio.abc import TaskGroup
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from actors import told
from actors.chat import Side
from actors.close import Close
from web.client import pace
from web.client.held import Held

LOST = (OSError, EOFError, TimeoutError, ConnectionClosed, InvalidHandshake, InvalidMessage)
OPEN_S = 15.0
"""A connection that is not ready in this time is given up."""
RECEIVED_S = 1.0
"""How often `received` is sent at most."""
AGAIN_S = 0.5
"""The pause before what got a temporary error is sent again, where the error names none."""
RENEW_S = 60.0
"""A token is renewed this long before it expires."""
EVENTS_LIMIT = 10_000
"""Events that wait for the application; beyond it the socket is not read unless a command waits for its answer."""
ARRAY_FRAMES, ARRAY_BYTES = 64, 60 * 1024

Token = str | Callable[[], str | Awaitable[str]]
"""A token, or what makes a fresh one: called at every connect, and before the one in use expires."""
T = TypeVar("T", told.Ack, told.Chats, told.History, told.Profile, told.Context)
Answer = told.Ack | told.Chats | told.History | told.Profile | told.Context | told.Error


class Refused(Exception):
    """A command was not carried out, for good. `error` is the server's answer."""

    def __init__(self, error: told.Error) -> None:
        super().__init__(f"{error.code}: {error.detail}")
        self.error = error

    @property
    def code(self) -> str:
        """The error code, see the protocol."""
        return self.error.code


class Closed(Exception):
    """The client has ended and does not come back: it was left, or the server sent it away with `code`."""

    def __init__(self, code: int | None) -> None:
        super().__init__(
            "the client was closed" if code is None else f"the server closed with {code}: {_MEANING.get(code, 'see the protocol')}"
        )
        self.code = code


_MEANING: dict[int, str] = {
    Close.PROTOCOL: "protocol violation",
    Close.TOKEN: "no, bad or expired token",
    Close.WITHDRAWN: "access withdrawn, or this origin is not allowed",
}


@attrs.frozen
class Connected:
    """A session is live; everything missed has come before."""

    welcome: told.Welcome


@attrs.frozen
class Disconnected:
    """The connection is gone, with this close code if there was one; the client comes back by itself after so long."""

    code: int | None
    again_s: float


@attrs.frozen
class Place:
    """Where an application is in what it was told: kept by it, a later client goes on from there. Numbers by store, see `resume`."""

    generation: str | None = None
    numbers: dict[str, int] = attrs.Factory(dict)


Event = told.Told | Connected | Disconnected


@attrs.define(eq=False)
class _Command:
    """A frame that waits for its answer; `session` is the one it was sent in last."""

    frame: dict[str, Any]
    session: str = ""
    answer: Answer | Closed | None = None
    answered: anyio.Event = attrs.Factory(anyio.Event)

    def conclude(self, answer: "Answer | Closed") -> None:
        self.answer = answer
        self.answered.set()


class Client:
    """`url` is the WebSocket's (`ws://HOST:PORT/ws`). Use with `async with`, and iterate over it for events.

    `place` continues where another client stopped; without it the server hands over what this identity has not acknowledged yet. Every
    method that sends a command returns the typed answer, raises `Refused`, or `Closed` if the client ends before it.
    """

    def __init__(self, url: str, token: Token, *, place: Place | None = None) -> None:
        self.url = url
        self.held = Held()
        self.welcome: told.Welcome | None = None
        """The greeting of the present session; None while there is none."""
        self._token = token
        self._resume = dict(place.numbers) if place is not None else {}
        self._generation = place.generation if place is not None else None
        self._taken = dict(self._resume)
        self._received = dict(self._resume)
        self._stands: dict[str, int] = {}
        """An agent's store to the offset that the snapshot of the present session stands at."""
        self._outbox: dict[str, _Command] = {}
        self._events: deque[Event] = deque()
        self._news = anyio.Event()
        self._room = anyio.Event()
        self._ready = anyio.Event()
        self._again: anyio.Event | None = None
        self._closed: Closed | None = None
        self._socket: ClientConnection | None = None
        self._writing = anyio.Lock()
        self._stack = AsyncExitStack()
        self._group: TaskGroup
        self._taking: Event | None = None

    # Life.

    async def __aenter__(self) -> Self:
        self._group = await self._stack.enter_async_context(anyio.create_task_group())
        self._group.start_soon(self._live)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """What was taken is acknowledged and the session ends; commands without an answer raise `Closed`."""
        if error is None:
            self._take_over()
        with anyio.CancelScope(shield=True), anyio.move_on_after(3), suppress(*LOST):
            await self._acknowledge()
            if self._socket is not None:
                await self._socket.close()
        self._end(Closed(None))
        self._group.cancel_scope.cancel()
        await self._stack.aclose()

    @property
    def place(self) -> Place:
        """Where the application is: behind the last event that it has taken and come back from."""
        return Place(self._generation, dict(self._taken))

    @property
    def waiting(self) -> int:
        """Commands without an answer."""
        return len(self._outbox)

    async def ready(self) -> told.Welcome:
        """Waits until a session is live."""
        while self.welcome is None or not self._ready.is_set():
            if self._closed is not None:
                raise self._closed
            await self._ready.wait()
        return self.welcome

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        """The next event. To ask for it says that the one before is done with."""
        self._take_over()
        while not self._events:
            if self._closed is not None:
                if self._closed.code is None:
                    raise StopAsyncIteration
                raise self._closed
            await self._news.wait()
        self._taking = self._events.popleft()
        self._room.set()
        return self._taking

    def _take_over(self) -> None:
        event, self._taking = self._taking, None
        number = _number(event, self.held.side)
        if number is not None:
            assert isinstance(event, told.Message | told.Note | told.StatusChange)
            self._taken[event.store] = number

    # Commands.

    async def send(
        self, store: str, body: dict[str, Any], *, kind: str = "text", user: str | None = None, id: str | None = None
    ) -> told.Ack:
        """Adds a message; an agent names the `user`."""
        return await self.command("send", told.Ack, id=id, store=store, kind=kind, body=body, user=user)

    async def note(self, store: str, user: str, text: str) -> told.Ack:
        """Adds a note that only agents see."""
        return await self.command("note", told.Ack, store=store, user=user, body={"text": text})

    async def claim(self, store: str, user: str) -> told.Ack:
        """Calls dibs."""
        return await self.command("claim", told.Ack, store=store, user=user)

    async def release(self, store: str, user: str) -> told.Ack:
        """Gives a chat back to the queue."""
        return await self.command("release", told.Ack, store=store, user=user)

    async def transfer(self, store: str, user: str, to: str, note: str | None = None) -> told.Ack:
        """Gives a chat to another agent."""
        return await self.command("transfer", told.Ack, store=store, user=user, to=to, note=note)

    async def takeover(self, store: str, user: str) -> told.Ack:
        """Owns a chat, whoever owned it; for supervisors."""
        return await self.command("takeover", told.Ack, store=store, user=user)

    async def resolve(self, store: str, user: str) -> told.Ack:
        """Closes a chat."""
        return await self.command("resolve", told.Ack, store=store, user=user)

    async def requeue(self, store: str, user: str) -> told.Ack:
        """Puts a chat back into the queue, whoever owned it; for supervisors."""
        return await self.command("requeue", told.Ack, store=store, user=user)

    async def end(self, store: str) -> told.Ack:
        """Closes one's own chat; for users."""
        return await self.command("end", told.Ack, store=store)

    async def rate(self, store: str, score: int, comment: str | None = None) -> told.Ack:
        """Says how one's own chat was, 1 to 5, once after each of its ends; for users."""
        return await self.command("rate", told.Ack, store=store, score=score, comment=comment)

    async def read(self, store: str, seq: int, *, user: str | None = None) -> told.Ack:
        """Moves the read mark of one's side."""
        return await self.command("read", told.Ack, store=store, seq=seq, user=user)

    async def availability(self, status: str) -> told.Ack:
        """`available` or `away`."""
        return await self.command("availability", told.Ack, status=status)

    async def announce(self, store: str, text: str) -> told.Ack:
        """Tells everybody of a store something, once; for supervisors."""
        return await self.command("announce", told.Ack, store=store, body={"text": text})

    async def chats(self, store: str, **page: Any) -> told.Chats:
        """A page of the list: `status`, `before`, `limit` as in the protocol."""
        return await self.command("chats", told.Chats, store=store, **page)

    async def history(self, store: str, *, user: str | None = None, **page: Any) -> told.History:
        """A page of a chat: `before`, `limit`, `events` as in the protocol."""
        return await self.command("history", told.History, store=store, user=user, **page)

    async def profile(self, store: str) -> told.Profile:
        """What the store says of itself."""
        return await self.command("profile", told.Profile, store=store)

    async def configure(self, store: str, version: int, **changes: Any) -> told.Ack:
        """Changes the profile that has this version: `name`, `face`, `greeting`, `clock`, `replies`; None clears. For supervisors."""
        given: dict[str, Any] = {name: _NULL if value is None else value for name, value in changes.items()}
        return await self.command("configure", told.Ack, store=store, version=version, **given)

    async def tell_context(self, store: str, context: dict[str, Any]) -> told.Ack:
        """Says where one is, see `actors.context`; for users."""
        return await self.command("context", told.Ack, store=store, context=context)

    async def context(self, store: str, user: str) -> told.Context:
        """Where a user said last that it is, and the earlier stretches of its chat; for agents."""
        return await self.command("context", told.Context, store=store, user=user)

    async def typing(self, store: str, *, user: str | None = None, on: bool = True) -> None:
        """Says that one is writing, or stopped; lost if there is no connection."""
        if self._ready.is_set():
            await self._write([_frame("typing", store=store, user=user, on=on)])

    async def command(self, type: str, answer: type[T], /, *, id: str | None = None, **fields: Any) -> T:
        """Sends any command of the protocol and waits for its answer, of the type `answer`. None among the fields is left out."""
        if self._closed is not None:
            raise self._closed
        id = id or str(uuid.uuid4())
        if id in self._outbox:
            raise ValueError("a command with this id has no answer yet")
        command = self._outbox[id] = _Command(_frame(type, id=id, **fields))
        self._room.set()  # whoever waits for an answer has the socket read
        try:
            if self._ready.is_set() and not self._is_behind(command):
                await self._send([command])
            await command.answered.wait()
        finally:
            self._outbox.pop(id, None)
        found = command.answer
        if isinstance(found, told.Error):
            raise Refused(found)
        if isinstance(found, Closed):
            raise found
        if not isinstance(found, answer):
            raise TypeError(f"{type} was answered by {found}")
        return found

    def _is_behind(self, command: _Command) -> bool:
        """Whether an earlier send to the same chat waits to be sent again."""
        frame = command.frame
        return frame["type"] == "send" and any(
            other is not command
            and not other.session
            and (other.frame["type"], other.frame.get("store"), other.frame.get("user")) == ("send", frame["store"], frame.get("user"))
            for other in self._outbox.values()
        )

    # The connection.

    async def _live(self) -> None:
        pause_s = pace.FIRST_PAUSE_S
        while True:
            try:
                with anyio.fail_after(OPEN_S):
                    token = await self._fresh_token()
                    self._socket = await connect(self.url, compression=None, ping_interval=None, max_size=None, close_timeout=2)
                code = await self._attend(self._socket, token)
            except LOST as error:
                code = pace.code_of(error)
            was_ready, self._socket, self.welcome = self._ready.is_set(), None, None
            self._ready = anyio.Event()
            pause_s = pace.FIRST_PAUSE_S if was_ready else pace.longer_s(pause_s)
            # An expired token is no reason to stop for whoever can make a fresh one.
            if pace.is_final(code) and not (code == Close.TOKEN and was_ready and not isinstance(self._token, str)):
                self._end(Closed(code))
                return
            again_s = pace.again_s(code, pause_s)
            self._tell(Disconnected(code, again_s))
            await anyio.sleep(again_s)

    async def _attend(self, socket: ClientConnection, token: str) -> int | None:
        """One session, until it ends; its close code."""
        async with anyio.create_task_group() as group:
            try:
                await self._listen(socket, token, group)
            except LOST as error:
                code = pace.code_of(error)
            group.cancel_scope.cancel()
        await socket.close()
        return code

    async def _listen(self, socket: ClientConnection, token: str, group: TaskGroup) -> None:
        place = {"resume": self._resume, "generation": self._generation} if self._resume else {}
        await socket.send(json.dumps(_frame("hello", token=token, **place)))
        silence_s = OPEN_S
        while True:
            with anyio.fail_after(silence_s):
                text = await socket.recv()
            for frame in told.read(text):
                match frame:
                    case told.Welcome():
                        silence_s = 2 * frame.heartbeat
                        self._greet(frame)
                    case told.Ready():
                        self._go_live(group, token)
                        await self._flush()
                    case _:
                        self._hear(frame)
            await self._until_room()

    def _greet(self, welcome: told.Welcome) -> None:
        self.welcome = welcome
        self._generation = welcome.generation
        self.held.begin("user" if welcome.role == "user" else "store")
        self._stands = {}

    def _go_live(self, group: TaskGroup, token: str) -> None:
        assert self.welcome is not None
        self._resume = self._stands | self._resume
        self._taken = self._stands | self._taken
        self._tell(Connected(self.welcome))
        self._ready.set()
        group.start_soon(self._acknowledge_often)
        if not isinstance(self._token, str):
            group.start_soon(self._renew_often, token)

    async def _flush(self) -> None:
        """Sends what waits, in the order in which it was given."""
        assert self.welcome is not None
        await self._send([command for command in self._outbox.values() if command.session != self.welcome.session])

    async def _send(self, commands: list[_Command]) -> None:
        if self.welcome is None:
            return
        for command in commands:
            command.session = self.welcome.session
        with suppress(*LOST):
            await self._write([command.frame for command in commands])

    async def _write(self, frames: list[dict[str, Any]]) -> None:
        part: list[str] = []
        size = 0
        async with self._writing:  # nothing newer comes between the parts
            for text in [json.dumps(frame, ensure_ascii=False, separators=(",", ":")) for frame in frames]:
                length = len(text.encode("utf-8", "surrogatepass"))
                if part and (len(part) == ARRAY_FRAMES or size + length > ARRAY_BYTES):
                    await self._write_text(part)
                    part, size = [], 0
                part.append(text)
                size += length + 1
            if part:
                await self._write_text(part)

    async def _write_text(self, part: list[str]) -> None:
        if self._socket is not None:
            await self._socket.send(part[0] if len(part) == 1 else f"[{','.join(part)}]")

    # Hearing.

    def _hear(self, frame: told.Told) -> None:
        id = getattr(frame, "id", None)
        match frame:
            case told.Ping():
                return
            case told.Ack() | told.Error() | told.History():
                self._answered(id, frame)
                return
            case told.Chats() | told.Profile() | told.Context() if isinstance(id, str):
                self._answered(id, frame)
                return
            case told.Reset(store=store):
                for numbers in (self._resume, self._taken, self._received):
                    numbers.pop(store, None)
            case told.Chats(offsets=dict(offsets)):
                self._stands |= offsets
            case _:
                pass
        self.held.take(frame)
        number = _number(frame, self.held.side)
        if number is not None:
            assert isinstance(frame, told.Message | told.Note | told.StatusChange)
            if number <= self._resume.get(frame.store, 0):
                return
            self._resume[frame.store] = number
        self._tell(frame)

    def _answered(self, id: Any, frame: Answer) -> None:
        command = self._outbox.get(id)
        if command is None:
            if isinstance(frame, told.Error) and not isinstance(id, str):
                self._tell(frame)
        elif isinstance(frame, told.Error) and frame.temporary:
            command.session = ""
            if self._again is None:
                self._again = anyio.Event()
                self._group.start_soon(self._send_again, frame.retry_after if isinstance(frame.retry_after, float | int) else AGAIN_S)
        else:
            command.conclude(frame)

    async def _send_again(self, pause_s: float) -> None:
        await anyio.sleep(pause_s * (1 + random.random() / 4))  # noqa: S311 - a jitter, not a secret
        self._again = None
        if self._ready.is_set():
            with suppress(*LOST):
                await self._flush()

    def _tell(self, event: Event) -> None:
        self._events.append(event)
        self._news.set()
        self._news = anyio.Event()

    async def _until_room(self) -> None:
        while len(self._events) >= EVENTS_LIMIT and not self._outbox:
            self._room = anyio.Event()
            await self._room.wait()

    def _end(self, closed: Closed) -> None:
        if self._closed is None:
            self._closed = closed
        for command in self._outbox.values():
            command.conclude(closed)
        self._ready.set()
        self._news.set()

    # Time.

    async def _acknowledge_often(self) -> None:
        while True:
            await anyio.sleep(RECEIVED_S)
            with suppress(*LOST):
                await self._acknowledge()

    async def _acknowledge(self) -> None:
        if not self._ready.is_set() or self._socket is None:
            return
        key = "seq" if self.held.side == "user" else "offset"
        moved = {store: number for store, number in self._taken.items() if number > self._received.get(store, 0)}
        await self._write([_frame("received", store=store, **{key: number}) for store, number in moved.items()])
        self._received |= moved

    async def _renew_often(self, token: str) -> None:
        while (wait_s := pace.renewal_s(token, RENEW_S)) is not None:
            await anyio.sleep(wait_s)
            token = await self._fresh_token()
            with suppress(*LOST):
                await self._write([_frame("token", token=token)])

    async def _fresh_token(self) -> str:
        if isinstance(self._token, str):
            return self._token
        made = self._token()
        return await made if isawaitable(made) else made


_NULL = object()
"""Said as null, where None would be left out."""


def _frame(type: str, /, **fields: Any) -> dict[str, Any]:
    return {"type": type} | {key: None if value is _NULL else value for key, value in fields.items() if value is not None}


def _number(event: object, side: Side) -> int | None:
    """The number of an event in its log: `seq` for a user, `offset` for an agent; None for what has none."""
    match event:
        case told.Message(seq=seq) if side == "user":
            return seq
        case told.Message(offset=int(offset)) | told.Note(offset=offset) | told.StatusChange(offset=int(offset)) if side == "store":
            return offset
        case _:
            return None
