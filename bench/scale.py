"""Several nodes on one Redis at equal load: what a delivery costs them and Redis, how long it takes, and what a message is on the wire.

Promise: a message costs no more on the wire however many nodes there are that have no one of its store.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import redis

from actors.roll import BEAT_S
from bench.found import Found, Plot
from bench.house import SEED, Step, played
from bench.line import Dibs, Place, Who
from bench.shards import sharded
from bench.talk import Stretch, talk_on
from bench.usage import Spent
from bench.wire import Wire
from tests.attack.scene import cores, pin
from tests.faults.process import DURABLE, Redis
from tests.wire.server import SECRET, Server

NODES = (1, 2, 3, 4)
IDLE = (0, 1, 2, 3)
"""Nodes that have people of other stores only, beside one that has those who chat."""
FEW = 0.05
"""A smaller share has the first nodes only."""
STORES, AGENTS, USERS = 4, 5, 25
RATE, SECONDS = 150.0, 10.0
WARM_S = 1.0
WINDOW = 16
ALONE = 500
"""Questions one after another, where a message is counted."""
SHARDED = 2
"""Nodes on a cluster."""
QUIET_S, QUIET_STORES = 10.0, 100
"""How long nobody says anything, to see what goes on by itself, a beat of the nodes at least, and in how many stores where that is all."""
FLAT = 1.1
"""What goes on by itself does not come evenly; a node more that is told of a message takes half as much again."""


async def scale(folder: Path, share: float, step: Step, *, shards: int = 0) -> Found:
    """`share` of ten seconds of each, and of what is counted; on clusters of so many shards at most as well."""
    order = {"seconds": max(0.4, SECONDS * share), "count": max(100, round(ALONE * share)), "quiet_s": max(BEAT_S, QUIET_S * share)}
    order["stores"] = max(10, round(QUIET_STORES * min(1.0, 5 * share)))
    spread = {f"{count} node{'s' * (count > 1)}": (count, 0) for count in (NODES if share >= FEW else NODES[1:2])}
    beside = {f"1 node and {idle} idle": (1, idle) for idle in (IDLE if share >= FEW else IDLE[1:3])}
    clusters = {f"{SHARDED} nodes on {count} shard{'s' * (count > 1)}": count for count in range(1, shards + 1)}
    rows = spread | beside | {f"1 node, {order['stores']} stores, silent": (1, 0)} | dict.fromkeys(clusters, (SHARDED, 0))
    found, waits = Found(), {}
    for place, (name, (busy, idle)) in enumerate(rows.items()):
        part = "spread" if name in spread | clusters else "beside" if name in beside else "quiet"
        async with deployed(folder / str(place), busy + idle, clusters.get(name, 0)) as there:
            asked = order | there | {"busy": busy, "part": part}
            told = await played("scale", lambda done, place=place: step((place + done) / len(rows)), asked)
        found.rows[name] = told.rows["all"]
        found.broken += [f"{name}: {sentence}" for sentence in told.broken]
        if part == "spread":
            waits[name] = told.plots[0].lines["waits"]
    found.broken += grown([found.rows[name] for name, (_, idle) in beside.items() if idle])
    found.plots = [
        Plot(
            title="What a delivery costs at equal load",
            x="nodes",
            y="µs of a core",
            lines={
                who: [(busy, 1000 * found.rows[name][f"{who} CPU s for 1,000 deliveries"]) for name, (busy, _) in spread.items()]
                for who in ("dibs", "Redis")
            },
        ),
        Plot(title="How long until an agent has it", x="percentile", y="ms", lines=waits, across="nines", tall="log"),
        Plot(
            title="A message on the wire",
            x="nodes with no one of its store",
            y="bytes",
            lines={
                way: [(idle, found.rows[name][f"bytes {way} Redis a message"]) for name, (_, idle) in beside.items()]
                for way in ("to", "from")
            },
        ),
    ]
    return found


def grown(rows: list[dict[str, float]]) -> list[str]:
    """Sentences about what grew with nodes that have no one of the store; one row for each number of them."""
    least, most = rows[0], rows[-1]
    return [
        f"{what} went from {least[what]:g} to {most[what]:g} with the nodes that have no one of its store"
        for what in least
        if what.endswith("a message") and most[what] > FLAT * least[what]
    ]


@contextlib.asynccontextmanager
async def deployed(folder: Path, count: int, shards: int = 0) -> AsyncIterator[dict[str, Any]]:
    """So many nodes and their Redis, or a cluster, over TCP as between machines and on the servers' core; gives what a load is to know."""
    async with _cluster(folder, shards) if shards else _one(folder) as (url, urls, below):
        nodes = [Server(folder / f"n{n}", redis=url, rate=0, heartbeat=25, grace=60) for n in range(count)]
        try:
            await asyncio.gather(*(node.start() for node in nodes))
            pids = {f"node {n}": node.pid for n, node in enumerate(nodes)} | below
            for pid in pids.values():
                pin(pid, cores()[0])
            yield {"addresses": [node.address for node in nodes], "secret": SECRET, "pids": pids, "redis": urls, "seed": SEED}
            await asyncio.gather(*(node.stop() for node in nodes))
            for node in nodes:
                node.check_log()
        finally:
            for node in nodes:
                node.kill()


