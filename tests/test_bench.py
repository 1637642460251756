"""Every bench in small: it runs, and what it promises holds."""

import pytest

from bench.run import BENCHES

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("name", BENCHES)
async def test_a_small_part_of_each_bench_keeps_its_promise_and_gives_its_figures(name, tmp_path):
    parts: list[float] = []
    figures = await BENCHES[name](tmp_path, 0.02, parts.append)
    assert parts == sorted(parts)
    assert parts[-1] == 1
    assert all(value > 0 for value in figures.values())
    assert any(what.endswith("p99 ms") for what in figures)
