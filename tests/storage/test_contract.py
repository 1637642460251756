"""What a journal promises, kept by both: the one in Redis and the one in memory."""

import msgspec
import pytest

from actors.append import Committed, Conflicted, Duplicate, Failed, Reused, StoreState, Unmet, Withdrawn
from actors.chat import Chat, Owner
from actors.event import AgentLeft, AvailabilitySet, ContextTold, CursorMoved, ProfileSet, for_agents, for_user, subject, tail
from actors.rule import LoadAtLeast, LoadBelow, NotOnRoster, NotSeenSince, OnRoster, ProfileIs
from actors.withdrawal import Withdrawal
from storage.batch import Limits
from storage.journal import JournalLost, JournalRefused, JournalUnreachable
from storage.memory import MemoryJournal
from tests.storage.material import (
    NOON,
    agent_says,
    append_to,
    append_to_store,
    arrived,
    changed,
    chat_of,
    claim_chat,
    digest,
    do,
    note,
    open_chat,
    read,
    received,
    user_says,
)

DAY = 86_400_000
HOUR = 3_600_000
NEW = Chat(store="s1", user="u1")


def numbers(page):
    return [(entry.kind, entry.seq) for entry in page.entries]


def texts(frames):
    return [msgspec.json.decode(frame)["body"]["text"] for frame in frames]


# Appending.


async def test_the_first_message_brings_the_chat_into_being(journal):
    says = user_says("hi", name="Wang")
    waits = changed(NEW, "waiting")
    assert await journal.append([append_to(NEW, says, waits, id="1")]) == [Committed(1, 2, 0)]
    (record,) = await journal.load_chats("s1", ("u1",))
    assert record.chat == Chat(
        store="s1", user="u1", name="Wang", status="waiting", epoch=waits.epoch, since=NOON, seq=1, from_user=1, offset=2, at=NOON
    )
    assert record.last == for_agents(says, subject("s1", "u1"), 1, 1, tail(says))
    assert await journal.stores_of_user("u1") == ("s1",)


async def test_a_chat_without_messages_does_not_exist(journal):
    (record,) = await journal.load_chats("s1", ("nobody",))
    assert not record.chat.exists
    assert record.last is None


async def test_numbers_of_a_store_go_on_over_its_chats_and_those_of_a_chat_have_no_gap(journal):
    first, second = await open_chat(journal, user="u1"), await open_chat(journal, user="u2")
    batch = [append_to(first, user_says("b")), append_to(second, user_says("c", user="u2")), append_to(first, note())]
    # Those of one chat stand together, so the note comes before the second chat's message.
    assert await journal.append(batch) == [Committed(2, 5, 2), Committed(2, 7, 4), Committed(2, 6, 5)]
    page = await journal.read_log("s1", 0, 100)
    assert [msgspec.json.decode(frame)["offset"] for frame in page.frames] == [1, 2, 3, 4, 5, 6, 7]
    assert (page.first, page.offset) == (1, 7)


async def test_appends_of_a_batch_rest_on_those_before_them(journal):
    chat = await open_chat(journal)
    claimed = changed(chat, "claimed", "a1")
    mine = msgspec.structs.replace(chat, epoch=claimed.epoch, owner=claimed.owner)
    outcomes = await journal.append([append_to(chat, claimed), append_to(mine, agent_says()), append_to(mine, read("store", 2))])
    assert outcomes == [Committed(1, 3, 2), Committed(2, 4, 3), Committed(2, 4, 4)]
    after = await chat_of(journal)
    assert (after.owner, after.seq, after.store_read, after.store_read_from_user) == (Owner("a1", "A1"), 2, 2, 1)


async def test_a_probe_of_what_is_so_already_writes_nothing(journal):
    chat = await claim_chat(journal)
    assert await journal.append([append_to(chat, id="probe", records=False)]) == [Committed(1, 3, 3)]
    assert await chat_of(journal) == chat
    assert await journal.append([append_to(chat, agent_says(), id="probe")]) == [Committed(2, 4, 3)]


async def test_the_name_of_a_user_stays_when_a_token_brings_none(journal):
    chat = await do(journal, NEW, user_says(name="Wang"), changed(NEW, "waiting"))
    chat = await do(journal, chat, user_says("again"))
    assert chat.name == "Wang"
    assert (await do(journal, chat, user_says("again", name="王"))).name == "王"


async def test_a_batch_over_several_stores_is_one_round_trip(journal):
    chats = [Chat(store=f"s{n}", user="u1") for n in range(5)]
    before = journal.round_trips
    outcomes = await journal.append([append_to(chat, user_says(), changed(chat, "waiting"), id="1") for chat in chats])
    assert outcomes == [Committed(1, 2, 0)] * 5
    assert journal.round_trips == before + 1
    assert sorted(await journal.stores_of_user("u1")) == ["s0", "s1", "s2", "s3", "s4"]


async def test_a_batch_of_very_many_is_carried_out(journal):
    chat = await open_chat(journal)
    batch = [append_to(chat, user_says(str(n)), id=f"i{n}") for n in range(3000)]
    assert [outcome.seq for outcome in await journal.append(batch)] == list(range(2, 3002))
    assert all(isinstance(outcome, Duplicate) for outcome in await journal.append(batch))


