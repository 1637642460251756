"""The place where the simulated Redis runs, and the ways to it: connections that are slow, refused, cut at any point, or wait.

What a real server does with a connection that was given up is done here too: what had arrived is carried out, what had not is not;
what waits while the server stands still is carried out when it goes on, unless the next connection ended the former one first.
"""

import asyncio
import random
from collections.abc import Iterable, Sequence
from typing import Any

from storage.journal import JournalLost, JournalUnreachable
from storage.key import NODES
from storage.pipe import CONNECT_TIMEOUT_S, Command
from tests.simulation.ear import SimulatedEar
from tests.simulation.loop import context_of
from tests.simulation.lua import LUA
from tests.simulation.redis import Redis


class Server:
    """One server that all nodes share. Faults are switches that a schedule turns."""

    def __init__(self, redis: Redis, chance: random.Random) -> None:
        self.redis = redis
        self.chance = chance
        self.is_up = True
        self.is_stalled = False
        self.slowness_s = 0.0
        """Added to each way, at most."""
        self.lose_requests = self.lose_replies = 0
        """How many of the next batches are cut off before they arrive, or after they were carried out."""
        self.refuse_batches = 0
        """How many of the next batches find no room, though those behind them do."""
        self.unreachable: set[str] = set()
        """Nodes from which there is no way."""
        self.drop_every = 0
        """Every so manieth message of a channel comes to nobody; 0 for none."""
        self.carried_out = 0
        self.ears: list[SimulatedEar] = []
        self._published = 0
        self._waiting: list[Request] = []
        self._connections: list[Connection] = []
        self._context = context_of("")
        LUA.listening()

    def way_s(self) -> float:
        """How long something is on its way."""
        slow = self.slowness_s * self.chance.random() if self.slowness_s else 0.0
        return 0.0002 + 0.002 * self.chance.random() ** 3 + slow

    def stall(self) -> None:
        self.is_stalled = True

    def go_on(self) -> None:
        self.is_stalled = False
        waiting, self._waiting = self._waiting, []
        for request in waiting:
            self._carry_out(request)

    def stop(self) -> None:
        """Ends every connection; what was carried out stays."""
        self.is_up = False
        self.is_stalled = False
        self._waiting = []
        for connection in self._connections:
            connection.cut()
        self._connections = []
        for ear in tuple(self.ears):
            ear.cut()

    def start(self) -> None:
        self.is_up = True

    def add(self, connection: "Connection") -> None:
        self._connections = [*(known for known in self._connections if not known.is_ended), connection]

    def send(self, request: "Request") -> None:
        """The request leaves; it comes in in the order in which its connection sent."""
        asyncio.get_running_loop().call_later(self.way_s(), self._arrive, request, context=self._context)

    def _arrive(self, request: "Request") -> None:
        if request.is_batch and self.lose_requests:
            self.lose_requests -= 1
            request.connection.cut()
        elif request.connection.is_ended or not self.is_up:
            request.connection.cut()
        elif self.is_stalled:
            self._waiting.append(request)
        else:
            self._carry_out(request)

    def _carry_out(self, request: "Request") -> None:
        if request.connection.is_ended:
            return
        was_full = self.redis.is_full
        if request.is_batch and self.refuse_batches:
            self.refuse_batches -= 1
            self.redis.is_full = True
        replies = [self.redis.execute(command) for command in request.commands]
        self.redis.is_full = was_full
        self.carried_out += 1
        self._tell()
        if request.is_batch and self.lose_replies:
            self.lose_replies -= 1
            request.connection.cut()
        else:
            asyncio.get_running_loop().call_later(self.way_s(), request.answer, replies, context=self._context)

    # Channels.

    def join(self, ear: SimulatedEar) -> None:
        self.ears.append(ear)

    def leave(self, ear: SimulatedEar) -> None:
        if ear in self.ears:
            self.ears.remove(ear)
        left, ear.channels = ear.channels, {}
        self._count(left)

    def obey(self, ear: SimulatedEar, command: str, channel: str) -> None:
        """It follows a channel, or follows it no more."""
        if command.endswith("UNSUBSCRIBE"):
            ear.channels.pop(channel, None)
        else:
            ear.channels[channel] = "smessage" if command == "SSUBSCRIBE" else "message"
        self._count((channel,))
        ear.take((command.lower(), channel, b""))

    def _count(self, channels: Iterable[str]) -> None:
        for channel in channels:
            if channel == NODES or ":node:" in channel:
                LUA.listening(channel.encode(), sum(channel in ear.channels for ear in self.ears))

    def _tell(self) -> None:
        for channel, message in LUA.published():
            self._published += 1
            if self.drop_every and not self._published % self.drop_every:
                continue
            for ear in self.ears:
                if channel in ear.channels:
                    ear.take((ear.channels[channel], channel, message))


