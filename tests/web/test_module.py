"""`dibs-client.js` outside of a browser. Where Node has no WebSocket of its own this is no part of the suite; see tests/browser."""

import asyncio
import json
import shutil
import subprocess

from tests.wire.client import Client
from tests.wire.server import Server
from web.module.door import FOLDER

SCRIPT = """
import { DibsClient, VERSION } from %s;
const client = new DibsClient({ url: %s, token: %s });
client.start();
const ack = await client.send("s1", { text: "from Node" });
const page = await client.history("s1", undefined, { before: undefined });
client.stop();
console.log(JSON.stringify({ version: VERSION, seq: ack.seq, texts: page.messages.map(({ body }) => body.text) }));
"""


def node() -> list[str] | None:
    """The command that runs a module in a Node with a WebSocket, which from 20.10 on is to be asked for."""
    program = shutil.which("node")
    for flags in ([], ["--experimental-websocket"]) if program else ():
        command = [str(program), *flags, "--input-type=module", "-"]
        tried = subprocess.run(command, input=b"new WebSocket('ws://127.0.0.1:9').onerror = () => {}", capture_output=True, check=False)
        if tried.returncode == 0:
            return command
    return None


def open_store(server: Server) -> None:
    async def come() -> None:
        await (await Client.open(server, server.token("agent", "a1", stores=["s1"]))).close()

    asyncio.run(come())


if (COMMAND := node()) is not None:

    def test_the_module_runs_in_node(tmp_path):
        with Server(tmp_path / "data").running() as server:
            open_store(server)
            given = f"file://{FOLDER}/dibs-client.js", f"ws://{server.address}/ws", server.token("user", "u1")
            script = SCRIPT % tuple(map(json.dumps, given))
            found = subprocess.run(COMMAND, input=script.encode(), capture_output=True, timeout=30, check=False)
        assert found.returncode == 0, found.stderr.decode()
        assert json.loads(found.stdout) == {"version": "1.0.0", "seq": 1, "texts": ["from Node"]}
