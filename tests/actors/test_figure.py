"""A store's figures: what a look at the whole log finds, wherever the fold begins and goes on, on whichever node."""

import asyncio

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import command as c
from actors import figure
from actors.append import Append
from actors.chat import Party
from actors.day import MINUTE_MS, QUARTER_MS, percentile, read
from actors.event import tail
from actors.refused import WRITE_S
from actors.rule import Accepted, decide
from storage.batch import Limits
from storage.memory import MemoryJournal
from tests.actors.test_nodes import nodes
from tests.actors.world import World
from tests.properties.test_rule_machine import USERS, commands
from tests.storage.material import append_to_store, arrived, chat_of

START = 1_700_000_000_000
"""When a world begins."""
HOUR_MS = 60 * MINUTE_MS

steps = st.lists(
    st.sampled_from(USERS).flatmap(lambda user: st.tuples(st.integers(0, 40 * MINUTE_MS), st.just(user), commands(user))), max_size=120
)


async def play(journal, done, ends_at):
    """Carries out what may be carried out, so that the last step is a moment before `ends_at`."""
    at = ends_at - 1 - sum(gap for gap, _, _ in done)
    for gap, user, command in done:
        at += gap
        chat = await chat_of(journal, user=user)
        decision = decide(chat, command, at)
        if isinstance(decision, Accepted) and decision.events:
            append = Append(store="s1", user=user, epoch=chat.epoch, owner=chat.owner_id, conditions=decision.conditions)
            append.events, append.tails = decision.events, tuple(map(tail, decision.events))
            await journal.append([append])


def looked_at(log, from_ms, now_ms):
    """The same figures, by looking at all of the log for each of them."""
    of = {user: [frame for frame in log if frame["user"] == user] for user in USERS}
    late = [frame for frame in log if frame["at"] >= from_ms]

    def count(*reasons):
        return sum(frame.get("reason") in reasons for frame in late)

    def is_answer(frame):
        return frame["type"] == "message" and frame["from"]["role"] != "user"

    responses, asked = [], []
    for user, frames in of.items():
        for place, frame in enumerate(frames):
            if is_answer(frame):
                before = [
                    one
                    for one in frames[:place]
                    if is_answer(one) or (one["type"] == "status" and (one["reason"] in ("new", "reopen") or one["status"] == "closed"))
                ]
                if before[-1]["type"] == "status" and frame["at"] >= from_ms:
                    responses.append((frame["at"], frame["at"] - before[-1]["at"]))
        ends = [place for place, one in enumerate(frames) if is_answer(one) or one.get("status") == "closed"]
        rest = frames[ends[-1] + 1 :] if ends else frames
        statuses = [one["status"] for one in frames if one["type"] == "status"]
        said = [one["at"] for one in rest if one["type"] == "message"]
        if said and statuses[-1] == "claimed":
            asked.append((said[0], user))

    def waiting_before(moment):
        last = {frame["user"]: frame["status"] for frame in log if frame["type"] == "status" and frame["at"] < moment}
        return sum(status == "waiting" for status in last.values())

    def within(times, at):
        return sum(at <= time < at + QUARTER_MS for time in times)

    waits = sorted(wait for _, wait in responses)
    scores = [frame["body"]["rating"]["score"] for frame in late if frame["type"] == "note" and "rating" in frame["body"]]
    opened = [frame["at"] for frame in late if frame.get("reason") in ("new", "reopen")]
    return {
        "waiting": waiting_before(now_ms),
        "unanswered": {"user": min(asked)[1], "since": min(asked)[0]} if asked else None,
        "day": {
            "from": from_ms,
            "opened": len(opened),
            "claimed": count("claim", "assigned"),
            "closed": count("resolve"),
            "messages": sum(frame["type"] == "message" for frame in late),
            "refused": 0,
            "takeovers": count("takeover"),
            "first_response": {"count": len(waits), "p50": percentile(waits, 50), "p90": percentile(waits, 90)},
            "rating": {"count": len(scores), "mean": round(sum(scores) / len(scores), 2) if scores else None},
        },
        "series": [
            {
                "at": at,
                "opened": within(opened, at),
                "answered": within([time for time, _ in responses], at),
                "waiting": waiting_before(at + QUARTER_MS),
            }
            for at in range(from_ms, now_ms, QUARTER_MS)
        ],
    }


