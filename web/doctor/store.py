"""The server below: that of --redis, or the private one of the data directory, where one runs. The one file here that knows `storage`."""

import statistics
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from storage.binary import find_server
from storage.checkup import Checkup, check_up
from storage.cluster import Cluster
from storage.deployment import parse
from storage.directory import backed_up_s, running_server, server_socket
from storage.fault import BadUrl, StorageStartError
from storage.key import pulse_of_shard
from storage.link import Deployment, Link
from storage.promise import Level
from storage.survey import remarks, shards, survey
from web.doctor.directory import shown
from web.doctor.finding import Finding, fail, ok, warn

SLOW_PING_S, SLOW_WRITE_S = 0.005, 0.05
"""Medians from which on users notice."""
TOO_SLOW_S = 1.0
OLD_BACKUP_S = 7 * 24 * 3600.0
CLOCK_S, WRONG_CLOCK_S = 1.0, 60.0
FULL, NEARLY_FULL = 0.95, 0.75
"""Shares of the memory that the server may have."""
_ALWAYS = "CONFIG SET appendonly yes, CONFIG SET appendfsync always, and the same in its configuration file"

_REPLICA = (
    "on each of the servers CONFIG SET appendonly yes, maxmemory-policy noeviction, min-replicas-to-write 1, "
    "min-replicas-max-lag 10, and the same in its file"
)


async def examine_store(redis: str | None, program: Path | None, data: Path) -> AsyncIterator[Finding]:
    """Who works in the data directory, and how the server is that dibs has or would have."""
    if redis is not None:
        try:
            link: Deployment = parse(redis)
        except BadUrl as error:
            yield fail("redis", str(error), "correct --redis, or DIBS_REDIS")
            return
    else:
        try:
            pid = running_server(data)
        except OSError as error:
            yield fail("in use", f"{data}/valkey cannot be looked into: {error.strerror}", "run the doctor as the user of dibs")
            return
        if (backup_s := backed_up_s(data)) is not None:
            yield judge_backup(time.time() - backup_s)
        if pid is None:
            yield await _program(program)
            return
        yield _tenant(data, pid)
        link = Link(path=str(server_socket(data)))
    try:
        if isinstance(link, Cluster):
            async for finding in _cluster(link):
                yield finding
        else:
            for finding in judge(link.place, await check_up(link)):
                yield finding
    except StorageStartError as error:
        yield fail("redis", str(error), "see whether it runs, where it listens, and whom it lets in")


async def _cluster(there: Cluster) -> AsyncIterator[Finding]:
    """Each primary in turn, then all together; raises StorageStartError."""
    slots, links = await shards(there)
    found = [
        (link, await check_up(link, pulse=slots.own(pulse_of_shard, address), clustered=True))
        for address, link in zip(slots.primaries, links, strict=True)
    ]
    for link, one in found:
        for finding in judge(link.place, one):
            yield finding
    said = remarks(await survey(there))
    for sentence, mend in said:
        yield warn("cluster", sentence, mend)
    if not said:
        yield ok("cluster", f"{len(found)} primaries have all slots")


def judge_backup(age_s: float) -> Finding:
    """One line for data that were backed up so long ago."""
    said = f"the last one is {max(age_s, 0) / 3600:.0f} h old"
    if age_s >= OLD_BACKUP_S:
        return warn("backup", said, "see why none was made since: dibs backup, on a schedule")
    return ok("backup", said)


async def _program(program: Path | None) -> Finding:
    """The private server does not run: whether it could."""
    try:
        path = await find_server(await find_server(program))
    except StorageStartError as error:
        return fail("redis", str(error), "name a program with --redis-server, or a server with --redis")
    return ok("redis", f"no dibs uses the data directory; serve would start {path}")


