"""Every fault of the table, a few rounds of each; `make faults` runs them in full. What mostly waits runs side by side.

Where this machine has a Redis, faults of the server below run on that as well.
"""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.faults.interpreter import interpreters
from tests.faults.load import Figures
from tests.faults.process import redis_program
from tests.faults.row import EVERY, FAULTS, Fault

pytestmark = pytest.mark.anyio

NAMES = [fault.name for fault in FAULTS]
SIDE_BY_SIDE = (
    (
        *("Redis stopped", "CLIENT PAUSE", "DEBUG SLEEP", "reply k never comes", "wall clock of dibs jumps", "wall clock of Redis jumps"),
        *("socket cut after every k-th frame", "each command sent 1 to 6 times"),
        *("cut after request k", "cut within request k", "reply k dropped"),
    ),
    ("kill -9 of dibs", "kill -9 of the embedded server", "kill -9 of both", "maxmemory reached", "disk full", "500 sessions cut at once"),
    (*("tail of the file cut off", "older copy restored", "older copy under a living dibs", "power cut", "kill -9 of a backup"),),
    ("each kind of actor raises", *(name for name in NAMES if name.startswith("SIGTERM"))),
)
ON_REDIS = {
    "Redis stopped",
    "CLIENT PAUSE",
    "DEBUG SLEEP",
    "kill -9 of the embedded server",
    "kill -9 of both",
    "maxmemory reached",
    "cut after request k",
    "reply k dropped",
}


@pytest.mark.parametrize("names", SIDE_BY_SIDE, ids=", ".join)
async def test_nothing_acknowledged_is_lost_nothing_is_doubled_and_nobody_shares_a_chat(names, tmp_path_factory):
    faults = [fault for fault in FAULTS if fault.name in names]
    if impossible := [fault.name for fault in faults if not fault.possible]:
        pytest.skip(f"needs Linux and a C compiler: {impossible}")
    redis = redis_program()
    jobs = [(fault, None) for fault in faults] + [(fault, redis) for fault in faults if redis and fault.name in ON_REDIS]
    folder = tmp_path_factory.mktemp("f")  # short: there are sockets in it
    rows = (fault.run(fault.few, folder / str(n), server, **fault.briefly) for n, (fault, server) in enumerate(jobs))
    for (fault, server), figures in zip(jobs, await asyncio.gather(*rows), strict=True):
        judge(fault, server, figures)


def judge(fault: Fault, server: Path | None, figures: Figures) -> None:
    what = f"{fault.name} on {server or 'the bundled server'}"
    assert not figures.faults, f"{what}:\n  " + "\n  ".join(sentence[:600] for sentence in figures.faults[:12])
    assert (figures.lost, figures.doubled, figures.double_owners) == (0, 0, 0)
    assert figures.rounds >= min(fault.few, fault.rounds), f"{what}: only {figures.rounds} rounds"


def test_the_suite_runs_every_row_of_the_table_once():
    assert sorted(name for group in SIDE_BY_SIDE for name in group) == sorted(set(NAMES)) == sorted(NAMES)
    assert {fault.name for fault in FAULTS if fault.below} >= ON_REDIS


def test_the_newest_other_interpreter_is_taken_and_a_half_made_environment_is_none(tmp_path):
    for version in ("3.9", "3.98", "3.99", "3.100"):
        (tmp_path / f".venv-{version}").mkdir()
    for version in ("3.9", "3.98", "3.99"):
        (tmp_path / f".venv-{version}" / "installed").touch()
    own, *others = interpreters(tmp_path)
    assert own == "{}.{}".format(*sys.version_info)
    assert others == ["3.99"]


@pytest.mark.parametrize(("name", "part", "rounds"), [("kill -9 of dibs", 1, 100), ("kill -9 of dibs", 0.1, 10), ("disk full", 0.1, 1)])
def test_a_part_of_the_figures_is_one_round_at_least(name, part, rounds):
    (fault,) = (fault for fault in FAULTS if fault.name == name)
    assert fault.share(part) == rounds


def test_a_part_of_every_k_is_a_few_of_them_and_the_whole_is_all():
    (fault,) = (fault for fault in FAULTS if fault.name == "reply k dropped")
    assert (fault.share(0.1), fault.share(1)) == (10, EVERY)
