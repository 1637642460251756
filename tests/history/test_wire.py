"""A real server behind real sockets is recorded by the clients of the wire tests and found to keep every rule."""

import asyncio

import pytest

from tests.history.account import Account
from tests.history.answer import answers_by_type
from tests.history.feed import keep_over_the_wire, recorded
from tests.history.linear import check, report
from tests.history.record import Recorder, Setting
from tests.history.search import calls_of, chats_of, explain, search
from tests.wire.person import Person
from tests.wire.server import Server


@pytest.fixture
def server(tmp_path):
    with Server(tmp_path / "data", agent_limit=2).running() as server:
        yield server


async def test_a_real_server_keeps_the_rules_while_agents_fight_and_shoppers_are_cut(server):
    recorder = Recorder(Setting(agent_limit=2))
    kind = recorded(Person, recorder)

    async def come(role, id, **hello):
        person = await kind.open(server, server.token(role, id, stores=None if role == "user" else ["s1"]), **hello)
        person.store = "s1"
        return person

    agents = [await come(*who) for who in (("agent", "a1"), ("agent", "a2"), ("supervisor", "z1"))]

    async def shop(id):
        person = await come("user", id)
        for n in range(10):
            body = {"text": f"{n}"}
            await person.send(*({"type": "send", "id": f"{id}-{n}-{i}", "store": "s1", "kind": "text", "body": body} for i in range(3)))
            if n == 5:
                person.cut()
                await person.closed()
                person = await come("user", id)
                for i in range(3):
                    await person.command("send", id=f"{id}-{n}-{i}", store="s1", kind="text", body=body)
                continue
            for i in range(3):
                await person.answer(f"{id}-{n}-{i}")
            await person.send({"type": "received", "store": "s1", "seq": n})
            await person.command("read", store="s1", seq=n)
        return person

    async def serve(agent, at):
        for n in range(20):
            user = f"u{(n + at) % 4}"
            claimed = await agent.command("takeover" if at == 2 and n % 3 == 0 else "claim", store="s1", user=user)
            epoch = {"epoch": claimed["epoch"]} if "epoch" in claimed else {}
            await agent.command("send", store="s1", user=user, kind="text", body={"text": "hi"}, **epoch)
            await agent.command("transfer", store="s1", user=user, to="a1", note="please")
            await agent.command("release" if n % 2 else "resolve", store="s1", user=user, **epoch)

    shoppers, _ = await asyncio.gather(
        asyncio.gather(*(shop(f"u{n}") for n in range(4))), asyncio.gather(*(serve(agent, at) for at, agent in enumerate(agents)))
    )
    late = await come("agent", "a2", resume={"s1": 5}, generation=agents[1].welcome["generation"])
    # What only a clock can show has to be waited for: marks are told once a second.
    await asyncio.sleep(1.5)
    await keep_over_the_wire(recorder, server, {"s1": server.token("agent", "reader", stores=["s1"])})
    for person in (*agents, *shoppers, late):
        await person.tidy()

    history = recorder.history
    assert not check(history), report(check(history))
    account = Account(history)
    assert answers_by_type(account)["ack"] > 150
    for chat in chats_of(account):
        calls = calls_of(account, chat)
        verdict = search(calls)
        assert verdict.holds, explain(verdict, calls)
