"""What one shopper says keeps its order through an outage whose end nobody foresees, if what failed is sent again in its order."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.chat import Party
from actors.command import ResolveChat
from tests.actors.virtual import VirtualLoop
from tests.actors.world import World, send

ANSWERED_S = 5.0
"""By then everybody has an answer."""


async def said(first, later, *, gap_s, lasts_s, overtaken):
    """The log, after `first` was on its way when the storage stood still, and `later` was said a moment after."""
    async with World() as world:
        await world.agent()
        user = await world.user()
        await user.send("0")
        world.journal.open.clear()
        await user.say_all(*(send(text, text) for text in first))
        await world.journal.held.wait()
        await asyncio.sleep(gap_s)
        await user.say_all(*(send(text, text) for text in later))
        await asyncio.sleep(lasts_s - gap_s)
        if overtaken:
            await world.behind("u1", ResolveChat(by=Party("supervisor", "rival"), id="r"))
        world.journal.open.set()
        await asyncio.sleep(ANSWERED_S)
        for text in (*first, *later):
            if (await user.answer(text))["type"] == "error":
                await user.send(text, id=text)
        return [frame["body"]["text"] for frame in await world.log_frames() if frame["type"] == "message"]


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 3), st.integers(1, 3), st.floats(0.1, 3.9), st.floats(4.0, 7.0), st.booleans())
def test_who_sends_again_what_failed_has_its_history_in_its_order(before, after, gap_s, lasts_s, overtaken):
    first, later = [f"a{i}" for i in range(before)], [f"b{i}" for i in range(after)]
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        log = runner.run(said(first, later, gap_s=gap_s, lasts_s=lasts_s, overtaken=overtaken))
    assert log == ["0", *first, *later]
