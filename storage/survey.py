"""What the servers of a deployment that take writes say about themselves: one, or each primary of a cluster."""

import asyncio

from redis.exceptions import RedisError

from storage.cluster import Cluster, Slots
from storage.fault import StorageStartError
from storage.key import NEWEST
from storage.link import CHECK_TIMEOUT_S, Deployment, Link, NoPrimary, ServerInfo, check, refuse_newer

MAJORITY = 3
"""Fewer primaries cannot agree on a replica that is to take the place of one."""


async def survey(there: Deployment) -> tuple[ServerInfo, ...]:
    """Asks them all; raises StorageStartError where dibs cannot work with one of them."""
    if not isinstance(there, Cluster):
        return (await check(there),)
    slots, links = await shards(there)
    found = await asyncio.gather(*(check(link, clustered=True) for link in links))
    await _refuse_newer(there.link(slots.owner(NEWEST)))
    return tuple(found)


async def shards(there: Cluster) -> tuple[Slots, tuple[Link, ...]]:
    """The map, and the way to each primary; raises StorageStartError where a slot has none."""
    try:
        slots = await there.discover()
    except NoPrimary as error:
        raise StorageStartError(str(error)) from None
    if lacking := slots.owners.count(""):
        raise StorageStartError(f"of the slots of {there.place} {lacking} belong to no server (redis-cli --cluster check tells which)")
    return slots, tuple(there.link(address) for address in slots.primaries)


async def _refuse_newer(link: Link) -> None:
    connection = link.connection()
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await connection.connect()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
            await refuse_newer(link, connection)
    except (TimeoutError, RedisError, OSError):
        raise StorageStartError(f"the Redis at {link.place} does not tell who wrote its data") from None
    finally:
        await connection.disconnect(nowait=True)


def remarks(infos: tuple[ServerInfo, ...]) -> list[tuple[str, str]]:
    """What keeps the promise and yet is not as it should be, and how it is mended."""
    found = []
    if any(info.covers for info in infos):
        found.append(
            (
                "where one shard is lost all others refuse writes too (cluster-require-full-coverage yes)",
                "on each of the servers CONFIG SET cluster-require-full-coverage no, and the same in its file",
            )
        )
    if any(info.clustered for info in infos) and len(infos) < MAJORITY:
        found.append(
            (f"no replica will take the place of a primary: {len(infos)} of them are no majority", "give the cluster three primaries")
        )
    return found
