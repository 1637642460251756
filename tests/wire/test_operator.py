"""The operator's door: who gets in, what it answers, and what it does to sessions, rosters and chats."""

import os
import signal
import socket
import time
from itertools import pairwise
from pathlib import Path

import anyio
import jwt
import pytest

from tests.storage.valkey import running
from tests.wire.client import Client
from tests.wire.conftest import Mall, fresh
from tests.wire.door import ask, audit, operator, revoke
from tests.wire.person import Person
from tests.wire.server import SECRET, Server

pytestmark = pytest.mark.anyio

REVOKE = "/operator/revoke"


def signed(secret: str = SECRET, **claims: object) -> str:
    return jwt.encode({"sub": "ops", "role": "operator", "exp": int(time.time()) + 60} | claims, secret, algorithm="HS256")


# Who gets in.


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer x.y.z"},
        {"Authorization": "Basic b3BzOm9wcw=="},
        {"Authorization": signed()},
        {"Authorization": f"Token {signed()}"},
        {"Authorization": f"Bearer {signed(secret='x' * 48)}"},
        {"Authorization": f"Bearer {signed(exp=int(time.time()) - 60)}"},
        {"Authorization": f"Bearer {signed(nbf=int(time.time()) + 600)}"},
        {"Authorization": f"Bearer {signed(sub='a b')}"},
        {"Authorization": f"Bearer {signed(stores='s1')}"},
        {"Authorization": f"Bearer {signed(role='admin')}"},
        {"Authorization": f"Bearer {signed(secret=SECRET * 2, exp=4e9)}"},
        {"Authorization": f"Bearer {jwt.encode({'sub': 'ops', 'role': 'operator', 'exp': 4e9}, None, algorithm='none')}"},
        {"Cookie": f"token={signed()}"},
        {"X-Authorization": f"Bearer {signed()}"},
    ],
    ids=range(18),
)
async def test_whatever_is_wrong_with_a_token_the_words_are_the_same(mall: Mall, headers: dict[str, str]) -> None:
    for method, path in (("POST", REVOKE), ("GET", f"/operator/stores/{mall.store}/audit"), ("GET", "/operator/nothing")):
        answer = await ask(mall.server, method, path, headers=headers)
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.text == '{"code":"unauthorized","detail":"a valid token of an operator is needed, as Authorization: Bearer TOKEN"}\n'


async def test_a_token_in_the_address_is_no_token(mall: Mall) -> None:
    answer = await ask(mall.server, "GET", f"/operator/stores/{mall.store}/audit?token={signed()}")
    assert answer.status == 401


@pytest.mark.parametrize("role", ["user", "agent", "supervisor"])
async def test_every_other_role_is_refused_and_nothing_happens(mall: Mall, role: str) -> None:
    agent = await mall.agent()
    token = mall.server.token(role, agent.id, stores=[mall.store])
    answer = await ask(mall.server, "POST", REVOKE, token, {"role": "agent", "id": agent.id})
    assert (answer.status, answer.json["code"]) == (403, "forbidden")
    assert (await ask(mall.server, "GET", f"/operator/stores/{mall.store}/audit", token)).status == 403
    await agent.pong()


async def test_an_operators_token_opens_no_session(mall: Mall) -> None:
    person = await Client.dial(mall.server)
    await person.hello(operator(mall.server))
    assert await person.closed() == 4001
    agent = await mall.agent()
    await agent.send({"type": "token", "token": mall.server.token("operator", agent.id)})
    assert (await agent.expect("error"))["code"] == "forbidden"
    assert await agent.closed() == 4001


async def test_an_operator_of_some_stores_sees_and_withdraws_there_only(mall: Mall) -> None:
    other = fresh("s")
    await mall.found(mall.store, other)
    theirs = operator(mall.server, stores=[mall.store])
    mine, foreign, missing = [
        await ask(mall.server, "GET", f"/operator/stores/{store}/audit", theirs) for store in (mall.store, other, fresh("s"))
    ]
    assert mine.status == 200
    assert (foreign.status, foreign.text) == (missing.status, missing.text), "a store that is not yours is one that does not exist"
    assert (foreign.status, foreign.json["code"]) == (404, "no_such_store")
    for told in ({"store": other}, {}, {"store": mall.store, "role": "operator"}):
        answer = await ask(mall.server, "POST", REVOKE, theirs, {"role": "agent", "id": fresh("a")} | told)
        assert (answer.status, answer.json["code"]) == (403, "forbidden"), told
    answer = await ask(mall.server, "POST", REVOKE, theirs, {"role": "agent", "id": fresh("a"), "store": mall.store})
    assert answer.status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 4000,
        {"role": "agent"},
        {"id": "a7"},
        {"role": "agents", "id": "a7"},
        {"role": "agent", "id": 7},
        {"role": "agent", "id": ""},
        {"role": "agent", "id": "a/7"},
        {"role": "agent", "id": "ü"},
        {"role": "agent", "id": "x" * 65},
        {"role": "agent", "id": "a7", "store": "s/1"},
        {"role": "agent", "id": "a7", "store": ["s1"]},
        {"role": "agent", "id": "a7", "stores": ["s1"]},
        b'{"role":"agent","id":"a7","id":"a8"}',
    ],
    ids=range(18),
)
async def test_a_body_that_is_not_understood_withdraws_nothing(mall: Mall, body: object) -> None:
    answer = await ask(mall.server, "POST", REVOKE, operator(mall.server), body)
    assert (answer.status, answer.json["code"]) == (400, "bad_request")
    assert set(answer.json) == {"code", "detail"}


