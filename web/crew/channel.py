"""One end of the pair of sockets between the master and a worker."""

import asyncio
import socket
from typing import Generic, TypeVar

import msgspec

from web.crew.message import Start

LINE_LIMIT = 16 * 1024 * 1024
"""What all workers have counted goes in one line."""
T = TypeVar("T")
_encode = msgspec.json.Encoder().encode


class Channel(Generic[T]):
    """Hears messages of one union. `over` makes one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, decoder: "msgspec.json.Decoder[T]") -> None:
        self._reader = reader
        self._writer = writer
        self._decoder = decoder

    @classmethod
    async def over(cls, end: socket.socket, decoder: "msgspec.json.Decoder[T]") -> "Channel[T]":
        """A channel over a connected socket, which is the channel's from here on."""
        end.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=end, limit=LINE_LIMIT)
        return cls(reader, writer, decoder)

    def say_nowait(self, message: object) -> None:
        """Sends a message; whoever is at the other end may be gone."""
        if not self._writer.is_closing():
            self._writer.write(line(message))

    async def hear(self) -> T | None:
        """The next message; None at the end."""
        while True:
            try:
                heard = await self._reader.readline()
            except (OSError, ValueError):
                return None
            if not heard.endswith(b"\n"):
                return None
            try:
                return self._decoder.decode(heard)
            except msgspec.ValidationError:
                continue  # of other code than ours

    async def close(self) -> None:
        """What was said is sent; ends this end."""
        try:
            await self._writer.drain()
        except OSError:
            pass
        finally:
            self._writer.close()


def line(message: object) -> bytes:
    """A message as it travels."""
    return _encode(message) + b"\n"


def hand_over(end: socket.socket, start: Start, listener: socket.socket) -> None:
    """The first line, with the listening socket. Raises OSError where nobody is there any more."""
    data = line(start)
    sent = socket.send_fds(end, [data], [listener.fileno()])
    end.sendall(data[sent:])


def take_over(end: socket.socket) -> tuple[Start, socket.socket]:
    """The other side of `hand_over`."""
    data, found, _, _ = socket.recv_fds(end, 1 << 16, 1)
    while not data.endswith(b"\n"):
        more = end.recv(1 << 16)
        if not more:
            raise EOFError
        data += more
    return msgspec.json.decode(data, type=Start), socket.socket(fileno=found[0])
