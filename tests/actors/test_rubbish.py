"""The table of rubbish over a whole node: each frame is answered as the protocol says, and nobody notices."""

import itertools

import pytest

from actors.close import Close
from tests.actors import rubbish
from tests.actors.world import Peer

ENDS = ("hello", "token")
"""With the right values these begin or end a session: each case is a session of its own."""


async def say(peer, text):
    while peer.session.is_full():
        await peer.world.settle()
    peer.session.feed(text)


@pytest.mark.parametrize("side", ["user", "store"])
async def test_every_class_of_value_in_every_field_is_answered_as_the_table_says(world, side):
    await world.agent("y", stores=("x",))
    await (await world.user("x")).send(store="x")
    peer = await (world.user("x") if side == "user" else world.agent("x", stores=("x",), role="supervisor"))
    sent = {}
    for n, case in enumerate(itertools.chain(rubbish.cases(side), rubbish.body_cases(side))):
        if case.tag not in ENDS:
            sent[f"i{n}"] = case
            await say(peer, case.with_id(f"i{n}"))
            await say(peer, '{"type":"ping"}')
            if n % 64 == 0:
                await world.settle()
    await world.settle()
    assert len(sent) > 4000
    wrong = list(rubbish.judge(sent, peer.heard))
    assert not wrong, "\n".join(wrong[:60])
    assert peer.session.close_code is None


async def test_a_second_hello_is_a_bad_frame_whatever_it_says(world):
    peer = await world.user("x")
    for case in rubbish.cases("user"):
        if case.tag == "hello":
            await say(peer, case.text)
            await say(peer, '{"type":"ping"}')
    await world.settle()
    assert {frame["code"] for frame in peer.of("error")} == {"bad_frame"}
    assert len(peer.of("error")) == len(peer.of("pong")) > 100


@pytest.mark.parametrize("side", ["user", "store"])
async def test_a_hello_of_rubbish_ends_the_session_and_an_unknown_token_is_told_apart(world, side):
    token = world.token("user", "x", None) if side == "user" else world.token("agent", "x", ("x",))
    for case in rubbish.cases(side):
        if case.tag == "hello":
            peer = Peer(world)
            peer.session.feed(case.text.replace('"token":"x"', f'"token":"{token}"'))
            if not case.good:
                expected = Close.PROTOCOL
            elif " token " in case.name:
                expected = Close.TOKEN
            else:
                await peer.expect("ready")
                peer.cut()
                continue
            assert await peer.close_code() == expected, case.name


async def test_a_fresh_token_of_rubbish_is_a_bad_frame_or_ends_the_session(world):
    token = world.token("user", "x", None)
    for case in rubbish.cases("user"):
        if case.tag == "token":
            peer = await world.user("x")
            await say(peer, case.text.replace('"token":"x"', f'"token":"{token}"').replace("@", "i"))
            if case.good and " token " in case.name:
                assert await peer.close_code() == Close.TOKEN, case.name
                assert [frame["code"] for frame in peer.of("error")] == ["forbidden"]
            else:
                await say(peer, '{"type":"ping"}')
                await peer.expect("pong")
                assert [frame["code"] for frame in peer.of("error")] == ["bad_frame"] * (not case.good), case.name
                peer.cut()
