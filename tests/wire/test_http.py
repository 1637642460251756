"""The plain HTTP doors, the rate limit, and the heartbeat."""

import re
import time
from itertools import pairwise
from typing import Any

import anyio
import pytest

from tests.wire.conftest import Mall
from tests.wire.person import words

pytestmark = pytest.mark.anyio


async def test_healthz_and_readyz_answer_200(mall: Mall) -> None:
    for path in ("/healthz", "/readyz"):
        assert (await mall.server.http(path))[0] == 200


async def test_an_unknown_path_is_404_and_ws_without_an_upgrade_is_refused(mall: Mall) -> None:
    assert (await mall.server.http("/no/such/page"))[0] == 404
    assert 400 <= (await mall.server.http("/ws"))[0] < 500


def value(text: str, *about: str) -> float:
    """The sum over all labels of the one metric whose name has all these parts."""
    lines = [
        line for line in text.splitlines() if re.match(r"dibs_\w+", line) and all(part in line.split("{")[0].split()[0] for part in about)
    ]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


async def test_metrics_tell_what_an_operator_asks_first(mall: Mall) -> None:
    before = (await mall.server.http("/metrics"))[1]
    _, user = await mall.claimed()
    other = await mall.agent()
    await other.claim(user, refused="already_claimed")
    await other.say(to=user, refused="not_owner")
    await other.close()
    status, text = await mall.server.http("/metrics")
    assert status == 200
    names = set(re.findall(r"^(dibs_\w+)", text, re.MULTILINE))
    for about in ("session", "message", "deliver", "append", "batch", "mailbox", "conflict", "refus", "close"):
        assert any(about in name for name in names), f"no metric about {about} in {sorted(names)}"
    assert re.search(r'^dibs_\w*refus\w*\{[^}]*"already_claimed"[^}]*\} [1-9]', text, re.MULTILINE), "refusals by code"
    assert re.search(r'^dibs_\w*close\w*\{[^}]*"1\d\d\d"[^}]*\} [1-9]', text, re.MULTILINE), "sessions closed by code"
    assert value(text, "message", "total") > value(before, "message", "total")
    assert value(text, "deliver", "total") > value(before, "deliver", "total")
    assert user.id not in text
    assert mall.store not in text


async def test_who_sends_too_fast_is_rate_limited_and_told_when_to_come_back(own_server: Any) -> None:
    """`--rate 5`: bursts of ten seconds' worth for a user, ten times as much for an agent. The sends behind a refused one get it too."""
    mall: Mall = await own_server(rate=5)
    agent = await mall.agent()
    user = await mall.user()
    ids = [await user.post("send", store=mall.store, kind="text", body=words(f"{n}")) for n in range(60)]
    answers = [await user.answer(id) for id in ids]
    refused = [answer for answer in answers if answer["type"] == "error"]
    assert {answer["code"] for answer in refused} == {"rate_limited"}
    assert 1 <= len(refused) <= 10
    assert all(0 < answer["retry_after"] < 10 and answer["temporary"] for answer in refused)
    accepted = [answer["seq"] for answer in answers if answer["type"] == "ack"]
    assert accepted == list(range(1, len(accepted) + 1)), "sending again keeps their order"
    queries = [await agent.post("chats", store=mall.store) for _ in range(300)]
    assert "rate_limited" not in {(await agent.answer(id)).get("code") for id in queries}
    await anyio.sleep(max(answer["retry_after"] for answer in refused))
    again = await user.command("send", id=ids[len(accepted)], store=mall.store, kind="text", body=words(f"{len(accepted)}"))
    assert again["type"] == "ack"


async def test_heartbeat_the_server_is_never_silent_and_drops_who_is(own_server: Any) -> None:
    """`--heartbeat 1`: a `ping` frame at least each second when idle; a peer silent for two and a half, pongs included, is dropped."""
    mall: Mall = await own_server(heartbeat=1)
    idle, silent = await mall.user(), await mall.user()
    silent.socket.transport.pause_reading()
    start = time.monotonic()
    watcher = await mall.user()
    came: list[float] = []
    while time.monotonic() - start < 4.5:
        await idle.expect("ping", within_s=2)
        came.append(time.monotonic())
    assert max(later - sooner for sooner, later in pairwise(came)) < 2, "two heartbeats of silence mean reconnect"
    assert idle.alive(), "who answers WebSocket pings may say nothing else"
    assert watcher.alive()
    silent.socket.transport.resume_reading()
    assert await silent.closed(3) != 1000


async def test_a_client_ping_gets_a_pong(mall: Mall) -> None:
    user = await mall.user()
    for _ in range(3):
        await user.pong()
    assert len(user.had("pong")) == 3
