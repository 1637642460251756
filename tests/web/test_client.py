"""The Python client against a real server: answered once, told once, in order, whatever happens to the connection."""

import anyio
import msgspec
import pytest

from actors import told
from tests.wire.server import Server
from web.client import Client, Closed, Connected, Disconnected, Refused

WAIT_S = 15.0


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("client") / "data", heartbeat=1).running() as server:
        yield server


@pytest.fixture
def store(request):
    """A store of its own for each test."""
    return "s-" + str(abs(hash(request.node.name)))


def client(server, role, id, store, **options):
    return Client(f"ws://{server.address}/ws", server.token(role, id, stores=None if role == "user" else [store]), **options)


async def texts(client, count):
    """The texts of the next messages of the other side."""
    found = []
    with anyio.fail_after(WAIT_S):
        async for event in client:
            if isinstance(event, told.Message) and (event.by.role == "user") is (client.held.side == "store"):
                found.append(event.body["text"])
                if len(found) == count:
                    return found
    raise AssertionError(found)


async def test_a_shopper_and_an_agent_talk(server, store):
    async with client(server, "agent", "a1", store) as agent:
        await agent.ready()
        async with client(server, "user", "u1", store) as user:
            assert (await user.send(store, {"text": "hello"})).seq == 1
            assert await texts(agent, 1) == ["hello"]
            claimed = await agent.claim(store, "u1")
            assert (claimed.status, claimed.owner.id) == ("claimed", "a1")
            await agent.send(store, {"text": "hi"}, user="u1")
            assert await texts(user, 1) == ["hi"]
            chat = agent.held.chats[store, "u1"]
            assert (chat.unread, user.held.chats[store, "u1"].unread) == (1, 1)
            await agent.read(store, 1, user="u1")
            with anyio.fail_after(WAIT_S):
                async for event in agent:
                    if isinstance(event, told.Marks) and event.side == "store":
                        break
            assert chat.unread == 0
            page = await agent.history(store, user="u1")
            assert [m.body["text"] for m in page.messages if isinstance(m, told.Message)] == ["hello", "hi"]


async def test_a_profile_is_changed_and_cleared_and_a_shopper_says_where_it_is(server, store):
    async with client(server, "supervisor", "z1", store) as boss, client(server, "user", "u1", store) as user:
        await boss.ready()
        assert (await boss.configure(store, 0, name="Lamps", clock={"amber": 1, "red": 2})).version == 1
        assert (await boss.configure(store, 1, name=None, greeting="Hello")).version == 2
        found = await user.profile(store)
        assert (found.version, found.name, found.greeting, found.clock) == (2, None, "Hello", msgspec.UNSET)
        with pytest.raises(Refused) as refused:
            await boss.configure(store, 1, name="x")
        assert (refused.value.error.code, refused.value.error.version) == ("stale_profile", 2)
        await user.send(store, {"text": "hello"})
        await user.tell_context(store, {"device": "x"})
        await user.end(store)
        told_of = await boss.context(store, "u1")
        assert (told_of.context, [one.seq for one in told_of.earlier]) == ({"device": "x"}, [(1, 1)])


async def test_a_refusal_is_raised_with_what_the_server_said(server, store):
    async with client(server, "agent", "a1", store) as first, client(server, "agent", "a2", store) as second:
        await first.ready()
        await second.ready()
        async with client(server, "user", "u1", store) as user:
            await user.send(store, {"text": "hello"})
        await first.claim(store, "u1")
        with pytest.raises(Refused) as refused:
            await second.claim(store, "u1")
        assert refused.value.code == "already_claimed"
        assert refused.value.error.owner.id == "a1"


async def test_a_client_that_is_sent_away_says_why_and_does_not_come_back(server):
    async with Client(f"ws://{server.address}/ws", "not a token") as stranger:
        with anyio.fail_after(WAIT_S), pytest.raises(Closed) as closed:
            async for _ in stranger:
                pass
        assert closed.value.code == 4001
        with pytest.raises(Closed):
            await stranger.send("s1", {"text": "hello"})


async def test_what_is_asked_while_there_is_no_connection_is_done_once_and_in_order_when_there_is(server, store):
    """Commands wait in the outbox; a cut between a command and its answer makes it go again with its id."""
    async with client(server, "agent", "a1", store) as agent:
        await agent.ready()
        async with client(server, "user", "u1", store) as user, anyio.create_task_group() as group:
            await user.ready()
            for n in range(60):
                group.start_soon(user.send, store, {"text": f"{n}"})
                await anyio.lowlevel.checkpoint()
                if n % 13 == 5 and user._socket is not None:
                    user._socket.transport.abort()
                    await anyio.sleep(0.05)
            assert await texts(agent, 60) == [f"{n}" for n in range(60)]
        page = await agent.history(store, user="u1", limit=200)
        assert [m.body["text"] for m in page.messages] == [f"{n}" for n in range(60)]


