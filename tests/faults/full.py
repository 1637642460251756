"""No room: memory at its limit, or the disk. Commands are refused whole, and work goes on by itself when there is room."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.faults.load import Figures, Load, conclude, loaded, until
from tests.faults.process import Dibs, Redis
from tests.faults.shim import Shim, compiler

BACK_S = 10.0
"""A server that ends on a full disk is started anew after pauses of up to 5 s."""
DISK = 64 << 20


async def _refused(load: Load, figures: Figures) -> None:
    """Everybody who writes is told `unavailable`, and goes on trying."""
    told = sum(person.unavailable for person in load.people)
    await until(lambda: sum(person.unavailable for person in load.people) > told + 5, 20, "told `unavailable`")
    await asyncio.sleep(0.5)
    figures.expect(all(person.ready.is_set() for person in load.people), f"sessions ended: {[person.codes for person in load.people]}")


async def memory(rounds: int, folder: Path, seed: int = 31) -> Figures:
    """maxmemory reached, with noeviction."""
    figures = Figures()
    with Redis(folder / "redis") as redis:
        server = Dibs(folder / "data", redis=redis.url)
        await server.start()
        try:
            with redis.client() as client:
                async with loaded(server, seed=seed) as load:
                    for _ in range(rounds):
                        await load.until_acked(40)
                        client.config_set("maxmemory", int(client.info("memory")["used_memory"]) + 20_000)
                        await _refused(load, figures)
                        client.config_set("maxmemory", 0)
                        figures.recovered(await load.back(), BACK_S, "going on with memory")
                        figures.rounds += 1
                    await conclude(load, figures)
            await server.stop()
        finally:
            server.kill()
    return figures


def mountable() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A tmpfs on `folder`; False where this machine does not let us."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=700", "dibs-test", str(folder)]
    mounted = mountable() and subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(ballast: Path) -> None:
    """Leaves not a byte."""
    with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size):
                    pass


async def disk(rounds: int, folder: Path, seed: int = 32) -> Figures:
    """The disk of the data directory is full: a small tmpfs where we may mount one, else a preload that says so."""
    figures = Figures()
    shim = Shim(folder / "shim")
    with small_disk(folder / "disk") as mounted:
        assert mounted or compiler(), "needs root or a C compiler"
        figures.also = "a small tmpfs" if mounted else "a preload"
        ballast = folder / "disk" / "ballast"
        server = Dibs(folder / "disk" / "data", env=None if mounted else shim.env)
        server.stdout, server.stderr = folder / "out", folder / "err"
        await server.start()
        try:
            async with loaded(server, seed=seed) as load:
                for _ in range(rounds):
                    await load.until_acked(40)
                    await asyncio.to_thread(fill, ballast) if mounted else shim.flag.touch()
                    await _refused(load, figures)
                    ballast.unlink() if mounted else shim.flag.unlink()
                    figures.recovered(await load.back(), BACK_S, "going on with room on the disk")
                    figures.rounds += 1
                await conclude(load, figures)
            await server.stop()
        finally:
            server.kill()
    return figures
