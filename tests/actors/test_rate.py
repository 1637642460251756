"""The token bucket: ten seconds' worth at once, then so many a second; and how a session hears of it."""

import asyncio

import pytest

from actors.rate import Bucket
from tests.actors.world import World


def test_a_burst_of_ten_seconds_worth_passes_and_the_next_is_told_how_long():
    bucket = Bucket(2.0, 100.0)
    assert [bucket.take(100.0) for _ in range(20)] == [0.0] * 20
    assert bucket.take(100.0) == pytest.approx(0.5)


def test_after_the_time_it_named_there_is_one_again_and_no_second():
    bucket = Bucket(2.0, 0.0)
    while not (wait_s := bucket.take(0.0)):
        pass
    assert bucket.take(wait_s) == 0.0
    assert bucket.take(wait_s) > 0.0


def test_a_refusal_costs_nothing():
    bucket = Bucket(1.0, 0.0)
    for _ in range(10):
        bucket.take(0.0)
    for _ in range(1000):
        bucket.take(0.5)
    assert bucket.take(1.0) == 0.0


def test_rest_gives_no_more_than_one_burst():
    bucket = Bucket(1.0, 0.0)
    assert sum(not bucket.take(1_000_000.0) for _ in range(100)) == 10


def test_a_rate_of_zero_is_no_limit():
    bucket = Bucket(0.0, 0.0)
    assert not any(bucket.take(0.0) for _ in range(100_000))


@pytest.mark.parametrize(("role", "burst"), [("user", 10), ("agent", 100)])
async def test_an_agent_may_say_ten_times_as_much_as_a_user_and_all_tabs_share_it(role, burst):
    async with World(rate=1.0) as world:
        world.journal.latency_s = 0.0
        agent = await world.agent("a1", stores=["s1"])
        first = await world.user("u1") if role == "user" else agent
        second = await world.user("u1") if role == "user" else await world.agent("a1", stores=["s1"])
        for number in range(burst):
            answer = await (first, second)[number % 2].command("history", store="s1", user="u1")
            assert answer.get("code") == "not_found"
        refused = await first.command("history", store="s1", user="u1")
        assert (refused["code"], refused["temporary"]) == ("rate_limited", True)
        assert 0 < refused["retry_after"] <= 1.0


async def test_connecting_anew_gives_no_fresh_burst():
    async with World(rate=1.0) as world:
        await world.agent()
        for _ in range(3):
            user = await world.user()
            for number in range(4):
                await user.command("history", id=f"h{number}", store="s1")
            user.cut()
            await world.settle()
        assert world.tally.refusals["rate_limited"] == 2


async def test_after_retry_after_the_same_frame_is_taken():
    async with World(rate=1.0) as world:
        await world.agent("a1")
        user = await world.user("u1")
        for number in range(10):
            await user.send(str(number), id=f"i{number}")
        refused = await user.command("send", id="late", store="s1", kind="text", body={"text": "10"})
        await asyncio.sleep(refused["retry_after"])
        await user.send("10", id="late")
        await user.expect("message", id="late")
