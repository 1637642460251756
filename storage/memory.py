"""The journal in memory: what `storage.redis` and its scripts do, over plain dicts, for tests that want no process.

Lists, queues and loads are worked out from the chats at every look instead of being kept beside them, so that comparing the two
journals finds whatever the scripts forget to keep up. Nothing is ever dropped but what `Limits` says.
"""

import asyncio
import copy
import secrets
from collections.abc import Callable, Iterable, Sequence

import attrs
import msgspec

from actors.append import (
    NO_NONCE,
    Append,
    ChatPage,
    ChatRecord,
    Committed,
    Conflicted,
    Duplicate,
    Entry,
    Failed,
    ListPage,
    LogPage,
    Outcome,
    Overview,
    Past,
    Reused,
    Snapshot,
    StoreState,
    Swept,
    Unmet,
    Withdrawn,
)
from actors.chat import Chat
from actors.event import (
    AgentArrived,
    AgentLeft,
    AvailabilitySet,
    ContextTold,
    CursorMoved,
    Event,
    MarkMoved,
    MessageAdded,
    NoteAdded,
    ProfileSet,
    StatusChanged,
    for_agents,
    in_place_of_erased,
    subject,
)
from actors.news import Call, Dead, Head, Heads, Roll, Topic
from actors.rule import Condition, LoadAtLeast, LoadBelow, NotOnRoster, NotRated, NotSeenSince, OnRoster, ProfileIs, apply
from actors.withdrawal import Withdrawal
from storage.batch import Limits
from storage.hall import Hall, MemoryEar
from storage.key import ID_BUCKET_MS, StoreKeys, channel_of_node, channel_of_user


@attrs.frozen
class _Kept:
    entry: Entry
    from_user: int


@attrs.define
class _Talk:
    """One chat: `chat` as it is, its events, and its last message as agents get it."""

    chat: Chat
    kept: list[_Kept] = attrs.Factory(list)
    last: bytes | None = None
    context: tuple[int, bytes] | None = None

    @property
    def first(self) -> int:
        """The first message still kept, or the next one."""
        if not self.kept:
            return self.chat.seq + 1
        oldest = self.kept[0].entry
        return oldest.seq if oldest.kind == "m" else oldest.seq + 1

    @property
    def is_shown(self) -> bool:
        """A closed chat of which nothing is kept is in no list."""
        return bool(self.kept) or self.chat.status != "closed"


@attrs.define
class _Shop:
    """One store. `ids` maps a day to what was answered on it."""

    born: bool = False
    offset: int = 0
    erased: int = 0
    log: list[tuple[int, bytes]] = attrs.Factory(list)
    ids: dict[int, dict[bytes, tuple[bytes, bytes, Duplicate]]] = attrs.Factory(dict)
    roster: dict[str, str] = attrs.Factory(dict)
    away: set[str] = attrs.Factory(set)
    arrivals: dict[str, int] = attrs.Factory(dict)
    cursors: dict[str, int] = attrs.Factory(dict)
    refused: dict[tuple[int, str], int] = attrs.Factory(dict)
    """By minute and node."""
    talks: dict[str, _Talk] = attrs.Factory(dict)
    profile: tuple[int, bytes] = (0, b"")

    def known(self, sender: bytes, day: int) -> tuple[bytes, bytes, Duplicate] | None:
        found = (self.ids.get(near, {}).get(sender) for near in (day + 1, day - 1, day))
        return next((record for record in found if record), None)

    def chat(self, store: str, user: str) -> Chat:
        talk = self.talks.get(user)
        return Chat(store=store, user=user) if talk is None else talk.chat

    def owned_by(self, agent: str) -> list[str]:
        return [user for user, talk in self.talks.items() if talk.chat.owner_id == agent]

    def newest(self, statuses: Iterable[str]) -> list[Chat]:
        """The chats of these statuses, newest first by their last message, then by user."""
        chats = [talk.chat for talk in self.talks.values() if talk.chat.status in statuses and talk.is_shown]
        return sorted(chats, key=lambda chat: (-chat.at, chat.user))


_STATUSES = ("waiting", "claimed", "closed")


