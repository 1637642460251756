"""The journal in Redis: batches into `append.lua`, replies into outcomes, reads by number.

At most one round trip carries a batch, whatever stores it touches. Reads have a connection of their own and are gathered too:
what is asked while one list is on its way goes together in the next.
"""

import asyncio
import secrets
from bisect import bisect_right
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ResponseError

from actors.append import Append, ChatPage, ChatRecord, ListPage, LogPage, Outcome, Overview, Past, Snapshot, StoreState, Swept
from actors.event import AgentArrived, MessageAdded, in_place_of_erased, subject
from actors.news import Call, Dead, Heads, Roll, Topic
from actors.withdrawal import Withdrawal
from storage import care, roll
from storage.batch import Limits, plan
from storage.ear import Ear
from storage.head import answers, questions
from storage.journal import JournalLost, JournalRefused, JournalUnreachable, Listening
from storage.key import (
    BIRTH,
    COUNT,
    NEWEST,
    PULSE,
    REFUSED_BUCKET_MS,
    REFUSED_KEPT_MS,
    SPENT_S,
    STORES,
    SWEPT,
    VERSION,
    WITHDRAWN,
    StoreKeys,
    channel_of_user,
    erased,
    is_in_slot,
    spent,
    stores_of_agent,
    stores_of_user,
)
from storage.pipe import Command, Pipe
from storage.reader import Reader, taken
from storage.replica import WAIT, confirm, is_elsewhere
from storage.reply import chat_of, entry_of, held, outcomes, pairs, withdrawal_of
from storage.room import Use
from storage.witness import Witness

TRIMMED = 10_000
"""Entries that a log loses in one step at most."""
REWRITTEN = 500
"""Entries of a log that are rewritten in one step: a few ms, in which the server does nothing else."""
_NOT_NOW = ("LOADING", "BUSY", "TRYAGAIN", "MASTERDOWN", "NOSCRIPT")
"""Errors of a server that will soon take the same call."""


