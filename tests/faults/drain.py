"""SIGTERM while sockets are stuck and queues are full: exit 0 within 10 s, and every ack that went out holds."""

import asyncio
import contextlib
import json
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect

from tests.faults.load import Figures, Load, conclude, until
from tests.faults.process import Dibs

STOP_S = 10.0
BODY = "psst-" + "x" * 7000


async def _stuck(server: Dibs, load: Load, number: int) -> ClientConnection:
    """An agent's tab that says hello, asks for everything and never reads again."""
    options = {"compression": None, "ping_interval": None, "proxy": None, "max_queue": (1, 0), "close_timeout": 0.1}
    socket = await connect(f"ws://{server.address}/ws", **options)  # type: ignore[arg-type]
    token = server.token("agent", f"{load.store}-stuck{number}", stores=[load.store])
    await socket.send(json.dumps({"type": "hello", "token": token}))
    return socket


async def _flood(load: Load, number: int) -> None:
    """Big messages, as many as the server takes, answered or not."""
    person = load.shoppers[number]
    frames = [person.text() | {"body": {"text": BODY}} for _ in range(400)]
    pending = [asyncio.create_task(person.ask(*frames[at : at + 8])) for at in range(0, len(frames), 8)]
    await asyncio.gather(*pending)


async def sigterm(rounds: int, folder: Path, seed: int = 71, python: str | None = None) -> Figures:
    """`python` is the interpreter that runs dibs, where it is not this one."""
    figures = Figures()
    server = Dibs(folder / "data")
    server.python = python or server.python
    await server.start()
    for number in range(rounds):
        load = Load(server, shoppers=4, agents=1, seed=seed + number)
        stuck: list[ClientConnection] = []
        floods: list[asyncio.Task[None]] = []
        try:
            await load.begin()
            stuck += [await _stuck(server, load, n) for n in range(5)]
            floods += [asyncio.create_task(_flood(load, n)) for n in range(3)]
            await asyncio.sleep(0.8 + 0.3 * (number % 3))
            ended = [len(person.codes) for person in load.people]
            start = asyncio.get_running_loop().time()
            await server.stop()
            figures.recovered(asyncio.get_running_loop().time() - start, STOP_S, "SIGTERM to exit")
            pairs = list(zip(ended, load.people, strict=True))
            await until(lambda: all(len(person.codes) > number for number, person in pairs), 5, "everybody noticed")  # noqa: B023
            codes = [person.codes[number] for number, person in pairs]  # later ones are refused dials
            figures.expect(all(code == 1001 for code in codes), f"sessions closed with {codes} instead of 1001")
            await server.start()
            await load.back()
            await asyncio.gather(*floods)
            await conclude(load, figures)
            figures.rounds += 1
        finally:
            for flood in floods:
                flood.cancel()
            await asyncio.gather(*floods, return_exceptions=True)
            await load.end()
            for socket in stuck:
                socket.transport.abort()
                with contextlib.suppress(OSError):
                    await socket.close()
    try:
        await server.stop()
    finally:
        server.kill()
    return figures
