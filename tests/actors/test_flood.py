"""A client that floods: it is read more slowly, it costs a bounded memory, and it is told the truth."""

import asyncio
import time

import pytest

from actors import frame as f
from actors.participant import REPLY_BYTES
from actors.session import FREE_RATE, REFUSALS, ROOM_BYTES
from tests.actors.world import World, send

RATE = 20.0


def now_s():
    return asyncio.get_running_loop().time()


async def test_refusals_come_at_a_bounded_pace_and_every_command_is_answered():
    """A thousand refused commands a second pass; a hundred thousand at once are read at that pace, and TCP holds the rest."""
    async with World(rate=RATE) as world:
        await world.agent()
        user = await world.user()
        start_s, count, part = now_s(), 40_000, 50
        for at in range(0, count, part):
            await user.say_all(*(send("x", f"i{number}") for number in range(at, at + part)))
        spent_s = now_s() - start_s
        await world.settle()
        assert len([frame for frame in user.of("ack", "error") if frame["id"].startswith("i")]) == count
        most_a_second = RATE * FREE_RATE * REFUSALS
        assert count / most_a_second - 10 - 1 <= spent_s <= count / most_a_second


async def test_a_thousand_refused_commands_a_second_are_not_held_back():
    async with World(rate=RATE) as world:
        await world.agent()
        user = await world.user()
        start_s = now_s()
        for second in range(30):
            await user.say_all(*(send("x", f"i{second}-{number}") for number in range(60)))
            for part in range(19):
                await user.say_all(*(send("x", f"i{second}-{part}-{number}") for number in range(50)))
            await asyncio.sleep(max(0.0, start_s + second + 1 - now_s()))
        assert now_s() - start_s == pytest.approx(30, abs=0.1)


async def test_large_messages_cost_as_much_as_many_small_ones():
    """Seven messages of 60,000 characters a second is what no client of a chat needs, and what the rate in bytes comes to."""
    async with World(rate=1.0) as world:
        await world.agent()
        user = await world.user()
        start_s = now_s()
        for number in range(100):
            await user.say_all(send("x" * 60_000, f"i{number}"))
        assert now_s() - start_s > 60


async def test_without_a_rate_nobody_is_read_more_slowly():
    async with World(rate=0.0) as world:
        await world.agent()
        user = await world.user()
        start_s = now_s()
        for number in range(1000):
            await user.say_all(send("x" * 60_000, f"i{number}"))
        assert now_s() - start_s < 1


async def test_answers_of_queries_that_are_not_read_wait_one_at_a_time():
    """Sixteen pages of half a mebibyte for each tab were kept for a client that read none of them."""
    async with World() as world:
        await world.agent()
        user = await world.user()
        for number in range(70):
            await user.send("x" * 7_500, id=f"m{number}")
        user.takes.clear()
        for number in range(16):
            await user.say("history", id=f"h{number}", store="s1", limit=200)
        await asyncio.sleep(5)
        assert user.session.outbox.bytes <= ROOM_BYTES + 2 * REPLY_BYTES
        user.takes.set()
        assert [(await user.answer(f"h{number}"))["type"] for number in range(16)] == ["history"] * 16


async def test_queries_before_ready_are_answered_behind_it_and_their_answers_do_not_pile_up():
    """Answers from before `ready` are kept, and were counted by nobody: a client that read nothing of its opening had 500 pages kept."""
    async with World() as world:
        await world.agent()
        user = await world.user()
        for number in range(70):
            await user.send("x" * 7_500, id=f"m{number}")
        late = await world.user(ready=False)
        late.takes.clear()
        for number in range(16):
            await late.say("history", id=f"h{number}", store="s1", limit=200)
        await asyncio.sleep(5)
        assert not late.session.ready
        assert sum(len(frame) for frame, _ in late.session._early) < REPLY_BYTES
        late.takes.set()
        await late.expect("ready")
        for number in range(16):
            assert len((await late.answer(f"h{number}"))["messages"]) > 60


@pytest.mark.parametrize(
    "junk", ["[" + "{}," * 20_000 + "{}]", "[" + "[]," * 20_000 + "[]]", "[" + "0," * 30_000 + "0]", '"' + "0" * 60_000 + '"']
)
def test_no_message_of_64_kib_takes_long_to_be_understood(junk):
    """Walking through brackets and looking for long numbers took up to a twentieth of a second."""
    text = '{"type":"ping","junk":' + junk + "}"
    spent_s = []
    for _ in range(5):
        start_s = time.thread_time()
        assert f.parse(text) == [f.Ping()]
        spent_s.append(time.thread_time() - start_s)
    assert min(spent_s) < 0.012
