"""Both journals are driven with the same random batches, and every outcome and every read has to be the same."""

import asyncio

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from actors.chat import Chat, Owner, Party
from actors.event import (
    AgentArrived,
    AgentLeft,
    AvailabilitySet,
    ChatRated,
    ContextTold,
    CursorMoved,
    MarkMoved,
    MessageAdded,
    NoteAdded,
    ProfileSet,
    StatusChanged,
)
from actors.rule import LoadAtLeast, LoadBelow, NotOnRoster, NotRated, NotSeenSince, OnRoster, ProfileIs, apply
from storage.batch import Limits
from storage.memory import MemoryJournal
from tests.storage.material import NOON, append_to, append_to_store

STORES = ("s1", "s2")
USERS = ("u1", "u2", "U.3")
AGENTS = ("a1", "a2", "a3")
HISTORY = 6
HOUR = 3_600_000

stores, users, agents = map(st.sampled_from, (STORES, USERS, AGENTS))
names = st.sampled_from([None, "Wang", '王 "w"'])
bodies = st.sampled_from([b'{"text":"a"}', '{"text":"在吗"}'.encode(), b'{"text":",\\"offset\\":3,\\u0000 %d"}'])
ids = st.sampled_from(["", "", "", "", *(f"i{n}" for n in range(40))])
contents = st.sampled_from(["one", "one", "one", "other"])
small = st.integers(0, 25)
conditions = st.one_of(
    st.builds(LoadBelow, agents, st.integers(1, 3)),
    st.builds(LoadAtLeast, agents, st.integers(1, 3)),
    st.builds(OnRoster, agents),
    st.builds(NotOnRoster, agents),
    st.builds(NotSeenSince, agents, st.integers(0, 2)),
)
marks = st.one_of(
    st.builds(MarkMoved, side=st.sampled_from(["user", "store"]), mark=st.just("read"), seq=small),
    st.builds(MarkMoved, side=st.just("user"), mark=st.just("received"), seq=small),
)
store_events = st.one_of(
    st.builds(AgentArrived, agent=agents, name=st.sampled_from(["Li", "李娜"]), at=st.just(NOON)),
    st.builds(AgentLeft, agent=agents),
    st.builds(AvailabilitySet, agent=agents, away=st.booleans()),
    st.builds(CursorMoved, agent=agents, offset=st.integers(0, 60)),
)


