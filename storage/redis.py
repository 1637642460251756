"""The journal in Redis: batches into `append.lua`, replies into outcomes, reads by number.

At most one round trip carries a batch, whatever stores it touches. Reads have a connection of their own and are gathered too:
what is asked while one list is on its way goes together in the next.
"""

import asyncio
import secrets
from bisect import bisect_right
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, cast

import msgspec
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ResponseError

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
    Reused,
    Snapshot,
    StoreState,
    Swept,
    Unmet,
    Withdrawn,
)
from actors.chat import Chat, Owner
from actors.event import AgentArrived, MessageAdded, in_place_of_erased, subject
from actors.identity import IdentitySide
from actors.news import Call, Dead, Heads, Roll, Topic
from actors.withdrawal import Withdrawal
from storage import roll
from storage.batch import Limits, Plan, plan
from storage.deadline import Deadline, within
from storage.ear import Ear
from storage.head import answers, questions
from storage.journal import JournalLost, JournalRefused, JournalUnreachable
from storage.key import (
    BIRTH,
    COUNT,
    NEWEST,
    PULSE,
    STORES,
    SWEPT,
    VERSION,
    WITHDRAWN,
    StoreKeys,
    channel_of_user,
    erased,
    is_in_slot,
    stores_of_agent,
    stores_of_user,
)
from storage.pipe import Command, Pipe
from storage.room import Use
from storage.witness import Witness

READ_TIMEOUT_S = 5.0
"""A connection that is silent for this long while it is asked is given up."""
TRIMMED = 10_000
"""Entries that a log loses in one step at most."""
REWRITTEN = 500
"""Entries of a log that are rewritten in one step: a few ms, in which the server does nothing else."""
_NOT_NOW = ("LOADING", "BUSY", "TRYAGAIN", "MASTERDOWN", "NOSCRIPT")
"""Errors of a server that will soon take the same call."""

_owner = msgspec.json.Decoder(Owner)


