"""A chat that was erased: nothing of it is left in either journal, and the numbers of what remains have no gap."""

import asyncio

import pytest

from actors.append import Committed, Conflicted
from actors.chat import Chat
from actors.event import ERASED, offset_of
from actors.rule import LoadBelow
from storage.batch import Limits
from storage.embedded import EmbeddedServer
from storage.erasure import rewrite_files, rewrite_log
from storage.link import Link
from storage.redis import REWRITTEN, RedisJournal
from tests.storage.material import NOON, agent_says, append_to, chat_of, claim_chat, do, note, open_chat, user_says
from tests.storage.test_backup import Silent

MARKER = "psst-marker-psst"


async def read(ask, *args):
    return await ask(*args)


async def erase(journal, store="s1", user="u1"):
    gone = await journal.erase_chat(store, user)
    return gone, await rewrite_log(journal, read, store, user)


async def two_chats(journal):
    """Two chats whose events stand in each other's way in the log."""
    chat, other = await claim_chat(journal), await open_chat(journal, user="u2")
    for n in range(3):
        chat = await do(journal, chat, agent_says(f"{MARKER} {n}"), note(MARKER), id=f"a{n}")
        other = await do(journal, other, user_says(f"kept {n}", user="u2"))
    return chat, other


async def log_of(journal, store="s1"):
    page = await journal.read_log(store, 0, 10_000)
    assert [offset_of(frame) for frame in page.frames] == list(range(1, page.offset + 1))
    return page.frames


async def test_nothing_of_it_is_in_lists_queue_loads_index_history_and_log(journal):
    await two_chats(journal)
    await open_chat(journal, user="u3")
    before = await log_of(journal)
    (gone, entries) = await erase(journal)
    assert gone
    assert await chat_of(journal) == Chat(store="s1", user="u1")
    assert (await journal.read_chat("s1", "u1", after_offset=0, limit=10)).entries == ()
    for status in ("waiting", "claimed", "closed", None):
        assert "u1" not in (await journal.list_chats("s1", status, None, 10)).users
    assert await journal.owned("s1") == {}
    assert await journal.waiting("s1") == ("u2", "u3")
    claim = append_to(await chat_of(journal, user="u2"), note(), conditions=[LoadBelow("a1", 1)])
    assert isinstance((await journal.append([claim]))[0], Committed), "the owner has room again"
    assert await journal.stores_of_user("u1") == ()
    assert await journal.stores_of_user("u2") == ("s1",)
    after = await log_of(journal)
    of_it = [b'"user":"u1"' in frame for frame in before]
    assert sum(of_it) == entries == 9
    for was, frame, erased in zip(before, after, of_it, strict=False):
        if not erased:
            assert frame == was
        else:
            at = was.rpartition(b'"at":')[2]
            assert frame == (
                b'{"type":"note","store":"s1","user":"~erased","offset":%d,"from":{"role":"agent","id":"~erased"},"body":{"text":""},'
                b'"id":"~erased","at":%b' % (offset_of(was), at)
            )
    assert len(after) == len(before) + 2
    assert f'"user":"{ERASED}"'.encode() in after[-2]
    assert MARKER.encode() not in b"".join(after)


async def test_a_waiting_chat_leaves_the_queue(journal):
    await open_chat(journal)
    await erase(journal)
    assert await journal.waiting("s1") == ()


async def test_whoever_held_something_of_it_is_told(journal, wall):
    await two_chats(journal)
    assert (await journal.snapshot("s1", "a1", 10)).erased == 0
    assert await journal.erased_at("u1") == 0
    await erase(journal)
    found = await journal.snapshot("s1", "a1", 10)
    assert found.erased == found.offset - 1
    assert await journal.erased_at("u1") == wall.now_ms
    assert await journal.erased_at("u2") == 0


async def test_it_may_be_asked_for_again_also_when_the_first_time_was_broken_off(journal):
    await two_chats(journal)
    before = len(await log_of(journal))
    await journal.erase_chat("s1", "u1")
    gone, entries = await erase(journal)
    assert (gone, entries) == (False, 9)
    assert await erase(journal) == (False, 0)
    assert len(await log_of(journal)) == before + 1


async def test_what_was_decided_on_it_cannot_bring_it_back(journal):
    chat, _ = await two_chats(journal)
    await erase(journal)
    (outcome,) = await journal.append([append_to(chat, agent_says(MARKER), id="late")])
    assert outcome == Conflicted(Chat(store="s1", user="u1"))
    assert MARKER.encode() not in b"".join(await log_of(journal))


async def test_a_command_that_was_done_before_is_still_known(journal):
    """Sent again it is acknowledged again, and brings nothing back."""
    chat, _ = await two_chats(journal)
    again = append_to(chat, agent_says(f"{MARKER} 0"), note(MARKER), id="a0")
    await erase(journal)
    (outcome,) = await journal.append([again])
    assert outcome.seq == 2
    assert not (await chat_of(journal)).exists


async def test_the_user_may_begin_anew_at_number_1_with_a_higher_epoch(journal):
    chat, _ = await two_chats(journal)
    await erase(journal)
    new = await open_chat(journal, at=NOON + 5000)
    assert (new.seq, new.offset) == (1, 14 + 1 + 2)
    assert new.epoch > chat.epoch
    assert await journal.stores_of_user("u1") == ("s1",)


