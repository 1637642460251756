"""Where a shopper is, and what was before: told by the shopper's page, seen by the agents of the store and by nobody else."""

import time

import anyio
import pytest

from tests.wire.conftest import Mall, fresh
from tests.wire.person import MARK, words
from tests.wire.test_erase import erase

pytestmark = pytest.mark.anyio

WHOLE = {
    "page": {"url": "https://shop.example/lamps?q=灯#top", "title": f"{MARK}Lamps"},
    "referrer": "https://search.example/",
    "device": "Chrome · Windows",
    "locale": "zh-CN",
    "timezone": "Asia/Shanghai",
    "product": {"sku": "7", "title": "Lamp", "price": 9.5, "image": "/lamp.png"},
    "cart": {"items": [1, None, {"x": "y"}]},
}


async def test_the_newest_context_is_kept_whole_and_seen_by_the_stores_agents_alone(mall: Mall) -> None:
    agent, user = await mall.claimed()
    tab, other = await mall.user(user.id), await mall.user()
    neighbour = Mall(mall.server)
    stranger = await neighbour.agent()
    assert set(await user.tell_context({"page": {"url": "/first"}})) == {"type", "id"}
    await user.tell_context(WHOLE)
    seen = await agent.expect("context", context=WHOLE)
    assert set(seen) == {"type", "store", "user", "context", "at"}
    found = await agent.context(user)
    assert (found["context"], found["at"], found["user"], found["earlier"]) == (WHOLE, seen["at"], user.id, [])
    await user.tell_context({})
    assert (await agent.context(user))["context"] == {}
    for person in (user, tab, other, stranger):
        await person.never("context")
    await neighbour.close()


async def test_without_a_chat_there_is_no_context(mall: Mall) -> None:
    agent, user = await mall.agent(), await mall.user()
    await user.tell_context(WHOLE, refused="not_found")
    await user.say()
    found = await agent.context(user)
    assert (found["context"], found["at"]) == (None, None)
    await agent.context(fresh("u"), refused="not_found")
    await user.tell_context(WHOLE)
    await user.tell_context({"page": {}}, user=fresh("u"), refused="forbidden")


async def test_a_context_is_told_once_and_survives_a_kill(own_server) -> None:
    mall = await own_server()
    agent, user = await mall.claimed()
    ack = await user.tell_context(WHOLE, id="here")
    assert await user.tell_context(WHOLE, id="here") == ack | {"duplicate": True}
    await user.tell_context({}, id="here", refused="id_reused")
    await mall.server.restart()
    assert (await (await mall.agent(agent.id)).context(user))["context"] == WHOLE


@pytest.mark.parametrize(
    "rubbish",
    [
        None,
        "here",
        7,
        [],
        [WHOLE],
        {"page": "https://shop.example/"},
        {"page": {"url": "http://shop.example/"}},
        {"page": {"url": "javascript:alert(1)"}},
        {"page": {"url": "x" * 2049}},
        {"page": {"title": 7}},
        {"referrer": "data:text/html,x"},
        {"device": {"name": "x"}},
        {"locale": 7},
        {"product": {"sku": "7"}},
        {"product": {"sku": "7", "title": "x", "image": "ftp://x/y"}},
    ],
)
async def test_rubbish_is_no_context(mall: Mall, rubbish) -> None:
    agent, user = await mall.claimed()
    await user.do("context", refused="bad_frame", context=rubbish)
    assert (await agent.context(user))["context"] is None


async def test_a_context_has_two_kibibytes_however_it_is_written(mall: Mall) -> None:
    agent, user = await mall.claimed()
    room = 2048 - len('{"device":""}')
    await user.tell_context({"device": "x" * (room + 1)}, refused="too_large")
    await user.tell_context({"device": "好" * (room // 3 + 1)}, refused="too_large")
    largest = {"device": "好" * (room // 3)}
    await user.tell_context(largest)
    assert (await agent.context(user))["context"] == largest


async def test_what_was_before_is_told_with_its_owner_and_its_rating(mall: Mall) -> None:
    agent, user = await mall.agent(name="Li"), await mall.user()
    await user.say("one")
    await user.end()
    await user.rate(2)
    for n, score in ((2, 5), (3, None)):
        await user.say(f"{n}a")
        await agent.claim(user)
        await agent.say(f"{n}b", to=user)
        await agent.resolve(user)
        if score:
            await user.rate(score, comment="good")
    closed = (await agent.context(user))["earlier"]
    await user.say("now")
    found = (await agent.context(user))["earlier"]
    li = {"id": agent.id, "name": "Li"}
    assert found == closed
    assert [(one["seq"], one["by"], one["rating"]) for one in found] == [
        ([4, 5], li, None),
        ([2, 3], li, {"score": 5, "comment": "good"}),
        ([1, 1], None, {"score": 2}),
    ]
    page = (await agent.history(user, events=True))["messages"]
    at = {frame["seq"]: frame["at"] for frame in page if frame["type"] == "message"}
    ends = [frame["at"] for frame in page if frame["type"] == "status" and frame["status"] == "closed"]
    assert [(one["from"], one["to"]) for one in found] == [(at[4], ends[2]), (at[2], ends[1]), (at[1], ends[0])]


async def test_of_many_stretches_the_newest_twenty_are_told_whole(mall: Mall) -> None:
    """Further back than a page reaches, and with more in between than one holds."""
    agent, user = await mall.agent(), await mall.user()
    for n in range(23):
        frames = [{"type": "send", "id": f"{n}-{m}", "store": mall.store, "kind": "text", "body": words("x")} for m in range(12)]
        await user.send(frames)
        for m in range(12):
            await user.expect("ack", id=f"{n}-{m}")
        await user.end()
    found = (await agent.context(user))["earlier"]
    assert [one["seq"] for one in found] == [[12 * n + 1, 12 * n + 12] for n in range(22, 2, -1)]


async def test_an_erased_chat_has_no_context_and_nothing_of_it_is_in_the_data(own_server) -> None:
    mall = await own_server()
    _, user = await mall.claimed()
    await user.tell_context(WHOLE)
    with mall.server.valkey() as redis:
        assert [key for key in redis.scan_iter("*") if user.id in str(key) and ":x:" in str(key)]
        assert (await erase(mall.server, mall.store, user.id)).status == 200
        assert not [key for key in redis.scan_iter("*") if user.id in str(key) and ":x:" in str(key)]
    again, back = await mall.agent(), await mall.user(user.id)
    await again.context(user, refused="not_found")
    await back.say("again")
    assert (await again.context(user))["context"] is None


async def test_a_context_that_is_older_than_is_kept_goes_by_itself(own_server) -> None:
    mall = await own_server(keep_days=2.0 / 86_400)
    agent, user = await mall.claimed()
    await user.tell_context(WHOLE)
    assert (await agent.context(user))["context"] == WHOLE
    deadline = time.monotonic() + 30
    while (await agent.context(user))["context"] is not None:
        assert time.monotonic() < deadline
        await anyio.sleep(0.2)
