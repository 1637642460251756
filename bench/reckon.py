"""`make reckon`: what a mall of another size would need, by the figures of `scale` and `idle`; it writes docs/scale.md, .json and .svg.

    python -m bench.reckon one/figures.json another/figures.json …

The mall is the bench's, only larger: stores with five agents and twenty-five users. Whoever comes is put on any node, so the people of a
chat are on as many nodes as there are agents, and one more; what that costs is drawn out in a line from the nodes that were measured.
"""

import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import attrs
import msgspec

from bench.found import Figures, Found, Plot
from bench.plot import svg
from bench.report import Report
from bench.scale import AGENTS, NODES, QUIET_STORES, RATE, USERS

SESSIONS, MESSAGES = 1_000_000, 100_000
"""The mall that is asked for; messages are those of a second."""
REACH = AGENTS + 1
"""On so many nodes are those who are told of a message."""
HALF = 0.5
"""As much of a core is planned for, so that a machine may fail and a peak may come."""
ROOM_GIB = 48
"""Of a server of 64 GiB: it needs some for its replica and to write its file anew."""
DELIVERIES = (AGENTS + 1) / 2
"""Of a message: a question has five, its answer one."""
FULL = ", as much as can be"
PAGE = Path(__file__).parents[1] / "docs" / "scale.md"
BEGIN, END = "<!-- figures of make reckon -->\n", "<!-- end of figures -->"


@attrs.frozen(kw_only=True)
class Cost:
    """What was measured. `message` and `store` are ms of a core for each, of dibs and of Redis; a store's is for a second and a node."""

    session_kib: float
    session_ms: float
    dibs_ms: float
    redis_ms: float
    dibs_full_ms: float
    redis_full_ms: float
    store_dibs_ms: float
    store_redis_ms: float
    to_bytes: float
    from_bytes: float
    kept_bytes: float

    @classmethod
    def read(cls, report: Report) -> "Cost":
        """From a report; raises KeyError where it has not all of `scale` and `idle`."""
        idle = list(report.found["idle"].rows.values())[-1]
        rows = report.found["scale"].rows
        spread = {count: rows[f"{count} node{'s' * (count > 1)}"] for count in NODES}
        silent = rows[f"1 node, {QUIET_STORES} stores, silent"]

        def reach(what: str) -> float:
            return drawn_out({count: row[what] for count, row in spread.items() if count > 1}, REACH)

        def message_ms(who: str, how: str = "") -> float:
            return DELIVERIES * reach(f"{who} CPU s for 1,000 deliveries{how}")

        return cls(
            session_kib=idle["server KiB a session"],
            session_ms=idle["server CPU ms a second for 1,000 sessions"] / 1000,
            dibs_ms=message_ms("dibs"),
            redis_ms=message_ms("Redis"),
            dibs_full_ms=message_ms("dibs", FULL),
            redis_full_ms=message_ms("Redis", FULL),
            store_dibs_ms=silent["node 0 CPU ms a second of silence"] / QUIET_STORES,
            store_redis_ms=silent["Redis CPU ms a second of silence"] / QUIET_STORES,
            to_bytes=reach("bytes to Redis a message"),
            from_bytes=reach("bytes from Redis a message"),
            kept_bytes=statistics.median(row["bytes that Redis keeps of each"] for row in spread.values()),
        )


def drawn_out(points: dict[int, float], x: int) -> float:
    """Where the straight line that lies best among the points comes to at x; not below the highest of them."""
    slope, start = statistics.linear_regression(list(points), list(points.values()))
    return max(start + slope * x, *points.values())


