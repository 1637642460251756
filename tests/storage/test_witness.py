"""The witness: whoever was seen further than the data are is proof of a roll-back; nothing else is."""

import asyncio

import pytest

from actors.append import Append
from actors.event import AgentArrived
from storage.batch import Limits
from storage.journal import JournalLost
from storage.key import COUNT
from storage.link import Link
from storage.redis import RedisJournal
from storage.witness import Witness
from tests.storage.valkey import running


def arrival():
    event = AgentArrived(agent="a1", name="A", at=1)
    return Append(store="s1", events=(event,), tails=(b"",))


async def test_a_note_is_read_back_and_only_a_higher_count_of_the_same_birth_is_proof(tmp_path):
    witness = Witness(tmp_path / "witness")
    assert not witness.has_seen_more("born", 0)
    witness.note("born", 7)
    witness.close()
    witness = Witness(tmp_path / "witness")
    assert witness.has_seen_more("born", 6)
    assert not witness.has_seen_more("born", 7)
    assert not witness.has_seen_more("another", 0)
    witness.close()


async def test_rubbish_in_the_file_accuses_nobody(tmp_path):
    for rubbish in (b"", b"\x00\xff", b"born", b"born x\n", b"born 1 2 3", b"born 00000000000000000009\n"):
        (tmp_path / "witness").write_bytes(rubbish)
        witness = Witness(tmp_path / "witness")
        assert not witness.has_seen_more("born", 0)
        witness.close()


async def test_who_is_relieved_may_note_more_while_another_begins(tmp_path):
    """The new one asks Redis for the count, the old one commits and notes once more: what was read then is no proof of anything."""
    old = Witness(tmp_path / "witness")
    old.note("born", 5)
    new = Witness(tmp_path / "witness")
    assert new.name == old.name
    old.note("born", 6)
    assert not new.has_seen_more("born", 5)
    assert new.has_seen_more("born", 4)
    for witness in (old, new):
        witness.close()


async def test_data_behind_the_witness_begin_another_generation_and_the_same_data_do_not(tmp_path):
    witness = Witness(tmp_path / "witness")
    async with running(tmp_path / "redis") as path:
        link = Link.parse(f"unix://{path}")
        journal = RedisJournal(link.connection, lambda: 1, Limits(), witness)
        first = await journal.birth()
        await journal.append([arrival()])
        await journal.append([arrival()])
        assert await journal.birth() == first
        await journal._ask(("HSET", COUNT, witness.name, 1))  # as an older copy would have it
        second = await journal.birth()
        assert second != first
        await journal.append([arrival()])
        assert await journal.birth() == second
        await journal.close()
    witness.close()


@pytest.fixture(name="valkey")
async def fixture_valkey(tmp_path):
    async with running(tmp_path / "redis") as path:
        yield Link.parse(f"unix://{path}")


@pytest.fixture(name="start")
async def fixture_start(valkey):
    """Starts a node's journal; `journal.set_back` puts the data back to so many batches of it."""
    journals = []

    async def start(witness=None):
        journal = RedisJournal(valkey.connection, lambda: 1, Limits(), witness)
        await journal.birth()
        journals.append(journal)
        return journal

    yield start
    for journal in journals:
        await journal.close()


async def set_back(journal, *, of, count):
    await journal._ask(("HSET", COUNT, of._name, count))


async def test_a_node_that_lives_on_finds_out_by_its_next_look_though_nobody_commits_anything(start):
    journal, meddler = await start(), await start()
    for _ in range(2):
        await journal.append([arrival()])
    await journal.ping()
    assert not journal.rolled_back
    await set_back(meddler, of=journal, count=1)
    await journal.ping()
    assert journal.rolled_back
    before = journal._birth
    assert await journal.rebirth() != before
    assert not journal.rolled_back
    await journal.ping()
    assert not journal.rolled_back


async def test_a_node_that_lives_on_finds_out_with_its_next_batch(start):
    journal, meddler = await start(), await start()
    for _ in range(3):
        await journal.append([arrival()])
    await set_back(meddler, of=journal, count=1)
    await journal.append([arrival()])
    assert journal.rolled_back


async def test_nothing_is_read_of_data_that_were_rolled_back_while_the_connection_was_gone(start):
    journal, meddler = await start(), await start()
    await journal.append([arrival()])
    await journal._reader.close()
    assert (await journal.load_store("s1")).exists
    await set_back(meddler, of=journal, count=0)
    await journal._reader.close()
    with pytest.raises(JournalLost):
        await journal.load_store("s1")
    assert journal.rolled_back
    await journal.rebirth()
    assert (await journal.load_store("s1")).exists


async def test_data_that_are_gone_altogether_were_rolled_back(start):
    journal, meddler = await start(), await start()
    await meddler._ask(("FLUSHALL",))
    await journal.ping()
    assert journal.rolled_back


async def test_one_node_finds_out_and_the_others_take_its_new_mark(start):
    first, second = await start(), await start()
    mark = await first.rebirth()
    await second.ping()
    assert second.rolled_back
    assert await second.rebirth() == mark
    await first.ping()
    assert not first.rolled_back


async def test_what_other_nodes_have_written_since_hides_nothing(start, tmp_path):
    """With one counter for all of them it did: whoever started first wrote beyond what the next one remembered."""
    witnesses = [Witness(tmp_path / name) for name in ("one", "two")]
    one, two = [await start(witness) for witness in witnesses]
    for _ in range(3):
        await one.append([arrival()])
    await set_back(two, of=one, count=1)
    for _ in range(9):
        await two.append([arrival()])
    assert not two.rolled_back
    before = two._birth
    assert await one.birth() != before
    for witness in witnesses:
        witness.close()


async def test_batches_under_way_accuse_nobody(start):
    journal = await start()
    for _ in range(50):
        await asyncio.gather(journal.append([arrival()]), journal.ping(), journal.ping())
    assert not journal.rolled_back
