"""The user's word at the end of a chat: once, kept, seen by agents and by nobody else."""

import pytest

from tests.wire.conftest import Mall
from tests.wire.person import MARK

pytestmark = pytest.mark.anyio


async def test_a_chat_is_rated_once_after_each_end_and_agents_see_it(mall: Mall) -> None:
    agent, user = await mall.claimed()
    await user.rate(5, refused="not_closed")
    await agent.resolve(user)
    ack = await user.rate(4, comment=MARK + "thanks", id="stars")
    note = await agent.expect("note", user=user.id, id="stars")
    assert note["from"] == {"role": "user", "id": user.id, "name": "Wang"}
    assert note["body"] == {"text": f"★★★★☆ {MARK}thanks", "rating": {"score": 4, "comment": MARK + "thanks"}}
    assert await user.rate(4, comment=MARK + "thanks", id="stars") == ack | {"duplicate": True}
    await user.rate(5, id="stars", refused="id_reused")
    await user.rate(5, refused="already_rated")
    await agent.never("note")
    await user.never("note")
    assert (await user.summary())["rated"] is True
    assert (await agent.summary(user))["rated"] is True
    await user.say("again")
    assert "rated" not in await user.summary()
    await user.end()
    await user.rate(1, comment="")
    assert (await agent.expect("note"))["body"] == {"text": "★☆☆☆☆", "rating": {"score": 1}}


async def test_a_rating_stands_in_history_for_agents_and_survives_a_kill(own_server) -> None:
    mall = await own_server()
    agent, user = await mall.claimed()
    await user.end()
    await user.rate(2, id="two")
    await mall.server.restart()
    again, back = await mall.agent(agent.id), await mall.user(user.id)
    notes = [frame for frame in (await again.history(user))["messages"] if frame["type"] == "note"]
    assert [note["body"]["rating"] for note in notes] == [{"score": 2}]
    assert all(frame["type"] == "message" for frame in (await back.history())["messages"])
    await back.rate(3, refused="already_rated")


@pytest.mark.parametrize(
    "fields",
    [
        {"score": 0},
        {"score": 6},
        {"score": 4.5},
        {"score": "5"},
        {"score": True},
        {"score": None},
        {},
        {"score": 5, "comment": "x" * 501},
        {"score": 5, "comment": 7},
        {"score": 5, "comment": {"text": "x"}},
    ],
)
async def test_rubbish_is_no_rating(mall: Mall, fields) -> None:
    agent, user = await mall.claimed()
    await user.end()
    await user.do("rate", refused="bad_frame", **fields)
    await user.rate(5, comment="好" * 500)
    assert len((await agent.expect("note"))["body"]["rating"]["comment"]) == 500
