"""The figures that README keeps: what takes the place of what."""

import pytest

from tests.faults.load import Figures
from tests.faults.run import README
from tests.faults.table import BEGIN, END, Kept, Result

ORDER = ["kill -9 of dibs", "cut after request k", "SIGTERM, Python 3.11"]
HERE, ELSEWHERE = "Linux x86_64, 2 cores, Python 3.11.7", "Darwin arm64, 8 cores, Python 3.13.0"
EMPTY = f"# dibs\n\n{BEGIN}\n{END}\n\nMore.\n"


def result(fault=ORDER[0], rounds=100, *, server="Valkey 9.1.2", day="2026-11-24", is_full=True, **figures):
    return Result(fault=fault, server=server, figures=Figures(rounds=rounds, **figures), took_s=61.2, day=day, is_full=is_full)


def kept(*results, machine=HERE, whole=True, document=EMPTY):
    return Kept.read(document).take(results, machine, ORDER, whole=whole).written(document)


def rows(document):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in document.splitlines() if line.startswith("| ")][2:]


def test_what_was_seen_stands_between_the_markers_and_is_read_again():
    document = kept(result(acked=11_900, worst_s=0.42, also="a small tmpfs"))
    cells = ["kill -9 of dibs", "Valkey 9.1.2", "100", "11,900", "0", "0", "0", "0", "0.4 s", "61 s", "2026-11-24", "a small tmpfs"]
    assert rows(document) == [cells]
    assert document.startswith("# dibs\n")
    assert document.endswith(f"{END}\n\nMore.\n")
    assert f"On {HERE}:" in document
    assert Kept.read(document).written(document) == document


def test_a_run_in_part_does_not_take_the_place_of_one_that_showed_more():
    document = kept(result(day="2026-01-01"))
    assert kept(result(rounds=10, is_full=False), whole=False, document=document) == document
    assert rows(kept(result(rounds=100, is_full=False), whole=False, document=document))[0][-2] == "2026-11-24"


def test_a_row_in_full_takes_the_place_of_the_last_one_and_leaves_the_others():
    document = kept(result(), result(ORDER[1], 62, day="2026-01-01"))
    fresh = rows(kept(result(ORDER[1], 61), whole=False, document=document))
    assert [(row[0], row[2], row[-2]) for row in fresh] == [(ORDER[0], "100", "2026-11-24"), (ORDER[1], "61", "2026-11-24")]


def test_a_breach_is_kept_as_it_is():
    document = kept(result(lost=1, doubled=2, faults=["one", "two", "three", "too slow"]))
    assert rows(kept(result(lost=1, faults=["one"]), document=document))[0][4:8] == ["1", "0", "0", "0"]
    assert rows(document)[0][4:8] == ["1", "2", "0", "1"]


def test_the_same_fault_on_another_server_is_a_row_of_its_own_and_a_newer_version_is_not():
    document = kept(result(), result(server="Redis 7.0.15"))
    fresh = rows(kept(result(server="Valkey 9.2.0"), whole=False, document=document))
    assert [row[1] for row in fresh] == ["Valkey 9.2.0", "Redis 7.0.15"]


def test_figures_of_another_machine_are_replaced_by_all_rows_in_full_only():
    document = kept(result(), result(ORDER[1]))
    assert kept(result(rounds=200), machine=ELSEWHERE, whole=False, document=document) == document
    fresh = kept(result(), machine=ELSEWHERE, document=document)
    assert (len(rows(fresh)), f"On {ELSEWHERE}:" in fresh) == (1, True)


def test_a_row_that_is_called_otherwise_now_goes_with_the_next_run_of_all():
    document = kept(result(), result("an old name"))
    assert len(rows(kept(result(), whole=False, document=document))) == 2
    assert [row[0] for row in rows(kept(result(), document=document))] == [ORDER[0]]


def test_a_document_without_the_markers_is_refused():
    with pytest.raises(AssertionError, match="no place for the figures"):
        Kept.read("# dibs\n")


def test_the_figures_in_readme_show_nothing_lost_nothing_doubled_and_one_owner():
    """A recovery that took too long stands there as it was seen: the column before it tells."""
    found = Kept.read(README.read_text())
    assert found.rows
    assert all(cells[4:7] == ("0", "0", "0") for cells in found.rows.values())