async def test_an_empty_batch_is_nothing(journal):
    assert await journal.append([]) == []


# Fences.


async def test_another_epoch_is_told_the_chat_as_it_is_and_changes_nothing(journal):
    stale = await open_chat(journal)
    chat = await do(journal, stale, changed(stale, "claimed", "a1"))
    assert await journal.append([append_to(stale, changed(stale, "claimed", "a2"))]) == [Conflicted(chat)]
    assert await chat_of(journal) == chat
    assert (await journal.read_log("s1", 0, 100)).offset == 3


async def test_the_same_epoch_with_another_owner_is_a_conflict(journal):
    chat = await claim_chat(journal)
    forked = msgspec.structs.replace(chat, owner=Owner("a2", "A2"))
    assert await journal.append([append_to(forked, agent_says(agent="a2"))]) == [Conflicted(chat)]


async def test_a_message_cannot_slip_into_a_chat_that_was_closed_a_moment_ago(journal):
    stale = await claim_chat(journal)
    closed = await do(journal, stale, changed(stale, "closed"))
    assert await journal.append([append_to(stale, user_says("wait"))]) == [Conflicted(closed)]
    assert (await chat_of(journal)).seq == 1


async def test_a_new_chat_is_fenced_by_its_not_being_there(journal):
    chat = await open_chat(journal)
    assert await journal.append([append_to(NEW, user_says("again"), changed(NEW, "waiting"))]) == [Conflicted(chat)]


async def test_what_follows_a_conflict_in_the_same_chat_is_withdrawn_and_other_chats_are_not(journal):
    stale, other = await open_chat(journal), await open_chat(journal, user="u2")
    chat = await do(journal, stale, changed(stale, "claimed", "a1"))
    batch = [append_to(stale, user_says()), append_to(other, user_says(user="u2")), append_to(chat, user_says()), append_to(stale)]
    assert await journal.append(batch) == [Conflicted(chat), Committed(2, 6, 4), Withdrawn(), Withdrawn()]
    assert await chat_of(journal) == chat


async def test_a_conflict_tells_what_the_batch_itself_has_done_to_the_chat(journal):
    stale = await open_chat(journal)
    claimed = changed(stale, "claimed", "a1")
    outcomes = await journal.append([append_to(stale, claimed), append_to(stale, changed(stale, "claimed", "a2"))])
    chat = await chat_of(journal)
    assert outcomes == [Committed(1, 3, 2), Conflicted(chat)]
    assert chat.owner_id == "a1"


# Ids.


async def test_a_retry_gets_the_first_answer_byte_for_byte(journal):
    append = append_to(NEW, user_says(), changed(NEW, "waiting"), id="1", answer=b'"at":17')
    assert await journal.append([append]) == [Committed(1, 2, 0)]
    for _ in range(2):
        assert await journal.append([append]) == [Duplicate(b'"seq":1,"at":17', 1, 2, 0)]
    assert (await chat_of(journal)).seq == 1


async def test_an_answer_without_a_message_has_no_seq(journal):
    chat = await open_chat(journal)
    append = append_to(chat, changed(chat, "claimed", "a1"), id="c", answer=b'"status":"claimed"')
    assert await journal.append([append]) == [Committed(1, 3, 2)]
    assert await journal.append([append]) == [Duplicate(b'"status":"claimed"', 1, 3, 2)]


async def test_a_retry_within_the_batch_takes_effect_once(journal):
    chat = await open_chat(journal)
    append = append_to(chat, user_says("once"), id="2")
    assert await journal.append([append, append]) == [Committed(2, 3, 2), Duplicate(b'"seq":2,"at":1', 2, 3, 2)]


async def test_a_known_id_is_answered_though_the_fence_no_longer_holds(journal):
    chat = await open_chat(journal)
    append = append_to(chat, changed(chat, "claimed", "a1"), id="c")
    await journal.append([append])
    assert await journal.append([append]) == [Duplicate(b'"at":1', 1, 3, 2)]


async def test_a_known_id_is_answered_behind_a_conflict_in_its_chat(journal):
    stale = await open_chat(journal)
    known = append_to(stale, user_says(), id="2")
    await journal.append([known])
    chat = await do(journal, stale, changed(stale, "claimed", "a1"))
    assert await journal.append([append_to(stale, user_says()), known]) == [Conflicted(chat), Duplicate(b'"seq":2,"at":1', 2, 3, 2)]


async def test_the_same_id_with_another_content_is_reused(journal):
    chat = await open_chat(journal)
    batch = [append_to(chat, user_says("a"), id="2", content="a"), append_to(chat, user_says("b"), id="2", content="b")]
    assert await journal.append(batch) == [Committed(2, 3, 2), Reused()]
    assert await journal.append(batch[1:]) == [Reused()]
    assert (await chat_of(journal)).seq == 2


async def test_an_id_is_known_in_other_chats_of_the_store_and_unknown_in_other_stores(journal):
    await open_chat(journal, user="u1", id="1", content="x")
    other, elsewhere = Chat(store="s1", user="u2"), Chat(store="s2", user="u1")
    batch = [append_to(chat, user_says(), changed(chat, "waiting"), id="1", content="y") for chat in (other, elsewhere)]
    assert await journal.append(batch) == [Reused(), Committed(1, 2, 0)]


