"""Tasks of a node: all end with it, and the end itself comes."""

import asyncio

import pytest

from actors.task import Tasks

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


async def test_one_that_has_ended_and_was_not_let_go_of_yet_does_not_hold_up_the_end():
    """From Python 3.12 on to wait for what is done is not to wait at all."""

    async def nothing():
        pass

    tasks = Tasks(log=None)
    task = tasks.start(nothing())
    await asyncio.sleep(0)
    assert task.done()
    assert len(tasks) == 1
    await tasks.end()
    assert len(tasks) == 0
