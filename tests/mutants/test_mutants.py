"""The mutants are kept fit for `make mutants`, and some of them are caught here, so that the hunt itself is known to work."""

import ast
import re

import pytest

from tests.mutants import run
from tests.mutants.mutant import HOUSE, DoesNotApply, Mutant, copy_house, mutants

CAUGHT = ("ack_before_commit", "load_only_grows", "page_begins_one_early")
"""Caught by nearly every schedule, the first too."""
HARMLESS = """Nothing is wrong here but the words.

diff --git a/actors/close.py b/actors/close.py
--- a/actors/close.py
+++ b/actors/close.py
@@ -1,1 +1,2 @@
+# A remark.
{line}
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return copy_house(tmp_path_factory.mktemp("copy").resolve())


@pytest.fixture
def harmless(tmp_path):
    """A mutant that nobody can catch."""
    first = (HOUSE / "actors" / "close.py").read_text().splitlines()[0]
    path = tmp_path / "harmless.patch"
    path.write_text(HARMLESS.format(line=" " + first))
    return path


def meaning(path):
    """What a file does: its words left out, and how it is laid out."""
    text = path.read_text()
    if path.suffix == ".lua":
        return re.sub(r"\s+", " ", re.sub(r"--[^\n]*", "", text))
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [part for part in body if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))]
    return ast.dump(tree)


def test_there_are_mutants_of_the_python_and_of_the_lua():
    changed = [file for mutant in mutants() for file in mutant.files]
    assert len(mutants()) >= 24
    assert sum(file.startswith("actors/") for file in changed) >= 12
    assert len({file for file in changed if file.endswith(".lua")}) >= 3


@pytest.mark.parametrize("mutant", mutants(), ids=lambda mutant: mutant.name)
def test_every_patch_says_what_the_bug_is_and_changes_what_the_present_code_does(mutant, copy):
    assert re.fullmatch(r"[A-Z][^\n]{20,160}\.", mutant.says)
    assert "diff" not in mutant.says
    assert mutant.files
    assert all(file.startswith(("actors/", "storage/")) for file in mutant.files)
    before = {file: (copy / file).read_bytes() for file in mutant.files}
    mutant.apply(copy)
    same = [file for file in mutant.files if meaning(copy / file) == meaning(HOUSE / file)]
    for file, content in before.items():
        (copy / file).write_bytes(content)
    assert not same


def test_a_patch_that_does_not_fit_any_more_says_so(harmless, copy):
    harmless.write_text(harmless.read_text().replace('"""', '"""Once: '))
    with pytest.raises(DoesNotApply, match=r"close\.py"):
        Mutant(harmless).apply(copy)


def hunted(*arguments, capsys):
    status = run.main(["-n", "1", "--jobs", "1", "--simulation-only", *arguments])
    return status, re.sub(r"\s+", " ", capsys.readouterr().out)


def test_known_mutants_are_caught_and_the_code_as_it_is_stands_the_same_schedule(capsys):
    status, table = hunted(*CAUGHT, capsys=capsys)
    assert status == 0, table
    assert "the code as it is │ nothing │ 1 " in table
    for name in CAUGHT:
        assert re.search(rf"{name} │ (?!SURVIVES)\w[^│]+ │ 1 ", table), table


def test_a_mutant_that_survives_is_exit_status_1(harmless, capsys):
    status, table = hunted("--patches", str(harmless.parent), capsys=capsys)
    assert status == 1
    assert "harmless │ SURVIVES │ 1 " in table


def test_a_mutant_that_does_not_apply_any_more_is_exit_status_1(harmless, capsys):
    harmless.write_text(harmless.read_text().replace('"""', '"""Once: '))
    status, table = hunted("--patches", str(harmless.parent), capsys=capsys)
    assert status == 1
    assert re.search(r"harmless │ does not apply any more: .*close\.py", table)


def test_a_name_that_no_mutant_has_is_said(capsys):
    with pytest.raises(SystemExit, match="no mutant"):
        hunted("no such bug", capsys=capsys)
