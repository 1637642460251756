"""A Redis in memory: the few commands that `storage` uses, on plain Python, with the real scripts run by a real Lua 5.1.

Values are bytes as on the wire. `tests.simulation.test_redis` replays what a simulation did on a real Valkey and compares every reply.
"""

import copy
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Any

from redis.exceptions import ResponseError

from tests.simulation.lua import LUA, text

WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
FULL = "OOM command not allowed when used memory > 'maxmemory'."
WRITES = frozenset((b"HSET", b"HSETNX", b"HINCRBY", b"RPUSH", b"XADD", b"SADD", b"ZADD", b"SET", b"INCR"))
"""What a server that is full refuses; deleting is always allowed. A script that has written anything may go on."""
WRITING = WRITES | {b"HDEL", b"LTRIM", b"SREM", b"ZREM", b"PEXPIRE", b"DEL", b"UNLINK", b"RENAME", b"XTRIM"}


WORD: dict[type, Callable[[Any], bytes]] = {str: str.encode, int: b"%d".__mod__}
"""How what is not bytes goes over the wire."""


class Stream:
    """Entries by number; the second half of an id is always 0. Trimmed at once, as a real one is with `stream-node-max-entries 1`."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.fields: list[list[bytes]] = []


class ZSet:
    """Scores by member, and the order by score, then by bytes."""

    def __init__(self) -> None:
        self.scores: dict[bytes, float] = {}
        self.order: list[tuple[float, bytes]] = []

    def put(self, member: bytes, score: float) -> int:
        is_new = not self.remove(member)
        self.scores[member] = score
        place = (score, member)
        self.order.insert(bisect_left(self.order, place), place)
        return int(is_new)

    def remove(self, member: bytes) -> int:
        score = self.scores.pop(member, None)
        if score is None:
            return 0
        del self.order[bisect_left(self.order, (score, member))]
        return 1


class Redis:
    """`execute` takes a command as it goes over the wire and returns its reply, or the error in the reply's place."""

    commands: "Commands"

    def __init__(self) -> None:
        self.data: dict[bytes, Any] = {}
        self.is_full = False
        self._is_dirty = False
        self._is_in_script = False
        self.trace: list[tuple[tuple[bytes, ...], Any]] | None = None

    def execute(self, command: tuple[Any, ...]) -> Any:
        words = [word if type(word) is bytes else WORD[type(word)](word) for word in command]
        try:
            if command[0] == "EVALSHA":
                count = int(words[2])
                self._is_in_script, self._is_dirty = True, False
                reply = LUA.run(self, str(command[1]), words[3 : 3 + count], words[3 + count :])
            elif self.is_full:
                reply = self.call(*words)
            else:
                reply = self.commands[words[0]](self, *words[1:])
        except ResponseError as error:
            reply = error
        self._is_in_script = self._is_dirty = False
        if self.trace is not None:
            self.trace.append((tuple(words), reply))
        return reply

    def call(self, name: bytes, *args: Any) -> Any:
        """One command of a server that is full; raises `ResponseError`."""
        if name in WRITES and not self._is_dirty:
            raise ResponseError(FULL)
        self._is_dirty = self._is_in_script and (self._is_dirty or name in WRITING)
        return self.commands[name](self, *args)

    def copy(self) -> dict[bytes, Any]:
        """All data, as a backup."""
        return copy.deepcopy(self.data)

    def _get(self, key: bytes, kind: type) -> Any:
        value = self.data.get(key)
        if value is None or type(value) is kind:
            return value
        raise ResponseError(WRONG_TYPE)

    def _make(self, key: bytes, kind: type) -> Any:
        value = self._get(key, kind)
        if value is None:
            value = self.data[key] = kind()
        return value

    # Strings and keys.

    def ping(self) -> bytes:
        return b"PONG"

    def get(self, key: bytes) -> bytes | None:
        return self._get(key, bytes)

    def set(self, key: bytes, value: bytes, *options: bytes) -> bytes | None:
        if b"NX" in options and key in self.data:
            return None
        self.data[key] = value
        return b"OK"

    def exists(self, key: bytes) -> int:
        return int(key in self.data)

    def unlink(self, *keys: bytes) -> int:
        return sum(self.data.pop(key, None) is not None for key in keys)

    def rename(self, key: bytes, name: bytes) -> bytes:
        if key not in self.data:
            raise ResponseError("ERR no such key")
        self.data[name] = self.data.pop(key)
        return b"OK"

    def incr(self, key: bytes) -> int:
        value = int(self._get(key, bytes) or b"0") + 1
        self.data[key] = text(value)
        return value

    def pexpire(self, key: bytes, ms: bytes) -> int:
        """A run is shorter than what is set here."""
        del ms
        return int(key in self.data)

    # Hashes.

    def hget(self, key: bytes, field: bytes) -> bytes | None:
        found = self._get(key, dict)
        return found.get(field) if found else None

    def hmget(self, key: bytes, *fields: bytes) -> list[bytes | None]:
        found = self._get(key, dict) or {}
        return [found.get(field) for field in fields]

    def hgetall(self, key: bytes) -> list[bytes]:
        return [part for item in (self._get(key, dict) or {}).items() for part in item]

    def hset(self, key: bytes, *pairs: Any) -> int:
        found = self._make(key, dict)
        before = len(found)
        for field, value in zip(pairs[::2], pairs[1::2], strict=True):
            found[field] = text(value)
        return len(found) - before

    def hsetnx(self, key: bytes, field: bytes, value: Any) -> int:
        found = self._make(key, dict)
        if field in found:
            return 0
        found[field] = text(value)
        return 1

    def hdel(self, key: bytes, *fields: bytes) -> int:
        found = self._get(key, dict)
        gone = sum(found.pop(field, None) is not None for field in fields) if found else 0
        self._drop_empty(key, found)
        return gone

    def hincrby(self, key: bytes, field: bytes, by: Any) -> int:
        found = self._make(key, dict)
        value = int(found.get(field, b"0")) + int(by)
        found[field] = text(value)
        return value

    def _drop_empty(self, key: bytes, value: Any) -> None:
        if value is not None and not value:
            del self.data[key]

    # Lists.

    def llen(self, key: bytes) -> int:
        return len(self._get(key, list) or ())

    def lindex(self, key: bytes, index: Any) -> bytes | None:
        found, index = self._get(key, list) or (), int(index)
        return found[index] if -len(found) <= index < len(found) else None

    def lrange(self, key: bytes, start: Any, stop: Any) -> list[bytes]:
        found = self._get(key, list) or []
        return found[slice(*span(start, stop, len(found)))]

    def rpush(self, key: bytes, *values: bytes) -> int:
        found = self._make(key, list)
        found.extend(values)
        return len(found)

    def ltrim(self, key: bytes, start: Any, stop: Any) -> bytes:
        found = self._get(key, list)
        if found is not None:
            found[:] = found[slice(*span(start, stop, len(found)))]
            self._drop_empty(key, found)
        return b"OK"

    # Sets.

    def sadd(self, key: bytes, *members: bytes) -> int:
        found = self._make(key, Members)
        before = len(found)
        found.update(dict.fromkeys(members))
        return len(found) - before

    def srem(self, key: bytes, *members: bytes) -> int:
        found = self._get(key, Members)
        before = len(found or ())
        for member in members if found else ():
            found.pop(member, None)
        gone = before - len(found or ())
        self._drop_empty(key, found)
        return gone

    def scard(self, key: bytes) -> int:
        return len(self._get(key, Members) or ())

    def smembers(self, key: bytes) -> list[bytes]:
        return list(self._get(key, Members) or ())

    # Sorted sets.

    def zadd(self, key: bytes, *words: Any) -> int:
        *options, score, member = words
        found = self._make(key, ZSet)
        if options == [b"GT"] and float(score) <= found.scores.get(member, float("-inf")):
            return 0
        return found.put(member, float(score))

    def zscore(self, key: bytes, member: bytes) -> bytes | None:
        found = self._get(key, ZSet)
        return text(found.scores[member]) if found and member in found.scores else None

    def zrem(self, key: bytes, member: bytes) -> int:
        found = self._get(key, ZSet)
        gone = found.remove(member) if found else 0
        if gone and not found.scores:
            del self.data[key]
        return gone

    def zcard(self, key: bytes) -> int:
        found = self._get(key, ZSet)
        return len(found.scores) if found else 0

    def zcount(self, key: bytes, low: bytes, high: bytes) -> int:
        found = self._get(key, ZSet)
        if low != b"-inf":
            raise ResponseError("ERR not simulated")
        if found is None:
            return 0
        if high.startswith(b"("):
            return bisect_left(found.order, (float(high[1:]), b""))
        return bisect_right(found.order, (float(high), b"\xff" * 65))

    def zrange(self, key: bytes, start: Any, stop: Any, *options: bytes) -> list[bytes]:
        found = self._get(key, ZSet)
        order = found.order if found else []
        if b"BYSCORE" in options:
            if stop != b"+inf":
                raise ResponseError("ERR not simulated")
            part = order[bisect_left(order, (float(start), b"")) :]
        else:
            part = order[slice(*span(start, stop, len(order)))]
        if b"WITHSCORES" in options:
            return [word for score, member in part for word in (member, text(score))]
        return [member for _, member in part]

    # Streams.

    def xadd(self, key: bytes, *words: Any) -> bytes:
        trim, id, fields = (int(words[2]), words[3], words[4:]) if words[0] == b"MAXLEN" else (0, words[0], words[1:])
        found, number = self._make(key, Stream), int(id.split(b"-")[0])
        if found.numbers and number <= found.numbers[-1]:
            raise ResponseError("ERR The ID specified in XADD is equal or smaller than the target stream top item")
        found.numbers.append(number)
        found.fields.append(list(fields))
        if trim and len(found.numbers) > trim:
            del found.numbers[:-trim], found.fields[:-trim]
        return id

    def xtrim(self, key: bytes, kind: bytes, exact: bytes, id: bytes) -> int:
        found = self._get(key, Stream)
        if found is None:
            return 0
        if (kind, exact) != (b"MINID", b"="):
            raise ResponseError("ERR not simulated")
        count = bisect_left(found.numbers, int(id.split(b"-")[0]))
        del found.numbers[:count], found.fields[:count]
        return count

    def xrange(self, key: bytes, low: bytes, high: bytes, *options: Any) -> list[list[Any]]:
        found = self._get(key, Stream)
        if found is None:
            return []
        if low.startswith(b"("):
            start = bisect_right(found.numbers, int(low[1:]))
        else:
            start = 0 if low == b"-" else bisect_left(found.numbers, int(low))
        stop = start + int(options[1]) if options else len(found.numbers)
        if high != b"+":
            raise ResponseError("ERR not simulated")
        pairs = zip(found.numbers[start:stop], found.fields[start:stop], strict=True)
        return [[b"%d-0" % number, list(fields)] for number, fields in pairs]


class Members(dict):
    """A set that keeps the order in which members came: a run is a function of its seed."""


def span(start: Any, stop: Any, length: int) -> tuple[int, int]:
    """Redis' inclusive range as a Python slice."""
    first, last = int(start), int(stop)
    return max(first + length if first < 0 else first, 0), max((last + length if last < 0 else last) + 1, 0)


class Commands(dict[bytes, Callable[..., Any]]):
    """Name to method. Arguments are bytes, or numbers of a script where a number belongs."""

    def __missing__(self, name: bytes) -> Callable[..., Any]:
        raise NotImplementedError(f"the simulated Redis does not know {name.decode()}: teach it in tests/simulation/redis.py")


Redis.commands = Commands(
    (name.upper().encode(), method) for name, method in vars(Redis).items() if callable(method) and not name.startswith("_")
)
Redis.commands[b"DEL"] = Redis.unlink
