"""The line against wsproto's own client half: whatever the peer does, messages come whole, in order, or the peer is told what was wrong."""

import asyncio

import pytest
from hypercorn.protocol.events import StreamClosed
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto.connection import ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from tests.web.pair import Model, Pair, feed, kept
from tests.web.raw import frame
from web.line import MESSAGE_LIMIT


@pytest.fixture
def pair():
    return Pair()


MESSAGES = st.lists(st.one_of(st.text(max_size=200), st.text(min_size=120, max_size=140), st.just("好" * 21_845)), max_size=6)


@given(texts=MESSAGES, data=st.data())
def test_text_messages_come_whole_and_in_order_however_the_bytes_are_cut(texts, data):
    pair = Pair()
    said = b""
    for text in texts:
        middle = data.draw(st.integers(0, len(text)))
        if data.draw(st.booleans()):
            said += pair.say(TextMessage(text[:middle], message_finished=False), Ping(b"x"), TextMessage(text[middle:]))
        else:
            said += pair.say(TextMessage(text))
    cuts = data.draw(st.lists(st.integers(0, len(said)), max_size=8))
    feed(pair, said, cuts)
    assert pair.listener.texts == texts


PAYLOADS = st.one_of(st.binary(max_size=130), st.text(max_size=60).map(str.encode), st.sampled_from([b"", b"\x03\xe8", b"\x0f\xa0bye"]))
"""What is in a frame; the last two are good closes."""
GOOD = st.builds(frame, st.sampled_from([0, 1, 1, 1, 2, 9, 10]), st.text(max_size=60).map(str.encode), fin=st.booleans())
ANY = st.builds(
    frame,
    st.integers(0, 15),
    PAYLOADS,
    fin=st.booleans(),
    reserved=st.integers(0, 7),
    mask=st.sampled_from([b"\x00\x00\x00\x00", b"\x37\xfa\x21\x3d", None]),
    width=st.sampled_from([0, 0, 2, 8]),
)
CUT = st.builds(frame, st.sampled_from([0, 1]), PAYLOADS, fin=st.booleans())
FRAMES = st.one_of(GOOD, GOOD, GOOD, GOOD, CUT, ANY)


@settings(max_examples=300)
@given(frames=st.lists(FRAMES, max_size=8), rest=st.binary(max_size=3), data=st.data())
def test_any_frames_however_cut_are_what_wsproto_alone_makes_of_them(frames, rest, data):
    """Good, forbidden, fragmented, half of a character: the same messages and the same close, whatever the reads were."""
    model = Model()
    whole = [rest[: 2 + rest[1]]] if len(rest) >= 2 and len(rest) >= 2 + rest[1] else []  # without a mask it is one already
    for one in (*frames, *whole):
        if model.code is None:
            model.take(one)
    said = b"".join(frames) + rest
    cuts = data.draw(st.lists(st.integers(0, len(said)), max_size=6) | st.just(range(len(said))))

    async def hear():
        pair = Pair()
        feed(pair, said, cuts)
        return pair, pair.heard()

    pair, heard = asyncio.run(hear())
    assert (pair.listener.texts, pair.listener.parts) == (model.texts, model.parts)
    assert [bytes(event.payload) for event in heard if isinstance(event, Pong)] == model.pongs
    assert [event.code for event in heard if isinstance(event, CloseConnection)] == ([] if model.code is None else [model.code])
    assert model.code in (None, 1002, 1005, 1007) or model.code in range(1000, 5000)


@given(said=st.binary(max_size=600), cuts=st.lists(st.integers(0, 600), max_size=6))
def test_no_bytes_raise_and_the_cuts_say_nothing(said, cuts):
    async def hear(cuts):
        pair = Pair()
        feed(pair, said, [cut for cut in cuts if cut < len(said)])
        return pair.listener.texts, pair.listener.parts, pair.transport.written, pair.line.broken

    assert asyncio.run(hear(cuts)) == asyncio.run(hear([]))


async def test_a_message_above_the_limit_closes_with_1009_and_nothing_behind_it_is_kept(pair):
    feed(pair, pair.say(TextMessage("x" * (MESSAGE_LIMIT + 1))))
    (close,) = pair.heard()
    assert isinstance(close, CloseConnection)
    assert close.code == 1009
    assert pair.held_back
    assert pair.line._buffer == b""
    assert pair.listener.texts == []


async def test_the_limit_is_in_bytes_not_in_characters(pair):
    feed(pair, pair.say(TextMessage("好" * 21_845)))
    assert len(pair.listener.texts) == 1
    feed(pair, pair.say(TextMessage("好" * 21_846)))
    assert pair.line.broken == 1009


async def test_endless_fragments_end_at_the_limit(pair):
    fragment = TextMessage("y" * 1000, message_finished=False)
    feed(pair, b"".join(pair.say(fragment) for _ in range(100)))
    assert pair.line.broken == 1009
    assert kept(pair.line) == 0
    assert pair.listener.texts == []


