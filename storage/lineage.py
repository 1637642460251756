"""What a node knows of the data of each shard, so that it finds out where one of them is not what it was.

Each shard can go back on its own: a replica that takes its place may lack a tail, and a server may load an older file. Of each the node
knows the line (`storage.pipe.Pipe.replication_id`) and how many of its own batches were counted there. One that differs is enough: what is
known of all is doubted, and another generation begins.
"""

from collections.abc import Sequence

from storage.pipe import Command

Counts = dict[str, int]
"""The field of a lane to how many of its lists were seen counted."""


class Lineage:
    """`name` is the node's. What took another's place is doubted though no count is lower: shown is what was read."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.lines: dict[str, str] = {}
        """Address of a shard to its line; empty until all were met once."""
        self.doubted = False
        self._counts: dict[str, Counts] = {}
        """The key that counts for a shard to what is known of it."""
        self._fields: tuple[str, ...] = ()

    def begin(self, lanes: int) -> None:
        """There are so many lanes."""
        self._fields = tuple(self.field(lane) for lane in range(lanes))

    def field(self, lane: int) -> str:
        """That of a lane of this node."""
        return f"{self._name}.{lane}"

    def look(self, home: str) -> Command:
        """What tells how many lists were counted."""
        return ("HMGET", home, *self._fields)

    def seen(self, home: str) -> Counts:
        """What is known at this moment."""
        return dict(self._counts.get(home, {}))

    def met(self, address: str, line: str) -> None:
        """A shard was connected to, and has this line."""
        if self.lines and self.lines.get(address) != line:
            self.doubted = True

    def looked(self, home: str, seen: Counts, reply: object) -> None:
        """The answer to a look that began when so much was known. A server that does not have the key any more tells nothing."""
        if isinstance(reply, list):
            found = {field: int(value or 0) for field, value in zip(self._fields, reply, strict=True)}
            self.doubted |= any(found[field] < count for field, count in seen.items())
            self._counts.setdefault(home, found)

    def counted(self, home: str, lane: int, count: int) -> None:
        """A list of a lane was counted."""
        known = self._counts.setdefault(home, {})
        self.doubted |= count <= known.get(self.field(lane), 0)
        known[self.field(lane)] = count

    def settle(self, lines: dict[str, str], homes: Sequence[str], replies: Sequence[object]) -> None:
        """From now on this is what is known."""
        self.lines, self._counts, self.doubted = dict(lines), {}, False
        for home, reply in zip(homes, replies, strict=True):
            self.looked(home, {}, reply)

    @property
    def mark(self) -> str:
        """Names all lines together."""
        return ".".join(sorted(line[:12] for line in self.lines.values()))
