"""Files in a directory, which may be shared by several nodes: DIR/STORE/USER/NAME, and DIR/.part for what is still coming.

A file is there wholly or not at all: it comes in `.part`, is synced, gets its name in one step, and then the directory is synced. Nobody
but the owner of the process may read any of it. An id is no file name: on some systems `A` and `a` are one, and `..` leads out; so a
capital stands as `=` and its small letter, and a first dot has a `=` before it.
"""

import asyncio
import errno
import os
import re
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from actors.append import StorageUnavailable
from actors.file import NAME, PlaceFull

PIECE = 32 * 1024
PARTS = ".part"
STALE_S = 3600.0
"""A part that has not grown for so long is nobody's any more."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SHOWN = re.compile(r"[A-Z]|\A\.")
_MEANT = re.compile(r"=(.)")
T = TypeVar("T")


class Folder:
    """Implements `actors.file.Files`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.parts = root / PARTS

    async def begin(self) -> None:
        """See `Files.begin`."""
        await _run(self._begin)

    def _begin(self) -> None:
        make(self.parts)
        sweep_parts(self.parts)
        probe = self.parts / secrets.token_hex(8)
        probe.touch(0o600)
        probe.unlink()

    async def put(self, store: str, user: str, name: str, part: Path) -> None:
        """See `Files.put`."""
        await _run(self._put, self._of(store, user), name, part)

    def _put(self, folder: Path, name: str, part: Path) -> None:
        try:
            sync(part)
            make(folder)
            part.replace(folder / name)
            sync(folder)
        except OSError as error:
            if error.errno in FULL:
                raise PlaceFull from None
            raise

    async def size(self, store: str, user: str, name: str) -> int | None:
        """See `Files.size`."""
        return await _run(_size, self._of(store, user) / name)

    async def read(self, store: str, user: str, name: str) -> AsyncIterator[bytes]:
        """See `Files.read`."""
        file = await _run(_open, self._of(store, user) / name)
        try:
            while piece := await _run(file.read, PIECE):
                yield piece
        finally:
            file.close()

    async def copy(self, store: str, user: str, to: str, names: Collection[str]) -> None:
        """See `Files.copy`."""
        for name in names:
            part = self.parts / secrets.token_hex(16)
            if await _run(_copy, self._of(store, user) / name, part):
                await self.put(store, to, name, part)

    async def erase(self, store: str, user: str) -> None:
        """See `Files.erase`."""
        await _run(_remove, self._of(store, user))

    async def walk(self, before_s: float) -> AsyncIterator[tuple[str, str, tuple[str, ...]]]:
        """See `Files.walk`."""
        for store in await _run(_folders, self._root):
            for user in await _run(_folders, store):
                if names := await _run(_older, user, before_s):
                    yield id_of(store.name), id_of(user.name), names

    async def drop(self, store: str, user: str, names: Collection[str], before_s: float) -> None:
        """See `Files.drop`."""
        await _run(_drop, self._of(store, user), names, before_s)

    def _of(self, store: str, user: str) -> Path:
        return self._root / file_name(store) / file_name(user)


def file_name(id: str) -> str:
    """An id as the name of a file or an object."""
    return _SHOWN.sub(lambda found: "=" + found[0].lower(), id)


def id_of(name: str) -> str:
    """The id that was spelled so."""
    return _MEANT.sub(lambda found: found[1].upper(), name)


def sync(path: Path) -> None:
    """What is there survives a loss of power."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def sweep_parts(parts: Path) -> None:
    """Takes away what nobody goes on with."""
    for part in parts.iterdir():
        with suppress(FileNotFoundError):
            if part.stat().st_mtime < time.time() - STALE_S:
                part.unlink()


def make(folder: Path) -> None:
    """It is there, also after a loss of power."""
    if not folder.is_dir():
        make(folder.parent)
        folder.mkdir(0o700, exist_ok=True)
        sync(folder.parent)


def _open(path: Path) -> BinaryIO:
    return path.open("rb")


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _copy(source: Path, part: Path) -> bool:
    try:
        with source.open("rb") as file, open(part, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as copy:
            shutil.copyfileobj(file, copy)
    except FileNotFoundError:
        return False
    return True


def _remove(folder: Path) -> None:
    # Whoever puts a file in while it goes puts it into what goes, or makes it anew.
    while folder.is_dir():
        shutil.rmtree(folder, ignore_errors=False, onerror=_unless_gone)
        if folder.parent.is_dir():
            sync(folder.parent)


def _unless_gone(what: Callable[..., object], path: str, why: tuple[type[BaseException], BaseException, object]) -> None:
    del what, path
    if not isinstance(why[1], FileNotFoundError):
        raise why[1]


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name != PARTS) if folder.is_dir() else []


def _older(folder: Path, before_s: float) -> tuple[str, ...]:
    # Another node may walk, and be first.
    with suppress(FileNotFoundError):
        return tuple(path.name for path in _files(folder) if path.stat().st_mtime < before_s)
    return ()


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if NAME.fullmatch(path.name))


def _drop(folder: Path, names: Collection[str], before_s: float) -> None:
    for name in set(names).intersection(_older(folder, before_s)):
        (folder / name).unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()  # only if nothing is left


async def _run(work: Callable[..., T], *args: object) -> T:
    """Off the loop; an error of the file system becomes `StorageUnavailable`."""
    try:
        return await asyncio.to_thread(work, *args)
    except OSError as error:
        raise StorageUnavailable from error
