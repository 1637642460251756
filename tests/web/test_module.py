"""`dibs-client.js` outside of a browser. Where Node has no WebSocket of its own this is no part of the suite; see tests/browser."""

import asyncio
import json
import shutil
import subprocess

from tests.wire.client import Client
from tests.wire.door import ask
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


SIGN_IN = """
import { DibsClient } from %s;
const client = new DibsClient({ url: %s, token: %s, visitor: %s });
const errors = [];
client.on("error", ({ code }) => errors.push(code));
client.start();
const found = [];
for (let time = 0; time < 2; time++) {
  await client.ready();
  found.push((await client.history("s1", undefined, { before: undefined })).messages.map(({ body }) => body.text));
  const lost = new Promise((done) => client.on("state", ({ state }) => state === "ready" || done()));
  if (time === 0) {
    client._socket.close();
    await lost;
  }
}
client.stop();
console.log(JSON.stringify({ found, errors }));
"""


FILES = """
import { DibsClient } from %s;
const client = new DibsClient({ url: %s, token: () => %s });
let asked = 0;
const fetched = globalThis.fetch;
globalThis.fetch = (url, how) => ((asked += String(url).endsWith("/files/sign")), fetched(url, how));
const seen = [];
const sent = await client.upload("s1", new Blob(["hello text"]), { name: "a.txt", onprogress: (part) => seen.push(part) });
const [one, two] = await Promise.all([client.sign([sent.url]), client.sign([sent.url, "/files/x/y/z"])]);
await client.sign([sent.url]);
const text = await (await fetch(one.get(sent.url))).text();
const code = await client.upload("s1", new Blob(["<svg/>"]), { name: "a.svg" }).catch((error) => error.code);
const aborted = await client.upload("s1", new Blob(["x"]), { name: "a.txt", signal: AbortSignal.abort() }).catch((error) => error.name);
const same = one.get(sent.url) === two.get(sent.url);
console.log(JSON.stringify({ sent, text, same, signed: two.size, asked, code, aborted, seen }));
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

    def test_a_file_goes_and_comes_back_by_addresses_that_are_asked_for_at_once(tmp_path):
        with Server(tmp_path / "data").running() as server:
            open_store(server)
            given = f"file://{FOLDER}/dibs-client.js", f"ws://{server.address}/ws", server.token("user", "u1")
            script = FILES % tuple(map(json.dumps, given))
            ran = subprocess.run(COMMAND, input=script.encode(), capture_output=True, timeout=30, check=False)
        assert ran.returncode == 0, ran.stderr.decode()
        told = json.loads(ran.stdout)
        assert told["sent"] | {"url": ""} == {"url": "", "name": "a.txt", "type": "text/plain", "size": 10}
        assert (told["text"], told["same"], told["signed"], told["asked"]) == ("hello text", True, 1, 1)
        assert (told["code"], told["aborted"], told["seen"]) == ("unsupported", "AbortError", [{"loaded": 10, "total": 10}])

    def test_a_visitor_who_signs_in_is_told_of_once_and_finds_its_chat(tmp_path):
        async def visit(server: Server) -> str:
            answer = await ask(server, "POST", "/visitor", None, {"store": "s1"})
            visitor = await Client.open(server, answer.json["token"])
            await visitor.command("send", store="s1", kind="text", body={"text": "before"})
            await visitor.close()
            return str(answer.json["token"])

        server = Server(tmp_path / "data")
        server.environ["DIBS_VISITORS"] = "on"
        with server.running():
            open_store(server)
            visitor = asyncio.run(visit(server))
            given = f"file://{FOLDER}/dibs-client.js", f"ws://{server.address}/ws", server.token("user", "u1"), visitor
            script = SIGN_IN % tuple(map(json.dumps, given))
            found = subprocess.run(COMMAND, input=script.encode(), capture_output=True, timeout=30, check=False)
        assert found.returncode == 0, found.stderr.decode()
        assert json.loads(found.stdout) == {"found": [["before"], ["before"]], "errors": []}
