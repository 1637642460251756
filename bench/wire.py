"""What Redis was asked and what went over the wire, counted by Redis itself; several of them together."""

from typing import Any, Self

import attrs
import redis

from bench.found import Figures


@attrs.frozen
class Wire:
    """`commands` were carried out, those of scripts too; `to` and `out` are bytes to Redis and from it, `kept` those of its memory."""

    commands: float
    to: float
    out: float
    kept: float

    @classmethod
    def look(cls, clients: list[redis.Redis]) -> Self:
        """All that was counted until now."""
        found = [attrs.astuple(cls._told(client.info("everything"))) for client in clients]
        return cls(*(sum(values) for values in zip(*found, strict=True)))

    @classmethod
    def _told(cls, told: dict[str, Any]) -> Self:
        calls = sum(one["calls"] for name, one in told.items() if name.startswith("cmdstat_"))
        return cls(calls, told["total_net_input_bytes"], told["total_net_output_bytes"], told["used_memory"])

    @classmethod
    def between(cls, before: Self, clients: list[redis.Redis]) -> Self:
        """What came since that look, without the looks themselves."""
        now = cls.look(clients)
        return now.less(before).less(cls.look(clients).less(now))

    def less(self, earlier: Self) -> Self:
        """What there is more than that."""
        return type(self)(*(now - before for now, before in zip(attrs.astuple(self), attrs.astuple(earlier), strict=True)))

    def times(self, factor: float) -> Self:
        """So many times as much."""
        return type(self)(*(factor * value for value in attrs.astuple(self)))

    def figures(self, what: str) -> Figures:
        """Of `a message`, or of whatever it is."""
        values = {"commands": self.commands, "bytes to Redis": self.to, "bytes from Redis": self.out}
        return {f"{name} {what}": round(max(0.0, value), 1) for name, value in values.items()}
