"""What an acknowledgement waits for where the deployment says so: one replica that has what was written.

`WAIT` counts for its own connection, and for all that was carried out before it: it goes last in the list that writes. Where no replica
answers in time, nobody knows what will become of the writes: they may outlive the primary, or go with it. They are sent again under the
same ids, as after a reply that was lost; what other nodes are to hear waits as long.
"""

from storage.journal import JournalLost
from storage.pipe import Command

WAIT_MS = 1000
"""A replica that lives answers within a round trip, for the primary asks at once. Well below what a sender waits (`storage.actor`)."""
WAIT: Command = ("WAIT", 1, WAIT_MS)
_ELSEWHERE = ("READONLY", "NOREPLICAS")
"""Refusals of a server that is no primary any more, or soon none."""


def confirm(counted: object) -> None:
    """Raises `JournalLost` unless `WAIT` has counted a replica."""
    if not isinstance(counted, int) or counted < 1:
        raise JournalLost(f"no replica has it ({counted})")


def is_elsewhere(refusal: str) -> bool:
    """Whether the same call may soon be taken, by this server or another one."""
    return any(code in refusal.upper() for code in _ELSEWHERE)
