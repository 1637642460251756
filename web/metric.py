"""What a node has counted, in the form that Prometheus reads. Nothing here is on the way of a message: the tally is read when asked."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from actors.actor import Actor
from actors.close import Close
from actors.node import Node
from actors.tally import Histogram
from storage.actor import StorageActor
from storage.room import Room
from web.stranger import Strangers

_CLOSED = dict.fromkeys((*map(int, Close), 1002, 1006, 1007), 0)
"""Every code that a session can end with is there from the start: ours, and those of a broken WebSocket."""


class NodeCollector(Collector):
    """Label sets are bounded: codes, kinds, sides and types of frames, never an id."""

    def __init__(self, node: Node, storage: StorageActor, strangers: Strangers, room: Room) -> None:
        self._node = node
        self._storage = storage
        self._strangers = strangers
        self._room = room

    def collect(self) -> Iterator[Metric]:
        """Everything, as it is now."""
        node, tally = self._node, self._node.tally
        yield _gauge("dibs_sessions", "Open sessions.", len(node.sessions))
        yield _gauge("dibs_unauthenticated", "Sockets that have not said hello.", len(self._strangers))
        yield _counters("dibs_turned_away", "Sockets refused or dropped before a hello, by reason.", "reason", tally.turned_away)
        yield _gauges(
            "dibs_actors", "Actors in memory.", "kind", {"user": len(node.users), "agent": len(node.agents), "store": len(node.stores)}
        )
        yield _gauge("dibs_tasks", "Tasks under way: one for each actor, and whatever reads, writes and waits beside them.", node.tasks)
        yield _gauges("dibs_mailbox_depth", "Messages waiting in the mailboxes, by kind of actor.", "kind", self._depths())
        yield _gauges("dibs_mailbox_peak", "The deepest mailbox met since the start, by kind of actor.", "kind", tally.mailbox_peak)
        yield _gauge("dibs_storage_depth", "Appends gathered or on their way.", self._storage.depth)
        yield _gauge("dibs_storage_reachable", "1 if the last call of the storage went through.", int(self._storage.reachable))
        yield _gauges("dibs_used_ratio", "The part of memory and disk that is used.", "kind", self._room.shares)
        warned = {name: int(name in self._room.warnings) for name in self._room.shares}
        yield _gauges("dibs_runs_out", "1 for what is near its end, as /readyz says in words.", "kind", warned)
        yield _counter("dibs_sessions_opened", "Sessions opened.", tally.sessions_opened)
        yield _counters("dibs_sessions_closed", "Sessions closed, by close code.", "code", _CLOSED | tally.sessions_closed)
        yield _counters("dibs_messages", "Messages stored, by the side that sent them.", "side", tally.messages)
        yield _counter("dibs_deliveries", "Frames handed to sockets.", tally.deliveries)
        yield _counter("dibs_payloads", "WebSocket messages they went in.", tally.payloads)
        yield _counter("dibs_encodings", "Event frames encoded, whatever the number of receivers.", tally.encodings)
        yield _counters("dibs_commands", "Commands, by type.", "type", tally.commands)
        yield _counters("dibs_refusals", "Error frames, by code.", "code", tally.refusals)
        yield _counter("dibs_claim_conflicts", "Decisions made again because the chat had changed elsewhere.", tally.claim_conflicts)
        yield _counter("dibs_claims_lost", "Claims refused because another agent owned the chat.", tally.claims_lost)
        yield _counter("dibs_fallen_behind", "Sessions that went back to reading the log.", tally.fallen_behind)
        yield _counters("dibs_actor_crashes", "Messages on which an actor raised, by kind of actor.", "kind", tally.crashes)
        yield _counters("dibs_swept", "What was dropped because of its age or number, by what it was.", "kind", tally.swept)
        yield _counter("dibs_storage_failures", "Calls of the storage that failed.", tally.storage_failures)
        yield _histogram("dibs_append_seconds", "From sending a batch to its reply.", tally.append_s)
        yield _histogram("dibs_batch_size", "Appends of a batch.", tally.batch)

    def _depths(self) -> dict[str, int]:
        node = self._node
        actors: dict[str, list[Actor[Any]]] = {
            "user": list(node.users.values()),
            "agent": list(node.agents.values()),
            "store": list(node.stores.values()),
        }
        return {kind: sum(len(actor.mailbox) for actor in some) for kind, some in actors.items()}


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _gauges(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    metric = GaugeMetricFamily(name, text, labels=[label])
    _fill(metric, values.items())
    return metric


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)


def _counters(name: str, text: str, label: str, values: "dict[str, int] | dict[int, int]") -> Metric:
    metric = CounterMetricFamily(name, text, labels=[label])
    _fill(metric, values.items())
    return metric


def _fill(metric: GaugeMetricFamily | CounterMetricFamily, items: Iterable[tuple[str | int, float]]) -> None:
    for key, value in sorted(items, key=lambda item: str(item[0])):
        metric.add_metric([str(key)], value)


def _histogram(name: str, text: str, histogram: Histogram) -> Metric:
    buckets: list[tuple[str, float]] = []
    below = 0
    for bound, count in zip((*histogram.bounds, None), histogram.counts, strict=True):
        below += count
        buckets.append(("+Inf" if bound is None else str(float(bound)), below))
    return HistogramMetricFamily(name, text, buckets=buckets, sum_value=histogram.total)