async def test_a_refusal_leaves_its_id_free(journal):
    stale = await open_chat(journal)
    chat = await do(journal, stale, changed(stale, "claimed", "a1"))
    assert await journal.append([append_to(stale, user_says(), id="2")]) == [Conflicted(chat)]
    unmet = append_to(chat, user_says(), id="2", conditions=[OnRoster("nobody")])
    assert await journal.append([unmet]) == [Unmet(0, None)]
    assert await journal.append([append_to(chat, user_says(), id="2")]) == [Committed(2, 4, 3)]


async def test_ids_of_any_bytes_are_kept_apart(journal):
    chat = await open_chat(journal)
    senders = [bytes([n, 0, 255 - n, 10, 13, 32, n, n, n, n, n, n]) for n in range(40)]
    batch = [append_to(chat, user_says()) for _ in senders]
    for append, sender in zip(batch, senders, strict=True):
        append.sender, append.content, append.records = sender, sender[:6], True
    assert [outcome.seq for outcome in await journal.append(batch)] == list(range(2, 42))
    assert [outcome.seq for outcome in await journal.append(batch)] == list(range(2, 42))
    assert (await chat_of(journal)).seq == 41


@pytest.mark.parametrize("written_at", [NOON, NOON + 12 * HOUR - 1, NOON + 12 * HOUR], ids=["noon", "before midnight", "midnight"])
@pytest.mark.parametrize("later", [-DAY, -HOUR, -1, 0, 1, HOUR, DAY - 1, DAY])
async def test_an_id_is_remembered_for_a_day_wherever_the_clock_jumps(journal, wall, written_at, later):
    wall.now_ms = written_at
    append = append_to(NEW, user_says(), changed(NEW, "waiting"), id="1")
    assert await journal.append([append]) == [Committed(1, 2, 0)]
    wall.now_ms += later
    assert await journal.append([append]) == [Duplicate(b'"seq":1,"at":1', 1, 2, 0)]


# Conditions.


async def test_a_load_below_the_limit_is_a_condition(journal):
    await claim_chat(journal, user="u1")
    chat = await open_chat(journal, user="u2")
    claim = changed(chat, "claimed", "a1")
    assert await journal.append([append_to(chat, claim, conditions=[LoadBelow("a1", 1)])]) == [Unmet(0, 1)]
    assert await chat_of(journal, user="u2") == chat
    assert await journal.append([append_to(chat, claim, conditions=[LoadBelow("a1", 2)])]) == [Committed(1, 6, 5)]


async def test_racing_claims_in_one_batch_never_exceed_the_limit(journal):
    chats = [await open_chat(journal, user=f"u{n}") for n in range(4)]
    outcomes = await journal.append(
        [append_to(chat, changed(chat, "claimed", "a1"), conditions=[LoadBelow("a1", 2)], id=chat.user) for chat in chats]
    )
    assert [type(outcome) for outcome in outcomes] == [Committed, Committed, Unmet, Unmet]
    assert outcomes[2:] == [Unmet(0, 2), Unmet(0, 2)]
    assert await journal.owned("s1") == {"a1": ("u0", "u1")}


async def test_being_at_the_limit_is_a_condition(journal):
    chat = await claim_chat(journal)
    assert await journal.append([append_to(chat, conditions=[LoadAtLeast("a1", 1)])]) == [Committed(1, 3, 3)]
    assert await journal.append([append_to(chat, conditions=[LoadAtLeast("a1", 2)])]) == [Unmet(0, 1)]
    assert await journal.append([append_to(chat, conditions=[LoadAtLeast("a9", 1)])]) == [Unmet(0, 0)]


async def test_the_roster_is_a_condition(journal):
    chat = await claim_chat(journal)
    await journal.append([append_to_store("s1", arrived("a2", "李娜"))])
    move = changed(chat, "claimed", "a2")
    assert await journal.append([append_to(chat, move, conditions=[OnRoster("a3")])]) == [Unmet(0, None)]
    assert await journal.append([append_to(chat, conditions=[NotOnRoster("a2")])]) == [Unmet(0, "李娜")]
    assert await journal.append([append_to(chat, conditions=[NotOnRoster("a3")])]) == [Committed(1, 3, 3)]
    assert await journal.append([append_to(chat, move, conditions=[OnRoster("a2")])]) == [Committed(1, 4, 3)]


async def test_the_first_condition_that_does_not_hold_is_told(journal):
    chat = await claim_chat(journal)
    await journal.append([append_to_store("s1", arrived("a2"))])
    conditions = [OnRoster("a2"), LoadBelow("a1", 1), OnRoster("a9")]
    outcomes = await journal.append([append_to(chat, note(), conditions=conditions), append_to(chat, note())])
    assert outcomes == [Unmet(1, 1), Withdrawn()]
    assert await chat_of(journal) == chat


