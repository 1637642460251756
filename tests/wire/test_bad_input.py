"""Whatever a client sends gets what the protocol says: never a traceback, never a closed session where it stays open."""

import asyncio
import contextlib
import itertools
import json
from typing import Any

import pytest

from tests.actors import rubbish
from tests.attack.crowd import UPGRADE
from tests.web.raw import dial
from tests.web.raw import frame as raw_frame
from tests.wire.conftest import Mall, fresh
from tests.wire.person import Person, words

pytestmark = pytest.mark.anyio

STRINGS = [7, True, None, [], {}, 1.5]
IDS = [*STRINGS, "", "x" * 65, "a b", "a/b", "a\n", "汉", "a:b"]
NUMBERS = ["3", True, [], {}, 1.5, None]
WRONG: dict[str, list[Any]] = {
    "store": IDS,
    "user": [value for value in IDS if value is not None],
    "to": IDS,
    "id": [value for value in IDS if value is not None],
    "kind": STRINGS,
    "body": [7, True, None, [], "psst-x"],
    "epoch": ["3", True, [], {}, 1.5],
    "seq": NUMBERS,
    "limit": ["3", True, [], {}, 1.5, 0],
    "events": ["yes", 1, [], {}],
    "on": ["yes", 1, None, [], {}],
    "status": [7, True, [], {}, "", "lost"],
    "note": [7, True, [], {}],
    "token": STRINGS,
    "offset": NUMBERS,
}


def frames_of(role: str, store: str, user: str) -> list[dict[str, Any]]:
    """One right frame of every type that the role may send."""
    chat = {"store": store, "user": user}
    if role == "user":
        return [
            {"type": "send", "id": "1", "store": store, "kind": "text", "body": words("x")},
            {"type": "read", "id": "1", "store": store, "seq": 1},
            {"type": "chats", "id": "1", "store": store, "status": "waiting", "limit": 10},
            {"type": "history", "id": "1", "store": store, "limit": 10},
            {"type": "typing", "store": store, "on": True},
            {"type": "received", "store": store, "seq": 1},
            {"type": "token", "token": "x"},
        ]
    return [
        {"type": "send", "id": "1", **chat, "kind": "text", "body": words("x"), "epoch": 1},
        {"type": "note", "id": "1", **chat, "body": words("x")},
        {"type": "claim", "id": "1", **chat},
        {"type": "release", "id": "1", **chat, "epoch": 1},
        {"type": "transfer", "id": "1", **chat, "to": "a1", "note": "psst-x", "epoch": 1},
        {"type": "takeover", "id": "1", **chat},
        {"type": "resolve", "id": "1", **chat, "epoch": 1},
        {"type": "read", "id": "1", **chat, "seq": 1},
        {"type": "chats", "id": "1", "store": store, "status": "waiting", "limit": 10},
        {"type": "history", "id": "1", **chat, "limit": 10, "events": True},
        {"type": "typing", **chat, "on": True},
        {"type": "availability", "id": "1", "status": "away"},
        {"type": "announce", "id": "1", "store": store, "body": words("x")},
        {"type": "received", "store": store, "offset": 1},
    ]


def optional(frame: dict[str, Any], field: str) -> bool:
    """What may be left out may as well be null: neither is a mistake that the protocol names."""
    return field in ("epoch", "note", "status", "limit", "events") and frame["type"] != "availability"


async def refuses(person: Person, raw: str, id: str | None = None) -> None:
    await person.send_raw(raw)
    error = await person.expect("error")
    assert error["code"] == "bad_frame", f"{raw} got {error}"
    if id is not None:
        assert error.get("id") == id, f"{raw} got {error}"
    await person.pong()


@pytest.mark.parametrize("role", ["user", "supervisor"])
async def test_every_field_of_every_frame_with_a_value_of_the_wrong_type_is_a_bad_frame(mall: Mall, role: str) -> None:
    agent, user = await mall.claimed()
    person = user if role == "user" else await mall.supervisor()
    acks = len(person.had("ack"))
    for frame in frames_of(role, mall.store, user.id):
        for field in frame.keys() - {"type"}:
            for value in WRONG[field]:
                if value is None and optional(frame, field):
                    continue
                id = str(len(person.frames))
                wrong = frame | ({"id": id} if "id" in frame else {}) | {field: value}
                await refuses(person, json.dumps(wrong), id if "id" in frame and field != "id" else None)
            if not optional(frame, field):
                missing = {key: value for key, value in frame.items() if key != field}
                await refuses(person, json.dumps(missing))
    assert len(person.had("ack")) == acks
    await agent.never("message", body=words("x"))


