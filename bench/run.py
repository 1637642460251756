"""`make bench`: every bench, a table, a report to look at and its figures as JSON. SHARE=1 for all of it, a tenth without; arguments choose
by a part of a name. Exit status 1 where a promise was broken.
"""

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.claim_race import claim_race
from bench.connect_storm import connect_storm
from bench.deliver import deliver
from bench.fanout import fanout
from bench.found import Found
from bench.house import SEED, Step
from bench.idle import idle
from bench.offline_drain import offline_drain
from bench.scale import scale
from bench.soak import soak
from bench.stores import stores

Bench = Callable[[Path, float, Step], Awaitable[Found]]
BENCHES: dict[str, Bench] = {
    "deliver": deliver,
    "claim_race": claim_race,
    "offline_drain": offline_drain,
    "connect_storm": connect_storm,
    "idle": idle,
    "fanout": fanout,
    "stores": stores,
    "scale": scale,
    "soak": soak,
}
"""Name to what runs it in a folder, a share of it, telling how far it is from 0 to 1."""


async def one(run: Bench, share: float, step: Step) -> Found:
    """What a bench finds; where it cannot go on, that is what was found."""
    with tempfile.TemporaryDirectory(prefix="b") as folder:
        try:
            return await run(Path(folder), share, step)
        except (AssertionError, OSError, TimeoutError) as error:
            return Found(broken=[str(error) or type(error).__name__])


def table(found: dict[str, Found]) -> Table:
    """A line for each row of each bench."""
    shown = Table(title="What was measured")
    for column in ("bench", "case", "figures"):
        shown.add_column(column, no_wrap=column != "figures")
    for name, told in found.items():
        for row, figures in told.rows.items():
            shown.add_row(name, row, ", ".join(f"{what} {value:g}" for what, value in figures.items()))
        for sentence in told.broken[:3]:
            shown.add_row(name, "[red]broken", f"[red]{sentence}")
    return shown


def machine() -> str:
    """What the figures rest on."""
    loaded = f"{os.getloadavg()[0]:.1f} processes wanted them as it began"
    return f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores, {loaded}"


async def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", help=f"parts of names, all without: {', '.join(BENCHES)}")
    parser.add_argument("--share", type=float, default=0.1, help="the part of each")
    parser.add_argument("--out", type=Path, default=Path("bench-report"), help="the folder for report.html and figures.json")
    parser.add_argument("--shards", type=int, default=0, help="scale: clusters of so many shards at most as well")
    asked = parser.parse_args()
    benches = BENCHES | {"scale": partial(scale, shards=asked.shards)}
    chosen = {name: run for name, run in benches.items() if not asked.names or any(part in name for part in asked.names)}
    if not chosen or not 0 < asked.share <= 1:
        parser.error(f"no such bench; there are {', '.join(BENCHES)}" if not chosen else "--share must be above 0 and 1 at most")
    try:
        asked.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"--out {asked.out}: {error.strerror}")
    from bench.report import Report, page  # what draws takes its time to come

    console = Console(width=None if sys.stdout.isatty() else 200)
    report = Report(machine=machine(), at=time.strftime("%Y-%m-%d %H:%M:%S %z"), arguments=f"share {asked.share:g}, seed {SEED}", found={})
    console.print(f"{report.machine}; {report.arguments}")
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        for name, run in chosen.items():
            task = progress.add_task(name, total=1.0)
            report.found[name] = await one(run, asked.share, lambda part, task=task: progress.update(task, completed=part))
            progress.update(task, completed=1.0)
            if not console.is_terminal:
                console.print(f"{name}: {'a promise was broken' if report.found[name].broken else 'kept'}", highlight=False)
    (asked.out / "figures.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    (asked.out / "report.html").write_text(page(report))
    console.print(table(report.found))
    console.print(f"report: {asked.out / 'report.html'}, figures: {asked.out / 'figures.json'}", highlight=False)
    return int(any(found.broken for found in report.found.values()))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