class JournalMachine(RuleBasedStateMachine):
    """`tips` are the chats as a store actor would believe them to be: mostly right, sometimes behind."""

    valkey = None

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.now_ms = NOON
        self.valkey.client.flushall()
        limits = Limits(history=HISTORY)
        self.memory = MemoryJournal(lambda: self.now_ms, limits)
        self.redis = self.valkey.journal(lambda: self.now_ms, limits)
        self.tips = {}
        self.stale = {}

    def both(self, ask):
        """The answer of both, which has to be one."""

        async def asked():
            return await asyncio.gather(ask(self.memory), ask(self.redis))

        in_memory, in_redis = self.loop.run_until_complete(asked())
        assert in_memory == in_redis
        return in_redis

    @initialize()
    def agents_come(self):
        self.both(lambda journal: journal.append([append_to_store("s1", AgentArrived(agent="a1", name="Li", at=NOON))]))

    @rule(ms=st.sampled_from([0, 1, 1, 7, HOUR, -HOUR, 11 * HOUR]))
    def the_clock_moves(self, ms):
        # Not two days away from where it began: expiry goes by the server's own clock.
        if abs(self.now_ms + ms - NOON) < 24 * HOUR:
            self.now_ms += ms

    @rule(data=st.data())
    def a_batch_is_appended(self, data):
        self.append_batch(data)

    @rule(data=st.data())
    def another_batch_is_appended(self, data):
        """Twice as likely as a read."""
        self.append_batch(data)

    def append_batch(self, data):
        believed = dict(self.tips)
        batch = [self.one(data, believed) for _ in range(data.draw(st.integers(1, 10), label="size"))]
        self.both(lambda journal: journal.append(batch))
        self.refresh()

    def one(self, data, believed):
        if data.draw(st.integers(0, 5)) == 0:
            version = data.draw(st.none() | st.integers(0, 3))
            event = data.draw(store_events) if version is None else ProfileSet(version=version + 1, profile=data.draw(bodies))
            of_version = () if version is None else (ProfileIs(version),)
            return append_to_store(data.draw(stores), event, id=data.draw(ids), content=data.draw(contents), conditions=of_version)
        place = data.draw(stores), data.draw(users)
        chat = believed.get(place) or Chat(store=place[0], user=place[1])
        events = self.events(data, chat)
        for event in events:
            believed[place] = chat_after = apply(believed.get(place) or chat, event)
            assert chat_after.store == place[0]
        append = append_to(
            chat,
            *events,
            id=data.draw(ids),
            content=data.draw(contents),
            records=None if data.draw(st.integers(0, 4)) else False,
            conditions=[
                *data.draw(st.one_of(st.just([]), st.just([]), st.lists(conditions, max_size=2))),
                *(NotRated(chat.user, chat.epoch) for event in events if isinstance(event, ChatRated)),
            ],
        )
        match data.draw(st.integers(0, 15)):
            case 0:
                append.epoch -= 1
            case 1:
                append.owner = data.draw(agents)
            case 2 if place in self.stale:
                append.epoch, append.owner = self.stale[place].epoch, self.stale[place].owner_id
            case _:
                pass
        return append

    def events(self, data, chat):
        """One event, or a few that belong together."""
        user = Party("user", chat.user, data.draw(names))
        says = MessageAdded(by=user, kind="text", body=data.draw(bodies), id="m", at=self.now_ms)
        if not chat.exists or (chat.status == "closed" and data.draw(st.booleans())):
            return says, self.change(chat, "waiting", None)
        agent = data.draw(agents)
        answer = MessageAdded(by=Party("agent", agent), kind="text", body=data.draw(bodies), id="m", at=self.now_ms)
        remark = NoteAdded(by=Party("agent", agent), body=data.draw(bodies), id="n", at=self.now_ms)
        if chat.status == "closed" and data.draw(st.booleans()):
            return (ChatRated(by=user, body=data.draw(bodies), id="r", at=self.now_ms),)
        match data.draw(st.integers(0, 10)):
            case 0 | 1:
                return (says,)
            case 2 | 3:
                return (answer,)
            case 4:
                return (remark,)
            case 5:
                return (data.draw(marks), data.draw(marks))
            case 6:
                return (remark, self.change(chat, "claimed", agent))
            case 7:
                return (self.change(chat, "claimed", agent),)
            case 8:
                return (self.change(chat, data.draw(st.sampled_from(["waiting", "closed"])), None),)
            case 9:
                return (ContextTold(context=data.draw(bodies), at=self.now_ms),)
            case _:
                return ()

    def change(self, chat, status, owner):
        return StatusChanged(
            status=status,
            owner=Owner(owner, "李娜") if owner else None,
            epoch=max(chat.epoch + 1, self.now_ms),
            by=None,
            reason="claim",
            at=self.now_ms,
            before=chat.owner_id,
        )

    def refresh(self):
        """Everything that can be read of the chats and stores is the same."""
        for store in STORES:
            for record in self.both(lambda journal, store=store: journal.load_chats(store, USERS)):
                place = store, record.chat.user
                if place in self.tips and self.tips[place].epoch != record.chat.epoch:
                    self.stale[place] = self.tips[place]
                if record.chat.exists:
                    self.tips[place] = record.chat
                assert 0 <= record.chat.unread("user") <= record.chat.seq
                assert 0 <= record.chat.unread("store") <= record.chat.seq
            self.both(lambda journal, store=store: journal.load_store(store))
            self.both(lambda journal, store=store: journal.load_profile(store))
            for user in USERS:
                self.both(lambda journal, store=store, user=user: journal.load_context(store, user))
            self.both(lambda journal, store=store: journal.waiting(store))
            self.both(lambda journal, store=store: journal.owned(store))
            self.both(lambda journal, store=store: journal.read_log(store, 0, 1000))
            for status in (None, "waiting", "claimed", "closed"):
                self.both(lambda journal, store=store, status=status: journal.list_chats(store, status, None, 10))
        self.both(lambda journal: journal.stores_with_claims())

    @rule(store=stores, agent=agents, limit=st.integers(1, 4))
    def a_snapshot_is_read(self, store, agent, limit):
        async def snapshot(journal):
            found = await journal.snapshot(store, agent, limit)
            return found.offset, found.first, found.acknowledged, set(found.users), len(found.users)

        self.both(snapshot)

    @rule(
        store=stores,
        user=users,
        before=st.none() | st.integers(0, 30),
        limit=st.integers(1, 8),
        notes=st.booleans(),
        statuses=st.booleans(),
    )
    def history_is_read(self, store, user, before, limit, notes, statuses):
        self.both(lambda journal: journal.read_history(store, user, before, limit, notes=notes, statuses=statuses))

    @rule(store=stores, user=users, after=st.integers(0, 40), limit=st.integers(1, 8))
    def a_chat_is_read(self, store, user, after, limit):
        self.both(lambda journal: journal.read_chat(store, user, after_seq=after, limit=limit))
        self.both(lambda journal: journal.read_chat(store, user, after_offset=after, limit=limit))

    @rule(store=stores, after=small, limit=st.integers(1, 8))
    def the_log_is_read(self, store, after, limit):
        self.both(lambda journal: journal.read_log(store, after, limit))

    @rule(store=stores, status=st.sampled_from([None, "waiting", "claimed", "closed"]), limit=st.integers(1, 3))
    def a_list_is_paged(self, store, status, limit):
        after = None
        while (page := self.both(lambda journal, after=after: journal.list_chats(store, status, after, limit))).more:
            after = self.tips[store, page.users[-1]].at, page.users[-1]

    @rule(user=users, agent=agents)
    def an_index_is_read(self, user, agent):
        async def indexes(journal):
            return set(await journal.stores_of_user(user)), set(await journal.stores_of_agent(agent))

        self.both(indexes)

    def teardown(self):
        self.loop.run_until_complete(self.redis.close())
        # The transport of a closed connection says goodbye in the loop's next turns.
        for _ in range(3):
            self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()


def test_memory_and_redis_never_differ(valkey):
    """What differs is told as it was found: making it smaller over a real server takes minutes."""
    machine = type("Driven", (JournalMachine,), {"valkey": valkey})
    how = settings(
        max_examples=110,
        stateful_step_count=40,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=how)
