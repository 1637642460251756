"""What `--demo` adds: a store with two agents and a supervisor, a shop with the widget (`web.demo.door`), and what is printed of them."""

import shlex
import sys
from pathlib import Path

from actors.append import Append
from actors.event import AgentArrived
from actors.node import Node
from actors.request import StoreRequest
from web.token import TokenSigner

STORE = "demo"
DAY_S = 24 * 3600.0
CAST = (
    ("user", "u1", "小明"),
    ("agent", "a1", "李娜"),
    ("agent", "a2", "王强"),
    ("supervisor", "boss", "陈主管"),
)


def open_store(node: Node) -> None:
    """Brings the store into being with its agents on the roster, as their first visits would; whoever comes first finds it there."""
    for role, id, name in CAST:
        if role != "user":
            arrived = AgentArrived(agent=id, name=name, at=node.clock.wall_ms())
            append = Append(store=STORE, events=(arrived,), tails=(b"",))
            node.store(STORE).tell(StoreRequest(append=append, done=lambda _: None))


def introduction(base: str, signer: TokenSigner, now_s: float) -> str:
    """The text, for a server at `base` (http://HOST:PORT, or https)."""
    dibs = shlex.join([str(Path(sys.executable).with_name("dibs"))])
    lines = [
        "",
        f"  The shop, and its agents' consoles   {base}/",
        "",
        f"  WebSocket  {base.replace('http', 'ws', 1)}/ws",
        f"  Health     {base}/readyz   {base}/metrics",
        "",
    ]
    lines += ["  Be anybody of the store demo in a terminal of its own (the tokens are good for a day):", ""]
    for role, id, name in CAST:
        stores = [] if role == "user" else [STORE]
        token = signer.sign(role=role, id=id, stores=stores, name=name, ttl_s=DAY_S, now_s=now_s)
        store = f" --store {STORE}" if role == "user" else ""
        lines += [f"  {role} {id} ({name})", f"  {dibs} chat --url {base}{store} --token {token}", ""]
    lines += [
        "  As u1 type a question. As a1 type  /claim u1  and answer. As a2 try the same claim: it is refused, and names the owner.",
        "  /help lists what else there is.",
        "",
    ]
    return "\n".join(lines)
