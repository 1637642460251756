"""The two lanes of a mailbox: commands are bounded, control is never refused and always first."""

import asyncio

from actors.mailbox import Mailbox


async def test_a_full_command_lane_refuses_at_once_and_takes_again_when_there_is_room():
    mailbox = Mailbox(2)
    assert [mailbox.put_nowait(word) for word in ("a", "b", "c")] == [True, True, False]
    assert mailbox.take() == "a"
    assert mailbox.put_nowait("d")
    assert [mailbox.take(), mailbox.take(), mailbox.take()] == ["b", "d", None]


async def test_control_is_taken_when_the_command_lane_is_full_and_comes_out_first():
    mailbox = Mailbox(1)
    mailbox.put_nowait("command")
    for number in range(1000):
        mailbox.put_control(number)
    assert not mailbox.put_nowait("refused")
    assert len(mailbox) == 1001
    assert [mailbox.take() for _ in range(1001)] == [*range(1000), "command"]


async def test_control_does_not_use_up_the_room_of_commands():
    mailbox = Mailbox(1)
    mailbox.put_control("control")
    assert mailbox.put_nowait("command")


async def test_what_is_put_back_comes_out_first_in_its_order_even_into_a_full_lane():
    mailbox = Mailbox(2)
    for word in ("c", "d"):
        mailbox.put_nowait(word)
    mailbox.put_back(["a", "b"])
    mailbox.put_back([])
    mailbox.put_control("control")
    assert not mailbox.put_nowait("refused")
    assert [mailbox.take() for _ in range(5)] == ["control", "a", "b", "c", "d"]


async def test_whoever_waits_is_woken_by_either_lane_and_once_for_a_whole_burst():
    mailbox = Mailbox(8)
    for put in (mailbox.put_nowait, mailbox.put_control, lambda number: mailbox.put_back([number])):
        waiting = asyncio.ensure_future(mailbox.wait())
        await asyncio.sleep(0)
        for number in range(3):
            put(number)
        await waiting
        assert sorted(mailbox.take() for _ in range(3)) == [0, 1, 2]
        assert mailbox.take() is None


async def test_a_mailbox_with_something_in_it_does_not_wait():
    mailbox = Mailbox(1)
    mailbox.put_nowait("here")
    async with asyncio.timeout(0):
        await mailbox.wait()


async def test_a_waiter_that_was_cancelled_leaves_a_mailbox_that_works():
    mailbox = Mailbox(1)
    waiting = asyncio.ensure_future(mailbox.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    mailbox.put_nowait("here")
    await mailbox.wait()
    assert mailbox.take() == "here"
