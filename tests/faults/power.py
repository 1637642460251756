"""A power cut: of the append-only file only what a sync had confirmed is left, and every acknowledged message is in it."""

import asyncio
from pathlib import Path

from tests.faults.load import Figures, conclude, loaded
from tests.faults.process import Dibs, tail_file
from tests.faults.shim import Shim


async def cut(rounds: int, folder: Path, seed: int = 41, acked: int = 20_000) -> Figures:
    """At least `acked` acknowledged commands in each round."""
    figures, cut_off = Figures(), 0
    for number in range(rounds):
        shim = Shim(folder / f"shim{number}")
        server = Dibs(folder / f"data{number}", env=shim.env)
        await server.start()
        try:
            async with loaded(server, seed=seed + number, shoppers=12, burst=64, pause_s=0) as load:
                await load.until_acked(acked, within_s=120)
                await asyncio.to_thread(server.kill_both)
                file = tail_file(server.data / "valkey")
                confirmed, written = shim.synced(file), file.stat().st_size
                figures.expect(0 < confirmed <= written, f"{confirmed} of {written} bytes confirmed")
                with file.open("r+b") as handle:
                    handle.truncate(confirmed)
                cut_off += written - confirmed
                figures.also = f"{cut_off:,} bytes cut off"
                load.pause_s, load.burst = 0.1, 2
                await server.start()
                figures.recovered(await load.back(60), 60, "coming back after a power cut")
                await conclude(load, figures)
            await server.stop()
        finally:
            server.kill()
        figures.rounds += 1
    return figures
