"""What was counted as plain data, that several processes can send and add up, and the text that Prometheus reads.

The sum of all workers stands without the label `worker`, and beside it what each has counted, with it. What is no number of things is not
added: of shares and peaks the highest is told, and of what can be reached whether all can.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

HIGHEST = frozenset({"dibs_mailbox_peak", "dibs_used_ratio", "dibs_runs_out"})
LOWEST = frozenset({"dibs_storage_reachable"})
WORKER = "worker"


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One number. `labels` are in order."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float


class Family(msgspec.Struct, frozen=True, array_like=True):
    """A metric with all its labels; `kind` is Prometheus' word."""

    name: str
    text: str
    kind: str
    samples: list[Sample]


def read(collector: Collector) -> list[Family]:
    """What a collector has counted."""
    return [
        Family(
            metric.name,
            metric.documentation,
            metric.type,
            [Sample(sample.name, tuple(sample.labels.items()), sample.value) for sample in metric.samples],
        )
        for metric in collector.collect()
    ]


def add(parts: Iterable[Sequence[Family]]) -> list[Family]:
    """All of them together, in the order in which they are met."""
    families: dict[str, Family] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for family in (family for part in parts for family in part):
        families.setdefault(family.name, family)
        together = values.setdefault(family.name, {})
        for sample in family.samples:
            key = sample.name, sample.labels
            together[key] = _together(family.name, together[key], sample.value) if key in together else sample.value
    return [
        Family(family.name, family.text, family.kind, [Sample(*key, value) for key, value in values[name].items()])
        for name, family in families.items()
    ]


def lasting(figures: Iterable[Family]) -> list[Family]:
    """What still counts when whoever counted it is gone."""
    return [family for family in figures if family.kind in ("counter", "histogram")]


def render(total: Iterable[Family], workers: Mapping[str, Iterable[Family]]) -> bytes:
    """The text: `total`, and what each of `workers` has counted."""
    metrics: dict[str, Metric] = {}
    for label, figures in (((), total), *((((WORKER, name),), figures) for name, figures in workers.items())):
        for family in figures:
            metric = metrics.setdefault(family.name, Metric(family.name, family.text, family.kind))
            for sample in family.samples:
                metric.add_sample(sample.name, dict(sample.labels + label), sample.value)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Made(metrics.values()))
    return generate_latest(registry)


def _together(name: str, one: float, other: float) -> float:
    if name in HIGHEST:
        return max(one, other)
    return min(one, other) if name in LOWEST else one + other


class _Made(Collector):
    """Metrics that are there already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics
