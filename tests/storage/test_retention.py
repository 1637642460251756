"""What is older than is kept goes from either journal, also of chats that nobody touches; numbers stay what they were."""

import msgspec
import pytest

from actors.event import offset_of
from storage.batch import Limits
from storage.key import SWEPT
from tests.storage.material import (
    NOON,
    agent_says,
    append_to_store,
    arrived,
    changed,
    chat_of,
    claim_chat,
    do,
    note,
    open_chat,
    user_says,
)

DAY = 86_400_000


async def walk(journal, before, count=100):
    """A whole walk: entries that went, and chats."""
    entries, chats, over = 0, 0, False
    while not over:
        swept = await journal.sweep(before, count)
        entries, chats, over = entries + swept.entries, chats + swept.chats, swept.over
    return entries, chats


async def found(journal, *stores):
    await journal.append([append_to_store(store, arrived("a1")) for store in stores or ("s1",)])


async def seqs(journal, user="u1", store="s1"):
    page = await journal.read_chat(store, user, after_seq=0, limit=1000)
    return page.first, [entry.seq for entry in page.entries if entry.kind == "m"]


async def two_days(journal, user="u1"):
    """A chat with two messages of the first day and two of the second; claimed on the first."""
    chat = await claim_chat(journal, user=user, at=NOON)
    chat = await do(journal, chat, user_says("2", user=user, at=NOON + 1000))
    chat = await do(journal, chat, agent_says("3", at=NOON + DAY))
    return await do(journal, chat, user_says("4", user=user, at=NOON + DAY + 1000), note(at=NOON + DAY + 1000))


async def test_old_entries_go_from_log_and_history_and_young_ones_stay(journal):
    await found(journal)
    chat = await two_days(journal)
    before = await journal.read_log("s1", 0, 100)
    assert await walk(journal, NOON) == (0, 0)
    assert await walk(journal, NOON + DAY) == (8, 0)
    assert await seqs(journal) == (3, [3, 4])
    after = await journal.read_log("s1", 0, 100)
    assert after.first == 5
    assert after.frames == before.frames[4:]
    assert await chat_of(journal) == chat
    assert await walk(journal, NOON + DAY) == (0, 0)


async def test_the_numbers_go_on_and_marks_stay_right_after_everything_has_gone(journal):
    await found(journal)
    chat = await two_days(journal)
    await walk(journal, NOON + 5 * DAY)
    assert await seqs(journal) == (5, [])
    assert (await journal.read_log("s1", 0, 100)).first == chat.offset + 1
    assert (await journal.snapshot("s1", "a1", 10)).first == chat.offset + 1
    (record,) = await journal.load_chats("s1", ("u1",))
    assert (record.chat, record.last) == (chat, None)
    chat = await do(journal, chat, user_says("5", at=NOON + 5 * DAY))
    assert await seqs(journal) == (5, [5])
    assert (await journal.load_chats("s1", ("u1",)))[0].last is not None
    assert (chat.seq, chat.offset) == (5, 8)
    assert chat.unread("store") == 4


async def test_a_chat_that_is_not_closed_stays_however_old_it_is(journal):
    await found(journal)
    await open_chat(journal, user="u1")
    await claim_chat(journal, user="u2")
    assert (await walk(journal, NOON + 100 * DAY))[1] == 0
    assert await journal.waiting("s1") == ("u1",)
    assert await journal.owned("s1") == {"a1": ("u2",)}


async def test_a_closed_chat_of_which_nothing_is_left_goes_from_lists_and_index_and_its_numbers_go_on(journal):
    await found(journal)
    chat = await open_chat(journal)
    chat = await do(journal, chat, user_says("2", name="Wang"), changed(chat, "closed", at=NOON + DAY))
    assert (await walk(journal, NOON + DAY))[1] == 0
    assert (await journal.list_chats("s1", "closed", None, 10)).users == ("u1",)
    assert await walk(journal, NOON + DAY + 1) == (2, 1)
    assert await walk(journal, NOON + DAY + 1) == (0, 0)
    assert await chat_of(journal) == msgspec.structs.replace(chat, name=None)
    assert (await journal.list_chats("s1", None, None, 10)).users == ()
    assert await journal.stores_of_user("u1") == ()
    assert await seqs(journal) == (3, [])
    again = await do(journal, chat, user_says("3", at=NOON + 2 * DAY), changed(chat, "waiting", at=NOON + 2 * DAY))
    assert (again.seq, again.offset, again.unread("store")) == (3, 6, 3)
    assert await seqs(journal) == (3, [3])
    assert await journal.stores_of_user("u1") == ("s1",)
    assert (await journal.list_chats("s1", None, None, 10)).users == ("u1",)
    assert await journal.waiting("s1") == ("u1",)


