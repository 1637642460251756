"""What the original mall handler did, each under its own name, and each of its faults shown to be gone."""

import anyio
import pytest

from tests.wire.conftest import Mall, fresh
from tests.wire.person import words

pytestmark = pytest.mark.anyio


async def test_connect_greets_with_the_online_count(mall: Mall) -> None:
    agent = await mall.agent()
    user = await mall.user(name="Wang")
    assert agent.welcome["online"] >= 1
    assert user.welcome["online"] >= 2
    assert {key: user.welcome[key] for key in ("protocol", "role", "id", "name")} == {
        "protocol": 1,
        "role": "user",
        "id": user.id,
        "name": "Wang",
    }


async def test_a_message_reaches_a_user_who_is_online(mall: Mall) -> None:
    agent, user = await mall.claimed()
    ack = await agent.say("how can I help?", to=user)
    heard = await user.heard("how can I help?")
    assert (heard["seq"], heard["from"]["id"], heard["at"]) == (ack["seq"], agent.id, ack["at"])


async def test_offline_messages_come_at_login_in_order_and_none_twice(mall: Mall) -> None:
    agent, user = await mall.claimed()
    await user.received(1)
    await user.close()
    for text in ("one", "two", "three"):
        await agent.say(text, to=user)
    back = await mall.user(user.id)
    assert [frame["body"] for frame in back.missed] == [words("one"), words("two"), words("three")]
    await back.received(4)
    await back.close()
    assert (await mall.user(user.id)).missed == []


async def test_a_message_to_the_store_reaches_all_its_agents(mall: Mall) -> None:
    agents = [await mall.agent() for _ in range(4)]
    user = await mall.user()
    await user.say("anybody there?")
    for agent in agents:
        await agent.heard("anybody there?", user=user.id)


async def test_offline_agents_get_theirs_at_login(mall: Mall) -> None:
    agent, user = await mall.agent(), await mall.user()
    await user.say("one")
    await agent.heard("one")
    new = await agent.status("new")
    await agent.received(new["offset"])
    await agent.close()
    await user.say("two")
    await user.say("three")
    back = await mall.agent(agent.id)
    assert [(frame["offset"], frame["body"]) for frame in back.missed] == [
        (new["offset"] + 1, words("two")),
        (new["offset"] + 2, words("three")),
    ]


async def test_both_chat_lists_are_newest_first(mall: Mall) -> None:
    second_store = fresh("s")
    agent = await mall.agent(stores=[mall.store, second_store])
    early, late = await mall.user(), await mall.user()
    await early.say("early")
    await mall.tick()
    await late.say("late")
    await mall.tick()
    assert [chat["user"] for chat in (await agent.list())["chats"]] == [late.id, early.id]
    await early.say("again")
    await mall.tick()
    await early.say("over there", store=second_store)
    assert [chat["user"] for chat in (await agent.list())["chats"]] == [early.id, late.id]
    again = await mall.user(early.id)
    assert set(again.chats) == {(mall.store, early.id), (second_store, early.id)}
    assert [store for store, _ in again.chats] == [second_store, mall.store]


async def test_both_sides_read_the_same_history(mall: Mall) -> None:
    agent, user = await mall.claimed()
    await agent.say("second", to=user)
    await user.say("third")
    of_user, of_agent = await user.history(), await agent.history(user)
    of_user, of_agent = of_user["messages"], of_agent["messages"]
    assert [frame["body"] for frame in of_user] == [words("first"), words("second"), words("third")]
    assert [{key: value for key, value in frame.items() if key != "offset"} for frame in of_agent] == of_user


async def test_unread_counters_of_both_sides_count_the_other_sides_messages(mall: Mall) -> None:
    agent, user = await mall.claimed()
    await user.say("second")
    for text in ("third", "fourth", "fifth"):
        await agent.say(text, to=user)
    assert (await agent.summary(user))["unread"] == 2
    assert (await user.summary())["unread"] == 3


async def test_the_agent_set_of_a_store_is_who_has_ever_come_with_its_token(mall: Mall) -> None:
    agent, user = await mall.claimed()
    colleague = await mall.agent()
    await colleague.close()
    await agent.transfer(user, fresh("a"), refused="no_such_agent")
    assert (await agent.transfer(user, colleague))["owner"]["id"] == colleague.id