async def test_fragments_are_kept_until_their_message_is_whole(pair):
    feed(pair, pair.say(TextMessage("y" * 1000, message_finished=False)))
    assert kept(pair.line) == 1000
    feed(pair, pair.say(TextMessage("y" * 1000)))
    assert pair.listener.texts == ["y" * 2000]
    assert kept(pair.line) == 0


async def test_what_cannot_be_read_is_not_kept_until_the_peer_is_gone(pair):
    feed(pair, frame(1, b"z" * 60_000, reserved=4))
    assert pair.line.broken == 1002
    assert pair.line.state is ConnectionState.LOCAL_CLOSING
    assert kept(pair.line) == 0


async def test_text_that_is_not_utf8_closes_with_1007(pair):
    feed(pair, b"\x81\x82\x00\x00\x00\x00\xff\xfe")
    (close,) = pair.heard()
    assert close.code == 1007


@pytest.mark.parametrize(
    "said",
    [
        b"\x81\x02hi",
        b"\xf1\x82\x00\x00\x00\x00hi",
        b"\x83\x80\x00\x00\x00\x00",
        b"\x80\x82\x00\x00\x00\x00hi",
        b"\x81\xfe\x00\x02\x00\x00\x00\x00hi",
    ],
)
async def test_what_is_not_websocket_closes_with_1002(pair, said):
    """Unmasked, reserved bits, an unknown opcode, a continuation of nothing, a length in more bytes than it needs."""
    feed(pair, said)
    (close,) = pair.heard()
    assert close.code == 1002


async def test_a_new_message_inside_a_fragmented_one_is_an_error(pair):
    feed(pair, pair.say(TextMessage("a", message_finished=False)) + b"\x81\x82\x00\x00\x00\x00hi")
    (close,) = pair.heard()
    assert close.code == 1002


async def test_binary_is_reported_also_when_it_is_empty(pair):
    feed(pair, pair.say(BytesMessage(b"")))
    assert pair.listener.parts == [(b"", True)]


async def test_a_ping_is_answered_and_a_close_too(pair):
    feed(pair, pair.say(Ping(b"there?")))
    (pong,) = pair.heard()
    assert pong == Pong(b"there?")
    feed(pair, pair.say(CloseConnection(1000)))
    (close,) = pair.heard()
    assert close.code == 1000
    assert pair.client.state is ConnectionState.CLOSED
    assert pair.transport.closed


async def test_a_ping_that_crosses_our_close_has_no_answer(pair):
    """wsproto refuses a pong by then; its exception was a traceback in the log for each client that felt like it."""
    pair.transport.written += pair.line.send(CloseConnection(code=4000))
    feed(pair, b"\x89\x81\x00\x00\x00\x00x" + b"\x81\x82\x00\x00\x00\x00hi")
    (close,) = pair.heard()
    assert close.code == 4000
    assert pair.listener.texts == ["hi"], "whether it is still wanted is for the listener to say"
    assert not pair.transport.closed
    feed(pair, pair.say(close.response()))
    assert pair.transport.closed


async def test_a_full_listener_stops_the_reading_and_gets_the_rest_in_order_later():
    pair = Pair(room=2)
    feed(pair, pair.say(*[TextMessage(str(n)) for n in range(5)]))
    assert pair.listener.texts == ["0", "1"]
    assert pair.held_back
    pair.listener.room = 4
    pair.line.resume()
    pair.go_on()
    assert pair.listener.texts == ["0", "1", "2", "3"]
    assert pair.held_back
    pair.listener.room = 9
    pair.line.resume()
    pair.go_on()
    assert pair.listener.texts == ["0", "1", "2", "3", "4"]
    assert not pair.held_back


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 200_000])
async def test_a_payload_of_any_size_is_one_text_message(pair, size):
    await pair.line.put(b"k" * size)
    heard = pair.heard()
    assert "".join(event.data for event in heard) == "k" * size
    assert heard[-1].message_finished


async def test_a_peer_that_is_silent_for_two_and_a_half_heartbeats_is_dropped_and_pings_come_before(pair):
    pair.line.heard_s -= 2.4 * 25
    pair.line._pinged_s -= 25
    pair.line.beat(25, 0.5)
    assert not pair.transport.aborted
    (ping,) = pair.heard()
    assert isinstance(ping, Ping)
    pair.line.heard_s -= 5
    pair.line.beat(25, 0.5)
    assert pair.transport.aborted


async def test_who_is_not_read_is_not_called_silent():
    pair = Pair(room=0)
    feed(pair, pair.say(TextMessage("x")))
    pair.line.heard_s -= 1000
    pair.line.beat(25, 0.5)
    assert not pair.transport.aborted