async def whoever(mall: Mall, side: str, **options: Any) -> Person:
    """Who says the cases of the table, in which every store, user and agent is called x."""
    who = {"stores": ["x"]} | options
    return await (mall.user("x", **who) if side == "user" else mall.supervisor("x", **who))


async def say(person: Person, sent: dict[str, rubbish.Case], *, together: int = 1) -> list[str]:
    """Says the cases, so many in an array, with good frames between; what is wrong with what is answered."""
    person.checker.asked.update(list(sent))
    before = len(person.frames)
    for some in in_turn(list(sent.items()), 256):
        for few in in_turn([case.with_id(id) for id, case in some], together):
            await person.send_raw(few[0] if together == 1 else "[" + ',{"type":"pong"},'.join(few) + "]")
            await person.send_raw('{"type":"ping"}')
        for id, case in some:
            if case.answered:
                await person.answer(id)
        person.forget()
    await person.history(user="x", store="x")
    return list(rubbish.judge(sent, person.frames[before:]))


def in_turn(items: list[Any], count: int) -> list[list[Any]]:
    return [items[at : at + count] for at in range(0, len(items), count)]


@pytest.mark.parametrize("side", ["user", "store"])
async def test_every_class_of_value_in_every_field_is_answered_as_the_table_says(mall: Mall, side: str) -> None:
    await mall.found("x")
    await (await mall.user("x", stores=["x"])).say(store="x")
    person = await whoever(mall, side)
    cases = [case for case in itertools.chain(rubbish.cases(side), rubbish.body_cases(side)) if case.tag not in ("hello", "token")]
    sent = {fresh("i"): case for case in cases if "raw lone surrogate" not in case.name}
    assert len(sent) > 4000
    wrong = await say(person, sent)
    assert not wrong, "\n".join(wrong[:60])
    # The same in arrays, as far as they can be read at all: a frame is no other frame in company.
    again = {fresh("i"): case for case in sent.values() if case.told and len(case.text) < 500}
    wrong = await say(person, again, together=32)
    assert not wrong, "\n".join(wrong[:60])
    # An id is told once, and cases about ids say others than their own.
    person.checker.faults.clear()


@pytest.mark.parametrize("side", ["user", "store"])
async def test_half_a_character_as_bytes_is_no_text_and_closes_with_1007_wherever_it_stands(mall: Mall, side: str) -> None:
    for case in itertools.chain(rubbish.cases(side), rubbish.body_cases(side)):
        if "raw lone surrogate" in case.name and case.tag in ("send", "ping"):
            person = await (mall.user() if side == "user" else mall.supervisor())
            await person.socket.send(case.text.encode("utf-8", "surrogatepass"), text=True)
            assert await person.closed() == 1007
            await person.close()


@pytest.mark.parametrize("side", ["user", "store"])
async def test_a_hello_of_rubbish_closes_with_4000_and_an_unknown_token_with_4001(mall: Mall, side: str) -> None:
    # Somebody new in a store of its own: others write into the stores that the cases name.
    token = mall.server.token("user" if side == "user" else "agent", fresh("x"), stores=[fresh("s")])
    for case in rubbish.cases(side):
        if case.tag == "hello" and "raw lone surrogate" not in case.name:
            client = await mall.dial()
            await client.send_raw(case.text.replace('"token":"x"', f'"token":"{token}"'))
            if case.good and " token " not in case.name:
                await client.expect("ready")
            else:
                assert await client.closed() == (4001 if case.good else 4000), case.name
            await client.tidy()


async def test_a_fresh_token_of_rubbish_is_a_bad_frame_or_closes_with_4001(mall: Mall) -> None:
    token = mall.server.token("user", "x", stores=["x"])
    for case in rubbish.cases("user"):
        if case.tag == "token" and "raw lone surrogate" not in case.name:
            user = await whoever(mall, "user")
            user.checker.asked["i"] += 1
            await user.send_raw(case.text.replace('"token":"x"', f'"token":"{token}"').replace("@", "i"))
            if case.good and " token " in case.name:
                await user.expect("error", code="forbidden")
                assert await user.closed() == 4001, case.name
            else:
                await user.pong()
                assert [error["code"] for error in user.had("error")] == ["bad_frame"] * (not case.good), case.name
            await user.tidy()