class RedisJournal:
    """See `storage.journal.Journal`. `connect` makes a fresh, unconnected connection; `now_ms` is the wall clock; `name` is the
    node's where no witness has one."""

    def __init__(
        self,
        connect: Callable[[], AbstractConnection],
        now_ms: Callable[[], int],
        limits: Limits,
        witness: Witness | None = None,
        name: str | None = None,
    ) -> None:
        self._writer = Pipe(connect)
        self._reader = Pipe(connect)
        self._now_ms = now_ms
        self._limits = limits
        self._witness = witness
        self._name = witness.name if witness is not None else name or secrets.token_hex(4)
        self.node = secrets.token_hex(4)
        """See `Journal.node`. Another one for each process: what a former one has said is news to this one."""
        self.ear = Ear(connect)
        """See `Journal.ear`."""
        self._birth = ""
        self._count = 0
        """How many batches of this node were seen committed."""
        self._walk: list[str] = []
        """All stores, as they were when the walk over them began."""
        self.rolled_back = False
        """See `Journal.rolled_back`."""
        self._asked: list[tuple[tuple[Command, ...], asyncio.Future[Any]]] = []
        self._deadline = Deadline(READ_TIMEOUT_S)
        self._reading: asyncio.Task[None] | None = None
        self.round_trips = 0
        """How many lists of commands carried batches."""

    async def close(self) -> None:
        """Gives all connections up."""
        if self._reading is not None:
            self._reading.cancel()
        await self._writer.close()
        await self._reader.close()
        await self.ear.close()

    # Writing.

    async def append(self, batch: Sequence[Append]) -> list[Outcome]:
        """See `Journal.append`."""
        planned = plan(batch, self._now_ms(), self._limits, self.node)
        indexes, append = _indexes(batch), self._writer.script("append", planned.keys, planned.args)
        # The count comes last: a file whose tail is torn off loses it first.
        commands = [*indexes, append, *_announcements(batch, self.node), ("HINCRBY", COUNT, self._name, 1)]
        self.round_trips += 1
        replies = await self._writer.call(commands)
        reply, count = replies[len(indexes)], replies[-1]
        refused = next((found for found in replies[: len(indexes)] if isinstance(found, ResponseError)), None)
        if refused is not None and not isinstance(reply, ResponseError):
            # A chat that its user's index does not name would be lost to the user: the same batch goes again until it does.
            raise JournalLost(f"an index was refused: {refused}")
        if isinstance(reply, ResponseError):
            # redis-py takes the code off some errors and leaves it on others.
            text = f"{type(reply).__name__} {reply}"
            if any(code in text.upper() for code in _NOT_NOW):
                raise JournalUnreachable(text)
            raise JournalRefused(text)
        if isinstance(count, int):
            self.rolled_back |= count <= self._count
            self._count = count
            if self._witness is not None:
                self._witness.note(self._birth, count)
        return _outcomes(planned, batch, reply)

    async def ping(self) -> None:
        """See `Journal.ping`."""
        seen = self._count
        birth, count = await self._ask_all(*self._look)
        self._compare(birth, count, seen)

    async def probe(self) -> None:
        """See `Journal.probe`."""
        await self._ask(("SET", PULSE, self._now_ms()))

    async def birth(self) -> str:
        """See `Journal.birth`."""
        await self._ask(("SET", NEWEST, VERSION, "NX"))
        await self._ask(("SET", BIRTH, secrets.token_hex(8), "NX"))
        birth, count = await self._ask_all(*self._look)
        self._birth, self._count = bytes(birth).decode(), int(count or 0)
        has_seen_more = self._witness is not None and self._witness.has_seen_more(self._birth, self._count)
        return await self.rebirth() if has_seen_more else self._birth

    async def rebirth(self) -> str:
        """See `Journal.rebirth`."""
        birth, count = await self._ask_all(*self._look)
        mark = "" if birth is None else bytes(birth).decode()
        if mark in ("", self._birth):
            mark = secrets.token_hex(8)
            await self._ask(("SET", BIRTH, mark))
        self._birth, self._count, self.rolled_back = mark, int(count or 0), False
        return mark

    async def withdraw(self, withdrawal: Withdrawal) -> int:
        """See `Journal.withdraw`."""
        member = f"{withdrawal.side}/{withdrawal.id}" + (f"/{withdrawal.store}" if withdrawal.store is not None else "")
        _, moment = await asyncio.gather(
            self._ask(("ZADD", WITHDRAWN, "GT", withdrawal.at, member)), self._ask(("ZSCORE", WITHDRAWN, member))
        )
        return int(moment)

    # Erasing.

    async def erase_chat(self, store: str, user: str) -> bool:
        """See `Journal.erase_chat`."""
        keys, owner = StoreKeys(store), ""
        # The index goes first: who writes again, when the chat is gone, is put back into it before that is carried out.
        await self._ask(("SREM", stores_of_user(user), store))
        while True:
            owned = [keys.owned(owner)] if owner else []
            chat = [keys.head, keys.log, keys.chat(user), keys.history(user), keys.queue, *keys.lists().values(), *owned]
            there, found = await self._run("erase", chat, [user, owner, *in_place_of_erased(store), self._now_ms()])
            if found.decode() == owner:
                break
            owner = found.decode()
        await self._ask(("SET", erased(user), self._now_ms()))
        return bool(there)

    async def rewrite_log(self, store: str, user: str, who: str, after: int, replaced: int) -> tuple[int, int, bool]:
        """See `Journal.rewrite_log`."""
        keys = StoreKeys(store)
        args: list[str | bytes | int] = [after, who, REWRITTEN, subject(store, user), *in_place_of_erased(store), replaced]
        after, replaced, done = await self._run("rewrite", [keys.head, keys.log, keys.log_new, keys.log_old], args)
        return after, replaced, bool(done)

    async def forget_commands(self) -> None:
        """See `Journal.forget_commands`. Not every server has each of these logs, and not everybody may empty them."""
        for command in (("SLOWLOG", "RESET"), *(("COMMANDLOG", "RESET", kind) for kind in ("large-request", "large-reply"))):
            with suppress(JournalRefused):
                await self._ask(command)

    async def begin_files(self) -> bool | None:
        """See `Journal.begin_files`."""
        info = await self._info("persistence")
        if info.get("aof_enabled") != "1":
            return None
        if not _is_idle(info) or info.get("rdb_bgsave_in_progress", "0") != "0":
            return False
        await self._ask(("BGREWRITEAOF",))
        return True

    async def end_files(self) -> bool:
        """See `Journal.end_files`."""
        info = await self._info("persistence")
        if _is_idle(info) and info.get("aof_last_bgrewrite_status") != "ok":
            raise JournalRefused("the server could not write its file anew")
        return _is_idle(info)

    async def memory(self) -> Use:
        """What the server uses, and of how much."""
        info = await self._info("memory")
        limit = int(info.get("maxmemory", 0))
        if limit:
            return Use(int(info["used_memory"]), limit, "the maxmemory of Redis")
        return Use(
            int(info["used_memory"]), int(info["total_system_memory"]), "the memory of the machine of Redis, which has no maxmemory,"
        )

    async def _info(self, section: str) -> dict[str, str]:
        text = bytes(await self._ask(("INFO", section))).decode("utf-8", "replace")
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)

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
        of_users = [key for user in users for key in (keys.chat(user), keys.history(user))]
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
        pairs = [(("SREM", stores_of_user(user), store), ("HGET", keys.chat(user), "st")) for user in users]
        statuses = (await self._ask_all(*(command for pair in pairs for command in pair)))[1::2]
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
            roster={agent.decode(): name.decode() for agent, name in _pairs(roster)},
            away=frozenset(agent.decode() for agent in away),
            arrivals={agent.decode(): int(count) for agent, count in _pairs(arrivals)},
        )

    async def load_chats(self, store: str, users: tuple[str, ...]) -> tuple[ChatRecord, ...]:
        """See `Reads.load_chats`. Asked for in pieces, so that one long list does not hold the server up."""
        keys = StoreKeys(store)
        records: list[ChatRecord] = []
        for start in range(0, len(users), 100):
            some = users[start : start + 100]
            reply = await self._run("chats", [key for user in some for key in (keys.chat(user), keys.history(user))], [])
            for user, (fields, last) in zip(some, _pairs(reply), strict=True):
                chat = _chat(store, user, fields)
                records.append(ChatRecord(chat=chat, last=_entry(last).frame if last is not None and chat.seq else None))
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
        return ChatPage(entries=tuple(_entry(entry) for entry in entries), first=first, seq=seq, offset=offset, more=len(entries) == limit)

    async def read_history(self, store: str, user: str, before: int | None, limit: int, *, notes: bool, statuses: bool) -> ChatPage:
        """See `Reads.read_history`."""
        keys = StoreKeys(store)
        if before is not None and before <= 1:
            before = 1
        seq, offset, first, more, entries = await self._run(
            "history", [keys.chat(user), keys.history(user)], [before or 0, limit, int(notes), int(statuses)]
        )
        ascending = tuple(_entry(entry) for entry in reversed(entries))
        return ChatPage(entries=ascending, first=first, seq=seq, offset=offset, more=bool(more))

    async def list_chats(self, store: str, status: str | None, after: tuple[int, str] | None, limit: int) -> ListPage:
        """See `Reads.list_chats`."""
        lists = StoreKeys(store).lists()
        keys = [lists[status]] if status else list(lists.values())
        score, user = (str(-after[0]), after[1]) if after else ("", "")
        users = tuple(found.decode() for found in await self._run("list", keys, [score, user, limit]))
        return ListPage(users=users[:limit], more=len(users) > limit)

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
            for owner, user in _pairs(await self._run("owned", [keys.claimed, *map(keys.chat, some)], some)):
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
        return tuple(_withdrawal(member.decode(), int(moment)) for member, moment in _pairs(found))

    async def _members(self, key: str) -> tuple[str, ...]:
        return tuple(member.decode() for member in await self._ask(("SMEMBERS", key)))

    async def _run(self, script: str, keys: Sequence[str], args: Sequence[str | bytes | int]) -> Any:
        return await self._ask(self._reader.script(script, keys, args))

    async def _ask(self, command: Command) -> Any:
        """One reply."""
        return (await self._ask_all(command))[0]

    def _ask_all(self, *commands: Command) -> asyncio.Future[Any]:
        """The replies. Whoever waits may be cancelled; the call itself never is."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked.append((commands, answer))
        if self._reading is None or self._reading.done():
            self._reading = asyncio.get_running_loop().create_task(self._read())
        return answer

    async def _call(self, commands: list[Command]) -> list[Any]:
        """The replies. A fresh connection is asked first whether the data behind it are still the same: what is read of others would be
        taken for what follows on what is known."""
        if self._reader.is_open or not self._birth or self.rolled_back:
            return await self._reader.call(commands)
        seen = self._count
        birth, count, *replies = await self._reader.call([*self._look, *commands])
        if not isinstance(birth, ResponseError) and not isinstance(count, ResponseError):
            self._compare(birth, count, seen)
        if self.rolled_back:
            raise JournalLost("the data were rolled back")
        return replies

    async def _read(self) -> None:
        while self._asked:
            asked, self._asked = self._asked[:256], self._asked[256:]
            asked = [(commands, answer) for commands, answer in asked if not answer.done()]
            if not asked:
                continue
            try:
                with within(self._deadline):
                    replies = iter(await self._call([command for commands, _ in asked for command in commands]))
            except TimeoutError:
                _fail(asked, JournalLost("no reply in time"))
            except Exception as error:  # noqa: BLE001 - whoever asked must hear, whatever it was
                _fail(asked, error)
            else:
                for commands, answer in asked:
                    _settle(answer, [next(replies) for _ in commands])


def _is_idle(info: dict[str, str]) -> bool:
    return info.get("aof_rewrite_in_progress") == info.get("aof_rewrite_scheduled") == "0"


def _settle(answer: asyncio.Future[Any], replies: list[Any]) -> None:
    if answer.done():
        return
    for reply in replies:
        if isinstance(reply, ResponseError):
            answer.set_exception(JournalRefused(str(reply)))
            return
    answer.set_result(replies)


def _fail(asked: Sequence[tuple[tuple[Command, ...], asyncio.Future[Any]]], error: Exception) -> None:
    for _, answer in asked:
        if not answer.done():
            answer.set_exception(error)


def _indexes(batch: Sequence[Append]) -> list[Command]:
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


def _announcements(batch: Sequence[Append], node: str) -> list[Command]:
    """A user's other nodes do not follow a chat of which they know nothing."""
    begun = [append for append in batch if append.epoch == 0 and append.user and append.events]
    return [("SPUBLISH", channel_of_user(append.user), f"{node} began {append.store}") for append in begun]


