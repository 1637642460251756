"""The matrix of `tests.wire.rights`, carried out over real sockets, cell by cell: what the sender hears, and what everybody else does."""

import json
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

import anyio
import attrs
import jwt
import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.wire.conftest import Mall, fresh
from tests.wire.person import Person, words
from tests.wire.rights import AGENT, EFFECT, SUPERVISOR, TOKEN, USER
from tests.wire.server import SECRET, Server

pytestmark = pytest.mark.anyio

WATCHED = frozenset({"message", "note", "status", "marks", "typing", "context"})
STARTED: dict[str, list[str]] = {
    # What is heard of a chat until it is what its column says.
    "mine": ["message", "status", "status"],
    "hers": ["message", "status", "status"],
    "free": ["message", "status"],
    "closed": ["message", "status", "status"],
}
MORE: dict[str, dict[str, Any]] = {
    # What a frame says besides its type, store and user.
    "send": {"kind": "text", "body": words("x")},
    "note": {"body": words("x")},
    "rate": {"score": 4},
    "read": {"seq": 1},
    "search": {"text": "x"},
    "announce": {"body": words("x")},
    "configure": {"version": 0, "name": "x"},
    "context": {"context": {"page": {"url": "/x"}}},
    "availability": {"status": "available"},
    "typing": {"on": True},
    "received": {"seq": 1, "offset": 1},
    "hello": {"token": "x"},
}
UNANSWERED = frozenset({"typing", "received", "hello"})
ANSWER = {"same": "ack", "opens": "ack", "shown": "-", "marked": "-"}


@attrs.frozen
class Cell:
    row: str
    column: str
    word: str

    @property
    def type(self) -> str:
        return self.row.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.row} in {self.column}"


def cells(table: str) -> list[Cell]:
    (_, *columns), *rows = [line.split() for line in table.strip().splitlines()]
    return [Cell(row, column, word) for row, *words in rows for column, word in zip(columns, words, strict=True)]


def test_the_matrix_has_every_command_and_every_word_that_is_a_result() -> None:
    """A row that is left out of a table would be a right that nobody wrote down."""
    types = {"send", "note", "claim", "release", "transfer", "takeover", "requeue", "resolve", "end", "rate", "read", "chats"}
    types |= {"history", "search", "figures", "profile", "configure", "context", "availability", "announce"}
    codes = {"forbidden", "no_such_store", "not_found", "stale_claim", "closed", "not_closed", "not_claimed", "not_owner"}
    codes |= {"already_claimed", "stale_profile"}
    for table in (AGENT, SUPERVISOR, USER):
        assert {cell.type for cell in cells(table)} == types | UNANSWERED
        assert {cell.word for cell in cells(table)} <= codes | {"no_such_agent", "bad_frame", "page", "ack", "-", *ANSWER}
    assert [len(cells(table)) for table in (AGENT, SUPERVISOR, USER)] == [240, 248, 253]


class Scene:
    """Three stores, who works there, and a chat for each cell that is about one."""

    def __init__(self, mall: Mall) -> None:
        self.mall = mall
        self.door, self.market, self.nowhere = fresh("s"), fresh("s"), fresh("s")
        self.neighbour = ""
        self.watchers: dict[str, Person] = {}
        self.guests: dict[Cell, Person] = {}

    async def build(self) -> None:
        mall = self.mall
        self.relief = await mall.agent(name="Relief")
        self.colleague, self.boss = await mall.agent(), await mall.supervisor()
        self.neighbours = [await mall.agent(stores=[self.door]), await mall.user(stores=[self.door])]
        self.watchers = {mall.store: self.relief, self.market: await mall.agent(stores=[self.market])}
        self.neighbour = self.neighbours[1].id
        await self.neighbours[1].say(store=self.door)
        await self.neighbours[0].claim(self.neighbour, store=self.door)

    async def guest(self, cell: Cell, actor: Person | None) -> None:
        """Brings the user of a cell, and its chat into the state of the column; where no agent is the actor, a colleague owns it."""
        mall = self.mall
        guest = self.guests[cell] = await (mall.user() if cell.column == "any" else mall.user(stores=[mall.store]))
        if cell.column in ("none", "any"):
            return
        await guest.say("first")
        if cell.column == "closed":
            await self.boss.resolve(guest)
        elif cell.column in ("mine", "hers"):
            await (self.colleague if cell.column == "hers" or actor is None else actor).claim(guest)

    async def guests_of(self, table: str, actor: Person | None, columns: str) -> None:
        async with anyio.create_task_group() as group:
            for cell in cells(table):
                if cell.column in columns.split():
                    group.start_soon(self.guest, cell, actor)

    async def settle(self) -> None:
        """Whatever was to be heard has been: later things have come by the same ways."""
        for store, watcher in self.watchers.items():
            last = await self.mall.user(stores=[store])
            await last.say("last", store=store)
            await last.read(1, store=store)
            await watcher.heard("last", user=last.id)
            await watcher.expect("marks", user=last.id)
        async with anyio.create_task_group() as group:
            for person in (*self.guests.values(), *self.neighbours):
                group.start_soon(fence, person)

    def heard(self, cell: Cell) -> tuple[list[str], list[str]]:
        """What the agents of the store heard of this cell's chat, and what its user did."""
        guest = self.guests.get(cell)
        if guest is None:
            return [], []
        store = self.market if cell.column == "any" else self.mall.store
        about = {"store": store, "user": guest.id}
        heard = [[frame["type"] for frame in person.had(*WATCHED, **about)] for person in (self.watchers[store], guest)]
        return heard[0], heard[1]