async def test_what_is_told_comes_once_though_the_connection_is_cut_again_and_again(server, store):
    async with client(server, "agent", "a1", store) as agent, client(server, "user", "u1", store) as user:
        await agent.ready()
        found = []
        async with anyio.create_task_group() as group:

            async def shop():
                for n in range(40):
                    await user.send(store, {"text": f"{n}"})

            group.start_soon(shop)
            while len(found) < 40:
                found += await texts(agent, 1)
                if len(found) % 7 == 3 and agent._socket is not None:
                    agent._socket.transport.abort()
        assert found == [f"{n}" for n in range(40)]


async def test_a_client_outlives_its_server(tmp_path):
    """kill -9 between a command and its answer: it is answered after the restart, and what was missed is told."""
    server = Server(tmp_path / "data")
    server.start_blocking()
    port = server.address.rpartition(":")[2]
    try:
        async with client(server, "agent", "a1", "s1") as agent, client(server, "user", "u1", "s1") as user:
            await agent.ready()
            await user.send("s1", {"text": "before"})
            assert await texts(agent, 1) == ["before"]
            server.kill()
            async with anyio.create_task_group() as group:
                group.start_soon(user.send, "s1", {"text": "meanwhile"})
                server.options["port"] = port
                await server.start()
                assert await texts(agent, 1) == ["meanwhile"]
            assert user.waiting == 0
        await server.stop()
    finally:
        server.kill()


async def test_another_client_goes_on_where_one_stopped(server, store):
    """What an application has come back from is behind its place; the event it was at comes again."""
    async with client(server, "agent", "a1", store) as agent:
        await agent.ready()
        async with client(server, "user", "u1", store) as user:
            for n in range(6):
                await user.send(store, {"text": f"{n}"})
        assert await texts(agent, 3) == ["0", "1", "2"]
        place = agent.place
    async with client(server, "agent", "a1", store, place=place) as agent:
        assert await texts(agent, 4) == ["2", "3", "4", "5"]


async def test_without_a_place_a_client_is_told_what_was_not_acknowledged(server, store):
    async with client(server, "agent", "a1", store) as agent:
        await agent.ready()
        async with client(server, "user", "u1", store) as user:
            for n in range(6):
                await user.send(store, {"text": f"{n}"})
        assert await texts(agent, 3) == ["0", "1", "2"]
    async with client(server, "agent", "a1", store) as agent:
        assert await texts(agent, 3) == ["3", "4", "5"]


async def test_a_token_is_renewed_before_it_expires_and_the_session_stays(server, store, monkeypatch):
    monkeypatch.setattr("web.client.client.RENEW_S", 3.0)
    made = []

    def token():
        made.append(server.token("agent", "a1", stores=[store], ttl_s=4))
        return made[-1]

    async with Client(f"ws://{server.address}/ws", token) as agent:
        session = (await agent.ready()).session
        with anyio.move_on_after(10.5):
            async for event in agent:
                assert not isinstance(event, Disconnected), event
                assert not isinstance(event, Connected) or event.welcome.session == session
        assert len(made) > 2
        assert agent.welcome is not None


async def test_a_server_that_falls_silent_is_given_up():
    """A link that carries nothing any more: two heartbeats without a word, and the client tries again."""
    from websockets.asyncio.server import serve

    greeted = []

    async def silent(socket):
        await socket.recv()
        welcome = b'{"type":"welcome","protocol":1,"session":"x","generation":"g","role":"user","id":"u1","name":null,"online":1,'
        await socket.send((welcome + b'"heartbeat":0.2,"at":1}').decode())
        await socket.send('[{"type":"chats","chats":[]},{"type":"ready"}]')
        greeted.append(socket)
        await socket.wait_closed()

    async with serve(silent, "127.0.0.1", 0, ping_interval=None) as stub:
        port = stub.sockets[0].getsockname()[1]
        async with Client(f"ws://127.0.0.1:{port}/ws", "token") as user:
            with anyio.fail_after(WAIT_S):
                async for event in user:
                    if isinstance(event, Disconnected):
                        break
            assert event.code is None
        assert greeted
