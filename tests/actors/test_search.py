"""Finding words: what counts as shown, every entry once however the walk is cut, nothing of what was taken away, and at a bounded pace."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.event import for_agents, subject
from actors.search import LOOKED, PIECE, search, shows
from storage.batch import Limits
from storage.memory import MemoryJournal
from tests.actors.test_nodes import nodes
from tests.actors.world import World
from tests.storage.material import NOON, append_to, chat_of, do, note, open_chat, user_says


def frame_of(kind, body):
    said = user_says()
    return for_agents(said, subject("s1", "u1"), 1, 1, b'"kind":"%b","body":%b}' % (kind.encode(), json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("text", {"text": "Wo ist die Straße?"}, "STRASSE"),
        ("text", {"text": "请问有红色的杯子吗"}, "红色"),
        ("text", {"text": 'say "hi"\\\n'}, '"HI"\\'),
        ("image", {"url": "/x", "alt": "A Mug"}, "mug"),
        ("file", {"url": "/x", "name": "Invoice.PDF"}, "invoice.pdf"),
        ("product", {"sku": "AB-7", "title": "Lamp"}, "ab-"),
        ("product", {"sku": "AB-7", "title": "Lamp"}, "LAMP"),
        ("order", {"number": "2024-X"}, "2024-x"),
    ],
)
def test_what_a_person_can_read_is_found_whatever_its_case(kind, body, words):
    assert shows(frame_of(kind, body), words.casefold())


@pytest.mark.parametrize("words", ["https", "u1", "text", "hellothere", "9.9", "eur"])
def test_addresses_ids_names_of_fields_and_prices_are_no_words_and_two_fields_are_not_one(words):
    body = {"sku": "hello", "title": "there", "url": "https://x", "price": 9.9, "currency": "EUR"}
    assert not shows(frame_of("product", body), words)


def test_a_change_of_status_shows_nothing():
    assert not shows(b'{"type":"status","store":"s1","user":"u1","offset":1,"status":"waiting"}', "waiting")


async def walked(storage, text, *, user=None, limit=None, store="s1"):
    """All answers in a row."""
    frames, before, calls = [], None, 0
    while calls == 0 or before is not None:
        found = await search(storage, store, user, text, before, limit)
        assert before is None or found.next is None or found.next < before
        frames += found.frames
        before, calls = found.next, calls + 1
    return frames, calls


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["u1", "u2", "u3"]), st.sampled_from(["mug", "MUG lamp", "lamp", "", "x" * 9]), st.booleans()),
        max_size=260,
    ),
    st.sampled_from(["mug", "lamp", "g l", "nothing"]),
    st.sampled_from([None, "u1"]),
    st.sampled_from([1, 7, 50]),
)
async def test_answers_in_a_row_are_what_a_look_at_every_entry_finds(said, text, user, limit):
    journal = MemoryJournal(lambda: NOON, Limits())
    for name in ("u1", "u2", "u3"):
        await open_chat(journal, user=name)
    for name, words, is_note in said:
        chat = await chat_of(journal, user=name)
        await journal.append([append_to(chat, note(words) if is_note else user_says(words, user=name))])
    every = (await journal.read_log("s1", 0, 10_000)).frames
    frames = [frame for frame in every if user is None or msgspec.json.decode(frame)["user"] == user]
    expected = [frame for frame in reversed(frames) if text in msgspec.json.decode(frame).get("body", {}).get("text", "").lower()]
    assert (await walked(journal, text, user=user, limit=limit))[0] == expected


async def test_one_answer_looks_at_a_part_of_a_long_log_and_says_where_to_go_on():
    journal = MemoryJournal(lambda: NOON, Limits())
    chat = await open_chat(journal)
    chat = await do(journal, chat, user_says("needle"))
    for _ in range(5):
        await journal.append([append_to(chat, user_says("hay")) for _ in range(LOOKED // 2)])
    first = await search(journal, "s1", None, "needle", None, None)
    assert (first.frames, first.next) == ((), 3 + 5 * (LOOKED // 2) - LOOKED + 1)
    frames, calls = await walked(journal, "needle")
    assert (len(frames), calls) == (1, 3)


async def test_large_bodies_are_looked_at_in_smaller_parts():
    """Else one answer would read 40 MB."""
    journal = MemoryJournal(lambda: NOON, Limits())
    chat = await open_chat(journal)
    for _ in range(20):
        await journal.append([append_to(chat, user_says("x" * 8000)) for _ in range(PIECE)])
    assert (await search(journal, "s1", None, "needle", None, None)).next is not None
    found = await search(journal, "s1", None, "xx", None, None)
    assert (len(found.frames), found.next is not None) == (50, True)


async def test_what_is_being_erased_is_not_found_though_the_log_still_says_it():
    journal = MemoryJournal(lambda: NOON, Limits())
    await open_chat(journal, user="u2")
    await do(journal, await open_chat(journal), note("secret hello"))
    assert len((await walked(journal, "hello"))[0]) == 3
    await journal.erase_chat("s1", "u1")
    assert any(b"secret" in frame for frame in (await journal.read_log("s1", 0, 100)).frames)
    (left,), _ = await walked(journal, "hello")
    assert msgspec.json.decode(left)["user"] == "u2"
    await open_chat(journal)
    assert len((await walked(journal, "hello"))[0]) == 2
    assert (await walked(journal, "secret"))[0] == []


async def test_what_was_trimmed_is_not_found_wherever_it_was_trimmed_first():
    for limits in (Limits(history=5), Limits(log=5)):
        journal = MemoryJournal(lambda: NOON, limits)
        chat = await open_chat(journal)
        for n in range(20):
            chat = await do(journal, chat, user_says(f"mug {n}"))
        frames, _ = await walked(journal, "mug")
        assert [msgspec.json.decode(frame)["body"]["text"] for frame in frames] == [f"mug {n}" for n in range(19, 14, -1)]


async def test_searches_have_a_pace_of_their_own_and_coming_again_buys_nothing():
    async with World(rate=20) as world:
        agent, other = await world.agent(), await world.agent("a2")
        answers = [await agent.command("search", store="s1", text="x") for _ in range(21)]
        assert [answer["type"] for answer in answers[:20]] == ["found"] * 20
        assert (answers[20]["code"], answers[20]["temporary"], 0 < answers[20]["retry_after"] <= 0.5) == ("rate_limited", True, True)
        await agent.ack("availability", status="away")
        assert (await other.command("search", store="s1", text="x"))["type"] == "found"
        second = await world.agent()
        assert (await second.command("search", store="s1", text="x"))["code"] == "rate_limited"


async def test_what_another_node_was_told_is_found():
    async with nodes(2) as (first, second):
        user, agent = await first.user("u1"), await second.agent()
        await user.send("a red mug")
        found = await agent.command("search", store="s1", text="RED")
        assert [entry["body"]["text"] for entry in found["entries"]] == ["a red mug"]
        assert found | {"entries": []} == {"type": "found", "id": found["id"], "store": "s1", "entries": [], "more": False}
        assert found["entries"] == agent.of("message")