class MemoryJournal:
    """See `storage.journal.Journal`."""

    def __init__(self, now_ms: Callable[[], int], limits: Limits) -> None:
        self._now_ms = now_ms
        self._limits = limits
        self._shops: dict[str, _Shop] = {}
        self._stores_of_user: dict[str, set[str]] = {}
        self._stores_of_agent: dict[str, set[str]] = {}
        self._stores: set[str] = set()
        self._erased: dict[str, int] = {}
        self._spent: dict[tuple[str, str, int], int] = {}
        """Side, id and day to bytes of files."""
        self._withdrawals: dict[Withdrawal, int] = {}
        """A withdrawal without its moment to the moment."""
        self._birth = secrets.token_hex(8)
        self._here: dict[str, dict[str, tuple[int, bytes]]] = {}
        self.hall = Hall()
        self.node = "memory"
        self.lanes = 1
        self.ear = MemoryEar(self.hall)
        self.fault: Callable[[], None] | None = None
        """Called before a batch is carried out (may raise JournalUnreachable or JournalRefused) and after it (JournalLost)."""
        self.spoiled: set[tuple[str, str]] = set()
        """Chats (store, user) of which nothing can be carried out."""
        self.round_trips = 0
        """How many batches were asked for."""

    async def close(self) -> None:
        """Nothing to give up."""

    def lane(self, store: str) -> int:
        """See `Journal.lane`."""
        del store
        return 0

    def of_node(self, name: str) -> "MemoryJournal":
        """The same journal as another node has it."""
        other = copy.copy(self)
        other.node, other.ear = name, MemoryEar(self.hall)
        return other

    # Writing.

    async def append(self, batch: Sequence[Append]) -> list[Outcome]:
        """See `Journal.append`."""
        self.round_trips += 1
        await asyncio.sleep(0)
        if self.fault is not None:
            self.fault()
        outcomes: list[Outcome] = [Withdrawn()] * len(batch)
        day = self._now_ms() // ID_BUCKET_MS
        for append in batch:
            self._index(append)
        for store, runs in _runs(batch).items():
            shop = self._shops.setdefault(store, _Shop())
            before, chats = shop.offset, {user: shop.chat(store, user) for user in runs}
            for user, places in runs.items():
                broken: Outcome | None = Failed("the chat is spoiled") if (store, user) in self.spoiled else None
                for place in places:
                    outcomes[place] = outcome = self._one(shop, batch[place], day, broken)
                    if broken is None and user and isinstance(outcome, Conflicted | Unmet):
                        broken = Withdrawn()
            self._tell(store, before, chats)
            self._tell_about(store, [append for append in batch if append.store == store])
        for append in batch:
            if append.epoch == 0 and append.user and append.events:
                self.hall.publish(channel_of_user(append.user), f"{self.node} began {append.store}".encode())
        if self.fault is not None:
            self.fault()
        return outcomes

    def _tell(self, store: str, before: int, chats: dict[str, Chat]) -> None:
        """Publishes what became of a store whose last offset was `before`, and of these of its chats."""
        shop, keys, marks = self._shops[store], StoreKeys(store), []
        for user, was in chats.items():
            now = shop.chat(store, user)
            moved = [
                f"{user}:{side}:{received}:{read}"
                for side, received, read, old in (
                    ("user", now.user_received, now.user_read, (was.user_received, was.user_read)),
                    ("store", 0, now.store_read, (0, was.store_read)),
                )
                if (received, read) != old
            ]
            entries = [kept.entry for kept in shop.talks[user].kept if kept.entry.offset > was.offset] if user in shop.talks else []
            if entries or moved:
                shown = [(entry.offset, b"" if entry.kind == "n" else entry.frame) for entry in entries]
                self.hall.publish(keys.live_of(user), _told(self.node, was.offset, 0, shown, moved))
            marks += moved
        log = [(offset, frame) for offset, frame in shop.log if offset > before]
        if marks:
            self.hall.moves[store] = self.hall.moves.get(store, 0) + len(marks)
        if log or marks:
            self.hall.publish(keys.live, _told(self.node, before, self.hall.moves.get(store, 0) if marks else 0, log, marks))

    def _tell_about(self, store: str, batch: Sequence[Append]) -> None:
        """Publishes that what is shown about a store may have changed; the script knows what was carried out, and says it less often."""
        events = [event for append in batch for event in append.events]
        what = "q" if any(isinstance(event, StatusChanged) for event in events) else ""
        what += "s" if any(isinstance(event, AgentArrived | AgentLeft | AvailabilitySet) for event in events) else ""
        what += "c" if any(isinstance(event, ProfileSet) for event in events) else ""
        if what:
            self.hall.changes[store] = self.hall.changes.get(store, 0) + 1
            self.hall.publish(StoreKeys(store).about, f"{self.node} about {what}".encode())

    async def publish(self, channel: str, message: bytes) -> None:
        """See `Journal.publish`."""
        await asyncio.sleep(0)
        self.hall.publish(channel, message)

    async def call_roll(self, calls: Sequence[Call], dead: Dead, known: Sequence[str]) -> tuple[tuple[Roll, ...], frozenset[str]]:
        """See `Journal.call_roll`."""
        await asyncio.sleep(0)
        rolls = []
        for call in calls:
            here = self._here.setdefault(call.store, {})
            before = {node: who for node, (_, who) in here.items()}
            for node in [node for node in here if node == self.node or here[node][0] <= dead.get(node, -1)]:
                del here[node]
            if call.who:
                here[self.node] = call.beat, call.who
            if call.store and before != {node: who for node, (_, who) in here.items()}:
                self.hall.publish(StoreKeys(call.store).about, f"{self.node} about p".encode())
            rolls.append(Roll(call.store, {node: said for node, said in here.items() if node != self.node}))
        listening = {node for node in known if any(channel_of_node(node) in ear.channels for ear in self.hall.ears)}
        return tuple(rolls), frozenset(listening)

    async def heads(self, topics: Sequence[Topic]) -> Heads:
        """See `Journal.heads`."""
        await asyncio.sleep(0)
        heads = Heads(stores={}, moves={}, changes={}, chats={}, users={})
        for topic in topics:
            shop = self._shops.get(topic.store) or _Shop()
            if topic.kind == "live":
                heads.stores[topic.store], heads.moves[topic.store] = shop.offset, self.hall.moves.get(topic.store, 0)
            elif topic.kind == "about":
                heads.changes[topic.store] = self.hall.changes.get(topic.store, 0)
            elif topic.kind == "chat":
                chat = shop.chat(topic.store, topic.user)
                heads.chats[topic.store, topic.user] = Head(chat.offset, chat.user_received, chat.user_read, chat.store_read)
            elif topic.kind == "user":
                heads.users[topic.user] = tuple(sorted(self._stores_of_user.get(topic.user, ())))
        return heads

    def _index(self, append: Append) -> None:
        match append.events[0] if append.events else None:
            case MessageAdded(by=by) if by.role == "user" and (append.epoch == 0 or len(append.events) > 1):
                self._stores_of_user.setdefault(append.user, set()).add(append.store)
            case AgentArrived(agent=agent):
                self._stores_of_agent.setdefault(agent, set()).add(append.store)
                self._stores.add(append.store)
            case _:
                pass

    def _one(self, shop: _Shop, append: Append, day: int, broken: Outcome | None) -> Outcome:
        record = shop.known(append.sender, day) if append.sender else None
        if record is not None:
            content, nonce, first = record
            recovered = nonce == append.nonce != NO_NONCE
            return msgspec.structs.replace(first, recovered=recovered) if content == append.content else Reused()
        if broken is not None:
            return broken
        talk = shop.talks.get(append.user) or _Talk(Chat(store=append.store, user=append.user))
        if append.user and (talk.chat.epoch != append.epoch or talk.chat.owner_id != append.owner):
            return Conflicted(talk.chat)
        for index, condition in enumerate(append.conditions):
            holds, truth = _look(shop, condition)
            if not holds:
                return Unmet(index, truth)
        previous, number = talk.chat.offset, talk.chat.seq
        for event, tail in zip(append.events, append.tails, strict=True):
            number = self._happen(shop, talk, event, tail, number)
        if talk.chat.exists:
            shop.talks[append.user] = talk
        if append.records:
            has_message = any(isinstance(event, MessageAdded) for event in append.events)
            answer = (b'"seq":%d,' % number if has_message else b"") + append.answer
            duplicate = Duplicate(answer, number, talk.chat.offset, previous)
            shop.ids.setdefault(day, {})[append.sender] = (append.content, append.nonce, duplicate)
        return Committed(number, talk.chat.offset, previous)

    def _happen(self, shop: _Shop, talk: _Talk, event: Event, tail: bytes, number: int) -> int:
        match event:
            case MessageAdded() | NoteAdded() | StatusChanged():
                shop.offset += 1
                talk.chat = msgspec.structs.replace(apply(talk.chat, event), offset=shop.offset)
                self._keep(shop, talk, event, tail)
                return talk.chat.seq
            case MarkMoved():
                _move_mark(talk, event)
            case ContextTold(context=context, at=at):
                talk.context = at, context
            case ProfileSet(version=version, profile=profile):
                shop.profile = version, profile
            case AgentArrived(agent=agent, name=name):
                shop.born = True
                shop.roster[agent] = name
                shop.arrivals[agent] = number = shop.arrivals.get(agent, 0) + 1
            case AgentLeft(agent=agent):
                shop.roster.pop(agent, None)
            case AvailabilitySet(agent=agent, away=away):
                (shop.away.add if away else shop.away.discard)(agent)
            case CursorMoved(agent=agent, offset=offset):
                shop.cursors[agent] = max(shop.cursors.get(agent, 0), min(offset, shop.offset))
        return number

    def _keep(self, shop: _Shop, talk: _Talk, event: MessageAdded | NoteAdded | StatusChanged, tail: bytes) -> None:
        chat = talk.chat
        frame = for_agents(event, subject(chat.store, chat.user), chat.seq, chat.offset, tail)
        kind = "m" if isinstance(event, MessageAdded) else "s" if isinstance(event, StatusChanged) else "n"
        shop.log.append((chat.offset, frame))
        del shop.log[: -self._limits.log]
        talk.kept.append(_Kept(Entry(kind, chat.seq, chat.offset, frame), chat.from_user))
        del talk.kept[: -self._limits.history]
        talk.last = next((kept.entry.frame for kept in reversed(talk.kept) if kept.entry.kind == "m"), None)

    async def probe(self) -> None:
        """See `Journal.probe`."""
        await asyncio.sleep(0)

    async def birth(self) -> str:
        """See `Journal.birth`."""
        return self._birth

    rolled_back = False
    """What is in memory alone goes as a whole."""

    async def ping(self) -> None:
        """See `Journal.ping`."""

    def named(self, born: str) -> str:
        """See `Journal.named`."""
        return born

    def continues(self, generation: str, store: str) -> bool:
        """See `Journal.continues`."""
        del generation, store
        return False

    async def rebirth(self) -> str:
        """See `Journal.rebirth`."""
        self._birth = secrets.token_hex(8)
        self.rolled_back = False
        return self._birth

    async def withdraw(self, withdrawal: Withdrawal) -> int:
        """See `Journal.withdraw`."""
        await asyncio.sleep(0)
        about = msgspec.structs.replace(withdrawal, at=0)
        moment = self._withdrawals[about] = max(withdrawal.at, self._withdrawals.get(about, 0))
        return moment

    async def count_refused(self, store: str, minute: int, count: int) -> None:
        """See `Journal.count_refused`."""
        await asyncio.sleep(0)
        self._shops.setdefault(store, _Shop()).refused[minute, self.node] = count

    async def spend(self, side: str, id: str, day: int, size: int, limit: int) -> bool:
        """See `Journal.spend`."""
        await asyncio.sleep(0)
        before = self._spent.get((side, id, day), 0)
        if before + size > limit or (not size and before >= limit):
            return False
        self._spent[side, id, day] = before + size
        return True

    # Erasing.

    async def erase_chat(self, store: str, user: str) -> bool:
        """See `Journal.erase_chat`."""
        shop = await self._shop(store)
        self._stores_of_user.get(user, set()).discard(store)
        self._erased[user] = self._now_ms()
        if shop.talks.pop(user, None) is None:
            return False
        before, between = in_place_of_erased(store)
        shop.erased, shop.offset = shop.offset, shop.offset + 1
        shop.log.append((shop.offset, b"%b%d%b%d}" % (before, shop.offset, between, self._now_ms())))
        return True

    async def rewrite_log(self, store: str, user: str, who: str, after: int, replaced: int) -> tuple[int, int, bool]:
        """See `Journal.rewrite_log`. All of it at once, so that nobody comes in between."""
        del who, after
        shop = await self._shop(store)
        about, (before, between) = b"," + subject(store, user) + b",", in_place_of_erased(store)
        for place, (offset, frame) in enumerate(shop.log):
            if about in frame:
                at = frame.rpartition(b'"at":')[2]
                shop.log[place] = (offset, b"%b%d%b%b" % (before, offset, between, at))
                replaced += 1
        return shop.offset, replaced, True

    async def forget_commands(self) -> None:
        """See `Journal.forget_commands`."""

    async def begin_files(self) -> bool | None:
        """See `Journal.begin_files`."""
        return None

    async def end_files(self) -> bool:
        """See `Journal.end_files`."""
        return True

    async def sweep(self, before: int, count: int) -> Swept:
        """See `Journal.sweep`. Everything in one step, however many chats there are."""
        del count
        await asyncio.sleep(0)
        entries = chats = 0
        for store, shop in self._shops.items():
            young = next((place for place, (_, frame) in enumerate(shop.log) if _at(frame) >= before), len(shop.log))
            entries += (first := max(young, len(shop.log) - self._limits.log))
            del shop.log[:first]
            for user, talk in shop.talks.items():
                entries += self._sweep_one(talk, before)
                if not talk.is_shown and store in self._stores_of_user.get(user, ()):
                    self._stores_of_user[user].discard(store)
                    talk.chat = msgspec.structs.replace(talk.chat, name=None)
                    chats += 1
        return Swept(entries=entries, chats=chats, over=True)

    def _sweep_one(self, talk: _Talk, before: int) -> int:
        young = next((place for place, kept in enumerate(talk.kept) if _at(kept.entry.frame) >= before), len(talk.kept))
        first = max(young, len(talk.kept) - self._limits.history)
        if talk.context is not None and (talk.context[0] < before or (first >= len(talk.kept) and talk.chat.status == "closed")):
            talk.context = None
        del talk.kept[:first]
        talk.last = next((kept.entry.frame for kept in reversed(talk.kept) if kept.entry.kind == "m"), None)
        return first

    # Reading.

    async def load_store(self, store: str) -> StoreState:
        """See `Reads.load_store`."""
        shop = await self._shop(store)
        return StoreState(
            exists=shop.born, offset=shop.offset, roster=dict(shop.roster), away=frozenset(shop.away), arrivals=dict(shop.arrivals)
        )

    async def load_chats(self, store: str, users: tuple[str, ...]) -> tuple[ChatRecord, ...]:
        """See `Reads.load_chats`."""
        shop = await self._shop(store)
        talks = [shop.talks.get(user) or _Talk(Chat(store=store, user=user)) for user in users]
        return tuple(ChatRecord(chat=talk.chat, last=talk.last) for talk in talks)

    async def read_log(self, store: str, after: int, limit: int) -> LogPage:
        """See `Reads.read_log`."""
        shop = await self._shop(store)
        frames = tuple(frame for offset, frame in shop.log if offset > after)[:limit]
        return LogPage(frames=frames, first=shop.log[0][0] if shop.log else shop.offset + 1, offset=shop.offset)

    async def read_chat(
        self, store: str, user: str, *, after_seq: int | None = None, after_offset: int | None = None, limit: int
    ) -> ChatPage:
        """See `Reads.read_chat`."""
        talk = await self._talk(store, user)
        entries = (kept.entry for kept in talk.kept)
        if after_seq is not None:
            above = [entry for entry in entries if entry.seq > after_seq]
        else:
            above = [entry for entry in entries if entry.offset > (after_offset or 0)]
        page = tuple(above[:limit])
        return ChatPage(entries=page, first=talk.first, seq=talk.chat.seq, offset=talk.chat.offset, more=len(page) == limit)

    async def read_history(self, store: str, user: str, before: int | None, limit: int, *, notes: bool, statuses: bool) -> ChatPage:
        """See `Reads.read_history`."""
        talk = await self._talk(store, user)
        entries = [kept.entry for kept in talk.kept if before is None or kept.entry.seq < before]
        messages = [place for place, entry in enumerate(entries) if entry.kind == "m"]
        wanted = {"m", *("n" if notes else ""), *("s" if statuses else "")}
        page = entries[messages[-limit] :] if len(messages) >= limit else entries
        return ChatPage(
            entries=tuple(entry for entry in page if entry.kind in wanted),
            first=talk.first,
            seq=talk.chat.seq,
            offset=talk.chat.offset,
            more=len(messages) > limit,
        )

    async def read_past(self, store: str, user: str | None, before: int | None, limit: int) -> Past:
        """See `Reads.read_past`."""
        shop = await self._shop(store)
        kept = shop.talks[user].kept if user in shop.talks else []
        numbered = shop.log if user is None else [(one.entry.offset, one.entry.frame) for one in kept]
        below = [frame for offset, frame in numbered if before is None or offset < before]
        return Past(frames=tuple(below[::-1][:limit]), more=len(below) > limit)

    async def list_chats(self, store: str, status: str | None, after: tuple[int, str] | None, limit: int) -> ListPage:
        """See `Reads.list_chats`."""
        chats = (await self._shop(store)).newest((status,) if status else _STATUSES)
        users = [chat.user for chat in chats if after is None or (-chat.at, chat.user) > (-after[0], after[1])]
        return ListPage(users=tuple(users[:limit]), more=len(users) > limit)

    async def overview(self, store: str, agents: tuple[str, ...], since: int, now: int) -> Overview:
        """See `Reads.overview`."""
        del since, now
        shop = await self._shop(store)
        waiting = sorted((chat.since, chat.user) for chat in shop.newest(("waiting",)))
        refused: dict[int, int] = {}
        for (minute, _), count in shop.refused.items():
            refused[minute] = refused.get(minute, 0) + count
        return Overview(
            offset=shop.offset,
            waiting=len(waiting),
            claimed=len(shop.newest(("claimed",))),
            longest=(waiting[0][1], waiting[0][0]) if waiting else None,
            loads={agent: len(shop.owned_by(agent)) for agent in agents},
            refused=refused,
        )

    async def snapshot(self, store: str, agent: str, limit: int) -> Snapshot:
        """See `Reads.snapshot`."""
        shop = await self._shop(store)
        found = [chat.user for status in ("waiting", "claimed") for chat in shop.newest((status,))[:limit]]
        return Snapshot(
            offset=shop.offset,
            first=shop.log[0][0] if shop.log else shop.offset + 1,
            acknowledged=shop.cursors.get(agent),
            users=tuple(dict.fromkeys(found + sorted(shop.owned_by(agent)))),
            erased=shop.erased,
        )

    async def load_profile(self, store: str) -> tuple[int, bytes]:
        """See `Reads.load_profile`."""
        return (await self._shop(store)).profile

    async def load_context(self, store: str, user: str) -> tuple[int, bytes] | None:
        """See `Reads.load_context`."""
        return (await self._talk(store, user)).context

    async def erased_at(self, user: str) -> int:
        """See `Reads.erased_at`."""
        return self._erased.get(user, 0)

    async def stores_of_user(self, user: str) -> tuple[str, ...]:
        """See `Reads.stores_of_user`."""
        return tuple(self._stores_of_user.get(user, ()))

    async def stores_of_agent(self, agent: str) -> tuple[str, ...]:
        """See `Reads.stores_of_agent`."""
        return tuple(self._stores_of_agent.get(agent, ()))

    async def waiting(self, store: str) -> tuple[str, ...]:
        """See `Reads.waiting`."""
        chats = (await self._shop(store)).newest(("waiting",))
        return tuple(chat.user for chat in sorted(chats, key=lambda chat: (chat.since, chat.user)))

    async def owned(self, store: str) -> dict[str, tuple[str, ...]]:
        """See `Reads.owned`."""
        owned: dict[str, tuple[str, ...]] = {}
        for chat in (await self._shop(store)).newest(("claimed",)):
            owned[chat.owner_id] = (*owned.get(chat.owner_id, ()), chat.user)
        return owned

    async def stores_with_claims(self) -> tuple[str, ...]:
        """See `Reads.stores_with_claims`."""
        return tuple(store for store in sorted(self._stores) if self._shops[store].newest(("claimed",)))

    async def withdrawals(self, since: int) -> tuple[Withdrawal, ...]:
        """See `Reads.withdrawals`."""
        await asyncio.sleep(0)
        found = [msgspec.structs.replace(about, at=at) for about, at in self._withdrawals.items() if at >= since]
        return tuple(sorted(found, key=lambda withdrawal: withdrawal.at))

    async def _shop(self, store: str) -> _Shop:
        await asyncio.sleep(0)
        return self._shops.get(store) or _Shop()

    async def _talk(self, store: str, user: str) -> _Talk:
        return (await self._shop(store)).talks.get(user) or _Talk(Chat(store=store, user=user))


