"""Trees of dibs of another version: one of the first layout, and one that stands for the next, each to start nodes from.

The next version changes what a later one of the same layout may change: the append script takes an argument more, keeps a field more and
says something of which nobody has heard; a message has a field more.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.first.keep import HERE, SCRIPT
from tests.wire.server import ROOT

PACKAGES = ("actors", "storage", "web")
ADDED = '"lang":"zh"'
"""What a message of the next version has more."""

Changes = Mapping[str, tuple[tuple[str, str], ...]]
"""File to what stands in it once, and what in its place."""
_FIRST: Changes = {"storage/batch.py": ((", channel_of_node(node), int(holds)]", ", channel_of_node(node)]"),)}
"""The script of the first layout takes fewer arguments."""
_NEXT: Changes = {
    "storage/batch.py": ((", int(holds)]", ', int(holds), "next"]'),),
    "storage/lua/append.lua": (
        ("local ki, ai = 0, 8\n", "local ki, ai = 0, 9\n"),
        ("  changed.of = offset\n", "  changed.of = offset\n  changed.vn = ARGV[9]\n"),
        (
            "    if what ~= '' then\n",
            "    publish(KEYS[base + LIVE], ARGV[5] .. ' hint ' .. offset)\n    if what ~= '' then\n",
        ),
    ),
    "actors/event.py": (('"kind":"%b","body":%b,"id":"%b","at":%d}\'', f'"kind":"%b","body":%b,"id":"%b",{ADDED},"at":%d}}\''),),
}


def first(folder: Path) -> Path:
    """A tree whose script is the one of the first layout, called as it was."""
    tree = _changed(folder, _FIRST)
    shutil.copyfile(HERE / f"{Path(SCRIPT).name}.txt", tree / SCRIPT)
    return tree


def following(folder: Path) -> Path:
    """A tree of the next version."""
    return _changed(folder, _NEXT)


def _changed(folder: Path, changes: Changes) -> Path:
    tree = _copied(folder)
    for name, found in changes.items():
        path = tree / name
        text = path.read_text()
        for before, after in found:
            assert text.count(before) == 1, f"{name} has changed: {before!r} stands there {text.count(before)} times"
            text = text.replace(before, after)
        path.write_text(text)
    return tree


def _copied(folder: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package)  # what Python has compiled too: it tells by itself what was changed
    return folder
