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
