"""`make page-figures`: what the pages weigh and how fast they are, written to docs/pages.md. SHARE=0.1 a tenth, which is only shown."""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bench.found import Found
from bench.pages.frame import frame
from bench.pages.hour import hour
from bench.pages.weight import weight
from bench.run import Bench, machine, table
from tests.browser.chromium import program

BENCHES: dict[str, Bench] = {"weight": weight, "frame": frame, "hour": hour}
PAGE = Path(__file__).parents[2] / "docs" / "pages.md"
BEGIN, END = "<!-- figures of make page-figures -->\n", "<!-- end of figures -->"


def written(name: str, found: Found) -> str:
    """Its rows as a table."""
    columns = list(dict.fromkeys(what for figures in found.rows.values() for what in figures))
    lines = [f"| {name} | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
    for row, figures in found.rows.items():
        cells = [f"{figures[what]:,g}" if what in figures else "" for what in columns]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *(f"Not kept: {sentence}." for sentence in found.broken)]) + "\n"


async def main() -> int:
    parser = argparse.ArgumentParser(prog="make page-figures", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", help=f"parts of names, all without, and then the page is not written: {', '.join(BENCHES)}")
    parser.add_argument("--share", type=float, default=1.0, help="the part of each")
    asked = parser.parse_args()
    chosen = {name: run for name, run in BENCHES.items() if not asked.names or any(part in name for part in asked.names)}
    if not chosen or not 0 < asked.share <= 1:
        parser.error(f"no such figures; there are {', '.join(BENCHES)}" if not chosen else "--share must be above 0 and 1 at most")
    if program() is None:
        parser.error("there is no Chromium on PATH (on Debian: apt install chromium)")
    console = Console(width=None if sys.stdout.isatty() else 240)
    told, found = f"{time.strftime('%Y-%m-%d %H:%M')}; {machine()}", {}
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        for name, run in chosen.items():
            task = progress.add_task(name, total=1.0)
            with tempfile.TemporaryDirectory(prefix="p") as folder:
                found[name] = await run(Path(folder), asked.share, lambda part, task=task: progress.update(task, completed=part))
    console.print(table(found))
    if len(chosen) == len(BENCHES) and asked.share == 1:
        before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
        tables = "\n".join(written(name, one) for name, one in found.items())
        PAGE.write_text(f"{before}{BEGIN}\n{told}.\n\n{tables}\n{END}{rest.partition(END)[2]}", "utf-8")
        console.print(f"written to {PAGE.relative_to(Path.cwd())}", highlight=False)
    return int(any(one.broken for one in found.values()))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