@attrs.frozen(kw_only=True)
class Need:
    """What it takes; cores that are busy, before any of them is left half free."""

    stores: float
    dibs_messages: float
    dibs_messages_full: float
    dibs_sessions: float
    dibs_stores: float
    memory_gib: float
    redis_messages: float
    redis_messages_full: float
    redis_stores: float
    to_mb: float
    from_mb: float
    kept_gib: float

    @classmethod
    def of(cls, cost: Cost, sessions: float, messages: float) -> "Need":
        """For so many sessions and messages a second."""
        stores = sessions / (AGENTS + USERS)
        return cls(
            stores=stores,
            dibs_messages=messages * cost.dibs_ms / 1000,
            dibs_messages_full=messages * cost.dibs_full_ms / 1000,
            dibs_sessions=sessions * cost.session_ms / 1000,
            dibs_stores=stores * REACH * cost.store_dibs_ms / 1000,
            memory_gib=sessions * cost.session_kib / 2**20,
            redis_messages=messages * cost.redis_ms / 1000,
            redis_messages_full=messages * cost.redis_full_ms / 1000,
            redis_stores=stores * REACH * cost.store_redis_ms / 1000,
            to_mb=messages * cost.to_bytes / 1e6,
            from_mb=messages * cost.from_bytes / 1e6,
            kept_gib=3600 * messages * cost.kept_bytes / 2**30,
        )

    @property
    def dibs(self) -> tuple[float, float]:
        """Cores of all nodes: where batches are full, and where they are small."""
        rest = self.dibs_sessions + self.dibs_stores
        return self.dibs_messages_full + rest, self.dibs_messages + rest

    @property
    def redis(self) -> tuple[float, float]:
        """The same of Redis."""
        return self.redis_messages_full + self.redis_stores, self.redis_messages + self.redis_stores


def tables(report: Report) -> str:
    """The figures of the page, in Markdown."""
    cost = Cost.read(report)
    need = Need.of(cost, SESSIONS, MESSAGES)
    python, system, machine, *_ = report.machine.split(", ")
    where = f"{python}, {system}, {machine}, the nodes and their Redis on one of them"
    parts = [
        f"CPU seconds for 1,000 deliveries, at {RATE:.0f} questions a second and (full) at as many as can be. {where}:",
        *_spread(report),
    ]
    parts += ["A message on the wire where nodes have no one of its store, one question after another:", *_beside(report)]
    parts += [f"What is reckoned with, people being on {REACH} nodes:", *_costs(cost)]
    parts += [f"For {SESSIONS:,} sessions in {need.stores:,.0f} stores and {MESSAGES:,} messages a second:", *_needs(need)]
    far = [MESSAGES * HALF / redis for redis in need.redis]
    parts += [f"One Redis that is half busy goes as far as {_range(far)} messages a second, with ten sessions for each."]
    return "\n".join(parts) + "\n"


def _spread(report: Report) -> list[str]:
    """Nodes on one Redis, and on clusters where there were such."""
    head = (
        "",
        "dibs",
        "Redis",
        "replicas",
        "p99 to agents, ms",
        "full: dibs",
        "full: Redis",
        "full: deliveries a second",
    )
    keys = (
        "dibs CPU s for 1,000 deliveries",
        "Redis CPU s for 1,000 deliveries",
        "replicas CPU s for 1,000 deliveries",
        "to agents p99 ms",
    )
    keys += (f"dibs CPU s for 1,000 deliveries{FULL}", f"Redis CPU s for 1,000 deliveries{FULL}", f"deliveries a second{FULL}")
    rows = {name: row for name, row in report.found["scale"].rows.items() if f"deliveries a second{FULL}" in row}
    return _table(head, [(name, *(f"{row[key]:,g}" if key in row else "" for key in keys)) for name, row in rows.items()])


def _beside(report: Report) -> list[str]:
    keys = ("commands a message", "bytes to Redis a message", "bytes from Redis a message")
    rows = {name: row for name, row in report.found["scale"].rows.items() if name.endswith("idle")}
    return _table(("", *keys), [(name, *(f"{row[key]:,.1f}" for key in keys)) for name, row in rows.items()])


def _costs(cost: Cost) -> list[str]:
    rows = [
        ("a silent session", f"{cost.session_kib:.0f} KiB of a node, {1000 * cost.session_ms:.1f} µs of a core a second"),
        ("a message, small batches", f"{cost.dibs_ms:.2f} ms of the nodes, {cost.redis_ms:.2f} ms of Redis"),
        ("a message, full batches", f"{cost.dibs_full_ms:.2f} ms of the nodes, {cost.redis_full_ms:.2f} ms of Redis"),
        ("a message on the wire", f"{cost.to_bytes:,.0f} bytes to Redis, {cost.from_bytes:,.0f} from it"),
        ("a message in Redis' memory", f"{cost.kept_bytes:,.0f} bytes, for as long as it is kept"),
        (
            "a silent store, for each node that has people of it",
            f"{1000 * cost.store_dibs_ms:.0f} µs of the node a second, {1000 * cost.store_redis_ms:.0f} µs of Redis",
        ),
    ]
    return _table(("what", "costs"), rows)


