"""How near memory and disk are to their end, told before they are there: once when it begins, once when it is over.

    redis_memory   what Redis uses, of its maxmemory; of its machine's memory where it has none
    memory         what is used of this machine's memory, or of what this container may use
    disk           how full the disk of the private server's data is
    rewrite        the private server's files, of what is free on their disk: it writes them anew beside the old ones

A warning begins at one share and ends at a lower one, so that what goes up and down a little is not told again and again.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import attrs

from actors.port import Log
from storage.directory import FILES, server_folder
from storage.journal import JournalLost, JournalRefused, JournalUnreachable

WARN, CALM = 0.85, 0.80
LOOK_S = 2.0
NAMES = ("redis_memory", "memory", "disk", "rewrite")
_MEMINFO, _CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


@attrs.frozen
class Use:
    """Bytes used, of how many, and of what, in words."""

    used: int
    of: int
    what: str

    @property
    def share(self) -> float:
        """The part that is used; 1 where there is nothing to use."""
        return min(1.0, self.used / self.of) if self.of > 0 else 1.0


class Room:
    """`redis` asks Redis what it uses (`RedisJournal.memory`), `data` is the private server's directory; None for a Redis elsewhere."""

    def __init__(self, redis: Callable[[], Awaitable[Use]], data: Path | None, log: Log) -> None:
        self._redis = redis
        self._data = data
        self._log = log
        self.shares: dict[str, float] = {}
        """The share that is used, by name; of what is known."""
        self.warnings: dict[str, str] = {}
        """What is near its end, by name, as a sentence."""

    async def run(self) -> None:
        """Looks again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 -- a look that failed is no reason to look no more
                self._log.error("room_not_looked_at", error=repr(error), exc_info=error)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Measures everything, and tells what has changed."""
        # An outage the storage actor tells; what was measured last stands.
        with suppress(JournalLost, JournalRefused, JournalUnreachable, TimeoutError):
            self._judge("redis_memory", await self._redis())
        for name, use in self._here().items():
            self._judge(name, use)

    def _here(self) -> dict[str, Use]:
        """What this machine tells."""
        found: dict[str, Use] = {}
        if (memory := machine_memory()) is not None:
            found["memory"] = memory
        if self._data is not None:
            disk = shutil.disk_usage(self._data)
            found["disk"] = Use(disk.total - disk.free, disk.total, f"the disk of {self._data}")
            files = server_folder(self._data) / FILES
            found["rewrite"] = Use(_size(files), disk.free, f"what is free on the disk of {self._data}, which a rewrite of its files needs")
        return found

    def _judge(self, name: str, use: Use) -> None:
        self.shares[name] = use.share
        if use.share >= WARN or (name in self.warnings and use.share > CALM):
            begins = name not in self.warnings
            self.warnings[name] = f"{use.share:.0%} of {use.what} is used"
            if begins:
                self._log.warning("room_runs_out", of=name, sentence=self.warnings[name])
        elif self.warnings.pop(name, None) is not None:
            self._log.info("room_again", of=name, share=round(use.share, 3))


def machine_memory(meminfo: Path = _MEMINFO, cgroup: Path = _CGROUP) -> Use | None:
    """This machine's memory, or the container's where that may use less; None where the system does not tell."""
    try:
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        total, free = (int(lines[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
    except (OSError, ValueError, KeyError, IndexError):
        return None
    try:
        limit = int((cgroup / "memory.max").read_text())
        # What is only a copy of a file gives way when there is need.
        stat = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
        used = int((cgroup / "memory.current").read_text()) - int(stat["inactive_file"])
    except (OSError, ValueError, KeyError):
        limit = total
    return Use(used, limit, "the memory of this container") if limit < total else Use(total - free, total, "the memory of this machine")


def _size(folder: Path) -> int:
    size = 0
    for path in folder.glob("*"):
        try:
            size += path.stat().st_size
        except FileNotFoundError:
            continue  # a rewrite has just replaced it
    return size
