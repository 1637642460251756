"""`make faults`: every fault in full, with a progress bar, and a table of what was seen. Exit status 1 where a promise broke.

make faults                          all rows on the bundled Valkey; those of the server below on this machine's redis-server too
make faults ROUNDS=0.1               a tenth of the rounds
make faults ARGS="power SIGTERM"     the rows whose names have one of these in them
make faults SERVER=/usr/bin/redis-server    on this server only
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.faults.load import Figures, watching
from tests.faults.process import redis_program, version
from tests.faults.row import EVERY, FAULTS, Fault
from tests.faults.table import Kept, Result, machine, shown
from tests.wire.server import ROOT

README = ROOT / "README.md"
TRANSLATED = ROOT / "README.zh.md"
"""Has the same figures."""
WIDE = 160
"""For a log."""


async def one(fault: Fault, server: Path | None, part: float, progress: Progress, console: Console) -> Result:
    """A row; whatever it raises is a breach."""
    rounds, on = fault.share(part), version(server)
    task = progress.add_task(f"{fault.name}, {on}", total=None if fault.rounds == EVERY else rounds)
    seen: list[Figures] = []

    async def follow() -> None:
        while True:
            progress.update(task, completed=sum(figures.rounds for figures in seen))
            await asyncio.sleep(0.2)

    following = asyncio.create_task(follow())
    token = watching.set(seen.append)
    start = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="f") as folder:
            figures = await fault.run(rounds, Path(folder), server)
    except Exception as error:  # noqa: BLE001 - the other rows are wanted all the same
        figures = seen[-1] if seen else Figures()
        figures.faults.append(f"{type(error).__name__}: {error}")
    finally:
        watching.reset(token)
        following.cancel()
    took_s = time.monotonic() - start
    progress.update(task, completed=figures.rounds, total=figures.rounds)
    for sentence in figures.faults[:5]:
        console.print(f"[red]{fault.name}[/]: {sentence[:400]}", highlight=False)
    today = date.today().isoformat()  # noqa: DTZ011 - the day where the machine stands
    result = Result(fault=fault.name, server=on, figures=figures, took_s=took_s, day=today, is_full=part >= 1)
    if not console.is_terminal:
        console.print(" | ".join(result.cells), soft_wrap=True, highlight=False)
    return result


def keep(results: list[Result], *, whole: bool) -> str:
    """Writes into README, in both its languages, what is to stay; says what became of it."""
    document = README.read_text()
    kept = Kept.read(document)
    fresh = kept.take(results, machine(), [fault.name for fault in FAULTS], whole=whole)
    if fresh is kept:
        return f"README keeps the figures of {kept.machine}: only all rows in full take their place"
    for path in (README, TRANSLATED):
        path.write_text(fresh.written(path.read_text()))
    return "README holds the figures now"


async def main() -> int:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("rows", nargs="*", help="parts of names; all rows without")
    parser.add_argument("--rounds", type=float, default=1.0, help="the share of the full figures")
    parser.add_argument("--server", type=Path, help="run on this valkey-server or redis-server only")
    asked = parser.parse_args()
    chosen = [fault for fault in FAULTS if not asked.rows or any(part in fault.name for part in asked.rows)]
    redis = None if asked.server else redis_program()
    jobs = [(fault, asked.server) for fault in chosen]
    jobs += [(fault, redis) for fault in chosen if fault.below and redis]
    console = Console()
    if not console.is_terminal:
        console.width = WIDE
    console.print(machine())
    impossible = {fault.name for fault in chosen if not fault.possible}
    for name in impossible:
        console.print(f"{name}: left out, it needs Linux and a C compiler")
    if not jobs:
        console.print(f"no row has a name with {' or '.join(asked.rows)} in it")
        return 2
    results: list[Result] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            for fault, server in jobs:
                if fault.possible:
                    results.append(await one(fault, server, asked.rounds, progress, console))
    finally:
        console.print(shown(results))
        whole = len(results) == len(jobs) and len(chosen) == len(FAULTS) and asked.rounds >= 1 and not asked.server
        console.print(keep(results, whole=whole))
    return int(any(result.figures.faults for result in results) or bool(impossible))


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(asyncio.run(main()))
