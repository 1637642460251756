"""What a message costs, in counts that no machine changes: a user's message to a store with five agents, alone and sixteen in an array.

A count that falls may be lowered here; one that rises has to be worth it.
"""

from collections import Counter

import pytest

from tests.cost.whole import AGENTS, whole

pytestmark = pytest.mark.anyio

SCRIPT = {"exists": 2, "hget": 1, "hincrby": 1, "hmget": 2, "hset": 3, "llen": 1, "pexpire": 1, "pubsub": 1, "zadd": 1}
"""What the append script calls once for a run of appends to one chat, however many there are. `pubsub`: does another node listen?"""


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="module")
async def costs(tmp_path_factory):
    """Count to cost, and under None what a thousand of them leave behind."""
    async with whole(tmp_path_factory.mktemp("cost")) as there:
        return {count: await there.least(count) for count in (1, 16)} | {None: await there.kept(1024)}


@pytest.mark.parametrize("count", [1, 16])
async def test_messages_that_come_together_take_one_round_trip_and_one_call_of_the_script(costs, count):
    assert costs[count].reads == 1
    assert costs[count].commands["evalsha"] == 1


@pytest.mark.parametrize("count", [1, 16])
async def test_for_each_message_redis_adds_to_a_history_and_to_a_log_and_the_rest_is_done_once(costs, count):
    assert costs[count].commands == Counter({"evalsha": 1, "rpush": count, "xadd": count} | SCRIPT)


@pytest.mark.parametrize("count", [1, 16])
async def test_sixteen_deliveries_to_a_receiver_go_in_one_web_socket_message(costs, count):
    """The user's ack may go in one of its own."""
    assert AGENTS + 1 <= costs[count].messages <= AGENTS + 2


@pytest.mark.parametrize("count", [1, 16])
async def test_no_task_is_made_for_a_message(costs, count):
    assert costs[count].tasks == 0


async def test_few_functions_are_called_for_a_message_and_fewer_where_sixteen_share_the_way(costs):
    """371 and 130 on Python 3.11; later ones make fewer frames."""
    assert costs[1].calls <= 380
    assert costs[16].calls / 16 <= 130


async def test_little_memory_is_taken_on_the_way_of_a_message(costs):
    """What the clients here hold of what they heard is in it."""
    assert costs[1].peak_bytes <= 8 * 1024
    assert costs[16].peak_bytes / 16 <= 2 * 1024


async def test_nothing_of_a_message_stays_in_memory(costs):
    """Some pieces of memory stay with the interpreter for the next one: far fewer than there were messages."""
    assert costs[None] <= 256
