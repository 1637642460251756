"""Behind the balancer of the documents: who loses a node comes back on another, and one that drains is out before it has gone."""

import asyncio
import http.client
import signal

import pytest

from tests.cluster.balancer import NODES, Behind, behind, why_no_balancer
from tests.cluster.crew import arrive, ended, judge
from tests.faults.load import Load, until
from tests.wire.person import Person
from tests.wire.server import Server

pytestmark = pytest.mark.anyio

OUT_S = 2.0
"""A node that drains is asked once a second."""


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


async def a_node_is_killed(there: Behind, load: Load) -> None:
    """Its clients come back on the others; nobody else notices."""
    node = there.nodes["node1"]
    there_before = await sessions(node)
    counts = [len(person.codes) for person in load.people]
    node.kill()
    await until(lambda: len(ended(load, counts)) >= there_before, 10, "its clients noticed")
    assert await load.back() < 5
    assert ended(load, counts) == [1006] * there_before, "others noticed"
    assert sum([await sessions(there.nodes[name]) for name in NODES[1:]]) == len(load.people)
    await there.balancer.thinks("node1", "DOWN", OUT_S)
    node.process = None
    await load.until_acked(60)


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


async def test_clients_go_through_the_balancer_to_machines_that_die_and_drain(tmp_path_factory):
    if reason := why_no_balancer():
        pytest.skip(reason)
    async with behind(tmp_path_factory.mktemp("b")) as there:  # short: there are sockets in it
        load = Load(there.door, shoppers=20, agents=4)
        try:
            await arrive(load)
            load.work()
            await load.until_acked(100)
            await everybody_is_somewhere_and_seen_as_who_they_are(there, load)
            await a_node_is_killed(there, load)
            await a_node_drains(there, load)
            await load.until_acked(60)
            await judge(load)
            unanswered = {person.id: person.duplicates for person in load.people if person.duplicates}
            assert len(unanswered) < len(load.people) / 2, "more than the clients of the node that was killed had no answer"
        finally:
            await load.end()
