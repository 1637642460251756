"""`chats` and `history`: pages, their order, and that snapshot plus events is a fresh snapshot."""

import json
from typing import Any

import pytest

from tests.wire.checker import Frame
from tests.wire.conftest import Mall, fresh
from tests.wire.person import Person, words

pytestmark = pytest.mark.anyio


async def many_chats(mall: Mall, count: int) -> list[str]:
    """Users who have each said one thing; gives the ids, newest first."""
    ids = []
    for _ in range(count):
        user = await mall.user()
        await user.say()
        await user.close()
        ids.insert(0, user.id)
    return ids


async def pages(person: Person, **fields: Any) -> list[list[Frame]]:
    found: list[list[Frame]] = []
    before: dict[str, str] = {}
    while len(found) < 20:
        answer = await person.list(**fields, **before)
        found.append(answer["chats"])
        assert ("next" in answer) is answer["more"]
        if not answer["more"]:
            break
        before = {"before": answer["next"]}
    return found


async def test_chats_come_in_pages_newest_first_each_once(mall: Mall) -> None:
    agent = await mall.agent()
    ids = await many_chats(mall, 7)
    found = await pages(agent, limit=3)
    assert [len(page) for page in found] == [3, 3, 1]
    order = [chat for page in found for chat in page]
    assert sorted(chat["user"] for chat in order) == sorted(ids)
    keys = [(-chat["last"]["at"], chat["user"]) for chat in order]
    assert keys == sorted(keys), "newest first by `at` of the last message, then by `user`"
    assert [chat["user"] for chat in (await agent.list())["chats"]] == [chat["user"] for chat in order]


async def test_chats_are_filtered_by_status_and_closed_ones_are_included_otherwise(mall: Mall) -> None:
    agent = await mall.agent()
    closed, claimed, waiting = await many_chats(mall, 3)
    for user in (closed, claimed):
        await agent.claim(user)
    await agent.resolve(closed)
    for status, user in (("closed", closed), ("claimed", claimed), ("waiting", waiting)):
        page = (await agent.list(status=status))["chats"]
        assert [(chat["user"], chat["status"]) for chat in page] == [(user, status)]
    assert len((await agent.list())["chats"]) == 3
    await agent.list(status="lost", refused="bad_frame")


async def test_a_user_lists_only_its_own_chat_of_a_store(mall: Mall) -> None:
    agent, user = await mall.claimed()
    await many_chats(mall, 2)
    page = await user.list()
    assert [chat["user"] for chat in page["chats"]] == [user.id]
    assert page["more"] is False
    nowhere = await user.command("chats", store=fresh("s"))
    assert nowhere.get("code") == "no_such_store" or nowhere["chats"] == []
    await agent.list(store=fresh("s"), refused="forbidden")


async def test_limits_of_both_lists(mall: Mall) -> None:
    """Default 50, above 200 it is 200, below 1 `bad_frame`."""
    agent, user = await mall.claimed()
    for start in range(0, 210, 42):
        await user.send(
            *({"type": "send", "id": f"m{n}", "store": mall.store, "kind": "text", "body": words("x")} for n in range(start, start + 42))
        )
        for n in range(start, start + 42):
            await user.answer(f"m{n}")
    for person, target in ((user, None), (agent, user)):
        assert await person.seqs(target) == list(range(162, 212))
        assert await person.seqs(target, limit=1000) == list(range(12, 212))
        assert await person.seqs(target, limit=1) == [211]
        for limit in (0, -1):
            await person.history(target, limit=limit, refused="bad_frame")
    await agent.list(limit=0, refused="bad_frame")
    await agent.list(limit=200)


async def test_history_goes_back_page_by_page(mall: Mall) -> None:
    agent, user = await mall.claimed()
    for number in range(6):
        await user.say(f"n{number}")
    for person, target in ((user, None), (agent, user)):
        before: dict[str, int] = {}
        found, more = [], True
        while more:
            page = await person.history(target, limit=3, **before)
            seqs = [frame["seq"] for frame in page["messages"]]
            found.append(seqs)
            before, more = {"before": seqs[0]}, page["more"]
        assert found == [[5, 6, 7], [2, 3, 4], [1]]
        last = await person.history(target, before=1)
        assert (last["messages"], last["more"]) == ([], False)
        assert await person.seqs(target, before=10_000) == [1, 2, 3, 4, 5, 6, 7]


async def test_history_holds_the_very_frames_that_were_live(mall: Mall) -> None:
    agent, user = await mall.agent(), await mall.user(name="Wang")
    await user.say("one")
    await agent.claim(user)
    await agent.say("two", to=user)
    await agent.note(user, "a note")
    await user.say("three")
    await agent.release(user)
    await agent.status("release")
    await user.status("release")
    live = agent.had("message", "note", "status")
    assert (await agent.history(user, events=True))["messages"] == live
    assert (await agent.history(user))["messages"] == [frame for frame in live if frame["type"] != "status"]
    assert (await user.history())["messages"] == user.had("message")


