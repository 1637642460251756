"""Finding words over a real socket: who may, in what, page by page, and nothing of another store or of what was erased."""

import asyncio
import time
from typing import Any

import pytest
from storage.batch import Limits
from storage.directory import server_socket
from storage.link import Link
from storage.redis import RedisJournal

from tests.storage.material import append_to, chat_of, user_says
from tests.wire.conftest import Mall
from tests.wire.person import MARK, Person
from tests.wire.test_erase import erase

pytestmark = pytest.mark.anyio

STORED = 100_000
ACK_P99_S = 0.5


async def walked(person: Person, text: str, **fields: Any) -> list[Any]:
    """All answers in a row."""
    found = await person.search(text, **fields)
    entries = list(found["entries"])
    while found["more"]:
        found = await person.search(text, before=found["next"], **fields)
        entries += found["entries"]
    assert "next" not in found
    return entries


async def test_an_agent_finds_messages_and_notes_of_every_chat_newest_first_as_it_got_them(mall: Mall) -> None:
    agent, user = await mall.claimed()
    other = await mall.user()
    await user.say("a red Mug")
    await other.do("send", kind="product", body={"sku": "M-1", "title": "MUG", "price": 5})
    await agent.note(user, "wants the mug today")
    await agent.say("nothing of it", to=user)
    last = await agent.expect("message", body={"text": MARK + "nothing of it"})
    entries = (await agent.search("mug"))["entries"]
    assert [entry["type"] for entry in entries] == ["note", "message", "message"]
    assert entries == [frame for frame in reversed(agent.had("message", "note")) if "mug" in str(frame["body"]).lower()]
    assert await walked(agent, "mug", limit=1) == entries
    assert await walked(agent, "mug", user=user.id, limit=1) == [entries[0], entries[2]]
    assert (await agent.search("MUG", user=other.id))["entries"] == [entries[1]]
    below = await agent.search("mug", before=str(entries[0]["offset"]), limit=1)
    assert (below["entries"], below["more"], below["next"]) == ([entries[1]], True, str(entries[1]["offset"]))
    assert (await agent.search("mug", before=str(last["offset"] + 10**9)))["entries"] == entries
    assert await agent.search("teapot") | {"id": ""} == {"type": "found", "id": "", "store": mall.store, "entries": [], "more": False}


async def test_the_comment_of_a_rating_is_found(mall: Mall) -> None:
    agent, user = await mall.claimed()
    await user.end()
    await user.rate(5, comment=MARK + "Wonderful")
    assert [entry["body"]["rating"]["score"] for entry in (await agent.search("wonderFUL"))["entries"]] == [5]


async def test_what_is_no_search_is_refused(mall: Mall) -> None:
    agent, user = await mall.claimed()
    for wrong in (
        {"text": ""},
        {"text": "x" * 101},
        {"text": 7},
        {"before": "x"},
        {"before": 7},
        {"before": "-1"},
        {"limit": 0},
        {"user": "a b"},
    ):
        await agent.do("search", **{"text": "x"} | wrong, refused="bad_frame")
        await agent.pong()
        await agent.list()
    await agent.do("search", refused="bad_frame")
    await agent.search("x", user="nobody", refused="not_found")
    await agent.search("x", store=mall.store + "x", refused="forbidden")
    await user.search("first", refused="forbidden")
    assert len((await agent.search("x" * 100, limit=10**9))["entries"]) == 0


async def test_nothing_of_another_store_is_found(mall: Mall) -> None:
    """Both stores have a chat with the same user; each finds its own words only."""
    next_door = Mall(mall.server)
    try:
        shopper = await mall.user()
        agents = [(await place.agent(), place.store) for place in (mall, next_door)]
        for _, store in agents:
            await shopper.say(f"word of {store}", store=store)
        for agent, store in agents:
            for fields in ({}, {"user": shopper.id}):
                entries = (await agent.search("word of", **fields))["entries"]
                assert [entry["body"]["text"] for entry in entries] == [f"{MARK}word of {store}"]
                assert {entry["store"] for entry in entries} == {store}
            other = next(other for _, other in agents if other != store)
            await agent.search("word of", store=other, refused="forbidden")
    finally:
        await next_door.close()


async def test_nothing_that_was_erased_is_found(mall: Mall) -> None:
    agent, user = await mall.claimed()
    kept = await mall.user()
    await kept.say("first of another")
    assert len((await agent.search("first"))["entries"]) == 2
    assert (await erase(mall.server, mall.store, user.id)).status == 200
    back = await mall.agent()
    assert [entry["user"] for entry in (await back.search("first"))["entries"]] == [kept.id]
    await back.search("first", user=user.id, refused="not_found")


async def test_others_write_on_while_a_large_store_is_searched(own_server: Any) -> None:
    mall = await own_server(private=True)
    await mall.found()
    user = await mall.user()
    await user.say("first")
    await user.close()
    journal = RedisJournal(Link.parse(f"unix://{server_socket(mall.server.data)}").connection, lambda: time.time_ns() // 10**6, Limits())
    chat = await chat_of(journal, mall.store, user.id)
    for n in range(0, STORED, 1000):
        words = f"{MARK}这个杯子还有货吗? " + "lorem ipsum " * 10
        batch = [append_to(chat, user_says(f"{words} {n + i}.", user=user.id, at=chat.at)) for i in range(1000)]
        await journal.append(batch)
    await journal.close()
    agent, writer, waits_s = await mall.agent(), await mall.user(), []
    over = asyncio.Event()

    async def write() -> None:
        while not over.is_set():
            start_s = time.perf_counter()
            await writer.say("on")
            waits_s.append(time.perf_counter() - start_s)

    async def look() -> None:
        assert len(await walked(agent, " 7777.")) == 1
        over.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        group.create_task(look())
    waits_s.sort()
    p99_s = waits_s[len(waits_s) * 99 // 100]
    print(
        f"{len(waits_s)} acks: p50 {waits_s[len(waits_s) // 2] * 1e3:.1f} ms, p99 {p99_s * 1e3:.1f} ms, longest {waits_s[-1] * 1e3:.1f} ms"
    )
    assert p99_s < ACK_P99_S