async def test_before_is_a_string_for_chats_and_a_number_for_history(mall: Mall) -> None:
    agent, user = await mall.claimed()
    for type, target, wrong in (("chats", {}, [7, True, [], {}]), ("history", {"user": user.id}, ["3", True, [], {}, 1.5])):
        for value in wrong:
            frame = {"type": type, "id": f"{type}.{wrong.index(value)}", "store": mall.store, "before": value} | target
            await refuses(agent, json.dumps(frame), frame["id"])


async def test_malformed_json_and_what_is_no_object_is_a_bad_frame(mall: Mall) -> None:
    user = await mall.user()
    for raw in (
        "",
        " ",
        "{",
        "}",
        "nonsense",
        "1",
        "null",
        "true",
        '"text"',
        "[1]",
        '{"type":"ping"',
        "{'type':'ping'}",
        '{"type":"ping"}x',
    ):
        await refuses(user, raw)
    for raw in ("{}", '{"type":7}', '{"type":null}', '{"type":["ping"]}', '{"id":"x"}', '{"type":"ping",}', "\ufeff{"):
        await refuses(user, raw)


async def test_an_unknown_type_is_told_so_with_its_id(mall: Mall) -> None:
    user = await mall.user()
    for type in ("nonsense", "", "welcome", "message", "ack", "__class__", "psst-type"):
        await user.send({"type": type, "id": "its-id"})
        error = await user.expect("error")
        assert (error["code"], error["id"]) == ("unknown_type", "its-id")
        assert "psst-" not in error["detail"]
        await user.pong()


async def test_unknown_fields_are_ignored(mall: Mall) -> None:
    await mall.found()
    user = await mall.user()
    await user.say(colour="red", offset="no", __proto__={"x": 1})


async def test_numbers_beyond_a_double_and_nan_are_malformed(mall: Mall) -> None:
    user = await mall.user()
    for value in ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 400, "01", "+1", ".5", "0x10"):
        await refuses(user, f'{{"type":"ping","x":{value}}}')
        await refuses(user, f'{{"type":"ping","x":[{{"y":{value}}}]}}')
    await user.send_raw('{"type":"ping","x":1e308}')
    await user.expect("pong")


async def test_lone_surrogates_are_malformed_and_pairs_are_not(mall: Mall) -> None:
    await mall.found()
    user = await mall.user()
    for text in ("\\ud800", "\\udc00", "x\\ud83dx", "\\udc00\\ud800"):
        await refuses(user, f'{{"type":"send","id":"s","store":"{mall.store}","kind":"text","body":{{"text":"psst-{text}"}}}}')
        await refuses(user, f'{{"type":"ping","x":"{text}"}}')
        await refuses(user, f'{{"type":"ping","{text}":1}}')
    await user.send_raw(f'{{"type":"send","id":"pair","store":"{mall.store}","kind":"text","body":{{"text":"psst-\\ud83d\\ude00"}}}}')
    assert (await user.answer("pair"))["type"] == "ack"
    await user.heard("😀")


async def test_nesting_beyond_thirty_two_is_malformed(mall: Mall) -> None:
    user = await mall.user()

    def nested(levels: int) -> str:
        return '{"type":"ping","x":' + "[" * (levels - 1) + "]" * (levels - 1) + "}"

    await user.send_raw(nested(32))
    await user.expect("pong")
    for levels in (33, 100, 10_000):
        await refuses(user, nested(levels))


async def test_ten_bad_frames_in_a_row_close_with_4000_and_a_good_one_between_starts_anew(mall: Mall) -> None:
    user = await mall.user()
    for _ in range(2):
        for _ in range(9):
            await user.send_raw("{bad")
        await user.pong()
    assert len(user.had("error", code="bad_frame")) == 18
    for _ in range(10):
        await user.send_raw("{bad")
    assert await user.closed() == 4000


async def test_an_array_is_its_frames_one_after_another(mall: Mall) -> None:
    await mall.found()
    user = await mall.user()

    def send(id: str) -> dict[str, Any]:
        return {"type": "send", "id": id, "store": mall.store, "kind": "text", "body": words(id)}

    await user.send_raw("[]")
    await user.send_raw(json.dumps([send("a"), {"type": "nonsense", "id": "b"}, 5, send("c")]))
    assert ((await user.answer("a"))["seq"], (await user.answer("c"))["seq"]) == (1, 2)
    assert (await user.answer("b"))["code"] == "unknown_type"
    await user.expect("error", code="bad_frame")
    await user.send(*({"type": "ping"} for _ in range(64)))
    for _ in range(64):
        await user.expect("pong")
    await user.never("error")


