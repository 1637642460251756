"""Nothing crosses stores: whatever the people of one throw at the server, no byte of another comes back, and nothing there moves."""

import random
from collections.abc import AsyncIterator

import pytest

from tests.wire.leak import Found, Street, street
from tests.wire.server import Server
from tests.wire.storm import HIDDEN, NAMED, USED, Names, Storm

pytestmark = pytest.mark.anyio

FRAMES = 90_000
"""And as many as are missing to a hundred thousand while the other stores talk."""


@pytest.fixture
def found() -> Found:
    return Found()


@pytest.fixture
async def three(tmp_path_factory: pytest.TempPathFactory, found: Found) -> AsyncIterator[Street]:
    server = Server(tmp_path_factory.mktemp("leak") / "data")
    await server.start()
    try:
        async with street(server, random.Random().randrange(10**9), found) as stores:
            yield stores
        await server.stop()
        server.check_log()
    finally:
        server.kill()


async def test_a_hundred_thousand_frames_of_one_store_bring_back_not_a_byte_of_another(three: Street, found: Found) -> None:
    await three.storm(FRAMES, found)
    await three.bustle(100_000 - FRAMES, found)
    assert not found.leaks, f"seed {three.seed}: {found.leaks[:3]}"
    assert found.thrown >= 100_000
    assert found.sessions > len(three.attackers), "some sessions were ended and opened again, with a resume"
    assert {"forbidden", "bad_frame", "unknown_type", "not_found", "not_owner", "id_reused"} <= found.codes.keys()
    assert found.codes["forbidden"] > found.thrown / 2, "most of it named what it may not have"


def test_the_same_seed_throws_the_same_frames_and_they_name_what_they_may_not() -> None:
    own = Names(stores=("own",), users=("u",), agents=("a",), ids=("1",), epochs=(1,))
    other = Names(stores=(f"{NAMED}-s",), users=(f"{NAMED}-u",), agents=(f"{NAMED}-a",), ids=(f"{USED}-1",), epochs=(2,))
    first, second = ([storm.array() for _ in range(40)] for storm in (Storm(7, "agent", own, other, ("x",)) for _ in range(2)))
    assert first == second
    assert max(map(len, first)) == 63, "and a last one by which the thrower knows that it is answered"
    told = str(first)
    assert all(name in told for name in (f"{NAMED}-s", f"{NAMED}-u", f"{NAMED}-a", f"{USED}-1"))
    assert HIDDEN not in told, "what is looked for is never said"