async def test_an_agent_who_came_back_is_a_condition(journal):
    chat = await claim_chat(journal)
    assert await journal.append([append_to_store("s1", arrived("a1"))]) == [Committed(1, 0, 0)]
    gone = changed(chat, "waiting", reason="agent_gone")
    assert await journal.append([append_to_store("s1", arrived("a1"))]) == [Committed(2, 0, 0)]
    assert await journal.append([append_to(chat, gone, conditions=[NotSeenSince("a1", 1)])]) == [Unmet(0, 2)]
    assert await journal.append([append_to(chat, gone, conditions=[NotSeenSince("a1", 2)])]) == [Committed(1, 4, 3)]
    assert (await chat_of(journal)).status == "waiting"


# Failing alone.


async def test_one_bad_append_fails_alone(journal):
    good, elsewhere = await open_chat(journal, user="u2"), await open_chat(journal, store="s2")
    journal.spoil("s1", "u1")
    batch = [
        append_to(NEW, user_says(), changed(NEW, "waiting"), id="bad"),
        append_to(good, user_says(user="u2"), id="good"),
        append_to(NEW, user_says()),
        append_to(elsewhere, user_says()),
    ]
    outcomes = await journal.append(batch)
    assert [type(outcome) for outcome in outcomes] == [Failed, Committed, Failed, Committed]
    assert outcomes[1:2] == [Committed(2, 3, 2)]
    page = await journal.read_log("s1", 0, 100)
    assert (len(page.frames), page.offset) == (3, 3)


# Marks.


async def test_marks_move_forward_only_and_not_beyond_the_end(journal):
    chat = await claim_chat(journal)
    for text in "bcd":
        chat = await do(journal, chat, user_says(text))
    assert (await do(journal, chat, read("store", 2), read("user", 3), received(99))).user_received == 4
    chat = await do(journal, chat, read("store", 1), read("user", 2), received(1))
    assert (chat.store_read, chat.user_read, chat.user_received) == (2, 3, 4)
    assert (await do(journal, chat, read("store", 2**53))).store_read == 4


async def test_unread_is_what_the_other_side_said_above_the_mark(journal):
    chat = await claim_chat(journal)  # 1 is the user's
    for says in (agent_says("2"), user_says("3"), agent_says("4"), agent_says("5"), user_says("6")):
        chat = await do(journal, chat, says)
    assert (chat.unread("user"), chat.unread("store")) == (3, 3)
    chat = await do(journal, chat, read("user", 4), read("store", 3), note())
    assert (chat.user_read_from_user, chat.store_read_from_user) == (2, 2)
    assert (chat.unread("user"), chat.unread("store")) == (1, 1)
    chat = await do(journal, chat, read("user", 6), read("store", 6))
    assert (chat.unread("user"), chat.unread("store")) == (0, 0)
    assert (await do(journal, chat, agent_says("7"))).unread("user") == 1


async def test_a_mark_below_what_is_kept_counts_what_is_kept_as_unread(open_journal):
    journal = open_journal(Limits(history=3))
    chat = await open_chat(journal)
    for n in range(2, 11):
        chat = await do(journal, chat, user_says(str(n)))
    chat = await do(journal, chat, read("store", 2))
    assert 0 <= chat.unread("store") <= 8
    assert (await do(journal, chat, read("store", 9))).unread("store") == 1


async def test_a_mark_below_what_is_kept_makes_no_message_unread_that_was_never_written(open_journal):
    """A shopper to whom nobody has ever answered had unread answers; the simulation saw it."""
    journal = open_journal(Limits(history=3))
    chat = await open_chat(journal)
    for n in range(2, 11):
        chat = await do(journal, chat, user_says(str(n)))
    for seq in (2, 8, 9):
        chat = await do(journal, chat, read("user", seq))
        assert (chat.user_read, chat.unread("user")) == (seq, 0)


async def test_marks_are_not_in_the_log_and_do_not_bring_a_chat_into_being(journal):
    chat = await open_chat(journal)
    assert await journal.append([append_to(chat, read("user", 1), id="r")]) == [Committed(1, 2, 2)]
    assert (await journal.read_log("s1", 0, 10)).offset == 2
    assert await journal.append([append_to(Chat(store="s1", user="u9"), received(5))]) == [Committed(0, 0, 0)]
    assert not (await chat_of(journal, user="u9")).exists


# A store as a whole.


async def test_a_store_is_what_its_agents_made_it(journal):
    assert await journal.load_store("s1") == StoreState(exists=False)
    batch = [
        append_to_store("s1", arrived("a1", "李娜")),
        append_to_store("s1", arrived("a2", "Wang")),
        append_to_store("s1", arrived("a1", "Li")),
    ]
    assert await journal.append(batch) == [Committed(1, 0, 0), Committed(1, 0, 0), Committed(2, 0, 0)]
    await journal.append([append_to_store("s1", AvailabilitySet(agent="a2", away=True), id="away")])
    await open_chat(journal)
    state = StoreState(exists=True, offset=2, roster={"a1": "Li", "a2": "Wang"}, away=frozenset({"a2"}), arrivals={"a1": 2, "a2": 1})
    assert await journal.load_store("s1") == state
    await journal.append([append_to_store("s1", AvailabilitySet(agent="a2", away=False)), append_to_store("s1", AgentLeft(agent="a1"))])
    changed_state = msgspec.structs.replace(state, roster={"a2": "Wang"}, away=frozenset())
    assert await journal.load_store("s1") == changed_state
    assert (await journal.stores_of_agent("a1"), await journal.stores_of_agent("a9")) == (("s1",), ())


