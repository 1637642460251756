"""`send`: who hears it, its numbers, safe retry, and what a body may hold."""

import json
from typing import Any

import pytest

from tests.wire.conftest import Mall, fresh
from tests.wire.person import words

pytestmark = pytest.mark.anyio

GOOD: list[tuple[str, dict[str, Any]]] = [
    ("text", {"text": "psst-你好 👋 \u0000 \n"}),
    ("image", {"url": "https://cdn.example/a.png"}),
    ("image", {"url": "/files/a.png", "alt": "psst-a shoe", "width": 640, "height": 480}),
    ("file", {"url": "https://cdn.example/a.pdf", "name": "psst-a.pdf"}),
    ("file", {"url": "https://cdn.example/a.pdf?x=1#p", "name": "psst-a.pdf", "size": 12345}),
    ("product", {"sku": "S-1", "title": "psst-Shoe"}),
    (
        "product",
        {
            "sku": "S-1",
            "title": "psst-Shoe",
            "price": 19.9,
            "currency": "CNY",
            "image": "https://cdn.example/s.png",
            "url": "https://shop.example/s",
        },
    ),
    ("order", {"number": "2026-1"}),
    ("order", {"number": "2026-1", "status": "shipped", "total": 99, "currency": "CNY", "url": "/orders/1"}),
]
BAD: list[tuple[Any, Any]] = [
    ("text", {}),
    ("text", {"text": 7}),
    ("text", {"text": None}),
    ("text", "psst-bare"),
    ("text", None),
    ("text", ["psst-x"]),
    ("video", {"url": "https://cdn.example/a.mp4"}),
    ("", {"text": "psst-x"}),
    (7, {"text": "psst-x"}),
    ("image", {"text": "psst-x"}),
    ("image", {"url": "https://cdn.example/a.png", "width": "640"}),
    ("image", {"url": "https://cdn.example/a.png", "alt": 7}),
    ("file", {"url": "https://cdn.example/a.pdf"}),
    ("file", {"url": "https://cdn.example/a.pdf", "name": "psst-a", "size": "big"}),
    ("product", {"sku": "S-1"}),
    ("product", {"sku": "S-1", "title": "psst-t", "url": "javascript:alert(1)"}),
    ("product", {"sku": "S-1", "title": "psst-t", "image": "http://cdn.example/a.png"}),
    ("order", {}),
    ("order", {"number": "1", "url": "data:text/html,x"}),
]
BAD_URLS = [
    "http://cdn.example/a.png",
    "javascript:alert(1)",
    "JAVASCRIPT:alert(1)",
    "data:text/html,x",
    "ftp://cdn.example/a",
    "//evil.example/a.png",
    "/\\evil.example/a.png",
    "\\\\evil.example",
    " https://cdn.example/a.png",
    "java\nscript:alert(1)",
    "a.png",
    "",
]


async def test_a_users_message_reaches_every_session_of_every_agent_and_its_own_tabs_while_nobody_owns_the_chat(mall: Mall) -> None:
    first, second = await mall.agent(), await mall.agent()
    second_tab = await mall.agent(second.id)
    user = await mall.user(name="Wang")
    user_tab = await mall.user(user.id)
    ack = await user.say("hello")
    for agent in (first, second, second_tab):
        heard = await agent.heard("hello")
        assert (heard["seq"], heard["offset"], heard["id"], heard["at"]) == (1, 1, ack["id"], ack["at"])
    for tab in (user, user_tab):
        heard = await tab.heard("hello")
        assert "offset" not in heard, "`offset` only to agents"
        assert heard["from"] == {"role": "user", "id": user.id, "name": "Wang"}


async def test_a_claimed_chat_is_still_heard_by_all_agents_and_the_owners_answer_by_all_and_the_user(mall: Mall) -> None:
    owner, user = await mall.claimed()
    other, owner_tab, user_tab = await mall.agent(), await mall.agent(owner.id), await mall.user(user.id)
    await user.say("question")
    await owner.say("answer", to=user)
    for person in (owner, owner_tab, other, user, user_tab):
        asked, answered = await person.heard("question"), await person.heard("answer")
        assert (asked["seq"], answered["seq"]) == (2, 3)
        assert answered["from"]["id"] == owner.id
        assert answered["from"]["role"] == "agent"


