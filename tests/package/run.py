"""`make package`: builds the wheel, installs it into an empty environment of each Python, and has a chat from there.

`python -m tests.package.run 3.11=/usr/bin/python3.11 3.12=`: what is empty was not found, and that is said.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tests.package.build import build, contents, sources
from tests.package.chat import chat
from tests.package.pin import LOCK, ROOT


def install(wheel: Path, python: str, folder: Path) -> Path:
    """An empty environment with the wheel and what it needs, in the versions of the lock; its `bin`. By uv where there is one."""
    bin, uv = folder / "bin", shutil.which("uv")
    if uv:
        steps = [[uv, "venv", "--quiet", "--python", python, folder], [uv, "pip", "install", "--quiet", "--python", bin / "python"]]
    else:
        steps = [[python, "-m", "venv", folder], [bin / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]]
    steps[-1] += ["-c", LOCK, wheel]
    for step in steps:
        done = subprocess.run(step, cwd=folder.parent, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    where = subprocess.run(
        [bin / "python", "-c", "import web; print(web.__file__)"], cwd=folder.parent, capture_output=True, text=True, check=True
    )
    assert Path(where.stdout.strip()).is_relative_to(folder), f"the installed web is {where.stdout}"
    return bin


def main(pythons: list[str], dist: Path = ROOT / "dist") -> int:
    """The exit status: 1 where something failed."""
    sdist, wheel = build(dist)
    if missing := sources() ^ contents(wheel):
        print(f"{wheel.name} and the tree differ: {', '.join(sorted(missing))}")
        return 1
    print(f"dist/{sdist.name}, dist/{wheel.name}: {len(contents(wheel))} files, as in the tree")
    failed = False
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), transient=True, disable=not sys.stdout.isatty()
    ) as bar:
        for version, _, python in (word.partition("=") for word in pythons):
            if not python:
                bar.console.print(f"Python {version}: not found on PATH or among pyenv's: nothing is installed under it")
                continue
            task = bar.add_task(f"Python {version}: an empty environment, and a chat from there")
            with tempfile.TemporaryDirectory(prefix="d") as folder:
                try:
                    start = time.monotonic()
                    bin = install(wheel, python, Path(folder).resolve() / "venv")
                    installed = time.monotonic()
                    chat(bin / "dibs", Path(folder))
                except AssertionError as error:
                    failed = True
                    bar.console.print(f"Python {version}: FAILED: {error}", markup=False)
                else:
                    times = f"installed in {installed - start:.0f} s, serve and chat both ways in {time.monotonic() - installed:.0f} s"
                    bar.console.print(f"Python {version}: {times}", markup=False)
            bar.remove_task(task)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
