"""SIGTERM while sockets are stuck and queues are full: exit 0 within 10 s, and every accepted command is finished.

What was finished was also answered: of the commands that had no answer when a session was closed with 1001 none had taken effect,
or sending it again would be acknowledged as a duplicate.
"""

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
    frames = [person.text() | {"body": {"text": BODY}} for _ in range(1500)]
    pending = [asyncio.create_task(person.ask(*frames[at : at + 8])) for at in range(0, len(frames), 8)]
    await asyncio.gather(*pending)


async def sigterm(rounds: int, folder: Path, seed: int = 71, python: Path | None = None) -> Figures:
    """`python` is the interpreter that runs dibs, where it is not this one."""
    figures = Figures()
    server = Dibs(folder / "data")
    server.python = str(python or server.python)
    await server.start()
    for number in range(rounds):
        load = Load(server, shoppers=4, agents=1, seed=seed + number)
        stuck: list[ClientConnection] = []
        floods: list[asyncio.Task[None]] = []
        try:
            await load.begin()
            stuck += [await _stuck(server, load, n) for n in range(5)]
            floods += [asyncio.create_task(_flood(load, n)) for n in range(3)]
            await asyncio.sleep(0.3 + 0.2 * (number % 3))
            figures.expect(not any(flood.done() for flood in floods), "no queue was full any more: this round showed nothing")
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
            again = {person.id: person.duplicates for person in load.people if person.duplicates}
            figures.expect(not again, f"commands took effect and were not answered before the close: {again}")
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
    said = server.said()
    figures.expect(said.count("draining") > rounds, f"the log tells of {said.count('draining')} stops: this showed nothing")
    figures.expect("commands unanswered" not in said, "dibs gave up on commands that it had accepted")
    return figures