async def test_a_user_does_not_bring_a_store_into_being(journal):
    await open_chat(journal)
    assert not (await journal.load_store("s1")).exists


async def test_an_agents_cursor_moves_forward_only_and_not_beyond_the_end(journal):
    chat = await open_chat(journal)
    seen = []
    for offset in (1, 0, 99, 1):
        await journal.append([append_to_store("s1", CursorMoved(agent="a1", offset=offset))])
        seen.append((await journal.snapshot("s1", "a1", 10)).acknowledged)
    assert seen == [1, 1, 2, 2]
    await do(journal, chat, user_says())
    assert (await journal.snapshot("s1", "a1", 10)).acknowledged == 2
    assert (await journal.snapshot("s1", "a2", 10)).acknowledged is None


# Frames.


@pytest.mark.parametrize(
    "text", ["在吗？有货吗", 'say \\"hi\\"', "back\\\\slash", "\\u0000", ',\\"offset\\":7,', "a\\nb %d %s", "😀", "x" * 7000]
)
async def test_frames_are_kept_as_they_are_sent(journal, text):
    says, waits = user_says(text, name='王 "W" \\ %1'), changed(NEW, "waiting")
    await journal.append([append_to(NEW, says, waits)])
    chat = await chat_of(journal)
    claimed, added = changed(chat, "claimed", "a1"), note(text)
    await journal.append([append_to(chat, added, claimed)])
    about = subject("s1", "u1")
    expected = [for_agents(event, about, 1, offset, tail(event)) for offset, event in enumerate((says, waits, added, claimed), start=1)]
    assert list((await journal.read_log("s1", 0, 10)).frames) == expected
    page = await journal.read_history("s1", "u1", None, 10, notes=True, statuses=True)
    assert [entry.frame for entry in page.entries] == expected
    for frame in expected:
        with_number, without = msgspec.json.decode(frame), msgspec.json.decode(for_user(frame))
        del with_number["offset"]
        assert with_number == without


# Reading the log.


async def test_an_empty_log_has_a_first_entry_to_come(journal):
    page = await journal.read_log("s1", 0, 10)
    assert (page.frames, page.first, page.offset) == ((), 1, 0)


async def test_the_log_is_read_in_pages(journal):
    chat = await open_chat(journal)
    await journal.append([append_to(chat, user_says(str(n))) for n in range(3, 13)])
    assert texts((await journal.read_log("s1", 2, 4)).frames) == ["3", "4", "5", "6"]
    assert texts((await journal.read_log("s1", 10, 4)).frames) == ["11", "12"]
    page = await journal.read_log("s1", 12, 4)
    assert (page.frames, page.offset) == ((), 12)
    assert (await journal.read_log("s1", 99, 4)).frames == ()


async def test_a_log_keeps_at_least_its_limit_and_says_where_it_begins(open_journal):
    journal = open_journal(Limits(log=150))
    chat = await open_chat(journal)
    await journal.append([append_to(chat, user_says(str(n))) for n in range(3, 1001)])
    page = await journal.read_log("s1", 0, 2000)
    assert page.offset == 1000
    assert 1 < page.first <= 851
    assert [msgspec.json.decode(frame)["offset"] for frame in page.frames] == list(range(page.first, 1001))


# Reading a chat.


async def talk(journal, count=9):
    """Messages 1 to `count`; after each a note, and a status after the first."""
    chat = await open_chat(journal)
    chat = await do(journal, chat, changed(chat, "claimed", "a1"), note("1"))
    for n in range(2, count + 1):
        chat = await do(journal, chat, user_says(str(n)), note(str(n)))
    return chat


async def test_history_of_no_chat_is_empty(journal):
    page = await journal.read_history("s1", "u1", None, 10, notes=True, statuses=True)
    assert (page.entries, page.first, page.seq, page.offset, page.more) == ((), 1, 0, 0, False)


async def test_history_is_the_last_messages_ascending(journal):
    await talk(journal)
    page = await journal.read_history("s1", "u1", None, 3, notes=False, statuses=False)
    assert (numbers(page), page.more, page.first, page.seq) == ([("m", 7), ("m", 8), ("m", 9)], True, 1, 9)


async def test_history_pages_hold_every_event_once(journal):
    chat = await talk(journal)
    entries, before, more = [], None, True
    while more:
        page = await journal.read_history("s1", "u1", before, 2, notes=True, statuses=True)
        assert sum(entry.kind == "m" for entry in page.entries) <= 2
        entries, more = [*page.entries, *entries], page.more
        before = page.entries[0].seq
    assert [entry.offset for entry in entries] == list(range(1, chat.offset + 1))


async def test_history_shows_statuses_only_to_those_who_ask(journal):
    await talk(journal, 2)
    with_notes = await journal.read_history("s1", "u1", None, 10, notes=True, statuses=False)
    assert numbers(with_notes) == [("m", 1), ("n", 1), ("m", 2), ("n", 2)]
    with_all = await journal.read_history("s1", "u1", None, 10, notes=True, statuses=True)
    assert numbers(with_all) == [("m", 1), ("s", 1), ("s", 1), ("n", 1), ("m", 2), ("n", 2)]


