"""The way between a master and a worker: lines that may be of other code than ours, to somebody who may be gone."""

import asyncio
import socket

import msgspec
import uvloop

from web.crew.channel import Channel, hand_over, line, take_over
from web.crew.message import Order, Standing, Start, Tell

ORDERS = msgspec.json.Decoder(Order)
START = Start(name="2", workers=3, flags={"data": "x", "demo": True}, variables={}, redis="unix:///s", promise="all", counter="c")


def run(coroutine):
    """In the loop that dibs has: its transports raise where those of asyncio are silent."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(coroutine)


def test_what_other_code_says_is_passed_by_and_what_it_adds_is_left_out():
    async def talk():
        ours, theirs = socket.socketpair()
        channel = await Channel.over(ours, ORDERS)
        theirs.sendall(b'{"type":"dance"}\n{"type":"tell"}\n[7]\n{"type":"tell","number":7,"softly":true}\n')
        heard = await channel.hear()
        theirs.sendall(line(Standing(ready=1, workers=2)) + b'{"type":"te')
        more = [await channel.hear()]
        theirs.close()
        more.append(await channel.hear())
        await channel.close()
        return heard, more

    assert run(talk()) == (Tell(number=7), [Standing(ready=1, workers=2), None])


def test_whoever_is_gone_is_told_in_vain():
    """It ended the master's task that tells the others how many are left."""

    async def talk():
        ours, theirs = socket.socketpair()
        channel = await Channel.over(ours, ORDERS)
        theirs.close()
        for _ in range(5):
            channel.say_nowait(Tell(number=1))
            await asyncio.sleep(0.01)
        assert await channel.hear() is None
        channel.say_nowait(Tell(number=1))
        await channel.close()
        channel.say_nowait(Tell(number=1))

    run(talk())


def test_the_listening_socket_goes_over_with_settings_of_any_length():
    ours, theirs = socket.socketpair()
    long = msgspec.structs.replace(START, variables={"DIBS_ORIGINS": "https://shop.example " * 5000})
    with ours, theirs, socket.create_server(("127.0.0.1", 0)) as listener:
        hand_over(ours, long, listener)
        start, taken = take_over(theirs)
        with taken:
            assert start == long
            assert taken.getsockname() == listener.getsockname()
            assert taken.fileno() != listener.fileno()
