"""The storage actor over a journal with faults: one batch on its way, the fate of each append told once, and in time."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from actors.append import (
    Append,
    Committed,
    Conflicted,
    Duplicate,
    Failed,
    Reused,
    StorageUnavailable,
    Unknown,
    Withdrawn,
)
from actors.chat import Party
from actors.event import AgentArrived, MessageAdded, StatusChanged, tail
from actors.tally import Tally
from storage import actor as under_test
from storage.actor import StorageActor
from storage.batch import Limits
from storage.lane import BATCH_BYTES, BATCH_COUNT, GATHER_BYTES, GATHER_COUNT
from storage.memory import MemoryJournal
from tests.actors.virtual import VirtualClock, VirtualLoop
from tests.actors.weather import Weather
from tests.actors.world import Lines


@pytest.fixture
def anyio_backend():
    return "asyncio", {"loop_factory": VirtualLoop}


class Told:
    """A settler that keeps what it hears: (append, outcome), and when."""

    def __init__(self):
        self.all, self.calls, self.at_s = [], [], []
        self._news = asyncio.Event()

    def settle_nowait(self, settled):
        self.calls.append(settled)
        self.all += settled
        self.at_s += [asyncio.get_running_loop().time()] * len(settled)
        self._news.set()

    async def until(self, count):
        async with asyncio.timeout(60):
            while len(self.all) < count:
                self._news.clear()
                await self._news.wait()
        return [outcome for _, outcome in self.all]


class Bench:
    def __init__(self, journal, storage, log):
        self.journal, self.storage, self.log = journal, storage, log
        self.told = Told()
        self.sent = 0

    def append(self, append):
        self.storage.append(append, self.told)
        return append

    def message(self, user="u1", *, text="hi", epoch=1, sender=None, reopens=False, size=200, since_s=None):
        """A shopper's message decided on `epoch`; the first of a chat (`reopens`) makes it waiting with epoch 1."""
        self.sent += 1
        by = Party("user", user)
        events = (MessageAdded(by=by, kind="text", body=b'{"text":"%b"}' % text.encode(), id=f"i{self.sent}", at=1),)
        if reopens:
            events += (StatusChanged(status="waiting", owner=None, epoch=1, by=by, reason="new", at=1, before=""),)
        append = Append(store="s1", user=user, events=events, tails=tuple(map(tail, events)), epoch=0 if reopens else epoch, records=True)
        append.sender = (sender or f"sender{self.sent:>4}").encode().ljust(10)[:10]
        append.content, append.answer, append.size = text.encode().ljust(6)[:6], b'"at":1', size
        append.since_s = since_s
        return self.append(append)

    async def born(self, *users):
        """The store and these chats exist; nothing of it counts."""
        arrived = AgentArrived(agent="a1", name="a1", at=1)
        self.append(Append(store="s1", events=(arrived,), tails=(b"",), size=100))
        for user in users:
            self.message(user, reopens=True)
        await self.told.until(1 + len(users))
        assert all(isinstance(outcome, Committed) for _, outcome in self.told.all)
        self.journal.batches.clear()
        self.journal.carried_out.clear()
        self.told = Told()

    async def hold(self):
        """A batch waits at the journal's door; nothing has happened yet."""
        self.journal.open.clear()
        first = self.message(text="first")
        await self.journal.held.wait()
        return first

    async def texts(self, user="u1"):
        page = await self.journal.inner.read_history("s1", user, None, 200, notes=True, statuses=False)
        return [entry.frame.split(b'"text":"')[-1].split(b'"')[0].decode() for entry in page.entries]


@asynccontextmanager
async def benched():
    clock, tally, log = VirtualClock(), Tally(), Lines()
    journal = Weather(MemoryJournal(clock.wall_ms, Limits()))
    storage = StorageActor(journal, clock, tally, log)
    await storage.begin()
    running = asyncio.ensure_future(storage.run())
    try:
        yield Bench(journal, storage, log)
    finally:
        running.cancel()
        await asyncio.wait([running])


@pytest.fixture
async def bench():
    async with benched() as bench:
        await bench.born("u1", "u2")
        yield bench


def kinds(outcomes):
    return [type(outcome) for outcome in outcomes]


