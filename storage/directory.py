"""The data directory: one dibs at a time, where the private server's files are, and who of a former life still works on them."""

import fcntl
import hashlib
import os
import shutil
import stat
import struct
import sys
import tempfile
import time
from pathlib import Path

from storage.fault import StorageStartError

BACKED_UP = "last-backup"
"""A file in a data directory; when it was touched the last backup was whole."""
FILES = "appendonlydir"
"""Where in its folder a server keeps its append-only files."""
RESTORED = "restored"
"""Where in a data directory a restored copy waits, whole and proven, to take the place of the data."""
SOCKET_PATH_LIMIT = 100  # sun_path has 108 bytes on Linux, 104 on macOS, its final zero included
# struct flock of fcntl(2), in each system's own order: its layout, and where the type and the pid stand.
_FLOCK, _TYPE_AT, _PID_AT = ("@hhqqi4x", 0, 4) if sys.platform == "linux" else ("@qqihh", 3, 2)


class DataDirectory:
    """A directory that this process alone uses, until `release`."""

    def __init__(self, data: Path) -> None:
        """Makes the directory and takes it; raises StorageStartError, also when another dibs has it."""
        self.path = Path(os.path.abspath(data))  # noqa: PTH100 -- resolve() would follow links, and the name is shown to people
        self.server = server_folder(self.path)
        self.server_lock = self.server / "lock"
        self.log_file = self.server / "valkey.log"
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = _take(self.path / "lock")
            try:
                self.finish_restore()
                self.server.mkdir(mode=0o700, exist_ok=True)
                if not os.access(self.server, os.R_OK | os.W_OK | os.X_OK):
                    raise PermissionError(13, "Permission denied")
            except OSError:
                self.release()
                raise
        except OSError as error:
            raise StorageStartError(f"the data directory {self.path} cannot be used: {error.strerror}") from None

    def release(self) -> None:
        """Lets another dibs have the directory."""
        os.close(self._lock)

    def server_pid(self) -> int | None:
        """The pid of the server that works on these files, whoever started it."""
        return lock_holder(self.server_lock)

    def socket(self) -> Path:
        """Where the server listens."""
        return server_socket(self.path)

    def finish_restore(self) -> Path | None:
        """Lets the copy that waits take the place of the data, which are kept beside it; where they are then. Done again from the start
        after a kill at any point."""
        copy, aside = server_folder(self.path / RESTORED), None
        if copy.is_dir():
            if holds_data(self.path):
                aside = self.path / f"{self.server.name}.before-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
                self.server.rename(aside)
            elif self.server.is_dir():
                shutil.rmtree(self.server)
            copy.rename(self.server)
            sync_folder(self.path)
        shutil.rmtree(self.path / RESTORED, ignore_errors=True)
        return aside

    def last_words(self, offset: int) -> str:
        """What the server said last since `offset` of its log: the last warning, or the last line."""
        with self.log_file.open("rb") as file:
            file.seek(offset)
            lines = file.read().decode("utf-8", "replace").splitlines()[-200:]
        said = [line.strip() for line in lines if line.strip()]
        grave = [line for line in said if " # " in line and "without a config file" not in line and "overcommit" not in line]
        return (grave or said or ["it left no word"])[-1].rpartition(" # ")[2]

    def open_log(self) -> int:
        """The log, to append to; a long one is put aside first. Returns a file handle."""
        if self.log_file.exists() and self.log_file.stat().st_size > 1 << 20:
            self.log_file.replace(self.log_file.with_suffix(".log.old"))
        return os.open(self.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def server_folder(data: Path) -> Path:
    """Where in a data directory the private server's files are."""
    return data / "valkey"


def backed_up_s(data: Path) -> float | None:
    """When the data were last backed up, in seconds since the epoch, where that is known."""
    try:
        return (data / BACKED_UP).stat().st_mtime
    except FileNotFoundError:
        return None


def holds_data(data: Path) -> bool:
    """Whether a server has ever kept anything in this data directory."""
    return (server_folder(data) / FILES).is_dir()


def running_server(data: Path) -> int | None:
    """The pid of the server that works in this data directory; takes nothing and disturbs nobody."""
    return lock_holder(server_folder(data) / "lock")


def server_socket(data: Path) -> Path:
    """Where the server of a data directory listens: in the directory, or where that path is too long for a socket in a private one with a
    name that the next start finds again."""
    data = Path(os.path.abspath(data))  # noqa: PTH100 -- as above
    path = server_folder(data) / "valkey.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
        return path
    name = f"dibs-{os.getuid()}-{hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:16]}"
    temporary = Path(tempfile.gettempdir())
    folder = (temporary if len(os.fsencode(temporary)) + len(name) + 13 <= SOCKET_PATH_LIMIT else Path("/tmp")) / name  # noqa: S108 -- short, and checked
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        state = folder.lstat()
    except OSError as error:
        raise StorageStartError(f"the directory {folder} for the server's socket cannot be used: {error.strerror}") from None
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid() or state.st_mode & 0o077:
        raise StorageStartError(f"the directory {folder} for the server's socket belongs to somebody else; remove it")
    return folder / "valkey.sock"


def sync_folder(folder: Path) -> None:
    """Makes what was renamed in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def lock_holder(path: Path) -> int | None:
    """The pid of the process that holds a record lock on `path`, 0 or less for one outside our sight. It is the kernel's word, so it is
    never the pid of a stranger, and a process that has ended, a zombie included, holds nothing."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        asked = [0] * 5
        asked[_TYPE_AT] = fcntl.F_WRLCK
        found = struct.unpack(_FLOCK, fcntl.fcntl(handle, fcntl.F_GETLK, struct.pack(_FLOCK, *asked)))
    finally:
        os.close(handle)
    return None if found[_TYPE_AT] == fcntl.F_UNLCK else int(found[_PID_AT])


def _take(path: Path) -> int:
    """An exclusive lock on `path` for the life of this process, with our pid in it for whoever comes second."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError:
        holder = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
        os.close(handle)
        by = f" (pid {holder})" if holder.isdecimal() else ""
        raise StorageStartError(f"the data directory {path.parent} is in use by another dibs{by}") from None
    except OSError:
        os.close(handle)
        raise
    return handle
