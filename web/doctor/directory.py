"""The data directory: that it is there, whose it is, who else may look into it, and how much room is left."""

import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from web.doctor.finding import Finding, fail, ok, warn

LEAST_BYTES = 64 << 20
"""With less than this on the disk it is a matter of minutes."""
GOOD_BYTES = 1 << 30


def examine_directory(data: Path) -> Iterator[Finding]:
    """Whether dibs can use it, the modes of what is in it, and the disk it lies on."""
    there = _nearest(data)
    if data.is_dir():
        yield _owned(data)
        yield _modes(data)
    elif there != data and there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        yield ok("data", f"{data} does not exist yet: serve makes it")
    else:
        found = f"{there} is no directory" if not there.is_dir() else f"{data} cannot be made: {there} is not ours to write to"
        yield fail("data", found, "name another with --data")
        return
    yield judge_disk(there, shutil.disk_usage(there).free, _size(data))


def _nearest(path: Path) -> Path:
    """The path itself, or what of it exists."""
    path = path.absolute()
    return next(found for found in (path, *path.parents) if found.exists())


def _owned(data: Path) -> Finding:
    owner = data.stat().st_uid
    if owner != os.geteuid():
        return fail(
            "data", f"{data} belongs to {_name(owner)}, and we are {_name(os.geteuid())}", f"run dibs as {_name(owner)}, or chown it"
        )
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        return fail("data", f"{data} cannot be written to", f"chmod 700 {data}")
    return ok("data", f"{data} belongs to {_name(owner)}")


def _modes(data: Path) -> Finding:
    """Others may look at nothing: there are chats in it."""
    open_to_others = [path for path in (data, *_files(data)) if _mode(path) & 0o077]
    if any(_mode(path) & 0o022 for path in open_to_others):
        worst = next(path for path in open_to_others if _mode(path) & 0o022)
        return fail("modes", f"{worst} has mode {_mode(worst):o}: others may write to it", f"chmod -R go= {data}")
    if open_to_others:
        first = open_to_others[0]
        more = f", and {len(open_to_others) - 1} more are so" if len(open_to_others) > 1 else ""
        return warn("modes", f"{first} has mode {_mode(first):o}: others may read it{more}", f"chmod -R go= {data}")
    return ok("modes", "700 and 600: nobody else may look into it")


def judge_disk(where: Path, free: int, size: int) -> Finding:
    """One line for so much room beside so much data: a rewrite of the file needs as much again, for a while."""
    found = f"{shown(free)} free at {where}, the data have {shown(size)}"
    if free < max(LEAST_BYTES, size):
        return fail("disk", found, "make room, or move the data: a rewrite of the file needs as much again")
    if free < max(GOOD_BYTES, 2 * size):
        return warn("disk", found, "make room before it runs out: a rewrite of the file needs as much again")
    return ok("disk", found)


def shown(size: float) -> str:
    """Bytes for people."""
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def _files(data: Path) -> list[Path]:
    """What dibs and its server keep there; whatever else somebody may have pointed at is not walked through."""
    return sorted([*data.glob("*"), *data.glob("valkey/**/*")])


def _size(data: Path) -> int:
    sizes = []
    for path in _files(data):
        try:
            sizes.append(path.lstat().st_size)
        except FileNotFoundError:
            continue  # the server has rewritten its file meanwhile
    return sum(sizes)


def _mode(path: Path) -> int:
    try:
        state = path.lstat()
    except FileNotFoundError:
        return 0
    return 0 if stat.S_ISLNK(state.st_mode) else stat.S_IMODE(state.st_mode)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
