"""A real `dibs serve` process with its server below, started, cut down and looked at from outside.

That is dibs' own private server, or where the suite was told to run on another (`tests.storage.below`) that one, over TCP.
"""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import attrs
import jwt
import redis
from anyio import to_thread

from tests.storage.below import DURABLE, Below, named

ROOT = Path(__file__).parents[2]
SECRET = "a-secret-for-the-tests-of-the-wire-of-48-letters"
LISTENING = re.compile(r"^dibs: listening on https?://(\S+:\d+)$", re.MULTILINE)
START_S, STOP_S = 20, 10


@attrs.frozen
class Process:
    """One row of the process table; `state` is the letter that `ps` shows."""

    parent: int
    state: str
    name: str


def processes() -> dict[int, Process]:
    """Every process that has not ended; a zombie has."""
    if Path("/proc/self/stat").exists():
        found = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                head, _, tail = stat.read_text().rpartition(")")
            except OSError:
                continue  # it ended meanwhile
            pid, _, name = head.partition(" (")
            state, parent = tail.split()[:2]
            found[int(pid)] = Process(int(parent), state, name)
    else:
        lines = subprocess.run(["ps", "-axo", "pid=,ppid=,state=,comm="], capture_output=True, text=True, check=True).stdout.splitlines()
        found = {int(pid): Process(int(parent), state[0], name) for pid, parent, state, name in (line.split(None, 3) for line in lines)}
    return {pid: process for pid, process in found.items() if process.state != "Z"}


def running(pid: int) -> bool:
    return pid in processes()


def signal_and_wait(pid: int, number: signal.Signals) -> None:
    """A signal takes effect a moment after `kill` returns; here it has: stopped, going on, or gone."""
    os.kill(pid, number)
    deadline = time.monotonic() + STOP_S
    while (process := processes().get(pid)) is not None and (process.state == "T") is not (number == signal.SIGSTOP):
        assert time.monotonic() < deadline, f"{number!r} had no effect on {pid}"
        time.sleep(0.002)
    while number == signal.SIGKILL and running(pid):
        assert time.monotonic() < deadline, f"{pid} outlived its SIGKILL"
        time.sleep(0.002)