@pytest.mark.parametrize(
    ("before", "limit", "messages", "more"),
    [
        (1, 5, [], False),
        (0, 5, [], False),
        (2, 5, [1], False),
        (5, 4, [1, 2, 3, 4], False),
        (5, 3, [2, 3, 4], True),
        (9, 1, [8], True),
        (10, 9, list(range(1, 10)), False),
        (99, 200, list(range(1, 10)), False),
    ],
)
async def test_history_at_its_edges(journal, before, limit, messages, more):
    await talk(journal)
    page = await journal.read_history("s1", "u1", before, limit, notes=False, statuses=False)
    assert ([entry.seq for entry in page.entries], page.more) == (messages, more)


async def test_a_long_history_with_many_notes_is_paged_right(journal):
    chat = await open_chat(journal)
    await journal.append([append_to(chat, *(note(str(n)) for n in range(250)), user_says("2"))])
    page = await journal.read_history("s1", "u1", None, 1, notes=True, statuses=True)
    assert (numbers(page), page.more) == ([("m", 2)], True)
    page = await journal.read_history("s1", "u1", 2, 1, notes=True, statuses=True)
    assert (len(page.entries), numbers(page)[0], page.more) == (252, ("m", 1), False)


async def test_a_trimmed_history_says_where_it_begins(open_journal):
    journal = open_journal(Limits(history=5))
    chat = await open_chat(journal)
    for n in range(2, 10):
        chat = await do(journal, chat, user_says(str(n)), note(str(n)))
    page = await journal.read_history("s1", "u1", None, 100, notes=False, statuses=False)
    assert (page.first, page.seq, page.more) == (page.entries[0].seq, 9, False)
    assert len(page.entries) <= 5
    assert page.first > 1
    assert (await journal.read_chat("s1", "u1", after_seq=0, limit=1)).first == page.first


async def test_a_chat_is_read_above_a_message_or_an_offset(journal):
    chat = await talk(journal, 4)
    page = await journal.read_chat("s1", "u1", after_seq=2, limit=100)
    assert (numbers(page), page.more) == ([("m", 3), ("n", 3), ("m", 4), ("n", 4)], False)
    page = await journal.read_chat("s1", "u1", after_offset=chat.offset - 1, limit=100)
    assert (numbers(page), page.seq, page.offset) == ([("n", 4)], 4, chat.offset)
    assert (await journal.read_chat("s1", "u1", after_seq=4, limit=100)).entries == ()
    page = await journal.read_chat("s1", "u1", after_offset=0, limit=3)
    assert (numbers(page), page.more) == ([("m", 1), ("s", 1), ("s", 1)], True)
    assert (await journal.read_chat("s1", "u9", after_seq=0, limit=3)).first == 1


# Lists.


async def pages(journal, status=None, limit=7):
    users, after, more = [], None, True
    while more:
        page = await journal.list_chats("s1", status, after, limit)
        assert len(page.users) <= limit
        users += page.users
        more = page.more
        if users:
            after = ((await chat_of(journal, user=users[-1])).at, users[-1])
    return users


async def test_500_chats_of_the_same_millisecond_are_paged_in_order_and_each_once(journal):
    users = [f"{'uU-_.~9'[n % 7]}{n}" for n in range(500)]
    chats = [Chat(store="s1", user=user) for user in users]
    batch = [append_to(chat, user_says(user=chat.user), changed(chat, "waiting")) for chat in chats]
    await journal.append(batch)
    for user in users[::3]:
        chat = await chat_of(journal, user=user)
        await do(journal, chat, changed(chat, "claimed", "a1"))
    assert await pages(journal, limit=33) == sorted(users)
    assert await pages(journal, "claimed", limit=33) == sorted(users[::3])


async def test_the_list_is_newest_first_by_the_last_message(journal):
    for n, at in enumerate((5, 1, 9, 5, 7)):
        await open_chat(journal, user=f"u{n}", at=NOON + at)
    assert await pages(journal, limit=2) == ["u2", "u4", "u0", "u3", "u1"]
    chat = await chat_of(journal, user="u1")
    await do(journal, chat, changed(chat, "claimed", "a1", at=NOON + 50))
    assert await pages(journal, limit=2) == ["u2", "u4", "u0", "u3", "u1"]
    chat = await chat_of(journal, user="u1")
    await do(journal, chat, agent_says(at=NOON + 60))
    assert await pages(journal, limit=2) == ["u1", "u2", "u4", "u0", "u3"]


async def test_a_chat_stands_in_the_list_of_its_status_only(journal):
    await journal.append([append_to_store("s1", arrived("a1"))])
    chat = await claim_chat(journal)
    for status, owner in (("waiting", None), ("claimed", "a2"), ("claimed", "a1"), ("closed", None), ("waiting", None)):
        chat = await do(journal, chat, changed(chat, status, owner))
        found = [other for other in ("waiting", "claimed", "closed") if (await journal.list_chats("s1", other, None, 5)).users]
        assert found == [status]
        assert await journal.waiting("s1") == (("u1",) if status == "waiting" else ())
        assert await journal.owned("s1") == ({owner: ("u1",)} if owner else {})
        assert await journal.stores_with_claims() == (("s1",) if owner else ())
        assert (await journal.snapshot("s1", "a1", 5)).users == (() if status == "closed" else ("u1",))