Below = tuple[str, list[str], dict[str, int]]
"""What nodes are told, a URL for each of those who take writes, and pids by name."""


@contextlib.asynccontextmanager
async def _one(folder: Path) -> AsyncIterator[Below]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"redis://127.0.0.1:{port}"
    with Redis(folder / "r", *DURABLE, "--stream-node-max-bytes", "4096", "--port", str(port), "--bind", "127.0.0.1") as below:
        yield url, [url], {"Redis": below.pid}


@contextlib.asynccontextmanager
async def _cluster(folder: Path, shards: int) -> AsyncIterator[Below]:
    async with sharded(folder, shards) as (primaries, replicas):
        pids = {f"Redis {n}": member.server.pid for n, member in enumerate(primaries)}
        pids |= {f"replica {n}": member.server.pid for n, member in enumerate(replicas)}
        yield f"cluster://{','.join(f'127.0.0.1:{member.port}' for member in primaries)}", [member.url for member in primaries], pids


async def play(order: dict[str, Any], step: Step) -> Found:
    """See `bench.load`."""
    clients = [redis.Redis.from_url(url) for url in order["redis"]]
    return await (_quiet if order["part"] == "quiet" else _talk)(order, clients, step)


async def _talk(order: dict[str, Any], clients: list[redis.Redis], step: Step) -> Found:
    """People talk on the busy nodes, at a rate and then as much as can be, or one by one; those of other stores are on the idle ones."""
    busy, idle = order["addresses"][: order["busy"]], order["addresses"][order["busy"] :]
    talk = talk_on(order | {"addresses": busy})
    bystanders = [
        line for n, address in enumerate(idle) for line in await _bystanders(Place(address, order["secret"]), f"b{n}", talk.faults)
    ]
    await talk.gather(STORES, AGENTS, USERS)
    await talk.at_rate(RATE, min(WARM_S, order["seconds"]), lambda _: None)
    silence = await _silence(clients, order["quiet_s"])
    before = Wire.look(clients)
    if order["part"] == "spread":
        stretch = await talk.at_rate(RATE, order["seconds"], step)
    else:
        stretch = await talk.one_by_one(order["count"], step)
    said = Wire.between(before, clients).less(silence.times(stretch.lasted_s)).times(1 / (2 * stretch.asked))
    figures = _shared(stretch).figures() | said.figures("a message") | silence.figures("a second of silence")
    figures["bytes that Redis keeps of each"] = round(max(0.0, said.kept))
    if order["part"] == "spread":
        full = _shared(await talk.in_window(WINDOW, order["seconds"] / 2, lambda _: None)).figures()
        figures |= {f"{what}, as much as can be": value for what, value in full.items() if "a second" in what or "CPU" in what}
    await asyncio.gather(talk.close(), *(line.close() for line in bystanders))
    plot = Plot(title="", x="", y="", lines={"waits": stretch.curve()})
    return Found(rows={"all": figures}, plots=[plot], broken=talk.faults)


async def _quiet(order: dict[str, Any], clients: list[redis.Redis], step: Step) -> Found:
    """Nobody says anything, in many stores."""
    found, lines = Found(), []
    for n in range(order["stores"]):
        lines += await _bystanders(Place(order["addresses"][0], order["secret"]), f"b{n}", found.broken)
        step(n / order["stores"])
    spent = Spent(order["pids"])
    silence = await _silence(clients, order["quiet_s"])
    found.rows["all"] = silence.figures("a second of silence")
    for name, s in spent.s().items():
        found.rows["all"][f"{name} CPU ms a second of silence"] = round(1000 * s / order["quiet_s"], 2)
    await asyncio.gather(*(line.close() for line in lines))
    step(1.0)
    return found


async def _silence(clients: list[redis.Redis], seconds: float) -> Wire:
    """What goes on in a second by itself."""
    before = Wire.look(clients)
    await asyncio.sleep(seconds)
    return Wire.between(before, clients).times(1 / seconds)


def _shared(stretch: Stretch) -> Stretch:
    """What all nodes spent, and all of Redis."""
    spent_s: dict[str, float] = {}
    for name, s in stretch.spent_s.items():
        who = {"node": "dibs", "Redis": "Redis", "replica": "replicas"}[name.split()[0]]
        spent_s[who] = spent_s.get(who, 0.0) + s
    stretch.spent_s = spent_s
    return stretch


async def _bystanders(place: Place, store: str, faults: list[str]) -> list[Dibs]:
    """An agent and a user of a store of which nobody is elsewhere."""
    agent, user = [await Dibs.open(place, Who(role, f"{role}-{store}", store), faults) for role in ("agent", "user")]
    await user.carried_out("send", kind="text", body={"text": "good morning"})
    await agent.carried_out("claim", user=user.who.id)
    return [agent, user]
