"""`make mutants`: every mutant is hunted by the simulation, and by the property tests if that does not find it.

make mutants                   all of them, 2,000 schedules at most for each
make mutants ARGS="fence"      those with a part of their names; N=500 fewer schedules
Exit status 1 if one survives or no longer applies, or if the code without a bug does not stand the same hunt.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import attrs
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.mutants.mutant import PATCHES, DoesNotApply, Mutant, copy_house, environment, mutants

SCHEDULES = 2000
SOUND = 300
"""So many schedules the code without a bug has to stand before a hunt means something."""
PROPERTIES = ("tests/properties", "tests/storage/test_journal_machine.py")
BROKEN = "the simulation fails"
"""Code that does not run at all proves nothing."""


@attrs.frozen
class Found:
    """What caught a mutant. `schedules` None: not the simulation."""

    by: str
    schedules: int | None = None
    violation: str = ""


class Useless(Exception):
    """The mutant does not even run."""


def simulate(folder: Path, schedules: int, jobs: int | None, see: Callable[[int], None]) -> Found | None:
    """Hunts in a copy; None if every promise was kept."""
    command = [sys.executable, "-m", "tests.mutants.hunt", "-n", str(schedules), *(["--jobs", str(jobs)] if jobs else [])]
    with tempfile.TemporaryFile("w+") as complaints:
        streams = {"stdout": subprocess.PIPE, "stderr": complaints, "text": True}
        with subprocess.Popen(command, cwd=folder, env=environment(folder), start_new_session=True, **streams) as hunt:
            try:
                found = _follow(hunt.stdout or (), see)
            except BaseException:
                # Its pool would go on without it: they are ended together.
                os.killpg(hunt.pid, signal.SIGKILL)
                raise
        if found is None and hunt.returncode:
            complaints.seek(0)
            raise Useless(complaints.read()[-2000:])
    return found


def _follow(lines: Iterable[str], see: Callable[[int], None]) -> Found | None:
    for ran, line in enumerate(lines, 1):
        told = json.loads(line)
        see(ran)
        if told["rules"]:
            if told["rules"][0] == BROKEN:
                raise Useless(told["violation"])
            return Found("; ".join(told["rules"][:2]), ran, f"seed {told['seed']}: {told['violation']}")
    return None


def try_properties(folder: Path) -> Found | None:
    """Runs the hypothesis machines in a copy; None if they pass."""
    # However long it takes: a machine that is busy has caught nothing.
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--timeout=0", *PROPERTIES]
    # In CI the same commit tries the same examples.
    done = subprocess.run(command, cwd=folder, env=environment(folder) | {"CI": "true"}, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    failed = re.search(r"^FAILED \S+::(\w+)(?: - (.*))?", done.stdout, re.MULTILINE)
    if done.returncode != 1 or failed is None:
        raise Useless(done.stdout[-2000:] + done.stderr[-2000:])
    return Found(failed[1], None, failed[2] or "")


def catch(mutant: Mutant | None, asked: argparse.Namespace, schedules: int, see: Callable[[int], None]) -> Found | None:
    """What caught it, if anything did. Raises `DoesNotApply` or `Useless`. Without a mutant the code as it is."""
    with tempfile.TemporaryDirectory(prefix="mutant") as name:
        folder = copy_house(Path(name).resolve())
        if mutant is not None:
            mutant.apply(folder)
        found = None if mutant is not None and mutant.is_for_properties else simulate(folder, schedules, asked.jobs, see)
        return found if found is not None or asked.simulation_only else try_properties(folder)


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants")
    parser.add_argument("names", nargs="*", help="parts of names; all mutants without")
    parser.add_argument("-n", type=int, default=SCHEDULES, help="schedules at most for each")
    parser.add_argument("--jobs", type=int, help="processes; as many as there are cores without")
    parser.add_argument("--simulation-only", action="store_true", help="leave the property tests out")
    parser.add_argument("--patches", type=Path, default=PATCHES, help="another folder of patches")
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> int:
    """Exit status 1 if a mutant survives."""
    asked = arguments(given)
    chosen = [mutant for mutant in mutants(asked.patches) if not asked.names or any(part in mutant.name for part in asked.names)]
    if not chosen:
        sys.exit("no mutant has such a name")
    console = Console(stderr=True)
    table = Table("mutant", "what caught it", "schedules", title="Mutants", title_justify="left")
    began_s, wrong = time.monotonic(), 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        overall = progress.add_task("mutants", total=len(chosen) + 1)
        for mutant in (None, *chosen):
            name, schedules = ("the code as it is", min(SOUND, asked.n)) if mutant is None else (mutant.name, asked.n)
            bar = progress.add_task(name, total=schedules)
            row, is_right = _row(mutant, asked, schedules, lambda ran, bar=bar: progress.update(bar, completed=ran))
            wrong += not is_right
            table.add_row(name, *row, style=None if is_right else "red")
            if not is_right or not console.is_terminal:
                says = mutant.says if mutant is not None else ""
                progress.console.print(f"{name}: {says} -> {': '.join(row)}", highlight=False, markup=False, soft_wrap=True)
            progress.remove_task(bar)
            progress.advance(overall)
    Console(width=None if sys.stdout.isatty() else 150).print(table)
    console.print(f"{len(chosen)} mutants in {time.monotonic() - began_s:.0f} s: {wrong} rows are wrong", highlight=False)
    return 1 if wrong else 0


def _row(mutant: Mutant | None, asked: argparse.Namespace, schedules: int, see: Callable[[int], None]) -> tuple[tuple[str, str], bool]:
    """The cells behind the name, and whether it is as it has to be: a mutant is caught, the code as it is stands."""
    try:
        found = catch(mutant, asked, schedules, see)
    except DoesNotApply as error:
        return (f"does not apply any more: {error}", "-"), False
    except Useless as error:
        return (f"does not run: {error}", "-"), False
    if found is None:
        return ("nothing" if mutant is None else "SURVIVES", f"{schedules}"), mutant is None
    by = found.by if mutant is not None else f"{found.by}, {found.violation}"
    return (by, "-" if found.schedules is None else f"{found.schedules}"), mutant is not None


if __name__ == "__main__":
    sys.exit(main())
