"""What an operator sees before memory runs out: a word in /readyz, a figure in /metrics, a line in the log, and all of it gone again."""

import re
import time

import anyio
import pytest

from tests.wire.conftest import Mall

pytestmark = pytest.mark.anyio

WARNED = re.compile(r"^warning: \d+% of the maxmemory of Redis is used$", re.MULTILINE)


async def until(mall: Mall, path: str, pattern: str, *, found: bool) -> str:
    """What a page says once it has the pattern, or has it no more."""
    deadline = time.monotonic() + 15
    while True:
        status, text = await mall.server.http(path)
        if status == 200 and (re.search(pattern, text, re.MULTILINE) is not None) is found:
            return text
        assert time.monotonic() < deadline, text
        await anyio.sleep(0.2)


async def test_memory_that_runs_out_is_told_before_writes_fail(own_server) -> None:
    mall = await own_server()
    _, user = await mall.claimed()
    with mall.server.valkey(protocol=2) as client:
        used = client.info("memory")["used_memory"]
        client.config_set("maxmemory", int(used * 1.1))
        text = await until(mall, "/readyz", WARNED.pattern, found=True)
        assert text.startswith("ready: an acknowledged command survives ")
        assert re.search(r'^dibs_runs_out\{kind="redis_memory"\} 1', (await mall.server.http("/metrics"))[1], re.MULTILINE)
        await user.say("writes go on")
        client.config_set("maxmemory", used // 2)
        deadline = time.monotonic() + 15
        while (await mall.server.http("/readyz"))[0] != 503:
            assert time.monotonic() < deadline
            await anyio.sleep(0.2)
        client.config_set("maxmemory", used * 10)
        await until(mall, "/readyz", WARNED.pattern, found=False)
        await until(mall, "/metrics", r'^dibs_runs_out\{kind="redis_memory"\} 0', found=True)
    said = [line for line in mall.server.said().splitlines() if "redis_memory" in line]
    assert [("room_runs_out" in line, "room_again" in line) for line in said] == [(True, False), (False, True)], said
