"""What an acknowledged command survives, judged by the server's own configuration."""

from enum import StrEnum

import attrs

from storage.link import ServerInfo


class Level(StrEnum):
    """What is survived: the end of one server of several, whatever its disk; kill -9 and power cuts of one; less."""

    REPLICA = "replica"
    ALWAYS = "always"
    SECOND = "everysec"
    WEAK = "weak"


LARGEST_LAG_S = 10
"""A primary goes on taking writes for so long after its replicas fell silent."""


@attrs.frozen
class Promise:
    """`keeps` is False where an acknowledged command can be lost without a power cut: --strict refuses such a server."""

    level: Level
    sentence: str
    keeps: bool


def promise(info: ServerInfo, *others: ServerInfo, waits: bool = False) -> Promise:
    """The promise that dibs can make on such a server, or on several that have a part of the data each. Replicas count where what is
    acknowledged has waited for one."""
    reasons = dict.fromkeys(reason for one in (info, *others) for reason in (*_weaknesses(one), *(_strays(one) if waits else ())))
    if reasons:
        return Promise(Level.WEAK, f"an acknowledged command can be lost: {'; '.join(reasons)}", keeps=False)
    if waits:
        return Promise(
            Level.REPLICA,
            f"an acknowledged command survives the loss of any one server: a replica has it (WAIT 1, appendfsync {info.appendfsync})",
            keeps=True,
        )
    if info.appendfsync == "everysec":
        return Promise(
            Level.SECOND, "an acknowledged command survives kill -9 of dibs; a power cut loses up to 2 s (appendfsync everysec)", keeps=True
        )
    return Promise(Level.ALWAYS, "an acknowledged command survives kill -9 of any process and a power cut (appendfsync always)", keeps=True)


def _strays(info: ServerInfo) -> list[str]:
    """How a primary that is cut off could go on as if it were none."""
    if info.clustered and not info.replicas:
        return ["a primary of the cluster has no replica"]
    if info.min_replicas is None or info.max_lag_s is None:
        return ["the server does not tell whether it stops without replicas (CONFIG is denied)"]
    if not info.min_replicas:
        return ["a primary without replicas goes on taking writes (min-replicas-to-write 0)"]
    if not 0 < info.max_lag_s <= LARGEST_LAG_S:
        return [f"a primary may go on for too long without replicas (min-replicas-max-lag {info.max_lag_s}, 1 to {LARGEST_LAG_S} is right)"]
    return []


def _weaknesses(info: ServerInfo) -> list[str]:
    found = []
    if not info.appendonly:
        found.append("the server keeps no append-only file (appendonly no)")
    elif info.appendfsync is None:
        found.append("the server does not tell when it syncs its file (CONFIG is denied)")
    elif info.appendfsync not in ("always", "everysec"):
        found.append(f"the server never syncs its file (appendfsync {info.appendfsync})")
    if info.maxmemory_policy != "noeviction":
        found.append(f"the server may evict keys (maxmemory-policy {info.maxmemory_policy})")
    return found
