"""`make bench`: every bench, a table and a JSON. SHARE=1 for all of it, a tenth without; arguments choose by a part of a name."""

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.claim_race import claim_race
from bench.deliver import deliver
from bench.house import Figures
from bench.offline_drain import offline_drain

Bench = Callable[[Path, float, Callable[[float], None]], Awaitable[Figures]]
BENCHES: dict[str, Bench] = {"deliver": deliver, "claim_race": claim_race, "offline_drain": offline_drain}
"""Name to what runs it in a folder, a share of it, telling how far it is from 0 to 1; raises AssertionError where a promise is broken."""


def table(found: dict[str, Figures]) -> Table:
    """A line for each bench."""
    shown = Table(title="What people wait for")
    shown.add_column("bench", no_wrap=True)
    shown.add_column("figures")
    for name, figures in found.items():
        shown.add_row(name, ", ".join(f"{what} {value:g}" for what, value in figures.items()))
    return shown


async def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", help="parts of names; all benches without")
    parser.add_argument("--share", type=float, default=0.1, help="the part of each")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="where the figures go")
    asked = parser.parse_args()
    chosen = {name: run for name, run in BENCHES.items() if not asked.names or any(part in name for part in asked.names)}
    if not chosen or not 0 < asked.share <= 1:
        parser.error(f"no such bench; there are {', '.join(BENCHES)}" if not chosen else "--share must be above 0 and 1 at most")
    console = Console(width=None if sys.stdout.isatty() else 200)
    found: dict[str, Figures] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        for name, run in chosen.items():
            task = progress.add_task(name, total=1.0)
            with tempfile.TemporaryDirectory(prefix="b") as folder:
                found[name] = await run(Path(folder), asked.share, lambda part, task=task: progress.update(task, completed=part))
    machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    asked.json.write_text(json.dumps({"machine": machine, "share": asked.share, "figures": found}, indent=1) + "\n")
    console.print(table(found))
    console.print(f"{machine}; also in {asked.json}")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
