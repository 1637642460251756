"""Plain counters that the actors bump; `web.metric` shows them. An int costs less than a metric object on the way of a message."""

from bisect import bisect_left
from collections import Counter

APPEND_BOUNDS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
BATCH_BOUNDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Histogram:
    """Counts by upper bound; the last count is of what lies above all bounds."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Adds one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Tally:
    """What one node has counted since it started."""

    def __init__(self) -> None:
        self.sessions_opened = 0
        self.sessions_closed: Counter[int] = Counter()
        """By close code; 1006 where the peer went without one."""
        self.turned_away: Counter[str] = Counter()
        """Sockets that were refused or dropped before a hello, by the reason."""
        self.messages: Counter[str] = Counter()
        """Messages stored, by side (user, store)."""
        self.deliveries = 0
        """Frames handed to sockets."""
        self.payloads = 0
        """WebSocket messages they went in."""
        self.encodings = 0
        """Event frames encoded, whatever the number of receivers."""
        self.commands: Counter[str] = Counter()
        """By type of frame."""
        self.refusals: Counter[str] = Counter()
        """By error code."""
        self.claim_conflicts = 0
        """Decisions that were made again because another node was first."""
        self.claims_lost = 0
        """Claims refused because another agent owned the chat."""
        self.fallen_behind = 0
        """Sessions that went back to reading the log."""
        self.crashes: Counter[str] = Counter()
        """Actors that raised, by kind."""
        self.append_s = Histogram(APPEND_BOUNDS_S)
        self.batch = Histogram(BATCH_BOUNDS)
        self.swept: Counter[str] = Counter()
        """What was dropped because of its age or number: entries (of logs and histories), and whole chats."""
        self.storage_failures = 0
        self.mailbox_peak: Counter[str] = Counter()
        """The deepest mailbox met, by kind of actor."""
