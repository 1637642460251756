"""What nodes hear of each other, the same from both journals: all that is written, each in its channel, and nothing that is their own."""

import asyncio
from contextlib import asynccontextmanager

import attrs
import msgspec
import pytest

from actors.event import AvailabilitySet
from actors.news import (
    AccessWithdrawn,
    Call,
    ChatBegan,
    ChatErased,
    Head,
    Heads,
    LogGrew,
    MarkShown,
    MarksLost,
    NoticeTold,
    Roll,
    StoreChanged,
    Topic,
    TypingShown,
)
from storage.batch import Limits
from storage.follower import Follower
from storage.key import NODES
from storage.memory import MemoryJournal
from storage.news import write
from storage.redis import RedisJournal
from tests.actors.world import Lines
from tests.storage.material import (
    agent_says,
    append_to,
    append_to_store,
    arrived,
    changed,
    claim_chat,
    do,
    note,
    open_chat,
    read,
    received,
    user_says,
)

LIVE, ABOUT, CHAT, USER = Topic("live", "s1"), Topic("about", "s1"), Topic("chat", "s1", "u1"), Topic("user", user="u1")
PATIENCE_S = 5.0


class Listener:
    """A follower of some topics; `heard` is all news so far."""

    def __init__(self, journal, *topics):
        self.heard, self.confirmed, self.again = [], [], []
        self.follower = Follower(journal, Lines())
        self.follower.on_news, self.follower.on_followed = self._hear, self._confirm
        self.topics = topics
        self._news = asyncio.Event()

    def _hear(self, news):
        self.heard.append(news)
        self._news.set()

    def _confirm(self, topics, *, again):
        self.confirmed += topics
        self.again += topics if again else []
        self._news.set()

    async def until(self, holds):
        """Waits for news until this holds."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                self._news.clear()
                await self._news.wait()

    async def hears(self, count):
        """So many news in all."""
        try:
            await self.until(lambda: len(self.heard) >= count)
        except TimeoutError:
            raise AssertionError(f"{len(self.heard)} of {count}: {self.heard}") from None
        return self.heard


@asynccontextmanager
async def listening(journal, *topics):
    listener = Listener(journal, *topics)
    for topic in topics:
        listener.follower.follow(topic)
    task = asyncio.create_task(listener.follower.run())
    try:
        await listener.until(lambda: len(listener.confirmed) == len(topics))
        yield listener
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def other(request, journal, wall):
    """The journal as another node has it."""
    is_memory = isinstance(journal, MemoryJournal)
    found = journal.of_node("other") if is_memory else request.getfixturevalue("valkey").journal(wall, Limits())
    yield found
    await found.close()


async def frames(journal, after=0):
    return (await journal.read_log("s1", after, 100)).frames


async def test_a_store_is_heard_of_as_its_log_keeps_it(journal, other):
    async with listening(other, LIVE) as listener:
        chat = await open_chat(journal)
        await do(journal, chat, user_says('more, ,\n, "x"'), note("ours alone"))
        first, second = await listener.hears(2)
        kept = await frames(journal)
    assert first == LogGrew(store="s1", user="", previous=0, numbers=(1, 2), frames=kept[:2], marks=())
    assert second == LogGrew(store="s1", user="", previous=2, numbers=(3, 4), frames=kept[2:], marks=())


async def test_a_batch_is_heard_of_once_for_each_store_and_each_chat_without_what_did_not_happen(journal, other):
    async with listening(other, LIVE, CHAT, Topic("live", "s2")) as listener:
        one, two = await open_chat(journal), await open_chat(journal, user="u2")
        far = await open_chat(journal, store="s2")
        await listener.hears(4)
        listener.heard.clear()
        late = changed(one, "claimed", "a1")
        stale = msgspec.structs.replace(one, epoch=5)
        outcomes = await journal.append(
            [
                append_to(one, user_says("b")),
                append_to(two, user_says("c", user="u2")),
                append_to(one, late),
                append_to(stale, agent_says()),
                append_to(far, user_says("d")),
            ]
        )
        assert len(outcomes) == 5
        heard = {(news.store, news.user): news for news in await listener.hears(3)}
        kept = await frames(journal, 4)
    assert len(listener.heard) == 3
    assert heard["s1", ""] == LogGrew(store="s1", user="", previous=4, numbers=(5, 6, 7), frames=kept, marks=())
    assert heard["s1", "u1"] == LogGrew(store="s1", user="u1", previous=2, numbers=(5, 6), frames=kept[:2], marks=())
    assert heard["s2", ""].numbers == (3,)


async def test_a_note_has_a_number_and_nothing_else_for_the_chats_user(journal, other):
    async with listening(other, CHAT) as listener:
        chat = await claim_chat(journal)
        await do(journal, chat, note("psst"), agent_says("hi"))
        news = (await listener.hears(3))[-1]
        kept = await frames(journal)
    assert (news.previous, news.numbers, news.frames) == (3, (4, 5), (b"", kept[4]))


async def test_marks_are_heard_of_as_they_are_and_not_where_they_have_not_moved(journal, other):
    async with listening(other, LIVE, CHAT) as listener:
        chat = await claim_chat(journal)
        await listener.hears(4)
        listener.heard.clear()
        await do(journal, chat, received(1), read("user", 1))
        await do(journal, chat, read("store", 1))
        await do(journal, chat, read("store", 1))
        await do(journal, chat, agent_says())
        await listener.hears(6)
    told = [(news.user, news.marks) for news in listener.heard]
    user, store = (MarkShown("u1", "user", 1, 1),), (MarkShown("u1", "store", 0, 1),)
    assert [marks for of, marks in told if not of] == [user, store, ()]
    assert [marks for of, marks in told if of] == [user, store, ()]


async def test_what_is_shown_about_a_store_is_heard_of_when_it_changes(journal, other):
    async with listening(other, ABOUT) as listener:
        await journal.append([append_to_store("s1", arrived("a1"))])
        chat = await open_chat(journal)
        await do(journal, chat, user_says("nothing new about the store"))
        await journal.append([append_to_store("s1", AvailabilitySet(agent="a1", away=True))])
        await listener.hears(3)
    assert listener.heard == [
        StoreChanged(store="s1", state=True),
        StoreChanged(store="s1", queue=True),
        StoreChanged(store="s1", state=True),
    ]
    assert (await journal.heads((ABOUT,))).changes == {"s1": 3}, "so whoever did not hear of them finds out"


async def test_a_user_hears_of_a_chat_that_it_begins_elsewhere(journal, other):
    async with listening(other, USER) as listener:
        chat = await open_chat(journal)
        await do(journal, chat, user_says("more"))
        await open_chat(journal, store="s2")
        await listener.hears(2)
    assert listener.heard == [ChatBegan("s1", "u1"), ChatBegan("s2", "u1")]


async def test_what_a_node_has_written_itself_is_no_news_to_it(journal, other):
    async with listening(journal, LIVE, CHAT, ABOUT, USER) as listener, listening(other, LIVE) as elsewhere:
        await open_chat(journal)
        await elsewhere.hears(1)
        await open_chat(other, user="u2")
        await listener.hears(2)
    assert {news.numbers for news in listener.heard if isinstance(news, LogGrew)} == {(3, 4)}
    assert [news.numbers for news in elsewhere.heard] == [(1, 2)]


async def test_what_is_left_is_not_heard_of_any_more(journal, other):
    async with listening(other, LIVE, Topic("live", "s2")) as listener:
        listener.follower.leave(LIVE)
        listener.follower.follow(ABOUT)
        await listener.until(lambda: ABOUT in listener.confirmed)
        await open_chat(journal)
        await open_chat(journal, store="s2")
        await listener.hears(2)
    assert [type(news) for news in listener.heard] == [StoreChanged, LogGrew]
    assert listener.heard[1].store == "s2"


async def test_heads_tell_where_everything_stands(journal):
    chat = await claim_chat(journal)
    await open_chat(journal, store="s2")
    await do(journal, chat, received(1), read("store", 1))
    topics = (LIVE, ABOUT, CHAT, USER, Topic("chat", "s1", "nobody"), Topic("live", "s9"), Topic("user", user="u9"))
    assert await journal.heads(topics) == Heads(
        stores={"s1": 3, "s9": 0},
        moves={"s1": 0 if isinstance(journal, RedisJournal) else 2, "s9": 0},
        changes={"s1": 0 if isinstance(journal, RedisJournal) else 2},
        chats={("s1", "u1"): Head(3, 1, 0, 1), ("s1", "nobody"): Head(0)},
        users={"u1": ("s1", "s2"), "u9": ()},
    )


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        (LIVE, TypingShown("s1", "u1", "user", True)),
        (CHAT, TypingShown("s1", "u1", "store", False)),
        (ABOUT, NoticeTold("s1", b'{"type":"notice","body":{"text":"a notice of  spaces"}}')),
        (ABOUT, ChatErased("s1", "u1")),
        (ABOUT, AccessWithdrawn()),
    ],
    ids=repr,
)
async def test_what_no_append_tells_is_heard_in_its_channel_and_not_by_who_said_it(journal, other, topic, said):
    async with listening(journal, LIVE, CHAT, ABOUT, USER) as own, listening(other, topic) as listener:
        await journal.publish(*write(journal.node, said))
        assert await listener.hears(1) == [said]
        await open_chat(other)
        await own.hears(1)
    assert said not in own.heard


# Who is there.


async def test_a_roll_tells_who_is_on_the_other_nodes_and_strikes_off_the_dead(journal, other):
    mine, theirs = (Call("", 1, b"3"), Call("s1", 1, b'{"a1":["A1",true]}')), (Call("", 7, b"0"), Call("s1", 7, b""))
    assert (await journal.call_roll(mine, {}, ()))[0] == (Roll("", {}), Roll("s1", {}))
    found = (Roll("", {journal.node: (1, b"3")}), Roll("s1", {journal.node: (1, b'{"a1":["A1",true]}')}))
    assert await other.call_roll(theirs, {}, ("nobody",)) == (found, frozenset())
    assert (await other.call_roll(theirs, {journal.node: 0}, ()))[0] == found  # it has beaten since
    assert (await other.call_roll(theirs, {journal.node: 1}, ()))[0] == (Roll("", {}), Roll("s1", {}))
    assert (await journal.call_roll((Call("", 2, b""), Call("s1", 2, b"")), {}, ()))[0][0] == Roll("", {other.node: (7, b"0")})


async def test_a_roll_that_changed_is_heard_of_and_one_that_did_not_is_not(journal, other):
    async with listening(other, ABOUT) as listener:
        for beat, who in enumerate((b'{"a1":["A1",true]}', b'{"a1":["A1",true]}', b'{"a1":["A1",false]}', b"", b"")):
            await journal.call_roll((Call("", beat, b"%d" % beat), Call("s1", beat, who)), {}, ())
        await open_chat(journal)
        await listener.hears(4)
        assert (await journal.call_roll((Call("", 9, b"0"),), {}, (other.node, "nobody")))[1] == {other.node}
    assert listener.heard == [*[StoreChanged(store="s1", presence=True)] * 3, StoreChanged(store="s1", queue=True)]


# Redis alone.


async def test_a_node_that_is_alone_publishes_nothing(empty_valkey, wall):
    journal = empty_valkey.journal(wall, Limits())
    async with listening(journal, LIVE, CHAT, ABOUT):
        empty_valkey.client.config_resetstat()
        chat = await open_chat(journal)
        await do(journal, chat, read("user", 1))
        stats = empty_valkey.client.info("commandstats")
    # That of the first message to a store is the only one, and goes to a channel of the user's.
    assert stats.get("cmdstat_spublish", {"calls": 0})["calls"] == 1
    await journal.close()


async def test_marks_that_were_not_heard_show_by_their_number(empty_valkey, wall):
    journal, other = empty_valkey.journal(wall, Limits()), empty_valkey.journal(wall, Limits())
    async with listening(other, LIVE) as listener:
        chat = await claim_chat(journal)
        await do(journal, chat, read("user", 1))
        await listener.hears(3)
        empty_valkey.client.hincrby("d1:{s1}:head", "mk", 1)
        await do(journal, chat, read("store", 1))
        await listener.hears(5)
    assert [type(news) for news in listener.heard[3:]] == [MarksLost, LogGrew]
    await journal.close()
    await other.close()


async def test_a_connection_that_is_cut_is_made_anew_and_everything_followed_again(empty_valkey, wall):
    journal, other = empty_valkey.journal(wall, Limits()), empty_valkey.journal(wall, Limits())
    async with listening(other, LIVE, CHAT) as listener:
        empty_valkey.client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        await listener.until(lambda: len(listener.confirmed) == 4)
        assert sorted(listener.again) == sorted((LIVE, CHAT))
        await open_chat(journal)
        await listener.hears(2)
    assert listener.follower.cuts == 1
    await journal.close()
    await other.close()


async def test_a_connection_that_is_deaf_though_pings_are_answered_is_found_through_itself(empty_valkey, wall):
    """The server forgets what is followed, as one does that was put in the place of another behind a proxy."""
    other = empty_valkey.journal(wall, Limits())
    async with listening(other, LIVE) as listener:
        await other.ear.say([("UNSUBSCRIBE",), ("SUNSUBSCRIBE",), ("PING",)])
        await listener.until(lambda: len(listener.confirmed) == 2)
        assert empty_valkey.client.pubsub_numsub(NODES)[0][1] == 1
    assert listener.follower.cuts == 1
    await other.close()


async def test_who_may_not_use_channels_goes_on_without_them(empty_valkey, wall):
    """A user of the server without a right to channels: appends are carried out, and others are not told."""
    empty_valkey.client.acl_setuser("quiet", enabled=True, nopass=True, categories=["+@all"], reset=True, keys=["*"])
    link = attrs.evolve(empty_valkey.below.link, username="quiet", password="x")
    quiet, other = RedisJournal(link.connection, wall, Limits()), empty_valkey.journal(wall, Limits())
    try:
        async with listening(other, LIVE) as listener:
            await open_chat(quiet)
            await open_chat(other, user="u2")
            assert (await other.read_log("s1", 0, 9)).offset == 4
            assert listener.heard == []
    finally:
        empty_valkey.client.acl_deluser("quiet")
        await quiet.close()
        await other.close()