async def test_a_page_of_the_exact_length_says_that_nothing_follows(journal):
    for n in range(4):
        await open_chat(journal, user=f"u{n}")
    assert not (await journal.list_chats("s1", None, None, 4)).more
    assert (await journal.list_chats("s1", None, None, 3)).more
    assert (await journal.list_chats("s1", None, (NOON, "u3"), 3)).users == ()
    assert (await journal.list_chats("s1", None, (NOON, "u1x"), 3)).users == ("u2", "u3")
    assert (await journal.list_chats("s9", None, None, 3)).users == ()


async def test_the_queue_is_by_how_long_a_chat_has_waited_not_by_its_messages(journal):
    for n, at in enumerate((5, 1, 9)):
        await open_chat(journal, user=f"u{n}", at=NOON + at)
    await do(journal, await chat_of(journal, user="u1"), user_says(at=NOON + 99, user="u1"))
    assert await journal.waiting("s1") == ("u1", "u0", "u2")
    chat = await chat_of(journal, user="u1")
    await do(journal, chat, changed(chat, "claimed", "a1", at=NOON + 100))
    chat = await chat_of(journal, user="u1")
    await do(journal, chat, changed(chat, "waiting", at=NOON + 101))
    assert await journal.waiting("s1") == ("u0", "u2", "u1")


async def test_a_snapshot_has_the_newest_of_each_status_and_all_of_the_agents_own(journal):
    for n in range(6):
        await open_chat(journal, user=f"w{n}", at=NOON + n)
        await claim_chat(journal, user=f"c{n}", agent="a1" if n < 2 else "a2", at=NOON + n)
    closing = await claim_chat(journal, user="closed")
    await do(journal, closing, changed(closing, "closed"))
    snapshot = await journal.snapshot("s1", "a1", 2)
    assert snapshot.users[:4] == ("w5", "w4", "c5", "c4")
    assert sorted(snapshot.users[4:]) == ["c0", "c1"]
    assert (snapshot.offset, snapshot.first, snapshot.acknowledged) == ((await journal.load_store("s1")).offset, 1, None)


async def test_many_chats_are_loaded_in_the_order_asked_for(journal):
    users = tuple(f"u{n}" for n in range(250))
    await journal.append(
        [append_to(c, user_says(user=c.user), changed(c, "waiting")) for c in (Chat(store="s1", user=u) for u in users[::2])]
    )
    records = await journal.load_chats("s1", users)
    assert [record.chat.user for record in records] == list(users)
    assert [record.chat.exists for record in records] == [True, False] * 125


async def test_the_last_message_is_found_behind_notes_and_statuses(journal):
    chat = await open_chat(journal)
    chat = await do(journal, chat, *(note(str(n)) for n in range(20)))
    (record,) = await journal.load_chats("s1", ("u1",))
    assert msgspec.json.decode(record.last)["body"] == {"text": "hello"}
    await do(journal, chat, user_says("and then"))
    (record,) = await journal.load_chats("s1", ("u1",))
    assert msgspec.json.decode(record.last)["body"] == {"text": "and then"}


# The rest.


async def test_stores_with_claims_are_found_among_many(journal):
    for n in range(30):
        await (claim_chat if n % 10 == 0 else open_chat)(journal, store=f"s{n:02}")
    await journal.append([append_to_store(f"s{n:02}", arrived("a1")) for n in range(30)])
    assert await journal.stores_with_claims() == ("s00", "s10", "s20")


async def test_withdrawals_are_kept_and_read_back_by_moment(journal):
    assert await journal.withdrawals(0) == ()
    some = [
        Withdrawal("agent", "a7", None, NOON + 2),
        Withdrawal("agent", "a7", "s1", NOON + 1),
        Withdrawal("user", "a7", None, NOON + 3),
        Withdrawal("operator", "a.7~_-", None, NOON),
    ]
    for withdrawal in some:
        assert await journal.withdraw(withdrawal) == withdrawal.at
    by_moment = tuple(sorted(some, key=lambda withdrawal: withdrawal.at))
    assert await journal.withdrawals(0) == by_moment
    assert await journal.withdrawals(NOON + 2) == by_moment[2:]
    assert await journal.withdrawals(NOON + 4) == ()


async def test_the_moment_of_a_withdrawal_is_raised_and_never_lowered(journal):
    for asked, in_force in ((NOON, NOON), (NOON - 5, NOON), (NOON, NOON), (NOON + 5, NOON + 5)):
        assert await journal.withdraw(Withdrawal("agent", "a7", "s1", asked)) == in_force
        assert await journal.withdrawals(0) == (Withdrawal("agent", "a7", "s1", in_force),)


async def test_the_birth_mark_stays(journal):
    assert await journal.birth() == await journal.birth() != ""
    await journal.probe()


