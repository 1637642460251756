"""Several servers that one URL names and that are asked at once, for some may be cut off or dead."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from storage.fault import BadUrl
from storage.link import Link

T = TypeVar("T")
ASK_S = 1.0
"""A server that has not answered by then is not waited for."""


class NoUse(Exception):
    """A server answers, and says nothing of use: in words for people."""


def split(url: str, port: int, example: str) -> tuple[SplitResult, list[tuple[str, int]], str | None, str | None]:
    """The parts of scheme://[USER[:PASSWORD]@]HOST[:PORT],..., its hosts, user and password. `port` is that of a host without one. Raises
    BadUrl, which says how it is to be as in `example`."""
    try:
        parts = urlsplit(url)
        whom, _, where = parts.netloc.rpartition("@")
        places = [
            (place.hostname, port if place.port is None else place.port) for place in (urlsplit(f"//{at}") for at in where.split(","))
        ]
    except ValueError:
        raise BadUrl("the URL is malformed (a password's : / ? # @ must be written as %3A %2F %3F %23 %40)") from None
    if not all(host and port for host, port in places):
        raise BadUrl(f"the URL must name the hosts of {example}")
    user, _, password = whom.partition(":")
    return parts, [(unquote(host or ""), port) for host, port in places], unquote(user) or None, unquote(password) or None


async def answers(
    links: Collection[Link], ask: Callable[[Link, AbstractConnection], Awaitable[T]], what: str, is_other: str, help_in: str = ""
) -> tuple[list[T], str]:
    """What more than half of them say, or all that answer in time; and why others said nothing of use, in one line. A server that does not
    know what it is asked "is `is_other`"; `help_in` says how one is let in that is called `what`."""

    async def one(link: Link) -> T:
        connection = link.connection()
        try:
            async with asyncio.timeout(ASK_S):
                await connection.connect()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
                return await ask(link, connection)
        except AuthenticationError:
            raise NoUse(f"the {what} at {link.place} does not let us in{help_in}") from None
        except ResponseError:
            raise NoUse(f"the {is_other.format(link.place)}, or does not let us ask") from None
        except (RedisError, OSError, TimeoutError):
            raise NoUse(f"the {what} at {link.place} does not answer") from None
        finally:
            await connection.disconnect(nowait=True)

    found: list[T] = []
    faults: dict[str, None] = {}
    asked = {asyncio.create_task(one(link)) for link in links}
    try:
        for answer in asyncio.as_completed(asked):
            try:
                found.append(await answer)
            except NoUse as fault:
                faults[str(fault)] = None
            if len(found) > len(links) // 2:
                break
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    return found, "; ".join(faults)
