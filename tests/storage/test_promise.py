"""The promise follows the server's configuration, line by line of the design's table."""

import attrs
import pytest

from storage.link import Link, ServerInfo, check
from storage.promise import Level, promise
from tests.storage.valkey import running

BEST = ServerInfo(
    kind="redis",
    version="7.0.0",
    run_id="",
    replication_id="",
    primary=True,
    loading=False,
    replicas=0,
    appendonly=True,
    appendfsync="always",
    maxmemory_policy="noeviction",
    maxmemory=0,
    min_replicas=0,
)


@pytest.mark.parametrize(
    ("change", "level", "keeps", "word"),
    [
        ({}, Level.ALWAYS, True, "power cut"),
        ({"appendfsync": "everysec"}, Level.SECOND, True, "up to 2 s"),
        ({"appendfsync": "no"}, Level.WEAK, False, "appendfsync no"),
        ({"appendfsync": None}, Level.WEAK, False, "CONFIG is denied"),
        ({"appendonly": False}, Level.WEAK, False, "appendonly no"),
        ({"maxmemory_policy": "allkeys-lru"}, Level.WEAK, False, "allkeys-lru"),
        ({"maxmemory_policy": "unknown"}, Level.WEAK, False, "unknown"),
        ({"appendonly": False, "replicas": 2, "min_replicas": 1}, Level.WEAK, False, "appendonly no"),
    ],
)
def test_the_promise_is_what_the_configuration_can_keep(change, level, keeps, word):
    made = promise(attrs.evolve(BEST, **change))
    assert (made.level, made.keeps) == (level, keeps)
    assert word in made.sentence
    assert made.sentence.isprintable()


@pytest.mark.parametrize(
    ("settings", "level"),
    [
        (("--appendonly", "yes", "--appendfsync", "always"), Level.ALWAYS),
        (("--appendonly", "yes"), Level.SECOND),
        (("--appendonly", "yes", "--appendfsync", "no"), Level.WEAK),
        (("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "allkeys-lru"), Level.WEAK),
        ((), Level.WEAK),
    ],
)
async def test_a_real_servers_settings_are_read(tmp_path, settings, level):
    async with running(tmp_path / "v", *settings) as socket:
        assert promise(await check(Link.parse(f"unix://{socket}"))).level == level


GUARDED = attrs.evolve(BEST, min_replicas=1, max_lag_s=10)


@pytest.mark.parametrize(
    ("change", "level", "word"),
    [
        ({}, Level.REPLICA, "any one server"),
        ({"appendfsync": "everysec"}, Level.REPLICA, "everysec"),
        ({"max_lag_s": 1}, Level.REPLICA, "any one server"),
        ({"min_replicas": 0}, Level.WEAK, "min-replicas-to-write 0"),
        ({"max_lag_s": 0}, Level.WEAK, "min-replicas-max-lag 0"),
        ({"max_lag_s": 11}, Level.WEAK, "min-replicas-max-lag 11"),
        ({"min_replicas": None}, Level.WEAK, "CONFIG is denied"),
        ({"max_lag_s": None}, Level.WEAK, "CONFIG is denied"),
        ({"appendonly": False}, Level.WEAK, "appendonly no"),
        ({"appendfsync": "no"}, Level.WEAK, "appendfsync no"),
        ({"maxmemory_policy": "allkeys-lru"}, Level.WEAK, "allkeys-lru"),
    ],
)
def test_where_replicas_are_waited_for_a_primary_without_them_has_to_stop(change, level, word):
    made = promise(attrs.evolve(GUARDED, **change), waits=True)
    assert (made.level, made.keeps) == (level, level is Level.REPLICA)
    assert word in made.sentence


def test_replicas_that_are_not_waited_for_promise_nothing_more():
    assert promise(GUARDED) == promise(BEST)


async def test_a_real_servers_replicas_are_read(tmp_path):
    settings = ("--appendonly", "yes", "--min-replicas-to-write", "1", "--min-replicas-max-lag", "7")
    async with running(tmp_path / "v", *settings) as socket:
        info = await check(Link.parse(f"unix://{socket}"))
    assert (info.min_replicas, info.max_lag_s) == (1, 7)
    assert promise(info, waits=True).level == Level.REPLICA
