"""One WebSocket connection in wsproto's place, between Hypercorn's stream and the session.

Whole text frames, nearly all that ever comes, go from the bytes of the socket to the session at once: no queue, no task switch. Every
other frame is handed, whole, to the wsproto connection that stays behind this one, and its messages go to the session in the same order.
What it also does because Hypercorn does not:

- reads nothing behind a 1009, and counts bytes rather than characters;
- says why it ends a broken connection (1002, 1007);
- stops reading when the session is full, so that TCP pushes back;
- lets others have their turn after a slice of one peer's frames, however many of them came at once;
- ends a peer that floods it with control frames and fragments (4100), and owes nobody more than a few unread pongs;
- looks for pongs: a peer that is silent, pongs included, for two and a half heartbeats is dropped, and so is one that answered pings
  and does not any more, though it goes on talking.
"""

import asyncio
import math
import os
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol, cast
from weakref import ref

from hypercorn.protocol.events import Data
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError

from actors.close import Close
from actors.rate import Bucket

MESSAGE_LIMIT = 64 * 1024
"""Bytes of one WebSocket message of a client."""
FAREWELL_S = 2.0
"""How long a peer may take to answer a close before its connection is dropped."""
FLUSHED_S = 0.05
"""By then a close frame is on its way, unless the peer does not read."""
SLICE_S = 0.0005
"""How long the frames of one peer are worked on before others get a turn."""
ODD_RATE = 200.0
"""Control frames and fragments a second, with bursts of ten seconds' worth: what comes beyond is a flood."""
PONG_BYTES = 16 * 1024
"""With more than this unsent, a ping gets no pong: whoever does not read them does not miss one (RFC 6455, section 5.5.3)."""

_WHOLE_TEXT = 0x81
_MASKED = 0x80


class Listener(Protocol):
    """Whoever takes the messages."""

    def feed(self, text: str) -> None:
        """Takes one text message."""

    def feed_binary(self, part: bytes, *, finished: bool) -> None:
        """Takes a binary message as it comes: a part for each of its frames."""

    def is_full(self) -> bool:
        """Whether nothing more is wanted for now; `Line.resume` is to be called when it is."""


