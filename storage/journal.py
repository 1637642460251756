"""What a place that keeps chats has to do, whether it is Redis (`storage.redis`) or memory (`storage.memory`).

One suite and one state machine run over both, so that the one in memory may be trusted where a test wants no process.
The reads are those of the actors (`actors.append.Reads`); the storage actor passes them on as they stand.
"""

from collections.abc import Sequence
from typing import Protocol

from actors.append import Append, Outcome, Reads
from actors.withdrawal import Withdrawal


class JournalUnreachable(Exception):
    """There is no connection: of this call nothing was sent."""


class JournalRefused(Exception):
    """The server answered that it takes nothing at present: of this call nothing happened."""


class JournalLost(Exception):
    """The call was sent and its reply did not come: nobody knows what happened."""


class Journal(Reads, Protocol):
    """Keeps what is appended, judges fences and conditions, and gives it back by number."""

    @property
    def rolled_back(self) -> bool:
        """Whether the data were found to be behind what was seen of them, or another node has found that; until `rebirth`."""

    async def birth(self) -> str:
        """The birth mark of this set of data, made at the first call."""

    async def rebirth(self) -> str:
        """A new birth mark, for data that is not what it was; or the one that another node has given it for that."""

    async def ping(self) -> None:
        """Raises if the journal does not answer; finds out whether the data were rolled back."""

    async def probe(self) -> None:
        """Writes a trifle; raises if the journal cannot be reached or takes no writes."""

    async def withdraw(self, withdrawal: Withdrawal) -> int:
        """Keeps a withdrawal of access; the moment that is in force, the latest of all that were ever asked for."""

    async def append(self, batch: Sequence[Append]) -> list[Outcome]:
        """Carries the batch out in one round trip; each append wholly or not at all. Outcomes stand in the batch's order.

        Raises `JournalUnreachable` and `JournalRefused` (nothing happened) and `JournalLost` (unknown).
        """