async def test_ids_that_begin_like_it_and_words_that_look_like_it_stay(journal):
    """Of a store with u1, u11 and somebody who writes the very fields of a frame, only u1 goes."""
    await open_chat(journal)
    other = await open_chat(journal, user="u11")
    await do(journal, other, user_says('\\"store\\":\\"s1\\",\\"user\\":\\"u1\\",', user="u11"))
    before = await log_of(journal)
    _, entries = await erase(journal)
    assert entries == 2
    assert (await log_of(journal))[2:-1] == before[2:]


async def test_the_log_goes_on_while_it_is_rewritten_piece_by_piece(empty_valkey, wall):
    journal = empty_valkey.journal(wall, Limits())
    chat, other = await open_chat(journal), await open_chat(journal, user="u2")
    for _ in range(3):
        (outcome,) = await journal.append([append_to(chat, *[user_says(MARKER)] * 250)])
        assert isinstance(outcome, Committed)
        other = await do(journal, other, *[user_says("kept", user="u2")] * 250)
    await journal.erase_chat("s1", "u1")
    after, replaced, done = await journal.rewrite_log("s1", "u1", "me", 0, 0)
    assert (after, done) == (REWRITTEN, False)
    other = await do(journal, other, user_says("meanwhile", user="u2"))
    while not done:
        after, replaced, done = await journal.rewrite_log("s1", "u1", "me", after, replaced)
    assert replaced == 752
    log = await log_of(journal)
    assert len(log) == 1504 + 1 + 1
    assert b"meanwhile" in log[-1]
    assert set(empty_valkey.client.keys("*log*")) == {b"d1:{s1}:log"}
    await do(journal, other, user_says("after", user="u2"))
    assert b"after" in (await log_of(journal))[-1]
    await journal.close()


async def test_of_two_who_rewrite_one_log_the_later_is_first_and_the_other_begins_again(empty_valkey, wall):
    journal = empty_valkey.journal(wall, Limits())
    chat, other = await open_chat(journal), await open_chat(journal, user="u2")
    for _ in range(2):
        (outcome,) = await journal.append([append_to(chat, *[user_says(MARKER)] * 250)])
        assert isinstance(outcome, Committed)
        other = await do(journal, other, *[user_says(MARKER, user="u2")] * 250)
    for user in ("u1", "u2"):
        await journal.erase_chat("s1", user)
    mine, theirs = await asyncio.gather(*(rewrite_log(journal, read, "s1", user) for user in ("u1", "u2")))
    assert (mine, theirs) == (502, 502)
    assert MARKER.encode() not in b"".join(await log_of(journal))
    await journal.close()


@pytest.fixture
async def embedded(tmp_path, wall):
    """A private server, and a journal on it."""
    server = await EmbeddedServer.start(tmp_path / "data", None, Silent())
    link = Link.parse(server.url)
    journal = RedisJournal(link.connection, wall, Limits())
    yield tmp_path / "data", journal, link
    await journal.close()
    await server.stop()


async def say(link, *command):
    connection = link.connection()
    try:
        await connection.connect()
        await connection.send_command(*command)
        return await connection.read_response()
    finally:
        await connection.disconnect()


async def test_its_words_are_in_no_file_and_no_note_of_the_server(embedded):
    """Redis keeps what XDEL has deleted, and writes it into its next file. Slow commands are noted with their arguments."""
    data, journal, link = embedded
    await say(link, "CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "10000", "rdbcompression", "no")
    await two_chats(journal)
    await say(link, "BGREWRITEAOF")
    while not await journal.end_files():
        pass
    assert MARKER in words_in(data)
    assert MARKER.encode() in repr(await say(link, "SLOWLOG", "GET", "10000")).encode()
    await erase(journal)
    await say(link, "CONFIG", "SET", "slowlog-log-slower-than", "-1")
    assert await rewrite_files(journal, read) is True
    assert MARKER not in words_in(data)
    assert "kept 2" in words_in(data)
    assert MARKER.encode() not in repr(await say(link, "SLOWLOG", "GET", "10000")).encode()


def words_in(folder):
    """All that stands in the files of a folder."""
    found = []
    for path in folder.rglob("*"):
        try:
            if path.is_file():
                found.append(path.read_bytes().decode("latin-1"))
        except FileNotFoundError:
            continue  # a temporary one of the server
    assert found
    return "".join(found)


async def test_a_rewrite_that_is_under_way_is_waited_for_and_another_follows(embedded):
    """What began before the erasure has seen what was erased."""
    data, journal, link = embedded
    await two_chats(journal)
    await say(link, "CONFIG", "SET", "rdb-key-save-delay", "100000", "rdbcompression", "no")
    await say(link, "BGREWRITEAOF")
    await erase(journal)
    assert await journal.begin_files() is False
    await say(link, "CONFIG", "SET", "rdb-key-save-delay", "0")
    assert await rewrite_files(journal, read) is True
    assert MARKER not in words_in(data)


async def test_a_server_without_a_file_has_nothing_to_write_anew(empty_valkey, wall):
    journal = empty_valkey.journal(wall, Limits())
    assert await rewrite_files(journal, read) is False
    await journal.close()
