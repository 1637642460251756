"""Writes the files of this folder: a small mall is played on a real dibs, and what lies in its server then is kept, key by key."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis

from tests.wire.person import Person
from tests.wire.server import ROOT, Server

HERE = Path(__file__).parent
STORE = "first"
SCRIPT = "storage/lua/append.lua"
PASSING = ("pulse", "counts", "here", "nodes")
"""Keys whose names have this in them say who was there, and that is over."""


async def play(server: Server) -> None:
    """Two agents and three users: one chat is owned, one waits, one was closed and has a note."""

    async def come(role: str, id: str, name: str) -> Person:
        person = await Person.open(server, server.token(role, id, name=name, stores=None if role == "user" else [STORE]))
        person.store = STORE
        return person

    a1, a2 = await come("agent", "a1", "李娜"), await come("supervisor", "a2", "Wang Wei")
    u1, u2, u3 = await come("user", "u1", "小明"), await come("user", "u2", "Ann"), await come("user", "u3", "Bo")
    for n in range(5):
        await u1.say(f"u1-{n}")
    await a1.claim(u1)
    await a1.say("answer", to=u1)
    await a1.read(4, u1)
    await u1.heard("answer")
    await u1.received(6)
    await u1.read(6)
    await u2.say("who is there?")
    await u3.say("bye")
    await a2.takeover(u3)
    await a2.note(u3, "was angry")
    await a2.resolve(u3)
    await a2.command("availability", status="away")
    await a1.received(3)
    for person in (a1, a2, u1, u2, u3):
        await person.close()


def contents(client: redis.Redis) -> Iterator[tuple[str, str, Any]]:
    """Every key that outlives its node: name, type, content; what is no text stands as latin-1, byte for byte."""
    for key in sorted(client.scan_iter(count=1000)):
        name, kind = key.decode(), client.type(key).decode()
        if not any(part in name for part in PASSING):
            yield name, kind, plain(content(client, key, kind))


def content(client: redis.Redis, key: bytes, kind: str) -> Any:
    match kind:
        case "string":
            return client.get(key)
        case "hash":
            return sorted(client.hgetall(key).items())
        case "set":
            return sorted(client.smembers(key))
        case "zset":
            return client.zrange(key, 0, -1, withscores=True)
        case "list":
            return client.lrange(key, 0, -1)
        case "stream":
            return [(id, *fields.items()) for id, fields in client.xrange(key)]
        case _:
            raise ValueError(f"{key!r} is a {kind}")


def plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def restore(client: redis.Redis) -> None:
    """Puts the mall into an empty server."""
    for line in (HERE / "data.jsonl").read_text().splitlines():
        name, kind, kept = json.loads(line)
        match kind:
            case "string":
                client.set(name, raw(kept))
            case "hash":
                client.hset(name, mapping={raw(field): raw(value) for field, value in kept})
            case "set":
                client.sadd(name, *map(raw, kept))
            case "zset":
                client.zadd(name, {raw(member): score for member, score in kept})
            case "list":
                client.rpush(name, *map(raw, kept))
            case "stream":
                for id, *fields in kept:
                    client.xadd(name, {raw(field): raw(value) for field, value in fields}, id=id)
            case _:
                raise ValueError(kind)


def raw(text: str) -> bytes:
    return text.encode("latin-1")


async def told(server: Server) -> dict[str, Any]:
    """What a supervisor and a user who comes for the first time are told of the mall; nothing here changes it."""
    chief = await Person.open(server, server.token("supervisor", "a2", name="Wang Wei", stores=[STORE]))
    chief.store = STORE
    chats = (await chief.list())["chats"]
    users = sorted(chat["user"] for chat in chats)
    histories = {user: (await chief.history(user, limit=200, events=True))["messages"] for user in users}
    user = await Person.open(server, server.token("user", "u1", name="小明"), resume={STORE: 0}, generation="another")
    found = {"chats": chats, "histories": histories, "own": list(user.chats.values()), "missed": user.missed}
    for person in (chief, user):
        await person.close()
    return json.loads(json.dumps(found))


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="k") as folder, Server(Path(folder) / "data", private=True, grace=600).running() as server:
        await play(server)
        with server.valkey() as client:
            lines = [json.dumps(row) for row in contents(client)]
        (HERE / "told.json").write_text(json.dumps(await told(server), ensure_ascii=False, indent=1) + "\n")
    (HERE / "data.jsonl").write_text("\n".join(lines) + "\n")
    shutil.copyfile(ROOT / SCRIPT, HERE / f"{Path(SCRIPT).name}.txt")


if __name__ == "__main__":
    asyncio.run(main())
