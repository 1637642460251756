"""The pins of `requirements.lock`, written into pyproject.toml for uv: `uv sync` and pip then install the same versions.

uv's own lock file names the index of whoever made it, and so is none that can be shared; constraints are just as firm.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK, PROJECT = ROOT / "requirements.lock", ROOT / "pyproject.toml"
HEAD = "# What `make` and CI install: dibs' packages and its tests', each in one version. `make lock` writes it, from pyproject.toml.\n"
_TABLE = re.compile(r"^constraint-dependencies = \[\n.*?^\]\n", re.MULTILINE | re.DOTALL)


def pins(lock: Path = LOCK) -> list[str]:
    """The lines of the lock: `name==version`, with a marker where it is not for every machine."""
    return [" ".join(line.split()) for line in lock.read_text().splitlines() if line.strip() and not line.startswith("#")]


def pin(lock: Path = LOCK, project: Path = PROJECT) -> None:
    """Puts them into the project's table, and on top of the lock what it is."""
    if not lock.read_text().startswith(HEAD):
        lock.write_text(HEAD + lock.read_text())
    table = "".join(["constraint-dependencies = [\n", *(f'    "{line}",\n' for line in pins(lock)), "]\n"])
    text, count = _TABLE.subn(lambda _: table, project.read_text())
    assert count == 1, f"{project} has no table of constraints"
    project.write_text(text)


if __name__ == "__main__":
    sys.exit(pin())