async def test_while_one_batch_is_on_its_way_the_next_gathers_and_goes_as_one(bench):
    await bench.hold()
    for number in range(50):
        bench.message(text=f"m{number}")
    bench.journal.open.set()
    outcomes = await bench.told.until(51)
    assert [len(batch) for batch in bench.journal.batches] == [1, 50]
    assert bench.journal.most_at_once == 1
    assert [outcome.seq for outcome in outcomes] == list(range(2, 53)), "in the order of arrival"
    assert len(bench.told.calls) == 2, "each settler hears once of a batch"


async def test_a_batch_has_at_most_so_many_appends_and_so_many_bytes(bench):
    await bench.hold()
    for _ in range(BATCH_COUNT + 10):
        bench.message()
    for _ in range(3):
        bench.message(size=BATCH_BYTES // 2)
    bench.journal.open.set()
    await bench.told.until(BATCH_COUNT + 14)
    assert [len(batch) for batch in bench.journal.batches] == [1, BATCH_COUNT, 11, 2]
    assert all(sum(append.size for append in batch) <= BATCH_BYTES for batch in bench.journal.batches)


async def test_one_append_larger_than_a_batch_goes_alone_and_does_not_stop_the_rest(bench):
    bench.message(size=2 * BATCH_BYTES)
    bench.message()
    assert kinds(await bench.told.until(2)) == [Committed] * 2


async def test_there_is_no_room_beyond_the_bounds_and_room_again_afterwards(bench):
    await bench.hold()
    for _ in range(GATHER_COUNT):
        assert bench.storage.has_room()
        bench.message()
    assert not bench.storage.has_room()
    bench.journal.open.set()
    await bench.told.until(GATHER_COUNT + 1)
    assert bench.storage.has_room()
    assert bench.storage.depth == 0
    await bench.hold()
    bench.message(size=GATHER_BYTES)
    assert not bench.storage.has_room()


async def test_a_lost_reply_is_settled_by_the_same_ids_before_anything_newer_and_counts_once(bench):
    bench.journal.lost_after = 3
    first = bench.message(text="first")
    await asyncio.sleep(0.01)
    bench.message(text="second")
    outcomes = await bench.told.until(2)
    assert isinstance(outcomes[0], Duplicate)
    assert (outcomes[0].recovered, outcomes[0].seq, outcomes[0].answer) == (True, 2, b'"seq":2,"at":1')
    assert isinstance(outcomes[1], Committed)
    assert bench.journal.batches[:4] == [(first,)] * 4, "nothing newer goes before"
    assert await bench.texts() == ["hi", "first", "second"]


async def test_a_batch_lost_before_it_was_carried_out_is_carried_out_by_the_second_try(bench):
    bench.journal.lost_before = 1
    bench.message(text="first")
    assert kinds(await bench.told.until(1)) == [Committed]
    assert await bench.texts() == ["hi", "first"]


async def test_a_clients_own_second_try_is_a_duplicate_and_not_recovered(bench):
    bench.message(text="one", sender="same")
    bench.message(text="one", sender="same")
    bench.message(text="other", sender="same")
    outcomes = await bench.told.until(3)
    assert kinds(outcomes) == [Committed, Duplicate, Reused]
    assert not outcomes[1].recovered


async def test_an_unknown_fate_is_told_after_4_s_and_the_truth_when_there_is_one(bench):
    bench.journal.lost_after = 1_000_000
    started_s = asyncio.get_running_loop().time()
    bench.message(text="first")
    outcomes = await bench.told.until(1)
    assert kinds(outcomes) == [Unknown]
    assert bench.told.at_s[0] - started_s <= 4.5
    assert not bench.storage.reachable
    bench.journal.lost_after = 0
    outcomes = await bench.told.until(2)
    assert isinstance(outcomes[1], Duplicate)
    assert outcomes[1].recovered
    assert bench.storage.reachable
    await asyncio.sleep(30)
    assert len(bench.told.all) == 2
    assert await bench.texts() == ["hi", "first"]


async def test_a_silent_journal_is_a_lost_one_and_what_gathers_behind_it_fails_in_time(bench):
    first = await bench.hold()
    started_s = asyncio.get_running_loop().time()
    gathered = bench.message(text="gathered")
    other = bench.message("u2", text="other")
    await bench.told.until(3)
    fates = dict(bench.told.all)
    assert isinstance(fates[first], Unknown)
    assert isinstance(fates[gathered], Failed)
    assert isinstance(fates[other], Failed)
    assert max(bench.told.at_s) - started_s <= 5.0
    bench.journal.open.set()
    await bench.told.until(4)
    assert bench.told.all[-1][0] is first
    assert await bench.texts() == ["hi", "first"]


async def test_what_cannot_be_reached_fails_within_5_s_and_never_happens(bench):
    bench.journal.unreachable = True
    started_s = asyncio.get_running_loop().time()
    bench.message(text="never")
    assert kinds(await bench.told.until(1)) == [Failed]
    assert bench.told.at_s[0] - started_s <= 5.0
    bench.journal.unreachable = False
    bench.message(text="then")
    assert kinds(await bench.told.until(2)) == [Failed, Committed]
    assert await bench.texts() == ["hi", "then"]


async def test_a_command_that_has_waited_for_its_chat_is_answered_in_the_same_time(bench):
    """What came before it has waited for less, and goes on waiting; what is gathered for its chat goes with it."""
    start_s = asyncio.get_running_loop().time()
    await asyncio.sleep(2.5)
    first = await bench.hold()
    other = bench.message("u2")
    mine = bench.message("u1", since_s=start_s)
    later = bench.message("u1")
    await bench.told.until(4)
    assert [append for append, _ in bench.told.all] == [mine, later, first, other]
    assert kinds([outcome for _, outcome in bench.told.all]) == [Failed, Failed, Unknown, Failed]
    assert [4.0 <= at_s - start_s <= 4.3 for at_s in bench.told.at_s[:2]] == [True, True]
    assert [6.5 <= at_s - start_s <= 6.8 for at_s in bench.told.at_s[2:]] == [True, True]
    now_s = asyncio.get_running_loop().time()
    bench.message("u3", since_s=now_s - 4.5)
    await bench.told.until(5)
    assert bench.told.at_s[-1] == now_s, "at once, whenever the next look is due"


async def test_a_short_outage_is_bridged_without_anybody_hearing_of_it(bench):
    bench.journal.unreachable = True
    bench.message(text="patient")
    await asyncio.sleep(2)
    bench.journal.unreachable = False
    assert kinds(await bench.told.until(1)) == [Committed]


async def test_what_was_lost_once_is_not_failed_when_the_journal_is_out_of_reach_afterwards(bench):
    """It may have happened: only the ids will tell, however long that takes."""
    bench.journal.lost_after = 1
    bench.message(text="first")
    await asyncio.sleep(0.01)
    bench.journal.unreachable = True
    assert kinds(await bench.told.until(1)) == [Unknown]
    await asyncio.sleep(60)
    bench.journal.unreachable = False
    assert kinds(await bench.told.until(2)) == [Unknown, Duplicate]


async def test_what_is_lost_at_the_last_moment_after_a_long_outage_is_unknown_in_time_and_not_failed(bench):
    """The time is up and nothing was ever sent, so it would be given up; then one last try goes out and its reply is lost."""
    bench.journal.unreachable = True
    started_s = asyncio.get_running_loop().time()
    bench.message(text="last moment")
    await asyncio.sleep(under_test.ANSWER_S + 0.3)  # between the look at the clock that gives it up and the next try
    bench.journal.unreachable = False
    bench.journal.lost_after = 1_000_000
    assert kinds(await bench.told.until(1)) == [Unknown]
    assert bench.told.at_s[0] - started_s <= 5.0
    bench.journal.lost_after = 0
    assert kinds(await bench.told.until(2)) == [Unknown, Duplicate]
    assert await bench.texts() == ["hi", "last moment"]


async def test_what_the_server_refuses_fails_at_once(bench):
    bench.journal.refusing = True
    started_s = asyncio.get_running_loop().time()
    bench.message()
    assert kinds(await bench.told.until(1)) == [Failed]
    assert bench.told.at_s[0] - started_s < 0.5
    assert bench.storage.outages


async def test_a_refusal_after_a_lost_reply_is_not_the_end_because_the_first_try_may_have_happened(bench):
    bench.journal.lost_after = 1
    bench.message(text="first")
    await asyncio.sleep(0.01)
    bench.journal.refusing = True
    await asyncio.sleep(1)
    assert not bench.told.all
    bench.journal.refusing = False
    assert kinds(await bench.told.until(1)) == [Duplicate]


async def test_when_an_append_does_not_happen_as_decided_later_ones_of_the_chat_are_withdrawn_unsent(bench):
    bench.journal.open.clear()
    bench.message(text="stale", epoch=7)
    await bench.journal.held.wait()
    bench.message(text="later")
    other = bench.message("u2", text="other")
    bench.journal.open.set()
    outcomes = await bench.told.until(3)
    assert kinds(outcomes) == [Conflicted, Withdrawn, Committed]
    assert outcomes[0].chat.epoch == 1
    assert bench.journal.batches[1] == (other,)
    assert await bench.texts() == ["hi"]


async def test_in_one_batch_what_follows_a_conflict_in_its_chat_is_withdrawn_and_other_chats_go_on(bench):
    await bench.hold()
    bench.message(text="stale", epoch=7)
    bench.message(text="later")
    bench.message("u2", text="other")
    bench.journal.open.set()
    assert kinds(await bench.told.until(4)) == [Committed, Conflicted, Withdrawn, Committed]
    assert await bench.texts() == ["hi", "first"]


async def test_what_waited_too_long_takes_what_was_decided_on_it_back_too(bench):
    first = await bench.hold()
    early = bench.message("u2", text="early")
    await asyncio.sleep(3)
    behind = bench.message("u2", text="behind it")
    await asyncio.sleep(1.5)
    fates = dict(bench.told.all)
    assert kinds([fates[first], fates[early], fates[behind]]) == [Unknown, Failed, Failed]


async def test_one_bad_append_fails_alone(bench):
    def poison(batch):
        if any(append.content.startswith(b"poison") for append in batch):
            raise ValueError("a bug")

    bench.journal.poison = poison
    await bench.hold()
    for user, text in (("u1", "good 1"), ("u2", "poison"), ("u1", "good 2")):
        bench.message(user, text=text)
    bench.journal.open.set()
    assert kinds(await bench.told.until(4)) == [Committed, Committed, Failed, Committed]
    assert await bench.texts() == ["hi", "first", "good 1", "good 2"]
    bench.message(text="next")
    assert kinds(await bench.told.until(5))[-1] is Committed


async def test_reads_raise_within_4_s_instead_of_waiting_longer(bench):
    bench.journal.reads.clear()
    started_s = asyncio.get_running_loop().time()
    with pytest.raises(StorageUnavailable):
        await bench.storage.load_store("s1")
    assert asyncio.get_running_loop().time() - started_s <= under_test.ANSWER_S + 0.1


@pytest.mark.parametrize("read", ["load_store", "waiting", "owned"])
async def test_a_read_of_what_cannot_be_reached_says_unavailable_and_works_afterwards(bench, read):
    bench.journal.unreachable = True
    with pytest.raises(StorageUnavailable):
        await getattr(bench.storage, read)("s1")
    assert bench.storage.outages
    bench.journal.unreachable = False
    await getattr(bench.storage, read)("s1")


async def test_a_read_that_was_lost_is_asked_again_once_and_the_outage_counts(bench):
    """The connection for reads had died with the server, long before anybody asked on it: the first session after an outage was
    turned away with 4100 although everything was back."""
    bench.journal.lost_reads = 1
    assert (await bench.storage.load_store("s1")).exists
    assert bench.storage.reachable
    assert bench.storage.outages == 2, "it began and it ended: who was behind before it is to be compared"
    bench.journal.lost_reads = 2
    with pytest.raises(StorageUnavailable):
        await bench.storage.load_store("s1")


async def test_the_probe_says_no_within_2_s_and_yes_when_it_is_back(bench):
    assert await bench.storage.probe()
    bench.journal.reads.clear()
    assert not await bench.storage.probe()
    assert not bench.storage.reachable
    bench.journal.reads.set()
    assert await bench.storage.probe()
    assert bench.storage.reachable


async def test_the_generation_is_the_birth_mark_of_the_data(bench):
    assert bench.storage.generation == await bench.journal.inner.birth() != ""
