"""`make bench-peers`: dibs beside Socket.IO on Node and FastAPI, each with Redis, under the load of `deliver`, in turn. Medians and ratios.

ROUNDS=5 for more than three, SHARE=1 for whole ones; HARNESS=DIR names a harness of other peers, which then measures dibs too.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.found import Figures, Found, Plot
from bench.house import SEED, Step, played
from bench.peers.harness import measured
from bench.peers.server import Missing, running
from bench.peers.tongue import TONGUES
from bench.report import Report, page
from bench.run import machine

SECONDS = 10.0
SHOWN = ("deliveries a second", "to agents p50 ms", "to agents p99 ms")


async def one(peer: str, fsync: str, share: float, step: Step) -> Found:
    """One round of one peer."""
    with tempfile.TemporaryDirectory(prefix="b") as folder:
        async with running(peer, Path(folder), fsync) as there:
            order = {"address": there.address, "secret": there.secret, "pids": there.pids, "seed": SEED, "peer": peer}
            return await played("peers.side", step, order | {"seconds": max(0.5, SECONDS * share)})


def medians(rounds: list[Found]) -> dict[str, Figures]:
    """Row to the median of each of its figures."""
    first = rounds[0].rows
    return {row: {what: median(each.rows[row][what] for each in rounds) for what in figures} for row, figures in first.items()}


def beside(found: dict[str, dict[str, Figures]]) -> Found:
    """A row for each case and peer, with ratios to dibs."""
    rows: dict[str, Figures] = {}
    for case in next(iter(found.values())):
        for peer, cases in found.items():
            figures = dict(cases[case])
            cores = sum(value for what, value in figures.items() if "CPU" in what)
            shown = {what: figures[what] for what in SHOWN} | {"CPU s for 1,000 deliveries": round(cores, 4)}
            if "dibs" in found:
                ours = found["dibs"][case]
                shown["deliveries, dibs to it"] = round(ours["deliveries a second"] / figures["deliveries a second"], 2)
                shown["CPU, dibs to it"] = round(sum(value for what, value in ours.items() if "CPU" in what) / cores, 2) if cores else 0.0
            rows[f"{case}: {peer}"] = shown
    lines = {what: {peer: [(n, cases[case][what]) for n, case in enumerate(cases)] for peer, cases in found.items()} for what in SHOWN[:1]}
    names = ", ".join(f"{n} {case}" for n, case in enumerate(next(iter(found.values()))))
    plots = [Plot(title=what.capitalize(), x=names, y=what, lines=each, tall="log") for what, each in lines.items()]
    return Found(rows=rows, plots=plots)


def table(found: Found) -> Table:
    """A line for each row."""
    columns = list(next(iter(found.rows.values())))
    shown = Table(title="Side by side, medians")
    for column in ("case", *columns):
        shown.add_column(column, justify="left" if column == "case" else "right")
    for row, figures in found.rows.items():
        shown.add_row(row, *(f"{figures.get(column, 0):g}" for column in columns))
    return shown


async def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-peers", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("peers", nargs="*", help=f"some of {', '.join(TONGUES)}; all without")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--share", type=float, default=0.3, help="the part of ten seconds for each case")
    parser.add_argument("--fsync", choices=("everysec", "always"), default="everysec", help="for the peers; dibs syncs always")
    parser.add_argument("--out", type=Path, default=Path("bench-report"), help="the folder for peers.html and peers.json")
    asked = parser.parse_args()
    peers = asked.peers or list(TONGUES)
    if asked.rounds < 1 or not 0 < asked.share <= 1 or not set(peers) <= set(TONGUES):
        parser.error(f"--rounds from 1, --share above 0 and 1 at most, peers of {', '.join(TONGUES)}")
    asked.out.mkdir(parents=True, exist_ok=True)
    console = Console(width=None if sys.stdout.isatty() else 200)
    rounds: dict[str, list[Found]] = {peer: [] for peer in peers}
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=float(asked.rounds * len(peers)))
        done = 0
        for number in range(asked.rounds):
            for peer in peers:
                progress.update(task, description=f"round {number + 1}, {peer}")
                try:
                    rounds[peer].append(
                        await one(peer, asked.fsync, asked.share, lambda part, done=done: progress.update(task, completed=done + part))
                    )
                except Missing as missing:
                    parser.error(str(missing))
                done += 1
    found = beside({peer: medians(each) for peer, each in rounds.items()})
    found.broken = [f"{peer}: {sentence}" for peer, each in rounds.items() for told in each for sentence in told.broken[:3]]
    arguments = f"{asked.rounds} rounds in turn, share {asked.share:g}, seed {SEED}, appendfsync {asked.fsync} (dibs: always)"
    report = Report(machine=machine(), at=time.strftime("%Y-%m-%d %H:%M:%S %z"), arguments=arguments, found={"peers": found})
    if harness := os.environ.get("HARNESS"):
        report.found["harness"] = await measured(Path(harness), asked.rounds, console)
    (asked.out / "peers.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    (asked.out / "peers.html").write_text(page(report, "dibs and others"))
    for told in report.found.values():
        console.print(table(told))
        for sentence in told.broken[:10]:
            console.print(f"[red]{sentence}", highlight=False)
    console.print(f"{arguments}; report: {asked.out / 'peers.html'}", highlight=False)
    return int(any(told.startswith("dibs") for told in found.broken))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
