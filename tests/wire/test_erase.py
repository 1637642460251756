"""`dibs erase` and its door: nothing that was said in a chat is left, and whoever held some of it is told to drop it."""

import asyncio
import os
import signal

import pytest
from anyio import to_thread
from web.command import main

from tests.storage.test_erasure import words_in
from tests.wire.conftest import Mall, fresh
from tests.wire.door import Answer, ask, audit, operator
from tests.wire.person import MARK
from tests.wire.server import SECRET, Server

pytestmark = pytest.mark.anyio


async def erase(server: Server, store: str, user: str, token: str | None = None) -> Answer:
    return await ask(server, "POST", "/operator/erase", token or operator(server), {"store": store, "user": user})


async def test_nothing_that_was_said_is_left_in_any_file_of_the_data_or_the_log(own_server):
    mall = await own_server(private=True)
    agent, user = await mall.agent(), await mall.user()
    kept = await mall.user()
    await kept.say("stays")
    for n in range(5):
        await user.say(f"marker {n}")
    await agent.claim(user)
    await agent.say("marker of the store", to=user)
    await agent.note(user, "marker of a note")
    await agent.transfer(user, agent)
    assert f"{MARK}marker" in words_in(mall.server.data)
    answer = await erase(mall.server, mall.store, user.id)
    assert answer.status == 200
    assert answer.json | {"at": 0} == {"store": mall.store, "user": user.id, "at": 0, "existed": True, "entries": 9, "files": True}
    assert await user.closed(2) == await agent.closed(2) == 4200
    assert f"{MARK}marker" not in words_in(mall.server.data)
    assert f"{MARK}marker" not in mall.server.said()
    os.kill(mall.server.valkey_pid(), signal.SIGKILL)
    back = await mall.agent(agent.id)
    assert {chat["user"] for chat in back.chats.values()} == {kept.id}
    assert (await back.command("history", store=mall.store, user=user.id))["code"] == "not_found"
    assert [line["user"] for line in await audit(mall.server, mall.store)] == [kept.id]
    again = await erase(mall.server, mall.store, user.id)
    assert (again.json["existed"], again.json["entries"]) == (False, 0)


async def test_who_held_some_of_it_is_told_to_drop_it_and_others_notice_nothing(mall: Mall):
    """The next chat of that user begins at number 1, and soon has as many messages as the one that a device remembers."""
    agent, user = await mall.claimed()
    other = Mall(mall.server)
    stranger, of_other = await other.agent(), await other.user()
    held = {"resume": {mall.store: 1}, "generation": user.welcome["generation"]}
    at = (await agent.summary(user))["seq"]
    end = agent.offsets.get(mall.store, 0) + 3
    assert at == 1
    assert (await erase(mall.server, mall.store, user.id)).status == 200
    assert await user.closed(2) == await agent.closed(2) == 4200
    back = await mall.user(user.id)
    assert (back.chats, back.resets) == ({}, [])
    await back.say("anew")
    await back.say("and more")
    device = await mall.user(user.id, **held)
    assert device.resets == [mall.store]
    assert [frame["seq"] for frame in device.missed] == [1, 2]
    desk = await mall.agent(agent.id, resume={mall.store: end}, generation=agent.welcome["generation"])
    assert desk.resets == [mall.store]
    assert {chat["seq"] for chat in desk.chats.values()} == {2}
    again = await mall.agent(agent.id, resume={mall.store: desk.offsets[mall.store]}, generation=desk.welcome["generation"])
    assert again.resets == []
    await stranger.pong()
    await of_other.pong()
    await other.close()


async def test_a_session_that_was_there_goes_on_with_the_chat_that_begins_anew(mall: Mall):
    agent, user = await mall.claimed()
    await erase(mall.server, mall.store, user.id)
    back, desk = await mall.user(user.id), await mall.agent(agent.id)
    await back.say("anew")
    for person in (back, desk):
        await person.heard("anew", seq=1)
        await person.status("new")
    await desk.claim(user.id)
    await desk.say("yes", to=user.id)
    await back.heard("yes", seq=2)


async def test_what_is_said_while_it_is_erased_is_before_it_or_in_a_chat_of_its_own(own_server):
    """Shoppers and agents do not stop: of every message there is either all or nothing, and numbers have no gap."""
    mall = await own_server(rate=0)
    desk, user = await mall.agent(), await mall.user()
    kept = await mall.user()
    stop = asyncio.Event()

    async def talk(id: str) -> None:
        person = await mall.user(id)
        while not stop.is_set():
            if person._ended:
                person = await mall.user(id)
            await person.post("send", store=mall.store, kind="text", body={"text": f"{MARK}{fresh('t')}"})
            await asyncio.sleep(0.002)

    talking = [asyncio.create_task(talk(person.id)) for person in (user, kept)]
    for _ in range(5):
        watch = await mall.agent()
        for person in (user, kept):
            await watch.expect("message", user=person.id)
        assert (await erase(mall.server, mall.store, user.id)).status == 200
    stop.set()
    await asyncio.gather(*talking)
    late = await mall.agent(resume={mall.store: 10**6}, generation=desk.welcome["generation"])
    for id in (user.id, kept.id):
        chat = next(chat for chat in (await late.list())["chats"] if chat["user"] == id)
        seqs = await late.seqs(id, limit=200)
        assert seqs == list(range(seqs[0], chat["seq"] + 1))
    assert "storage_lost_its_tail" not in mall.server.said()


async def test_who_may_erase_and_what_is_refused(mall: Mall):
    agent, user = await mall.claimed()
    server = mall.server
    of_it, of_another = operator(server, stores=[mall.store]), operator(server, stores=["another"])
    for token, status in (
        (of_another, 404),
        (server.token("supervisor", "boss", stores=[mall.store]), 403),
        ("rubbish", 401),
    ):
        assert (await erase(server, mall.store, user.id, token)).status == status
    assert (await erase(server, fresh("s"), user.id)).json["code"] == "no_such_store"
    for body in ({"store": mall.store}, {"store": mall.store, "user": "a b"}, {"store": mall.store, "user": user.id, "role": "user"}, b"{"):
        answer = await ask(server, "POST", "/operator/erase", operator(server), body)
        assert (answer.status, answer.json["code"]) == (400, "bad_request")
    await agent.say("still here", to=user)
    assert (await erase(server, mall.store, user.id, of_it)).status == 200


async def test_the_command_says_in_one_line_what_was_done(mall: Mall, monkeypatch, capsys):
    _, user = await mall.claimed()
    monkeypatch.setenv("DIBS_SECRET", SECRET)

    async def dibs(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = await to_thread.run_sync(main, [*arguments, "--url", f"http://{mall.server.address}"])
        return status, *capsys.readouterr()

    status, out, err = await dibs("erase", "--store", mall.store, "--user", user.id)
    assert (status, err, out.count("\n")) == (0, "", 1)
    assert out.startswith(f"nothing is left of the chat of user {user.id} in store {mall.store} since 20")
    assert out.endswith(
        "Z: 3 entries of its log emptied, and its files were written anew. "
        "Backups, replicas and other copies, and what clients keep, are not covered\n"
    )
    status, out, _ = await dibs("erase", "--store", mall.store, "--user", "nobody")
    assert out.startswith(f"user nobody has no chat in store {mall.store} since 20")
    assert await dibs("erase", "--store", "nowhere", "--user", "u1") == (
        1,
        "",
        f"dibs: http://{mall.server.address} says: there is no such store\n",
    )
    assert (await dibs("erase", "--store", "s1", "--user", "u/1"))[0] == 2
