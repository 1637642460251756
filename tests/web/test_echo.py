"""Framing on a real socket, as RFC 6455 has it: the real front door with an echo behind it. `make autobahn` asks the same at length."""

import pytest

from tests.web.echo import echoing
from tests.web.raw import dial, frame

LIMIT = 70_000
CONTINUED, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
GOODBYE = frame(CLOSE, b"\x03\xe8")
ENDED = (CLOSE, b"\x03\xe8")
CHARACTERS = "κόσμε 汉字 😀 é"


@pytest.fixture(scope="module")
async def address():
    async with echoing(LIMIT) as port:
        yield f"127.0.0.1:{port}"


@pytest.fixture
def talk(address):
    """Says bytes on a connection of its own and gives all that is heard until the server ends its side."""

    async def talk(said):
        async with dial(address, "/") as raw:
            raw.say(said)
            return await raw.hear_all()

    return talk


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, LIMIT])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
async def test_a_message_of_any_size_comes_back(address, opcode, size):
    async with dial(address, "/") as raw:
        raw.say(frame(opcode, b"*" * size))
        assert await raw.hear() == (opcode, b"*" * size)
        raw.say(GOODBYE)
        assert await raw.hear_all() == [ENDED]


async def test_fragments_with_control_frames_between_are_one_message_and_pings_are_answered_at_once(address):
    async with dial(address, "/") as raw:
        for opcode in (TEXT, BINARY):
            raw.say(frame(opcode, b"a", fin=False) + frame(PING, b"1") + frame(CONTINUED, b"", fin=False) + frame(PONG, b"unasked"))
            assert await raw.hear() == (PONG, b"1")
            raw.say(frame(PING, b"2" * 125) + frame(CONTINUED, b"b"))
            assert await raw.hear() == (PONG, b"2" * 125)
            assert await raw.hear() == (opcode, b"ab")


async def test_characters_may_be_cut_at_every_byte_by_fragments_and_by_reads(address):
    whole = CHARACTERS.encode()
    async with dial(address, "/") as raw:
        for at in range(len(whole) + 1):
            raw.say(frame(TEXT, whole[:at], fin=False) + frame(CONTINUED, whole[at:]))
            assert await raw.hear() == (TEXT, whole)
        raw.say(frame(TEXT, b"", fin=False) + b"".join(frame(CONTINUED, whole[at : at + 1], fin=False) for at in range(len(whole))))
        raw.say(frame(CONTINUED))
        assert await raw.hear() == (TEXT, whole)
        for one in frame(TEXT, whole):
            raw.say(bytes([one]))
        assert await raw.hear() == (TEXT, whole)


NO_UTF8 = [
    b"\xff",
    b"\xc0\xaf",
    b"\xc1\x81",
    b"\xe0\x80\xaf",
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xf0\x80\x80\xaf",
    b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80",
    b"\xfb\xbf\xbf\xbf\xbf",
    b"\x80",
    b"\xe6\xb1",
    b"\xf0\x9f\x98",
]


@pytest.mark.parametrize("bad", NO_UTF8, ids=bytes.hex)
async def test_what_is_not_utf8_closes_with_1007_wherever_it_is_cut(talk, bad):
    """Overlong forms, surrogates, beyond the last character, and characters that do not end."""
    whole = "汉".encode() + bad
    for said in (
        frame(TEXT, whole),
        *(frame(TEXT, whole[:at], fin=False) + frame(CONTINUED, whole[at:]) for at in range(1, len(whole))),
    ):
        assert await talk(said) == [(CLOSE, b"\x03\xef")]


@pytest.mark.parametrize(
    "said",
    [
        *(frame(TEXT, b"x", reserved=bits) for bits in range(1, 8)),
        *(frame(opcode, b"x") for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
        frame(PING, reserved=4),
        frame(CLOSE, b"\x03\xe8", reserved=1),
        frame(PING, b"x" * 126),
        frame(PONG, b"x" * 126),
        frame(CLOSE, b"\x03\xe8" + b"x" * 124),
        frame(PING, fin=False),
        frame(CLOSE, b"\x03\xe8", fin=False),
        frame(CONTINUED, b"x"),
        frame(CONTINUED, b"x", fin=False),
        frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"),
        frame(TEXT, b"x", fin=False) + frame(BINARY, b"y"),
        frame(BINARY, b"x", fin=False) + frame(TEXT, b"y", fin=False),
        frame(TEXT, b"x", mask=None),
        frame(PING, mask=None),
        b"\x81\xfe\x00\x7d" + b"\0\0\0\0" + b"x" * 125,
        b"\x81\xff" + (65535).to_bytes(8, "big") + b"\0\0\0\0" + b"x" * 65535,
        frame(CLOSE, b"\x03"),
    ],
    ids=lambda said: said[:8].hex(),
)
async def test_what_is_not_websocket_closes_with_1002_and_nothing_behind_it_counts(talk, said):
    assert await talk(said + frame(TEXT, b"behind")) == [(CLOSE, b"\x03\xea")]


async def test_behind_the_close_of_a_broken_line_our_side_of_tcp_ends_at_once_and_the_close_is_not_lost(address, monkeypatch):
    """Whoever waited for our end, as a client has to, waited for the drop."""
    monkeypatch.setattr("web.line.FAREWELL_S", 3600)
    for more in (b"", b"x" * 300_000):
        async with dial(address, "/") as raw:
            raw.say(frame(TEXT, b"x", mask=None) + more)
            assert await raw.hear_all() == [(CLOSE, b"\x03\xea")]


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999])
async def test_a_close_is_answered_with_its_code(talk, code):
    said = code.to_bytes(2, "big")
    assert await talk(frame(CLOSE, said)) == [(CLOSE, said)]
    ((opcode, answer),) = await talk(frame(CLOSE, said + "再见".encode()) + frame(TEXT, b"behind") + frame(PING))
    assert (opcode, answer[:2]) == (CLOSE, said)


async def test_a_close_without_a_code_is_answered(talk):
    ((opcode, _),) = await talk(frame(CLOSE))
    assert opcode == CLOSE


@pytest.mark.parametrize("code", [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
async def test_a_close_with_a_code_that_nobody_may_send_is_an_error(talk, code):
    assert await talk(frame(CLOSE, code.to_bytes(2, "big"))) == [(CLOSE, b"\x03\xea")]


async def test_a_reason_that_is_not_utf8_is_an_error(talk):
    assert await talk(frame(CLOSE, b"\x03\xe8\xff")) == [(CLOSE, b"\x03\xef")]


@pytest.mark.parametrize(
    "said", [frame(TEXT, b"x" * (LIMIT + 1)), frame(TEXT, b"x" * LIMIT, fin=False) + frame(CONTINUED, b"y"), b"\x81\xff" + b"\xff" * 12]
)
async def test_more_than_the_limit_closes_with_1009(talk, said):
    assert await talk(said) == [(CLOSE, b"\x03\xf1")]


async def test_a_thousand_messages_come_back_in_order(address):
    async with dial(address, "/") as raw:
        for n in range(1000):
            raw.say(frame(TEXT if n % 3 else BINARY, str(n).encode()))
        assert [int((await raw.hear())[1]) for _ in range(1000)] == list(range(1000))
