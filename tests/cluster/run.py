"""`make cluster-tests`: every strike between nodes in full, with a progress bar, and a table of what was seen. Exit status 1 where a
promise broke.

make cluster-tests                   all rows
make cluster-tests ARGS="race"       the rows whose names have one of these in them
make cluster-tests ROUNDS=1          so many rounds of each at most
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.cluster.row import STRIKES, Strike
from tests.faults.load import Figures, watching
from tests.faults.table import machine
from tests.wire.server import ROOT

COLUMNS = ("strike", "rounds", "acknowledged", "lost", "doubled", "double owners", "other breaches", "slowest", "took", "also")


async def one(strike: Strike, rounds: int, progress: Progress, console: Console) -> tuple[Figures, float]:
    """A row; whatever it raises is a breach."""
    task, seen = progress.add_task(strike.name, total=rounds), [Figures()]

    async def follow() -> None:
        while True:
            progress.update(task, completed=seen[-1].rounds)
            await asyncio.sleep(0.2)

    following, token, start = asyncio.create_task(follow()), watching.set(seen.append), time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="c") as folder:
            figures = await strike.row(rounds, Path(folder))
    except Exception as error:  # noqa: BLE001 - the other rows are wanted all the same
        figures = seen[-1]
        figures.faults.append(f"{type(error).__name__}: {error}")
    finally:
        watching.reset(token)
        following.cancel()
    progress.update(task, completed=figures.rounds)
    for sentence in figures.faults[:5]:
        console.print(f"[red]{strike.name}[/]: {sentence[:600]}", highlight=False)
    return figures, time.monotonic() - start


def cells(strike: Strike, figures: Figures, took_s: float) -> list[str]:
    others = max(0, len(figures.faults) - figures.lost - figures.doubled - figures.double_owners)
    numbers = [figures.rounds, figures.acked, figures.lost, figures.doubled, figures.double_owners, others]
    return [strike.name, *(f"{number:,}" for number in numbers), f"{figures.worst_s:.2f} s", f"{took_s:,.0f} s", figures.also or "-"]


async def main() -> int:
    parser = argparse.ArgumentParser(prog="make cluster-tests", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("rows", nargs="*", help="parts of names; all rows without")
    parser.add_argument("--rounds", type=int, default=1000, help="so many of each at most")
    asked = parser.parse_args()
    chosen = [strike for strike in STRIKES if not asked.rows or any(part in strike.name for part in asked.rows)]
    console = Console()
    if not chosen:
        console.print(f"no row has a name with {' or '.join(asked.rows)} in it")
        return 2
    if not console.is_terminal:
        console.width = 160
    console.print(machine())
    table = Table(*COLUMNS, title="Several nodes on one Redis")
    failed = False
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        for strike in chosen:
            if (reason := strike.why_not()) is not None:
                console.print(f"{strike.name}: left out, {reason}", highlight=False)
                failed |= os.environ.get("CI") == "true"
                continue
            figures, took_s = await one(strike, min(strike.rounds, asked.rounds), progress, console)
            failed |= bool(figures.faults)
            table.add_row(*cells(strike, figures, took_s), style="red" if figures.faults else None)
            if not console.is_terminal:
                console.print(" | ".join(cells(strike, figures, took_s)), soft_wrap=True, highlight=False)
    console.print(table)
    return int(failed)


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(asyncio.run(main()))
