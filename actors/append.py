"""The contract between deciding and keeping: what is asked of the storage, and everything it may answer.

The life of an append, and who does what in each state:

=========== ============================================== ========================================================
state       the storage actor                              the store actor
=========== ============================================== ========================================================
gathered    holds it for the next batch                    has applied its events to the chat's tip
sent        one batch on its way, the next gathers         judges newer commands by the tip, answers nobody
committed   tells the answer, in order                     moves the chat, acks, then fans out
duplicate   tells the first answer                         acks again; takes back what the tip assumed
conflicted  tells it; the chat's later appends are         takes the fresh chat, decides all of them again in the
            withdrawn unsent                               order of arrival, before anything newer
unmet       the same                                       the same, with the fact that was wrong put right
refused     (storage took nothing of the batch)            `unavailable`, and so for the sender's sends behind it
unknown     sends the same ids again before anything       after 4 s `unavailable` to the sender; keeps the append, and
            newer, for as long as it takes                 commits it in silence when its fate is known
=========== ============================================== ========================================================
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from actors.chat import Chat
from actors.event import Event
from actors.news import Call, Dead, Followed, Heads, News, Roll, Said, Topic
from actors.rule import Condition
from actors.withdrawal import Withdrawal

NO_NONCE = b"\0" * 4


class Append(msgspec.Struct, kw_only=True, eq=False):
    """Something durable that is to happen in a chat, or (`user` empty) in a store as a whole. Compared by identity."""

    store: str
    user: str = ""
    sender: bytes = b""
    """Digest of the sender and its id for this command; empty for what is harmless when done twice."""
    content: bytes = b""
    """Digest of what was asked, 6 bytes: the same id with another one is refused."""
    nonce: bytes = NO_NONCE
    """Four bytes of this very append, kept with its id: by them the storage knows its own first try from a client's."""
    records: bool = False
    """Whether the id is remembered. A refusal looks the id up and leaves nothing behind."""
    epoch: int = 0
    owner: str = ""
    """The fence: the chat's epoch and owner that the decision rests on."""
    conditions: tuple[Condition, ...] = ()
    events: tuple[Event, ...] = ()
    tails: tuple[bytes, ...] = ()
    """For each event the half of its frame behind the numbers (`actors.event.tail`)."""
    answer: bytes = b""
    """The fields of the ack that are known already, as JSON without braces; `seq` is put before them for a message."""
    size: int = 0
    """Bytes it weighs in a batch."""
    since_s: float | None = None
    """Since when somebody waits for its answer, by the monotonic clock; None: since it was appended."""


class Committed(msgspec.Struct, frozen=True):
    """It happened. `offset` is that of its last numbered event, `previous` that of the chat's event before its first.

    `seq` is the chat's last message; for `AgentArrived` how often the agent has come.
    """

    seq: int
    offset: int
    previous: int


class Duplicate(msgspec.Struct, frozen=True):
    """It had happened before, with these numbers and this answer. `recovered`: by a first try of this very append, whose reply was lost."""

    answer: bytes
    seq: int
    offset: int
    previous: int
    recovered: bool = False


class Reused(msgspec.Struct, frozen=True):
    """The id was used before for something else."""


class Conflicted(msgspec.Struct, frozen=True):
    """The fence does not hold: this is the chat as it is. None where the batch has told it before."""

    chat: Chat | None


class Unmet(msgspec.Struct, frozen=True):
    """A condition does not hold; `value` is the load, or the name on the roster (None: not on it), or the arrivals, or the version."""

    index: int
    value: int | str | None


class Withdrawn(msgspec.Struct, frozen=True):
    """It was not tried, because an earlier append of the chat did not happen."""


class Failed(msgspec.Struct, frozen=True):
    """It did not happen and will not: the storage is out of reach (`unavailable`), or this append alone cannot be carried out."""

    reason: str
    code: str = "internal"
    """The error its sender gets."""


class Unknown(msgspec.Struct, frozen=True):
    """Nobody knows yet. A second answer follows."""


