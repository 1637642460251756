"""What `--redis` names: one server, a primary that Sentinel looks after, or a cluster."""

from collections.abc import Callable

from storage.batch import Limits
from storage.cluster import Cluster
from storage.clustered import ClusterJournal
from storage.link import Deployment, Link
from storage.redis import RedisJournal
from storage.sentinel import Sentinels
from storage.witness import Witness


def parse(url: str) -> Deployment:
    """Raises BadUrl."""
    match url.partition(":")[0].lower():
        case "sentinel":
            return Sentinels.parse(url)
        case "cluster":
            return Cluster.parse(url)
        case _:
            return Link.parse(url)


def journal(
    there: Deployment, now_ms: Callable[[], int], limits: Limits, witness: Witness | None = None, name: str | None = None
) -> RedisJournal:
    """That which keeps chats there."""
    if isinstance(there, Cluster):
        # Whatever a server was started anew with, it has a line of its own: no witness is needed.
        return ClusterJournal(there, now_ms, limits, name)
    return RedisJournal(there.connection, now_ms, limits, witness, name, waits=there.waits)
