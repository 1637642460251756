"""What good JSON may still be refused for: nesting, a number beyond a double, a key that an object names twice."""

import json

import msgspec

NESTING_LIMIT = 32

_ENCODE = msgspec.json.Encoder().encode
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 309
_BEYOND_A_DOUBLE = 2**1024 - 2**970
"""The least integer that no longer rounds to a finite double."""


def is_deep(text: str) -> bool:
    """Whether good JSON is nested too deeply. Pair by pair from the inside, as nobody's 64 KiB may cost much time."""
    if text.count("{") + text.count("[") <= NESTING_LIMIT:
        return False
    brackets = _outside(text).encode().translate(_BRACKETS, _NO_BRACKETS)
    for _ in range(NESTING_LIMIT):
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def drops_a_pair(text: str, value: object) -> bool:
    """Whether `value`, which was read from `text`, lacks a pair of it because a later one has the same key: every pair has a colon. What is
    written again is counted rather than walked through, as nobody's 64 KiB may cost much time."""
    try:
        written = _ENCODE(value)
    except OverflowError:
        return _colons(text) != _colons(json.dumps(value))
    if text.count(":") == written.count(b":") and "\\u" not in text:
        return False
    return _colons(text) != _colons(written.decode())


def _colons(text: str) -> int:
    """The colons of a JSON text that stand outside of its strings."""
    return _outside(text).count(":")


def _outside(text: str) -> str:
    """A good JSON text without its strings."""
    return "".join(text.replace("\\\\", "").replace('\\"', "").split('"')[::2])


def has_huge_number(text: str, value: object) -> bool:
    """Whether `value`, which was read from `text`, has a number beyond a double."""
    if len(text) <= 308 or _LONG_NUMBER not in text.encode().translate(_DIGITS):
        return False
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, int) and abs(item) >= _BEYOND_A_DOUBLE:
            return True
        if isinstance(item, dict):
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    return False