def test_digests_in_these_tests_are_of_the_right_size():
    assert len(digest("x", 6)) == 6


@pytest.mark.parametrize(("fault", "happens"), [(JournalRefused, False), (JournalUnreachable, False), (JournalLost, True)])
async def test_a_fault_in_memory_strikes_before_or_after_a_batch(wall, fault, happens):
    journal, calls = MemoryJournal(wall, Limits()), []

    def strike():
        calls.append(fault)
        if len(calls) == 1 + happens:
            raise fault

    journal.fault = strike
    append = append_to(NEW, user_says(), changed(NEW, "waiting"), id="1")
    with pytest.raises(fault):
        await journal.append([append])
    assert (await chat_of(journal)).exists == happens
    expected = Duplicate(b'"seq":1,"at":1', 1, 2, 0) if happens else Committed(1, 2, 0)
    assert await journal.append([append]) == [expected]


async def test_the_bytes_of_a_day_are_counted_up_to_a_limit_for_each_identity(journal):
    day = NOON // DAY
    assert await journal.spend("user", "u1", day, 6, 10)
    assert not await journal.spend("user", "u1", day, 5, 10)
    assert await journal.spend("user", "u1", day, 4, 10), "what was refused is not counted"
    assert not await journal.spend("user", "u1", day, 0, 10), "it has all of it"
    assert await journal.spend("user", "u1", day + 1, 0, 10)
    assert await journal.spend("user", "u2", day, 10, 10)
    assert await journal.spend("agent", "u1", day, 10, 10)


# What stands beside the chats.


def profile_to(version, what=b'{"name":"x"}', *, of=None, **more):
    """The profile takes this version, if it has the one before."""
    conditions = [ProfileIs(version - 1 if of is None else of)]
    answer = b'"version":%d' % version
    return append_to_store("s1", ProfileSet(version=version, profile=what), conditions=conditions, answer=answer, **more)


async def test_a_profile_is_replaced_by_whoever_knows_its_version(journal):
    assert await journal.load_profile("s1") == (0, b"")
    assert await journal.append([profile_to(1, b'{"name":"a"}', id="1")]) == [Committed(0, 0, 0)]
    assert await journal.append([profile_to(1, b'{"name":"b"}'), profile_to(2, b'{"name":"c"}')]) == [Unmet(0, 1), Committed(0, 0, 0)]
    assert await journal.load_profile("s1") == (2, b'{"name":"c"}')
    assert await journal.load_profile("s2") == (0, b"")
    assert (await journal.append([profile_to(1, b'{"name":"a"}', id="1")])) == [Duplicate(b'"version":1', 0, 0, 0)]
    assert await journal.append([profile_to(3, id="1")]) == [Reused()]
    assert await journal.load_profile("s1") == (2, b'{"name":"c"}')


async def test_a_change_of_the_profile_that_is_refused_withdraws_nothing_else_of_the_store(journal):
    batch = [profile_to(9), append_to_store("s1", arrived("a1")), append_to_store("s1", arrived("a1"))]
    assert await journal.append(batch) == [Unmet(0, 0), Committed(1, 0, 0), Committed(2, 0, 0)]


async def test_where_a_user_is_is_the_newest_that_was_told(journal):
    chat = await open_chat(journal)
    assert await journal.load_context("s1", "u1") is None
    told = [ContextTold(context=b'{"device":"%d"}' % n, at=NOON + n) for n in range(2)]
    assert await journal.append([append_to(chat, one) for one in told]) == [Committed(1, 2, 2)] * 2
    assert await journal.load_context("s1", "u1") == (NOON + 1, b'{"device":"1"}')
    assert await journal.load_context("s1", "u2") is None
    assert await chat_of(journal) == chat
    stale = msgspec.structs.replace(chat, epoch=chat.epoch - 1)
    assert isinstance((await journal.append([append_to(stale, told[0])]))[0], Conflicted)
    assert await journal.load_context("s1", "u1") == (NOON + 1, b'{"device":"1"}')


async def test_where_a_user_is_goes_with_the_chat_and_with_its_age(journal):
    chats = [await open_chat(journal, user=user) for user in ("u1", "u2", "u3")]
    await journal.append([append_to_store("s1", arrived("a1"))])
    await journal.append([append_to(chat, ContextTold(context=b"{}", at=NOON + n)) for n, chat in enumerate(chats)])
    assert await journal.erase_chat("s1", "u1")
    assert await journal.load_context("s1", "u1") is None
    swept = await journal.sweep(NOON + 2, 100)
    while not swept.over:
        swept = await journal.sweep(NOON + 2, 100)
    assert [await journal.load_context("s1", user) for user in ("u2", "u3")] == [None, (NOON + 2, b"{}")]


async def test_where_a_user_was_goes_with_a_closed_chat_of_which_nothing_is_left(journal):
    await journal.append([append_to_store("s1", arrived("a1"))])
    chat = await open_chat(journal)
    await do(journal, chat, ContextTold(context=b"{}", at=NOON + DAY), changed(chat, "closed", at=NOON))
    swept = await journal.sweep(NOON + 1, 100)
    while not swept.over:
        swept = await journal.sweep(NOON + 1, 100)
    assert await journal.load_context("s1", "u1") is None
