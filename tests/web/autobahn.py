"""`make autobahn`: the fuzzing client of Autobahn's test suite against our framing, as an echo server has it.

The tool runs on Python 2.7 alone and gets a virtual environment of its own in `.autobahn/`. Exit status 0: no case failed; 1: some did;
77: not run, for the reason that the one line says.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.web.echo import echoing

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / ".autobahn"
CASES = 247
SECTIONS = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"]
"""Not 9, messages of up to 16 MiB, nor 12 and 13, compression, which dibs never negotiates."""
LIMIT = 1024 * 1024
"""Bytes of a message: more than a client of dibs may send, since one of the cases wants 256 KiB."""
NOT_RUN = 77


class NotRun(Exception):
    """The tool is not to be had here; the sentence says why."""


def python27():
    """A Python 2.7 that starts, on PATH or among pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for candidate in (os.environ.get("PYTHON27"), "python2.7", "python2", *sorted(pyenv.glob("2.7*/bin/python2.7"))):
        path = candidate and shutil.which(candidate)
        if path and not run(path, "-c", "import sys; sys.exit(sys.version_info[:2] != (2, 7))").returncode:
            return path
    raise NotRun("the tool needs a Python 2.7, and there is none on PATH nor under pyenv (PYTHON27 may name one)")


def run(*command, **options):
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, **options)
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))


def tool():
    """`wstest`, installed if it is not there yet."""
    wstest = FOLDER / "env" / "bin" / "wstest"
    wanted = HERE / "autobahn.txt"
    stamp = FOLDER / "installed"
    if stamp.exists() and stamp.read_text() == wanted.read_text() and wstest.exists():
        return wstest
    python = python27()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    package, target = "virtualenv<20.22", str(FOLDER / "virtualenv")
    # Whose pip is asked for the last virtualenv that makes environments of Python 2.7, and who then runs it.
    installers = (
        (python, [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--target", target, package]),
        (sys.executable, [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--target", target, package]),
        (sys.executable, ["uv", "pip", "install", "--quiet", "--python", sys.executable, "--target", target, package]),
    )
    said = ""
    for runner, install in installers:
        shutil.rmtree(target, ignore_errors=True)
        if not (done := run(*install)).returncode:
            done = run(runner, "-m", "virtualenv", "-q", "-p", python, str(FOLDER / "env"), env=os.environ | {"PYTHONPATH": target})
            if not done.returncode:
                break
        said = done.stderr or done.stdout
    else:
        raise NotRun(f"no virtual environment of {python}: {last_line(said)}")
    pip = str(FOLDER / "env" / "bin" / "pip")
    if (done := run(pip, "--disable-pip-version-check", "install", "--quiet", "--no-deps", "-r", str(wanted))).returncode:
        raise NotRun(f"the tool cannot be installed: {last_line(done.stderr)}")
    stamp.write_text(wanted.read_text())
    return wstest


def last_line(text):
    return (text.strip().splitlines() or ["no word of why"])[-1]


async def fuzz(wstest, console):
    """Every case, with a bar; what the tool reported, by the number of the case."""
    reports = FOLDER / "reports"
    shutil.rmtree(reports, ignore_errors=True)
    async with echoing(LIMIT) as port:
        servers = [{"agent": "dibs", "url": f"ws://127.0.0.1:{port}/"}]
        spec = {"outdir": str(reports), "servers": servers, "cases": SECTIONS, "exclude-cases": [], "exclude-agent-cases": {}}
        (FOLDER / "spec.json").write_text(json.dumps(spec))
        command = [str(wstest), "--mode", "fuzzingclient", "--spec", str(FOLDER / "spec.json")]
        # The tool writes `.wstest` folders where it is started.
        process = await asyncio.create_subprocess_exec(
            *command, cwd=FOLDER, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said = []
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        try:
            with Progress(*columns, console=console) as progress:
                bar = progress.add_task("cases", total=CASES)
                async for line in process.stdout:
                    said.append(line.decode(errors="replace"))
                    if line.startswith(b"Running test case ID"):
                        progress.advance(bar)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
    if not (index := reports / "index.json").exists():
        raise NotRun(f"the tool ended without a report: {last_line(''.join(said))}")
    return json.loads(index.read_text())["dibs"]


def judge(found, console):
    """The table, and the exit status."""
    by_section = {}
    for case, result in sorted(found.items(), key=lambda item: int(item[0].split(".")[0])):
        section = by_section.setdefault(int(case.split(".")[0]), Counter())
        section[result["behavior"]] += 1
        section["close", result["behaviorClose"]] += 1
    shown = Table(title=f"Autobahn, {len(found)} cases: what was done, and how it was closed")
    columns = {"ok": "OK", "lax": "NON-STRICT", "info": "INFORMATIONAL"}
    for name in ("section", *columns, "failed", *columns, "failed"):
        shown.add_column(name, justify="right", no_wrap=True)
    by_section["all"] = sum(by_section.values(), Counter())
    for section, counts in by_section.items():
        done = [counts[name] for name in columns.values()]
        closed = [counts["close", name] for name in columns.values()]
        ran = sum(n for key, n in counts.items() if isinstance(key, str))
        shown.add_row(str(section), *map(str, (*done, ran - sum(done), *closed, ran - sum(closed))))
    console.print(shown)
    good = columns.values()
    failed = [case for case, result in found.items() if result["behavior"] not in good or result["behaviorClose"] not in good]
    for case in failed:
        console.print(f"[red]{case}[/]: {found[case]['behavior']}, close {found[case]['behaviorClose']}", highlight=False)
    if len(found) != CASES:
        console.print(f"[red]{len(found)} cases were run, not {CASES}")
    return int(bool(failed) or len(found) != CASES)


def main():
    console = Console()
    try:
        return judge(asyncio.run(fuzz(tool(), console)), console)
    except NotRun as error:
        print(f"autobahn: not run: {error}", file=sys.stderr)
        return NOT_RUN


if __name__ == "__main__":
    sys.exit(main())
