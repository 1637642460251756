"""The scripts of `storage/lua` in a real Lua 5.1, as Redis runs them: what a script sees of the server is `redis.call`."""

from typing import Any

from lupa.lua51 import LuaRuntime
from redis.exceptions import ResponseError

from storage.pipe import SCRIPTS


def text(value: Any) -> bytes:
    """A number as Redis writes it."""
    if type(value) is bytes:
        return value
    return b"%d" % int(value) if value == int(value) else repr(value).encode()


class Lua:
    """The scripts of `storage/lua`, compiled once for a process. Python's None is Lua's false, as in Redis."""

    def __init__(self) -> None:
        self._runtime = LuaRuntime(encoding=None, register_eval=False, register_builtins=False)
        self._table = self._runtime.eval(b"function(...) return { ... } end")
        self._error = self._runtime.eval(b"function(words) return { err = words } end")
        self._unpack = self._runtime.eval(b"function(t) return #t, unpack(t, 1, #t) end")
        self._run = self._runtime.eval(
            b"""function(dispatch)
                redis = { call = function(...)
                    local reply = dispatch(...)
                    if type(reply) == 'table' and reply.err then error(reply, 0) end
                    return reply
                end }
                return function(script, ...)
                    ARGV = { ... }
                    return pcall(script)
                end
            end"""
        )(self._dispatch)
        self._set_keys = self._runtime.eval(b"function(...) KEYS = { ... } end")
        self._scripts = {name: self._runtime.eval(b"function() " + source + b"\nend") for name, source in SCRIPTS.items()}
        self._redis: Any = None

    def run(self, redis: Any, name: str, keys: list[bytes], args: list[bytes]) -> Any:
        """The reply of a script; raises `ResponseError` for an error that the script did not catch."""
        self._redis = redis
        self._set_keys(*keys)
        ok, reply = self._run(self._scripts[name], *args)
        if ok:
            return self._to_reply(reply)
        if isinstance(reply, Exception):
            raise reply
        raise ResponseError((reply if isinstance(reply, bytes) else reply[b"err"]).decode())

    def _dispatch(self, name: bytes, *args: Any) -> Any:
        redis = self._redis
        try:
            reply = redis.call(name, *args) if redis.is_full else redis.commands[name](redis, *args)
        except ResponseError as error:
            return self._error(str(error).encode())
        if reply is None:
            return False
        return self._to_table(reply) if type(reply) is list else reply

    def _to_table(self, reply: list[Any]) -> Any:
        return self._table(*[False if item is None else self._to_table(item) if type(item) is list else item for item in reply])

    def _to_reply(self, value: Any) -> Any:
        kind = type(value)
        if kind is bytes or kind is int:
            return value
        if value is False or value is None:
            return None
        if kind is float:
            return int(value)
        if value is True:
            return 1
        found = self._unpack(value)
        if type(found) is int:
            return []
        to_reply = self._to_reply
        return [item if type(item) is int or type(item) is bytes else to_reply(item) for item in found[1:]]


LUA = Lua()