class Line:
    """`stream` is Hypercorn's WSStream of an accepted WebSocket; `limit` counts the bytes of one message."""

    def __init__(self, stream: Any, limit: int = MESSAGE_LIMIT) -> None:
        self._inner: Connection = stream.connection
        self._other_events: Callable[[Any], Awaitable[None]] = stream.handle
        writer: asyncio.StreamWriter = stream.send.__self__.send.__self__.writer
        self._drain = writer.drain
        self._transport = cast("asyncio.Transport", writer.transport)
        self._limit = limit
        self._listener: Listener | None = None
        self._buffer = b""
        self._fragments: list[str] = []
        self._fragments_size = 0
        self._fragmented = False
        self._deaf = False
        self._gate: asyncio.Future[None] | None = None
        """What Hypercorn waits for before it reads on."""
        self.heard_s = time.monotonic()
        """When the peer last said anything at all."""
        self._odd = Bucket(ODD_RATE, self.heard_s)
        self._beat_s = self.heard_s
        self._pinged_s = -math.inf
        self._unanswered_s = math.inf
        """When the first ping went out that has no pong."""
        self._answers = False
        """Whether the peer has ever answered a ping."""
        self.broken: int | None = None
        """The code this line was closed with because of what the peer sent."""
        stream.connection = self
        stream.handle = self.handle

    def listen(self, listener: Listener) -> None:
        """From now on messages go to `listener`."""
        self._listener = listener
        self._open_gate()

    async def put(self, payload: bytes) -> None:
        """Sends one text message of UTF-8; returns when the socket has taken enough of it."""
        if self._inner.state is not ConnectionState.OPEN or self._transport.is_closing():
            return
        size = len(payload)
        if size < 126:
            header = bytes((_WHOLE_TEXT, size))
        elif size < 65536:
            header = b"\x81\x7e" + size.to_bytes(2, "big")
        else:
            header = b"\x81\x7f" + size.to_bytes(8, "big")
        self._transport.write(header + payload)
        with suppress(ConnectionError):
            await self._drain()

    def resume(self) -> None:
        """The listener has room again."""
        self._open_gate()

    def beat(self, heartbeat_s: float, slack_s: float) -> None:
        """To be called several times in a heartbeat, `slack_s` apart: pings once in each, and drops a peer that has been silent, or has
        stopped to answer pings, for 2.5 of them."""
        now_s = time.monotonic()
        stood_still = now_s - self._beat_s > heartbeat_s / 2
        self._beat_s = now_s
        if self._transport.is_closing():
            self._open_gate()
            return
        if self._gate is not None or stood_still:
            self.heard_s = now_s  # it is we who did not listen
            if self._unanswered_s < math.inf:
                self._unanswered_s = now_s
        elif now_s - self.heard_s > 2.5 * heartbeat_s - slack_s:
            self.abort()
        elif self._answers and now_s - self._unanswered_s > 1.5 * heartbeat_s - 2 * slack_s:
            self.abort()  # the first ping it did not answer was sent within a heartbeat after the last that it did
        elif now_s - self._pinged_s >= heartbeat_s and self._inner.state is ConnectionState.OPEN:
            self._ping(now_s)

    def _ping(self, now_s: float) -> None:
        self._pinged_s = now_s
        if not self._transport.get_write_buffer_size():
            self._unanswered_s = min(self._unanswered_s, now_s)
            self._transport.write(self._inner.send(Ping()))

    def abort(self) -> None:
        """Drops the connection, whatever waits in its buffer."""
        self._transport.abort()
        self._open_gate()

    # What Hypercorn asks of wsproto's connection.

    @property
    def state(self) -> ConnectionState:
        """See `wsproto.connection.Connection`."""
        return self._inner.state

    def send(self, event: Event) -> bytes:
        """See `wsproto.connection.Connection`."""
        return self._inner.send(event)

    # In the place of WSStream.handle.

    async def handle(self, event: Any) -> None:
        """Takes what Hypercorn has read, and returns when more is wanted: until then Hypercorn, and with it TCP, holds the peer back."""
        if not isinstance(event, Data):
            await self._other_events(event)
            return
        self.heard_s = time.monotonic()
        self._buffer = self._buffer + event.data if self._buffer else event.data
        while not self._parse() and not self._transport.is_closing():
            if self._deaf or self._listener is None or self._listener.is_full():
                await self._pass_gate()
            else:
                await asyncio.sleep(0)

    async def _pass_gate(self) -> None:
        self._gate = asyncio.get_running_loop().create_future()
        try:
            await self._gate
        finally:
            self._gate = None

    def _open_gate(self) -> None:
        if self._gate is not None and not self._gate.done():
            self._gate.set_result(None)

    # Frames (RFC 6455, section 5.2).

    def _parse(self) -> bool:
        """Works on what has come, for a slice of time; True when more bytes are wanted."""
        listener = self._listener
        if listener is None:
            return False
        data, at, until_s = self._buffer, 0, time.monotonic() + SLICE_S
        starved = False
        while not self._deaf and not listener.is_full():
            end = self._frame_end(data, at)
            if end is None:
                starved = True
                break
            if data[at] == _WHOLE_TEXT and data[at + 1] & _MASKED and not self._fragmented:
                self._whole_text(listener, data, at, end)
            else:
                self._other(listener, data[at:end], data[at])
            at = end
            if time.monotonic() > until_s:
                break
        self._buffer = b"" if self._deaf else data[at:]
        return starved and not self._deaf

    def _frame_end(self, data: bytes, at: int) -> int | None:
        """Where the frame that begins at `at` ends; None if it is not there yet."""
        if len(data) < at + 2:
            return None
        second = data[at + 1]
        size, header = second & 0x7F, 2
        if size >= 126:
            header = 4 if size == 126 else 10
            if len(data) < at + header:
                return None
            size = int.from_bytes(data[at + 2 : at + header], "big")
            if size < (126 if header == 4 else 65536):
                self._break(CloseReason.PROTOCOL_ERROR)  # the shortest form is a must
                return None
        if size > self._limit:
            self._break(Close.TOO_BIG)
            return None
        end = at + header + (4 if second & _MASKED else 0) + size
        return end if end <= len(data) else None

    def _whole_text(self, listener: Listener, data: bytes, at: int, end: int) -> None:
        start = at + (6 if data[at + 1] & 0x7F < 126 else 8 if data[at + 1] & 0x7F == 126 else 14)
        size = end - start
        mask = data[start - 4 : start]
        key = int.from_bytes((mask * (size // 4 + 1))[:size], "little")
        payload = (int.from_bytes(data[start:end], "little") ^ key).to_bytes(size, "little")
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            self._break(CloseReason.INVALID_FRAME_PAYLOAD_DATA)
            return
        listener.feed(text)

    def _other(self, listener: Listener, frame: bytes, first: int) -> None:
        """A fragment, a control frame, a binary message, or something that is not WebSocket at all: wsproto knows."""
        if self._odd.take(time.monotonic()):
            self._break(Close.OVERLOADED)
            return
        if first & 0x0F in (0, 1, 2):
            self._fragmented = not first & 0x80
        self._inner.receive_data(frame)
        for event in self._inner.events():
            match event:
                case TextMessage(data=text, message_finished=finished):
                    self._fragment(listener, text, finished=finished)
                case BytesMessage(data=part, message_finished=finished):
                    listener.feed_binary(bytes(part), finished=finished)
                case Ping():
                    self._answer_ping(event)
                case Pong():
                    self._answers, self._unanswered_s = True, math.inf
                case CloseConnection(code=code) if self._inner.state is ConnectionState.OPEN:
                    self._break(code)
                case CloseConnection():
                    self._answer_close(event)
                case _:
                    pass

    def _answer_ping(self, ping: Ping) -> None:
        """Behind our close nothing more is said."""
        if self._inner.state is ConnectionState.OPEN and self._transport.get_write_buffer_size() < PONG_BYTES:
            self._transport.write(self._inner.send(ping.response()))

    def _fragment(self, listener: Listener, text: str, *, finished: bool) -> None:
        if text:
            self._fragments.append(text)
        self._fragments_size += len(text.encode())
        if self._fragments_size > self._limit:
            self._break(Close.TOO_BIG)
        elif finished:
            whole = "".join(self._fragments)
            self._fragments, self._fragments_size = [], 0
            listener.feed(whole)

    def _stop_listening(self) -> None:
        """Nothing that the peer has said, or says from here on, is wanted any more."""
        self._deaf = True
        self._fragments.clear()

    def _answer_close(self, event: CloseConnection) -> None:
        self._stop_listening()
        if self._inner.state is ConnectionState.REMOTE_CLOSING:
            self._transport.write(self._inner.send(event.response()))
        self._hang_up()

    def _break(self, code: int) -> None:
        self._stop_listening()
        self.broken = code
        with suppress(LocalProtocolError):
            self._transport.write(self._inner.send(CloseConnection(code=code)))
            # One that has said the same and heard nothing: what cannot be read is not kept until the peer is gone.
            self._inner = Connection(ConnectionType.SERVER)
            self._inner.send(CloseConnection(code=code))
        asyncio.get_running_loop().call_later(FLUSHED_S, self._end_our_side)
        self._abort_later()

    def _end_our_side(self) -> None:
        """The end of TCP behind the close frame: a peer need not wait for the drop to see that it is over (section 7.1.1).

        Not by the transport: uvloop makes of a peer that was faster an OSError that Hypercorn does not expect.
        """
        ours = self._transport.get_extra_info("socket")
        plain = self._transport.get_extra_info("ssl_object") is None
        if plain and not self._transport.is_closing() and not self._transport.get_write_buffer_size():
            with suppress(OSError), socket.socket(fileno=os.dup(ours.fileno())) as twin:
                twin.shutdown(socket.SHUT_WR)

    def _hang_up(self) -> None:
        """Both sides have said goodbye: what is written still goes out, for a moment."""
        self._transport.close()
        self._open_gate()
        self._abort_later()

    def _abort_later(self) -> None:
        """The timer keeps nothing alive: a connection that is over by then is to be gone at once, with all that hangs on it."""
        asyncio.get_running_loop().call_later(FAREWELL_S, _abort, ref(self))


def _abort(line: "ref[Line]") -> None:
    there = line()
    if there is not None:
        there.abort()