@pytest.fixture
async def scene(mall: Mall) -> Scene:
    scene = Scene(mall)
    await scene.build()
    return scene


async def fence(person: Person) -> None:
    """A command that goes the way of every other one; what was sent before it has been answered."""
    await person.command("announce" if person.role == "user" else "takeover", store=fresh("s"), user="x", body=words("x"))


async def outcome(person: Person, cell: Cell, frame: dict[str, Any]) -> str:
    """The word for what the sender heard: `ack`, `page`, a code, or `-`."""
    if cell.type in UNANSWERED:
        before = len(person.had("error"))
        await person.send(frame)
        await fence(person)
        codes = [error["code"] for error in person.had("error")[before:] if "id" not in error]
        return codes[0] if codes else "-"
    answer = await person.command(frame.pop("type"), **frame)
    return str(answer["code"] if answer["type"] == "error" else "ack" if answer["type"] == "ack" else "page")


def effect(cell: Cell, *, by_user: bool) -> tuple[list[str], list[str]]:
    """What a word says of others, as the table's page explains it."""
    match cell.word:
        case "ack":
            agents, user = EFFECT[cell.row]
            return agents.split(), user.split()
        case "opens":
            return ["message", "status"], ["message", "status"]
        case "marked":
            return ["marks"], ["marks"]
        case "shown":
            return (["typing"], []) if by_user else ([], ["typing"])
        case _:
            return [], []


def differences(scene: Scene, table: str, got: dict[Cell, str], *, by_user: bool) -> list[str]:
    """Every cell that was not as written."""
    found = []
    for cell in cells(table):
        wanted = ANSWER.get(cell.word, cell.word)
        if got[cell] != wanted:
            found.append(f"{cell}: {got[cell]} instead of {wanted}")
        started = STARTED.get(cell.column, [])
        agents, user = effect(cell, by_user=by_user)
        heard = scene.heard(cell)
        if heard != (started + agents, started + user):
            found.append(f"{cell}: others heard {heard} instead of {(started + agents, started + user)}")
    for neighbour in scene.neighbours:
        strange = [frame for frame in neighbour.had(*WATCHED, "notice") if frame.get("user") != scene.neighbour]
        if strange or len(neighbour.had("status")) != 2 or len(neighbour.had("message")) != 1:
            found.append(f"next door {neighbour.told()}")
    return found


async def staff(scene: Scene, table: str, actor: Person) -> None:
    mall = scene.mall
    await scene.guests_of(table, actor, "mine hers free closed")
    places: dict[str, tuple[str, Callable[[Cell], str]]] = {
        column: (mall.store, lambda cell: scene.guests[cell].id) for column in ("mine", "hers", "free", "closed")
    }
    places["none"] = (mall.store, lambda _: fresh("u"))
    places["door"], places["door0"] = (scene.door, lambda _: scene.neighbour), (scene.door, lambda _: fresh("u"))
    places["nowhere"] = (scene.nowhere, lambda _: scene.neighbour)
    targets = {"": scene.relief.id, "me": actor.id, "door": scene.neighbours[0].id, "none": fresh("a"), "stale": scene.relief.id}
    got = {}
    for cell in cells(table):
        store, user_of = places[cell.column]
        variant = cell.row.partition(".")[2]
        frame = {"type": cell.type, "store": store, "user": user_of(cell)} | MORE.get(cell.type, {})
        frame |= ({"to": targets[variant]} if cell.type == "transfer" else {}) | ({"epoch": 1} if variant == "stale" else {})
        got[cell] = await outcome(actor, cell, frame)
    await scene.settle()
    assert not differences(scene, table, got, by_user=False)
    notices = sum(cell.row == "announce" and cell.word == "ack" for cell in cells(table))
    assert [len(person.had("notice")) for person in (scene.relief, next(iter(scene.guests.values())))] == [notices, notices]


async def test_what_an_agent_may_do(scene: Scene) -> None:
    await staff(scene, AGENT, await scene.mall.agent())


