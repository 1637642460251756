"""The journal in a cluster: a script for each store, since no script may touch two slots, and one list of them for each shard.

Where a store's slot is when the node starts decides its lane, and stays its lane wherever the slot goes. A batch is one list of commands to
the shard of its lane; where a slot has moved meanwhile, what is in it goes to another in the same way. What is known of an append:

    kept out    its user's index lies where nothing can be written at present: not sent, and nothing of its chat behind it
    perhaps     sent, and the reply or the replica's did not come: sent again under the same id until it is known
    refused     its slot is between two servers: sent again for about a second, then it did not happen, unless it perhaps had before
"""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from redis.exceptions import ResponseError

from actors.append import Append, Failed, Outcome, Withdrawn
from storage import care
from storage.batch import Limits, plan
from storage.cluster import Cluster, Slots
from storage.ears import Ears
from storage.journal import JournalLost, JournalRefused, JournalUnreachable
from storage.key import BIRTH, NEWEST, VERSION, StoreKeys, pulse_of_shard, stores_of_user
from storage.lineage import Lineage
from storage.pipe import Command
from storage.reader import taken
from storage.redis import RedisJournal, announcements, indexes
from storage.replica import WAIT, confirm
from storage.reply import held, outcomes
from storage.room import Use
from storage.shards import PAUSES_S, Shards
from storage.slot import slot

INDEX_S = 0.5
"""A chat whose user's index cannot be written by then is refused for the moment: others do not wait for it."""
GENERATIONS = 16
INDEXES = 100_000
"""So many entries of indexes are known to stand; then they are written again."""
_UNAVAILABLE = Failed("storage cannot be reached", "unavailable")
_HARD = (JournalLost, JournalUnreachable)
_FAULTS = (JournalLost, JournalUnreachable, JournalRefused)


