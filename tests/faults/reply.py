"""For every k of a script of commands: the k-th request or reply between dibs and Redis goes wrong, and each command happens once."""

import asyncio
from pathlib import Path

from tests.faults.load import Figures, Load, conclude
from tests.faults.process import Dibs, Redis
from tests.faults.proxy import CUT, DROP, HALF, MUTE, Proxy, Strike

BACK_S = 6.0
"""A reply that never comes is given up after 4 s."""
SCRIPT_S = 20.0


async def script(load: Load) -> None:
    """Every kind of command that writes, one after another, by people who come for it."""
    await load.begin()
    (agent, other), (user,) = load.agents, load.shoppers
    u = user.id
    await user.ask(user.text(), user.text())
    await agent.ask(agent.frame("claim", user=u))
    await agent.ask(agent.text(user=u), agent.frame("note", user=u, body={"text": "psst-note"}))
    await user.ask(user.frame("read", seq=3), user.text())
    await agent.ask(agent.frame("read", user=u, seq=4), agent.frame("transfer", user=u, to=other.id, note="psst-over to you"))
    await other.ask(other.text(user=u), other.frame("release", user=u))
    await other.ask(other.frame("claim", user=u), other.frame("resolve", user=u))
    await user.ask(user.text())
    for person in load.people:
        await person.acknowledge()


async def _one(server: Dibs, proxy: Proxy, strike: Strike, figures: Figures) -> None:
    """Begins on fresh connections, so that making them is a part of the script."""
    proxy.cut()
    load = Load(server, shoppers=1, agents=2)
    proxy.strike = strike
    began_s = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(SCRIPT_S):
            await script(load)
        proxy.strike = Strike()  # what is read from here on is the test's own
        before = len(figures.faults)
        figures.recovered(asyncio.get_running_loop().time() - began_s, BACK_S, "the script")
        await conclude(load, figures, history=False)  # it waits for a second
        figures.expect(sum(len(person.acks) for person in load.people) == 14, "a command of the script has no ack")
        figures.faults[before:] = [f"{strike.mode} {strike.k}: {fault}" for fault in figures.faults[before:]]
    except TimeoutError:
        waiting = "; ".join(f"{person.id} {person.told()}" for person in load.people)
        figures.faults.append(f"{strike.mode} {strike.k}: the script did not end: {waiting}")
    finally:
        await load.end()
    figures.rounds += strike.done


async def _mode(mode: str, rounds: int, folder: Path) -> Figures:
    """`rounds` of the ks, evenly spread; all of them if there are no more."""
    figures = Figures()
    with Redis(folder / "redis") as redis:
        async with Proxy(folder / "proxy", redis.socket) as proxy:
            server = Dibs(folder / "data", redis=proxy.url, grace=30)
            await server.start()
            try:
                dry = Strike()
                await _one(server, proxy, dry, figures)
                count = (dry.replies if mode in (DROP, MUTE) else dry.requests) + 1
                step = max(1, count // rounds)
                for k in range(1, count + 1, step):
                    await _one(server, proxy, Strike(mode, k), figures)
                await server.stop()
            finally:
                server.kill()
    return figures


async def cut(rounds: int, folder: Path) -> Figures:
    """The connection ends when the k-th request has been passed on."""
    return await _mode(CUT, rounds, folder)


async def half(rounds: int, folder: Path) -> Figures:
    """The connection ends in the middle of the k-th request."""
    return await _mode(HALF, rounds, folder)


async def drop(rounds: int, folder: Path) -> Figures:
    """The k-th request is carried out and the connection ends before its reply."""
    return await _mode(DROP, rounds, folder)


async def mute(rounds: int, folder: Path) -> Figures:
    """From the k-th reply on the connection is silent and stays open."""
    return await _mode(MUTE, rounds, folder)
