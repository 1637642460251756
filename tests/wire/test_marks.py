"""Marks and unread: how far each side has received and read, always derived, never backward."""

import pytest

from tests.wire.conftest import Mall

pytestmark = pytest.mark.anyio


async def test_the_users_read_mark_is_told_to_both_sides_the_mover_included(mall: Mall) -> None:
    agent, user = await mall.claimed()
    other, tab = await mall.agent(), await mall.user(user.id)
    await agent.say("one", to=user)
    await user.read(2)
    for person in (agent, other, user, tab):
        await person.expect("marks", store=mall.store, user=user.id, side="user", read=2)


async def test_received_by_the_user_is_told_as_a_mark(mall: Mall) -> None:
    agent, user = await mall.claimed()
    await agent.say("one", to=user)
    await user.received(2)
    for person in (agent, user):
        await person.expect("marks", side="user", received=2)
    assert (await agent.summary(user))["marks"]["user"]["received"] == 2


async def test_the_owners_read_mark_is_that_of_the_store(mall: Mall) -> None:
    agent, user = await mall.claimed()
    other = await mall.agent()
    await agent.read(1, user)
    for person in (agent, other, user):
        await person.expect("marks", user=user.id, side="store", read=1)
    assert (await other.summary(user))["marks"]["store"] == {"read": 1}
    assert (await other.summary(user))["unread"] == 0


async def test_looking_on_without_owning_marks_nothing(mall: Mall) -> None:
    agent, user = await mall.claimed()
    other, boss = await mall.agent(), await mall.supervisor()
    for person in (other, boss):
        await person.read(1, user, refused="not_owner")
        await person.history(user)
    assert (await other.summary(user))["unread"] == 1
    await agent.release(user)
    await agent.read(1, user, refused="not_owner")
    await user.never("marks", side="store")


async def test_assigning_releasing_and_history_mark_nothing(mall: Mall) -> None:
    agent, user = await mall.claimed()
    boss = await mall.supervisor()
    await agent.say("one", to=user)
    await user.history()
    await agent.history(user)
    await agent.transfer(user, boss)
    await boss.release(user)
    summary = await agent.summary(user)
    assert (summary["unread"], summary["marks"]["store"]["read"], summary["marks"]["user"]["read"]) == (1, 0, 0)
    assert (await user.summary())["unread"] == 1


async def test_marks_never_go_backward_and_beyond_the_end_counts_as_the_end(mall: Mall) -> None:
    agent, user = await mall.claimed()
    for text in ("one", "two", "three"):
        await agent.say(text, to=user)
    await user.read(3)
    await user.read(1)
    assert (await user.summary())["marks"]["user"]["read"] == 3
    await user.read(10_000)
    assert (await user.summary())["marks"]["user"]["read"] == 4
    await agent.say("four", to=user)
    summary = await user.summary()
    assert (summary["marks"]["user"]["read"], summary["unread"]) == (4, 1)


async def test_unread_is_what_the_other_side_said_above_the_mark(mall: Mall) -> None:
    agent, user = await mall.claimed()
    for number in range(3):
        await agent.say(f"a{number}", to=user)
        await user.say(f"u{number}")
    assert ((await user.summary())["unread"], (await agent.summary(user))["unread"]) == (3, 4)
    await user.read(3)
    await agent.read(4, user)
    assert ((await user.summary())["unread"], (await agent.summary(user))["unread"]) == (2, 2)
    fresh_user, fresh_agent = await mall.user(user.id), await mall.agent()
    key = (mall.store, user.id)
    assert (fresh_user.chats[key]["unread"], fresh_agent.chats[key]["unread"]) == (2, 2), "the snapshot says the same"
    await user.read(7)
    await agent.read(7, user)
    assert ((await user.summary())["unread"], (await agent.summary(user))["unread"]) == (0, 0)


async def test_marks_are_gathered_to_at_most_one_a_second_and_the_newest_arrives(mall: Mall) -> None:
    agent, user = await mall.claimed()
    for number in range(20):
        await agent.say(f"n{number}", to=user)
    for seq in range(1, 22):
        await user.read(seq)
    await agent.expect("marks", side="user", read=21)
    told = agent.had("marks", user=user.id, side="user")
    assert len(told) <= 4, "21 moves within a second or two"
    assert [frame["read"] for frame in told] == sorted({frame["read"] for frame in told})


async def test_read_with_the_same_id_again_is_a_duplicate(mall: Mall) -> None:
    agent, user = await mall.claimed()
    await agent.say("one", to=user)
    first = await user.read(2, id="read-id")
    assert await user.read(2, id="read-id") == first | {"duplicate": True}
