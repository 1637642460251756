"""A Redis in memory: what a server keeps, and what it replies to the commands of `storage`, its scripts included.

Values are bytes as on the wire. `tests.simulation.test_redis` replays what a simulation did on a real Valkey and compares every reply.
"""

from typing import Any

from tests.simulation.lua import LUA


class Redis:
    """`data` is of Lua; None for an empty server."""

    def __init__(self, data: Any = None) -> None:
        self.data = LUA.fresh() if data is None else data
        self.is_full = False
        self.trace: list[tuple[tuple[bytes, ...], Any]] | None = None

    def execute(self, command: tuple[Any, ...]) -> Any:
        """The reply to a command, or the error in the reply's place."""
        words = [word if type(word) is bytes else word.encode() if type(word) is str else b"%d" % word for word in command]
        reply = LUA.execute(self.data, words, is_full=self.is_full)
        if self.trace is not None:
            self.trace.append((tuple(words), reply))
        return reply

    def copy(self) -> Any:
        """All data, as a backup."""
        return LUA.copy(self.data)