def _tenant(data: Path, pid: int) -> Finding:
    """`pid` is the server's; the lock file names its dibs."""
    try:
        dibs = (data / "lock").read_text().strip()
    except OSError:
        dibs = ""
    if dibs.isdecimal() and Path(f"/proc/{pid}").exists() and not Path(f"/proc/{dibs}").exists():
        return warn("in use", f"by a server (pid {pid}) whose dibs (pid {dibs}) is gone", "start dibs: it ends such a server first")
    return ok("in use", f"by dibs (pid {dibs or 'unknown'}) and its private server (pid {pid})")


def judge(place: str, found: Checkup) -> Iterator[Finding]:
    """One line for each question that was put to a server."""
    info = found.info
    named = f"{'Valkey' if info.kind == 'valkey' else 'Redis'} {info.version} at {place}"
    if found.refused:
        yield fail(
            "redis", f"{named} refuses to write ({found.refused})", "see its log and INFO: memory, disk, replicas, the user's rights"
        )
    elif found.failing:
        yield fail("redis", f"{named} says: {', '.join(found.failing)} is not ok", "see its log and its disk")
    else:
        yield ok("redis", f"{named} answers and takes writes")
    yield _promise(found)
    if info.maxmemory_policy == "noeviction":
        yield ok("eviction", "noeviction: what is kept stays")
    else:
        yield fail(
            "eviction",
            f"{info.maxmemory_policy}: it may throw chats away",
            "CONFIG SET maxmemory-policy noeviction, and the same in its file",
        )
    yield _memory(found)
    yield _latency(found)
    yield _clock(found)


def _promise(found: Checkup) -> Finding:
    match found.promise.level:
        case Level.ALWAYS:
            return ok("promise", found.promise.sentence)
        case Level.REPLICA:
            return ok("promise", found.promise.sentence)
        case Level.SECOND:
            return warn("promise", found.promise.sentence, "CONFIG SET appendfsync always, if that is too much to lose")
        case Level.WEAK:
            return fail("promise", found.promise.sentence, _REPLICA if found.waits else _ALWAYS)


def _memory(found: Checkup) -> Finding:
    limit, bound = found.info.maxmemory, "maxmemory"
    if not limit or (found.machine and found.machine < limit):
        limit, bound = found.machine, "the machine's memory"
    if not limit:
        return ok("memory", f"{shown(found.used)} used; of how much it does not tell")
    share = found.used / limit
    said = f"{shown(found.used)} used, {share:.0%} of {bound} ({shown(limit)})"
    if share >= FULL:
        return fail("memory", said, "give it more, or keep less: it refuses to write when that is full")
    if share >= NEARLY_FULL:
        return warn("memory", said, "give it more before that is full, or keep less (--log-limit, --history-limit)")
    return ok("memory", said)


def _latency(found: Checkup) -> Finding:
    pings, writes = found.pings_s, found.writes_s
    said = f"{len(pings)} pings {_spread(pings)}" + (f", a write {_spread(writes)}" if writes else "")
    slowest = max(statistics.median(pings), statistics.median(writes or (0.0,)))
    if slowest >= TOO_SLOW_S:
        return fail("latency", said, "bring it nearer, or give it a faster disk")
    if statistics.median(pings) >= SLOW_PING_S or (writes and statistics.median(writes) >= SLOW_WRITE_S):
        return warn("latency", said, "bring it nearer, or give it a faster disk: every acknowledgement waits for it")
    return ok("latency", said)


def _clock(found: Checkup) -> Finding:
    said = f"{abs(found.clock_s) * 1000:.0f} ms {'ahead of' if found.clock_s >= 0 else 'behind'} ours"
    if abs(found.clock_s) >= WRONG_CLOCK_S:
        return fail("clock", said, "one of the two is wrong, and tokens are judged by ours: let both keep time (chrony, systemd-timesyncd)")
    if abs(found.clock_s) >= CLOCK_S:
        return warn("clock", said, "let both machines keep time (chrony, systemd-timesyncd)")
    return ok("clock", said)


def _spread(times_s: tuple[float, ...]) -> str:
    return f"{statistics.median(times_s) * 1000:.2f} ms, at most {max(times_s) * 1000:.2f}"