async def test_a_lower_number_to_be_kept_reaches_chats_that_nobody_touches(journal):
    """`--history-limit` and `--log-limit` were lowered since the last message."""
    await found(journal)
    chat = await open_chat(journal)
    for n in range(5):
        chat = await do(journal, chat, user_says(str(n)))
    journal._limits = Limits(log=3, history=2)
    assert await walk(journal, 0) == (4 + 5, 0)
    assert (await journal.read_log("s1", 0, 100)).first == 5
    assert await seqs(journal) == (5, [5, 6])


async def test_what_is_young_in_a_log_keeps_its_numbers(journal):
    await found(journal)
    await two_days(journal)
    await two_days(journal, "u2")
    await walk(journal, NOON + DAY)
    page = await journal.read_log("s1", 0, 100)
    numbers = [offset_of(frame) for frame in page.frames]
    assert numbers == list(range(page.first, page.offset + 1))


@pytest.fixture
async def redis_journal(empty_valkey, wall):
    journal = empty_valkey.journal(wall, Limits())
    yield journal
    await journal.close()


async def test_the_walk_meets_every_chat_of_every_store_a_few_at_a_time(redis_journal):
    await found(redis_journal, "s1", "s2", "s3")
    for store in ("s1", "s3"):
        for n in range(25):
            chat = await open_chat(redis_journal, store, f"u{n}", at=NOON + n % 3)
            await do(redis_journal, chat, changed(chat, "closed", at=NOON))
    steps = [await redis_journal.sweep(NOON + DAY, 10)]
    while not steps[-1].over:
        steps.append(await redis_journal.sweep(NOON + DAY, 10))
    assert max(step.chats for step in steps) == 10
    assert sum(step.chats for step in steps) == 50


async def test_a_restart_and_another_node_go_on_from_where_the_walk_was(empty_valkey, redis_journal, wall):
    await found(redis_journal, "s1", "s2")
    for n in range(30):
        await open_chat(redis_journal, "s1", f"u{n:02}", at=NOON + n)
    await open_chat(redis_journal, "s2", "u1", at=NOON)
    await redis_journal.sweep(NOON + DAY, 10)
    assert empty_valkey.client.get(SWEPT) == b"s1/%d/u20" % (NOON + 20)
    other = empty_valkey.journal(wall, Limits())
    steps = [await other.sweep(NOON + DAY, 10) for _ in range(3)]
    assert [step.over for step in steps] == [False, False, True]
    assert [step.entries for step in steps] == [20, 20, 2 + 2]
    await other.close()


async def test_two_who_walk_at_once_drop_everything_once(empty_valkey, redis_journal, wall):
    await found(redis_journal)
    for n in range(40):
        chat = await open_chat(redis_journal, user=f"u{n}", at=NOON + n)
        await do(redis_journal, chat, changed(chat, "closed", at=NOON))
    other = empty_valkey.journal(wall, Limits())
    chats = 0
    for _ in range(10):
        for one in (redis_journal, other):
            chats += (await one.sweep(NOON + DAY, 5)).chats
    assert chats == 40
    await other.close()


async def test_a_log_with_much_to_drop_takes_several_steps(redis_journal, monkeypatch):
    monkeypatch.setattr("storage.redis.TRIMMED", 4)
    await found(redis_journal)
    chat = await open_chat(redis_journal)
    await do(redis_journal, chat, *[user_says()] * 7)
    steps = [(await redis_journal.sweep(NOON + DAY, 10)).entries for _ in range(3)]
    assert steps == [4, 4, 1 + 9]


async def test_a_chat_that_is_opened_again_while_it_goes_keeps_its_place_in_its_users_index(empty_valkey, redis_journal, wall):
    """Another node appends between two steps of the sweep."""
    await found(redis_journal)
    chat = await open_chat(redis_journal)
    chat = await do(redis_journal, chat, changed(chat, "closed", at=NOON))
    other, take = empty_valkey.journal(wall, Limits()), redis_journal._take_from_indexes

    async def taken(store, users):
        await do(other, chat, user_says(), changed(chat, "waiting", at=NOON + DAY))
        await take(store, users)

    redis_journal._take_from_indexes = taken
    assert (await redis_journal.sweep(NOON + DAY, 5)).chats == 1
    assert await redis_journal.stores_of_user("u1") == ("s1",)
    await other.close()
