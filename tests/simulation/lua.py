"""The simulated Redis in a real Lua: `redis.lua` beside this file, and the scripts of `storage/lua` as they stand.

LuaJIT without its compiler where there is one: the language is the 5.1 of Redis, and it interprets twice as fast.
"""

from pathlib import Path
from typing import Any

from redis.exceptions import ResponseError

from storage.pipe import SCRIPTS

try:
    from lupa.luajit21 import LuaError, LuaRuntime
except ImportError:
    from lupa.lua51 import LuaError, LuaRuntime

__all__ = ["LUA", "LuaError"]
SOURCE = Path(__file__).with_name("redis.lua")


class Lua:
    """Everything is compiled once for a process. Python's None is Lua's false, as in Redis."""

    def __init__(self) -> None:
        runtime = LuaRuntime(encoding=None, register_eval=False, register_builtins=False)
        runtime.execute(b"if jit then jit.off() end")
        self._unpack = runtime.eval(b"function(list) return #list, unpack(list) end")
        self.fresh, self.copy, self._execute, self._entries, self._run, self._published, self.listening = runtime.execute(
            SOURCE.read_bytes()
        )
        self._scripts = {name.encode(): runtime.eval(b"function() " + source + b"\nend") for name, source in SCRIPTS.items()}

    def published(self) -> list[tuple[str, bytes]]:
        """Channel and message of all that was published since this was asked last."""
        found = self._published()
        words = () if found is None else found
        return [(channel.decode(), message) for channel, message in zip(words[::2], words[1::2], strict=True)]

    def execute(self, data: Any, words: list[bytes], *, is_full: bool) -> Any:
        """The reply to a command, given as it goes over the wire; an error is one."""
        if words[0] == b"EVALSHA":
            found = self._run(data, is_full, self._scripts[words[1]], int(words[2]), *words[3:])
        elif words[0] == b"XRANGE":
            found = self._entries(data, *words[1:])
            return [] if found is True else [[id, [field, value]] for id, field, value in zip(*[iter(found[1:])] * 3, strict=True)]
        else:
            found = self._execute(data, is_full, *words)
        if type(found) is not tuple:
            return [] if found is True else self._to_reply(found)
        if found[0] is False:
            return ResponseError(found[1].decode())
        return self._to_replies(found)

    def _to_replies(self, found: tuple[Any, ...]) -> list[Any]:
        to_reply = self._to_reply
        return [item if type(item) is int or type(item) is bytes else to_reply(item) for item in found[1:]]

    def _to_reply(self, value: Any) -> Any:
        kind = type(value)
        if kind is bytes or kind is int:
            return value
        if value is False or value is None:
            return None
        if kind is float:
            return int(value)
        found = self._unpack(value)
        return [] if type(found) is int else self._to_replies(found)


LUA = Lua()
