"""What a store says of itself: whoever may change it, what others see of it, and that no change is lost or done twice."""

import anyio
import pytest

from tests.wire.conftest import Mall
from tests.wire.person import MARK

pytestmark = pytest.mark.anyio

WHOLE = {
    "name": f"{MARK}Lamps & 灯",
    "face": "https://cdn.example/face.png",
    "greeting": f"{MARK}Hello!\nAsk us.",
    "clock": {"amber": 30, "red": 90},
    "replies": [{"key": "hi", "text": "Good day"}, {"key": "退货", "text": f"{MARK}Returns take\n7 days"}],
}
NOTHING = {"name": None, "face": None, "greeting": None, "clock": {"amber": 40, "red": 100}, "replies": []}
FOR_ALL = ("name", "face", "greeting")


def fields(frame, names=tuple(WHOLE)):
    return {name: frame[name] for name in names}


async def test_a_store_that_nobody_configured_says_so(mall: Mall) -> None:
    agent, user = await mall.agent(), await mall.user()
    found = await agent.profile()
    assert found == {"type": "profile", "id": found["id"], "store": mall.store, "version": 0, **NOTHING, "at": None, "by": None}
    seen = await user.profile()
    assert seen == {"type": "profile", "id": seen["id"], "store": mall.store, "version": 0, **fields(NOTHING, FOR_ALL), "at": None}


async def test_what_is_left_out_stays_and_null_clears(mall: Mall) -> None:
    boss, user = await mall.supervisor(name="Zhou"), await mall.user()
    assert (await boss.configure(0, **WHOLE))["version"] == 1
    found = await boss.profile()
    assert fields(found) == WHOLE
    assert (found["version"], found["by"]) == (1, {"role": "supervisor", "id": boss.id, "name": "Zhou"})
    seen = await user.profile()
    assert fields(seen, FOR_ALL) == fields(WHOLE, FOR_ALL)
    assert set(seen) == {"type", "id", "store", "version", *FOR_ALL, "at"}
    assert (await boss.configure(1, clock={"amber": 5, "red": 5}, name=None))["version"] == 2
    assert fields(await boss.profile()) == WHOLE | {"clock": {"amber": 5, "red": 5}, "name": None}
    await boss.configure(2, **dict.fromkeys(WHOLE))
    assert fields(await boss.profile()) == NOTHING


async def test_a_change_of_another_version_changes_nothing_and_learns_the_present_one(mall: Mall) -> None:
    boss, other = await mall.supervisor(), await mall.supervisor()
    await boss.configure(0, name="first")
    refused = await other.configure(0, name="second", refused="stale_profile")
    assert (refused["version"], refused["temporary"]) == (1, False)
    assert (await other.configure(7, name="third", refused="stale_profile"))["version"] == 1
    assert (await boss.profile())["name"] == "first"
    answers = []

    async def change(person, name):
        answers.append(await person.command("configure", store=mall.store, version=1, name=name))

    async with anyio.create_task_group() as group:
        for n in range(10):
            group.start_soon(change, (boss, other)[n % 2], f"n{n}")
    assert sorted(answer["version"] for answer in answers) == [2] * 10
    assert sum(answer["type"] == "ack" for answer in answers) == 1


async def test_a_change_is_carried_out_once_whatever_the_version_is_by_then(mall: Mall) -> None:
    boss = await mall.supervisor()
    ack = await boss.configure(0, name="first", id="one")
    await boss.configure(1, name="second")
    assert await boss.configure(0, name="first", id="one") == ack | {"duplicate": True}
    await boss.configure(0, name="another", id="one", refused="id_reused")
    await boss.configure(2, name="first", id="one", refused="id_reused")
    found = await boss.profile()
    assert (found["name"], found["version"]) == ("second", 2)


async def test_the_agents_of_the_store_see_a_change_and_nobody_else_does(mall: Mall) -> None:
    boss, agent, user = await mall.supervisor(), await mall.agent(), await mall.user()
    await user.say()
    other = Mall(mall.server)
    stranger = await other.agent()
    await boss.configure(0, **WHOLE)
    for person in (boss, agent):
        found = await person.expect("profile")
        assert fields(found) == WHOLE
        assert "id" not in found
    await boss.configure(1, greeting=None)
    assert (await agent.expect("profile"))["version"] == 2
    for person in (user, stranger):
        await person.never("profile")
    await other.close()


async def test_a_profile_survives_a_kill(own_server) -> None:
    mall = await own_server()
    boss = await mall.supervisor()
    await boss.configure(0, **WHOLE)
    await mall.server.restart()
    again = await mall.supervisor(boss.id)
    found = await again.profile()
    assert (fields(found), found["version"]) == (WHOLE, 1)


@pytest.mark.parametrize(
    "rubbish",
    [
        {"version": -1},
        {"version": "0"},
        {"version": None},
        {"name": ""},
        {"name": " x"},
        {"name": "two\nlines"},
        {"name": "two\u2028lines"},
        {"name": "x" * 101},
        {"face": "http://cdn.example/face.png"},
        {"face": "javascript:alert(1)"},
        {"face": "//cdn.example/face.png"},
        {"face": "https://x/" + "x" * 2048},
        {"greeting": "x" * 501},
        {"greeting": 7},
        {"clock": {"amber": 10}},
        {"clock": {"amber": 10, "red": 9}},
        {"clock": {"amber": 0, "red": 9}},
        {"clock": {"amber": 1, "red": 86_401}},
        {"clock": {"amber": 1.5, "red": 9}},
        {"replies": {"hi": "Hello"}},
        {"replies": [{"key": "hi"}]},
        {"replies": [{"key": "", "text": "x"}]},
        {"replies": [{"key": "a b", "text": "x"}]},
        {"replies": [{"key": "a/b", "text": "x"}]},
        {"replies": [{"key": "x" * 33, "text": "x"}]},
        {"replies": [{"key": "hi", "text": ""}]},
        {"replies": [{"key": "hi", "text": "x" * 2001}]},
        {"replies": [{"key": "hi", "text": "x"}, {"key": "hi", "text": "y"}]},
        {"replies": [{"key": f"k{n}", "text": "x"} for n in range(201)]},
    ],
)
async def test_rubbish_is_no_profile(mall: Mall, rubbish) -> None:
    boss = await mall.supervisor()
    await boss.do("configure", refused="bad_frame", **{"version": 0, "name": "x"} | rubbish)
    assert (await boss.profile())["version"] == 0


async def test_a_profile_that_is_too_large_in_all_is_refused_and_the_largest_is_kept(mall: Mall) -> None:
    boss = await mall.supervisor()
    replies = [{"key": f"k{n}", "text": "x" * 2000} for n in range(31)]
    await boss.configure(0, replies=replies)
    await boss.configure(1, greeting="好" * 500, name="好" * 100)
    await boss.configure(2, face="/" + "x" * 2000, refused="too_large")
    found = await boss.profile()
    assert (found["version"], found["replies"], found["face"]) == (2, replies, None)