class ClusterJournal(RedisJournal):
    """See `storage.journal.Journal`."""

    def __init__(self, cluster: Cluster, now_ms: Callable[[], int], limits: Limits, name: str | None = None) -> None:
        super().__init__(cluster.connection, now_ms, limits, None, name, waits=True)
        self._lineage = Lineage(self._name)
        self._shards = Shards(cluster, self._lineage)
        self.ear = Ears(cluster, self._shards)
        self._lanes: tuple[int, ...] = ()
        """Slot to lane."""
        self._perhaps: set[bytes] = set()
        """What may have been carried out, by nonce."""
        self._indexed: set[Command] = set()
        """Entries of indexes that stand, where nothing is ever taken from them."""
        self._known: dict[str, tuple[Slots, dict[str, str]]] = {}
        """The last generations, each with its map and the lines of the shards."""
        self._mark = ""
        """The birth mark, or what stands for it from when it is doubted to when there is another."""
        self._unheard: dict[int, list[Command]] = {}
        """Lane to what others are to hear of a batch that no replica has yet."""
        self._telling: set[asyncio.Task[Any]] = set()

    async def move(self) -> None:
        """Looks where the slots are."""
        await self._shards.find()
        self._note()

    async def close(self) -> None:
        """Gives all connections up."""
        for task in self._telling:
            task.cancel()
        await self.ear.close()
        await self._shards.close()

    # Writing.

    def lane(self, store: str) -> int:
        """See `Journal.lane`."""
        return self._lanes[slot(StoreKeys(store).head)]

    async def append(self, batch: Sequence[Append]) -> list[Outcome]:
        """See `Journal.append`."""
        self.round_trips += 1
        lane, kept_out, shut = self.lane(batch[0].store), await self._index(batch), set[tuple[str, str]]()
        found: dict[int, Outcome] = {}
        left: dict[str, list[int]] = {}
        for place, append in enumerate(batch):
            chat = (append.store, append.user)
            if place in kept_out:
                found[place] = _UNAVAILABLE
                shut |= {chat} if append.user else set()
            elif chat in shut:
                found[place] = Withdrawn()
            else:
                left.setdefault(append.store, []).append(place)
        was_heard, fault = False, Exception()
        for pause_s in PAUSES_S:
            if not left:
                break
            await asyncio.sleep(pause_s)
            answers, fault = await self._round(lane, batch, left)
            for store, told in answers.items():
                found.update(zip(left.pop(store), told, strict=True))
            was_heard |= bool(answers)
            if not isinstance(fault, JournalRefused):
                break
        self._notice()
        if left:
            if any(batch[place].nonce in self._perhaps for places in left.values() for place in places):
                raise JournalLost(str(fault))
            if not was_heard:
                raise fault
            found.update(dict.fromkeys((place for places in left.values() for place in places), _UNAVAILABLE))
        return [found[place] for place in range(len(batch))]

    async def _index(self, batch: Sequence[Append]) -> set[int]:
        """Writes what lies in slots of users and agents, first and for all of the batch. Gives the places of those for whom it failed."""
        wanted = {
            place: [command for command in indexes([append]) if command not in self._indexed]
            for place, append in enumerate(batch)
            if append.nonce not in self._perhaps
        }
        commands = list(dict.fromkeys(command for some in wanted.values() for command in some))
        if not commands:
            return set()
        replies = await self._shards.ask(commands, stays=True, within_s=INDEX_S)
        there = {command for command, reply in zip(commands, replies, strict=True) if isinstance(reply, int)}
        if len(self._indexed) > INDEXES:
            self._indexed.clear()
        of_users = {stores_of_user(append.user) for append in batch}
        # From a user's index chats are taken, by whichever node.
        self._indexed |= {command for command in there if command[1] not in of_users}
        return {place for place, some in wanted.items() if not there.issuperset(some)}

    async def _round(self, lane: int, batch: Sequence[Append], left: dict[str, list[int]]) -> tuple[dict[str, list[Outcome]], Exception]:
        """Sends all that is left once: what was answered by store, and why the rest was not."""
        try:
            await self._shards.look()
        except JournalUnreachable as error:
            return {}, error
        groups: dict[str, list[str]] = {}
        for store in left:
            groups.setdefault(self._shards.owner(StoreKeys(store).head), []).append(store)
        fault: Exception = JournalRefused("no server has the slot")
        groups.pop("", None)
        sent = (self._send(address, lane, batch, {store: left[store] for store in stores}) for address, stores in groups.items())
        answers: dict[str, list[Outcome]] = {}
        for result in await asyncio.gather(*sent, return_exceptions=True):
            if isinstance(result, BaseException):
                if not isinstance(result, _FAULTS):
                    raise result
                fault = result
            else:
                answers |= result[0]
                fault = JournalRefused(result[1]) if result[1] and not isinstance(fault, _HARD) else fault
        return answers, fault

    async def _send(
        self, address: str, lane: int, batch: Sequence[Append], stores: dict[str, list[int]]
    ) -> tuple[dict[str, list[Outcome]], str]:
        """One list to one shard: a script for each store, the count, and `WAIT` for all of it."""
        plans = {
            store: plan([batch[place] for place in places], self._now_ms(), self._limits, self.node, holds=True)
            for store, places in stores.items()
        }
        commands: list[Command] = []
        at: dict[str, int] = {}
        for store, planned in plans.items():
            commands += self._shards.prefix(StoreKeys(store).head)
            at[store] = len(commands)
            commands.append(self._writer.script("append", planned.keys, planned.args))
        home = self._shards.slots.home(address)
        if home:
            # The count comes last: a file whose tail is torn off loses it first.
            commands.append(("HINCRBY", home, self._lineage.field(lane), 1))
        nonces = {store: {batch[place].nonce for place in places} for store, places in stores.items()}
        fresh = set().union(*nonces.values()) - self._perhaps
        self._perhaps |= fresh
        try:
            replies = await self._shards.call(address, lane, [*commands, WAIT])
        except JournalUnreachable:
            self._perhaps -= fresh
            raise
        if home and isinstance(replies[-2], int):
            self._lineage.counted(home, lane, replies[-2])
        answers: dict[str, list[Outcome]] = {}
        refused = ""
        for store, planned in plans.items():
            reply, some = replies[at[store]], [batch[place] for place in stores[store]]
            reason = self._shards.refused(StoreKeys(store).head, reply, address)
            if reason is None and isinstance(reply, ResponseError):
                reason = f"{type(reply).__name__} {reply}"
            if reason is not None:
                refused = reason
                self._perhaps -= fresh & nonces[store]
            else:
                answers[store] = outcomes(planned, some, reply)
                self._unheard.setdefault(lane, []).extend([*announcements(some, self.node), *held(planned, reply)])
        if answers:
            confirm(replies[-1])
            for store in answers:
                self._perhaps -= nonces[store]
            self._tell(self._unheard.pop(lane, []))
        return answers, refused

    def _tell(self, news: list[Command]) -> None:
        """What is not heard is found in the log."""
        if news:
            task = asyncio.get_running_loop().create_task(self._shards.ask(news))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    # What it is.

    def _notice(self) -> None:
        if self._lineage.doubted and not self.rolled_back:
            self.rolled_back = True
            self._unheard.clear()
            self._indexed.clear()
        if self._lineage.is_behind and self._mark == self._birth:
            self._mark = secrets.token_hex(8)

    async def ping(self) -> None:
        """See `Journal.ping`."""
        (birth,) = await self._ask_all(("GET", BIRTH))
        homes = self._homes()
        seen = [self._lineage.seen(home) for home in homes.values()]
        replies = await self._each(*((address, self._lineage.look(home)) for address, home in homes.items()))
        for home, known, reply in zip(homes.values(), seen, replies, strict=True):
            self._lineage.looked(home, known, reply)
        if birth is None or birth.decode() != self._birth:
            self._lineage.is_behind = True
        self._notice()

    async def probe(self) -> None:
        """See `Journal.probe`. Where one shard takes writes there is something to serve."""
        slots = self._shards.slots
        pulses = [slots.own(pulse_of_shard, address) for address in slots.primaries]
        replies = await self._shards.ask([("SET", pulse, self._now_ms()) for pulse in pulses if pulse], stays=True)
        faults = [reply for reply in replies if isinstance(reply, _FAULTS)]
        if len(faults) == len(replies):
            raise faults[0] if faults else JournalUnreachable("no server has any slot")

    async def birth(self) -> str:
        """See `Journal.birth`."""
        await self._shards.find()
        places = {address: number for number, address in enumerate(self._shards.slots.primaries)}
        self._lanes, self.lanes = tuple(places.get(address, 0) for address in self._shards.slots.owners), len(places)
        self._lineage.begin(self.lanes)
        await self._keep(("SET", NEWEST, VERSION, "NX"), ("SET", BIRTH, secrets.token_hex(8), "NX"))
        await self._settle()
        return self._note()

    async def rebirth(self) -> str:
        """See `Journal.rebirth`."""
        # Another server's line tells by itself, and of its shard alone; whatever else was lost may be anywhere.
        known, is_told = self._birth, self._lineage.is_another and not self._lineage.is_behind
        await self._settle()
        if not self._birth or (self._birth == known and not is_told):
            await self._keep(("SET", BIRTH, secrets.token_hex(8)))
            await self._settle()
        self.rolled_back = False
        return self._note()

    async def _settle(self) -> None:
        """What is known is what there is now."""
        await self._shards.find()
        homes = self._homes()
        replies = await self._each(*((address, self._lineage.look(home)) for address, home in homes.items()))
        birth = await self._ask(("GET", BIRTH))
        self._mark = self._birth = bytes(birth or b"").decode()
        self._lineage.settle({address: self._shards.pipe(address).replication_id for address in homes}, list(homes.values()), replies)

    def _homes(self) -> dict[str, str]:
        """Address of a shard to the key that counts for it."""
        return {address: self._shards.slots.home(address) for address in self._shards.slots.primaries}

    def named(self, born: str) -> str:
        """See `Journal.named`. Another server's line is a part of it as soon as it is met."""
        del born
        return self._note()

    def continues(self, generation: str, store: str) -> bool:
        """See `Journal.continues`. Wherever the store's slot has been since, that shard must have the line it had. Of a generation that
        this process never had, the line of its shard tells while no slot has moved, and after that only all lines together."""
        mark, division, *lines = generation.split(".")
        if mark != self._mark or not lines:
            return False
        key, slots, now = StoreKeys(store).head, self._shards.slots, set(self._lineage.mark(self._shards.slots.primaries))
        known = list(self._known)
        if generation in known:
            since = (self._known[each] for each in known[known.index(generation) :])
            return all(then.get(then_slots.owner(key)) in now for then_slots, then in since)
        if division != slots.division:
            return set(lines) == now
        return self._lineage.short(slots.owner(key)) in lines

    def _note(self) -> str:
        """The generation, by the name that all nodes find for it by themselves; it is known from now on."""
        slots = self._shards.slots
        found = ".".join([self._mark, slots.division, *self._lineage.mark(slots.primaries)])
        if found not in self._known:
            self._known[found] = slots, {address: self._lineage.short(address) for address in slots.primaries}
            if len(self._known) > GENERATIONS:
                del self._known[next(iter(self._known))]
        return found

    # Asking.

    def _ask_all(self, *commands: Command) -> Coroutine[Any, Any, list[Any]]:
        return self._asked(commands, stays=False)

    async def _keep(self, *commands: Command) -> list[Any]:
        return await self._asked(commands, stays=True)

    async def _asked(self, commands: Sequence[Command], *, stays: bool) -> list[Any]:
        replies = await self._shards.ask(commands, stays=stays)
        self._notice()
        for reply in replies:
            if isinstance(reply, _FAULTS):
                raise reply
        return taken(replies)

    async def _each(self, *asked: tuple[str, Command]) -> list[Any]:
        """One reply of each server that is named; raises if one of them does not answer."""
        found = await asyncio.gather(*(self._shards.reader(address).ask(command) for address, command in asked), return_exceptions=True)
        self._notice()
        for reply in found:
            if isinstance(reply, BaseException):
                raise reply
        return [reply for replies in found if not isinstance(replies, BaseException) for reply in replies]

    def _asks(self) -> list[care.Ask]:
        """Of each server its own."""

        def of(address: str) -> care.Ask:
            async def ask(command: Command) -> Any:
                return taken(await self._each((address, command)))[0]

            return ask

        return [of(address) for address in self._shards.slots.primaries]

    # All of them.

    async def forget_commands(self) -> None:
        """See `Journal.forget_commands`."""
        for ask in self._asks():
            await care.forget_commands(ask)

    async def begin_files(self) -> bool | None:
        """See `Journal.begin_files`."""
        ready = [(ask, await care.is_ready(ask)) for ask in self._asks()]
        if any(found is False for _, found in ready):
            return False
        for ask, found in ready:
            if found:
                await ask(("BGREWRITEAOF",))
        return True if any(found for _, found in ready) else None

    async def end_files(self) -> bool:
        """See `Journal.end_files`."""
        return all([await care.end_files(ask) for ask in self._asks()])

    async def memory(self) -> Use:
        """What that server uses which has the least left."""
        return max([await care.memory(ask) for ask in self._asks()], key=lambda use: use.share)
