"""What only the script itself can show: the keys it touches, the calls it takes, what it leaves when the server says no."""

import pytest
from redis.exceptions import ResponseError

from actors.append import Committed, Failed
from actors.chat import Chat
from actors.event import AgentLeft, AvailabilitySet, CursorMoved
from actors.rule import LoadAtLeast, LoadBelow, NotOnRoster, NotSeenSince, OnRoster
from storage.batch import Limits, plan
from storage.journal import JournalRefused, JournalUnreachable
from storage.key import BIRTH, COUNT, LAYOUT, NEWEST, NODES, STORES, StoreKeys, stores_of_agent, stores_of_user
from storage.pipe import SCRIPTS
from tests.storage.material import (
    NOON,
    agent_says,
    append_to,
    append_to_store,
    arrived,
    changed,
    chat_of,
    claim_chat,
    do,
    note,
    open_chat,
    read,
    received,
    user_says,
)

NEW = Chat(store="s1", user="u1")


@pytest.fixture
async def journal(empty_valkey, wall):
    journal = empty_valkey.journal(wall, Limits())
    yield journal
    await journal.close()


async def everything(journal):
    """A batch in which every kind of append, event and condition occurs, after others that it rests on."""
    waiting, claimed = await open_chat(journal, user="w1"), await claim_chat(journal, user="c1")
    closed = await do(journal, await claim_chat(journal, user="d1"), note())
    closed = await do(journal, closed, changed(closed, "closed"))
    return [
        append_to_store("s1", arrived("a1"), id="arrives"),
        append_to_store("s1", arrived("a2")),
        append_to_store("s1", AvailabilitySet(agent="a1", away=True)),
        append_to_store("s1", CursorMoved(agent="a1", offset=3)),
        append_to_store("s1", AgentLeft(agent="a2")),
        append_to(NEW, user_says(), changed(NEW, "waiting"), id="new"),
        append_to(waiting, changed(waiting, "claimed", "a1"), id="claim", conditions=[LoadBelow("a1", 5), NotSeenSince("a9", 0)]),
        append_to(claimed, agent_says(), id="says"),
        append_to(claimed, read("user", 2), read("store", 1), received(2)),
        append_to(claimed, note(), changed(claimed, "claimed", "a3"), conditions=[OnRoster("a1"), NotOnRoster("a9")]),
        append_to(closed, user_says(user="d1"), changed(closed, "waiting"), id="reopens"),
        append_to(closed, id="stale", records=False, conditions=[LoadAtLeast("a1", 9)]),
        append_to(Chat(store="s2", user="u1"), user_says(), changed(NEW, "waiting"), id="elsewhere"),
        append_to(waiting, id="claim", content="other"),
    ]


@pytest.mark.parametrize("again", [False, True], ids=["first", "retry"])
async def test_every_key_that_the_script_touches_is_among_its_keys(journal, empty_valkey, again):
    """The server itself judges: the call is made by a user who may touch nothing else."""
    batch = await everything(journal)
    planned = plan(batch, NOON, Limits(), "n1")
    sha = empty_valkey.client.script_load(SCRIPTS["append"])
    rights = {"keys": planned.keys, "channels": planned.keys}
    empty_valkey.client.acl_setuser("narrow", enabled=True, nopass=True, categories=["+@all"], reset=True, **rights)
    empty_valkey.client.acl_log_reset()
    listener = empty_valkey.client.pubsub()
    listener.subscribe(NODES)
    assert listener.get_message(timeout=5.0)["type"] == "subscribe"
    narrow = empty_valkey.below.client(username="narrow", password="x")
    try:
        for _ in range(1 + again):
            reply = narrow.evalsha(sha, len(planned.keys), *planned.keys, *planned.args)
        assert [reply[4 * planned.order.index(n)] for n in range(len(batch))] == (
            [1] * 11 + [4, 1, 3] if not again else [2, 1, 1, 1, 1, 2, 2, 2, 4, 6, 2, 4, 2, 3]
        )
        assert empty_valkey.client.acl_log() == []
        with pytest.raises(ResponseError, match=r"(?i)no permissions|can't access"):
            narrow.evalsha(sha, len(planned.keys), *["other", *planned.keys[1:]], *planned.args)
    finally:
        listener.close()
        narrow.close()
        empty_valkey.client.acl_deluser("narrow")