class RedisJournal:
    """See `storage.journal.Journal`. `connect` makes a fresh, unconnected connection; `now_ms` is the wall clock; `name` is the
    node's where no witness has one; `waits` where nothing is acknowledged that no replica has (`storage.replica`)."""

    def __init__(
        self,
        connect: Callable[[], AbstractConnection],
        now_ms: Callable[[], int],
        limits: Limits,
        witness: Witness | None = None,
        name: str | None = None,
        *,
        waits: bool = False,
    ) -> None:
        self._writer = Pipe(connect)
        self._reader = Pipe(connect)
        self._now_ms = now_ms
        self._limits = limits
        self._waits = waits
        self._witness = witness
        self._name = witness.name if witness is not None else name or secrets.token_hex(4)
        self.node = secrets.token_hex(4)
        """See `Journal.node`. Another one for each process: what a former one has said is news to this one."""
        self.lanes = 1
        """See `Journal.lanes`."""
        self.ear: Listening = Ear(connect)
        """See `Journal.ear`."""
        self._birth = ""
        self._count = 0
        """How many batches of this node were seen committed."""
        self._line = ""
        """The replication id of the server whose data these are, where acknowledgements wait for replicas."""
        self._held: list[Command] = []
        """What others are to hear of a batch that no replica has yet."""
        self._walk: list[str] = []
        """All stores, as they were when the walk over them began."""
        self.rolled_back = False
        """See `Journal.rolled_back`."""
        self._asking = Reader(self._call)
        self.round_trips = 0
        """How many lists of commands carried batches."""

    async def move(self) -> None:
        """Writes go elsewhere from now on: whatever is connected is connected anew."""
        for way in (self._writer, self._reader, self.ear):
            await way.close()

    async def close(self) -> None:
        """Gives all connections up."""
        self._asking.end()
        await self.move()

    # Writing.

    def lane(self, store: str) -> int:
        """See `Journal.lane`."""
        del store
        return 0

    async def append(self, batch: Sequence[Append]) -> list[Outcome]:
        """See `Journal.append`."""
        planned = plan(batch, self._now_ms(), self._limits, self.node, holds=self._waits)
        written, append, begun = (
            indexes(batch),
            self._writer.script("append", planned.keys, planned.args),
            announcements(batch, self.node),
        )
        # The count comes last: a file whose tail is torn off loses it first.
        commands = [*written, append, *(() if self._waits else begun), ("HINCRBY", COUNT, self._name, 1)]
        self.round_trips += 1
        replies = await self._writer.call([*commands, WAIT] if self._waits else commands)
        reply, count = replies[len(written)], replies[len(commands) - 1]
        refused = next((found for found in replies[: len(written)] if isinstance(found, ResponseError)), None)
        if refused is not None and not isinstance(reply, ResponseError):
            # A chat that its user's index does not name would be lost to the user: the same batch goes again until it does.
            raise JournalLost(f"an index was refused: {refused}")
        if isinstance(reply, ResponseError):
            # redis-py takes the code off some errors and leaves it on others.
            text = f"{type(reply).__name__} {reply}"
            if self._waits and is_elsewhere(text):
                await self._writer.close()
                raise JournalUnreachable(text)
            if any(code in text.upper() for code in _NOT_NOW):
                raise JournalUnreachable(text)
            raise JournalRefused(text)
        if self._waits:
            await self._stay(self._writer, self._reader)
            await self._confirm(replies[-1], [*begun, *held(planned, reply)])
        if isinstance(count, int):
            self.rolled_back |= count <= self._count
            self._count = count
            if self._witness is not None:
                self._witness.note(self._birth, count)
        return outcomes(planned, batch, reply)

    async def _stay(self, asked: Pipe, other: Pipe) -> None:
        """A server that was put in the place of another may lack what that one was seen to have, though it never was acknowledged: shown is
        what was read. Whatever hangs on the former one is connected anew."""
        if self._waits and asked.replication_id != self._line and not self.rolled_back:
            self.rolled_back, self._held = True, []
            await other.close()
            await self.ear.close()

    async def _confirm(self, counted: Any, news: list[Command]) -> None:
        """Of a batch that no replica has nobody hears, neither here nor on another node."""
        self._held += news
        try:
            confirm(counted)
        except JournalLost:
            # Perhaps the writes belong elsewhere by now: the next connection is looked for anew.
            await self._writer.close()
            raise
        news, self._held = self._held, []
        if news:
            # What is not heard is found in the log.
            self._asking.ask(*news).add_done_callback(_let_go)

    async def ping(self) -> None:
        """See `Journal.ping`."""
        seen = self._count
        birth, count = await self._ask_all(*self._look)
        self._compare(birth, count, seen)

    async def probe(self) -> None:
        """See `Journal.probe`."""
        await self._keep(("SET", PULSE, self._now_ms()))

    async def birth(self) -> str:
        """See `Journal.birth`."""
        await self._ask(("SET", NEWEST, VERSION, "NX"))
        await self._ask(("SET", BIRTH, secrets.token_hex(8), "NX"))
        birth, count = await self._ask_all(*self._look)
        self._birth, self._count, self._line = bytes(birth).decode(), int(count or 0), self._reader.replication_id
        has_seen_more = self._witness is not None and self._witness.has_seen_more(self._birth, self._count)
        return await self.rebirth() if has_seen_more else self._generation

    def named(self, born: str) -> str:
        """See `Journal.named`."""
        return born

    def continues(self, generation: str, store: str) -> bool:
        """See `Journal.continues`."""
        del generation, store
        return False

    async def rebirth(self) -> str:
        """See `Journal.rebirth`."""
        birth, count = await self._ask_all(*self._look)
        mark = "" if birth is None else bytes(birth).decode()
        has_moved = self._waits and self._line != self._reader.replication_id
        if not mark or (mark == self._birth and not has_moved):
            mark = secrets.token_hex(8)
            await self._ask(("SET", BIRTH, mark))
        self._birth, self._count, self._line, self.rolled_back = mark, int(count or 0), self._reader.replication_id, False
        return self._generation

    @property
    def _generation(self) -> str:
        """Where servers take each other's place, each begins another: all nodes find the same name for it by themselves."""
        return f"{self._birth}.{self._line[:12]}" if self._waits else self._birth

    async def withdraw(self, withdrawal: Withdrawal) -> int:
        """See `Journal.withdraw`."""
        member = f"{withdrawal.side}/{withdrawal.id}" + (f"/{withdrawal.store}" if withdrawal.store is not None else "")
        _, moment = await self._keep(("ZADD", WITHDRAWN, "GT", withdrawal.at, member), ("ZSCORE", WITHDRAWN, member))
        return int(moment)

    async def count_refused(self, store: str, minute: int, count: int) -> None:
        """See `Journal.count_refused`. Each process has a field of its own, so that writing it again counts nothing twice."""
        key = StoreKeys(store).refused(minute * 60_000)
        await self._keep(("HSET", key, f"{minute}:{self.node}", count), ("PEXPIRE", key, REFUSED_KEPT_MS))

    async def spend(self, side: str, id: str, day: int, size: int, limit: int) -> bool:
        """See `Journal.spend`."""
        key = spent(side, id, day)
        total, _ = await self._ask_all(("INCRBY", key, size), ("EXPIRE", key, SPENT_S))
        if total > limit or (not size and total >= limit):
            await self._ask(("DECRBY", key, size))
            return False
        return True

    # Erasing.

    async def erase_chat(self, store: str, user: str) -> bool:
        """See `Journal.erase_chat`."""
        keys, owner = StoreKeys(store), ""
        # The index goes first: who writes again, when the chat is gone, is put back into it before that is carried out.
        await self._ask(("SREM", stores_of_user(user), store))
        while True:
            owned = [keys.owned(owner)] if owner else []
            chat = [
                keys.head,
                keys.log,
                keys.chat(user),
                keys.history(user),
                keys.queue,
                *keys.lists().values(),
                keys.context(user),
                *owned,
            ]
            there, found = await self._run("erase", chat, [user, owner, *in_place_of_erased(store), self._now_ms()])
            if found.decode() == owner:
                break
            owner = found.decode()
        await self._keep(("SET", erased(user), self._now_ms()))
        return bool(there)

    async def rewrite_log(self, store: str, user: str, who: str, after: int, replaced: int) -> tuple[int, int, bool]:
        """See `Journal.rewrite_log`."""
        keys = StoreKeys(store)
        args: list[str | bytes | int] = [after, who, REWRITTEN, subject(store, user), *in_place_of_erased(store), replaced]
        after, replaced, done = await self._run("rewrite", [keys.head, keys.log, keys.log_new, keys.log_old], args)
        return after, replaced, bool(done)

    async def forget_commands(self) -> None:
        """See `Journal.forget_commands`."""
        await care.forget_commands(self._ask)

    async def begin_files(self) -> bool | None:
        """See `Journal.begin_files`."""
        ready = await care.is_ready(self._ask)
        if ready:
            await self._ask(("BGREWRITEAOF",))
        return ready

    async def end_files(self) -> bool:
        """See `Journal.end_files`."""
        return await care.end_files(self._ask)

    async def memory(self) -> Use:
        """What the server uses, and of how much."""
        return await care.memory(self._ask)

    # Sweeping.

    async def sweep(self, before: int, count: int) -> Swept:
        """See `Journal.sweep`."""
        at = await self._ask(("GET", SWEPT))
        store, *chat = bytes(at).decode().split("/") if at else (await self._store_behind(""),)
        if not store:
            return Swept(entries=0, chats=0, over=True)
        keys, entries = StoreKeys(store), 0
        if not chat:
            entries = await self._run("trim", [keys.head, keys.log], [before, self._limits.log, TRIMMED])
            if entries == TRIMMED:
                return Swept(entries=entries, chats=0, over=False)
        page = await self.list_chats(store, None, (int(chat[0]), chat[1]) if chat else None, count)
        records = [record.chat for record in await self.load_chats(store, page.users) if record.chat.exists]
        users = [chat.user for chat in records]
        of_users = [key for user in users for key in (keys.chat(user), keys.history(user), keys.context(user))]
        dropped, *gone = await self._run("sweep", [keys.closed, *of_users], [before, self._limits.history, *users])
        if gone:
            await self._take_from_indexes(store, [user.decode() for user in gone])
        # What has moved to the top since the page was read is not the place to go on from.
        last = max(((-chat.at, chat.user) for chat in records), default=None)
        place = f"{store}/{-last[0]}/{last[1]}" if page.more and last else await self._store_behind(store)
        await self._ask(("SET", SWEPT, place))
        return Swept(entries=entries + dropped, chats=len(gone), over=not place)

    async def _take_from_indexes(self, store: str, users: list[str]) -> None:
        """A chat that another node has opened again in between is put back."""
        keys = StoreKeys(store)
        # The one is over before the other is asked: they need not be on one server.
        await self._ask_all(*(("SREM", stores_of_user(user), store) for user in users))
        statuses = await self._ask_all(*(("HGET", keys.chat(user), "st") for user in users))
        back = [("SADD", stores_of_user(user), store) for user, status in zip(users, statuses, strict=True) if status != b"closed"]
        if back:
            await self._ask_all(*back)

    async def _store_behind(self, store: str) -> str:
        """The next store of the walk; empty where it was the last."""
        if not store or not self._walk:
            self._walk = sorted(await self._members(STORES))
        place = bisect_right(self._walk, store)
        return self._walk[place] if place < len(self._walk) else ""

    @property
    def _look(self) -> tuple[Command, Command]:
        """What tells whether the data are those that this node knows."""
        return ("GET", BIRTH), ("HGET", COUNT, self._name)

    def _compare(self, birth: Any, count: Any, seen: int) -> None:
        """`seen`: the count when it was asked; what was committed meanwhile may have been answered first."""
        self.rolled_back |= birth is None or birth.decode() != self._birth or int(count or 0) < seen

    # Hearing.

    async def publish(self, channel: str, message: bytes) -> None:
        """See `Journal.publish`."""
        await self._ask(("SPUBLISH" if is_in_slot(channel) else "PUBLISH", channel, message))

    async def call_roll(self, calls: Sequence[Call], dead: Dead, known: Sequence[str]) -> tuple[tuple[Roll, ...], frozenset[str]]:
        """See `Journal.call_roll`."""
        asked = roll.questions(self.node, calls, dead, known, self._reader.script)
        return roll.answers(self.node, calls, known, await self._ask_all(*asked))

    async def heads(self, topics: Sequence[Topic]) -> Heads:
        """See `Journal.heads`."""
        asked = questions(topics)
        return answers(topics, await self._ask_all(*asked) if asked else [])

    # Reading.

    async def load_store(self, store: str) -> StoreState:
        """See `Reads.load_store`."""
        keys = StoreKeys(store)
        born, offset, roster, away, arrivals = await self._run("store", [keys.head, keys.roster, keys.away, keys.arrivals], [])
        return StoreState(
            exists=born is not None,
            offset=offset,
            roster={agent.decode(): name.decode() for agent, name in pairs(roster)},
            away=frozenset(agent.decode() for agent in away),
            arrivals={agent.decode(): int(count) for agent, count in pairs(arrivals)},
        )

    async def load_chats(self, store: str, users: tuple[str, ...]) -> tuple[ChatRecord, ...]:
        """See `Reads.load_chats`. Asked for in pieces, so that one long list does not hold the server up."""
        keys = StoreKeys(store)
        records: list[ChatRecord] = []
        for start in range(0, len(users), 100):
            some = users[start : start + 100]
            reply = await self._run("chats", [key for user in some for key in (keys.chat(user), keys.history(user))], [])
            for user, (fields, last) in zip(some, pairs(reply), strict=True):
                chat = chat_of(store, user, fields)
                records.append(ChatRecord(chat=chat, last=entry_of(last).frame if last is not None and chat.seq else None))
        return tuple(records)

    async def read_log(self, store: str, after: int, limit: int) -> LogPage:
        """See `Reads.read_log`."""
        keys = StoreKeys(store)
        found, oldest, head = await self._ask_all(
            ("XRANGE", keys.log, f"({after}", "+", "COUNT", limit),
            ("XRANGE", keys.log, "-", "+", "COUNT", 1),
            ("HGET", keys.head, "of"),
        )
        offset = int(head or 0)
        return LogPage(
            frames=tuple(fields[1] for _, fields in found),
            first=int(oldest[0][0].split(b"-")[0]) if oldest else offset + 1,
            offset=max(offset, int(found[-1][0].split(b"-")[0])) if found else offset,
        )

    async def read_chat(
        self, store: str, user: str, *, after_seq: int | None = None, after_offset: int | None = None, limit: int
    ) -> ChatPage:
        """See `Reads.read_chat`."""
        keys = StoreKeys(store)
        field, number = (2, after_seq) if after_seq is not None else (3, after_offset or 0)
        seq, offset, first, entries = await self._run("page", [keys.chat(user), keys.history(user)], [field, number, limit])
        return ChatPage(
            entries=tuple(entry_of(entry) for entry in entries), first=first, seq=seq, offset=offset, more=len(entries) == limit
        )

    async def read_history(self, store: str, user: str, before: int | None, limit: int, *, notes: bool, statuses: bool) -> ChatPage:
        """See `Reads.read_history`."""
        keys = StoreKeys(store)
        if before is not None and before <= 1:
            before = 1
        seq, offset, first, more, entries = await self._run(
            "history", [keys.chat(user), keys.history(user)], [before or 0, limit, int(notes), int(statuses)]
        )
        ascending = tuple(entry_of(entry) for entry in reversed(entries))
        return ChatPage(entries=ascending, first=first, seq=seq, offset=offset, more=bool(more))

    async def read_past(self, store: str, user: str | None, before: int | None, limit: int) -> Past:
        """See `Reads.read_past`."""
        keys = StoreKeys(store)
        if before is not None and before <= 1:
            return Past(frames=(), more=False)
        if user is None:
            below = "+" if before is None else f"({before}-0"
            found = await self._ask(("XREVRANGE", keys.log, below, "-", "COUNT", limit + 1))
            return Past(frames=tuple(fields[1] for _, fields in found[:limit]), more=len(found) > limit)
        more, entries = await self._run("back", [keys.history(user)], [before or 0, limit])
        return Past(frames=tuple(entry_of(entry).frame for entry in entries), more=bool(more))

    async def list_chats(self, store: str, status: str | None, after: tuple[int, str] | None, limit: int) -> ListPage:
        """See `Reads.list_chats`."""
        lists = StoreKeys(store).lists()
        keys = [lists[status]] if status else list(lists.values())
        score, user = (str(-after[0]), after[1]) if after else ("", "")
        users = tuple(found.decode() for found in await self._run("list", keys, [score, user, limit]))
        return ListPage(users=users[:limit], more=len(users) > limit)

    async def overview(self, store: str, agents: tuple[str, ...], since: int, now: int) -> Overview:
        """See `Reads.overview`."""
        keys = StoreKeys(store)
        hours = range(since - since % REFUSED_BUCKET_MS, now + 1, REFUSED_BUCKET_MS)
        offset, waiting, claimed, longest, *loads = await self._run(
            "overview", [keys.head, keys.queue, keys.claimed, *map(keys.owned, agents)], []
        )
        refused: Counter[int] = Counter()
        for counts in await self._ask_all(*(("HGETALL", keys.refused(hour)) for hour in hours)):
            for field, count in pairs(counts):
                refused[int(field.partition(b":")[0])] += int(count)
        return Overview(
            offset=offset,
            waiting=waiting,
            claimed=claimed,
            longest=(longest[0].decode(), int(longest[1])) if longest else None,
            loads=dict(zip(agents, loads, strict=True)),
            refused=dict(refused),
        )

    async def snapshot(self, store: str, agent: str, limit: int) -> Snapshot:
        """See `Reads.snapshot`."""
        keys = StoreKeys(store)
        offset, first, acknowledged, users, erased_to = await self._run(
            "snapshot", [keys.head, keys.log, keys.cursors, keys.waiting, keys.claimed, keys.owned(agent)], [agent, limit]
        )
        return Snapshot(
            offset=offset,
            first=first,
            acknowledged=None if acknowledged is None else int(acknowledged),
            users=tuple(user.decode() for user in users),
            erased=erased_to,
        )

    async def load_profile(self, store: str) -> tuple[int, bytes]:
        """See `Reads.load_profile`."""
        version, profile = await self._ask(("HMGET", StoreKeys(store).profile, "ve", "is"))
        return int(version or 0), profile or b""

    async def load_context(self, store: str, user: str) -> tuple[int, bytes] | None:
        """See `Reads.load_context`."""
        found = await self._ask(("GET", StoreKeys(store).context(user)))
        if found is None:
            return None
        at, _, context = bytes(found).partition(b" ")
        return int(at), context

    async def erased_at(self, user: str) -> int:
        """See `Reads.erased_at`."""
        return int(await self._ask(("GET", erased(user))) or 0)

    async def stores_of_user(self, user: str) -> tuple[str, ...]:
        """See `Reads.stores_of_user`."""
        return await self._members(stores_of_user(user))

    async def stores_of_agent(self, agent: str) -> tuple[str, ...]:
        """See `Reads.stores_of_agent`."""
        return await self._members(stores_of_agent(agent))

    async def waiting(self, store: str) -> tuple[str, ...]:
        """See `Reads.waiting`."""
        return tuple(user.decode() for user in await self._ask(("ZRANGE", StoreKeys(store).queue, 0, -1)))

    async def owned(self, store: str) -> dict[str, tuple[str, ...]]:
        """See `Reads.owned`."""
        keys = StoreKeys(store)
        users = [user.decode() for user in await self._run("owned", [keys.claimed], [])]
        owned: dict[str, tuple[str, ...]] = {}
        for start in range(0, len(users), 200):
            some = users[start : start + 200]
            for owner, user in pairs(await self._run("owned", [keys.claimed, *map(keys.chat, some)], some)):
                owned[owner.decode()] = (*owned.get(owner.decode(), ()), user.decode())
        return owned

    async def stores_with_claims(self) -> tuple[str, ...]:
        """See `Reads.stores_with_claims`. Looks at every store once, in pieces."""
        stores = sorted(await self._members(STORES))
        found: list[str] = []
        for start in range(0, len(stores), 500):
            some = stores[start : start + 500]
            counts = await self._ask_all(*(("ZCARD", StoreKeys(store).claimed) for store in some))
            found.extend(store for store, count in zip(some, counts, strict=True) if count)
        return tuple(found)

    async def withdrawals(self, since: int) -> tuple[Withdrawal, ...]:
        """See `Reads.withdrawals`."""
        found = await self._ask(("ZRANGE", WITHDRAWN, since, "+inf", "BYSCORE", "WITHSCORES"))
        return tuple(withdrawal_of(member.decode(), int(moment)) for member, moment in pairs(found))

    async def _members(self, key: str) -> tuple[str, ...]:
        return tuple(member.decode() for member in await self._ask(("SMEMBERS", key)))

    async def _run(self, script: str, keys: Sequence[str], args: Sequence[str | bytes | int]) -> Any:
        return await self._ask(self._reader.script(script, keys, args))

    async def _ask(self, command: Command) -> Any:
        """One reply."""
        return (await self._ask_all(command))[0]

    async def _keep(self, *commands: Command) -> list[Any]:
        """Replies to writes that are there to stay."""
        replies = await self._ask_all(*commands, *([WAIT] if self._waits else []))
        if self._waits:
            confirm(replies.pop())
        return replies

    def _ask_all(self, *commands: Command) -> Awaitable[list[Any]]:
        """The replies. Whoever waits may be cancelled; the call itself never is."""
        return _taken(self._asking.ask(*commands))

    async def _call(self, commands: list[Command]) -> list[Any]:
        """The replies. A fresh connection is asked first whether the data behind it are still the same: what is read of others would be
        taken for what follows on what is known."""
        if self._reader.is_open or not self._birth or self.rolled_back:
            return await self._reader.call(commands)
        seen = self._count
        birth, count, *replies = await self._reader.call([*self._look, *commands])
        if not isinstance(birth, ResponseError) and not isinstance(count, ResponseError):
            self._compare(birth, count, seen)
        await self._stay(self._reader, self._writer)
        if self.rolled_back:
            raise JournalLost("the data were rolled back")
        return replies


def _let_go(answer: asyncio.Future[Any]) -> None:
    if not answer.cancelled():
        answer.exception()


async def _taken(asked: asyncio.Future[Any]) -> list[Any]:
    return taken(await asked)


def indexes(batch: Sequence[Append]) -> list[Command]:
    """What lies in other slots than the store's is written first: an index that names too much is healed by whoever reads it."""
    commands: list[Command] = []
    for append in batch:
        match append.events[0] if append.events else None:
            case MessageAdded(by=by) if by.role == "user" and (append.epoch == 0 or len(append.events) > 1):
                commands.append(("SADD", stores_of_user(append.user), append.store))
            case AgentArrived(agent=agent):
                commands.append(("SADD", stores_of_agent(agent), append.store))
                commands.append(("SADD", STORES, append.store))
            case _:
                pass
    return commands


def announcements(batch: Sequence[Append], node: str) -> list[Command]:
    """A user's other nodes do not follow a chat of which they know nothing."""
    begun = [append for append in batch if append.epoch == 0 and append.user and append.events]
    return [("SPUBLISH", channel_of_user(append.user), f"{node} began {append.store}") for append in begun]
