"""A deadline ends waits as `asyncio.timeout` does, with one timer for all of them."""

import asyncio

import pytest

from storage.deadline import Deadline, within
from tests.actors.virtual import VirtualLoop


@pytest.fixture(name="run")
def fixture_run():
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        yield runner.run


async def nap(deadline, seconds):
    """Says when it ended, and how."""
    loop = asyncio.get_running_loop()
    try:
        with within(deadline):
            await asyncio.sleep(seconds)
    except TimeoutError:
        return loop.time(), "late"
    return loop.time(), "done"


def test_who_is_late_hears_it_at_the_deadline_and_nobody_else(run):
    async def main():
        deadline = Deadline(4.0)
        early, late = nap(deadline, 3.0), nap(deadline, 9.0)
        later = asyncio.create_task(_behind(1.5, deadline, 9.0))
        assert await asyncio.gather(early, late) == [(3.0, "done"), (4.0, "late")]
        assert await later == (5.5, "late")

    run(main())


async def _behind(pause_s, deadline, seconds):
    await asyncio.sleep(pause_s)
    return await nap(deadline, seconds)


def test_there_is_one_timer_whatever_waits(run):
    async def main():
        deadline = Deadline(4.0)
        waits = [asyncio.create_task(_behind(0.01 * i, deadline, 0.5)) for i in range(50)]
        await asyncio.sleep(0.3)
        first = deadline.timer
        await asyncio.gather(*waits)
        assert deadline.timer is first
        assert len(deadline.waits) <= 50
        await nap(deadline, 0.1)
        assert len(deadline.waits) == 1

    run(main())


def test_a_cancellation_from_outside_stays_one(run):
    async def main():
        deadline = Deadline(4.0)
        task = asyncio.create_task(nap(deadline, 9.0))
        await asyncio.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(5.0)
        assert not deadline.waits

    run(main())


def test_what_is_raised_in_time_is_what_is_heard(run):
    async def main():
        with pytest.raises(ValueError, match="mine"), within(Deadline(1.0)):
            raise ValueError("mine")

    run(main())
