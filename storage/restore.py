"""A backup taken back: proven first, put in place by one rename, and never passed off as what was there.

    verified -> unpacked into `restoring` -> loaded by a server of its own, a new birth mark -> `restored` -> in the place of the data
                                                                                                    ^
                                              from here on whoever takes the directory finishes it -+

The new birth mark is a new generation: every client, whatever it holds, gets `reset`.
"""

import secrets
import shutil
from pathlib import Path

import attrs
from redis.exceptions import RedisError

from actors.port import Log
from storage.archive import Progress, Summary, unpack, verify
from storage.directory import RESTORED, DataDirectory, holds_data, sync_folder
from storage.embedded import EmbeddedServer
from storage.fault import CopyError, StorageStartError
from storage.key import BIRTH
from storage.link import Link

UNFINISHED = "restoring"


@attrs.frozen
class Restored:
    """What was taken back, and where the data are that were there."""

    summary: Summary
    put_aside: Path | None


async def restore(source: Path, data: Path, server: Path | None, log: Log, *, force: bool, progress: Progress) -> Restored:
    """Puts the data of a backup into a data directory that nobody uses; raises CopyError and StorageStartError. With `force` data that are
    there are kept beside."""
    summary = verify(source, progress)
    directory = DataDirectory(data)
    try:
        if (pid := directory.server_pid()) is not None:
            raise CopyError(f"a server of a former dibs (pid {pid}) still works in {directory.path}; try again when it has ended")
        if holds_data(directory.path) and not force:
            raise CopyError(f"{directory.path} holds data already; with --force they are kept beside and replaced")
        unfinished = directory.path / UNFINISHED
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            (unfinished / directory.server.name).mkdir(mode=0o700, parents=True)
            unpack(source, summary, unfinished / directory.server.name, progress)
            await _prove(source, unfinished, server, log)
            unfinished.rename(directory.path / RESTORED)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        sync_folder(directory.path)
        return Restored(summary, directory.finish_restore())
    except OSError as error:
        raise CopyError(f"{directory.path} cannot be written: {error.strerror}") from None
    finally:
        directory.release()


async def _prove(source: Path, folder: Path, server: Path | None, log: Log) -> None:
    """Loads the files as they would be served, and gives them a birth mark of their own."""
    try:
        embedded = await EmbeddedServer.start(folder, server, log)
    except StorageStartError as error:
        raise CopyError(f"{source} cannot be loaded: {error}") from None
    connection = Link.parse(embedded.url).connection()
    try:
        await connection.connect()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
        for command in (("EXISTS", BIRTH), ("SET", BIRTH, secrets.token_hex(8))):
            await connection.send_command(*command)
            if not await connection.read_response():
                raise CopyError(f"{source} holds no data of dibs")
    except RedisError as error:
        raise CopyError(f"{source} cannot be loaded: {error}") from None
    finally:
        await connection.disconnect(nowait=True)
        await embedded.stop()