async def test_a_long_body_is_refused_and_the_server_goes_on(mall: Mall) -> None:
    long = b'{"role":"agent","id":"a7","store":"' + b"s" * 5000 + b'"}'
    answer = await ask(mall.server, "POST", REVOKE, operator(mall.server), long)
    assert (answer.status, answer.json["code"]) == (413, "too_large")
    assert (await mall.server.http("/healthz"))[0] == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", REVOKE), ("DELETE", REVOKE), ("POST", "/operator/stores/s1/audit"), ("GET", "/operator/stores/s1"), ("GET", "/operator/x/y")],
)
async def test_what_is_not_there_says_so_as_json(mall: Mall, method: str, path: str) -> None:
    answer = await ask(mall.server, method, path, operator(mall.server))
    assert (answer.status, answer.json["code"]) == (404, "not_found")


# Withdrawal.


async def test_withdrawn_sessions_end_with_4003_within_two_seconds_and_their_chats_go_back(mall: Mall) -> None:
    agent, user = await mall.claimed()
    tab = await mall.agent(agent.id)
    other = await mall.agent()
    started_s = time.monotonic()
    done = await revoke(mall.server, "agent", agent.id)
    assert [await session.closed(2) for session in (agent, tab)] == [4003, 4003]
    assert time.monotonic() - started_s < 2
    assert (done["sessions"], done["stores"], done["chats"]) == (2, [mall.store], 1)
    for person in (other, user):
        status = await person.status("agent_gone", user=user.id)
        assert (status["status"], status["owner"], status["by"]) == ("waiting", None, None)
    await other.claim(user)
    await other.transfer(user, agent.id, refused="no_such_agent")
    assert await (await Client.open(mall.server, mall.server.token("agent", agent.id, stores=[mall.store]), ready=False)).closed() == 4003


async def test_a_later_token_works_and_one_of_before_stays_refused(mall: Mall) -> None:
    id = fresh("a")
    before = signed(sub=id, role="agent", stores=[mall.store], iat=time.time())
    moment_ms = (await revoke(mall.server, "agent", id))["at"]
    assert await (await Client.open(mall.server, before, ready=False)).closed() == 4003
    after = signed(sub=id, role="agent", stores=[mall.store], iat=(moment_ms + 1) / 1000)
    async with await Client.open(mall.server, after) as again:
        await again.pong()
        await again.send({"type": "token", "token": before})
        assert (await again.expect("error"))["code"] == "forbidden"
        assert await again.closed() == 4003


async def test_a_withdrawal_survives_a_restart(own_server) -> None:
    mall = await own_server()
    agent = await mall.agent()
    await revoke(mall.server, "agent", agent.id)
    assert await agent.closed() == 4003
    await mall.server.restart()
    for role in ("agent", "supervisor"):
        token = mall.server.token(role, agent.id, stores=[mall.store])
        assert await (await Client.open(mall.server, token, ready=False)).closed() == 4003


async def test_one_store_is_withdrawn_and_the_other_goes_on(mall: Mall) -> None:
    other = fresh("s")
    here, there = await mall.agent(stores=[other]), await mall.agent(stores=[mall.store, other])
    await revoke(mall.server, "agent", there.id, mall.store)
    assert await there.closed() == 4003
    await (await mall.agent(there.id, stores=[other])).list(store=other)
    await here.pong()


async def test_access_to_a_store_that_nobody_has_opened_is_withdrawn_for_when_somebody_does_and_it_says_so(mall: Mall) -> None:
    store, id = fresh("s"), fresh("a")
    token = mall.server.token("agent", id, stores=[store])
    done = await revoke(mall.server, "agent", id, store)
    assert (done["exists"], done["sessions"], done["stores"]) == (False, 0, [])
    assert await (await Client.open(mall.server, token, ready=False)).closed() == 4003
    await mall.found(store)
    assert (await revoke(mall.server, "agent", id, store))["exists"]


