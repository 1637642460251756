"""A store with a past, whose every text, name, id and body can be told from those of any other."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import attrs

from tests.wire.person import MARK, Person
from tests.wire.server import Server
from tests.wire.storm import HIDDEN, USED


def secret(n: int) -> str:
    return f"{MARK}{HIDDEN}{n}"


@attrs.define
class Shop:
    """A store with its people, who are connected and listen."""

    store: str
    staff: list[Person] = attrs.field(factory=list)
    users: list[Person] = attrs.field(factory=list)
    epochs: list[int] = attrs.field(factory=list)

    @property
    def people(self) -> list[Person]:
        return [*self.staff, *self.users]


async def open_shop(server: Server, store: str, prefix: str, ids: Iterator[int], stack: AsyncExitStack) -> Shop:
    """A store in which everything has happened that leaves a trace: each kind of body, notes, owners, a closed chat, marks."""
    shop = Shop(store)

    async def come(role: str, id: str) -> Person:
        token = server.token(role, id, stores=[store], name=f"{HIDDEN} {id}")
        person = await Person.open(server, token)
        stack.push_async_callback(person.tidy)
        person.store = store
        return person

    def id() -> str:
        return f"{USED}-{next(ids)}"

    shop.staff = [await come(role, f"{prefix}{role}") for role in ("agent", "supervisor")]
    shop.users = [await come("user", f"{prefix}u{n}") for n in range(4)]
    agent, boss = shop.staff
    text = secret(next(ids))
    bodies: tuple[tuple[str, dict[str, Any]], ...] = (
        ("text", {"text": text}),
        ("image", {"url": f"https://{HIDDEN}.example/{HIDDEN}.png", "alt": text}),
        ("file", {"url": f"/{HIDDEN}", "name": text, "size": 7}),
        ("product", {"sku": HIDDEN, "title": text, "price": HIDDEN}),
        ("order", {"number": HIDDEN, "status": text}),
    )
    for n, user in enumerate(shop.users):
        for kind, body in bodies:
            await user.do("send", id=id(), kind=kind, body=body)
        if n:
            shop.epochs.append((await agent.claim(user, id=id()))["epoch"])
            await agent.do("send", id=id(), user=user.id, kind="text", body={"text": text})
            await agent.do("note", id=id(), user=user.id, body={"text": text})
            await agent.read(2, user, id=id())
        await user.read(1, id=id())
        await user.tell_context({"page": {"url": f"/{HIDDEN}", "title": text}, "more": text}, id=id())
    await boss.configure(0, name=text, face=f"/{HIDDEN}", greeting=text, replies=[{"key": HIDDEN, "text": text}], id=id())
    shop.epochs.append((await agent.transfer(shop.users[2], boss, note=text, id=id()))["epoch"])
    shop.epochs.append((await agent.resolve(shop.users[3], id=id()))["epoch"])
    # The last mark is told with or behind all others; behind it comes what is asked only then.
    for person in shop.staff:
        await person.expect("marks", user=shop.users[-1].id, side="user")
    for person in shop.people:
        await person.list()
    return shop
