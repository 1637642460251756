"""The log: one event a line, whatever a value holds, from us and from the standard library."""

import io
import json
import logging
import warnings

import pytest

from web.log import make_log, routed

EVIL = "x\n2026-01-01T00:00:00Z info forged\r\x1b[2J\x85\u2028\u2029\u202e\x00\x7f\ud800"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(params=["text", "json"])
def form(request):
    return request.param


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_no_value_can_forge_a_line_or_reach_the_terminal(form, stream, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    out = stream()
    make_log("info", form, out).info("event", text=EVIL, inner={"key": [EVIL]}, raw=EVIL.encode("utf-8", "replace"))
    line = out.getvalue()
    assert line.endswith("\n")
    assert line[:-1].isprintable()


def test_an_exceptions_text_cannot_forge_a_line(form):
    out = io.StringIO()
    log = make_log("info", form, out)
    try:
        raise ValueError(EVIL)
    except ValueError:
        log.exception("broken")
    first, *rest = out.getvalue().splitlines()
    assert "broken" in first
    assert all(line.startswith("    | ") for line in rest)
    assert all(line.isprintable() for line in (first, *rest))
    if form == "json":
        assert not rest
        assert "Traceback" in json.loads(first)["exception"]


def test_json_gives_values_back_as_they_were():
    out = io.StringIO()
    make_log("info", "json", out).info("event", text="李娜\n\x7f", number=1, flag=True, nothing=None)
    entry = json.loads(out.getvalue())
    assert entry | {"time": ""} == {
        "time": "",
        "level": "info",
        "event": "event",
        "text": "李娜\n\x7f",
        "number": 1,
        "flag": True,
        "nothing": None,
    }
    assert entry["time"].endswith("Z")
    assert "李娜" in out.getvalue()


def test_text_is_readable_and_quotes_what_is_more_than_a_word():
    out = io.StringIO()
    make_log("info", "text", out).warning("slow_reader", session="abc", why="a b=c", name="李娜", count=3)
    assert out.getvalue().partition(" ")[2] == 'warning  slow_reader session=abc why="a b=c" name=李娜 count=3\n'


def test_auto_is_text_with_colours_on_a_terminal_and_json_elsewhere(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal, file = Terminal(), io.StringIO()
    make_log("info", "auto", terminal).info("event")
    make_log("info", "auto", file).info("event")
    assert "\x1b[32m" in terminal.getvalue()
    assert json.loads(file.getvalue())["event"] == "event"


@pytest.mark.parametrize(("level", "lines"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_what_is_below_the_level_is_not_written(level, lines):
    out = io.StringIO()
    log = make_log(level, "json", out)
    for say in (log.debug, log.info, log.warning, log.error):
        say("event")
    assert out.getvalue().count("\n") == lines


def test_the_standard_librarys_loggers_and_warnings_come_out_the_same_way_and_are_put_back(form):
    out, root = io.StringIO(), logging.getLogger()
    handlers, level = list(root.handlers), root.level
    with routed(make_log("info", form, out)):
        logging.getLogger("hypercorn.error").info("running on %s", EVIL)
        logging.getLogger("quart.app").error("broken", exc_info=ValueError("why"))
        logging.getLogger("hypercorn.error").debug("unseen")
        logging.getLogger("somebody").log(25, "odd level")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            logging.captureWarnings(True)
            warnings.warn("old thing", stacklevel=1)
            logging.captureWarnings(False)
    assert (root.handlers, root.level) == (handlers, level)
    lines = [line for line in out.getvalue().splitlines() if not line.startswith("    | ")]
    assert len(lines) in (3, 4)
    assert "running on x" in lines[0]
    assert "hypercorn.error" in lines[0]
    assert "ValueError: why" in out.getvalue()
    assert "unseen" not in out.getvalue()


def test_a_wrong_call_of_a_foreign_logger_raises_nothing(monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    out = io.StringIO()
    with routed(make_log("info", "json", out)):
        logging.getLogger("somebody").info("%d", "no number")


def test_a_log_that_cannot_be_written_ends_nothing():
    out = io.StringIO()
    log = make_log("info", "json", out)
    out.close()
    log.info("event")
