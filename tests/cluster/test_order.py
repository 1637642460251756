"""Order over nodes: everybody hears everything, once, in the order of the log, whichever node wrote it. All on one town."""

from collections.abc import AsyncIterator

import pytest

from tests.cluster.row import Round, told
from tests.cluster.town import Town, town
from tests.faults.load import Figures
from tests.wire.door import ask, operator, revoke

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def there(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with town(tmp_path_factory.mktemp("o"), 4) as found:
        yield found


async def test_a_shopper_on_one_node_and_five_agents_on_three_others_hear_the_same(there):
    figures = Figures()
    talk = await Round.begin(there, figures)
    await talk.say(100)
    assert await talk.heard(5.0) < 1.0
    await talk.end()
    assert not figures.faults
    assert figures.acked == 101


async def test_a_first_message_reaches_the_users_other_tab_on_another_node(there):
    await there.malls[0].found()
    user = await there.malls[0].user()
    tab = await there.malls[1].user(user.id)
    await user.say("first")
    await tab.heard("first", within_s=3.0)
    await tab.status("new", within_s=3.0)
    await tab.say("second")
    for person in (user, tab):
        await person.heard("second", within_s=3.0)
    assert told(user, user) == told(tab, user) == [(1, "psst-first"), (2, "psst-second")]


async def test_marks_of_a_reader_on_another_node_are_shown(there):
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


async def test_typing_and_announcements_reach_other_nodes(there):
    agent, chief = await there.malls[1].agent(), await there.malls[2].supervisor()
    user = await there.malls[0].user()
    await user.say("hello")
    await agent.claim(user)
    await user.status("claim")
    await user.typing()
    await agent.expect("typing", user=user.id, side="user", on=True)
    await agent.typing(user=user)
    await user.expect("typing", side="store", on=True)
    await chief.do("announce", body={"text": "psst-early"})
    for person in (user, agent, chief):
        await person.expect("notice", body={"text": "psst-early"})


async def test_whose_access_is_withdrawn_at_one_node_is_closed_on_another(there):
    agent, colleague = await there.malls[1].agent(), await there.malls[2].agent()
    user = await there.malls[0].user()
    await revoke(there.malls[3].server, "agent", agent.id)
    assert await agent.closed() == 4003
    await user.say("anybody there?")
    await colleague.expect("message", user=user.id, seq=1)


async def test_a_chat_that_is_erased_at_one_node_is_forgotten_by_all(there):
    agent = await there.malls[1].agent()
    user = await there.malls[0].user()
    await user.say("a secret")
    await agent.expect("message", user=user.id, seq=1)
    server = there.malls[3].server
    answer = await ask(server, "POST", "/operator/erase", operator(server), {"store": user.store, "user": user.id})
    assert answer.json["existed"], answer
    assert await user.closed() == await agent.closed() == 4200
    back = await there.malls[0].user(user.id)
    looker = await there.malls[2].agent()
    await back.say("again")
    message = await looker.expect("message", user=user.id, seq=1)
    assert message["body"]["text"].endswith("again")
