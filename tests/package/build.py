"""What is built to be handed out, and what has to be in it."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.package.pin import ROOT

PACKAGES = ("actors", "storage", "web")


def build(folder: Path, source: Path = ROOT) -> tuple[Path, Path]:
    """The sdist and the wheel, made from `source` in `folder`. Without isolation: the tools are those of the lock."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


def contents(wheel: Path) -> set[str]:
    """The files that a wheel installs, without those that are about itself."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def sources(root: Path = ROOT) -> set[str]:
    """The files of the packages: all that a checkout has below them."""
    found = (path for package in PACKAGES for path in (root / package).rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix() for path in found if "__pycache__" not in path.parts}
