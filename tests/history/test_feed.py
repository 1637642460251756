"""A node in process, on virtual time, is recorded by its clients and found to keep every rule."""

import asyncio

import pytest

from tests.actors.virtual import VirtualLoop
from tests.actors.world import Peer, World
from tests.history.account import Account
from tests.history.feed import keep_from_journal
from tests.history.linear import check, report
from tests.history.record import Recorder, Setting
from tests.history.search import calls_of, chats_of, explain, search


@pytest.fixture
def anyio_backend():
    return "asyncio", {"loop_factory": VirtualLoop}


class RecordedPeer(Peer):
    """A client in process that notes down what it says and hears."""

    recorder: Recorder

    async def _feed(self, value):
        for frame in value if isinstance(value, list) else [value]:
            if frame["type"] == "hello":
                identity = self.world.authenticate(frame["token"])
                about = identity.role, identity.id, identity.stores
                self.name = self.recorder.opened(*about, frame.get("resume"), frame.get("generation"))
            else:
                self.recorder.asked(self.name, frame)
        await super()._feed(value)

    async def _take(self, payload):
        heard = len(self.heard)
        await super()._take(payload)
        for frame in self.heard[heard:]:
            self.recorder.told(self.name, frame)

    def cut(self):
        super().cut()
        self.recorder.ended(self.name)


async def come(world, recorder, role, id, stores=("s1",), **hello):
    peer = RecordedPeer(world)
    peer.recorder = recorder
    await peer.say("hello", token=world.token(role, id, stores if role != "user" else None), **hello)
    await peer.expect("ready")
    return peer


async def run_a_shop(recorder):
    """Three agents fight for four chats, shoppers write meanwhile, tabs come and go, and everything is sent twice now and then."""
    async with World(agent_limit=recorder.lines[0].agent_limit) as world:
        agents = [await come(world, recorder, *who) for who in (("agent", "a1"), ("agent", "a2"), ("supervisor", "z1"))]
        shoppers = [await come(world, recorder, "user", f"u{n}") for n in range(4)]

        async def shop(peer):
            for n in range(6):
                id = world.new_id()
                await peer.say("send", id=id, store="s1", kind="text", body={"text": str(n)})
                if n % 2:
                    await peer.say("send", id=id, store="s1", kind="text", body={"text": str(n)})
                    await peer.answer(id)
                await peer.answer(id)
                await peer.say("received", store="s1", seq=n)
                await peer.command("read", store="s1", seq=n)

        async def serve(peer, at):
            for n in range(8):
                user = f"u{(n + at) % 4}"
                claimed = await peer.command("takeover" if at == 2 and n % 3 == 0 else "claim", store="s1", user=user)
                epoch = {"epoch": claimed["epoch"]} if "epoch" in claimed else {}
                await peer.command("send", store="s1", user=user, kind="text", body={"text": "hi"}, **epoch)
                await peer.command("note", store="s1", user=user, body={"text": "seen"})
                await peer.command("transfer", store="s1", user=user, to="a1", note="please")
                await peer.command("release" if n % 2 else "resolve", store="s1", user=user, **epoch)

        await asyncio.gather(*map(shop, shoppers), *(serve(peer, at) for at, peer in enumerate(agents)))
        shoppers[0].cut()
        await shoppers[1].command("history", store="s1")
        generation = world.storage.generation
        await come(world, recorder, "user", "u0", resume={"s1": 3}, generation=generation)
        await come(world, recorder, "agent", "a2", resume={"s1": 10}, generation=generation)
        await asyncio.sleep(3)
        await keep_from_journal(recorder, world.inner, ("s1",), generation)


async def test_a_node_in_process_keeps_the_rules():
    recorder = Recorder(Setting(agent_limit=2), clock=asyncio.get_running_loop().time)
    await run_a_shop(recorder)
    history = recorder.history
    assert sum(line.__struct_config__.tag == "told" for line in history.lines) > 500
    assert not check(history), report(check(history))
    account = Account(history)
    for chat in chats_of(account):
        calls = calls_of(account, chat)
        verdict = search(calls)
        assert verdict.holds, explain(verdict, calls)
