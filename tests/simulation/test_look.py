"""What the simulation looks at besides the history: the indexes of the storage, grace after an outage, summaries before `ready`."""

import attrs
import pytest

from storage.key import StoreKeys
from tests.history.record import History, Kept, Told
from tests.simulation.grace import gone_too_soon
from tests.simulation.held import Held
from tests.simulation.index import disagreements
from tests.simulation.redis import Redis
from tests.simulation.schedule import Fault, schedule

KEYS = StoreKeys("s1")
KEPT = {"s1": Kept(store="s1", chats={"u1": {"status": "waiting", "owner": None}, "u2": {"status": "claimed", "owner": {"id": "a1"}}})}


@pytest.fixture
def redis():
    """As the chats of `KEPT` want it."""
    redis = Redis()
    for key, user in ((KEYS.queue, "u1"), (KEYS.waiting, "u1"), (KEYS.claimed, "u2")):
        assert redis.execute(("ZADD", key, 1, user)) == 1
    assert redis.execute(("SADD", KEYS.owned("a1"), "u2")) == 1
    return redis


def test_indexes_that_say_what_the_chats_say_are_of_one_mind_with_them(redis):
    assert not list(disagreements(redis, KEPT))


@pytest.mark.parametrize(
    "change",
    [
        ("ZREM", KEYS.queue, "u1"),
        ("ZADD", KEYS.queue, 1, "u2"),
        ("ZADD", KEYS.closed, 1, "u1"),
        ("SREM", KEYS.owned("a1"), "u2"),
        ("SADD", KEYS.owned("a2"), "u2"),
    ],
    ids=lambda change: f"{change[0]} {change[1]}",
)
def test_an_index_that_says_something_else_is_found(redis, change):
    redis.execute(change)
    assert len(list(disagreements(redis, KEPT))) == 1


def test_a_chat_that_goes_back_sooner_than_grace_after_an_outage_is_found():
    away = Fault(2.0, "restart", 3.0, 0)
    quiet = attrs.evolve(schedule(0), mode="sticky", faults=(away,), grace_s=3.0)
    frame = {"type": "status", "reason": "agent_gone", "store": "s1", "user": "u1"}

    def found(schedule, at):
        return list(gone_too_soon(schedule, History((Told(at=at, session="a2#1", frame=frame),))))

    assert found(quiet, 7.9)
    assert not found(quiet, 8.1)
    assert not found(quiet, 4.9)
    assert not found(attrs.evolve(quiet, faults=(attrs.evolve(away, lasts_s=1.0),)), 5.9)


def test_what_comes_before_ready_changes_no_summary():
    held = Held(is_agent=True, user="a1")
    chat = {"store": "s1", "user": "u1", "marks": {}, "status": "waiting", "owner": None, "epoch": 5, "seq": 1}
    status = {"type": "status", "store": "s1", "user": "u1", "status": "claimed", "owner": {"id": "a1"}, "epoch": 6}
    held.hear({"type": "welcome", "generation": "g"})
    held.hear({"type": "chats", "chats": [chat], "offsets": {"s1": 2}})
    held.hear(status | {"offset": 3})
    assert held.chats["s1", "u1"]["epoch"] == 5
    held.hear({"type": "ready"})
    held.hear(status | {"offset": 4, "epoch": 7})
    assert held.chats["s1", "u1"]["epoch"] == 7


def test_who_is_cut_off_before_ready_holds_what_it_was_handed_and_not_what_the_snapshot_stands_at():
    """It went on from the snapshot, and missed what lay between; a real client does not."""
    held = Held(is_agent=True, user="a1")
    held.hear({"type": "welcome", "generation": "g"})
    held.hear({"type": "chats", "chats": [], "offsets": {"s1": 24, "s2": 3}})
    held.hear({"type": "note", "store": "s1", "user": "u1", "offset": 15})
    assert held.numbers == {"s1": 15}
    held.hear({"type": "note", "store": "s1", "user": "u1", "offset": 16})
    held.hear({"type": "ready"})
    assert held.numbers == {"s1": 16, "s2": 3}
