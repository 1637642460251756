"""A backup under load, and its kill -9 in the middle: nothing broken under its name, no harm to who serves, and all of it in the copy."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from tests.faults.load import Figures, conclude, loaded
from tests.faults.process import Dibs
from tests.history.record import Setting
from tests.wire.server import ROOT

_STRUCK = """
import os, signal, sys
import storage.archive, web.command
whole = storage.archive.{what}
left = {after}
def struck(*given):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(*given)
storage.archive.{what} = struck
sys.exit(web.command.main())
"""
STRIKES = (("_Reading.read", 0), ("_Reading.read", 1), ("_Reading.read", 2), ("_entry", 1), ("Writer.close", 0))
"""Where a backup is killed: the name of what it does, and after how many times."""


def command(*arguments: str, launch: tuple[str, ...] = ("-m", "web.command")) -> "subprocess.CompletedProcess[str]":
    """`dibs` with these arguments, in a process of its own."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("DIBS_")}
    return subprocess.run([sys.executable, *launch, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)


async def backup(rounds: int, folder: Path, seed: int = 91) -> Figures:
    """Killed `rounds` times at every place, then whole; the whole one holds every command that was acknowledged before it began."""
    figures = Figures()
    server, target = Dibs(folder / "data"), folder / "copy"
    await server.start()
    try:
        async with loaded(server, seed=seed, setting=Setting(may_roll_back=True)) as load:
            for _ in range(rounds):
                for what, after in STRIKES:
                    await load.until_acked(20)
                    launch = ("-c", _STRUCK.format(what=what, after=after))
                    done = await asyncio.to_thread(command, "backup", str(target), "--data", str(server.data), launch=launch)
                    figures.expect(done.returncode == -9, f"not killed at {what}: {done}")
                    figures.expect(not target.exists(), f"a file under its name after a kill at {what}")
                    figures.rounds += 1
            await load.until_acked(40)
            acked = [(person, dict(person.acks)) for person in load.people]
            done = await asyncio.to_thread(command, "backup", str(target), "--data", str(server.data))
            figures.expect(done.returncode == 0, f"no backup: {done}")
            await load.until_acked(40)
            await load.pause()
            before = {person.id: person.generations[-1] for person in load.people}
            await server.stop()
            done = await asyncio.to_thread(command, "restore", str(target), "--force", "--data", str(server.data))
            figures.expect(done.returncode == 0, f"not restored: {done}")
            for person, acks in acked:
                person.acks = acks
            await server.start()
            figures.recovered(await load.back(), 5.0, "coming back after a restore")
            same = [person.id for person in load.people if person.generations[-1] == before[person.id]]
            figures.expect(not same, f"still in the old generation are {same}")
            load.work()
            await load.until_acked(40)
            await conclude(load, figures)
        await server.stop()
        figures.expect("Traceback" not in server.said(), f"a traceback in the log: {server.said()[-1500:]}")
    finally:
        server.kill()
    return figures
