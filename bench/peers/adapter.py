"""dibs for a harness of other peers: its `peers/dibs/peer.py`, copied there by `bench.peers.harness` and run by the harness's own Python.

The folder of dibs is in DIBS_HOUSE, the Python that has its packages in DIBS_PYTHON.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from harness.base import ACK, Peer

SECRET = "a-secret-for-benches-of-48-letters-and-no-more-x"  # noqa: S105 - of a server that lives for a minute
MARKS_S = 1.5
"""What is told once a second about the first messages is told by then."""


def _token(claims: dict[str, Any]) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    signature = hmac.new(SECRET.encode(), b".".join(parts), hashlib.sha256).digest()
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def _children(pid: int) -> list[int]:
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [found for child in map(int, told) for found in (child, *_children(child))]


class P(Peer):  # type: ignore[misc]  # the harness carries no types
    """See the harness for what it asks of a peer."""

    uses_redis = False
    notes = "dibs on its private Valkey, appendfsync always"

    def start(self, ctx: Any) -> list[Any]:
        """Starts dibs."""
        house = Path(os.environ["DIBS_HOUSE"])
        serve = ["-m", "web.command", "serve", "--port", ctx.port, "--data", ctx.var / "data", "--rate", 0]
        self._process = self.spawn(ctx, [os.environ["DIBS_PYTHON"], *serve], env={"DIBS_SECRET": SECRET}, cwd=house)
        return [self._process]

    def wait_ready(self, ctx: Any, procs: list[Any], timeout: float = 30.0) -> None:
        """And counts its Valkey as storage."""
        super().wait_ready(ctx, procs, timeout)
        self.store_procs = [SimpleNamespace(pid=pid) for pid in _children(self._process.pid)]

    def connect(self, ctx: Any, who: Any, since: str | None) -> dict[str, Any]:
        """Where everybody goes."""
        return {"url": f"ws://{ctx.host}:{ctx.port}/ws"}

    async def login(self, ctx: Any, conn: Any, who: Any, since: str | None) -> None:
        """Says hello, and waits for `ready` unless all that was missed is wanted."""
        agent = who.role == "agent"
        claims = {"sub": who.name, "role": "agent" if agent else "user", "exp": int(time.time()) + 3600}
        token = _token(claims | ({"stores": [who.store_name]} if agent else {}))
        conn.send(json.dumps({"type": "hello", "token": token}).encode())
        while since is None and b'"type":"ready"' not in await conn.recv():
            pass

    async def setup_done(self, ctx: Any, conns: list[Any]) -> None:
        """Every shopper says a word, and the agent who is going to answer claims the chat."""
        agents = {(c.who.store, c.who.idx % ctx.agents): c for c in conns if c.who.role == "agent"}
        shoppers = [c for c in conns if c.who.role == "shopper"]
        for conn in conns:
            conn.inbox = asyncio.Queue()
        for conn in shoppers:
            await self._ask(conn, {"type": "send", "kind": "text", "body": {"text": "good morning"}})
        for conn in shoppers:
            await self._ask(agents[conn.who.store, conn.who.idx % ctx.agents], {"type": "claim", "user": conn.who.name})
        await asyncio.sleep(MARKS_S)
        for conn in conns:
            conn.inbox = None

    async def _ask(self, conn: Any, command: dict[str, Any]) -> None:
        id = self._id(conn)
        conn.send(json.dumps(command | {"id": id, "store": conn.who.store_name}).encode())
        while True:
            said = json.loads(await conn.recv())
            for frame in said if isinstance(said, list) else [said]:
                if frame.get("id") == id and frame["type"] in ("ack", "error"):
                    assert frame["type"] == "ack", frame
                    return

    def _id(self, conn: Any) -> str:
        conn.n += 1
        return f"{conn.who.name}-{conn.n}"

    def chat_frame(self, conn: Any, body: str) -> bytes:
        """A shopper's message."""
        frame = {"type": "send", "id": self._id(conn), "store": conn.who.store_name, "kind": "text", "body": {"text": body}}
        return json.dumps(frame).encode()

    def reply_frame(self, conn: Any, to: Any, body: str) -> bytes:
        """An agent's."""
        frame = {"type": "send", "id": self._id(conn), "store": conn.who.store_name, "user": to.name}
        return json.dumps(frame | {"kind": "text", "body": {"text": body}}).encode()

    def control(self, conn: Any, payload: bytes) -> Any:
        """Acks that come by themselves."""
        return ACK if payload.startswith(b'{"type":"ack"') else None
