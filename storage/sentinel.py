"""The way to a primary that Sentinel looks after: sentinels say where it is, and it says itself that it is one.

Every connection asks anew as it connects, all sentinels at once, for some may be cut off: of those who answer in time the one is believed
whose configuration is the newest. redis-py's own client asks one after another, each for as long as a connection may take, and believes
the first. What a stale answer leads to is no primary, or is cut off from its replicas and confirms nothing (`storage.replica`).
"""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import attrs
from redis.asyncio.connection import AbstractConnection, Connection

from storage.fault import BadUrl
from storage.link import Link, NoPrimary
from storage.several import NoUse, answers, split

PORT = 26379
CONNECT_S = 1.0
"""A primary is not waited for longer: where it is cut off there may soon be another."""
LOOK_S = 1.0
"""The sentinels are asked this often whether the primary has changed: a connection into nowhere does not tell."""
_NAME = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)
_PARTS = ("db", "sentinel_username", "sentinel_password")


@attrs.frozen
class Found:
    """Where a sentinel says that the primary is, by its configuration of this number."""

    host: str
    port: int
    epoch: int


@attrs.frozen(kw_only=True)
class Sentinels:
    """See `storage.link.Deployment`. `server` is who we are to the primary, wherever it is."""

    name: str
    sentinels: tuple[Link, ...]
    server: Link

    @classmethod
    def parse(cls, url: str) -> "Sentinels":
        """sentinel://[USER[:PASSWORD]@]HOST[:PORT],.../NAME[?db=DB]: user and password are the primary's, those of the sentinels are
        sentinel_username= and sentinel_password=. Raises BadUrl."""
        parts, places, user, password = split(url, PORT, "sentinels, as sentinel://HOST:PORT,HOST:PORT/NAME")
        try:
            query = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        except ValueError:
            raise BadUrl("the URL has a part that is not supported after its path") from None
        if query.keys() - set(_PARTS) or any(len(values) > 1 for values in query.values()) or parts.fragment:
            raise BadUrl("the URL has a part that is not supported after its path")
        name = parts.path.strip("/")
        if not _NAME.fullmatch(name):
            raise BadUrl("the URL must name the primary as the sentinels do, as sentinel://HOST:PORT,HOST:PORT/NAME")
        db, username, secret = (query.get(part, [""])[0] for part in _PARTS)
        if not re.fullmatch(r"[0-9]{0,6}", db, re.ASCII):
            raise BadUrl("the database in the URL must be a number")
        asked = (Link(host=host, port=port, username=username or None, password=secret or None) for host, port in places)
        server = Link(db=int(db or 0), username=user, password=password)
        return cls(name=name, sentinels=tuple(asked), server=server)

    @property
    def waits(self) -> bool:
        """Where another may take the primary's place, nothing is acknowledged that it would not have."""
        return True

    @property
    def place(self) -> str:
        """For people; without any name or password."""
        return f"sentinel://{','.join(link.place for link in self.sentinels)}/{self.name}"

    @property
    def password(self) -> str | None:
        """The primary's."""
        return self.server.password

    @property
    def db(self) -> int:
        """The primary's."""
        return self.server.db

    def connection(self) -> AbstractConnection:
        """A fresh connection, not yet connected; it finds the primary as it connects."""
        return _ToPrimary(self)

    async def watch(self, moved: Callable[[], Awaitable[None]]) -> None:
        """Tells, for ever, when another server has taken the primary's place."""
        known: Found | None = None
        while True:
            with contextlib.suppress(NoPrimary):
                found = await self.find()
                if known is not None and found.epoch > known.epoch and (found.host, found.port) != (known.host, known.port):
                    await moved()
                if known is None or found.epoch > known.epoch:
                    known = found
            await asyncio.sleep(LOOK_S)

    async def find(self) -> Found:
        """Where the primary is; raises `NoPrimary` with a sentence."""
        found, faults = await answers(self.sentinels, self._ask, "sentinel", "server at {} is no sentinel", " (?sentinel_password=)")
        if not found:
            raise NoPrimary(f"no primary is known for {self.place}: {faults}")
        return max(found, key=lambda place: place.epoch)

    async def _ask(self, link: Link, connection: AbstractConnection) -> Found:
        # Only the one that leads a failover knows of the promoted server at once, and it says so by this command.
        await connection.send_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name)
        where = await connection.read_response()
        if where is None:
            raise NoUse(f"the sentinel at {link.place} knows none named {self.name}")
        await connection.send_command("SENTINEL", "MASTER", self.name)
        told = await connection.read_response()
        more = dict(zip(told[::2], told[1::2], strict=True))
        return Found(where[0].decode(), int(where[1]), int(more[b"config-epoch"]))


class _ToPrimary(Connection):
    """Finds out where it leads when it connects."""

    def __init__(self, sentinels: Sentinels) -> None:
        options: dict[str, Any] = sentinels.server.options()
        super().__init__(**options)
        self._sentinels = sentinels

    async def connect(self) -> None:
        """Raises what any connection raises, and `NoPrimary`."""
        found = await self._sentinels.find()
        self.host, self.port = found.host, found.port
        where = f"{found.host}:{found.port}, which the sentinels of {self._sentinels.name} name,"
        try:
            async with asyncio.timeout(CONNECT_S):
                await super().connect()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
                await self.send_command("ROLE")
                role = await self.read_response()
        except TimeoutError:
            await self.disconnect(nowait=True)
            raise NoPrimary(f"the Redis at {where} does not answer") from None
        except BaseException:
            await self.disconnect(nowait=True)
            raise
        if role[0] != b"master":
            await self.disconnect(nowait=True)
            raise NoPrimary(f"the Redis at {where} is no primary")