async def test_what_a_supervisor_may_do(scene: Scene) -> None:
    await staff(scene, SUPERVISOR, await scene.mall.supervisor())


async def test_what_a_user_may_do(scene: Scene) -> None:
    mall = scene.mall
    unborn = fresh("s")
    async with anyio.create_task_group() as group:
        for cell in cells(USER):
            if cell.column in ("mine", "closed", "none", "any"):
                group.start_soon(scene.guest, cell, None)
    visitor, anybody = await mall.user(stores=[mall.store, unborn]), await mall.user()
    other = next(guest.id for cell, guest in scene.guests.items() if cell.column == "mine")
    places = {
        "mine": mall.store,
        "closed": mall.store,
        "none": mall.store,
        "theirs": mall.store,
        "nobody": mall.store,
        "door": scene.door,
        "door2": scene.door,
        "nowhere": scene.nowhere,
        "unborn": unborn,
        "any": scene.market,
        "any0": scene.nowhere,
    }
    named = {"theirs": other, "nobody": fresh("u"), "door2": scene.neighbour}
    got = {}
    for cell in cells(USER):
        person = scene.guests.get(cell) or (anybody if cell.column == "any0" else visitor)
        frame = {"type": cell.type, "store": places[cell.column]} | MORE.get(cell.type, {})
        if cell.column in named or cell.type not in ("send", "read", "history", "typing"):
            frame["user"] = named.get(cell.column, person.id)
        got[cell] = await outcome(person, cell, frame | ({"to": scene.relief.id} if cell.type == "transfer" else {}))
    await scene.settle()
    assert not differences(scene, USER, got, by_user=True)
    assert not visitor.had(*WATCHED)
    assert not anybody.had(*WATCHED)


# A store that is not mine, and one that is not there.

PLAIN = {"compression": None, "ping_interval": None, "proxy": None, "max_size": None}


async def raw_open(server: Server, token: str) -> ClientConnection:
    return (await raw_opening(server, {"token": token}))[0]


async def raw_opening(server: Server, hello: dict[str, Any]) -> tuple[ClientConnection, str]:
    """A session, and all that it was told up to `ready`."""
    socket = await connect(f"ws://{server.address}/ws", **PLAIN)
    await socket.send(json.dumps({"type": "hello"} | hello))
    told = ""
    while '{"type":"ready"}' not in told:
        told += str(await socket.recv())
    return socket, told


async def raw_answers(socket: ClientConnection, frames: Sequence[dict[str, Any]]) -> list[bytes]:
    """The very bytes of each frame that answers these, in order, up to the refusal of the last."""
    await socket.send(json.dumps(frames))
    found: list[bytes] = []
    while True:
        data = str(await socket.recv()).encode()
        parts = msgspec.json.decode(data, type=list[msgspec.Raw]) if data.startswith(b"[") else [data]
        for part in map(bytes, parts):
            if b'"id":"the-end"' in part:
                return found
            if not part.startswith((b'{"type":"presence"', b'{"type":"ping"')):
                found.append(part)


def every_frame(table: str, store: str, user: str | None) -> list[dict[str, Any]]:
    """One frame for each row of a table that names a store, and one that is refused whatever the store, to end them."""
    rows = dict.fromkeys(cell.row for cell in cells(table) if cell.type not in ("hello", "availability"))
    frames = []
    for row in rows:
        type, _, variant = row.partition(".")
        frame = {"type": type, "store": store} | MORE.get(type, {})
        frame |= {} if user is None or type in ("chats", "received", "profile") else {"user": user}
        frame |= {"to": "a-1"} if type == "transfer" else {}
        frame |= {"epoch": 1} if variant == "stale" else {}
        frames.append(frame if type in UNANSWERED else frame | {"id": row})
    # In the other order too, so that none of them hides behind the one before.
    return [*frames, *reversed(frames), {"type": "note", "id": "the-end", "store": "no-store", "user": "nobody", "body": words("x")}]


async def test_a_store_that_is_not_mine_answers_byte_for_byte_as_one_that_is_not_there(scene: Scene) -> None:
    """The same bytes in the same order, whether it exists or not; the same for a chat that is another user's."""
    mall, server = scene.mall, scene.mall.server
    resident = await mall.user()
    await resident.say()
    pairs = [
        ("agent", AGENT, (scene.door, scene.neighbour), (scene.nowhere, fresh("u"))),
        ("agent", AGENT, (scene.door, fresh("u")), (scene.nowhere, scene.neighbour)),
        ("supervisor", SUPERVISOR, (scene.door, scene.neighbour), (scene.nowhere, fresh("u"))),
        ("user", USER, (scene.door, None), (scene.nowhere, None)),
        ("user", USER, (scene.door, scene.neighbour), (scene.nowhere, fresh("u"))),
        ("user", USER, (scene.door, scene.neighbour), (scene.door, fresh("u"))),
        ("user", USER, (mall.store, resident.id), (mall.store, fresh("u"))),
    ]
    for role, table, there, missing in pairs:
        socket = await raw_open(server, server.token(role, fresh("x"), stores=[mall.store]))
        async with socket:
            # In one's own store a list is not refused, and a receipt has no answer.
            first, second = [
                await raw_answers(socket, [frame for frame in every_frame(table, *place) if place[0] != mall.store or "user" in frame])
                for place in (there, missing)
            ]
            assert first == second, (role, there, missing)
            assert len(first) > 20


