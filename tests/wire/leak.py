"""Three stores on one server, the people of one of them throwing frames at it, and a look at every byte that comes back."""

import asyncio
import itertools
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import attrs
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.wire.person import Person
from tests.wire.server import Server
from tests.wire.shop import Shop, open_shop, secret
from tests.wire.storm import HIDDEN, NAMED, USED, Names, Storm

PLAIN: dict[str, Any] = {"compression": None, "ping_interval": None, "proxy": None, "max_size": None, "max_queue": None, "close_timeout": 3}
PATIENCE_S = 20.0
_CODE = re.compile(r'"code":"(\w+)"')
_USER = re.compile(r'"user":"([^"]*)"')
_USED = re.compile(rf"{USED}-\d+")
EVENTS = frozenset({"message", "note", "status", "marks", "typing", "notice"})


@attrs.define
class Found:
    """What a storm came to."""

    thrown: int = 0
    frames: int = 0
    octets: int = 0
    sessions: int = 0
    codes: Counter[str] = attrs.field(factory=Counter)
    said: set[str] = attrs.field(factory=set)
    """Every id of a frame that was thrown: all of the store may hear them."""
    leaks: list[str] = attrs.field(factory=list)


class Attacker:
    """One session of the store that attacks, opened again whenever the server ends it."""

    def __init__(self, server: Server, token: str, storm: Storm, found: Found, claims: tuple[str, str]) -> None:
        self._server, self._token, self._storm, self._found = server, token, storm, found
        self.role, self.id = claims
        self._fence = 0
        self._answered = asyncio.Event()
        self._generation = ""
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None

    async def throw(self, count: int, progress: Callable[[int], None]) -> None:
        """So many frames, in arrays; the next array when the last frame of the one before is answered."""
        while count > 0:
            frames = self._storm.array()[:count]
            count -= len(frames)
            await self._say(frames)
            self._found.thrown += len(frames)
            progress(len(frames))
        await self.fence()

    async def fence(self) -> None:
        """What was asked has been answered: behind a query of one's own that is the last."""
        await self._say([])

    async def _say(self, frames: list[Any]) -> None:
        if self._socket is None:
            await self._open()
        assert self._socket is not None
        self._fence += 1
        self._found.said.update(frame["id"] for frame in frames if isinstance(frame, dict) and isinstance(frame.get("id"), str))
        fence = {"type": "note", "id": f"fence-{self._fence}", "store": "no-such-store", "user": "x", "body": {"text": "x"}}
        self._answered.clear()
        try:
            await self._socket.send(json.dumps([*frames, fence]))
        except ConnectionClosed:
            await self._close()
            return
        async with asyncio.timeout(PATIENCE_S):
            await self._answered.wait()
        if self._reader is not None and self._reader.done():
            await self._close()

    async def _open(self) -> None:
        self._found.sessions += 1
        self._socket = await connect(f"ws://{self._server.address}/ws", **PLAIN)
        self._answered.clear()
        self._reader = asyncio.create_task(self._read(self._socket))
        hello = {"type": "hello", "token": self._token, "resume": self._storm.resume()}
        await self._socket.send(json.dumps(hello | ({"generation": self._generation} if self._generation else {})))
        async with asyncio.timeout(PATIENCE_S):
            await self._answered.wait()

    async def _close(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await self._reader
        self._socket = None

    async def close(self) -> None:
        await self._close()

    async def _read(self, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            async for data in socket:
                self._see(str(data))
        self._answered.set()

    def _see(self, data: str) -> None:
        found = self._found
        found.octets += len(data)
        if HIDDEN in data or NAMED in data:
            found.leaks.append(f"{self.role} {self.id} got {data[:2000]}")
        if USED in data and any(id not in found.said for id in _USED.findall(data)):
            found.leaks.append(f"{self.role} {self.id} got an id that it never said: {data[:2000]}")
        if self.role == "user" and any(user != self.id for user in _USER.findall(data)):
            found.leaks.append(f"user {self.id} got what is of another user: {data[:2000]}")
        if f'"fence-{self._fence}"' in data or '{"type":"ready"}' in data:
            self._answered.set()
        if '"type":"welcome"' in data:
            self._generation = re.findall(r'"generation":"([^"]*)"', data)[0]
        found.frames += data.count('"type":"')
        found.codes.update(_CODE.findall(data))


def crossed(shop: Shop, since: dict[Person, int]) -> list[str]:
    """Whatever the people of a store heard of any other one, and users of any chat but their own."""
    found = []
    for person in shop.people:
        for frame in person.frames[since[person] :]:
            other = frame.get("store", shop.store) != shop.store or (person.role == "user" and frame.get("user", person.id) != person.id)
            if other:
                found.append(f"{person.role} {person.id} of {shop.store} heard {frame}")
    return found


def kept(server: Server) -> dict[bytes, bytes]:
    """Every key in which one of the other stores, users or agents is named, as it is kept; but for that in which nodes say every few
    seconds that they are there."""
    with server.valkey() as redis:
        return {key: redis.dump(key) or b"" for key in redis.scan_iter(f"*{NAMED}*", count=1000) if not key.endswith(b":here")}


class Street:
    """One store that attacks and two that are attacked."""

    def __init__(self, server: Server, seed: int, own: Shop, others: list[Shop], attackers: list[Attacker]) -> None:
        self.server, self.seed, self.own, self.others, self.attackers = server, seed, own, others, attackers
        self._ids = itertools.count(1_000_000)

    async def storm(self, count: int, found: Found, progress: Callable[[int], None] = lambda _: None) -> None:
        """Nobody else says a word: what is kept of the others must be the same afterwards, and they must have heard nothing."""
        before = await asyncio.to_thread(kept, self.server)
        since = {person: len(person.frames) for shop in self.others for person in shop.people}
        await self._throw(count, progress)
        after = await asyncio.to_thread(kept, self.server)
        if not before or before != after:
            changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
            found.leaks.append(f"what is kept of the other stores has changed: {changed[:10]}")
        for person, start in since.items():
            found.leaks += [f"{person.id} heard {frame}" for frame in person.frames[start:] if frame["type"] in EVENTS]

    async def bustle(self, count: int, found: Found, progress: Callable[[int], None] = lambda _: None) -> None:
        """The same while the others talk: each hears of its own store and chat, and of no other."""
        since = {person: len(person.frames) for shop in (*self.others, self.own) for person in shop.people}
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for shop in self.others:
                group.create_task(self._talk(shop, stop))
            await self._throw(count, progress)
            stop.set()
        for shop in (*self.others, self.own):
            found.leaks += crossed(shop, since)
        for shop in self.others:
            if not all(any(frame["type"] == "message" for frame in person.frames[since[person] :]) for person in shop.people):
                found.leaks.append(f"somebody of {shop.store} heard nothing of the talk, so this showed nothing")

    async def _throw(self, count: int, progress: Callable[[int], None]) -> None:
        share = -(-count // len(self.attackers))
        async with asyncio.TaskGroup() as group:
            for n, attacker in enumerate(self.attackers):
                group.create_task(attacker.throw(min(share, count - n * share), progress))

    async def _talk(self, shop: Shop, stop: asyncio.Event) -> None:
        body = {"text": secret(next(self._ids))}
        while not stop.is_set():
            for user in shop.users:
                await user.do("send", id=f"{USED}-{next(self._ids)}", kind="text", body=body)
            await shop.staff[1].takeover(shop.users[1], id=f"{USED}-{next(self._ids)}")
            await shop.staff[1].do("send", id=f"{USED}-{next(self._ids)}", user=shop.users[1].id, kind="text", body=body)
            await shop.staff[0].typing(user=shop.users[2])


@asynccontextmanager
async def street(server: Server, seed: int, found: Found) -> AsyncIterator[Street]:
    """Three stores and six sessions that attack from one of them."""
    ids = itertools.count()
    async with AsyncExitStack() as stack:
        others = [await open_shop(server, f"{NAMED}-s{n}", f"{NAMED}-{n}-", ids, stack) for n in (1, 2)]
        other = Names(
            stores=tuple(shop.store for shop in others),
            users=tuple(user.id for shop in others for user in shop.users),
            agents=tuple(agent.id for shop in others for agent in shop.staff),
            ids=tuple(f"{USED}-{n}" for n in range(next(ids))),
            epochs=tuple(epoch for shop in others for epoch in shop.epochs),
        )
        own = Shop("own")
        agent = await Person.open(server, server.token("agent", "own-agent-0", stores=["own"]))
        stack.push_async_callback(agent.tidy)
        own.staff = [agent]
        cast = [
            ("user", "own-u0"),
            ("user", "own-u0"),
            ("user", "own-u1"),
            ("agent", "own-a0"),
            ("agent", "own-a1"),
            ("supervisor", "own-b0"),
        ]
        known = Names(stores=("own",), users=("own-u0", "own-u1"), agents=("own-a0", "own-a1", "own-b0"), ids=("1",), epochs=(1,))
        stolen = ("", "x", "a.b.c", *(server.token(role, id, stores=list(other.stores), ttl_s=-60) for role, id in cast))
        attackers = []
        for n, (role, id) in enumerate(cast):
            tokens = (*stolen, server.token(role, id, stores=["own"]), server.token("supervisor", "own-b9", stores=["own"]))
            storm = Storm(seed * 100 + n, role, known, other, tokens)
            attackers.append(Attacker(server, server.token(role, id, stores=["own"]), storm, found, (role, id)))
            stack.push_async_callback(attackers[-1].close)
        yield Street(server, seed, own, others, attackers)
