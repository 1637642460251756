"""The audit: a store's log as lines, with what stood before each change where that can be told, in pages of bounded memory."""

import msgspec
import pytest

from actors.append import StorageUnavailable
from actors.chat import Chat, Party
from actors.withdrawal import Withdrawal, Withdrawals
from storage.batch import Limits
from storage.memory import MemoryJournal
from tests.storage.material import NOON, append_to, append_to_store, arrived, changed, claim_chat, do, note, open_chat
from web import audit as audit_file
from web.audit import Audit, Wanted

pytestmark = pytest.mark.anyio


@pytest.fixture
async def journal():
    journal = MemoryJournal(lambda: NOON, Limits())
    await journal.append([append_to_store("s1", arrived("a1"))])
    return journal


async def lines(journal, *withdrawals, **wanted):
    known = Withdrawals()
    for withdrawal in withdrawals:
        known.add(withdrawal)
    audit = Audit(journal, "s1", Wanted(**wanted))
    assert await audit.begin()
    pieces = [piece async for piece in audit.lines(known)]
    assert all(piece.endswith(b"\n") for piece in pieces)
    return [msgspec.json.decode(line) for piece in pieces for line in piece.splitlines()]


def owners(told):
    return [(line.get("before", ...) and line.get("before", {}).get("id"), (line["owner"] or {}).get("id")) for line in told]


async def test_there_is_nothing_to_tell_of_a_store_that_does_not_exist(journal):
    assert not await Audit(journal, "s2", Wanted()).begin()


async def test_notes_and_messages_are_nobodys_business(journal):
    chat = await claim_chat(journal)
    await do(journal, chat, note("secret"))
    assert [line["reason"] for line in await lines(journal)] == ["new", "claim"]
    assert "secret" not in str(await lines(journal))


async def test_what_stood_before_is_told_from_the_log_and_from_the_rule(journal):
    chat = await claim_chat(journal, agent="a1")
    for owner, reason in (("a2", "transfer"), ("a3", "takeover"), (None, "agent_gone"), ("a1", "transfer")):
        chat = await do(journal, chat, changed(chat, "claimed" if owner else "waiting", owner, reason=reason))
    told = await lines(journal)
    assert owners(told) == [(None, None), (None, "a1"), ("a1", "a2"), ("a2", "a3"), ("a3", None), (None, "a1")]


async def test_what_stood_before_is_left_out_where_nothing_tells_it(journal):
    """Behind an offset the owner of a chat is not known until it changes once; null would say that nobody had it."""
    chat = await claim_chat(journal, agent="a1")
    for owner in ("a2", "a3"):
        chat = await do(journal, chat, changed(chat, "claimed", owner, reason="transfer"))
    first, second = await lines(journal, after=3)
    assert "before" not in first
    assert second["before"] == {"id": "a2", "name": "A2"}


async def test_a_log_of_many_pages_has_every_change_once(journal, monkeypatch):
    for n in range(60):
        await claim_chat(journal, user=f"u{n}")
    whole = await lines(journal)
    assert len(whole) == 120
    for page in (1, 7, 60, 179, 180, 181):
        monkeypatch.setattr(audit_file, "PAGE", page)
        assert await lines(journal) == whole
        for limit in (1, 50, 119, 120, 121):
            assert await lines(journal, limit=limit) == whole[:limit]
    assert [line["offset"] for line in await lines(journal, after=90)] == [line["offset"] for line in whole if line["offset"] > 90]
    assert await lines(journal, after=10_000) == []


async def test_owners_beyond_a_bound_are_forgotten_and_not_made_up(journal, monkeypatch):
    monkeypatch.setattr(audit_file, "OWNERS", 3)
    chat = await claim_chat(journal, user="first", agent="a1")
    for n in range(5):
        await claim_chat(journal, user=f"u{n}")
    await do(journal, chat, changed(chat, "claimed", "a2", reason="takeover"))
    taken = (await lines(journal))[-1]
    assert taken["reason"] == "takeover"
    assert "before" not in taken