class Server:
    """One data directory and the process that serves it; options are those of the command line. `private` where the test is about
    the private server or what is in the directory."""

    def __init__(self, data: Path, *, private: bool = False, **options: Any) -> None:
        self.data = data
        self.below: Below | None = None
        if named() is not None and not private and "redis" not in options:
            self.below = Below(data.parent / f"{data.name}.below", *DURABLE)
            # As a Redis does, it outlives every dibs; it goes with the last who could start another on it.
            weakref.finalize(self, self.below.stop)
        self.options = {"grace": 2, "heartbeat": 5, "rate": 0} | options
        self.stdout, self.stderr = data.parent / f"{data.name}.out", data.parent / f"{data.name}.err"
        self.environ = {"DIBS_SECRET": SECRET}
        """Its DIBS_ variables."""
        self.root = ROOT
        """Where its code lies."""
        self.within: tuple[str, ...] = ()
        """What its command begins with, where it runs on a machine of its own."""
        self.process: subprocess.Popen[bytes] | None = None
        self.address = ""

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def spawn(self) -> "subprocess.Popen[bytes]":
        flags = [item for key, value in self.options.items() for item in (f"--{key.replace('_', '-')}", str(value))]
        if self.below is not None:
            self.below.start()
            flags += ["--redis", self.below.url]
        command = [*self.within, sys.executable, "-m", "web.command", "serve", "--port", "0", "--data", str(self.data), *flags]
        env = {key: value for key, value in os.environ.items() if not key.startswith("DIBS_")} | self.environ
        with self.stdout.open("ab") as out, self.stderr.open("ab") as err:
            return subprocess.Popen(
                command, cwd=self.root, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
            )

    def start_blocking(self) -> None:
        seen = self.stdout.stat().st_size if self.stdout.exists() else 0
        self.process = self.spawn()
        deadline = time.monotonic() + START_S
        while (line := LISTENING.search(self.stdout.read_bytes()[seen:].decode())) is None:
            code = self.process.poll()
            if code is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"the server did not start (exit {code}):\n{self.said()[-2000:]}")
            time.sleep(0.02)
        self.address = line[1]

    def stop_blocking(self) -> None:
        assert self.process is not None
        self.process.terminate()
        try:
            code = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"not stopped {STOP_S} s after SIGTERM:\n{self.said()[-2000:]}") from None
        self.process = None
        assert code == 0, f"SIGTERM ended in exit {code}:\n{self.said()[-2000:]}"

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Started, and in the end stopped well with nothing in its log that may not be there; gone in any case."""
        self.start_blocking()
        try:
            yield self
            self.stop_blocking()
            self.check_log()
        finally:
            self.kill()

    async def start(self) -> None:
        await to_thread.run_sync(self.start_blocking)

    async def stop(self) -> None:
        await to_thread.run_sync(self.stop_blocking)

    def kill(self) -> None:
        """kill -9, and gone when this returns."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(STOP_S)
            self.process = None

    async def restart(self) -> None:
        self.kill()
        await self.start()

    async def refused(self) -> tuple[int, str]:
        """Starts a second process on the same data and gives its exit status and what it said."""
        told = len(self.said())
        process = self.spawn()
        try:
            code = await to_thread.run_sync(lambda: process.wait(START_S))
        finally:
            process.kill()
            process.wait()
        return code, self.said()[told:]

    def said(self) -> str:
        return self.stderr.read_text(errors="replace") if self.stderr.exists() else ""

    def workers(self) -> dict[str, int]:
        """Name to pid of the processes that serve, where there are several."""
        return {name: pid for pid, name in self._crew()}

    def pids(self) -> list[int]:
        """Of all that serve, also of those who relieve another or are relieved."""
        return [pid for pid, _ in self._crew()]

    def _crew(self) -> list[tuple[int, str]]:
        lines = subprocess.run(["ps", "-ww", "-axo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout.splitlines()
        rows = [line.split(None, 2) for line in lines]
        return [(int(pid), args.split()[-1]) for pid, parent, args in rows if int(parent) == self.pid and "web.crew.worker" in args]

    def valkey_pid(self) -> int:
        """The server below: another's, or the private one, found among the descendants of this process."""
        if self.below is not None:
            return self.below.pid
        table = processes()
        for pid, process in table.items():
            above = pid
            while above in table and above != self.pid:
                above = table[above].parent
            if above == self.pid and pid != self.pid and re.search("valkey|redis", process.name):
                return pid
        raise AssertionError(f"no embedded server below {self.pid}")

    def valkey_url(self) -> str:
        """Where the server below listens; of a private one that stands in its title in the process table."""
        if self.below is not None:
            return self.below.url
        title = subprocess.run(
            ["ps", "-ww", "-o", "args=", "-p", str(self.valkey_pid())], capture_output=True, text=True, check=True
        ).stdout
        found = re.search(r"unixsocket[: ](\S+)", title)
        assert found is not None, title
        return f"unix://{found[1]}"

    def valkey(self, **options: Any) -> redis.Redis:
        """A client of the server below."""
        return redis.Redis.from_url(self.valkey_url(), **options)

    def kept(self) -> tuple[str, str]:
        """The flag that names its data to a command: the directory, or the server below where that is another's."""
        return ("--data", str(self.data)) if self.below is None else ("--redis", self.below.url)

    def token(self, role: str, id: str, *, stores: list[str] | None = None, name: str | None = None, ttl_s: float = 3600) -> str:
        claims: dict[str, Any] = {"sub": id, "role": role, "exp": int(time.time() + ttl_s)}
        claims |= {key: value for key, value in (("stores", stores), ("name", name)) if value is not None}
        return jwt.encode(claims, SECRET, algorithm="HS256")

    def http_blocking(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self.address, timeout=8)
        try:
            connection.request("GET", path, headers={"Connection": "close"})  # Hypercorn keeps the others for its keep-alive
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    async def http(self, path: str) -> tuple[int, str]:
        return await to_thread.run_sync(self.http_blocking, path)

    def check_log(self) -> None:
        """No traceback, no token and no chat text in anything the process wrote."""
        said = self.said() + self.stdout.read_text(errors="replace")
        for forbidden in ("Traceback", "eyJ", "psst-"):
            at = said.find(forbidden)
            assert at < 0, f"{forbidden!r} in the log:\n{said[max(0, at - 500) : at + 1500]}"