async def test_more_than_64_frames_or_a_nested_array_is_one_bad_frame_and_nothing_is_done(mall: Mall) -> None:
    await mall.found()
    user = await mall.user()
    sends = [{"type": "send", "id": f"m{n}", "store": mall.store, "kind": "text", "body": words("x")} for n in range(65)]
    for raw in (json.dumps(sends), json.dumps([sends[0], [sends[1]]]), "[[]]", json.dumps([[sends[0]]])):
        await refuses(user, raw)
    await user.never("error")
    await user.never("ack", 0.05)
    assert (await user.list())["chats"] == []


async def test_a_binary_message_closes_with_1003(mall: Mall) -> None:
    for data in (b"", b"\x00", b'{"type":"ping"}'):
        user = await mall.user()
        await user.send_raw(data)
        assert await user.closed() == 1003


async def test_a_websocket_message_above_64_kib_closes_with_1009(mall: Mall) -> None:
    user = await mall.user()
    frame = '{"type":"ping"}'
    await user.send_raw(frame + " " * (65536 - len(frame)))
    await user.expect("pong")
    await user.send_raw(frame + " " * (65537 - len(frame)))
    assert await user.closed() == 1009
    fragmented = await mall.user()
    await fragmented.socket.send([frame[:5], frame[5:]])
    await fragmented.expect("pong")
    await fragmented.socket.send(["x" * 30_000, "x" * 30_000, "x" * 30_000])
    assert await fragmented.closed() == 1009


async def test_a_text_that_is_not_utf8_closes_the_session_and_nothing_else(mall: Mall) -> None:
    user = await mall.user()
    await user.socket.send(b'{"type":"ping","x":"\xff"}', text=True)
    assert await user.closed() in (1006, 1007, 4000), "failing the connection is all that RFC 6455 asks for"
    await (await mall.user(user.id)).pong()


async def test_ids_of_64_characters_of_the_whole_alphabet_are_good(mall: Mall) -> None:
    id = ("AZaz09._~-" * 7)[:40] + fresh("u")[2:]
    await mall.found()
    user = await mall.user(id)
    ack = await user.say(id=("~-._" * 16))
    assert ack["id"] == "~-._" * 16


async def test_strangers_that_talk_no_protocol_at_all_are_sent_off(mall: Mall) -> None:
    for raw in ("\x00" * 100, "GET / HTTP/1.1\r\n\r\n", "[" * 60_000):
        client = await mall.dial()
        await client.send_raw(raw)
        assert await client.closed() == 4000
        await client.close()


async def test_a_ping_behind_the_close_of_the_server_is_nothing_to_log(mall: Mall) -> None:
    """Whoever pinged once more before saying goodbye made a traceback each time."""
    async with dial(mall.server.address, "/ws") as stranger:
        stranger.say(raw_frame(1, b'{"type":"ping"}'))
        assert await stranger.hear() == (8, (4000).to_bytes(2, "big"))
        stranger.say(raw_frame(9, b"still there?"))
        stranger.say(raw_frame(8, (4000).to_bytes(2, "big")))
        assert await stranger.hear_all() == []
    mall.server.check_log()


async def test_a_stranger_who_breaks_the_line_and_is_gone_is_nothing_to_log(mall: Mall) -> None:
    """uvloop makes an OSError of the end of our side where the peer's reset was faster, and Hypercorn a traceback of it."""
    for _ in range(8):
        async with dial(mall.server.address, "/ws") as stranger:
            stranger.say(raw_frame(1, json.dumps({"type": "hello", "token": mall.server.token("user", fresh("u"))}).encode()))
            await stranger.hear()
            stranger.say(raw_frame(1, b"unmasked", mask=None))
    async with dial(mall.server.address, "/ws") as stranger:
        stranger.say(raw_frame(1, b"unmasked", mask=None))
        assert await stranger.hear_all() == [(8, (1002).to_bytes(2, "big"))]
    mall.server.check_log()


async def test_who_hangs_up_before_the_handshake_is_answered_leaves_no_trace(mall: Mall) -> None:
    """Hypercorn passes over the accept of a socket that is gone, and the session was then opened on nothing, with a traceback."""
    host, port = mall.server.address.split(":")
    told = len(mall.server.said())
    for n in range(100):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(UPGRADE)
        for _ in range(n % 20):
            await asyncio.sleep(0)
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    await (await mall.user()).pong()
    assert "Traceback" not in mall.server.said()[told:]
