"""What a bench has found: rows of figures with their units, plots, and what of its promise was broken."""

from collections.abc import Sequence
from statistics import quantiles
from typing import Literal

import msgspec

Figures = dict[str, float]
"""Figures by name with their unit."""
NINES = (0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.99)
"""The percentiles of a plot of waits."""


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """Lines by name, each of points (x, y). `across` says how x is laid out: percentiles by their number of nines."""

    title: str
    x: str
    y: str
    lines: dict[str, list[tuple[float, float]]]
    across: Literal["even", "log", "nines"] = "even"
    tall: Literal["even", "log"] = "even"


class Found(msgspec.Struct, kw_only=True):
    """`rows` by name; `broken` are sentences, and none where the promise was kept."""

    rows: dict[str, Figures] = msgspec.field(default_factory=dict)
    plots: list[Plot] = msgspec.field(default_factory=list)
    broken: list[str] = msgspec.field(default_factory=list)


def spread(waits_s: Sequence[float], what: str) -> Figures:
    """Median, 99th percentile and worst of some waits, in ms."""
    ordered = sorted(waits_s)
    p99 = quantiles(ordered, n=100)[98] if len(ordered) > 1 else ordered[0]
    values = {"p50": ordered[len(ordered) // 2], "p99": min(p99, ordered[-1]), "worst": ordered[-1]}
    return {f"{what} {name} ms": round(1000 * value, 2) for name, value in values.items()}


def distribution(waits_s: Sequence[float]) -> list[tuple[float, float]]:
    """Points (percentile, ms) as far as there are waits enough to speak of it."""
    ordered = sorted(waits_s)
    return [(nines, round(1000 * ordered[int(len(ordered) * nines / 100)], 3)) for nines in NINES if len(ordered) * (100 - nines) >= 100]
