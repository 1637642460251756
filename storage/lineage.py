"""What a node knows of the data of each shard, so that it finds out where one of them is not what it was.

Each shard can go back on its own: a replica that takes its place may lack a tail, and a server may load an older file. Of each the node
knows the line (`storage.pipe.Pipe.replication_id`) and how many of its own batches were counted there. One that differs is enough: what is
known of all is doubted, and another generation begins.
"""

from collections.abc import Iterable, Sequence

from storage.pipe import Command

Counts = dict[str, int]
"""The field of a lane to how many of its lists were seen counted."""


class Lineage:
    """`name` is the node's. What took another's place is doubted though no count is lower: shown is what was read."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.lines: dict[str, str] = {}
        """Address of a shard to its line; empty until all were met once."""
        self.is_behind = False
        """Whether fewer lists are counted than were seen counted."""
        self.is_another = False
        """Whether another server is in the place of one."""
        self._counts: dict[str, Counts] = {}
        """The key that counts for a shard to what is known of it."""
        self._own: dict[str, Counts] = {}
        """The same, to what the lanes were told."""
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

    def is_new(self, address: str, line: str) -> bool:
        """Whether there was another line."""
        return bool(self.lines) and self.lines.get(address) != line

    def met(self, address: str, line: str) -> None:
        """A shard was connected to, and has this line."""
        if self.is_new(address, line):
            self.lines[address] = line
            self.is_another = True

    def looked(self, home: str, seen: Counts, reply: object) -> None:
        """The answer to a look that began when so much was known. A server that does not have the key any more tells nothing."""
        if isinstance(reply, list):
            found = {field: int(value or 0) for field, value in zip(self._fields, reply, strict=True)}
            self.is_behind |= any(found[field] < count for field, count in seen.items())
            self._counts.setdefault(home, found)

    def counted(self, home: str, lane: int, count: int) -> None:
        """A list of a lane was counted. A look may have seen that before the lane heard of it."""
        known, own = self._counts.setdefault(home, {}), self._own.setdefault(home, {})
        field = self.field(lane)
        self.is_behind |= count <= own.get(field, 0) or count < known.get(field, 0)
        known[field] = own[field] = count

    def settle(self, lines: dict[str, str], homes: Sequence[str], replies: Sequence[object]) -> None:
        """From now on this is what is known."""
        self.lines, self._counts, self._own, self.is_behind, self.is_another = dict(lines), {}, {}, False, False
        for home, reply in zip(homes, replies, strict=True):
            self.looked(home, {}, reply)

    @property
    def doubted(self) -> bool:
        """Whether what is known may be there no more."""
        return self.is_behind or self.is_another

    def short(self, address: str) -> str:
        """Names the line of a shard; empty if it was not met yet."""
        return self.lines.get(address, "")[:12]

    def mark(self, addresses: Iterable[str]) -> list[str]:
        """The names of their lines, in an order that is the same for all nodes."""
        return sorted(self.short(address) for address in addresses)
