"""`dibs backup` and `dibs restore`: what is said of a copy of the private server's data."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from storage.archive import Summary
from storage.backup import back_up
from storage.fault import CopyError, StorageStartError
from storage.restore import restore
from web.log import make_log
from web.progress import progress
from web.setting import StartError


def backup(target: Path, data: Path) -> str:
    """Makes the backup; one line that says what it is. Raises `StartError`."""
    try:
        with progress("copying", bytes=True) as show:
            summary = back_up(data, target, show)
    except CopyError as error:
        raise StartError(str(error)) from None
    return f"{target}: the data of {data} as of {_shown(summary)}, {summary.size:,} bytes"


def take_back(source: Path, data: Path, server: Path | None, *, force: bool) -> str:
    """Restores a backup; one line that says what is where. Raises `StartError`."""
    log = make_log("warning", "text", sys.stderr)
    try:
        with progress("restoring", bytes=True) as show:
            done = asyncio.run(restore(source, data, server, log, force=force, progress=show))
    except (CopyError, StorageStartError) as error:
        raise StartError(str(error)) from None
    except OSError as error:
        raise StartError(f"{source} cannot be restored: {error.strerror or error}") from None
    aside = "" if done.put_aside is None else f"; what was there is in {done.put_aside}"
    return f"{data}: the data of {source} as of {_shown(done.summary)}{aside}; every client will start from a fresh snapshot"


def _shown(summary: Summary) -> str:
    return datetime.fromtimestamp(summary.at / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