async def test_one_agent_per_chat(mall: Mall) -> None:
    agent, user = await mall.claimed()
    other = await mall.agent()
    assert (await other.claim(user, refused="already_claimed"))["owner"]["id"] == agent.id
    await other.say("me too", to=user, refused="not_owner")
    await user.never("message", body=words("me too"))


async def test_closing_one_session_and_an_error_in_another_disturb_nobody_else(mall: Mall) -> None:
    agent, user = await mall.claimed()
    stranger = await mall.user()
    stranger.cut()
    await user.send_raw("{not json")
    await user.expect("error", code="bad_frame")
    await user.say("still here")
    await agent.heard("still here")


async def test_broadcast_reaches_agents_and_shoppers_of_the_store(mall: Mall) -> None:
    agent, user = await mall.claimed()
    stranger, boss = await mall.user(), await mall.supervisor()
    await boss.do("announce", body=words("closing at ten"))
    for person in (agent, user, boss):
        assert (await person.expect("notice"))["body"] == words("closing at ten")
    await stranger.never("notice")


async def test_fault_a_message_is_not_lost_when_the_socket_dies_between_pop_and_send(mall: Mall) -> None:
    """The handler popped what it sent; here only `received` moves the cursor, so a dead socket loses nothing."""
    agent, user = await mall.claimed()
    await user.received(1)
    await user.close()
    for number in range(20):
        await agent.say(f"n{number}", to=user)
    for _ in range(3):
        dying = await mall.user(user.id, ready=False)
        await dying.expect("message", seq=2)
        dying.cut()
    back = await mall.user(user.id)
    assert [frame["seq"] for frame in back.missed] == list(range(2, 22))


async def test_fault_a_message_is_not_doubled_for_who_is_online(mall: Mall) -> None:
    agent, user = await mall.claimed()
    await agent.say("once", to=user)
    heard = await user.heard("once")
    await user.received(heard["seq"])
    await user.never("message", body=words("once"))
    await user.close()
    back = await mall.user(user.id)
    assert back.missed == []
    await back.never("message")


async def test_fault_a_second_tab_does_not_steal_the_first(mall: Mall) -> None:
    agent, first_tab = await mall.claimed()
    second_tab = await mall.user(first_tab.id)
    await agent.say("both of you", to=first_tab)
    await first_tab.heard("both of you")
    await second_tab.heard("both of you")
    await second_tab.close()
    await agent.say("and you", to=first_tab)
    await first_tab.heard("and you")


async def test_fault_history_and_lists_never_fall_out_of_step(mall: Mall) -> None:
    agent, user = await mall.claimed()

    async def talk(person, **target) -> None:
        for number in range(25):
            await person.say(f"{person.role}{number}", **target)

    async with anyio.create_task_group() as group:
        group.start_soon(talk, user)
        group.start_soon(lambda: talk(agent, to=user))
    for person, target in ((user, None), (agent, user)):
        page = (await person.history(target, limit=200))["messages"]
        summary = await person.summary(user)
        assert [frame["seq"] for frame in page] == list(range(1, 52))
        assert (summary["seq"], summary["last"]["seq"], summary["last"]["body"]) == (51, 51, page[-1]["body"])


async def test_fault_two_agents_never_get_into_one_chat(mall: Mall) -> None:
    agents = [await mall.agent() for _ in range(6)]
    user = await mall.user()
    await user.say("who takes me?")
    ids = [await agent.post("claim", store=mall.store, user=user.id) for agent in agents]
    answers = [await agent.answer(id) for agent, id in zip(agents, ids, strict=True)]
    assert sorted(answer["type"] for answer in answers) == ["ack"] + ["error"] * 5
    winner = agents[[answer["type"] for answer in answers].index("ack")]
    for agent in agents:
        await agent.say("mine", to=user, refused=None if agent is winner else "not_owner")
    await user.heard("mine", from_={"id": winner.id})
    await user.never("message", body=words("mine"))
