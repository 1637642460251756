"""Section Opening: the order of the first frames, who is let in, and from where a session resumes."""

import base64
import hmac
import json
import time

import anyio
import pytest
from websockets.exceptions import InvalidHandshake, InvalidStatus

from tests.wire.conftest import Mall, fresh
from tests.wire.person import words

pytestmark = pytest.mark.anyio


def forged(algorithm: str, digest: str | None, secret: str) -> str:
    """A token that the library would not make: another algorithm, or none."""

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    head = part(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
    text = f"{head}.{part(json.dumps({'sub': 'u1', 'role': 'user', 'exp': int(time.time()) + 600}).encode())}"
    return f"{text}.{part(hmac.new(secret.encode(), text.encode(), digest).digest()) if digest else ''}"


async def said(mall: Mall, count: int) -> str:
    """A user with so many messages, none acknowledged; gives the id."""
    await mall.found()
    user = await mall.user()
    for start in range(0, count, 64):
        batch = range(start, min(start + 64, count))
        frames = [{"type": "send", "id": f"m{n}", "store": mall.store, "kind": "text", "body": words(f"n{n + 1}")} for n in batch]
        await user.send(*frames)
        for n in batch:
            assert (await user.answer(f"m{n}"))["seq"] == n + 1
    await user.close()
    return user.id


async def test_the_opening_comes_in_order_and_presence_and_queue_follow(mall: Mall) -> None:
    agent, user = await mall.agent(), await mall.user()
    await user.say()
    await user.close()
    again = await mall.user(user.id)
    types = [frame["type"] for frame in again.frames[: again.frames.index(again.had("ready")[0]) + 1] if frame["type"] != "ping"]
    assert types == ["welcome", "chats", "message", "ready"]
    assert (await again.expect("queue", store=mall.store))["position"] == 1
    assert (await again.expect("presence", store=mall.store))["online"] is True
    assert (await agent.expect("presence"))["store"] == mall.store


async def test_any_other_first_frame_closes_with_4000(mall: Mall) -> None:
    for first in (
        '{"type":"ping"}',
        '{"type":"nonsense"}',
        '{"type":"send","id":"1","store":"s","kind":"text","body":{"text":"psst-x"}}',
        "{broken",
        "[]x",
        '"hello"',
    ):
        client = await mall.dial()
        await client.send_raw(first)
        assert await client.closed() == 4000, first
        await client.close()


async def test_a_hello_may_come_in_an_array_and_commands_right_behind_it_wait_for_ready(mall: Mall) -> None:
    """Commands may be sent right after `hello`; they are answered after `ready` (the checker sees to the order)."""
    await mall.found()
    client = await mall.dial()
    hello = {"type": "hello", "token": mall.server.token("user", fresh("u"))}
    send = {"type": "send", "id": "early", "store": mall.store, "kind": "text", "body": words("early")}
    await client.send(hello, send, {"type": "chats", "id": "list", "store": mall.store})
    await client.opened()
    assert (await client.answer("early"))["seq"] == 1
    await client.answer("list")
    await client.close()


async def test_a_second_hello_is_a_bad_frame_and_the_session_goes_on(mall: Mall) -> None:
    user = await mall.user()
    await user.hello(mall.server.token("user", user.id))
    await user.expect("error", code="bad_frame")
    await user.pong()


async def test_a_resume_of_the_wrong_type_closes_with_4000(mall: Mall) -> None:
    for resume in (7, [], "s", {"s1": "3"}, {"s1": None}, {"s1": 1.5}, {"": 1}, {"../x": 1}, {"s" * 65: 1}):
        client = await mall.dial()
        await client.send({"type": "hello", "token": mall.server.token("user", fresh("u")), "resume": resume, "generation": "g"})
        assert await client.closed() == 4000, resume
        await client.close()


async def test_the_clocks_of_a_session_no_hello_in_ten_seconds_and_a_token_that_expires(mall: Mall) -> None:
    """No hello within 10 s: 4000. An expired token: 4001. A fresh one sent in time: the session stays. All three wait at once."""
    token = mall.server.token
    silent = await mall.dial()
    expiring, refreshed = await mall.user(ttl_s=2), await mall.user(ttl_s=2)
    await refreshed.send({"type": "token", "token": token("user", refreshed.id)})
    start = time.monotonic()
    assert await expiring.closed(9) == 4001
    assert await silent.closed(15) == 4000
    assert 8 < time.monotonic() - start < 13
    assert refreshed.alive()
    await refreshed.pong()
    await silent.close()


async def test_no_bad_expired_or_differently_signed_token_closes_with_4001(mall: Mall) -> None:
    token, secret = mall.server.token, "a-secret-for-the-tests-of-the-wire-of-48-letters"
    good = token("user", "u1")
    head, body, _ = good.split(".")
    bad = {
        "empty": "",
        "not a token": "nonsense",
        "expired": token("user", "u1", ttl_s=-60),
        "no signature": f"{head}.{body}.",
        "alg none": forged("none", None, secret),
        "alg HS512": forged("HS512", "sha512", secret),
        "another secret": forged("HS256", "sha256", "x" * 48),
        "unknown role": token("boss", "u1"),
        "bad id": token("user", "u 1"),
        "long id": token("user", "u" * 65),
        "agent without stores": token("agent", "a1"),
        "bad store": token("agent", "a1", stores=["s/1"]),
    }
    for why, text in bad.items():
        client = await mall.dial()
        await client.hello(text)
        assert await client.closed() == 4001, why
        assert not client.checker.welcomed, why
        await client.close()
    tokenless = await mall.dial()
    await tokenless.send({"type": "hello"})
    assert await tokenless.closed() == 4001, "no token"
    await tokenless.close()
    fitting = await mall.dial()
    await fitting.hello(forged("HS256", "sha256", secret))
    await fitting.opened()
    await fitting.close()


async def test_a_token_frame_that_does_not_fit_is_forbidden_and_closes_with_4001(mall: Mall) -> None:
    token = mall.server.token
    for wrong in ("nonsense", token("user", "somebody-else"), "role"):
        user = await mall.user()
        await user.send({"type": "token", "token": token("supervisor", user.id, stores=[mall.store]) if wrong == "role" else wrong})
        await user.expect("error", code="forbidden")
        assert await user.closed() == 4001


async def test_a_fresh_token_has_no_answer(mall: Mall) -> None:
    user = await mall.user()
    await user.send({"type": "token", "token": mall.server.token("user", user.id)})
    await user.pong()
    assert not user.had("error", "ack")


async def test_a_user_who_acknowledged_nothing_gets_everything_from_one(mall: Mall) -> None:
    back = await mall.user(await said(mall, 5))
    assert [frame["seq"] for frame in back.missed] == [1, 2, 3, 4, 5]
    assert back.resets == []


async def test_an_agent_who_acknowledged_nothing_starts_at_the_snapshot(mall: Mall) -> None:
    await said(mall, 3)
    agent = await mall.agent()
    assert agent.missed == []
    assert agent.resets == []
    assert agent.offsets == {mall.store: 4}, "three messages and the status `new`"


async def test_a_store_in_resume_that_is_no_id_closes_with_4000_and_is_never_said_back(mall: Mall) -> None:
    """It came back unescaped in a `reset`: whoever could choose the names in somebody's `resume` could make the server say anything."""
    user = await mall.user()
    forged = 'x"},{"type":"message","store":"s1"},{"type":"reset","store":"y'
    for store in (forged, 'a"b', "a\\", "a\r\nb"):
        client = await mall.dial()
        token, generation = mall.server.token("user", user.id), user.welcome["generation"]
        await client.send({"type": "hello", "token": token, "resume": {store: 1}, "generation": generation})
        assert await client.closed() == 4000, store
        assert not client.had("reset", "message")


async def test_resume_by_number_and_resume_zero_for_a_user(mall: Mall) -> None:
    id = await said(mall, 6)
    first = await mall.user(id)
    await first.received(5)
    generation = first.welcome["generation"]
    by_number = await mall.user(id, resume={mall.store: 2}, generation=generation)
    assert [frame["seq"] for frame in by_number.missed] == [3, 4, 5, 6]
    from_zero = await mall.user(id, resume={mall.store: 0}, generation=generation)
    assert [frame["seq"] for frame in from_zero.missed] == [1, 2, 3, 4, 5, 6]
    at_the_end = await mall.user(id, resume={mall.store: 6}, generation=generation)
    assert (at_the_end.missed, at_the_end.resets) == ([], [])
    without = await mall.user(id)
    assert [frame["seq"] for frame in without.missed] == [6], "`resume` itself acknowledges nothing"


async def test_resume_by_offset_for_an_agent(mall: Mall) -> None:
    agent, user = await mall.claimed()
    await agent.note(user, "a note")
    seen = [*agent.had("message", "status"), await agent.expect("note")]
    again = await mall.agent(agent.id, resume={mall.store: 1}, generation=agent.welcome["generation"])
    assert again.missed == [frame for frame in seen if frame["offset"] > 1]
    zero = await mall.agent(agent.id, resume={mall.store: 0}, generation=agent.welcome["generation"])
    assert zero.missed == seen


async def test_resume_without_generation_is_ignored(mall: Mall) -> None:
    id = await said(mall, 4)
    first = await mall.user(id)
    await first.received(3)
    again = await mall.user(id, resume={mall.store: 1})
    assert [frame["seq"] for frame in again.missed] == [4]
    assert again.resets == []


async def test_another_generation_or_a_number_beyond_the_end_is_reset(mall: Mall) -> None:
    id = await said(mall, 3)
    first = await mall.user(id)
    await first.received(3)
    for resume, generation in (({mall.store: 2}, "of-another-time"), ({mall.store: 99}, first.welcome["generation"])):
        again = await mall.user(id, resume=resume, generation=generation)
        assert again.resets == [mall.store]
        ack = await again.say("goes on")
        await again.heard("goes on", seq=ack["seq"])
        await again.close()
    agent = await mall.agent()
    beyond = await mall.agent(agent.id, resume={mall.store: 999}, generation=agent.welcome["generation"])
    assert beyond.resets == [mall.store]


async def test_a_store_in_resume_that_is_not_in_the_token_is_ignored(mall: Mall) -> None:
    other = Mall(mall.server)
    await other.found()
    agent = await mall.agent()
    again = await mall.agent(agent.id, resume={other.store: 7}, generation=agent.welcome["generation"])
    assert again.resets == []
    assert set(again.offsets) == {mall.store}
    user = await mall.user(stores=[mall.store])
    again = await mall.user(user.id, stores=[mall.store], resume={other.store: 7}, generation=user.welcome["generation"])
    assert again.resets == []


async def test_more_than_a_thousand_unacknowledged_is_a_reset_and_the_newest_thousand(mall: Mall) -> None:
    id = await said(mall, 1000)
    whole = await mall.user(id)
    assert whole.resets == []
    assert [frame["seq"] for frame in whole.missed] == list(range(1, 1001))
    for number in range(5):
        await whole.say(f"more {number}")
    cut_off = await mall.user(id)
    assert cut_off.resets == [mall.store]
    assert [frame["seq"] for frame in cut_off.missed] == list(range(6, 1006))


async def test_received_moves_the_cursor_and_without_it_all_comes_again(mall: Mall) -> None:
    id = await said(mall, 4)
    for moved, expected in ((None, [1, 2, 3, 4]), (2, [1, 2, 3, 4]), (1, [3, 4]), (99, [3, 4])):
        user = await mall.user(id)
        assert [frame["seq"] for frame in user.missed] == expected, f"before received {moved}; cumulative, never backward"
        if moved is not None:
            await user.received(moved)
        await user.close()
    ended = await mall.user(id)
    assert ended.missed == [], "beyond the end counts as the end"
    await ended.say("fifth")
    await ended.close()
    assert [frame["seq"] for frame in (await mall.user(id)).missed] == [5]


async def test_received_of_an_agent_is_by_offset(mall: Mall) -> None:
    agent, _ = await mall.claimed()
    last = max(frame["offset"] for frame in agent.had("message", "status"))
    await agent.received(last - 1)
    await agent.close()
    again = await mall.agent(agent.id)
    assert [frame["offset"] for frame in again.missed] == [last]
    assert again.missed[0]["reason"] == "claim"


async def test_the_subprotocol_is_accepted_and_another_alone_is_refused(mall: Mall) -> None:
    for offered in (["dibs.v1"], ["other.v9", "dibs.v1"]):
        client = await mall.dial(subprotocols=offered)
        assert client.socket.subprotocol == "dibs.v1"
        await client.close()
    with pytest.raises(InvalidHandshake):
        await mall.dial(subprotocols=["other.v9"])


async def test_a_foreign_origin_is_refused_and_the_servers_own_or_none_is_welcome(mall: Mall) -> None:
    """Close code 4003, or HTTP 403 before there is anything to close."""
    try:
        client = await mall.dial(origin="https://elsewhere.example")
    except InvalidStatus as refusal:
        verdict = refusal.response.status_code
    else:
        verdict = await client.closed()
        await client.close()
    assert verdict in (403, 4003)
    for origin in (f"http://{mall.server.address}", None):
        user = await mall.user(origin=origin)
        await user.pong()


async def test_a_binary_message_before_hello_closes_with_1003(mall: Mall) -> None:
    client = await mall.dial()
    await client.send_raw(b"\x00\x01")
    with anyio.fail_after(10):
        assert await client.closed() == 1003
    await client.close()
