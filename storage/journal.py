"""What a place that keeps chats has to do, whether it is Redis (`storage.redis`) or memory (`storage.memory`).

One suite and one state machine run over both, so that the one in memory may be trusted where a test wants no process.
The reads are those of the actors (`actors.append.Reads`); the storage actor passes them on as they stand.
"""

from collections.abc import Sequence
from typing import Protocol

from actors.append import Append, Outcome, Reads, Swept
from actors.news import Call, Dead, Heads, Roll, Topic
from actors.withdrawal import Withdrawal


class JournalUnreachable(Exception):
    """There is no connection: of this call nothing was sent."""


class JournalRefused(Exception):
    """The server answered that it takes nothing at present: of this call nothing happened."""


class JournalLost(Exception):
    """The call was sent and its reply did not come: nobody knows what happened."""


class Listening(Protocol):
    """A way on which what is published is heard (`storage.ear`)."""

    async def open(self) -> None:
        """Begins anew, following nothing; raises `JournalUnreachable`."""

    async def say(self, commands: Sequence[tuple[str | bytes | int | float, ...]]) -> None:
        """Follows and leaves channels; raises `JournalLost`."""

    async def hear(self) -> tuple[str, str, bytes]:
        """The next thing: its kind, its channel, the message; raises `JournalLost`."""

    async def close(self) -> None:
        """Hears no more."""


class Journal(Reads, Protocol):
    """Keeps what is appended, judges fences and conditions, gives it back by number, and tells other nodes of it."""

    node: str
    """In whose name it publishes."""
    lanes: int
    """How many batches may be on their way at once, from `birth` on."""

    def lane(self, store: str) -> int:
        """Which of the lanes what is appended in a store goes. It never changes; a batch is of one lane."""

    @property
    def ear(self) -> Listening:
        """How this node hears what is published."""

    async def publish(self, channel: str, message: bytes) -> None:
        """Says something in a channel."""

    async def call_roll(self, calls: Sequence[Call], dead: Dead, known: Sequence[str]) -> tuple[tuple[Roll, ...], frozenset[str]]:
        """Says who is on this node and tells who is on the others; the dead are struck off. And which of the known nodes listen."""

    async def heads(self, topics: Sequence[Topic]) -> Heads:
        """Where what is followed stands."""

    @property
    def rolled_back(self) -> bool:
        """Whether the data were found to be behind what was seen of them, or another node has found that; until `rebirth`."""

    async def birth(self) -> str:
        """The birth mark of this set of data, made at the first call."""

    def named(self, born: str) -> str:
        """What the generation is called at present that `birth` or `rebirth` called so."""

    def continues(self, generation: str, store: str) -> bool:
        """Whether another generation is the present one as far as a store is concerned."""

    async def rebirth(self) -> str:
        """A new birth mark, for data that is not what it was; or the one that another node has given it for that."""

    async def ping(self) -> None:
        """Raises if the journal does not answer; finds out whether the data were rolled back."""

    async def probe(self) -> None:
        """Writes a trifle; raises if the journal cannot be reached or takes no writes."""

    async def withdraw(self, withdrawal: Withdrawal) -> int:
        """Keeps a withdrawal of access; the moment that is in force, the latest of all that were ever asked for."""

    async def count_refused(self, store: str, minute: int, count: int) -> None:
        """Keeps for a day and more how many claims this node has refused in a minute of the epoch."""

    async def spend(self, side: str, id: str, day: int, size: int, limit: int) -> bool:
        """Counts `size` bytes of files for an identity on a day; False, and nothing is counted, if that would be more than `limit`, or if
        it has all of it already."""

    async def erase_chat(self, store: str, user: str) -> bool:
        """Takes a chat away, but for what the store's log says of it; whether there was one. The log gets an empty entry more."""

    async def rewrite_log(self, store: str, user: str, who: str, after: int, replaced: int) -> tuple[int, int, bool]:
        """Copies a piece of the store's log behind `after` into a new one that says nothing of the chat. `who` names the whole of it,
        `replaced` counts the entries. Gives both anew, and whether it is done; -1 and it is to begin again with 0."""

    async def forget_commands(self) -> None:
        """Empties what the server notes of slow and large commands."""

    async def begin_files(self) -> bool | None:
        """Begins to write the server's file anew: False if another rewrite has to end first, None if it keeps no file."""

    async def end_files(self) -> bool:
        """Whether that is done; raises JournalRefused if it failed."""

    async def sweep(self, before: int, count: int) -> Swept:
        """Drops what is older than `before` of the next `count` chats. Where it is stands beside the data."""

    async def append(self, batch: Sequence[Append]) -> list[Outcome]:
        """Carries the batch out in one round trip; each append wholly or not at all. Outcomes stand in the batch's order.

        Raises `JournalUnreachable` and `JournalRefused` (nothing happened) and `JournalLost` (unknown).
        """