async def test_every_key_is_built_by_the_key_file_and_lies_in_its_stores_slot(journal, empty_valkey):
    batch = await everything(journal)
    await journal.append(batch)
    await journal.birth()
    planned = plan(batch, NOON, Limits())
    outside = {BIRTH, COUNT, NEWEST, STORES, *map(stores_of_user, ("u1", "w1", "c1", "d1")), *map(stores_of_agent, ("a1", "a2"))}
    there = {key.decode() for key in empty_valkey.client.keys("*")}
    assert there - outside <= set(planned.keys)
    assert all(key.startswith((f"{LAYOUT}:{{s1}}:", f"{LAYOUT}:{{s2}}:")) for key in planned.keys)


async def test_a_batch_over_many_stores_runs_the_script_once(journal, empty_valkey):
    await journal.probe()
    empty_valkey.client.config_resetstat()
    chats = [Chat(store=f"s{n}", user=f"u{n}") for n in range(8)]
    await journal.append([append_to(chat, user_says(), changed(chat, "waiting"), id="1") for chat in chats])
    stats = empty_valkey.client.info("commandstats")
    assert stats["cmdstat_evalsha"]["calls"] == 1
    assert journal.round_trips == 1


async def test_only_ids_expire_and_not_within_three_days(journal, empty_valkey):
    await journal.append(await everything(journal))
    expiring = {key.decode() for key in empty_valkey.client.keys("*") if empty_valkey.client.ttl(key) >= 0}
    assert expiring == {StoreKeys("s1").ids(NOON)[0], StoreKeys("s2").ids(NOON)[0]}
    assert all(empty_valkey.client.ttl(key) > 2 * 86_400 for key in expiring)


@pytest.mark.parametrize("kind", ["chat", "history", "owned"])
async def test_a_key_of_the_wrong_type_is_noticed_before_anything_is_written(journal, empty_valkey, kind):
    chat, other = await open_chat(journal), await open_chat(journal, user="u2")
    keys = StoreKeys("s1")
    spoilt = {"chat": keys.chat("u1"), "history": keys.history("u1"), "owned": keys.owned("a1")}[kind]
    empty_valkey.client.set(spoilt, "x")
    batch = [
        append_to(chat, agent_says(), changed(chat, "claimed", "a1"), id="bad"),
        append_to(chat, user_says()),
        append_to(other, user_says(user="u2")),
    ]
    bad, behind, good = await journal.append(batch)
    assert isinstance(bad, Failed)
    assert isinstance(behind, Failed)
    assert "WRONGTYPE" in bad.reason
    assert good == Committed(2, 5, 4)
    assert (await journal.read_log("s1", 0, 100)).offset == 5
    assert len((await journal.read_log("s1", 0, 100)).frames) == 5


async def test_a_full_server_refuses_the_whole_batch_and_nothing_of_it_happened(journal, empty_valkey):
    chat, other = await open_chat(journal), await open_chat(journal, user="u2")
    empty_valkey.client.config_set("maxmemory", 1)
    try:
        for batch in (
            [append_to(chat, user_says(), id="2"), append_to(other, user_says(), id="3")],
            [append_to_store("s1", arrived("a1"))],
            [append_to(chat, read("store", 1), id="4")],
        ):
            with pytest.raises(JournalRefused):
                await journal.append(batch)
    finally:
        empty_valkey.client.config_set("maxmemory", 0)
    assert await chat_of(journal) == chat
    assert (await journal.load_store("s1")).offset == 4
    assert await journal.append([append_to(chat, user_says(), id="2")]) == [Committed(2, 5, 2)]


async def test_scripts_that_somebody_flushed_come_back(journal, empty_valkey):
    chat = await open_chat(journal)
    empty_valkey.client.script_flush()
    with pytest.raises(JournalUnreachable):
        await journal.append([append_to(chat, user_says())])
    assert await journal.append([append_to(chat, user_says())]) == [Committed(2, 3, 2)]
