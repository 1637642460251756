"""Behind the balancer of the documents, as a row: who loses a node comes back on another, and one that drains is out before it has gone."""

import asyncio
import http.client
import signal
from pathlib import Path

from tests.cluster.balancer import NODES, Behind, behind
from tests.cluster.crew import arrive, ended, judge
from tests.faults.load import Figures, Load, until
from tests.wire.person import Person
from tests.wire.server import Server

BACK_S = 5.0
OUT_S = 2.0
"""A node that drains is asked once a second."""


async def balanced(rounds: int, folder: Path) -> Figures:
    """In each round one node is killed and another drains, under load."""
    figures = Figures()
    for n in range(rounds):
        async with behind(folder / f"b{n}") as there:
            load = Load(there.door, shoppers=20, agents=4, seed=n)
            try:
                await arrive(load)
                load.work()
                await load.until_acked(100)
                await everybody_is_somewhere_and_seen_as_who_they_are(there, load)
                figures.recovered(await a_node_is_killed(there, load), BACK_S, "coming back from a node that was killed")
                await a_node_drains(there, load)
                await load.until_acked(60)
                await judge(load)
                unanswered = [person.id for person in load.people if person.duplicates]
                figures.expect(len(unanswered) < len(load.people) / 2, f"more than those of the node that was killed: {unanswered}")
                figures.acked += load.acked
            finally:
                await load.end()
        figures.rounds += 1
    return figures


async def sessions(node: Server) -> int:
    """As the node itself counts them."""
    _, text = await node.http("/metrics")
    return int(float(next(line for line in text.splitlines() if line.startswith("dibs_sessions ")).split()[1]))


def seen_address(door: Server) -> str | None:
    connection = http.client.HTTPConnection(door.address, timeout=8)
    connection.request("GET", "/healthz", headers={"X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6"})
    found = connection.getresponse().headers["Dibs-Address"]
    connection.close()
    return found


async def everybody_is_somewhere_and_seen_as_who_they_are(there: Behind, load: Load) -> None:
    found = {name: await sessions(node) for name, node in there.nodes.items()}
    assert sum(found.values()) == len(load.people)
    assert min(found.values()) > 0, found
    assert await asyncio.to_thread(seen_address, there.door) == there.there["balancer"].outside
    for path in ("/metrics", "/operator/revoke"):
        assert (await there.door.http(path))[0] == 403


async def a_node_is_killed(there: Behind, load: Load) -> float:
    """Its clients come back on the others, and nobody else notices; how long that took."""
    node = there.nodes["node1"]
    there_before = await sessions(node)
    counts = [len(person.codes) for person in load.people]
    node.kill()
    await until(lambda: len(ended(load, counts)) >= there_before, 10, "its clients noticed")
    took_s = await load.back()
    assert ended(load, counts) == [1006] * there_before, "others noticed"
    assert sum([await sessions(there.nodes[name]) for name in NODES[1:]]) == len(load.people)
    await there.balancer.thinks("node1", "DOWN", OUT_S)
    node.process = None
    await load.until_acked(60)
    return took_s


async def a_node_drains(there: Behind, load: Load) -> None:
    """Tabs that have stopped reading keep it for some seconds: meanwhile nobody new is sent there, and those who were there hear 1001."""
    node, other = there.nodes["node2"], there.nodes["node3"]
    stuck = [await Person.open(there.door, there.door.token("user", f"stuck{n}")) for n in range(4)]
    for person in stuck:
        person.socket.transport.pause_reading()
    counts = [len(person.codes) for person in load.people]
    both = await sessions(node) + await sessions(other)
    assert 0 < await sessions(other) < both
    assert node.process is not None
    node.process.send_signal(signal.SIGTERM)
    new = [await Person.open(there.door, there.door.token("user", f"new{n}")) for n in range(6)]
    assert await there.balancer.thinks("node2", "DOWN", 5) < OUT_S
    assert node.process.poll() is None, "it has gone before the balancer asked: this shows nothing"
    await load.back()
    assert await asyncio.to_thread(node.process.wait, 10) == 0
    node.process = None
    assert set(ended(load, counts)) == {1001}
    for person in new:
        await person.pong()
        await person.close()
    for person in stuck:
        person.cut()
        await person.tidy()
