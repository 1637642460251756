"""Tokens over time: a secret that is changed while sessions are open, tokens that expire in a session, and their refresh."""

import time
from typing import Any

import jwt
import pytest

from tests.wire.client import Client
from tests.wire.conftest import Mall, fresh
from tests.wire.server import SECRET, Server

pytestmark = pytest.mark.anyio

NEW = "the-secret-that-follows-of-more-than-32-bytes!!"


def signed(secret: str = SECRET, **claims: Any) -> str:
    usual = {"sub": "u1", "role": "user", "exp": time.time() + 600}
    return jwt.encode({key: value for key, value in (usual | claims).items() if value is not None}, secret, algorithm="HS256")


async def closes(server: Server, token: str) -> int:
    stranger = await Client.dial(server)
    await stranger.hello(token)
    return await stranger.closed()


async def test_a_secret_is_changed_in_three_restarts_and_nobody_is_turned_away(tmp_path: Any) -> None:
    """Both sides know the old one; dibs learns the new one and keeps the old; the back end changes; the old one is dropped."""
    server = Server(tmp_path / "data")
    try:
        old, new = signed(SECRET), signed(NEW)
        await server.start()
        await (await Client.open(server, old)).close()
        assert await closes(server, new) == 4001
        await server.stop()

        server.environ = {"DIBS_SECRET": NEW, "DIBS_SECRET_OLD": SECRET}
        await server.start()
        async with await Client.open(server, old) as session:
            await (await Client.open(server, new)).close()
            # A session of the old secret goes on with a token of the new one, and the other way round.
            for token in (new, signed(SECRET, exp=time.time() + 900)):
                await session.send({"type": "token", "token": token})
                await session.pong()
            assert await closes(server, signed("x" * 48)) == 4001
        await server.stop()

        server.environ = {"DIBS_SECRET": NEW}
        await server.start()
        assert await closes(server, old) == 4001
        await (await Client.open(server, new)).close()
        await server.stop()
        server.check_log()
    finally:
        server.kill()


async def test_no_bad_token_tells_which_part_was_bad(mall: Mall) -> None:
    """The same close code, no reason, no frame, whatever was wrong."""
    now = time.time()
    for token in (
        "",
        "x",
        "x.y.z",
        "\U0001f600",
        "x" * 17_000,
        signed("x" * 48),
        signed(exp=now - 6),
        signed(exp=None),
        signed(nbf=now + 60),
        signed(sub=None),
        signed(role="admin"),
        signed(role="operator"),
        signed(role="agent"),
        signed(stores="s1"),
        signed(name=["x"]),
        jwt.encode({"sub": "u1", "role": "user", "exp": now + 60}, None, algorithm="none"),
        jwt.encode({"sub": "u1", "role": "user", "exp": now + 60}, SECRET * 2, algorithm="HS512"),
        signed()[:-1],
        signed() + "x",
    ):
        stranger = await Client.dial(mall.server)
        await stranger.hello(token)
        assert await stranger.closed() == 4001, token
        assert (stranger.frames, stranger.socket.close_reason) == ([], ""), token


async def test_clocks_may_differ_by_five_seconds(mall: Mall) -> None:
    now = time.time()
    await (await Client.open(mall.server, signed(nbf=now + 4))).close()
    assert await closes(mall.server, signed(exp=now - 5.1)) == 4001
    assert await closes(mall.server, signed(nbf=now + 9)) == 4001


async def test_a_session_ends_with_its_token_unless_it_was_renewed_in_time(mall: Mall) -> None:
    """The leeway holds in a session too: a token of a moment ago is good for five seconds."""
    started_s = time.monotonic()
    left, renewed = [await Client.open(mall.server, signed(sub=fresh("u"), exp=time.time() - 3)) for _ in range(2)]
    await renewed.send({"type": "token", "token": signed(sub=renewed.id)})
    assert await left.closed(6) == 4001
    assert 1 < time.monotonic() - started_s < 5
    await renewed.pong()
    await renewed.tidy()


@pytest.mark.parametrize(
    "wrong",
    [
        {"sub": "somebody-else"},
        {"role": "agent", "stores": ["s1"]},
        {"role": "supervisor", "stores": ["s1"]},
        {"role": "operator"},
        {"exp": 1},
        {"nbf": 4e9},
        {"secret": "x" * 48},
        {"sub": None},
    ],
    ids=str,
)
async def test_a_token_that_does_not_fit_ends_the_session(mall: Mall, wrong: dict[str, Any]) -> None:
    session = await Client.open(mall.server, signed())
    await session.send({"type": "token", "token": signed(**wrong)})
    error = await session.expect("error")
    assert (error["code"], error["detail"], "id" in error) == ("forbidden", "this store, chat or command is not yours", False)
    assert await session.closed() == 4001


async def test_an_agent_becomes_no_supervisor_by_a_token(mall: Mall) -> None:
    agent = await mall.agent()
    await agent.send({"type": "token", "token": mall.server.token("supervisor", agent.id, stores=[mall.store])})
    assert await agent.closed() == 4001
