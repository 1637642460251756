"""The interpreters that dibs is stopped under: the one that runs the tests, and the newest other that `make interpreters` has set up."""

import sys
from pathlib import Path

from tests.wire.server import ROOT


def interpreters(root: Path = ROOT) -> dict[str, Path]:
    """By version, `3.13` and the like, this one first. The stamp comes last: a half-made environment is none."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    made = {stamp.parent.name.removeprefix(".venv-"): stamp.parent / "bin" / "python" for stamp in root.glob(".venv-*/installed")}
    made.pop(own, None)
    newest = sorted(made, key=lambda version: [int(part) for part in version.split(".")])[-1:]
    return {own: Path(sys.executable)} | {version: made[version] for version in newest}
