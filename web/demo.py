"""What `--demo` prints: tokens of one shopper, two agents and a supervisor, and the lines to try them with."""

import sys

from web.token import TokenSigner

DAY_S = 24 * 3600.0
CAST = (
    ("user", "u1", "小明"),
    ("agent", "a1", "李娜"),
    ("agent", "a2", "王强"),
    ("supervisor", "boss", "陈主管"),
)


def introduction(base: str, signer: TokenSigner, now_s: float) -> str:
    """The text, for a server at `base` (http://HOST:PORT)."""
    url = base.replace("http://", "ws://", 1) + "/ws"
    lines = ["", f"  WebSocket  {url}", f"  Health     {base}/readyz   {base}/metrics", "", "  Tokens of store demo, good for a day:", ""]
    for role, id, name in CAST:
        stores = [] if role == "user" else ["demo"]
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
    return "\n".join(lines)
