"""The witness: whoever was seen further than the data are is proof of a roll-back; nothing else is."""

from actors.append import Append
from actors.event import AgentArrived
from storage.batch import Limits
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
    for rubbish in (b"", b"\x00\xff", b"born", b"born x\n", b"born 1 2"):
        (tmp_path / "witness").write_bytes(rubbish)
        witness = Witness(tmp_path / "witness")
        assert not witness.has_seen_more("born", 0)
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
        await journal._ask(("SET", "d1:count", 1))  # as an older copy would have it
        second = await journal.birth()
        assert second != first
        await journal.append([arrival()])
        assert await journal.birth() == second
        await journal.close()
    witness.close()
