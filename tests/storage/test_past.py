"""Reading a log and a chat backwards, and a search through a large store that holds up neither the loop nor the server."""

import asyncio
import gc
import time

import msgspec

from actors.event import offset_of
from actors.search import search
from storage.batch import Limits
from tests.storage.material import NOON, append_to, changed, chat_of, do, note, open_chat, user_says

STORED = 100_000
PAUSE_S = 0.005


async def past(journal, user, limit):
    """Every frame, page by page, and how many stood on each."""
    frames, lengths, before, more = [], [], None, True
    while more:
        page = await journal.read_past("s1", user, before, limit)
        frames, lengths, more = [*frames, *page.frames], [*lengths, len(page.frames)], page.more
        before = offset_of(page.frames[-1]) if page.frames else None
    return frames, lengths


async def test_nothing_has_no_past(journal):
    for user in (None, "u1"):
        assert await past(journal, user, 10) == ([], [0])


async def test_a_log_and_a_chat_are_read_backwards_and_every_event_once(journal):
    chat = await open_chat(journal)
    await open_chat(journal, user="u2")
    for n in range(5):
        chat = await do(journal, chat, user_says(str(n)), note(str(n)))
        await do(journal, await chat_of(journal, user="u2"), user_says(str(n), user="u2"))
    await do(journal, chat, changed(chat, "claimed", "a1"))
    log = list((await journal.read_log("s1", 0, 100)).frames)
    own = [frame for frame in log if msgspec.json.decode(frame)["user"] == "u1"]
    assert await past(journal, None, 7) == (log[::-1], [7, 7, 6])
    assert await past(journal, None, 10) == (log[::-1], [10, 10])
    assert await past(journal, "u1", 5) == (own[::-1], [5, 5, 3])
    assert await past(journal, "u1", 13) == (own[::-1], [13])


async def test_below_the_first_there_is_nothing_and_beyond_the_end_is_the_end(journal):
    await open_chat(journal)
    for user in (None, "u1"):
        for before in (0, 1):
            assert await journal.read_past("s1", user, before, 5) == await journal.read_past("s1", "nobody", None, 5)
        assert len((await journal.read_past("s1", user, 2, 5)).frames) == 1
        assert len((await journal.read_past("s1", user, 10**15, 5)).frames) == 2


async def test_the_past_ends_where_what_is_kept_begins(open_journal):
    journal = open_journal(Limits(history=3))
    chat = await open_chat(journal)
    for n in range(10):
        chat = await do(journal, chat, user_says(str(n)))
    frames, lengths = await past(journal, "u1", 2)
    assert ([msgspec.json.decode(frame)["seq"] for frame in frames][:3], lengths[0]) == ([11, 10, 9], 2)
    assert frames == [entry.frame for entry in (await journal.read_chat("s1", "u1", after_offset=0, limit=99)).entries][::-1]


async def longest_turn_s(work):
    """What `work` gives, and the most processor time that one turn of the loop took meanwhile: others on the machine do not count."""
    loop, longest, at, done = asyncio.get_running_loop(), 0.0, 0.0, False

    def turn():
        nonlocal longest, at
        now = time.thread_time()
        longest, at = max(longest, now - at), now
        if not done:
            loop.call_soon(turn)

    gc.collect()
    gc.disable()
    at = time.thread_time()
    loop.call_soon(turn)
    try:
        return await work, longest
    finally:
        done = True
        gc.enable()


async def test_a_search_through_a_large_store_holds_up_neither_the_loop_nor_the_server(empty_valkey, wall):
    journal = empty_valkey.journal(wall, Limits())
    users = [f"u{n}" for n in range(100)]
    for user in users:
        await open_chat(journal, user=user)
    for n in range(0, STORED, 1000):
        chat = await chat_of(journal, user=users[n // 1000 % 100])
        say = [user_says(f"number {n + i}: 请问这个杯子还有货吗? " + "lorem ipsum " * 10, user=chat.user, at=NOON + n) for i in range(1000)]
        await journal.append([append_to(chat, one) for one in say])
    empty_valkey.client.config_resetstat()

    async def walk():
        found, before, calls = [], None, 0
        while calls == 0 or before is not None:
            answer = await search(journal, "s1", None, "NUMBER 7777", before, None)
            found, before, calls = found + list(answer.frames), answer.next, calls + 1
        return found, calls

    start_s = time.perf_counter()
    (found, calls), longest_s = await longest_turn_s(walk())
    took_s = time.perf_counter() - start_s
    read = empty_valkey.client.info("commandstats")["cmdstat_xrevrange"]
    print(f"{calls} answers in {took_s:.2f} s, longest turn {longest_s * 1000:.2f} ms, a read {read['usec_per_call']:.0f} us in the server")
    assert (len(found), calls) == (11, -(-(STORED + 200) // 5000))
    assert longest_s < PAUSE_S
    assert read["usec_per_call"] < PAUSE_S * 1e6
    await journal.close()
