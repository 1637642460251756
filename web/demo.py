"""What `--demo` prints: tokens of one shopper, two agents and a supervisor, and the lines to try them with."""

import secrets
import sys

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
    """The text, for a server at `base` (http://HOST:PORT)."""
    url = base.replace("http://", "ws://", 1) + "/ws"
    lines = ["", f"  WebSocket  {url}", f"  Health     {base}/readyz   {base}/metrics", "", "  Tokens of store demo, good for a day:", ""]
    for role, id, name in CAST:
        stores = [] if role == "user" else [STORE]
        token = signer.sign(role=role, id=id, stores=stores, name=name, ttl_s=DAY_S, now_s=now_s)
        lines += [f"  {role} {id} ({name})", f'  {{"type":"hello","token":"{token}"}}', ""]
    lines += [
        "  To try it, open two more terminals in this directory and run in each:",
        "",
        f"      {sys.executable} -m websockets {url}",
        "",
        "  Paste the hello line of agent a1 into one, then that of user u1 into the other. Then, as the user:",
        "",
        '      {"type":"send","id":"m1","store":"demo","kind":"text","body":{"text":"Is the blue one in stock?"}}',
        "",
        "  and as the agent call dibs and answer:",
        "",
        '      {"type":"claim","id":"c1","store":"demo","user":"u1"}',
        '      {"type":"send","id":"m2","store":"demo","user":"u1","kind":"text","body":{"text":"It is!"}}',
        "",
        "  A third terminal with agent a2 sees it all, and is refused when it claims the same chat.",
        "",
    ]
    # Ids of their own for each start: they are remembered for a day, and a second try would be a repetition.
    suffix = secrets.token_hex(2)
    return (
        "\n".join(lines)
        .replace('"id":"m1"', f'"id":"m1-{suffix}"')
        .replace('"id":"m2"', f'"id":"m2-{suffix}"')
        .replace('"id":"c1"', f'"id":"c1-{suffix}"')
    )
