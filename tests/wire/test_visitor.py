"""The visitor's door: who gets an identity there, what it is good for, and what rubbish gets."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import jwt
import pytest

from tests.wire.conftest import Mall, fresh
from tests.wire.door import Answer, ask, revoke
from tests.wire.server import SECRET, Server

pytestmark = pytest.mark.anyio


async def visit(mall: Mall, body: object = None, **headers: str) -> Answer:
    return await ask(mall.server, "POST", "/visitor", None, {"store": mall.store} if body is None else body, headers)


@contextmanager
def serving(folder: Path, **environ: str) -> Iterator[Server]:
    """A server with these DIBS_ variables; whether its log is clean is the caller's to look at, for a demo's shows tokens."""
    server = Server(folder / "data")
    server.environ |= environ
    try:
        server.start_blocking()
        yield server
        server.stop_blocking()
    finally:
        server.kill()


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("visit"), DIBS_VISITORS="on", DIBS_ORIGINS="https://shop.example") as server:
        yield server
    server.check_log()


@pytest.fixture
async def open_mall(open_server: Server) -> AsyncIterator[Mall]:
    mall = Mall(open_server)
    await mall.found()
    try:
        yield mall
    finally:
        await mall.close()


async def test_a_visitor_gets_an_identity_of_its_own_and_chats_with_it(open_mall):
    answer = await visit(open_mall, {"store": open_mall.store, "name": " 小明 "})
    assert answer.status == 200, answer
    told = answer.json
    claims = jwt.decode(told["token"], SECRET, algorithms=["HS256"])
    assert (claims["sub"], claims["role"], claims["stores"], claims["visitor"]) == (told["id"], "user", [open_mall.store], True)
    assert told["name"] == "小明"
    assert len(told["id"]) == 34
    assert told["id"].startswith("v~")
    assert told["expires"] // 1000 - claims["iat"] == pytest.approx(180 * 86_400, abs=2)
    agent = await open_mall.agent()
    visitor = await open_mall.kind.open(open_mall.server, told["token"])
    visitor.store = open_mall.store
    open_mall.people.append(visitor)
    await visitor.say("anybody?")
    await agent.heard("anybody?", user=told["id"])
    await visitor.say(store=fresh("s"), refused="forbidden")
    assert (await visit(open_mall)).json["id"] != told["id"]


async def test_a_visitors_token_is_withdrawn_as_any_users(open_mall):
    told = (await visit(open_mall)).json
    visitor = await open_mall.kind.open(open_mall.server, told["token"])
    await revoke(open_mall.server, "user", told["id"])
    assert await visitor.closed() == 4003
    again = await open_mall.dial()
    await again.hello(told["token"])
    assert await again.closed() == 4003


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad_request"),
        (b"\xff\xfe", 400, "bad_request"),
        (b"[]", 400, "bad_request"),
        (b'{"store":1}', 400, "bad_request"),
        (b'{"store":"a b"}', 400, "bad_request"),
        (b'{"store":"s1","stores":["s2"]}', 400, "bad_request"),
        (b'{"store":"s1","store":"s2"}', 400, "bad_request"),
        (b'{"store":"s1","role":"supervisor"}', 400, "bad_request"),
        (b'{"store":"s1","name":"a\\u0000b"}', 400, "bad_request"),
        (b'{"store":"s1","name":"' + b"x" * 101 + b'"}', 400, "bad_request"),
        (b"[" * 900, 400, "bad_request"),
        (b'{"store":"s1","name":"' + b"x" * 2000 + b'"}', 413, "too_large"),
        (b"x" * 5000, 413, "too_large"),
        (b'{"store":"nobody-opened-it"}', 404, "no_such_store"),
    ],
)
async def test_rubbish_gets_a_line_and_no_identity(open_mall, body, status, code):
    answer = await visit(open_mall, body)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert "token" not in answer.json
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_pages_of_the_listed_origins_may_ask_and_others_may_not(open_mall):
    assert (await visit(open_mall, Origin="https://shop.example")).status == 200
    assert (await visit(open_mall, Origin=f"http://{open_mall.server.address}")).status == 200
    refused = await visit(open_mall, Origin="https://evil.example")
    assert (refused.status, refused.json["code"]) == (403, "forbidden")
    asked = await ask(open_mall.server, "OPTIONS", "/visitor", None, None, {"Origin": "https://shop.example"})
    assert asked.status == 204
    assert asked.headers["access-control-allow-origin"] == "*"
    assert asked.headers["access-control-allow-headers"] == "Content-Type"


async def test_without_the_setting_there_are_no_visitors(mall):
    await mall.found()
    refused = await visit(mall)
    assert (refused.status, refused.json["code"]) == (404, "not_found")


async def test_a_demo_takes_visitors_and_an_address_that_asks_for_many_is_told_to_wait(tmp_path):
    with serving(tmp_path, DIBS_DEMO="on") as server:
        mall = Mall(server)
        await mall.found()
        answers = [await visit(mall) for _ in range(60)]
        await mall.close()
    assert [answer.status for answer in answers[:20]] == [200] * 20
    refused = [answer for answer in answers if answer.status != 200]
    assert {(answer.status, answer.json["code"]) for answer in refused} == {(429, "rate_limited")}
    assert int(refused[0].headers["retry-after"]) >= 1
