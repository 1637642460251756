"""What docs/scale.md says is what follows from the figures beside it, and follows as it should."""

import re

import attrs
import msgspec
import pytest

from bench.found import Found
from bench.reckon import MESSAGES, PAGE, SESSIONS, Cost, Need, drawn_out, merged, picture, written
from bench.report import Report

REPORT = msgspec.json.decode(PAGE.with_suffix(".json").read_bytes(), type=Report)


def test_the_page_says_what_its_figures_say():
    assert written(PAGE.read_text(), REPORT) == PAGE.read_text()


def test_the_figures_are_those_of_a_run_that_kept_its_promise():
    assert not [found.broken for found in REPORT.found.values() if found.broken]
    assert "share 1," in REPORT.arguments


def test_twice_the_mall_needs_twice_of_everything():
    cost = Cost.read(REPORT)
    once, twice = (attrs.astuple(Need.of(cost, n * SESSIONS, n * MESSAGES)) for n in (1, 2))
    assert twice == pytest.approx([2 * value for value in once])


def test_what_costs_nothing_needs_nothing_and_each_cost_shows():
    free = {field.name: 0.0 for field in attrs.fields(Cost)}
    assert sum(attrs.astuple(Need.of(Cost(**free), SESSIONS, MESSAGES))) == pytest.approx(SESSIONS / 30)  # the stores
    for name in free:
        need = Need.of(Cost(**free | {name: 1.0}), SESSIONS, MESSAGES)
        assert sum(value > 0 for value in attrs.astuple(need)) == 2, name


def test_a_line_is_drawn_out_and_never_falls_below_what_was_seen():
    assert drawn_out({2: 4.0, 3: 5.0, 4: 6.0}, 6) == pytest.approx(8.0)
    assert drawn_out({2: 6.0, 3: 5.0, 4: 4.0}, 6) == 6.0


def test_of_several_runs_the_row_counts_that_was_disturbed_least():
    def run(p99: float, cpu: float) -> Report:
        rows = {"waits": {"ack p99 ms": p99, "dibs CPU s": 1.0}, "silent": {"dibs CPU ms": cpu}}
        return Report(machine="m", at="now", arguments="share 1", found={"scale": Found(rows=rows, broken=[f"{p99}"]), "idle": Found()})

    found = merged([run(9.0, 3.0), run(4.0, 5.0)]).found["scale"]
    assert (found.rows["waits"]["ack p99 ms"], found.rows["silent"]["dibs CPU ms"]) == (4.0, 3.0)
    assert found.broken == ["9.0", "4.0"]


def test_the_picture_stands_alone_and_loads_nothing():
    drawn = picture(REPORT)
    assert drawn.startswith("<svg ")
    assert 'xmlns="http://www.w3.org/2000/svg"' in drawn
    assert not re.search(r"<(script|image)\b|@import|url\((?!#)", drawn)
    for name in ("nodes, full batches", "Redis, small batches"):
        assert name in drawn
    assert PAGE.with_suffix(".svg").read_text().startswith("<svg ")