async def test_a_trimmed_log_says_so_first_and_in_the_middle_too(journal, monkeypatch):
    journal._limits = Limits(log=10)
    chat = await claim_chat(journal)
    for _ in range(10):
        chat = await do(journal, chat, changed(chat, "waiting"))
        chat = await do(journal, chat, changed(chat, "claimed", "a1"))
    trimmed, *rest = await lines(journal)
    assert trimmed == {"type": "trimmed", "store": "s1", "first": 14}
    assert [line["offset"] for line in rest] == list(range(14, 24))
    assert await lines(journal, after=13) == rest

    monkeypatch.setattr(audit_file, "PAGE", 3)
    audit = Audit(journal, "s1", Wanted(after=13))
    assert await audit.begin()
    pieces = audit.lines(Withdrawals())
    await anext(pieces)
    for _ in range(3):
        chat = await do(journal, chat, changed(chat, "waiting"))
        chat = await do(journal, chat, changed(chat, "claimed", "a1"))
    found = [msgspec.json.decode(line) for piece in [piece async for piece in pieces] for line in piece.splitlines()]
    assert found[0] == {"type": "trimmed", "store": "s1", "first": 20}
    assert [line["offset"] for line in found[1:]] == [20, 21, 22, 23], "up to where the log ended when the reading began"


async def test_an_outage_in_the_middle_is_the_last_line(journal, monkeypatch):
    monkeypatch.setattr(audit_file, "PAGE", 1)
    await claim_chat(journal)
    audit = Audit(journal, "s1", Wanted())
    assert await audit.begin()

    async def away(*_):
        raise StorageUnavailable

    journal.read_log = away
    (last,) = [msgspec.json.decode(piece) async for piece in audit.lines(Withdrawals())]
    assert (last["type"], last["code"]) == ("error", "unavailable")


async def test_how_far_it_has_read_is_told_when_asked(journal, monkeypatch):
    monkeypatch.setattr(audit_file, "PAGE", 2)
    await open_chat(journal)
    await open_chat(journal, user="u2")
    assert [line for line in await lines(journal, reason="claim", read=True) if line["type"] == "read"] == [
        {"type": "read", "offset": 2},
        {"type": "read", "offset": 4},
    ]


async def test_withdrawals_of_the_stores_agents_stand_at_the_end_and_are_filtered_too(journal):
    await claim_chat(journal)
    here, everywhere = Withdrawal("user", "u1", "s1", NOON + 1), Withdrawal("agent", "a1", None, NOON)
    others = (Withdrawal("agent", "a1", "s2", NOON), Withdrawal("agent", "a9", None, NOON), Withdrawal("user", "u1", None, NOON))

    async def found(**wanted):
        told = await lines(journal, here, everywhere, *others, **wanted)
        return [(line["role"], line["id"], line["store"]) for line in told if line["type"] == "withdrawn"]

    both = [("agent", "a1", None), ("user", "u1", "s1")]
    assert await found() == await found(reason="withdrawn") == both
    assert await found(agent="a1") == both[:1]
    assert await found(user="u1") == both[1:]
    assert await found(reason="claim") == await found(limit=2) == []
    assert await found(limit=3) == both[:1]
    assert await found(since=NOON + 1) == both[1:]
    assert await found(until=NOON + 1) == both[:1]


async def test_a_chat_is_found_by_whoever_did_had_or_got_it(journal):
    chat = await claim_chat(journal, agent="a1")
    await do(journal, chat, changed(chat, "claimed", "a2", reason="takeover"))
    began = msgspec.structs.replace(changed(Chat(store="s1", user="u9"), "waiting"), by=Party("user", "u9"))
    await journal.append([append_to(Chat(store="s1", user="u9"), began)])
    assert [line["reason"] for line in await lines(journal, agent="a1")] == ["claim", "takeover"]
    assert [line["reason"] for line in await lines(journal, agent="a2")] == ["takeover"]
    assert await lines(journal, agent="u9") == [], "a shopper is no agent, though it began the chat"
