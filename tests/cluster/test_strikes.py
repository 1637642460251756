"""Every strike between nodes, briefly; `make cluster-tests` runs them in full. What mostly waits runs side by side."""

import asyncio

import pytest

from tests.cluster.row import STRIKES

pytestmark = pytest.mark.anyio


async def test_whatever_is_struck_at_everybody_hears_everything_once_and_in_order(tmp_path_factory):
    folder = tmp_path_factory.mktemp("s")  # short: there are sockets in it
    strikes = [strike for strike in STRIKES if strike.few]
    found = await asyncio.gather(*(strike.row(strike.few, folder / str(n), **strike.briefly) for n, strike in enumerate(strikes)))
    for strike, figures in zip(strikes, found, strict=True):
        assert not figures.faults, f"{strike.name}:\n  " + "\n  ".join(sentence[:600] for sentence in figures.faults[:12])
        assert (figures.rounds, figures.lost, figures.doubled, figures.double_owners) == (strike.few, 0, 0, 0)
        assert figures.acked
