"""A mutant: the real code with one bug in it, kept as a patch whose first paragraph says in a sentence what the bug is.

A second one says why the simulation cannot show it, where that is so; then it is for the property tests alone. A mutant lives in a
copy of the packages, so that nothing of the working tree is ever wrong.
"""

import os
import shutil
import subprocess
from pathlib import Path

import attrs

HOUSE = Path(__file__).parent.parent.parent
PATCHES = Path(__file__).parent / "patch"
PACKAGES = ("actors", "storage", "web", "tests")


class DoesNotApply(Exception):
    """The code has changed under the patch."""


@attrs.frozen
class Mutant:
    """One patch."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def says(self) -> str:
        """What the bug is."""
        return self._paragraphs[0]

    @property
    def is_for_properties(self) -> bool:
        """Whether the simulation has no way to show it."""
        return len(self._paragraphs) > 1

    @property
    def _paragraphs(self) -> list[str]:
        head = self.path.read_text().split("diff --git", 1)[0]
        return [" ".join(paragraph.split()) for paragraph in head.strip().split("\n\n")]

    @property
    def files(self) -> tuple[str, ...]:
        """What it changes."""
        return tuple(line.removeprefix("+++ b/") for line in self.path.read_text().splitlines() if line.startswith("+++ b/"))

    def apply(self, folder: Path) -> None:
        """Puts the bug into a copy. No context is guessed: a patch that does not fit is out of date."""
        # A copy may lie inside some repository, which is none of git's business here.
        environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(folder.parent)}
        command = ["git", "apply", "--whitespace=nowarn", str(self.path)]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise DoesNotApply(done.stderr.strip())


def mutants(folder: Path = PATCHES) -> tuple[Mutant, ...]:
    """All of them, by name."""
    return tuple(Mutant(path) for path in sorted(folder.glob("*.patch")))


def copy_house(folder: Path) -> Path:
    """A copy of all that a run needs. What was compiled stays behind: only what is patched may run."""
    for package in PACKAGES:
        shutil.copytree(HOUSE / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(HOUSE / "pyproject.toml", folder)
    return folder


def environment(folder: Path) -> dict[str, str]:
    """For a process that runs in a copy: its packages before the installed ones, and sets of strings in a fixed order."""
    return os.environ | {"PYTHONPATH": str(folder), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
