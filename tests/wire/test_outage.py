"""Redis stops, the process dies: nothing acknowledged is lost, nothing retried is doubled, work goes on by itself."""

import os
import signal
import time
from typing import Any

import anyio
import pytest
from anyio import to_thread

from tests.wire.conftest import Mall
from tests.wire.person import Person, words
from tests.wire.server import running, signal_and_wait

pytestmark = pytest.mark.anyio


async def until(check: Any, within_s: float = 15.0) -> None:
    """Asks again, five times a second, what only asking can tell."""
    with anyio.fail_after(within_s):
        while not await check():  # noqa: ASYNC110 (another process has no event to wait for)
            await anyio.sleep(0.2)


async def ready(mall: Mall, code: int) -> bool:
    return (await mall.server.http("/readyz"))[0] == code


def fields_of(mall: Mall, id: str) -> dict[str, Any]:
    return {"id": id, "store": mall.store, "kind": "text", "body": words(id)}


def send_frame(mall: Mall, id: str) -> dict[str, Any]:
    return {"type": "send"} | fields_of(mall, id)


async def texts(person: Person, user: Person) -> list[str]:
    """All texts of a chat, read page by page."""
    target = None if person.role == "user" else user
    found: list[str] = []
    before: dict[str, int] = {}
    while True:
        page = await person.history(target, limit=200, **before)
        messages = [frame for frame in page["messages"] if frame["type"] == "message"]
        found[:0] = [frame["body"]["text"].removeprefix("psst-") for frame in messages]
        if not page["more"]:
            return found
        before = {"before": messages[0]["seq"]}


async def test_redis_away_and_back_again(own_server: Any) -> None:
    """Commands answer `unavailable` within 5 s, /readyz 503, sessions stay; afterwards all goes on by itself."""
    mall: Mall = await own_server()
    server = mall.server
    agent, user = await mall.claimed()
    assert await ready(mall, 200)
    valkey = server.valkey_pid()
    signal_and_wait(valkey, signal.SIGSTOP)
    try:
        start = time.monotonic()
        ids = [f"lost-{number}" for number in range(10)]
        for id in ids:
            await user.send(send_frame(mall, id))
        claim = await agent.post("claim", store=mall.store, user=user.id)
        history = await user.post("history", store=mall.store)
        for session, id in [(user, id) for id in ids] + [(agent, claim), (user, history)]:
            answer = await session.answer(id, within_s=8)
            assert (answer.get("code"), answer.get("temporary")) == ("unavailable", True)
        assert time.monotonic() - start < 6
        await until(lambda: ready(mall, 503))
        assert (await server.http("/healthz"))[0] == 200
        refused = await Person.open(server, server.token("user", "late"), ready=False)
        assert await refused.closed() == 4100
        await refused.close()
        await user.pong()
        await agent.pong()
    finally:
        signal_and_wait(valkey, signal.SIGCONT)
    await until(lambda: ready(mall, 200))
    assert user.alive()
    assert agent.alive()
    for id in ids:
        assert (await user.command("send", **fields_of(mall, id)))["type"] == "ack"
    await agent.say("back again", to=user)
    assert await texts(user, user) == ["first", *ids, "back again"]
    for session in (user, agent):
        await session.heard("back again")
        heard = [frame["body"]["text"] for frame in session.had("message")]
        assert heard == [f"psst-{text}" for text in ["first", *ids, "back again"]]


async def talk(mall: Mall, user: Person, name: str, acked: list[str], posted: list[str]) -> None:
    """Sends as fast as acks come, until the session ends; keeps account of both."""
    while user.alive():
        posted.append(f"{name}-{len(posted)}")
        await user.send(send_frame(mall, posted[-1]))
        if await user.answered(posted[-1]):
            acked.append(posted[-1])


@pytest.mark.parametrize("both", [False, True], ids=["dibs", "dibs and its redis"])
async def test_kill_9_in_the_midst_of_work_loses_nothing_acknowledged_and_doubles_nothing(own_server: Any, both: bool) -> None:
    mall: Mall = await own_server()
    server = mall.server
    agent = await mall.agent()
    users = [await mall.user() for _ in range(4)]
    accounts: dict[str, tuple[list[str], list[str]]] = {user.id: ([], []) for user in users}
    generation = agent.welcome["generation"]
    async with anyio.create_task_group() as group:
        for number, user in enumerate(users):
            group.start_soon(talk, mall, user, f"u{number}", *accounts[user.id])
        await agent.expect("message", seq=40, within_s=20)
        valkey = server.valkey_pid()
        if both:
            signal_and_wait(server.pid, signal.SIGSTOP)
            os.kill(valkey, signal.SIGKILL)
        await to_thread.run_sync(server.kill)
    await server.restart()
    back = await mall.agent(agent.id, resume={mall.store: 0}, generation=generation)
    for user in users:
        acked, posted = accounts[user.id]
        again = await mall.user(user.id)
        stored = await texts(again, again)
        assert stored[: len(acked)] == acked, "every acked message, in order"
        assert stored in (acked, posted[: len(acked) + 1])
        for id in posted[-2:]:
            assert (await again.command("send", **fields_of(mall, id)))["type"] == "ack"
        assert await texts(back, again) == posted


async def test_sigterm_closes_every_session_with_1001_and_ends_with_exit_0_and_takes_its_redis_along(own_server: Any) -> None:
    mall: Mall = await own_server(private=True)
    agent, user = await mall.claimed()
    silent = await mall.dial()
    valkey = mall.server.valkey_pid()
    ids = [f"last-{number}" for number in range(20)]
    await user.send(*(send_frame(mall, id) for id in ids))
    await mall.server.stop()
    assert [await session.closed() for session in (agent, user, silent)] == [1001, 1001, 1001]
    await silent.close()
    assert not running(valkey)
    acked = [id for id in ids if user.had("ack", id=id)]
    await mall.server.start()
    again = await mall.user(user.id)
    assert (await texts(again, again))[: len(acked) + 1] == ["first", *acked], "every accepted command finished"


async def test_a_second_dibs_on_the_same_data_is_refused_with_one_clear_line(own_server: Any) -> None:
    mall: Mall = await own_server(private=True)
    code, said = await mall.server.refused()
    assert code == 1
    lines = [line for line in said.splitlines() if line.startswith("dibs: ")]
    assert len(lines) == 1, said
    assert str(mall.server.data) in lines[0]
    user = await mall.user()
    await user.pong()


async def test_the_redis_killed_alone_comes_back_with_everything_acknowledged(own_server: Any) -> None:
    mall: Mall = await own_server(private=True)
    agent, user = await mall.claimed()
    signal_and_wait(mall.server.valkey_pid(), signal.SIGKILL)

    async def acked() -> bool:
        return (await user.command("send", **fields_of(mall, "after")))["type"] == "ack"

    await until(acked)
    await agent.heard("after")

    async def listed() -> bool:
        return (await user.command("history", store=mall.store))["type"] == "history"

    await until(listed)
    assert (await texts(user, user)) == ["first", "after"]
    assert agent.alive()