async def test_a_user_is_withdrawn_and_its_messages_stay(mall: Mall) -> None:
    agent, user = await mall.claimed()
    await revoke(mall.server, "user", user.id)
    assert await user.closed() == 4003
    assert await agent.seqs(user) == [1]
    await agent.say("still here", to=user)


async def test_a_withdrawn_operator_gets_in_no_more(mall: Mall) -> None:
    id = fresh("o")
    token = operator(mall.server, id=id)
    assert (await ask(mall.server, "POST", REVOKE, token, {"role": "user", "id": fresh("u")})).status == 200
    await revoke(mall.server, "operator", id)
    assert (await ask(mall.server, "POST", REVOKE, token, {"role": "user", "id": fresh("u")})).status == 401


async def test_with_the_storage_away_nothing_is_told_as_done_and_repeating_does_it(own_server) -> None:
    mall = await own_server(grace=60)
    agent = await mall.agent()
    valkey = mall.server.valkey_pid()
    os.kill(valkey, signal.SIGSTOP)
    try:
        answer = await ask(mall.server, "POST", REVOKE, operator(mall.server), {"role": "agent", "id": agent.id})
        assert (answer.status, answer.json["code"]) == (503, "unavailable")
        assert answer.headers["retry-after"] == "1"
        listed = await ask(mall.server, "GET", f"/operator/stores/{mall.store}/audit", operator(mall.server))
        assert (listed.status, listed.json["code"]) == (503, "unavailable")
    finally:
        os.kill(valkey, signal.SIGCONT)
    with anyio.fail_after(10):
        while (await mall.server.http("/readyz"))[0] != 200:
            pass
    await revoke(mall.server, "agent", agent.id)
    assert await agent.closed() == 4003


@pytest.mark.parametrize("store", [None, "s1"])
async def test_sessions_on_another_node_end_within_two_seconds_and_what_they_did_is_undone(tmp_path: Path, store: str | None) -> None:
    """Two processes over one Valkey, neither of which has heard of the other."""
    async with running(tmp_path / "v") as path:
        here, there = [Server(tmp_path / name, redis=f"unix://{path}") for name in ("here", "there")]
        try:
            for server in (here, there):
                await server.start()
            async with (
                await Person.open(there, there.token("agent", "a7", stores=["s1"])) as agent,
                await Person.open(there, there.token("user", "u1")) as user,
            ):
                agent.store = user.store = "s1"
                await user.say()
                started_s = time.monotonic()
                await revoke(here, "agent", "a7", store)
                for _ in range(3):
                    await agent.post("claim", store="s1", user="u1")
                assert await agent.closed(2) == 4003
                assert time.monotonic() - started_s < 2
                await anyio.sleep(max(0, started_s + 3.5 - time.monotonic()))
                token = there.token("agent", "a8", stores=["s1"])
                async with await Person.open(there, token) as other:
                    other.store = "s1"
                    assert (await other.summary("u1"))["owner"] is None
                    await other.claim("u1")
                    await other.transfer("u1", "a7", refused="no_such_agent")
            for server in (here, there):
                await server.stop()
                server.check_log()
        finally:
            here.kill()
            there.kill()


# The audit.


async def test_the_audit_tells_who_did_what_to_which_chat(mall: Mall) -> None:
    ann, boss = await mall.agent(name="Ann"), await mall.supervisor(name="Boss")
    bob, user = await mall.agent(name="Bob"), await mall.user(name="Wang")
    await user.say()
    await ann.claim(user)
    await ann.note(user, "a note is nobody's business here")
    await ann.transfer(user, bob)
    await bob.release(user)
    await boss.transfer(user, ann)
    await boss.takeover(user)
    await boss.resolve(user)
    await user.say("once more")
    lines = await audit(mall.server, mall.store)
    told = [
        (line["reason"], line["by"]["id"], (line["before"] or {}).get("id"), (line["owner"] or {}).get("id"), line["status"])
        for line in lines
    ]
    assert told == [
        ("new", user.id, None, None, "waiting"),
        ("claim", ann.id, None, ann.id, "claimed"),
        ("transfer", ann.id, ann.id, bob.id, "claimed"),
        ("release", bob.id, bob.id, None, "waiting"),
        ("transfer", boss.id, None, ann.id, "claimed"),
        ("takeover", boss.id, ann.id, boss.id, "claimed"),
        ("resolve", boss.id, boss.id, None, "closed"),
        ("reopen", user.id, None, None, "waiting"),
    ]
    assert [line["offset"] for line in lines] == sorted(line["offset"] for line in lines)
    assert all(later["epoch"] > sooner["epoch"] for sooner, later in pairwise(lines))
    assert {line["user"] for line in lines} == {user.id}
    assert {line["store"] for line in lines} == {mall.store}
    now_ms = time.time() * 1000
    assert all(now_ms - 60_000 < line["at"] <= now_ms for line in lines)
    assert "psst-" not in str(lines), "no word of a chat"

    assert len(await audit(mall.server, mall.store, f"?agent={bob.id}")) == 2
    assert [line["reason"] for line in await audit(mall.server, mall.store, "?reason=transfer")] == ["transfer"] * 2
    assert await audit(mall.server, mall.store, f"?user={fresh('u')}") == []
    assert len(await audit(mall.server, mall.store, "?limit=3")) == 3
    first = await audit(mall.server, mall.store, "?limit=3")
    rest = await audit(mall.server, mall.store, f"?after={first[-1]['offset']}")
    assert [line["offset"] for line in first + rest if line["type"] == "status"] == [line["offset"] for line in lines]
    since = lines[4]["at"]
    assert await audit(mall.server, mall.store, f"?since={since}") == [line for line in lines if line["at"] >= since]
    assert await audit(mall.server, mall.store, f"?until={since}") == [line for line in lines if line["at"] < since]


