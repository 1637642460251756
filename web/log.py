"""The log: one event a line, to be read on a terminal or, as JSON, by a machine.

Whatever stands in a value, a line cannot be forged: line breaks, control characters and what turns the direction of text around are
escaped in both forms, and the lines of a traceback are indented behind a bar. What the standard library's loggers are told (Hypercorn,
Quart, asyncio, warnings) comes out the same way.
"""

import json
import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from web.setting import LogFormat

# C0 and C1 controls, DEL, line and paragraph separators, marks of direction, lone surrogates, the byte order mark.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_PLAIN = re.compile(r"[\w./:@~+*%-]+")
_COLOUR = {"debug": "\x1b[2m", "info": "\x1b[32m", "warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[31;1m"}
_QUIET = {"hypercorn.access": logging.WARNING, "asyncio": logging.WARNING}


def make_log(level: str = "info", format: LogFormat = "auto", stream: TextIO | None = None) -> FilteringBoundLogger:
    """A log that writes events of `level` and above to `stream` (standard error)."""
    stream = sys.stderr if stream is None else stream
    terminal = stream.isatty()
    text = format == "text" or (format == "auto" and terminal)
    colours = terminal and not os.environ.get("NO_COLOR")
    log = structlog.wrap_logger(
        _Line(stream),
        processors=[
            structlog.processors.format_exc_info,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            _Text(colours=colours) if text else _as_json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    return cast("FilteringBoundLogger", log)


@contextmanager
def routed(log: FilteringBoundLogger) -> Iterator[None]:
    """Sends what the standard library's loggers are told to `log`, and puts everything back in the end."""
    root, bridge = logging.getLogger(), _Bridge(log)
    before = root.handlers, root.level, {name: logging.getLogger(name).level for name in _QUIET}
    root.handlers = [bridge]
    root.setLevel(logging.INFO)
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.handlers = before[0]
        root.setLevel(before[1])
        for name, level in before[2].items():
            logging.getLogger(name).setLevel(level)


class _Line:
    """What structlog writes to. A log that cannot be written (a closed terminal, a full disk) must not end the service."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            pass

    debug = info = warning = error = critical = msg


class _Bridge(logging.Handler):
    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._log.log(record.levelno // 10 * 10 or logging.DEBUG, record.getMessage(), logger=record.name, exc_info=record.exc_info)
        except Exception:  # noqa: BLE001 -- as every handler of the standard library does: a wrong log call is not the caller's failure
            self.handleError(record)


def _escape(text: str) -> str:
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _as_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    first = {key: event.pop(key) for key in ("time", "level", "event")}
    return _escape(json.dumps(first | dict(event), default=repr, ensure_ascii=False, skipkeys=True))


class _Text:
    """`time level event key=value …`, a value in quotes wherever it is more than a word."""

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> str:
        time, level, name = event.pop("time"), event.pop("level"), event.pop("event")
        trace = event.pop("exception", None)
        shown = f"{_COLOUR[level]}{level:<8}\x1b[0m" if self._colours else f"{level:<8}"
        line = " ".join([time, shown, _escape(str(name)), *(f"{_escape(key)}={_value(value)}" for key, value in event.items())])
        return line if trace is None else "\n".join([line, *(f"    | {_escape(part)}" for part in str(trace).split("\n"))])


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) else _escape(json.dumps(value, ensure_ascii=False))
    return _escape(repr(value))
