"""What an acknowledged command survives, judged by the server's own configuration."""

from enum import StrEnum

import attrs

from storage.link import ServerInfo


class Level(StrEnum):
    """Of the strongest promise first."""

    ALWAYS = "always"
    SECOND = "everysec"
    WEAK = "weak"


@attrs.frozen
class Promise:
    """`keeps` is False where an acknowledged command can be lost without a power cut: --strict refuses such a server."""

    level: Level
    sentence: str
    keeps: bool


def promise(info: ServerInfo) -> Promise:
    """The promise that dibs can make on such a server.

    Replicas do not count: what is acknowledged has not waited for them.
    """
    reasons = tuple(_weaknesses(info))
    if reasons:
        return Promise(Level.WEAK, f"an acknowledged command can be lost: {'; '.join(reasons)}", keeps=False)
    if info.appendfsync == "everysec":
        return Promise(
            Level.SECOND, "an acknowledged command survives kill -9 of dibs; a power cut loses up to 2 s (appendfsync everysec)", keeps=True
        )
    return Promise(Level.ALWAYS, "an acknowledged command survives kill -9 of any process and a power cut (appendfsync always)", keeps=True)


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
