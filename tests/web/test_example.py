"""The examples of the Python client, run as they are printed, against a real server."""

import asyncio
import json
import os
import sys
from datetime import UTC, datetime

import anyio
import pytest

from actors import told
from tests.wire.server import ROOT, SECRET, Server
from web.client import Client

WAIT_S = 30.0


@pytest.fixture
def server(tmp_path):
    with Server(tmp_path / "data").running() as server:
        yield server


async def example(server, name, *words, **env):
    return await asyncio.create_subprocess_exec(
        *(sys.executable, f"docs/example/{name}.py", f"ws://{server.address}/ws", *words),
        cwd=ROOT,
        env=os.environ | env | {"PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def output(process):
    async with asyncio.timeout(WAIT_S):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


def client(server, role, id):
    return Client(f"ws://{server.address}/ws", server.token(role, id, stores=None if role == "user" else ["s1"]))


async def test_the_bot_greets_whoever_waits_and_gives_the_chat_back(server):
    async with client(server, "user", "early") as early, client(server, "agent", "a1") as agent:
        await agent.ready()
        await early.send("s1", {"text": "anybody?"})
        bot = await example(server, "bot", DIBS_TOKEN=server.token("agent", "bot", stores=["s1"]))
        try:
            async with client(server, "user", "late") as late:
                for user in (early, late):
                    if user is late:
                        await late.send("s1", {"text": "hello?"})
                    with anyio.fail_after(WAIT_S):
                        async for event in user:
                            if isinstance(event, told.Message) and event.by.id == "bot":
                                break
            with anyio.fail_after(WAIT_S):
                while [chat.status for chat in agent.held.chats.values()] != ["waiting", "waiting"]:
                    await anext(agent)
        finally:
            bot.terminate()
            await bot.communicate()


async def test_an_order_is_announced_once_however_often_the_back_end_is_told(server):
    async with client(server, "agent", "a1") as agent:
        await agent.ready()
        seqs = [await output(await example(server, "order", "s1", "u1", "7", DIBS_SECRET=SECRET)) for _ in range(2)]
        assert seqs == ["1\n", "1\n"]
        page = await agent.history("s1", user="u1")
        assert [message.body["number"] for message in page.messages] == ["7"]


async def test_the_exporter_prints_a_day_of_a_store_in_order(server):
    day = datetime.now(UTC).date().isoformat()
    async with client(server, "agent", "a1") as agent:
        await agent.ready()
        for user in ("u1", "u2"):
            async with client(server, "user", user) as shopper:
                for n in range(205 if user == "u1" else 2):
                    await shopper.send("s1", {"text": f"{n}"})
        await agent.note("s1", "u2", "nice")
    token = server.token("supervisor", "export", stores=["s1"])
    lines = [json.loads(line) for line in (await output(await example(server, "day", "s1", day, DIBS_TOKEN=token))).splitlines()]
    assert [line["body"]["text"] for line in lines if line["user"] == "u1"] == [f"{n}" for n in range(205)]
    assert [line["body"]["text"] for line in lines if line["user"] == "u2"] == ["0", "1", "nice"]
    assert await output(await example(server, "day", "s1", "2020-01-01", DIBS_TOKEN=token)) == ""
