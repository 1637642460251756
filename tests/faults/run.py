"""`make faults`: every fault in full, with a progress bar, and a table of what was seen. Exit status 1 where a promise broke.

ROUNDS=0.1 makes a tenth of the rounds; arguments choose rows by a part of their names.
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
from rich.table import Table

from tests.faults.drain import sigterm
from tests.faults.load import Figures, watching
from tests.faults.row import EVERY, FAULTS, Fault


async def one(fault: Fault, rounds: int, progress: Progress, console: Console) -> Figures:
    """A row; whatever it raises is a breach."""
    task = progress.add_task(fault.name, total=None if rounds >= EVERY else rounds)
    seen: list[Figures] = []

    async def follow() -> None:
        while True:
            progress.update(task, completed=sum(figures.rounds for figures in seen))
            await asyncio.sleep(0.2)

    following = asyncio.create_task(follow())
    token = watching.set(seen.append)
    try:
        with tempfile.TemporaryDirectory(prefix="f") as folder:
            figures = await fault.row(rounds, Path(folder))
    except Exception as error:  # noqa: BLE001 - the other rows are wanted all the same
        figures = seen[-1] if seen else Figures()
        figures.faults.append(f"{type(error).__name__}: {error}")
    finally:
        watching.reset(token)
        following.cancel()
    progress.update(task, completed=figures.rounds, total=figures.rounds)
    for sentence in figures.faults[:5]:
        console.print(f"[red]{fault.name}[/]: {sentence[:400]}", highlight=False)
    return figures


def table(results: list[tuple[Fault, Figures]]) -> Table:
    shown = Table(title="Faults on real processes")
    for column in ("fault", "rounds", "acked", "lost", "doubled", "double owners", "other breaches", "worst recovery"):
        shown.add_column(column, justify="left" if column == "fault" else "right", no_wrap=column == "fault")
    for fault, f in results:
        others = max(0, len(f.faults) - f.lost - f.doubled - f.double_owners)
        worst = f"{f.worst_s:.1f} s" if f.worst_s else "-"
        cells = [fault.name, *map(str, (f.rounds, f.acked, f.lost, f.doubled, f.double_owners, others)), worst]
        shown.add_row(*cells, style="red" if f.faults else None)
    return shown


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("rows", nargs="*", help="parts of names; all rows without")
    parser.add_argument("--rounds", type=float, default=float(os.environ.get("ROUNDS") or 1), help="the share of the full figures")
    parser.add_argument("--python", help="a second interpreter to drain dibs under")
    arguments = parser.parse_args()
    faults = [fault for fault in FAULTS if not arguments.rows or any(part in fault.name for part in arguments.rows)]
    if arguments.python:
        faults.append(Fault("SIGTERM, other Python", lambda *args: sigterm(*args, python=arguments.python), 10))
    console = Console()
    console.print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores")
    start = time.monotonic()
    results = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        for fault in faults:
            if not fault.possible:
                console.print(f"{fault.name}: left out, it needs Linux and a C compiler")
                continue
            results.append((fault, await one(fault, max(1, round(fault.rounds * arguments.rounds)), progress, console)))
    console.print(table(results))
    console.print(f"{time.monotonic() - start:.0f} s")
    return int(any(figures.faults for _, figures in results) or len(results) < len(faults))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
