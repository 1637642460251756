"""Builds the preload that bends clocks, fills disks and records syncs, and steers it from outside. Linux with a C compiler."""

import functools
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import attrs


def compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc") if sys.platform == "linux" else None


@functools.cache
def library() -> Path:
    found = compiler()
    assert found is not None, "needs a C compiler"
    made = Path(tempfile.mkdtemp(prefix="dibs-shim-")) / "shim.so"
    source = Path(__file__).with_name("shim.c")
    subprocess.run([found, "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", made, source, "-ldl"], check=True, timeout=60)
    return made


@attrs.frozen
class Shim:
    """One process's world; `env` goes into its environment."""

    folder: Path

    @property
    def env(self) -> dict[str, str]:
        self.folder.mkdir(parents=True, exist_ok=True)
        names = {"FAULT_CLOCK": self.clock, "FAULT_FULL": self.flag, "FAULT_SYNCED": self.record}
        return {"LD_PRELOAD": str(library())} | {name: str(path) for name, path in names.items()}

    @property
    def clock(self) -> Path:
        return self.folder / "clock"

    @property
    def flag(self) -> Path:
        return self.folder / "full"

    @property
    def record(self) -> Path:
        return self.folder / "synced"

    def shift(self, ms: int) -> None:
        """The wall clock is off by so much from now on; replaced at once, so nobody reads half a number."""
        fresh = self.clock.with_suffix(".new")
        fresh.write_text(str(ms))
        fresh.replace(self.clock)

    def synced(self, file: Path) -> int:
        """How much of a file a power cut cannot take."""
        sizes = [int(size) for size, _, path in (line.partition(" ") for line in self.record.read_text().splitlines()) if path == str(file)]
        return sizes[-1] if sizes else 0