def _runs(batch: Sequence[Append]) -> dict[str, dict[str, list[int]]]:
    """Places in the batch by store and chat, as the script takes them."""
    stores: dict[str, dict[str, list[int]]] = {}
    for place, append in enumerate(batch):
        stores.setdefault(append.store, {}).setdefault(append.user, []).append(place)
    return stores


def _look(shop: _Shop, condition: Condition) -> tuple[bool, int | str | None]:
    """Whether the condition holds, and what the truth is."""
    match condition:
        case LoadBelow(agent=agent, limit=limit):
            return (load := len(shop.owned_by(agent))) < limit, load
        case LoadAtLeast(agent=agent, limit=limit):
            return (load := len(shop.owned_by(agent))) >= limit, load
        case OnRoster(agent=agent):
            return agent in shop.roster, shop.roster.get(agent)
        case NotOnRoster(agent=agent):
            return agent not in shop.roster, shop.roster.get(agent)
        case NotSeenSince(agent=agent, arrivals=arrivals):
            return (seen := shop.arrivals.get(agent, 0)) == arrivals, seen
        case NotRated(user=user, epoch=epoch):
            rated = shop.talks[user].chat.rated if user in shop.talks else 0
            return rated != epoch, rated
        case ProfileIs(version=version):
            return shop.profile[0] == version, shop.profile[0]