async def test_a_resume_of_a_store_that_is_not_mine_opens_as_one_of_a_store_that_is_not_there(scene: Scene) -> None:
    """Also for a user whose token names no stores: `reset` for either, since there is a chat in neither."""
    mall, server = scene.mall, scene.mall.server
    generation = scene.relief.welcome["generation"]
    for role, stores in (("agent", [mall.store]), ("supervisor", [mall.store]), ("user", [mall.store]), ("user", None)):
        openings = []
        for store in (scene.door, scene.nowhere):
            token = server.token(role, f"{role}-{stores is None}", stores=stores)
            socket, told = await raw_opening(server, {"token": token, "resume": {store: 1}, "generation": generation})
            await socket.close()
            openings.append(re.sub(r'"(session|at|online)":("[^"]*"|\d+)', r'"\1":-', told).replace(store, "S").replace("][", ","))
        assert openings[0] == openings[1]
        assert ('{"type":"reset","store":"S"}' in openings[0]) is (stores is None)


async def test_a_store_that_is_not_mine_is_refused_without_a_look_at_the_storage(scene: Scene) -> None:
    """Or the time it takes would tell which stores there are. The storage itself says what it was asked."""
    mall, server = scene.mall, scene.mall.server
    ghost = fresh("ghost")
    with server.valkey(socket_timeout=5) as redis, redis.monitor() as monitor:
        for role, table in (("agent", AGENT), ("supervisor", SUPERVISOR), ("user", USER)):
            async with await raw_open(server, server.token(role, fresh("x"), stores=[mall.store])) as socket:
                for store in (scene.door, scene.nowhere):
                    await raw_answers(socket, every_frame(table, store, ghost))
                await raw_answers(socket, every_frame(table, mall.store, "the-user-that-is-asked-for"))
        redis.echo("the-end")
        asked = "".join(iter(lambda: str(monitor.next_command()["command"]), "ECHO the-end"))
    assert "the-user-that-is-asked-for" in asked, "what is asked of one's own store is seen here"
    assert ghost not in asked
    assert scene.nowhere not in asked


# Tokens.


async def test_a_token_frame_takes_nothing_but_a_fresh_token_of_the_same_person(scene: Scene) -> None:
    (_, *roles), *rows = [line.replace("  ", "\t").split("\t") for line in TOKEN.strip().splitlines()]
    roles = [role.strip() for role in roles if role.strip()]
    got: dict[str, list[str]] = {}
    for title, *_ in rows:
        for role in roles:
            got.setdefault(title, []).append(await renewed(scene, title, role))
    wanted = {title: [word.strip() for word in rest if word.strip()] for title, *rest in rows}
    assert got == wanted
    await scene.settle()
    for neighbour in scene.neighbours:
        assert len(neighbour.had(*WATCHED)) == 3, neighbour.told()


async def renewed(scene: Scene, title: str, role: str) -> str:
    """What follows when somebody of this role shows such a token in the middle of a session."""
    mall = scene.mall
    person = await mall.come(role, None, stores=[mall.store])
    as_role = next((word for word in ("supervisor", "agent", "user") if title.endswith(word)), role)
    claims: dict[str, Any] = {"sub": person.id, "role": as_role, "stores": [mall.store], "exp": int(time.time()) + 60}
    claims |= {"sub": fresh("x")} if title.startswith("of another") else {}
    claims |= {"name": "Li Na"} if "name" in title else {}
    claims |= {"exp": int(time.time()) - 60} if "expired" in title else {}
    token = jwt.encode(claims, SECRET + "x" if "wrongly" in title else SECRET, algorithm="HS256")
    token = jwt.encode(claims, None, algorithm="none") if "not signed" in title else token
    await person.send({"type": "token", "token": {"of nobody": "nonsense", "no token": ""}.get(title, token)})
    if await refused(person):
        assert await person.closed() == 4001, title
        return str(person.had("error")[-1]["code"])
    await fence(person)
    assert person.alive(), title
    return "-"


async def refused(person: Person) -> bool:
    """Whether an error without an id came; `token` has no answer of its own, so a round trip stands behind it."""
    await person.send({"type": "ping"})
    return (await person.expect(lambda kind: kind in ("error", "pong")))["type"] == "error"