Outcome = Committed | Duplicate | Reused | Conflicted | Unmet | Withdrawn | Failed | Unknown
Settled = tuple[tuple[Append, Outcome], ...]


class Settler(Protocol):
    """Who is told what became of its appends."""

    def settle_nowait(self, settled: Settled) -> None:
        """Takes the outcomes of one batch, in the order of arrival. Never refuses, never waits."""


class StoreState(msgspec.Struct, frozen=True, kw_only=True):
    """A store as a whole. `roster` maps an agent to its name, `arrivals` to how often it came."""

    exists: bool
    offset: int = 0
    roster: dict[str, str] = {}
    away: frozenset[str] = frozenset()
    arrivals: dict[str, int] = {}


class ChatRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A chat with its last message as agents get it, if it has one."""

    chat: Chat
    last: bytes | None = None


class Entry(msgspec.Struct, frozen=True):
    """One event of a chat's history. `kind` is m, n or s; `seq` the message's, or that of the message it follows."""

    kind: str
    seq: int
    offset: int
    frame: bytes


class ChatPage(msgspec.Struct, frozen=True, kw_only=True):
    """Events of a chat in order. `first` is the first message still kept, `seq` and `offset` the chat's last numbers."""

    entries: tuple[Entry, ...]
    first: int
    seq: int
    offset: int
    more: bool = False


class LogPage(msgspec.Struct, frozen=True, kw_only=True):
    """Frames of a store's log in order, the first of them numbered `after` + 1. `first` is the first offset still kept."""

    frames: tuple[bytes, ...]
    first: int
    offset: int
    """The log's last number."""


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """Frames as agents get them, newest first; `more` says whether older ones follow."""

    frames: tuple[bytes, ...]
    more: bool


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent finds: the point the snapshot stands at, what it acknowledged last, and the users whose chats it sees."""

    offset: int
    first: int
    acknowledged: int | None
    users: tuple[str, ...]
    erased: int = 0
    """Up to this offset something was erased: who holds any of it is to drop it."""


class ListPage(msgspec.Struct, frozen=True, kw_only=True):
    """Users of a page of the list of chats, newest first; `more` says whether others follow."""

    users: tuple[str, ...]
    more: bool


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """How a store stands, and `refused`: how many claims were refused in which minute (of the epoch) because another owned the chat."""

    offset: int
    waiting: int
    claimed: int
    longest: tuple[str, int] | None
    """The user who has waited longest, and since when."""
    loads: dict[str, int]
    """How many chats each agent owns that was asked about."""
    refused: dict[int, int]


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the walk over all chats: how many entries of logs and histories went, how many chats of which nothing is left, and whether
    the walk is over and the next step begins another."""

    entries: int
    chats: int
    over: bool


class StorageUnavailable(Exception):
    """The storage cannot be reached, or did not answer in time."""


class Reads(Protocol):
    """What can be read of what was appended."""

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

    async def read_past(self, store: str, user: str | None, before: int | None, limit: int) -> Past:
        """The last `limit` events below offset `before`, statuses included: of the user's chat, or without one of the store's log."""

    async def list_chats(self, store: str, status: str | None, after: tuple[int, str] | None, limit: int) -> ListPage:
        """A page of the store's chats behind the one of this (`at`, user), newest first, then by user."""

    async def overview(self, store: str, agents: tuple[str, ...], since: int, now: int) -> Overview:
        """How the store stands, with the loads of these agents and the claims that were refused between two moments (ms), or around."""

    async def snapshot(self, store: str, agent: str, limit: int) -> Snapshot:
        """For each status but closed the newest `limit` chats, and all of the agent's own."""

    async def load_profile(self, store: str) -> tuple[int, bytes]:
        """The version of the store's profile, and the profile; 0 and nothing if nobody has configured it."""

    async def load_context(self, store: str, user: str) -> tuple[int, bytes] | None:
        """When the user said last where it is (ms), and what it said."""

    async def stores_of_user(self, user: str) -> tuple[str, ...]:
        """The stores a user may have a chat with."""

    async def stores_of_agent(self, agent: str) -> tuple[str, ...]:
        """The stores on whose roster the agent may be."""

    async def erased_at(self, user: str) -> int:
        """When one of the user's chats was taken away, in ms; 0 for never."""

    async def waiting(self, store: str) -> tuple[str, ...]:
        """The waiting users, the longest waiting first."""

    async def owned(self, store: str) -> dict[str, tuple[str, ...]]:
        """Each owner of the store and the users whose chats it owns."""

    async def stores_with_claims(self) -> tuple[str, ...]:
        """The stores in which some chat is claimed."""

    async def withdrawals(self, since: int) -> tuple[Withdrawal, ...]:
        """The withdrawals of access with a moment of `since` (ms) or later, by moment."""


