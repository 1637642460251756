"""`make attack`: every attack in full, with a progress bar, and a table of what was seen. Exit status 1 where a bound broke.

SHARE=0.1 makes a tenth of each; arguments choose rows by a part of their names.
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

from tests.attack.row import ATTACKS, Attack
from tests.attack.scene import Figures

COLUMNS = ("sent MB", "grown MB", "Valkey MB", "p99 ms", "answered")


async def one(attack: Attack, share: float) -> Figures:
    """A row's figures; what it raises is one of them."""
    start_s = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="a") as folder:
            figures = await attack.row(Path(folder), share)
    except Exception as error:  # noqa: BLE001 - the other rows are wanted all the same
        figures = {"breach": f"{type(error).__name__}: {error}"}
    return figures | {"seconds": round(time.monotonic() - start_s, 1)}


def table(results: list[tuple[Attack, Figures]]) -> Table:
    shown = Table(title="Attacks on real servers")
    for column in ("attack", *COLUMNS, "seconds", "besides"):
        shown.add_column(column, justify="left" if column in ("attack", "answered", "besides") else "right", overflow="fold")
    for attack, figures in results:
        besides = ", ".join(f"{name} {value}" for name, value in figures.items() if name not in (*COLUMNS, "seconds"))
        cells = [str(figures.get(column, "-")) for column in (*COLUMNS, "seconds")]
        shown.add_row(attack.name, *cells, besides, style="red" if "breach" in figures else None)
    return shown


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("rows", nargs="*", help="parts of names; all rows without")
    parser.add_argument("--share", type=float, default=float(os.environ.get("SHARE") or 1), help="the share of the full attacks")
    arguments = parser.parse_args()
    attacks = [attack for attack in ATTACKS if not arguments.rows or any(part in attack.name for part in arguments.rows)]
    console = Console(width=None if sys.stdout.isatty() else 200)
    console.print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores")
    results = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=len(attacks))
        for attack in attacks:
            progress.update(task, description=attack.name)
            results.append((attack, await one(attack, arguments.share)))
            if breach := results[-1][1].get("breach"):
                console.print(f"[red]{attack.name}[/]: {breach[:600]}", highlight=False)
            progress.advance(task)
    console.print(table(results))
    console.print(f"{os.getloadavg()[0]:.1f} processes want the cores at the end")
    return int(any("breach" in figures for _, figures in results) or not results)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