class Connection:
    """Compared by identity. `is_ended`: the server takes nothing from it any more."""

    def __init__(self) -> None:
        self.is_ended = False
        self.under_way: Request | None = None

    def cut(self) -> None:
        self.is_ended = True
        if self.under_way is not None:
            self.under_way.fail()


class Request:
    """A list of commands on its way."""

    def __init__(self, connection: Connection, commands: Sequence[Command], *, is_batch: bool) -> None:
        self.connection = connection
        self.commands = commands
        self.is_batch = is_batch
        self.replies: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()

    def answer(self, replies: list[Any]) -> None:
        if not self.replies.done() and not self.connection.is_ended:
            self.replies.set_result(replies)

    def fail(self) -> None:
        if not self.replies.done():
            self.replies.set_exception(JournalLost("the connection was cut"))


class SimulatedPipe:
    """Stands where `storage.pipe.Pipe` stands, for one node. Over that of the `writer` go batches and nothing else."""

    def __init__(self, server: Server, node: str, *, is_writer: bool) -> None:
        self._server = server
        self._node = node
        self._is_writer = is_writer
        self._connection: Connection | None = None
        self._former: Connection | None = None
        self.is_dead = False
        """The node was killed: nothing leaves any more."""
        self.replication_id = ""
        """There is one server, and none ever takes its place."""

    @property
    def is_open(self) -> bool:
        """See `Pipe.is_open`."""
        return self._connection is not None and not self._connection.is_ended

    def script(self, name: str, keys: Sequence[str], args: Sequence[str | bytes | int]) -> Command:
        """See `Pipe.script`."""
        return ("EVALSHA", name, len(keys), *keys, *args)

    async def call(self, commands: Sequence[Command]) -> list[Any]:
        """See `Pipe.call`."""
        if not self.is_open:
            await self._open()
        connection = self._connection
        if self.is_dead or connection is None:
            raise JournalLost("the node is dead")
        if self._node in self._server.unreachable:
            await self.close()
            raise JournalLost("no way")
        request = connection.under_way = Request(connection, commands, is_batch=self._is_writer)
        self._server.send(request)
        try:
            return await request.replies
        except BaseException:
            await self.close()
            raise
        finally:
            connection.under_way = None

    async def _open(self) -> None:
        """What a former connection may still hold is ended first, as `Pipe` does by CLIENT KILL."""
        await asyncio.sleep(self._server.way_s() * 2)
        if self.is_dead or not self._server.is_up or self._node in self._server.unreachable:
            raise JournalUnreachable("no way")
        if self._server.is_stalled:
            await asyncio.sleep(CONNECT_TIMEOUT_S)
            raise JournalUnreachable("no reply in time")
        if self._former is not None:
            self._former.is_ended = True
        self._connection = self._former = Connection()
        self._server.add(self._connection)

    async def close(self) -> None:
        """See `Pipe.close`: what was sent may still arrive."""
        self._connection = None