@settings(max_examples=60, deadline=None)
@given(steps, steps, st.sampled_from([None, 0, 1, 7]))
async def test_figures_are_what_a_look_at_the_whole_log_finds_at_the_first_question_and_at_the_next(first, then, hours):
    journal = MemoryJournal(lambda: START, Limits())
    await journal.append([append_to_store("s1", arrived("a1"))])
    await play(journal, first, START)
    async with World(inner=journal) as world:
        boss = await world.agent("p1", role="supervisor")
        for _ in range(2):
            now_ms = world.clock.wall_ms()
            asked = {} if hours is None else {"from": now_ms - hours * HOUR_MS}
            found = await boss.command("figures", store="s1", **asked)
            from_ms = (now_ms - (24 if hours is None else hours) * HOUR_MS) // MINUTE_MS * MINUTE_MS
            expected = looked_at(await world.log_frames(), from_ms, found["at"])
            assert {key: found[key] for key in expected} == expected
            gap_ms = sum(gap for gap, _, _ in then) + 1
            world.clock.wall_offset_ms += gap_ms
            await play(journal, then, world.clock.wall_ms())
            then = []


async def test_the_second_question_reads_only_what_is_new(monkeypatch):
    async with World() as world:
        boss, user = await world.agent("p1", role="supervisor"), await world.user("u1")
        for n in range(450):
            await user.send(str(n))
        asked_for = []
        read_log = world.storage.read_log
        monkeypatch.setattr(world.storage, "read_log", lambda *asked: asked_for.append(asked) or read_log(*asked))
        first = await boss.command("figures", store="s1")
        assert len(asked_for) > 3
        asked_for.clear()
        second = await boss.command("figures", store="s1")
        assert asked_for == []
        await user.send("one more")
        third = await boss.command("figures", store="s1")
        assert asked_for == [("s1", 451, 1)]
        assert [found["day"]["messages"] for found in (first, second, third)] == [450, 450, 451]


async def test_a_day_that_nobody_asks_for_is_forgotten_and_found_again():
    async with World() as world:
        boss, user = await world.agent("p1", role="supervisor"), await world.user("u1")
        await user.send("hello")
        before = await boss.command("figures", store="s1")
        figures = world.node.store("s1").figures
        assert figures._day is not None
        await asyncio.sleep(figure.KEEP_S + 1)
        assert figures._day is None
        assert (await boss.command("figures", store="s1"))["day"]["messages"] == before["day"]["messages"] == 1


async def test_refused_claims_of_all_nodes_are_counted_once_and_survive_their_nodes():
    async with nodes(2) as (first, second):
        owner, other, user = await first.agent("a1"), await second.agent("a2"), await first.user("u1")
        boss = await first.agent("p1", role="supervisor")
        await user.send("hello")
        await owner.ack("claim", store="s1", user="u1")
        for asker in (other, other, boss):
            assert (await asker.command("claim", store="s1", user="u1"))["code"] == "already_claimed"
        await asyncio.sleep(WRITE_S + 0.1)
        assert (await boss.command("figures", store="s1"))["day"]["refused"] == 3
        await other.command("claim", store="s1", user="u1")
        await second.node.drain(1.0, 1.0)
        assert (await boss.command("figures", store="s1"))["day"]["refused"] == 4


async def test_what_is_counted_while_the_storage_is_away_is_written_when_it_is_back():
    async with World() as world:
        owner, other, user = await world.agent("a1"), await world.agent("p1", role="supervisor"), await world.user("u1")
        await user.send("hello")
        await owner.ack("claim", store="s1", user="u1")
        assert (await other.command("claim", store="s1", user="u1"))["code"] == "already_claimed"
        world.journal.withheld.append("count_refused")
        await asyncio.sleep(3 * WRITE_S)
        assert (await other.command("figures", store="s1"))["day"]["refused"] == 0
        world.journal.withheld.clear()
        await asyncio.sleep(2 * WRITE_S)
        assert (await other.command("figures", store="s1"))["day"]["refused"] == 1