async def test_nothing_crosses_stores_or_chats(mall: Mall) -> None:
    other = Mall(mall.server)
    agent, stranger = await mall.agent(), await other.agent()
    user, neighbour = await mall.user(), await mall.user()
    await user.say("private")
    await agent.heard("private")
    await stranger.never("message")
    await neighbour.never("message")
    await other.close()


async def test_seq_and_offset_have_no_gap_when_many_speak_at_once(mall: Mall) -> None:
    agent = await mall.agent()
    users = [await mall.user() for _ in range(5)]
    posted = [
        (user, number, await user.post("send", store=mall.store, kind="text", body=words(f"{number}")))
        for number in range(10)
        for user in users
    ]
    for user, number, id in posted:
        assert (await user.answer(id))["seq"] == number + 1
    await agent.expect("message", user=users[-1].id, seq=10)
    await agent.pong()
    events = agent.had("message", "status", "note")
    assert [frame["offset"] for frame in events] == list(range(1, 56)), "50 messages and 5 `new`"


async def test_a_message_comes_before_the_new_or_reopen_that_it_causes(mall: Mall) -> None:
    agent, user = await mall.agent(), await mall.user()
    await user.say("first")
    for person in (agent, user):
        await person.status("new", status="waiting", owner=None, by={"role": "user", "id": user.id})
    await agent.claim(user)
    await agent.resolve(user)
    await user.say("again")
    for person in (agent, user):
        await person.status("reopen", status="waiting", owner=None)
        order = [frame.get("reason") or frame["seq"] for frame in person.had("message", "status")]
        assert order == [1, "new", "claim", "resolve", 2, "reopen"]


async def test_the_same_id_again_gets_the_same_ack_marked_duplicate_and_one_message(mall: Mall) -> None:
    agent, user = await mall.agent(), await mall.user()
    first = await user.say("once", id="one-id")
    for tab in (user, await mall.user(user.id)):
        again = await tab.say("once", id="one-id")
        assert again == first | {"duplicate": True}
    assert await user.seqs() == [1]
    await agent.heard("once")
    await agent.never("message", body=words("once"))
    assert "duplicate" not in first


async def test_the_same_id_twice_at_once_takes_effect_once(mall: Mall) -> None:
    await mall.found()
    user = await mall.user()
    tab = await mall.user(user.id)
    ids = [await session.post("send", id="racing", store=mall.store, kind="text", body=words("x")) for session in (user, tab, user, tab)]
    answers = [await session.answer(id) for session, id in zip((user, tab, user, tab), ids, strict=True)]
    assert [answer["type"] for answer in answers] == ["ack"] * 4
    assert sum("duplicate" not in answer for answer in answers) == 1
    assert {answer["seq"] for answer in answers} == {1}
    assert await user.seqs() == [1]


async def test_the_same_id_with_another_content_is_id_reused(mall: Mall) -> None:
    agent, user = await mall.claimed()
    await user.say("this", id="mine")
    await user.say("that", id="mine", refused="id_reused")
    await user.do("send", kind="image", body={"url": "/a.png"}, id="mine", refused="id_reused")
    await agent.say("this", to=user, id="hers")
    await agent.release(user, id="hers", refused="id_reused")
    assert (await user.say("this", id="mine"))["duplicate"] is True
    assert await user.seqs() == [1, 2, 3]


async def test_ids_are_remembered_for_each_sender_in_each_store(mall: Mall) -> None:
    """A sender is a side and a `sub`: the user x and the agent x are two."""
    second_store, same = fresh("s"), fresh("x")
    agent = await mall.agent(same, stores=[mall.store, second_store])
    user, neighbour = await mall.user(same), await mall.user()
    await user.say("here", id="i")
    await user.say("there", id="i", store=second_store)
    await neighbour.say("me too", id="i")
    await agent.claim(user, id="i")
    await agent.say("answer", to=user, id="j")
    await user.say("other answer", id="j")
    assert await user.seqs() == [1, 2, 3]


