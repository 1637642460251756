"""What a process has used, asked of the system from outside."""

import subprocess
from pathlib import Path


def cpu_s(pid: int) -> float:
    """Seconds on a core since a process began, of all its threads."""
    tasks = Path(f"/proc/{pid}/task")
    if tasks.exists():
        return sum(int(told.read_text().split()[0]) for told in tasks.glob("*/schedstat")) / 1e9
    told = subprocess.run(["ps", "-o", "time=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603, S607
    total_s = 0.0
    for part in told.replace("-", ":").split(":"):
        total_s = 60 * total_s + float(part)
    return total_s


class Spent:
    """Seconds on a core that each of some processes, by name, has used since."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids
        self._before = {name: cpu_s(pid) for name, pid in pids.items()}

    def s(self) -> dict[str, float]:
        """By name."""
        return {name: cpu_s(pid) - self._before[name] for name, pid in self._pids.items()}
