"""The file of a backup: a tar of the private server's append-only files, and last of all what they are.

    appendonlydir/appendonly.aof.1.base.rdb   …  the files, and their manifest
    dibs-backup.json                             {"format","at","dibs","files":{NAME:{"bytes","sha256"}}}

What comes last proves that everything before it is there. Anybody's `tar` can look into it.
"""

import hashlib
import io
import os
import re
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from storage.directory import FILES
from storage.fault import CopyError

FORMAT = 1
SUMMARY = "dibs-backup.json"
MANIFEST = "appendonly.aof.manifest"
_NAME = re.compile(rf"{FILES}/appendonly\.aof\.(?:manifest|[0-9]+\.(?:base\.(?:rdb|aof)|incr\.aof))", re.ASCII)
_SUMMARY_LIMIT = 1 << 20
_PIECE = 1 << 20

Progress = Callable[[int, int], None]
"""Told how many bytes are done, and of how many."""


class Count:
    """Bytes that are done, told as they are."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._done = 0
        self._total = total
        self._progress = progress

    def add(self, size: int) -> None:
        """So many more."""
        self._done += size
        self._progress(self._done, self._total)


class File(msgspec.Struct, frozen=True):
    """What a file in a backup must be."""

    bytes: int
    sha256: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup is. `at`: the moment, in ms since the epoch; `dibs`: the version that made it."""

    format: int
    at: int
    dibs: str
    files: dict[str, File]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.bytes for file in self.files.values())


class Writer:
    """Writes a backup to an open file."""

    def __init__(self, file: IO[bytes], count: Count) -> None:
        self._tar = tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 -- closed by `close`
        self._count = count
        self._files: dict[str, File] = {}

    def add(self, name: str, source: IO[bytes], size: int, at_ms: int) -> None:
        """The first `size` bytes of `source`; raises OSError if it has fewer."""
        name = f"{FILES}/{name}"
        reading = _Reading(source, self._count)
        self._tar.addfile(_entry(name, size, at_ms), reading)  # type: ignore[arg-type]  # it reads, and that is all that is asked of it
        self._files[name] = File(size, reading.digest.hexdigest())

    def close(self, at_ms: int, version: str) -> Summary:
        """Writes what it is, and ends it."""
        summary = Summary(format=FORMAT, at=at_ms, dibs=version, files=self._files)
        text = msgspec.json.encode(summary)
        self._tar.addfile(_entry(SUMMARY, len(text), at_ms), io.BytesIO(text))
        self._tar.close()
        return summary


def _entry(name: str, size: int, at_ms: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, at_ms // 1000
    return entry


class _Reading:
    def __init__(self, source: IO[bytes], count: Count) -> None:
        self._source = source
        self._count = count
        self.digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        piece = self._source.read(size)
        self.digest.update(piece)
        self._count.add(len(piece))
        return piece


def verify(source: Path, progress: Progress) -> Summary:
    """Reads a backup from end to end; raises CopyError if it is none, or not whole."""
    with _opened(source) as tar:
        count, files = Count(source.stat().st_size, progress), dict[str, File]()
        for entry in tar:
            if entry.name == SUMMARY:
                summary = _summary(source, tar, entry)
                if summary.files != files or f"{FILES}/{MANIFEST}" not in files:
                    raise CopyError(f"{source} is damaged: its files are not those that it was made of")
                return summary
            if not _NAME.fullmatch(entry.name) or not entry.isreg() or entry.name in files:
                raise CopyError(f"{source} is no backup of dibs")
            files[entry.name] = _copy(tar, entry, None, count)
    raise CopyError(f"{source} is not whole: its end is missing")


def unpack(source: Path, summary: Summary, folder: Path, progress: Progress) -> None:
    """Lays the files of a backup that was verified into `folder`."""
    count = Count(summary.size, progress)
    with _opened(source) as tar:
        for entry in tar:
            if entry.name in summary.files:
                place = folder / entry.name
                place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with place.open("xb") as file:
                    place.chmod(0o600)
                    if _copy(tar, entry, file, count) != summary.files[entry.name]:
                        raise CopyError(f"{source} has changed while it was read")
                    file.flush()
                    os.fsync(file.fileno())


@contextmanager
def _opened(source: Path) -> Iterator[tarfile.TarFile]:
    try:
        tar = tarfile.open(source, "r:")  # noqa: SIM115 -- what is wrong with the opening is told in other words than what is wrong inside
    except tarfile.TarError:
        raise CopyError(f"{source} is no backup of dibs") from None
    except OSError as error:
        raise CopyError(f"{source} cannot be read: {error.strerror}") from None
    with tar:
        try:
            yield tar
        except tarfile.TarError:
            raise CopyError(f"{source} is damaged, or not whole") from None


def _summary(source: Path, tar: tarfile.TarFile, entry: tarfile.TarInfo) -> Summary:
    file = tar.extractfile(entry)
    if file is None or entry.size > _SUMMARY_LIMIT:
        raise CopyError(f"{source} is no backup of dibs")
    try:
        summary = msgspec.json.decode(file.read(), type=Summary)
    except msgspec.DecodeError:
        raise CopyError(f"{source} is damaged") from None
    if summary.format != FORMAT:
        raise CopyError(f"{source} has the format {summary.format}, which this dibs does not know")
    return summary


def _copy(tar: tarfile.TarFile, entry: tarfile.TarInfo, to: IO[bytes] | None, count: Count) -> File:
    source = tar.extractfile(entry)
    assert source is not None
    digest = hashlib.sha256()
    while piece := source.read(_PIECE):
        digest.update(piece)
        if to is not None:
            to.write(piece)
        count.add(len(piece))
    return File(entry.size, digest.hexdigest())