def _move_mark(talk: _Talk, event: MarkMoved) -> None:
    chat = talk.chat
    held = chat.user_received if event.mark == "received" else chat.user_read if event.side == "user" else chat.store_read
    seq = min(event.seq, chat.seq)
    if seq <= held:
        return
    chat = apply(chat, MarkMoved(side=event.side, mark=event.mark, seq=seq))
    if event.mark == "read":
        count = chat.from_user
        if seq < chat.seq:
            kept = next((kept for kept in talk.kept if kept.entry.seq >= seq), None)
            count = chat.from_user if kept is None else kept.from_user
            if kept is not None and kept.entry.kind == "m" and kept.entry.seq > seq and _is_from_user(kept.entry.frame):
                count -= 1  # the first that is kept lies above: it is not among them
            count = min(count, seq)
        field = "user_read_from_user" if event.side == "user" else "store_read_from_user"
        chat = msgspec.structs.replace(chat, **{field: count})
    talk.chat = chat


def _told(node: str, previous: int, moves: int, numbered: Sequence[tuple[int, bytes]], marks: Sequence[str]) -> bytes:
    """As the script tells it."""
    numbers = " ".join(f"{number}:{len(frame)}" for number, frame in numbered)
    head = f"{node} log {previous} {moves}\n{numbers}\n{' '.join(marks)}\n"
    return head.encode() + b",".join(frame for _, frame in numbered if frame)


def _at(frame: bytes) -> int:
    return int(frame.rpartition(b'"at":')[2][:-1])


def _is_from_user(message: bytes) -> bool:
    """Only ids and numbers stand before the sender."""
    sender = b'"from":{"role":"'
    return message[message.index(sender) + len(sender) :].startswith(b'user"')
