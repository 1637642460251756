"""Every fault of the table, a few rounds of each; `make faults` runs them in full. What mostly waits runs side by side."""

import asyncio

import pytest

from tests.faults.load import Figures
from tests.faults.row import FAULTS, Fault

pytestmark = pytest.mark.anyio

SIDE_BY_SIDE = (
    ("Redis stopped", "CLIENT PAUSE", "DEBUG SLEEP", "reply k never comes"),
    ("disk full", "wall clock of dibs jumps", "wall clock of Redis jumps"),
    ("kill -9 of dibs", "kill -9 of the embedded server", "kill -9 of both", "maxmemory reached"),
    ("tail of the file cut off", "older copy restored", "older copy under a living dibs", "power cut"),
    ("socket cut after every k-th frame", "each kind of actor raises", "each command sent 1 to 6 times"),
    ("cut after request k", "cut within request k", "reply k dropped"),
)
ALONE = tuple((fault.name,) for fault in FAULTS if not any(fault.name in names for names in SIDE_BY_SIDE))


@pytest.mark.parametrize("names", [*SIDE_BY_SIDE, *ALONE], ids=lambda names: ", ".join(names))
async def test_nothing_acknowledged_is_lost_nothing_is_doubled_and_nobody_shares_a_chat(names, tmp_path_factory):
    faults = [fault for fault in FAULTS if fault.name in names]
    if impossible := [fault.name for fault in faults if not fault.possible]:
        pytest.skip(f"needs Linux and a C compiler: {impossible}")
    folder = tmp_path_factory.mktemp("f")  # short: there are sockets in it
    results = await asyncio.gather(*(fault.row(fault.few, folder / str(n), **fault.briefly) for n, fault in enumerate(faults)))
    for fault, figures in zip(faults, results, strict=True):
        judge(fault, figures)


def judge(fault: Fault, figures: Figures) -> None:
    assert not figures.faults, f"{fault.name}:\n  " + "\n  ".join(sentence[:600] for sentence in figures.faults[:12])
    assert (figures.lost, figures.doubled, figures.double_owners) == (0, 0, 0)
    assert figures.rounds >= min(fault.few, fault.rounds), f"{fault.name}: only {figures.rounds} rounds"
