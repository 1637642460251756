"""One connection to Redis: a list of commands out in one write, as many replies back.

The connection is redis-py's; its own retries are off, because whether a lost reply may be asked for again is for the storage
actor to say. Scripts are loaded at each connect. A connection that was given up may still hold commands which the server has not
read: the next one ends it by `CLIENT KILL` first, so that nothing old is carried out behind our back.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from importlib.resources import files

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoScriptError, RedisError, ResponseError

from storage.journal import JournalLost, JournalUnreachable

Command = tuple[str | bytes | int | float, ...]

CONNECT_TIMEOUT_S = 3.0


def _source(name: str) -> bytes:
    folder = files("storage") / "lua"
    text = (folder / f"{name}.lua").read_bytes()
    return (folder / "bisect.lua").read_bytes() + b"\n" + text if b"first_at" in text else text


SCRIPTS = {
    name: _source(name)
    for name in (
        "append",
        "back",
        "chats",
        "erase",
        "here",
        "history",
        "list",
        "overview",
        "owned",
        "page",
        "rewrite",
        "snapshot",
        "store",
        "sweep",
        "trim",
    )
}
"""Name to source of every script."""


class Pipe:
    """Not for two callers at once: whoever owns it sends one list after another."""

    def __init__(self, connect: Callable[[], AbstractConnection]) -> None:
        self._connect = connect
        self._connection: AbstractConnection | None = None
        self._client_id: int | None = None
        self._name = f"dibs-{secrets.token_hex(6)}"
        self._sha: dict[str, bytes] = {}
        self.replication_id = ""
        """Which history of writes the server went on with when it was connected; another one's after it took another's place."""

    @property
    def is_open(self) -> bool:
        """Whether the next call goes over the connection of the last one."""
        return self._connection is not None

    def script(self, name: str, keys: Sequence[str], args: Sequence[str | bytes | int]) -> Command:
        """The command that runs a script of `storage/lua`."""
        return ("EVALSHA", _Sha(name), len(keys), *keys, *args)

    async def call(self, commands: Sequence[Command]) -> list[object]:
        """The replies in order, an error of the server in the place of its reply.

        Raises `JournalUnreachable` if nothing was sent and `JournalLost` if the replies did not come; the connection is closed then,
        and so it is if the caller is cancelled.
        """
        connection = self._connection or await self._open()
        try:
            return await self._exchange(connection, [self._resolve(command) for command in commands])
        except (RedisError, OSError) as error:
            await self.close()
            raise JournalLost(str(error)) from error
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Gives the connection up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)

    def _resolve(self, command: Command) -> Command:
        script = command[1] if command[0] == "EVALSHA" else None
        return ("EVALSHA", self._sha[script.name], *command[2:]) if isinstance(script, _Sha) else command

    async def _open(self) -> AbstractConnection:
        connection = self._connect()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await connection.connect()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
                await self._end_former(connection)
                opening: list[Command] = [("CLIENT", "ID"), ("CLIENT", "SETNAME", self._name), ("INFO", "replication")]
                loads: list[Command] = [("SCRIPT", "LOAD", source) for source in SCRIPTS.values()]
                replies = await self._exchange(connection, [*opening, *loads])
        except (RedisError, OSError, TimeoutError) as error:
            await connection.disconnect(nowait=True)
            raise JournalUnreachable(str(error)) from error
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        shas = replies[len(opening) :]
        for sha in shas:
            if not isinstance(sha, bytes):
                await connection.disconnect(nowait=True)
                raise JournalUnreachable(str(sha))
        self._sha = dict(zip(SCRIPTS, (sha for sha in shas if isinstance(sha, bytes)), strict=True))
        self.replication_id = _replication_id(replies[2])
        self._client_id = replies[0] if isinstance(replies[0], int) else None
        self._connection = connection
        return connection

    async def _end_former(self, connection: AbstractConnection) -> None:
        """Numbers of connections begin anew with the server, so the name must fit too before one is ended."""
        if self._client_id is None:
            return
        (there,) = await self._exchange(connection, [("CLIENT", "LIST", "ID", self._client_id)])
        if isinstance(there, bytes) and f"name={self._name} ".encode() in there:
            await self._exchange(connection, [("CLIENT", "KILL", "ID", self._client_id)])

    async def _exchange(self, connection: AbstractConnection, commands: Sequence[Command]) -> list[object]:
        # hiredis packs a batch in a tenth of the time of redis-py's own writer.
        packed = b"".join([pack_command(command) for command in commands])  # type: ignore[arg-type]  # its stub knows one-word commands only
        await connection.send_packed_command([packed], check_health=False)
        replies: list[object] = []
        for _ in commands:
            try:
                replies.append(await connection.read_response(disconnect_on_error=False))
            except ResponseError as error:
                replies.append(error)
        if any(isinstance(reply, NoScriptError) for reply in replies):
            # Somebody flushed the scripts. What was refused for that did not run; the next connect loads them.
            await self.close()
        return replies


def _replication_id(told: object) -> str:
    """Empty where the server does not tell."""
    lines = told.decode("utf-8", "replace").splitlines() if isinstance(told, bytes) else []
    return next((line.partition(":")[2] for line in lines if line.startswith("master_replid:")), "")


class _Sha(str):
    """Stands for the digest of a script until a connection knows it."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name