async def test_a_refused_command_may_be_sent_again_with_its_id(mall: Mall) -> None:
    agent, user = await mall.agent(), await mall.user()
    await user.say()
    await agent.say("mine", to=user, id="again", refused="not_claimed")
    await agent.claim(user)
    assert "duplicate" not in await agent.say("mine", to=user, id="again")


@pytest.mark.parametrize(("kind", "body"), GOOD)
async def test_a_body_that_fits_its_kind_is_delivered_as_it_is(mall: Mall, kind: str, body: dict[str, Any]) -> None:
    agent, user = await mall.agent(), await mall.user()
    await user.do("send", kind=kind, body=body)
    for person in (agent, user):
        heard = await person.expect("message")
        assert (heard["kind"], heard["body"]) == (kind, body)


async def test_a_body_that_does_not_fit_its_kind_is_a_bad_frame(mall: Mall) -> None:
    await mall.found()
    user = await mall.user()
    for kind, body in BAD + [("image", {"url": url}) for url in BAD_URLS]:
        frame = await user.command("send", store=mall.store, kind=kind, body=body)
        assert frame.get("code") == "bad_frame", f"{kind} {body} got {frame}"
        await user.pong()
    assert not user.had("message")


async def test_a_body_above_eight_kib_is_too_large_counted_as_compact_utf8(mall: Mall) -> None:
    await mall.found()
    user = await mall.user()
    room = 8192 - len('{"text":""}')
    for text, fits in (
        ("x" * room, True),
        ("x" * (room + 1), False),
        ("汉" * (room // 3), True),
        ("汉" * (room // 3 + 1), False),
        ('"' * (room // 2), True),
        ('"' * (room // 2 + 1), False),
    ):
        await user.do("send", kind="text", body={"text": text}, refused=None if fits else "too_large")
    spaced = json.dumps({"type": "send", "id": "spaced", "store": mall.store, "kind": "text", "body": {"text": "x" * room}}, indent=9)
    await user.send_raw(spaced)
    assert (await user.answer("spaced"))["type"] == "ack"


async def test_the_senders_name_comes_from_the_token_and_a_frame_cannot_change_it(mall: Mall) -> None:
    agent = await mall.agent(name="Li Na 李娜")
    user = await mall.user()
    await user.say("hi", **{"from": {"role": "agent", "id": "boss", "name": "Boss"}, "name": "Boss", "role": "agent"})
    heard = await agent.heard("hi")
    assert (heard["from"]["role"], heard["from"]["id"]) == ("user", user.id)
    assert heard["from"].get("name") is None
    await agent.claim(user)
    await agent.say("hello", to=user)
    assert (await user.heard("hello"))["from"] == {"role": "agent", "id": agent.id, "name": "Li Na 李娜"}


async def test_a_user_cannot_bring_a_store_into_being(mall: Mall) -> None:
    user = await mall.user()
    await user.say(refused="no_such_store")
    await mall.found()
    await user.say()


async def test_who_may_not_send_is_forbidden(mall: Mall) -> None:
    agent, user = await mall.claimed()
    stranger = await mall.user(stores=[fresh("s")])
    await stranger.say(refused="forbidden")
    await user.say(to="somebody-else", refused="forbidden")
    await agent.say(to=user, store=fresh("s"), refused="forbidden")
    await agent.say(to=fresh("u"), refused="not_found")
    await user.say(to=user.id)


async def test_notes_are_for_agents_only(mall: Mall) -> None:
    owner, user = await mall.claimed()
    other = await mall.agent()
    ack = await other.note(user, "a difficult one")
    for agent in (owner, other):
        note = await agent.expect("note", user=user.id)
        assert (note["id"], note["from"]["id"], note["body"]) == (ack["id"], other.id, words("a difficult one"))
    await user.do("note", user=user.id, body=words("me"), refused="forbidden")
    await user.never("note")
    assert await user.seqs() == [1]


async def test_waiting_frames_share_a_websocket_message(mall: Mall) -> None:
    """The server packs what is queued for a session into one array."""
    agent, user = await mall.agent(), await mall.user()
    await user.send(*({"type": "send", "id": f"m{n}", "store": mall.store, "kind": "text", "body": words("x")} for n in range(64)))
    await agent.expect("message", seq=64)
    assert agent.messages < len(agent.frames) / 2
