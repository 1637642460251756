"""`make fuzz`: a million frames of rubbish, guided by coverage within a process, and over live sockets; a table of what was seen.

Exit status 1 where something broke. Arguments choose targets; the same seed gives the same inputs to the same code.
"""

import argparse
import asyncio
import json
import os
import platform
import re
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.fuzz.live import assail
from tests.wire.server import ROOT

SHARES = {"codec": 0.3, "body": 0.1, "token": 0.1, "line": 0.2, "socket": 0.3}
"""Of all frames; the socket comes last, and says again what the codec's corpus holds by then."""


async def guide(target, goal, seed, folder, tell):
    """Runs a target in a process of its own; (frames, what was found, how it went)."""
    command = [sys.executable, "-m", "tests.fuzz.guided", target, str(folder / target), "--frames", str(goal), "--seed", str(seed)]
    log = folder / f"{target}.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=out)
    frames, guided = 0, True
    try:
        async for said in process.stdout:
            found = json.loads(said)
            frames, guided = found["frames"], found["guided"]
            tell(frames)
        # Not to be asked how it is before this: whoever asks may reap it, and then nobody learns how it ended.
        await process.wait()
    except BaseException:
        process.kill()
        raise
    said = log.read_text(errors="replace")
    covered = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", said)
    how = "blind" if not guided else "coverage {}, features {}, corpus {}".format(*covered[-1]) if covered else "-"
    return frames, [said[-3000:]] if process.returncode or frames < goal else [], how


async def socket(goal, seed, folder, tell):
    """The same over live sockets."""
    corpus = folder / "codec" / "corpus"
    found = sorted(corpus.iterdir()) if corpus.is_dir() else []
    texts = [text for text in (path.read_bytes().decode("utf-8", "ignore") for path in found) if 0 < len(text) < 2000]
    seen = await assail(folder / "server", goal, seed, texts, tell=tell, rest_s=90.0 if goal > 50_000 else 8.0)
    late = sorted(seen.latencies_s)
    tenths = " ".join(f"{mib:g}" for mib in seen.mib)
    held = ", ".join(f"{key} {seen.before.get(key, 0):g} → {value:g}" for key, value in seen.after.items())
    closes = ", ".join(f"{code}: {count}" for code, count in sorted(seen.closes.items()))
    answers = ", ".join(f"{name} {count:,}" for name, count in seen.answers.most_common())
    how = (
        f"{seen.sessions:,} sessions, closed with {closes or 'nothing'}; {held} (by tenths {tenths}); "
        f"the two who chatted: {len(late)} messages, p50 {late[len(late) // 2] * 1000:.0f} ms, "
        f"p99 {late[len(late) * 99 // 100] * 1000:.0f} ms; heard: {answers}"
    )
    return seen.frames, seen.breaches, how


async def fuzz(targets, goal, seed, folder, console):
    """Every target, one after another; a row for each."""
    rows = []
    columns = (TextColumn("{task.description:8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        for target in targets:
            share = max(1000, int(goal * SHARES[target]))
            bar = progress.add_task(target, total=share)
            start = time.monotonic()

            def tell(frames, bar=bar):
                progress.update(bar, completed=frames)

            try:
                if target == "socket":
                    (folder / "server").mkdir()
                    found = await socket(share, seed, folder, tell)
                else:
                    found = await guide(target, share, seed, folder, tell)
            except Exception as error:  # noqa: BLE001 - the other targets are wanted all the same
                found = (0, [f"{type(error).__name__}: {error}"], "-")
            rows.append((target, time.monotonic() - start, *found))
    return rows


def table(rows, console):
    shown = Table(title=f"{sum(frames for _, _, frames, _, _ in rows):,} frames of rubbish")
    for name in ("target", "frames", "seconds", "found", "how"):
        shown.add_column(name, justify="left" if name in ("target", "how") else "right")
    for target, seconds, frames, found, how in rows:
        shown.add_row(target, f"{frames:,}", f"{seconds:.0f}", str(len(found)), how, style="red" if found else None)
        for sentence in found[:5]:
            console.print(f"{target}: {sentence}", markup=False, highlight=False)
    console.print(shown)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(SHARES)}; all without")
    parser.add_argument("--runs", type=int, default=1_000_000, help="frames in all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="keep what was found in this folder")
    arguments = parser.parse_args()
    if unknown := set(arguments.targets) - SHARES.keys():
        parser.error(f"no target {', '.join(unknown)}; there are {', '.join(SHARES)}")
    console = Console()
    console.print(
        f"seed {arguments.seed}, Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    )
    with tempfile.TemporaryDirectory(prefix="z") as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        rows = asyncio.run(fuzz(arguments.targets or list(SHARES), arguments.runs, arguments.seed, folder, console))
    table(rows, console)
    return int(any(found for _, _, _, found, _ in rows))


if __name__ == "__main__":
    sys.exit(main())