class Storage(Reads, Protocol):
    """What the actors need of the storage. Reads raise `StorageUnavailable` within 4 s instead of waiting longer."""

    @property
    def generation(self) -> str:
        """Changes whenever the storage may have lost its tail."""

    def continues(self, generation: str, store: str) -> bool:
        """Whether what was told of a store under that generation still stands."""

    @property
    def outages(self) -> int:
        """How often the storage was out of reach: a grace period that saw it change starts anew."""

    on_rollback: Callable[[], None]
    """Called when the data turn out to be behind what was seen of them, before anything is told that rests on what they are now."""

    async def renew_generation(self) -> None:
        """The storage has lost its tail: from now on there is another generation."""

    async def withdraw(self, withdrawal: Withdrawal) -> int:
        """Makes a withdrawal durable; the moment that is in force, which is never lowered. Repeating it is harmless."""

    async def count_refused(self, store: str, minute: int, count: int) -> None:
        """Keeps for a day and more how many claims this node has refused in a minute of the epoch; repeating it is harmless."""

    async def spend(self, side: str, id: str, day: int, size: int, limit: int) -> bool:
        """Counts `size` bytes of files for an identity on a day (days since the epoch); False, and nothing is counted, if that would be
        more than `limit`, or if it has all of it already. Asked twice it may count twice."""

    async def erase_chat(self, store: str, user: str) -> bool:
        """Takes a chat away, but for what the store's log says of it; whether there was one. What was appended before is settled by then,
        and what was decided on the chat cannot happen any more. Repeating it is harmless, and so it is with the next two."""

    async def rewrite_log(self, store: str, user: str) -> int:
        """Puts something empty in the place of what a store's log says of a chat; of how many entries. Takes as long as it takes."""

    async def rewrite_files(self) -> bool:
        """Leaves nothing in the storage's own files and notes of what was erased; whether it keeps any files. As long as it takes."""

    async def sweep(self, before: int, count: int) -> Swept:
        """Drops what is older than `before` (ms), and what is more than is kept, of the next `count` chats of the walk."""

    def listen(self, on_news: Callable[[News], None], on_followed: Followed) -> None:
        """Whom to tell news of what is followed, and which topics are followed from now on: for the first time, or after a cut. What
        other nodes wrote before that was not heard. Neither waits."""

    def follow(self, topic: Topic) -> None:
        """Wants to hear of it from other nodes; repeating it is harmless."""

    def leave(self, topic: Topic) -> None:
        """Wants to hear of it no more."""

    def has_heard(self, store: str, moves: int) -> bool:
        """Whether nothing is missing of so many moves of marks in a store that is followed. It is asked once, after a look."""

    async def tell(self, said: Said) -> None:
        """Tells the other nodes; who does not hear it never does."""

    async def call_roll(self, calls: Sequence[Call], dead: Dead, known: Sequence[str]) -> tuple[tuple[Roll, ...], frozenset[str]]:
        """Says who is on this node and tells who is on the others; the dead are struck off. And which of the known nodes listen."""

    async def heads(self, topics: Sequence[Topic]) -> Heads:
        """Where what is followed stands."""

    def has_room(self) -> bool:
        """Whether another append is taken. To be asked before a decision is made."""

    def append(self, append: Append, settler: Settler) -> None:
        """Gather the append for the next batch; `settler` hears of it once, or twice if `Unknown` comes first."""
