"""How much memory a process has and how long it waits for a core, looked at from outside while something happens to it."""

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import attrs

LOOK_S = 0.02
MIB = 1 << 20


def resident(pid: int) -> int:
    """Bytes of a process that are in memory now."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout) * 1024


def waited_s(pid: int) -> float:
    """Seconds for which a process was ready and somebody else had its core; 0 where the system does not say."""
    told = Path(f"/proc/{pid}/schedstat")
    return int(told.read_text().split()[1]) / 1e9 if told.exists() else 0.0


@attrs.define
class Growth:
    """`before` when it was first looked at, `most` since; in bytes."""

    before: int
    most: int

    @property
    def mib(self) -> float:
        return (self.most - self.before) / MIB


@contextlib.contextmanager
def watched(pid: int) -> Iterator[Growth]:
    """The growth of a process while the block runs, seen fifty times a second."""
    growth = Growth(now := resident(pid), now)
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_S):
            with contextlib.suppress(OSError, StopIteration, subprocess.CalledProcessError):
                growth.most = max(growth.most, resident(pid))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield growth
    finally:
        over.set()
        watcher.join()
        with contextlib.suppress(OSError, StopIteration, subprocess.CalledProcessError):
            growth.most = max(growth.most, resident(pid))
