"""One connection to Redis on which nothing is asked and everything that is published in its channels is heard.

redis-py's own PubSub subscribes again by itself after a cut, and nobody learns that something was missed; here a cut is an error.
Nothing on it ever times out: silence is what it is for. Whether it is dead is found out through it (`storage.follower`).
"""

import asyncio
from collections.abc import Callable, Sequence

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError, ResponseError

from storage.journal import JournalLost, JournalUnreachable
from storage.pipe import CONNECT_TIMEOUT_S, Command

Heard = tuple[str, str, bytes]
"""The kind of what was heard (`message`, `smessage`, `subscribe`, …), the channel, and the message."""


class Ear:
    """Not for two listeners at once. One may listen while another says."""

    def __init__(self, connect: Callable[[], AbstractConnection]) -> None:
        self._connect = connect
        self._connection: AbstractConnection | None = None

    async def open(self) -> None:
        """A fresh connection; raises `JournalUnreachable`."""
        await self.close()
        connection = self._connect()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await connection.connect()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
        except (RedisError, OSError, TimeoutError) as error:
            await connection.disconnect(nowait=True)
            raise JournalUnreachable(str(error)) from error
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        self._connection = connection

    async def say(self, commands: Sequence[Command]) -> None:
        """Sends commands that follow and leave channels; their answers are heard. Raises `JournalLost`."""
        packed = b"".join([pack_command(command) for command in commands])  # type: ignore[arg-type]  # its stub knows one-word commands only
        try:
            await self._there.send_packed_command([packed], check_health=False)
        except (RedisError, OSError) as error:
            raise JournalLost(str(error)) from error

    async def hear(self) -> Heard:
        """The next thing that is heard; raises `JournalLost`."""
        try:
            found = await self._there.read_response(disconnect_on_error=False)
        except ResponseError as error:
            return "error", "", str(error).encode()
        except (RedisError, OSError) as error:
            raise JournalLost(str(error)) from error
        kind, channel, message = found[:3]
        return kind.decode(), channel.decode() if channel else "", message if isinstance(message, bytes) else b""

    async def close(self) -> None:
        """Gives the connection up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)

    @property
    def _there(self) -> AbstractConnection:
        if self._connection is None:
            raise JournalLost("the connection is closed")
        return self._connection
