"""The way to a Redis or Valkey: its URL, fresh connections to it, and what the server says about itself.

A connection never retries and never times out a read: whoever reads knows how long it may wait and what an unknown outcome means.
The password is in no repr and no message. Texts of the server are not repeated either: some quote the command, and AUTH is one.
"""

import asyncio
import os
import re
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import attrs
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from storage.fault import BadUrl, StorageStartError
from storage.key import NEWEST, VERSION

CONNECT_TIMEOUT_S = 3.0
CHECK_TIMEOUT_S = 5.0
OLDEST_REDIS = (7, 0)
_SETTINGS, _COVERS = ("appendfsync", "min-replicas-to-write", "min-replicas-max-lag"), "cluster-require-full-coverage"
_TLS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


class NoPrimary(RedisConnectionError):
    """None of several servers is known to take writes; a sentence that may be told."""


class Deployment(Protocol):
    """The way to whichever server takes the writes at present."""

    @property
    def place(self) -> str:
        """Where it is, for people; without any name or password."""

    @property
    def waits(self) -> bool:
        """Whether nothing is acknowledged that no replica has."""

    @property
    def password(self) -> str | None:
        """Ours, there."""

    @property
    def db(self) -> int:
        """The number of the database."""

    def connection(self) -> AbstractConnection:
        """A fresh connection, not yet connected."""

    async def watch(self, moved: Callable[[], Awaitable[None]]) -> None:
        """Tells, as long as it is to be told, when writes go elsewhere from now on."""


@attrs.frozen(kw_only=True)
class Link:
    """Where a server is and who we are to it. `path` is a unix socket's, and empty for TCP; `tls` names files by redis-py's words."""

    host: str = ""
    port: int = 6379
    path: str = ""
    db: int = 0
    username: str | None = None
    password: str | None = attrs.field(default=None, repr=False)
    tls: dict[str, Any] | None = None
    waits: bool = False
    """Whether it has replicas, and nothing is acknowledged that none of them has."""

    @classmethod
    def parse(cls, url: str) -> "Link":
        """redis://[USER[:PASSWORD]@]HOST[:PORT][/DB], rediss:// the same with TLS, unix://[USER[:PASSWORD]@]/PATH[?db=DB].
        For TLS ?ssl_ca_certs=, ssl_certfile= and ssl_keyfile= name files; ?wait=1 waits for a replica. Raises BadUrl."""
        try:
            parts = urlsplit(url)
            port = parts.port
            query = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        except ValueError:
            raise BadUrl("the URL is malformed (a password's : / ? # @ must be written as %3A %2F %3F %23 %40)") from None
        if parts.scheme not in ("redis", "rediss", "unix"):
            raise BadUrl("the URL must begin with redis://, rediss:// or unix://")
        is_unix = parts.scheme == "unix"
        unknown = query.keys() - ({"db", "wait", *_TLS_FILES} if parts.scheme == "rediss" else {"db", "wait"})
        if unknown or any(len(values) > 1 for values in query.values()) or parts.fragment:
            raise BadUrl("the URL has a part that is not supported after its path")
        if query.get("wait", ["0"])[0] not in ("0", "1"):
            raise BadUrl("wait in the URL must be 0 or 1: one replica is waited for, or none")
        if is_unix and (not parts.path.startswith("/") or parts.hostname):
            raise BadUrl("a unix URL must name a socket by its full path, as unix:///PATH")
        if not is_unix and (not parts.hostname or port == 0):
            raise BadUrl("the URL must name a host, as redis://HOST:PORT")
        return cls(
            host="" if is_unix else unquote(parts.hostname or ""),
            port=6379 if port is None else port,
            path=unquote(parts.path) if is_unix else "",
            db=_db(query["db"][0] if "db" in query else "" if is_unix else parts.path.strip("/")),
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            tls={key: query[key][0] for key in _TLS_FILES if key in query} if parts.scheme == "rediss" else None,
            waits=query.get("wait") == ["1"],
        )

    @property
    def place(self) -> str:
        """Where the server is, for people; without any name or password."""
        return self.path or (f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}")

    async def watch(self, moved: Callable[[], Awaitable[None]]) -> None:
        """Whoever names a server has it where it is."""

    def options(self) -> dict[str, Any]:
        """Those of any connection. RESP2: replies are plain lists, and no server needs more for what is asked of it."""
        return {
            "db": self.db,
            "username": self.username,
            "password": self.password,
            "protocol": 2,
            "retry": Retry(NoBackoff(), 0),
            "retry_on_error": [],
            "health_check_interval": 0,
            "socket_timeout": None,
            "socket_connect_timeout": CONNECT_TIMEOUT_S,
            "decode_responses": False,
            "client_name": "dibs",
            "driver_info": None,
        }

    def connection(self) -> AbstractConnection:
        """A fresh connection, not yet connected."""
        usual = self.options()
        if self.path:
            return UnixDomainSocketConnection(path=self.path, **usual)
        if self.tls is None:
            return Connection(host=self.host, port=self.port, **usual)
        return SSLConnection(host=self.host, port=self.port, **usual, **self.tls)


def _db(text: str) -> int:
    if text and not re.fullmatch(r"[0-9]{1,6}", text, re.ASCII):
        raise BadUrl("the database in the URL must be a number")
    return int(text or 0)


@attrs.frozen(kw_only=True)
class ServerInfo:
    """What a server says about itself. None where it does not tell (CONFIG denied)."""

    kind: str
    version: str
    run_id: str
    replication_id: str
    primary: bool
    loading: bool
    replicas: int
    appendonly: bool
    appendfsync: str | None
    maxmemory_policy: str
    maxmemory: int
    min_replicas: int | None
    max_lag_s: int | None = None
    clustered: bool = False
    covers: bool | None = None
    """Whether a cluster refuses everything while it lacks a slot."""