def _outcomes(planned: Plan, batch: Sequence[Append], reply: Any) -> list[Outcome]:
    outcomes: list[Outcome] = [Withdrawn()] * len(batch)
    for place, start in zip(planned.order, range(0, len(reply), 4), strict=True):
        code, first, second, third = reply[start : start + 4]
        outcomes[place] = _outcome(batch[place], code, first, second, third)
    return outcomes


def _outcome(append: Append, code: int, first: Any, second: Any, third: Any) -> Outcome:
    match code:
        case 1:
            return Committed(first, second, third)
        case 2:
            seq, offset, previous, answer = first[10:].split(b" ", 3)
            recovered = first[6:10] == append.nonce != NO_NONCE
            return Duplicate(answer, int(seq), int(offset), int(previous), recovered)
        case 3:
            return Reused()
        case 4:
            return Conflicted(None if isinstance(first, int) else _chat(append.store, append.user, first))
        case 5:
            return Unmet(first, second.decode() if isinstance(second, bytes) else second)
        case 6:
            return Withdrawn()
        case _:
            return Failed(bytes(first).decode(errors="replace"))


def _pairs(flat: Sequence[Any]) -> list[tuple[Any, Any]]:
    return list(zip(flat[::2], flat[1::2], strict=True))


def _entry(raw: bytes) -> Entry:
    kind, seq, offset, _, frame = raw.split(b" ", 4)
    return Entry(kind.decode(), int(seq), int(offset), frame)


def _withdrawal(member: str, at: int) -> Withdrawal:
    side, id, *store = member.split("/")
    return Withdrawal(cast("IdentitySide", side), id, store[0] if store else None, at)


def _chat(store: str, user: str, flat: Sequence[bytes]) -> Chat:
    if not flat:
        return Chat(store=store, user=user)
    f = dict(_pairs(flat))
    name = f.get(b"un")
    owner = f.get(b"on")
    return Chat(
        store=store,
        user=user,
        name=name.decode() if name else None,
        status=f[b"st"].decode(),
        owner=_owner.decode(owner) if owner else None,
        epoch=int(f[b"ep"]),
        since=int(f[b"si"]),
        seq=int(f.get(b"sq", 0)),
        from_user=int(f.get(b"fu", 0)),
        offset=int(f.get(b"of", 0)),
        at=int(f.get(b"at", 0)),
        user_received=int(f.get(b"ur", 0)),
        user_read=int(f.get(b"ud", 0)),
        user_read_from_user=int(f.get(b"uf", 0)),
        store_read=int(f.get(b"sd", 0)),
        store_read_from_user=int(f.get(b"sf", 0)),
        rated=int(f.get(b"ra", 0)),
    )
