"""The hunt for a mutant, run inside its copy: schedules in the order of their seeds, up to the first in which a promise is broken.

Says a JSON line for each schedule: its seed, and the rules that were broken in it.
"""

import argparse
import json
import multiprocessing
import re
from collections.abc import Iterator
from pathlib import Path

import actors
from storage import pipe
from tests.simulation.world import judge

LEAST = ("nothing is logged as an error", "nothing is raised in the loop")
"""A rule that speaks of a promise says more than these."""


def verdicts(schedules: int, jobs: int) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Each seed and what was broken, in order."""
    if jobs == 1:
        yield from ((seed, violations) for seed, violations, *_ in map(judge, range(schedules)))
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from ((seed, violations) for seed, violations, *_ in pool.imap(judge, range(schedules)))


def rules(violations: tuple[str, ...]) -> list[str]:
    """The rules that were broken, those that speak of a promise first."""
    named = dict.fromkeys(re.sub(r"^at rest \S+ holds", "at rest everybody holds", text.split(":")[0]) for text in violations)
    return sorted(named, key=lambda rule: rule in LEAST)


def main() -> None:
    """Ends with the first failure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-n", type=int, required=True, help="schedules at most")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    asked = parser.parse_args()
    for module in (actors, pipe):
        assert Path(module.__file__ or "").is_relative_to(Path.cwd()), f"{module.__name__} is not the copy's"
    for seed, violations in verdicts(asked.n, asked.jobs):
        first = next((text for text in violations if not text.startswith(LEAST)), violations[0] if violations else "")
        print(json.dumps({"seed": seed, "rules": rules(violations), "violation": first[:2000]}), flush=True)
        if violations:
            return


if __name__ == "__main__":
    main()
