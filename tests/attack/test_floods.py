"""A short stretch of every flood, one after another on one server whose growth is that of all of them; `make attack` has them in full."""

import pytest

from tests.attack.flood import NAMES, flooded, taken
from tests.attack.scene import patiently, scene

pytestmark = pytest.mark.anyio
SHARE = 0.04


@pytest.fixture(scope="module")
async def stage(tmp_path_factory):
    async with scene(tmp_path_factory.mktemp("a")) as stage:
        yield stage


@pytest.mark.parametrize("name", NAMES)
async def test_a_flood_costs_little_memory_and_nobody_else_notices(stage, name):
    await patiently(lambda: flooded(stage, name, SHARE))


async def test_three_hundred_megabytes_that_are_all_read_leave_nothing_behind(tmp_path):
    await patiently(lambda: taken(tmp_path, 1.0))