async def test_the_audit_shows_chats_given_back_and_access_withdrawn(mall: Mall) -> None:
    agent, user = await mall.claimed()
    at = (await revoke(mall.server, "agent", agent.id))["at"]
    gone, withdrawn = (await audit(mall.server, mall.store))[-2:]
    assert (gone["reason"], gone["by"], gone["before"]["id"], gone["owner"]) == ("agent_gone", None, agent.id, None)
    assert withdrawn == {"type": "withdrawn", "store": None, "role": "agent", "id": agent.id, "at": at}
    assert await audit(mall.server, mall.store, f"?reason=withdrawn&agent={agent.id}") == [withdrawn]
    assert await audit(mall.server, mall.store, f"?reason=withdrawn&user={user.id}") == []


@pytest.mark.parametrize(
    "query",
    [
        "?limit=0",
        "?limit=x",
        "?after=-1",
        "?since=yesterday",
        "?reason=coup",
        "?user=a/b",
        "?agents=a7",
        "?user=u1&user=u2",
        "?limit=1e3",
    ],
)
async def test_a_filter_that_is_not_understood_is_refused(mall: Mall, query: str) -> None:
    answer = await ask(mall.server, "GET", f"/operator/stores/{mall.store}/audit{query}", operator(mall.server))
    assert (answer.status, answer.json["code"]) == (400, "bad_request")
    assert "coup" not in answer.text


async def test_where_the_log_was_trimmed_the_first_line_says_so(own_server) -> None:
    mall = await own_server(log_limit=100)
    agent, user = await mall.agent(), await mall.user()
    await user.say()
    for _ in range(120):
        await agent.claim(user)
        await agent.release(user)
    trimmed, *rest = await audit(mall.server, mall.store)
    assert trimmed == {"type": "trimmed", "store": mall.store, "first": rest[0]["offset"]}
    assert 1 < rest[0]["offset"] < 242 - 99
    assert [line["offset"] for line in rest] == list(range(rest[0]["offset"], 243))
    assert [line["reason"] for line in rest[-2:]] == ["claim", "release"]


async def test_readers_that_take_nothing_hold_no_more_than_their_places(own_server) -> None:
    """Each holds one of eight places and a page; the ninth request comes again later, the chat does not notice, and SIGTERM ends all."""
    mall = await own_server(rate=0)
    # Long names make long lines: more than the kernel takes off our hands.
    agent, user = await mall.agent(name="\U0001f600" * 100), await mall.user()
    await user.say()
    for _ in range(150):
        await agent.send(*[{"type": kind, "id": fresh("i"), "store": mall.store, "user": user.id} for kind in ("claim", "release") * 16])
        await agent.pong()
    await agent.history(user, limit=1)
    lazy = []
    try:
        host, port = mall.server.address.split(":")
        for _ in range(8):
            reader = socket.socket()
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect((host, int(port)))
            lazy.append(reader)
            path = f"/operator/stores/{mall.store}/audit"
            reader.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {operator(mall.server)}\r\n\r\n".encode())
            assert (await anyio.to_thread.run_sync(reader.recv, 12)) == b"HTTP/1.1 200"
        answer = await ask(mall.server, "GET", f"/operator/stores/{mall.store}/audit", operator(mall.server))
        assert (answer.status, answer.json["code"]) == (503, "overloaded")
        started_s = time.monotonic()
        await user.say("quick")
        assert time.monotonic() - started_s < 1
        for person in (agent, user):
            await person.tidy()
        await mall.server.stop()
    finally:
        for reader in lazy:
            reader.close()
