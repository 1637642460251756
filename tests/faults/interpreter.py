"""The interpreters that dibs is stopped under: the one that runs the tests, and every other that `make interpreters` has set up."""

import sys
from pathlib import Path

from tests.wire.server import ROOT


def interpreters(root: Path = ROOT) -> dict[str, Path]:
    """By version, `3.13` and the like, this one first. The stamp comes last: a half-made environment is none."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    made = {stamp.parent.name.removeprefix(".venv-"): stamp.parent / "bin" / "python" for stamp in sorted(root.glob(".venv-*/installed"))}
    return {own: Path(sys.executable)} | {version: python for version, python in made.items() if version != own}
