"""What waits for one socket: packed, bounded, in order; and that a session's many receivers cost one encoding."""

import json

import pytest

from actors.delivery import deliver
from actors.outbox import PAYLOAD_BYTES, Outbox, Track
from tests.actors.world import World


def live(first, count=1, size=10, store="s1"):
    numbers = tuple(range(first, first + count))
    return deliver(store, first - 1, numbers, tuple(json.dumps({"n": n, "x": "x" * size}).encode() for n in numbers))


def numbers_in(payload):
    found = json.loads(payload)
    return [frame["n"] for frame in (found if isinstance(found, list) else [found])]


def drained(outbox):
    taken = []
    while outbox:
        payload, _ = outbox.take(newest=True)
        taken += numbers_in(payload) if payload else []
    return taken


def test_what_waits_goes_out_as_one_array_and_a_single_frame_alone():
    outbox, track = Outbox(100, 10_000), Track("s1", 0)
    outbox.put(b'{"n":0}')
    assert outbox.take(newest=True) == (b'{"n":0}', 1)
    outbox.put(b'{"n":0}')
    outbox.put_live(track, live(1, 3))
    outbox.put_live(track, live(4))
    payload, frames = outbox.take(newest=True)
    assert (numbers_in(payload), frames) == ([0, 1, 2, 3, 4], 5)
    assert outbox.take(newest=True) == (b"", 0)
    assert (outbox.bytes, bool(outbox)) == (0, False)


def test_no_payload_is_larger_than_what_clients_are_promised_and_order_is_kept():
    outbox, track = Outbox(10_000, 10_000_000), Track("s1", 0)
    for number in range(1, 101):
        outbox.put_live(track, live(number, size=3000))
    taken = []
    while outbox:
        payload, _ = outbox.take(newest=True)
        assert len(payload) <= PAYLOAD_BYTES + 200 < 64 * 1024
        taken += numbers_in(payload)
    assert taken == list(range(1, 101))


@pytest.mark.parametrize(("limits", "size"), [((10, 1_000_000), 10), ((1000, 5_000), 600)])
def test_overflow_drops_the_live_frames_and_falls_back_to_what_the_socket_was_handed(limits, size):
    outbox, track = Outbox(*limits), Track("s1", 0)
    track.live = True
    outbox.put_live(track, live(1, size=size))
    outbox.take(newest=True)
    outbox.put(b'{"n":"answer"}')
    number = 2
    while outbox.put_live(track, live(number, size=size)):
        number += 1
    assert (track.live, track.cursor, track.sent) == (False, 1, 1)
    assert drained(outbox) == ["answer"]
    assert outbox.bytes == 0


def test_what_was_read_from_the_log_survives_an_overflow_and_the_cursor_stands_behind_it():
    outbox, track, other = Outbox(3, 1_000_000), Track("s1", 0), Track("s2", 7)
    outbox.put_read(track, 5, b'{"n":5}', 1)
    track.live = other.live = True
    outbox.put_live(other, live(8, store="s2"))
    outbox.put_live(track, live(6, 2))
    assert not outbox.put_live(track, live(8))
    assert (track.cursor, track.live) == (5, False)
    assert (other.cursor, other.live) == (7, False), "its frames were dropped too"
    assert drained(outbox) == [5]


def test_what_waited_live_when_its_track_fell_behind_is_not_dropped_before_what_was_read_since():
    """A hole sent a session to the log while live frames waited for a slow socket; then another store's frames overflowed. The live ones
    were dropped, what had been read behind them went out, and the cursor stood behind that: three messages were never heard."""
    outbox, track, other = Outbox(3, 1_000_000), Track("s1", 4), Track("s2", 0)
    track.live = other.live = True
    outbox.put_live(track, live(5, 3))
    track.live = False
    outbox.keep(track)
    outbox.put_read(track, 8, b'{"n":8}', 1)
    track.live = True
    outbox.put_live(track, live(9))
    assert outbox.put_live(other, live(1, 2, store="s2"))
    assert not outbox.put_live(other, live(3, store="s2"))
    assert drained(outbox) == [5, 6, 7, 8]
    assert (track.cursor, other.cursor, outbox.bytes) == (8, 0, 0)


def test_after_an_overflow_the_bound_is_free_again():
    outbox, track = Outbox(4, 1_000_000), Track("s1", 0)
    for _ in range(3):
        assert not outbox.put_live(track, live(track.cursor + 1, 5))
        assert outbox.put_live(track, live(track.cursor + 1, 4))
        outbox.take(newest=True)


def test_only_the_newest_of_what_shows_a_present_state_goes_out_and_last():
    outbox, track = Outbox(10, 10_000), Track("s1", 0)
    outbox.put_newest(("presence", "s1"), b'{"n":"old"}')
    outbox.put_newest(("presence", "s2"), b'{"n":"other"}')
    outbox.put_newest(("presence", "s1"), b'{"n":"new"}')
    outbox.put_live(track, live(1))
    assert outbox.take(newest=False)[1] == 1, "not before it is time for them"
    assert drained(outbox) == ["other", "new"]


def test_a_number_without_a_frame_moves_the_cursor_and_sends_nothing():
    outbox, track = Outbox(10, 10_000), Track("s1", 4)
    outbox.put_live(track, deliver("s1", 4, (5,), (b"",)))
    assert outbox.take(newest=True) == (b"", 0)
    assert (track.cursor, track.sent) == (5, 5)


async def test_a_fan_out_encodes_each_event_once_however_many_sessions_receive_it():
    async with World() as world:
        agents = [await world.agent(f"a{i}") for i in range(5) for _ in range(3)]
        user = await world.user("u1")
        await user.send("one")
        for peer in (*agents, user):
            await peer.expect("status", reason="new")
        assert world.tally.encodings == 2, "the message and the status"
        await user.send("two")
        for peer in (*agents, user):
            await peer.expect("message", seq=2)
        assert world.tally.encodings == 3


async def test_frames_that_wait_while_the_socket_is_busy_go_out_in_one_message(world):
    agent, user = await world.agent(), await world.user()
    await world.settle()
    agent.takes.clear()
    for number in range(20):
        await user.send(str(number))
    before = len(agent.payloads)
    agent.takes.set()
    await agent.expect("message", seq=20)
    assert len(agent.payloads) - before <= 2, "the one the socket was busy with, and one for all that waited"
    assert agent.texts() == [str(number) for number in range(20)]
