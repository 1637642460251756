"""A Redis below several nodes, one of some that stand in for each other: a process with its files, that may die and come again."""

import subprocess
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path

import redis

START_S = 20


class Below(ABC):
    """One server, or a sentinel; `client` and `command` are of those who inherit. What is in `folder` it finds again."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def client(self) -> redis.Redis:
        """A fresh connection to it."""

    @abstractmethod
    def command(self) -> list[str]:
        """What starts it."""

    def start(self) -> None:
        """It answers when this returns."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_S
        while not self.answers():
            assert self.process.poll() is None, f"it ended:\n{(self.folder / 'log').read_text(errors='replace')[-2000:]}"
            assert time.monotonic() < deadline, f"{self.folder} does not answer"
            time.sleep(0.02)

    def answers(self) -> bool:
        with suppress(redis.RedisError), self.client() as client:
            return bool(client.ping())
        return False

    def kill(self) -> None:
        """kill -9, and gone when this returns."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def is_primary(self) -> bool:
        with suppress(redis.RedisError), self.client() as client:
            return bool(client.role()[0] == b"master")
        return False

    def replicas(self) -> int:
        """How many follow it that are up to date."""
        with suppress(redis.RedisError), self.client() as client:
            told = client.info("replication")
            return sum(told.get(f"slave{n}", {}).get("state") == "online" for n in range(3))
        return 0