async def test_who_is_there_how_much_they_own_and_what_they_may():
    async with nodes(2, agent_limit=5) as (first, second):
        here, there, boss = await first.agent("a1", name="Li"), await second.agent("a2"), await first.agent("p1", role="supervisor")
        gone, user = await first.agent("a3"), await first.user("u1")
        await user.send("hello")
        await here.ack("claim", store="s1", user="u1")
        await there.ack("availability", status="away")
        gone.cut()
        await asyncio.sleep(10)
        agents = (await boss.command("figures", store="s1"))["agents"]
        assert agents == [
            {"id": "a1", "name": "Li", "status": "available", "chats": 1, "limit": 5},
            {"id": "a2", "name": "a2", "status": "away", "chats": 0, "limit": 5},
            {"id": "a3", "name": "a3", "status": "gone", "chats": 0, "limit": 5},
            {"id": "p1", "name": "p1", "status": "available", "chats": 0, "limit": 5},
        ]


async def test_an_erased_chat_is_in_no_figure():
    async with World() as world:
        owner, boss, user = await world.agent("a1"), await world.agent("p1", role="supervisor"), await world.user("u1")
        await user.send("hello")
        await owner.ack("claim", store="s1", user="u1")
        await user.send("hello?")
        found = await boss.command("figures", store="s1")
        assert (found["claimed"], found["unanswered"]["user"], found["day"]["messages"]) == (1, "u1", 2)
        await world.storage.erase_chat("s1", "u1")
        found = await boss.command("figures", store="s1")
        assert (found["claimed"], found["unanswered"]) == (0, None)
        await world.storage.rewrite_log("s1", "u1")
        world.node.store("s1").figures.forget()
        found = await boss.command("figures", store="s1")
        assert (found["day"]["messages"], found["day"]["opened"]) == (0, 0)
        again = await world.user("u1")
        await again.send("anew")
        found = await boss.command("figures", store="s1")
        assert (found["waiting"], found["longest"]["user"], found["day"]["messages"], found["day"]["opened"]) == (1, "u1", 1, 1)


async def test_what_a_visitor_said_is_not_counted_again_when_it_signs_in():
    frame = {"type": "message", "user": "u1", "offset": 1, "at": 5, "from": {"role": "user"}, "id": f"v~{'0' * 32}.7"}
    assert read(msgspec.json.encode(frame)).is_copy
    assert not read(msgspec.json.encode(frame | {"id": "v~7.7"})).is_copy


async def test_a_question_of_days_ago_still_waits_and_one_whose_chat_was_closed_does_not():
    journal = MemoryJournal(lambda: START, Limits())
    await journal.append([append_to_store("s1", arrived("a1"))])
    user, other, agent = Party("user", "u1"), Party("user", "u2"), Party("agent", "a1")
    said = {"kind": "text", "body": b'{"text":"x"}', "id": "i"}
    old = [
        (0, "u2", c.SendMessage(by=other, **said)),
        (1, "u2", c.ResolveChat(by=other, id="i")),
        (HOUR_MS, "u2", c.SendMessage(by=other, **said)),
        (1, "u2", c.ClaimChat(by=agent, id="i")),
    ]
    await play(journal, [*old, (3 * HOUR_MS, "u2", c.AddNote(by=agent, body=b'{"text":"x"}', id="i"))], START)
    async with World(inner=journal) as world:
        boss = await world.agent("p1", role="supervisor")
        assert (await boss.command("figures", store="s1"))["unanswered"] == {"user": "u2", "since": START - 2 - 3 * HOUR_MS}
    journal = MemoryJournal(lambda: START, Limits())
    await journal.append([append_to_store("s1", arrived("a1"))])
    await play(journal, [(0, "u1", c.SendMessage(by=user, **said)), (1, "u1", c.ClaimChat(by=agent, id="i"))], START - 28 * HOUR_MS)
    async with World(inner=journal) as world:
        boss = await world.agent("p1", role="supervisor")
        found = await boss.command("figures", store="s1")
        assert (found["unanswered"], found["day"]["messages"]) == ({"user": "u1", "since": START - 28 * HOUR_MS - 2}, 0)
