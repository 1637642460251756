"""`make leaks`: a million random frames of one store's people, with a progress bar. Exit status 1 where a byte of another store came back.

N=100000 throws so many, SEED=17 the same ones again.
"""

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.wire.leak import Found, street
from tests.wire.server import Server


async def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-n", type=int, default=1_000_000, help="how many frames")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    console, found = Console(), Found()
    machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    console.print(f"{machine}, seed {arguments.seed}")
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="l") as folder:
        server = Server(Path(folder) / "data")
        await server.start()
        try:
            columns = (TextColumn("frames"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            with Progress(*columns, console=console) as bar:
                task = bar.add_task("", total=arguments.n)
                async with street(server, arguments.seed, found) as three:
                    await three.storm(arguments.n * 9 // 10, found, lambda n: bar.advance(task, n))
                    await three.bustle(arguments.n - arguments.n * 9 // 10, found, lambda n: bar.advance(task, n))
            await server.stop()
            server.check_log()
        finally:
            server.kill()
    took_s = time.monotonic() - start
    console.print(f"{found.thrown:,} frames thrown in {took_s:.0f} s in {found.sessions} sessions, {found.frames:,} frames looked at:")
    console.print(", ".join(f"{code} {count:,}" for code, count in found.codes.most_common()))
    for leak in found.leaks[:10]:
        console.print(f"[red]leak[/]: {leak[:600]}", highlight=False)
    console.print(f"{len(found.leaks)} leaks")
    return int(bool(found.leaks))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
