"""Order over nodes: everybody hears everything, once, in the order of the log, whichever node wrote it."""

import asyncio
import time

import pytest

from tests.cluster.town import Town, town
from tests.wire.person import Person

pytestmark = pytest.mark.anyio

HOLE_S = 1.0
"""A hole that a later number shows is closed in this time."""
LOST_S = 30.0
"""And one that nothing shows in this."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("c")


def heard(person: Person, user: Person) -> list[tuple[int, str]]:
    """The messages of a chat as somebody was told them, missed ones included."""
    return [(frame["seq"], frame["body"]["text"]) for frame in person.frames if frame["type"] == "message" and frame["user"] == user.id]


async def until_heard(people: list[Person], user: Person, seq: int, within_s: float) -> float:
    """Waits until everybody has heard the chat up to a message; how long it took."""
    start = time.monotonic()
    for person in people:
        await person.expect("message", user=user.id, seq=seq, within_s=within_s)
    return time.monotonic() - start


async def agree(people: list[Person], user: Person) -> None:
    """Everybody was told the same, from 1 on without a gap, and it is what history has."""
    page = await people[0].history(None if people[0].role == "user" else user, limit=200)
    kept = [(frame["seq"], frame["body"]["text"]) for frame in page["messages"]]
    assert [seq for seq, _ in kept] == list(range(kept[0][0], kept[-1][0] + 1))
    for person in people:
        told = heard(person, user)
        assert told[-len(kept) :] == kept, f"{person.role} {person.id}"
        assert len(told) == len(set(told)) == told[-1][0], f"{person.role} {person.id}"


async def five_agents(there: Town) -> list[Person]:
    return [await there.malls[1 + n % (len(there.malls) - 1)].agent() for n in range(5)]


async def chat_of_all(there: Town, messages: int) -> tuple[Person, list[Person]]:
    """A shopper on the first node and five agents on the others all know each other; one of them owns the chat."""
    agents = await five_agents(there)
    user = await there.malls[0].user()
    await user.say("hello")
    await until_heard([*agents, user], user, 1, 5.0)
    await agents[0].claim(user)
    await user.status("claim")
    for _ in range(messages):
        await asyncio.gather(user.say("from the user"), agents[0].say("from the agent", to=user))
    return user, agents


async def test_a_shopper_on_one_node_and_five_agents_on_three_others_hear_the_same(folder):
    async with town(folder / "1", 4) as there:
        user, agents = await chat_of_all(there, 50)
        took_s = await until_heard([*agents, user], user, 101, 5.0)
        assert took_s < 1.0
        await agree([user, *agents], user)


async def test_a_first_message_reaches_the_users_other_tab_on_another_node(folder):
    async with town(folder / "2", 2) as there:
        await there.malls[0].found()
        user = await there.malls[0].user()
        tab = await there.malls[1].user(user.id)
        await user.say("first")
        await tab.heard("first", within_s=3.0)
        await tab.status("new", within_s=3.0)
        await tab.say("second")
        await user.heard("second", within_s=3.0)
        await agree([user, tab], user)


async def test_marks_of_a_reader_on_another_node_are_shown(folder):
    async with town(folder / "3", 3) as there:
        agent = await there.malls[1].agent()
        looker = await there.malls[2].agent()
        user = await there.malls[0].user()
        await user.say("hello")
        await agent.claim(user)
        await agent.say("yes", to=user)
        await user.heard("yes")
        await user.read(2)
        for person in (agent, looker):
            await person.expect("marks", user=user.id, side="user", read=2)
        await agent.read(1, user)
        for person in (user, looker):
            await person.expect("marks", user=user.id, side="store", read=1)
