"""What a place that keeps chats has to do, whether it is Redis (`storage.redis`) or memory (`storage.memory`).

One suite and one state machine run over both, so that the one in memory may be trusted where a test wants no process.
The reads are those of `actors.append.Storage`; the storage actor passes them on as they stand.
"""

from collections.abc import Sequence
from typing import Protocol

from actors.append import Append, ChatPage, ChatRecord, ListPage, LogPage, Outcome, Snapshot, StoreState


class JournalUnreachable(Exception):
    """There is no connection: of this call nothing was sent."""


class JournalRefused(Exception):
    """The server answered that it takes nothing at present: of this call nothing happened."""


class JournalLost(Exception):
    """The call was sent and its reply did not come: nobody knows what happened."""


class Journal(Protocol):
    """Keeps what is appended, judges fences and conditions, and gives it back by number."""

    async def birth(self) -> str:
        """The birth mark of this set of data, made at the first call."""

    async def rebirth(self) -> str:
        """A new birth mark, for data that is not what it was."""

    async def ping(self) -> None:
        """Raises if the journal does not answer."""

    async def probe(self) -> None:
        """Writes a trifle; raises if the journal cannot be reached or takes no writes."""

    async def append(self, batch: Sequence[Append]) -> list[Outcome]:
        """Carries the batch out in one round trip; each append wholly or not at all. Outcomes stand in the batch's order.

        Raises `JournalUnreachable` and `JournalRefused` (nothing happened) and `JournalLost` (unknown).
        """

    async def load_store(self, store: str) -> StoreState:
        """The store as a whole."""

    async def load_chats(self, store: str, users: tuple[str, ...]) -> tuple[ChatRecord, ...]:
        """These chats, in this order; one that does not exist has epoch 0."""

    async def read_log(self, store: str, after: int, limit: int) -> LogPage:
        """The store's log above `after`."""

    async def read_chat(
        self, store: str, user: str, *, after_seq: int | None = None, after_offset: int | None = None, limit: int
    ) -> ChatPage:
        """The chat's events above a message or above an offset."""

    async def read_history(self, store: str, user: str, before: int | None, limit: int, *, notes: bool, statuses: bool) -> ChatPage:
        """The last `limit` messages below `before` with the notes and statuses that follow them."""

    async def list_chats(self, store: str, status: str | None, after: tuple[int, str] | None, limit: int) -> ListPage:
        """A page of the store's chats behind the one of this (`at`, user), newest first, then by user."""

    async def snapshot(self, store: str, agent: str, limit: int) -> Snapshot:
        """For each status but closed the newest `limit` chats, and all of the agent's own."""

    async def stores_of_user(self, user: str) -> tuple[str, ...]:
        """The stores a user may have a chat with."""

    async def stores_of_agent(self, agent: str) -> tuple[str, ...]:
        """The stores on whose roster the agent may be."""

    async def waiting(self, store: str) -> tuple[str, ...]:
        """The waiting users, the longest waiting first."""

    async def owned(self, store: str) -> dict[str, tuple[str, ...]]:
        """Each owner of the store and the users whose chats it owns."""

    async def stores_with_claims(self) -> tuple[str, ...]:
        """The stores in which some chat is claimed."""
