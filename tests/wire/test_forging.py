"""What a stranger writes into names, texts, ids, tokens, paths and headers reaches neither the log nor the metrics, in any disguise."""

import asyncio
import json
import re
from collections.abc import AsyncIterator

import jwt
import pytest

from tests.wire.conftest import Mall
from tests.wire.raw import ask, get, head, shake
from tests.wire.server import SECRET, Server

pytestmark = pytest.mark.anyio

FORGED = "2026-01-01T00:00:00.000000Z info     psst-forged logger=hypercorn.error"
EVIL = (
    f"psst-\n{FORGED}",
    f"psst-\r\n{FORGED}",
    f"psst-\r{FORGED}",
    f"psst-\x0b{FORGED}\x0c{FORGED}\x1c{FORGED}\x1d\x1e\x85{FORGED}",
    f"psst-\u2028{FORGED}\u2029{FORGED}",
    'psst-"}\n{"time":"2026-01-01T00:00:00Z","level":"info","event":"psst-forged"}',
    "psst-\x1b[2J\x1b[1;31mred\x1b]0;title\x07\x9b31m",
    "psst-\u202ertl\u2066\u2067\u2068\u2069\u200f\u061c",
    "psst-\x00nul\x08\x08\x08\x7f",
    "psst-%s%n%(x)s{0}{x!r}${jndi:ldap://psst}",
    "psst-" + "x" * 6000,
    "psst-\ufeff\U000e0041\ufffe",
)
EVENTS = ("promise", "Running on", "draining", "room_runs_out")
"""All that a process says from its start to its end, by how it begins, when nothing of its own has failed; the last on a machine whose
memory or disk is nearly full."""
TEXT_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z (debug|info|warning|error|critical) +(\S.*)")
CLOSES = (0, 999, 1005, 1006, 1015, 2999, 5000, 65535)
CODES = {"1000", "1001", "1002", "1003", "1006", "1007", "1009", "4000", "4001", "4003", "4100", "4101", "4200"}
SERIES = 120
"""Every label of every metric, and some room; what is counted by whatever a client says would be beyond it at once."""


@pytest.fixture(params=["text", "json"])
async def mall(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mall]:
    server = Server(tmp_path_factory.mktemp("forging") / "data", log_format=request.param, log_level="debug")
    await server.start()
    mall = Mall(server)
    try:
        yield mall
    finally:
        server.kill()


def one_byte_each(text: str) -> str:
    """As a header or a path may carry it: its UTF-8, a character for each byte."""
    return text.encode("utf-8", "surrogatepass").decode("latin1")


def quoted(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


async def over_http(mall: Mall) -> None:
    """Into every place of a request that holds text."""
    address = mall.server.address
    asks = []
    for evil in EVIL:
        header = one_byte_each(evil).replace("\r", " ").replace("\n", " ")
        asks += [get(address, "/" + quoted(evil)[:6000]), get(address, "/healthz?" + quoted(evil)[:6000])]
        asks += [get(address, "/" + header), get(address, header), get(address, "/x", method=header)]
        asks += [get(address, "/x", (name, header)) for name in ("User-Agent", "Referer", "Cookie", "Authorization", "X-Forwarded-For")]
        asks += [get(address, "/x", (header, "x")), ask(address, one_byte_each(evil).encode("latin1") + b"\r\n\r\n")]
        asks += [ask(address, head("GET", "/x", [("Host", header)])), shake(address, host=header)]
        asks += [shake(address, (name, header)) for name in ("Origin", "Sec-WebSocket-Protocol", "Sec-WebSocket-Key", "Upgrade")]
        asks += [shake(address, target="/" + quoted(evil)[:6000])]
    for part in range(0, len(asks), 40):
        await asyncio.gather(*asks[part : part + 40], return_exceptions=True)


async def over_sockets(mall: Mall) -> None:
    """Into every field of every frame, into names and tokens, and into the reason of a close."""
    agent, user = await mall.agent(name="psst-agent"), await mall.user(name="psst-user\u202e\u2066")
    await user.say("first")
    await agent.claim(user)
    for evil in EVIL:
        for person, fields in ((user, {}), (agent, {"user": user.id})):
            ack = await person.command("send", store=mall.store, kind="text", body={"text": evil}, **fields)
            assert ack["type"] == "ack"
        await agent.note(user, evil)
        await agent.transfer(user, agent, note=evil)
        for wrong in (
            {"type": evil},
            {"type": "send", "id": evil},
            {"type": "chats", "id": "x", "store": evil},
            {"type": "token", evil: evil},
        ):
            await user.send(wrong)
        await user.send_raw(evil)
        await user.pong()
        await user.read(1)
        for hello in (evil, jwt.encode({"sub": evil, "role": "user", "exp": 9e9, "name": evil}, SECRET), f"eyJ.{evil}.psst-"):
            client = await mall.dial()
            await client.send({"type": "hello", "token": hello, "generation": evil, "resume": {evil: 1}})
            assert await client.closed() in (4000, 4001)
        leaving = await mall.dial()
        await leaving.socket.close(3000 + len(evil) % 1999, "psst-" + evil[5:30])
    odd = [await mall.dial() for _ in CLOSES]
    for client, code in zip(odd, CLOSES, strict=True):
        client.socket.transport.write(b"\x88\x82\x00\x00\x00\x00" + code.to_bytes(2, "big"))
    await asyncio.gather(*(client.closed() for client in odd))
    stale = await mall.user(ready=True)
    await stale.send({"type": "token", "token": "eyJ-psst-"})
    assert await stale.closed() == 4001


def series(text: str) -> set[str]:
    """Each time series, without its value."""
    return {line.rsplit(" ", 1)[0] for line in text.splitlines() if line and not line.startswith("#")}


def events(said: str) -> list[str]:
    """The event of each line; a line that is none is what is looked for."""
    found = []
    for line in said.splitlines():
        if said.startswith("{"):
            entry = json.loads(line)
            assert {"time", "level", "event"} <= entry.keys(), line
            found.append(str(entry["event"]))
        else:
            match = TEXT_LINE.fullmatch(line)
            assert match is not None, line
            found.append(match[2])
    return found


def labels(text: str) -> dict[str, set[str]]:
    """Every label of every series with the values that it has."""
    found: dict[str, set[str]] = {}
    for name, value in re.findall(r'(\w+)="([^"]*)"', text):
        found.setdefault(name, set()).add(value)
    return found


async def test_a_stranger_writes_no_line_of_the_log_and_adds_no_series_to_the_metrics(mall: Mall) -> None:
    server = mall.server
    await over_sockets(mall)
    await over_http(mall)
    _, before = await server.http("/metrics")
    await over_sockets(mall)
    await over_http(mall)
    _, after = await server.http("/metrics")
    await mall.close()
    await server.stop()

    ids = {mall.store, *(person.id for person in mall.people)} - {"nobody"}
    assert series(after) == series(before)
    assert len(series(after)) <= SERIES
    assert labels(after).keys() <= {"kind", "code", "side", "type", "le"}
    for name in ("kind", "code", "side", "type"):
        assert all(re.fullmatch(r"[a-z_]{1,20}|\d{4}", value) for value in labels(after)[name])
    assert {value for value in labels(after)["code"] if value.isdigit()} <= CODES
    assert after.isascii()
    assert not [word for word in ("psst", "forged", *ids) if word in after]

    server.check_log()
    said = server.said()
    assert said.replace("\n", "").isprintable()
    told = events(said)
    assert [event for event in told if not event.startswith(EVENTS)] == []
    assert len(told) <= len(EVENTS)
    assert not [id for id in ids if id in said]