async def test_a_broken_line_is_dropped_after_a_moment(pair, monkeypatch):
    monkeypatch.setattr("web.line.FAREWELL_S", 0.01)
    feed(pair, b"\x81\x02hi")
    while not pair.transport.aborted:  # noqa: ASYNC110 - the timer of the line is what is waited for
        await asyncio.sleep(0.005)


async def test_a_dropped_connection_holds_hypercorn_back_no_longer():
    """Else the task of a reader that was full when its peer vanished would stay for good."""
    pair = Pair(room=0)
    feed(pair, pair.say(TextMessage("x")))
    assert pair.held_back
    pair.line.abort()
    pair.go_on()
    assert not pair.held_back


async def test_a_connection_that_was_lost_while_nobody_read_is_found_at_the_next_beat():
    pair = Pair(room=0)
    feed(pair, pair.say(TextMessage("x")))
    pair.transport.closed = True
    pair.line.beat(25, 0.5)
    pair.go_on()
    assert not pair.held_back


async def test_bytes_before_anybody_listens_wait():
    pair = Pair()
    pair.line._listener = None
    feed(pair, pair.say(TextMessage("early")))
    assert pair.held_back
    pair.line.listen(pair.listener)
    pair.go_on()
    assert pair.listener.texts == ["early"]
    assert not pair.held_back


async def test_many_frames_that_come_at_once_are_worked_on_in_slices(pair, monkeypatch):
    """A read of 64 KiB holds ten thousand empty frames: worked on in one go they stopped everybody for a fifth of a second."""
    monkeypatch.setattr("web.line.SLICE_S", 0.0)
    feed(pair, pair.say(*[TextMessage(str(n)) for n in range(50)]))
    assert pair.listener.texts == [str(n) for n in range(50)]
    assert pair.turns >= 49


@pytest.mark.parametrize(
    "frame", [b"\x89\x80\0\0\0\0", b"\x8a\x80\0\0\0\0", b"\x00\x80\0\0\0\0"], ids=["pings", "pongs", "empty fragments"]
)
async def test_a_flood_of_control_frames_or_fragments_closes_with_4100(pair, frame):
    feed(pair, b"\x01\x80\0\0\0\0" if frame[0] == 0 else b"")
    feed(pair, frame * 3000)
    close = pair.heard()[-1]
    assert isinstance(close, CloseConnection)
    assert close.code == 4100
    assert pair.held_back


async def test_as_many_pings_as_any_client_may_send_are_answered(pair):
    feed(pair, pair.say(*[Ping(b"there?")] * 500))
    assert pair.heard() == [Pong(b"there?")] * 500


async def test_pongs_that_are_not_read_do_not_pile_up(pair):
    pair.transport.unsent = 100_000
    feed(pair, pair.say(Ping(b"there?")))
    assert pair.transport.written == b""


async def test_a_peer_whose_pongs_have_stopped_is_dropped_though_it_talks_on(pair):
    """A one-way network: it sends, hears nothing and does not notice."""
    pair.line.beat(25, 0.5)
    (ping,) = pair.heard()
    feed(pair, pair.say(ping.response()))
    pair.line._pinged_s -= 25
    pair.line.beat(25, 0.5)
    pair.line._unanswered_s -= 36
    feed(pair, pair.say(TextMessage("still here")))
    pair.line.beat(25, 0.5)
    assert not pair.transport.aborted
    pair.line._unanswered_s -= 1
    pair.line.beat(25, 0.5)
    assert pair.transport.aborted


async def test_a_peer_that_never_answers_pings_but_talks_stays(pair):
    pair.line.beat(25, 0.5)
    pair.line._unanswered_s -= 1000
    feed(pair, pair.say(TextMessage("no pongs from me")))
    pair.line.beat(25, 0.5)
    assert not pair.transport.aborted


async def test_what_is_no_data_goes_where_it_went_before(pair):
    event = StreamClosed(stream_id=1)
    await pair.stream.handle(event)
    assert pair.others == [event]


async def test_when_the_server_itself_stood_still_nobody_is_called_silent(pair):
    """What the peer said meanwhile is still in the socket when the first beat comes."""
    pair.line.heard_s -= 70
    pair.line._beat_s -= 70
    pair.line.beat(25, 0.5)
    assert not pair.transport.aborted
    pair.line.heard_s -= 70
    pair.line.beat(25, 0.5)
    assert pair.transport.aborted


async def test_a_ping_after_our_close_gets_no_pong_and_breaks_nothing(pair):
    """It raised in Hypercorn's task, and the log had a traceback for every client that pinged while the server drained."""
    pair.line.send(CloseConnection(1001))
    feed(pair, pair.say(Ping(b"there?"), CloseConnection(1001)))
    assert pair.transport.written == b""
    assert pair.transport.closed