async def test_notes_and_statuses_stand_in_the_page_of_the_message_they_follow_and_are_not_counted(mall: Mall) -> None:
    agent, user = await mall.agent(), await mall.user()
    for seq in range(1, 6):
        await user.say(f"{seq}")
        await agent.note(user, f"after {seq}, first")
        await agent.note(user, f"after {seq}, second")
    before, found = 10**6, []
    for _ in range(3):
        page = (await agent.history(user, limit=2, before=before, events=True))["messages"]
        found.append([frame["body"]["text"].removeprefix("psst-") if "body" in frame else frame["reason"] for frame in page])
        before = min(frame["seq"] for frame in page if frame["type"] == "message")

    def group(seq: int) -> list[str]:
        return [f"{seq}", *(["new"] if seq == 1 else []), f"after {seq}, first", f"after {seq}, second"]

    assert found == [[*group(4), *group(5)], [*group(2), *group(3)], group(1)]
    assert {frame["type"] for frame in (await user.history())["messages"]} == {"message"}


async def test_history_is_only_of_ones_own_store_and_chat(mall: Mall) -> None:
    agent, user = await mall.claimed()
    stranger, outsider = await mall.user(), await mall.agent(stores=[fresh("s")])
    await stranger.history(user, refused="forbidden")
    await outsider.history(user, refused="forbidden")
    await agent.history(fresh("u"), refused="not_found")
    nowhere = await stranger.command("history", store=fresh("s"))
    assert nowhere.get("code") in ("no_such_store", "not_found") or nowhere["messages"] == []


async def test_the_agents_snapshot_has_what_is_not_closed_and_the_users_has_all(mall: Mall) -> None:
    agent, user = await mall.claimed()
    waiting, neighbour = await mall.user(), await mall.user()
    await waiting.say()
    await neighbour.say()
    await agent.claim(neighbour)
    await agent.resolve(neighbour)
    again = await mall.agent(agent.id)
    assert {chat: summary["status"] for (_, chat), summary in again.chats.items()} == {user.id: "claimed", waiting.id: "waiting"}
    assert (await mall.user(neighbour.id)).chats[(mall.store, neighbour.id)]["status"] == "closed"


def applied(chats: dict[Any, Frame], frames: list[Frame], side: str) -> dict[Any, Frame]:
    """A console's picture: the snapshot with every event since folded in."""
    picture = {key: dict(chat) for key, chat in chats.items()}
    marks = {key: {name: dict(mark) for name, mark in chat["marks"].items()} for key, chat in chats.items()}
    for frame in frames:
        chat = picture.get((frame.get("store"), frame.get("user")))
        if chat is None:
            continue
        match frame["type"]:
            case "message":
                theirs = (frame["from"]["role"] == "user") is (side == "store")
                chat |= {"seq": frame["seq"], "last": frame, "unread": chat["unread"] + theirs}
            case "status":
                chat |= {"epoch": frame["epoch"], "owner": frame["owner"], "status": frame["status"]}
            case "marks":
                key = (frame["store"], frame["user"])
                marks[key][frame["side"]] |= {name: frame[name] for name in ("received", "read") if name in frame}
    return {
        key: {name: chat[name] for name in ("seq", "last", "status", "owner", "epoch")} | {"marks": marks[key]}
        for key, chat in picture.items()
    }


async def test_the_snapshot_with_all_events_since_is_a_fresh_snapshot(mall: Mall) -> None:
    agent, user = await mall.claimed()
    watcher, tab = await mall.agent(), await mall.user(user.id)
    boss = await mall.supervisor(name="Boss")
    await agent.say("one", to=user)
    await user.read(2)
    await agent.read(1, user)
    await agent.transfer(user, boss, note="psst-yours")
    await user.say("two")
    await user.received(3)
    await boss.read(3, user)
    await boss.release(user)
    for person in (watcher, tab):
        await person.status("release")
        await person.expect("marks", side="user", read=2, received=3)
        await person.expect("marks", side="store", read=3)
    for before, after, side in ((watcher, await mall.agent(), "store"), (tab, await mall.user(user.id), "user")):
        live = [frame for frame in before.frames if frame not in before.missed]
        assert applied(before.chats, live, side) == applied(after.chats, [], side)


async def test_a_page_of_large_messages_is_cut_where_many_clients_would_refuse_it_and_says_that_more_follow(mall: Mall) -> None:
    """Clients of common libraries take no message above 1 MiB; whoever writes much must not be able to close them."""
    agent, user = await mall.agent(), await mall.user()
    for n in range(100):
        await user.say(f"{n}" + "x" * 8000)
    seen: list[int] = []
    before: dict[str, int] = {}
    while True:
        page = await agent.history(user, limit=200, **before)
        assert len(json.dumps(page)) < 600_000
        seen = [frame["seq"] for frame in page["messages"]] + seen
        if not page["more"]:
            break
        before = {"before": seen[0]}
    assert seen == list(range(1, 101))