def _needs(need: Need) -> list[str]:
    redis, dibs = need.redis, need.dibs
    rows = [
        (
            "Redis' cores",
            f"{_range(redis)} busy, {need.redis_stores:.0f} of them with silent stores",
            f"{_range([cores / HALF for cores in redis])} shards half busy",
        ),
        (
            "Redis' memory",
            f"{need.kept_gib:,.0f} GiB for an hour of it",
            f"{need.kept_gib / ROOM_GIB:,.0f} servers with {ROOM_GIB} GiB for data, for each hour that is kept",
        ),
        (
            "the nodes' cores",
            f"{_range(dibs)} busy, {need.dibs_sessions:.0f} of them with silent sessions, {need.dibs_stores:.0f} with silent stores",
            f"{_range([cores / HALF for cores in dibs])} nodes half busy",
        ),
        ("the nodes' memory", f"{need.memory_gib:.0f} GiB", f"{_range([HALF * need.memory_gib / cores for cores in dibs], 1)} GiB a node"),
        (
            "the network between",
            f"{need.to_mb:.0f} MB a second to Redis, {need.from_mb:.0f} from it",
            f"{8 * (need.to_mb + need.from_mb) / 1000:.1f} Gbit a second, over all shards",
        ),
    ]
    return _table(("part", "needs", "that is"), rows)


def _range(ends: Sequence[float], digits: int = 0) -> str:
    low, high = sorted(ends)
    return f"{low:,.{digits}f} to {high:,.{digits}f}"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    return ["", *(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows)), ""]


def picture(report: Report) -> str:
    """Cores against messages a second, as an SVG that stands alone."""
    cost = Cost.read(report)
    across = [1_000.0 * 10 ** (n / 4) for n in range(9)]
    needs = [Need.of(cost, SESSIONS * rate / MESSAGES, rate) for rate in across]
    lines = {
        f"{who}, {batches} batches": [(rate, found[which]) for rate, found in zip(across, cores, strict=True)]
        for who, cores in (("nodes", [need.dibs for need in needs]), ("Redis", [need.redis for need in needs]))
        for which, batches in enumerate(("full", "small"))
    }
    drawn = svg(Plot(title="", x="messages a second, with ten sessions for each", y="cores", lines=lines, across="log", tall="log"))
    return drawn.replace("<svg ", '<svg style="color:#768390" ', 1)


def written(text: str, report: Report) -> str:
    """The page with these figures in it."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + "\n" + tables(report) + "\n" + END + rest.partition(END)[2]


def merged(reports: Sequence[Report]) -> Report:
    """Of each row the run that was disturbed least: whatever else the machine does only adds to a wait, and to what a core has to do."""
    found = {}
    for name in ("scale", "idle"):
        runs = [report.found[name] for report in reports if name in report.found]
        names = dict.fromkeys(row for run in runs for row in run.rows)
        rows = {row: min((run.rows[row] for run in runs if row in run.rows), key=_disturbed) for row in names}
        found[name] = Found(rows=rows, broken=[sentence for run in runs for sentence in run.broken])
    return Report(machine=reports[0].machine, at=reports[-1].at, arguments=reports[0].arguments, found=found)


def _disturbed(row: Figures) -> float:
    waits = [value for what, value in row.items() if what.endswith("p99 ms")]
    return sum(waits) if waits else sum(value for what, value in row.items() if "CPU" in what)


def main() -> None:
    """Writes the page, its picture and its figures, by one run or by several."""
    report = merged([msgspec.json.decode(Path(name).read_bytes(), type=Report) for name in sys.argv[1:]])
    PAGE.write_text(written(PAGE.read_text(), report))
    PAGE.with_suffix(".svg").write_text(picture(report) + "\n")
    PAGE.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")


if __name__ == "__main__":
    main()
