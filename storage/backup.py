"""A backup of the private server's data, made beside whoever serves them: nothing is asked of the server, and nothing is locked.

The server's manifest names its files: a base, and what was appended since. No name is ever used again, so files of these names belong
together; where one has gone, a rewrite has put others in its place, and the new manifest is read. A file that is open stays whole though
the server removes it. The last one grows: what it holds by then is taken, and with it everything that was acknowledged before the backup
began. It may end within an entry, which its server cuts off when it loads.

The copy is written to `FILE.part`, synced, and renamed; who is killed on the way leaves that, for the next to overwrite, and nothing else.
"""

import fcntl
import io
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import IO

from storage.archive import MANIFEST, Count, Progress, Summary, Writer
from storage.directory import BACKED_UP, FILES, server_folder, sync_folder
from storage.fault import CopyError

TRIES = 50
PAUSE_S = 0.1


def back_up(data: Path, target: Path, progress: Progress) -> Summary:
    """Copies the data of a data directory into the file `target`; raises CopyError."""
    with _opened(server_folder(data) / FILES, data) as (files, manifest):
        at_ms = time.time_ns() // 1_000_000
        sizes = [os.fstat(file.fileno()).st_size for _, file in files]
        count = Count(sum(sizes) + len(manifest), progress)
        try:
            with _part(target) as part:
                writer = Writer(part, count)
                for (name, file), size in zip(files, sizes, strict=True):
                    writer.add(name, file, size, at_ms)
                writer.add(MANIFEST, io.BytesIO(manifest), len(manifest), at_ms)
                summary = writer.close(at_ms, version("dibs"))
        except OSError as error:
            raise CopyError(f"{target} cannot be written: {error.strerror or error}") from None
    with suppress(OSError):  # whoever may only read the data makes a good backup too, of which `dibs doctor` does not know
        (data / BACKED_UP).touch(0o600)
    return summary


@contextmanager
def _opened(folder: Path, data: Path) -> Iterator[tuple[list[tuple[str, IO[bytes]]], bytes]]:
    """The files that belong together, open, and a manifest of these alone."""
    for _ in range(TRIES):
        with ExitStack() as stack:
            manifest = _read(folder / MANIFEST, data)
            lines = [line for line in manifest.splitlines() if not line.endswith(b" type h")]
            try:
                names = [line.split(b" ")[1].decode() for line in lines]
                files: list[tuple[str, IO[bytes]]] = [(name, stack.enter_context((folder / name).open("rb"))) for name in names]
            except FileNotFoundError:
                files = []
            except (OSError, IndexError, ValueError):
                raise CopyError(f"the files in {folder} cannot be read") from None
            if files:
                yield files, b"".join(line + b"\n" for line in lines)
                return
        time.sleep(PAUSE_S)  # a rewrite has just put other files in their place
    raise CopyError(f"the files in {folder} are not those that their manifest names")


def _read(manifest: Path, data: Path) -> bytes:
    try:
        return manifest.read_bytes()
    except FileNotFoundError:
        raise CopyError(f"{data} holds no data of a private server; a Redis of your own (--redis) has its own means") from None
    except OSError as error:
        raise CopyError(f"the data in {data} cannot be read: {error.strerror}") from None


@contextmanager
def _part(target: Path) -> Iterator[IO[bytes]]:
    """A file for what `target` is to be, with the mode 600. It takes its place when all is written and synced."""
    path = target.with_name(target.name + ".part")
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_ours = os.fstat(handle).st_ino == path.stat().st_ino
        except (BlockingIOError, FileNotFoundError):
            is_ours = False
        if not is_ours:
            raise CopyError(f"another backup to {target} is under way")
        try:
            file.truncate(0)
            os.fchmod(handle, 0o600)
            if target.is_dir():
                raise IsADirectoryError(None, "Is a directory")
            yield file
            file.flush()
            os.fsync(handle)
            path.replace(target)
            sync_folder(target.absolute().parent)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
