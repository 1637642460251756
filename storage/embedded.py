"""The private server: a Valkey of this dibs alone, on a unix socket in the data directory.

It is started from the main thread (the kernel ties it to the thread that made it), ends with its parent however that ends, and is started
anew when it dies. Every append is synced before it is answered, so neither SIGTERM nor SIGKILL loses what was acknowledged; that is why
a server left over from a former dibs is simply ended rather than taken into service.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import anyio

from actors.port import Log
from storage.binary import environment, find_server
from storage.directory import DataDirectory
from storage.fault import StorageStartError

ORPHAN_PATIENCE_S = 5.0
STOP_PATIENCE_S = 10.0
SILENCE_LIMIT_S = 30.0
BACK_OFF_S = (0.1, 5.0)
_POLL_S = 0.02
_TIE_BY_PIPE = sys.platform != "linux"


def next_pause_s(last_s: float, lived_s: float) -> float:
    """How long to wait before a server that died is started anew: twice as long as before its own start, unless it lived longer than
    that and so was of use."""
    shortest_s, longest_s = BACK_OFF_S
    return shortest_s if lived_s > last_s else min(2 * last_s, longest_s)


class EmbeddedServer:
    """A running server; `start` makes one."""

    def __init__(self, directory: DataDirectory, program: Path, socket: Path, log: Log, *, tie_by_pipe: bool = _TIE_BY_PIPE) -> None:
        self._directory = directory
        self._program = program
        self._socket = socket
        self._log = log
        self._tie_by_pipe = tie_by_pipe
        self._process: asyncio.subprocess.Process | None = None
        self._tie = -1
        self._stopping = False

    @classmethod
    async def start(cls, data: Path, server: Path | str | None, log: Log, *, tie_by_pipe: bool = _TIE_BY_PIPE) -> "EmbeddedServer":
        """Takes the data directory, ends what a former dibs left running, and returns when the server answers; raises StorageStartError."""
        program = await find_server(None if server is None else Path(server))
        directory = DataDirectory(data)
        embedded = None
        try:
            embedded = cls(directory, program, directory.socket(), log, tie_by_pipe=tie_by_pipe)
            await embedded._end_orphan()
            await embedded._launch()
        except BaseException as error:
            with anyio.CancelScope(shield=True):
                await embedded.stop() if embedded else directory.release()
            if isinstance(error, OSError):
                raise StorageStartError(f"the private server cannot be started: {error.strerror}") from None
            raise
        return embedded

    @property
    def url(self) -> str:
        return f"unix://{quote(os.fsencode(self._socket))}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def stop(self) -> None:
        """Ends the server and gives the data directory back. May be called twice."""
        if self._stopping:
            return
        self._stopping = True
        process = self._process
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(STOP_PATIENCE_S):
                    await process.wait()
            except TimeoutError:
                self._log.warning("server_killed", pid=process.pid)
                await self._kill(process)
        self._untie()
        if self._socket.parent != self._directory.server:
            with suppress(OSError):
                self._socket.unlink(missing_ok=True)
                self._socket.parent.rmdir()
        self._directory.release()

    async def watch(self, on_restart: Callable[[], Awaitable[None]] | None = None) -> None:
        """Starts the server anew whenever it dies, until `stop`. What was acknowledged is in its file."""
        pause_s = 0.0
        while True:
            started_s = anyio.current_time()
            if self._process is not None:
                status = await self._process.wait()
                if self._stopping:
                    return
                self._log.error("server_died", status=status, pid=self._process.pid)
            pause_s = next_pause_s(pause_s, anyio.current_time() - started_s)
            await anyio.sleep(pause_s)
            if self._stopping:  # the directory may be another's by now
                return
            try:
                await self._end_orphan()
                await self._launch()
            except (StorageStartError, OSError) as error:
                self._log.error("server_not_restarted", reason=str(error))
                continue
            self._log.info("server_restarted", pid=self.pid)
            if on_restart is not None:
                await on_restart()

    async def _launch(self) -> None:
        self._untie()
        log_handle = self._directory.open_log()
        log_offset = os.fstat(log_handle).st_size
        theirs, self._tie = os.pipe() if self._tie_by_pipe else (os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), -1)
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command(), stdin=theirs, stdout=log_handle, stderr=log_handle, start_new_session=True, env=environment()
            )
        finally:
            os.close(log_handle)
            os.close(theirs)
        self._process = process
        if self._stopping:  # `stop` looked while the process was being made, and saw none
            await self._kill(process)
        await self._until_ready(process, log_offset)

    def _command(self) -> list[str]:
        server = self._directory.server
        wrapper = [
            sys.executable,
            "-I",
            "-S",
            str(Path(__file__).with_name("child.py")),
            str(os.getpid()),
            str(self._directory.server_lock),
        ]
        settings = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(server),
            "logfile": str(self._directory.log_file),
            "loglevel": "notice",
            "daemonize": "no",
            "appendonly": "yes",
            "appendfsync": "always",
            "aof-load-truncated": "yes",
            # The file is written anew when it is twice what it was: it has an end. Meanwhile every append is synced all the same, and the
            # new file goes to the disk in small pieces, so that no append waits behind all of it.
            "auto-aof-rewrite-percentage": "100",
            "auto-aof-rewrite-min-size": "64mb",
            "no-appendfsync-on-rewrite": "no",
            "aof-rewrite-incremental-fsync": "yes",
            "save": "",
            "maxmemory": "0",
            "maxmemory-policy": "noeviction",
            "stream-node-max-bytes": "4096",
        }
        return [
            *wrapper,
            "1" if self._tie_by_pipe else "0",
            str(self._program),
            *(word for key, value in settings.items() for word in (f"--{key}", value)),
        ]

    async def _until_ready(self, process: asyncio.subprocess.Process, log_offset: int) -> None:
        """As long as it loads and lives it may take its time: a big file is no failure."""
        heard_s = told_s = anyio.current_time()
        while process.returncode is None:
            answer = await self._ask(b"PING")
            now_s = anyio.current_time()
            if answer.startswith(b"+PONG"):
                return
            if answer:
                heard_s = now_s
            if answer.startswith(b"-LOADING") and now_s - told_s >= 1:
                told_s = now_s
                self._log.info("server_loading", percent=await self._loaded())
            if now_s - heard_s > SILENCE_LIMIT_S:
                await self._kill(process)
                raise StorageStartError(f"the private server does not answer; see {self._directory.log_file}")
            await anyio.sleep(_POLL_S)
        raise StorageStartError(f"the private server ended at its start: {self._directory.last_words(log_offset)}")

    async def _loaded(self) -> str:
        for line in (await self._ask(b"INFO persistence")).decode("utf-8", "replace").splitlines():
            if line.startswith("loading_loaded_perc:"):
                return line.partition(":")[2]
        return "unknown"

    async def _ask(self, command: bytes) -> bytes:
        """The server's answer to one command, on a connection of its own; nothing where it does not answer within a second."""
        try:
            async with asyncio.timeout(1):
                reader, writer = await asyncio.open_unix_connection(str(self._socket))
                try:
                    writer.write(command + b"\r\n")
                    return await reader.read(1 << 16)
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return b""

    async def _end_orphan(self) -> None:
        """Ends the server that a killed dibs left behind. The record lock says who it is, also when it hangs or has no socket yet."""
        for number, patience_s in ((signal.SIGTERM, ORPHAN_PATIENCE_S), (signal.SIGKILL, ORPHAN_PATIENCE_S)):
            pid = self._directory.server_pid()
            if pid is None:
                return
            if pid <= 0:
                raise StorageStartError(f"a server that this process cannot see works on {self._directory.server}")
            self._log.warning("orphan_ended", pid=pid, signal=number.name)
            self._signal_holder(pid, number)
            with anyio.move_on_after(patience_s):
                while self._directory.server_pid() is not None:  # noqa: ASYNC110 -- another process ends: no event tells
                    await anyio.sleep(_POLL_S)
        if (pid := self._directory.server_pid()) is not None:
            raise StorageStartError(f"a server left over from a former dibs (pid {pid}) cannot be ended")

    def _signal_holder(self, pid: int, number: signal.Signals) -> None:
        """Never hits a stranger who got the pid meanwhile: the lock is looked at again once the process is held by a handle."""
        try:
            if sys.platform != "linux":
                os.kill(pid, number)
                return
            handle = os.pidfd_open(pid)
            try:
                if self._directory.server_pid() == pid:
                    signal.pidfd_send_signal(handle, number)
            finally:
                os.close(handle)
        except ProcessLookupError:
            pass
        except PermissionError:
            raise StorageStartError(f"a server of another user (pid {pid}) works on {self._directory.server}") from None

    @staticmethod
    async def _kill(process: asyncio.subprocess.Process) -> None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    def _untie(self) -> None:
        if self._tie >= 0:
            os.close(self._tie)
            self._tie = -1