async def check(link: Deployment, *, clustered: bool = False) -> ServerInfo:
    """Asks a server who it is; raises StorageStartError where dibs cannot work with it. `clustered`: as one of several."""
    connection = link.connection()
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await connection.connect()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
            found = _judge(link, await _info(connection), await _config(connection, clustered=clustered), clustered=clustered)
            if not clustered:
                await refuse_newer(link, connection)
    except (TimeoutError, RedisTimeoutError):
        raise StorageStartError(f"the Redis at {link.place} does not answer") from None
    except (RedisError, OSError, ValueError) as error:
        raise StorageStartError(_reason(link, error)) from None
    finally:
        await connection.disconnect(nowait=True)
    return found


async def _info(connection: AbstractConnection) -> dict[str, str]:
    """All sections that are needed; one at a time, for servers before 7.0 know no list of them."""
    found: dict[str, str] = {}
    for section in ("server", "persistence", "replication", "memory"):
        await connection.send_command("INFO", section)
        text = bytes(await connection.read_response()).decode("utf-8", "replace")
        found |= dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return found


async def _config(connection: AbstractConnection, *, clustered: bool) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in (*_SETTINGS, *((_COVERS,) if clustered else ())):
        try:
            await connection.send_command("CONFIG", "GET", name)
            pair = await connection.read_response()
        except ResponseError:
            continue
        if len(pair) == 2:
            found[name] = bytes(pair[1]).decode()
    return found


async def refuse_newer(link: Deployment, connection: AbstractConnection) -> None:
    """Raises StorageStartError where the data were written by a newer dibs. What is no number was written by nobody we know of."""
    await connection.send_command("GET", NEWEST)
    newest = await connection.read_response()
    if newest is not None and not (bytes(newest).isdigit() and int(newest) <= VERSION):
        shown = f"layout {int(newest)}, this one knows {VERSION}" if bytes(newest).isdigit() else "its layout has no number"
        raise StorageStartError(
            f"the data at {link.place} were written by a newer dibs ({shown}): start that one, or one that is newer still"
        )


def _judge(link: Deployment, info: dict[str, str], settings: dict[str, str], *, clustered: bool) -> ServerInfo:
    kind = "valkey" if "valkey_version" in info or info.get("server_name") == "valkey" else "redis"
    version = info.get("valkey_version") or info.get("redis_version", "")
    numbers = tuple(int(part) for part in re.findall(r"[0-9]+", version)[:2])
    if kind == "redis" and numbers < OLDEST_REDIS:
        raise StorageStartError(f"the Redis at {link.place} is version {version or 'unknown'}; dibs needs Redis 7.0 or later, or Valkey")
    if not clustered and "cluster" in (info.get("redis_mode"), info.get("server_mode")):
        raise StorageStartError(f"the Redis at {link.place} is a part of a cluster; name that, as cluster://HOST:PORT,HOST:PORT")
    if info.get("role", "master") != "master":
        raise StorageStartError(f"the Redis at {link.place} is a replica; give the address of its primary")
    least, lag = (settings.get(name, "") for name in ("min-replicas-to-write", "min-replicas-max-lag"))
    return ServerInfo(
        kind=kind,
        version=version,
        run_id=info.get("run_id", ""),
        replication_id=info.get("master_replid", ""),
        primary=True,
        loading=info.get("loading", "0") != "0",
        replicas=int(info.get("connected_slaves", 0)),
        appendonly=info.get("aof_enabled", "0") == "1",
        appendfsync=settings.get("appendfsync"),
        maxmemory_policy=info.get("maxmemory_policy", "unknown"),
        maxmemory=int(info.get("maxmemory", 0)),
        min_replicas=int(least) if least.isdecimal() else None,
        max_lag_s=int(lag) if lag.isdecimal() else None,
        clustered=clustered,
        covers=settings[_COVERS] == "yes" if _COVERS in settings else None,
    )


def _reason(link: Deployment, error: Exception) -> str:
    cause = error.__cause__ or error.__context__ or error
    where = f"the Redis at {link.place}"
    # While it connects, redis-py may wrap the server's refusal into an error of the connection.
    match cause if isinstance(cause, RedisError) else error:
        case NoPrimary():
            return str(error)
        case AuthenticationError() if link.password is None:
            return f"{where} wants a password; put it into the URL, as redis://:PASSWORD@HOST"
        case AuthenticationError():
            return f"{where} does not accept the user name and password"
        case NoPermissionError():
            return f"{where} does not give this user the rights that dibs needs (INFO, CLIENT, SELECT and all commands on its keys)"
        case ResponseError() if "DB index" in str(error):
            return f"{where} has no database {link.db}"
        case ResponseError():
            return f"{where} refuses the connection ({re.sub('[^A-Z]', '', str(error).split(' ')[0]) or 'ERR'})"
        case _ if isinstance(cause, ssl.SSLError):
            return f"{where} cannot be reached with TLS: {getattr(cause, 'verify_message', '') or cause.reason or 'handshake failed'}"
        case RedisConnectionError() | OSError() if isinstance(cause, OSError) and cause.strerror:
            return f"{where} cannot be reached: {_strerror(cause)}"
        case _:
            return f"{where} cannot be reached"


def _strerror(error: OSError) -> str:
    """The plain words: asyncio puts addresses into its own; those of name look-ups have numbers of their own, below zero."""
    return os.strerror(error.errno) if error.errno is not None and error.errno > 0 else str(error.strerror)
