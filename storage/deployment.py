"""What `--redis` names: one server, or a primary that Sentinel looks after."""

from storage.link import Deployment, Link
from storage.sentinel import Sentinels


def parse(url: str) -> Deployment:
    """Raises BadUrl."""
    return Sentinels.parse(url) if url.partition(":")[0].lower() == "sentinel" else Link.parse(url)
