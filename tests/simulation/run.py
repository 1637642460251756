"""`make simulate`: so many schedules on all cores; or one, told in words, and made smaller.

make simulate                 5,000 schedules from seed 0
make simulate N=1000000       as many as asked
make simulate SEED=17         one, with its trace; SHRINK=1 leaves out the commands, faults and people that its failure does not need
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.simulation.schedule import MODES, Schedule, schedule
from tests.simulation.shrink import shrink
from tests.simulation.world import Verdict, judge, simulate

TRIES = 600
"""Smaller schedules that are tried."""
SHOWN = 3
"""Failures that are shown in full."""


def main() -> int:
    """Exit status 1 if any schedule fails."""
    parser = argparse.ArgumentParser(prog="make simulate")
    parser.add_argument("-n", type=int, default=5000, help="how many schedules")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="this one only, told in words")
    parser.add_argument("--shrink", action="store_true", help="leave out what the failure does not need")
    parser.add_argument("--fail-fast", action="store_true", help="stop at the first failure")
    asked = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        # Sets of strings go by their hash: only with a fixed one is a run the same twice.
        os.execve(sys.executable, [sys.executable, "-m", "tests.simulation.run", *sys.argv[1:]], os.environ | {"PYTHONHASHSEED": "0"})
    return _many(asked) if asked.seed is None else _one(asked.seed, is_small=asked.shrink)


def _many(asked: argparse.Namespace) -> int:
    console = Console(stderr=True)
    failed: list[tuple[int, tuple[str, ...]]] = []
    modes: Counter[str] = Counter()
    lines, began_s = 0, time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with multiprocessing.get_context("spawn").Pool() as pool, Progress(*columns, console=console) as progress:
        bar = progress.add_task("simulating", total=asked.n)
        for seed, violations, mode, told in pool.imap_unordered(judge, range(asked.first, asked.first + asked.n), chunksize=8):
            modes[mode] += 1
            lines += told
            progress.advance(bar)
            if violations:
                failed.append((seed, violations))
                progress.update(bar, description=f"[red]{len(failed)} failed")
                progress.console.print(f"[red]seed {seed} ({mode})[/]: {violations[0][:300]}", highlight=False, soft_wrap=True)
                if asked.fail_fast:
                    break
    took_s = time.monotonic() - began_s
    ran = sum(modes.values())
    shares = ", ".join(f"{modes[mode]} {mode}" for mode in dict.fromkeys(MODES))
    console.print(
        f"{ran} schedules ({shares}), {lines} frames and steps, in {took_s:.1f} s: {len(failed)} failed", highlight=False, soft_wrap=True
    )
    for seed, violations in sorted(failed)[:SHOWN]:
        console.print(
            f"\nseed {seed}; the same again, made smaller and told in words: make simulate SEED={seed} SHRINK=1",
            highlight=False,
            soft_wrap=True,
        )
        for violation in violations[:8]:
            console.print(f"  {violation}", markup=False, highlight=False, soft_wrap=True)
    return 1 if failed else 0


def _one(seed: int, *, is_small: bool) -> int:
    whole = simulate(schedule(seed), is_told=True)
    if is_small and whole.violations:
        first = whole.kinds[0]
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True)) as progress:
            bar = progress.add_task("trying to do without", total=TRIES)

            def fails(smaller: Schedule) -> bool:
                progress.advance(bar)
                return first in simulate(smaller).kinds

            small = shrink(whole.schedule, fails, TRIES)
        whole = simulate(small, is_told=True)
    _tell(whole)
    return 1 if whole.violations else 0


def _tell(verdict: Verdict) -> None:
    found = verdict.schedule
    print(f"seed {found.seed}: {found.mode}, {found.nodes} nodes, grace {found.grace_s} s, limit {found.agent_limit}")
    for someone in found.people:
        print(f"  {someone.role} {someone.id} at {', '.join(someone.stores)}, {someone.tabs} tabs")
    for part in found.parts:
        print(f"  {part}")
    print("\n".join(verdict.trace))
    print(f"\n{len(verdict.violations) or 'no'} {'violation' if len(verdict.violations) == 1 else 'violations'}")
    for violation in verdict.violations:
        print(f"  {violation}")


if __name__ == "__main__":
    sys.exit(main())
