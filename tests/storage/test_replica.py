"""What waits for a replica is acknowledged when one has it, and shown to nobody before; a server that takes another's place is noticed."""

import asyncio
import os
import signal
from contextlib import asynccontextmanager

import pytest

from actors.append import Committed, Duplicate
from actors.chat import Chat
from actors.news import Topic
from actors.withdrawal import Withdrawal
from storage.batch import Limits
from storage.journal import JournalLost, JournalUnreachable
from storage.key import StoreKeys
from storage.redis import RedisJournal
from tests.faults.load import until
from tests.storage.below import DURABLE, Below
from tests.storage.material import append_to, append_to_store, arrived, changed, do, open_chat, user_says
from tests.storage.test_channel import listening

AT_ONCE = ("--repl-diskless-sync-delay", "0")
LIVE, CHAT = Topic("live", "s1"), Topic("chat", "s1", "u1")


class Pair:
    """A primary and its replica; a journal's next connection leads to `present`."""

    def __init__(self, primary, replica):
        self.primary, self.replica, self.present = primary, replica, primary
        self.journals = []

    async def journal(self, wall, **options):
        options = {"waits": True} | options
        made = RedisJournal(lambda: self.present.link.connection(), wall, Limits(), **options)
        self.journals.append(made)
        self.generation = await made.birth()
        return made

    async def attached(self):
        """The replica is up to date and follows."""
        with self.replica.client() as client:
            await until(lambda: client.info("replication").get("master_link_status") == "up", 20, "the replica attached")

    def promote(self):
        """The replica takes the primary's place, and has the primary for a replica from now on."""
        with self.replica.client() as new, self.primary.client() as old:
            new.replicaof("NO", "ONE")
            old.replicaof(self.replica.link.host, self.replica.link.port)
        self.primary, self.replica = self.replica, self.primary

    def kept(self, below):
        with below.client() as client:
            return client.xlen(StoreKeys("s1").log)

    @asynccontextmanager
    async def stopped(self):
        """While the replica stands still."""
        os.kill(self.replica.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.replica.pid, signal.SIGCONT)


@pytest.fixture
async def pair(tmp_path):
    primary = Below(tmp_path / "p", *DURABLE, *AT_ONCE, tcp=True)
    primary.start()
    at = (primary.link.host, str(primary.link.port))
    replica = Below(tmp_path / "r", *DURABLE, *AT_ONCE, "--replicaof", *at, tcp=True)
    try:
        replica.start()
        made = Pair(primary, replica)
        await made.attached()
        yield made
        for journal in made.journals:
            await journal.close()
    finally:
        replica.stop()
        primary.stop()


def first():
    new = Chat(store="s1", user="u1")
    return append_to(new, user_says(), changed(new, "waiting"), id="first")


def arrival():
    return append_to_store("s1", arrived("a1"))


async def test_what_is_acknowledged_is_with_a_replica(pair, wall):
    journal = await pair.journal(wall)
    for n in range(20):
        await open_chat(journal, user=f"u{n}")
        assert pair.kept(pair.replica) == 2 * (n + 1)


async def test_what_no_replica_has_is_neither_acknowledged_nor_heard_of_and_takes_effect_once(pair, wall):
    journal, other = await pair.journal(wall), await pair.journal(wall)
    async with listening(other, LIVE, CHAT) as listener:
        append = first()
        append.nonce = b"once"
        async with pair.stopped():
            with pytest.raises(JournalLost):
                await journal.append([append])
            assert pair.kept(pair.primary) == 2, "it was written, and may be there for good"
            # What is published now comes behind whatever was published before.
            await journal.publish(StoreKeys("s1").live, b"other typing u1 user 1")
            await listener.hears(1)
        (outcome,) = await journal.append([append])
        assert isinstance(outcome, Duplicate)
        assert outcome.recovered
        heard = await listener.hears(3)
    assert [(type(news).__name__, getattr(news, "numbers", None)) for news in heard] == [
        ("TypingShown", None),
        ("LogGrew", (1, 2)),
        ("LogGrew", (1, 2)),
    ]
    assert pair.kept(pair.primary) == pair.kept(pair.replica) == 2


async def test_others_hear_the_same_whether_or_not_a_replica_is_waited_for(pair, wall):
    waits, does_not, other = await pair.journal(wall), await pair.journal(wall, waits=False), await pair.journal(wall)
    heard = []
    for journal, user in ((waits, "u1"), (does_not, "u2")):
        async with listening(other, LIVE, Topic("about", "s1"), Topic("user", user=user)) as listener:
            await do(journal, await open_chat(journal, user=user), user_says(user=user))
            heard.append([type(news).__name__ for news in await listener.hears(4)])
    assert sorted(heard[0]) == sorted(heard[1])


async def test_a_withdrawal_and_a_probe_wait_too(pair, wall):
    journal = await pair.journal(wall)
    withdrawal = Withdrawal("agent", "a1", None, 7)
    assert await journal.withdraw(withdrawal) == 7
    async with pair.stopped():
        with pytest.raises(JournalLost):
            await journal.probe()
        with pytest.raises(JournalLost):
            await journal.withdraw(withdrawal)


async def test_a_primary_that_became_a_replica_has_taken_nothing_and_is_left(pair, wall):
    journal = await pair.journal(wall)
    await open_chat(journal)
    pair.promote()
    with pytest.raises(JournalUnreachable, match=r"(?i)readonly"):
        await journal.append([arrival()])
    assert not journal._writer.is_open


async def test_a_server_in_the_place_of_another_begins_a_generation_which_all_nodes_call_the_same(pair, wall):
    """Whoever comes first: the one that writes, and the one that only reads."""
    writer, reader = await pair.journal(wall), await pair.journal(wall)
    before = pair.generation
    await open_chat(writer)
    pair.promote()
    await pair.attached()
    pair.present = pair.primary
    await writer._writer.close()
    (outcome,) = await writer.append([arrival()])
    assert isinstance(outcome, Committed)
    assert writer.rolled_back
    await reader._reader.close()
    with pytest.raises(JournalLost):
        await reader.load_store("s1")
    assert reader.rolled_back
    await writer.load_store("s1")  # both have a connection now, and look before either of them has set anything
    after = {*await asyncio.gather(writer.rebirth(), reader.rebirth()), await (await pair.journal(wall)).birth()}
    assert len(after) == 1
    assert before not in after
    for journal in (writer, reader):
        assert not journal.rolled_back
        await journal.ping()
        assert not journal.rolled_back


async def test_a_connection_to_the_same_server_begins_no_generation(pair, wall):
    journal = await pair.journal(wall)
    for pipe in (journal._reader, journal._writer):
        await pipe.close()
        await open_chat(journal, user=f"u{id(pipe)}")
        await journal.ping()
    assert not journal.rolled_back
    assert await journal.birth() == pair.generation


async def test_news_of_what_is_not_known_to_be_kept_do_not_outlive_the_server(pair, wall):
    """Its numbers may be given to something else by the next one."""
    journal, other = await pair.journal(wall), await pair.journal(wall)
    async with listening(other, LIVE):
        async with pair.stopped():
            with pytest.raises(JournalLost):
                await journal.append([first()])
        assert journal._held
        await pair.attached()
        pair.promote()
        pair.present = pair.primary
        await pair.attached()
        await journal.append([arrival()])
        await journal.rebirth()
        await journal.ping()
    with pair.primary.client() as client:
        assert "cmdstat_spublish" not in client.info("commandstats")
