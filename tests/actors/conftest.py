"""The actors are tested on virtual time: a minute of grace costs nothing, and nothing depends on the machine."""

import pytest

from tests.actors.virtual import VirtualLoop
from tests.actors.world import World


@pytest.fixture
def anyio_backend():
    return "asyncio", {"loop_factory": VirtualLoop}


@pytest.fixture
async def world():
    async with World() as world:
        yield world
