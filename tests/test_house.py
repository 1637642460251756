"""What holds for the code as a whole: who imports whom, closed unions, the headers of scripts, where a key or a close code may stand.

The rules are those of the design: the heart imports no door, one rule has one file, and a listing is the architecture.
"""

import ast
import re
from pathlib import Path

import pytest

from storage.key import LAYOUT
from storage.pipe import SCRIPTS

HOUSE = Path(__file__).parent.parent
PACKAGES = ("actors", "storage", "web")
SOURCES = sorted(path for package in PACKAGES for path in (HOUSE / package).rglob("*.py"))
LUA = sorted((HOUSE / "storage" / "lua").glob("*.lua"))


def imported(path):
    """The modules a file imports, `import x.y` and `from x.y import z` alike."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            yield node.module


def named(path):
    return str(path.relative_to(HOUSE))


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_the_heart_knows_no_door_and_a_door_knows_only_the_heart(path):
    package = path.relative_to(HOUSE).parts[0]
    roots = {module.split(".")[0] for module in imported(path)}
    if package == "actors":
        assert not roots & {"storage", "web", "redis", "quart", "hypercorn", "wsproto", "socket", "time", "random"}
    elif package == "storage":
        assert not roots & {"web", "quart", "hypercorn", "wsproto"}
    elif str(path.relative_to(HOUSE)) not in (
        "web/serve.py",
        "web/below.py",
        "web/app.py",
        "web/metric.py",
        "web/backup.py",
        "web/export.py",
        "web/doctor/store.py",
    ):
        # The doctor, backups and exports look at the storage when no node is there to ask.
        assert "storage" not in roots


def test_only_two_files_touch_the_private_parts_of_hypercorn():
    for path in SOURCES:
        if path.name not in ("connection.py", "front.py", "line.py"):
            assert not {module for module in imported(path) if module.split(".")[0] in ("hypercorn", "wsproto")}, path


def test_the_rule_awaits_nothing_and_reads_no_clock():
    for name in ("rule.py", "chat.py", "command.py", "event.py", "refusal.py"):
        tree = ast.parse((HOUSE / "actors" / name).read_text())
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.Global)], name
        assert not {m for m in imported(HOUSE / "actors" / name) if m.split(".")[0] in ("asyncio", "time", "random", "uuid", "secrets")}, (
            name
        )


def test_every_match_over_a_closed_union_ends_in_assert_never():
    for name, functions in {"rule.py": ("decide", "apply", "correct"), "store.py": ("receive",)}.items():
        tree = ast.parse((HOUSE / "actors" / name).read_text())
        for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name in functions]:
            last = next(node for node in ast.walk(function) if isinstance(node, ast.Match)).cases[-1]
            assert "assert_never" in ast.unparse(last), f"{name}: {function.name}"


@pytest.mark.parametrize("path", LUA, ids=lambda path: path.name)
def test_every_script_says_what_it_takes_and_what_it_returns(path):
    header = []
    for line in path.read_text().splitlines():
        if not line.startswith("--"):
            break
        header.append(line)
    text = "\n".join(header)
    assert header[0].startswith(f"-- {path.name}: ")
    for word in ("KEYS", "Returns") if path.name != "bisect.lua" else ():
        assert word in text, f"{path.name}: {word}"
    if "ARGV" in path.read_text():
        assert "ARGV" in text or path.name == "bisect.lua"


def test_every_script_is_loaded_and_every_loaded_script_is_used():
    assert {path.stem for path in LUA} - {"bisect"} == set(SCRIPTS)
    source = "".join(path.read_text() for path in (HOUSE / "storage").glob("*.py") if path.name != "pipe.py")
    for name in SCRIPTS:
        assert f'"{name}"' in source


def test_keys_are_built_in_one_file():
    for path in SOURCES:
        if path.name != "key.py":
            assert f'"{LAYOUT}:' not in path.read_text(), path
    for path in LUA:
        assert not re.search(r"""['"]d\d:""", path.read_text()), path


def test_close_codes_stand_in_one_file():
    for path in SOURCES:
        if path.name != "close.py":
            numbers = [n.value for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Constant) and isinstance(n.value, int)]
            assert not {n for n in numbers if type(n) is int} & {1003, 1009, 4000, 4001, 4003, 4100, 4101, 4200}, path


def test_no_file_and_no_function_is_without_a_word():
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        if tree.body:
            assert ast.get_docstring(tree), path
        for node in tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path}: {node.name}"


def test_names_that_say_nothing_are_not_used_for_files():
    for path in SOURCES:
        assert path.stem not in ("utils", "util", "helpers", "helper", "common", "manager", "misc", "base"), path
