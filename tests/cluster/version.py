"""Trees of dibs of another version: one of the first layout, and one that stands for the next, each to start nodes from.

The next version changes what a later one of the same layout may change: the append script takes an argument more, keeps a field more and
says something of which nobody has heard; a message has a field more.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.first.keep import HERE, SOURCES
from tests.wire.server import ROOT

PACKAGES = ("actors", "storage", "web")
ADDED = '"lang":"zh"'
"""What a message of the next version has more."""

_NEXT: Mapping[str, tuple[tuple[str, str], ...]] = {
    "storage/batch.py": ((", NODES, channel_of_node(node)]", ', NODES, channel_of_node(node), "next"]'),),
    "storage/lua/append.lua": (
        ("local ki, ai = 0, 7\n", "local ki, ai = 0, 8\n"),
        ("  changed.of = offset\n", "  changed.of = offset\n  changed.vn = ARGV[8]\n"),
        (
            "    if what ~= '' then publish(",
            "    publish(KEYS[base + LIVE], ARGV[5] .. ' hint ' .. offset)\n    if what ~= '' then publish(",
        ),
    ),
    "actors/event.py": (('"kind":"%b","body":%b,"id":"%b","at":%d}\'', f'"kind":"%b","body":%b,"id":"%b",{ADDED},"at":%d}}\''),),
}


def first(folder: Path) -> Path:
    """A tree whose script, and what calls it, are those of the first layout."""
    tree = _copied(folder)
    for source in SOURCES:
        shutil.copyfile(HERE / f"{Path(source).name}.txt", tree / source)
    return tree


def following(folder: Path) -> Path:
    """A tree of the next version."""
    tree = _copied(folder)
    for name, changes in _NEXT.items():
        path = tree / name
        text = path.read_text()
        for before, after in changes:
            assert text.count(before) == 1, f"{name} has changed: {before!r} stands there {text.count(before)} times"
            text = text.replace(before, after)
        path.write_text(text)
    return tree


def _copied(folder: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder
