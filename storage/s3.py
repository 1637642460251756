"""Files in a bucket of an S3-compatible service, which all nodes reach: PREFIX/STORE/USER/NAME.

An object is there wholly or not at all. Files come into a directory of this node first: what they are is seen before they are sent on.
Ids are spelled as in `storage.folder`. Needs the extra `dibs[s3]`; credentials and the region are read from the usual variables of AWS.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Collection, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import obstore
from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from actors.append import StorageUnavailable
from actors.file import NAME, PlaceRefused
from storage.folder import PIECE, file_name, id_of, make, sweep_parts

ANSWER_S, WHOLE_S = 10.0, 300.0
"""How long an answer, and a whole file, may take."""
PARALLEL = 2
"""Pieces of one file that are under way at a time, each of 5 MiB."""
CREDENTIALS = (
    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI",),
)
"""One of these sets of variables is needed."""
GONE = (NotFoundError, FileNotFoundError)
"""What is not there, in the words of obstore: some of its calls say it in those of Python."""
T = TypeVar("T")


class S3:
    """Implements `actors.file.Files`."""

    def __init__(self, place: str, endpoint: str | None, parts: Path, environ: Mapping[str, str]) -> None:
        """`place` is s3://BUCKET/PREFIX; raises `PlaceRefused` without credentials."""
        if not any(all(environ.get(name) for name in names) for names in CREDENTIALS):
            raise PlaceRefused("there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        bucket, _, prefix = place.removeprefix("s3://").partition("/")
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self.parts = parts
        plain = endpoint is not None and endpoint.startswith("http://")
        self._store = S3Store(
            bucket,
            config={} if endpoint is None else {"endpoint": endpoint},
            client_options={"allow_http": plain, "connect_timeout": timedelta(seconds=5), "timeout": timedelta(seconds=WHOLE_S)},
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=ANSWER_S)},
        )

    async def begin(self) -> None:
        """See `Files.begin`; raises `PlaceRefused` too."""
        try:
            await asyncio.to_thread(self._begin)
        except OSError as error:
            raise PlaceRefused(f"nothing can be written to {self.parts} ({type(error).__name__})") from None
        probe = f"{self._prefix}.probe-{secrets.token_hex(8)}"
        try:
            await _answer(obstore.put_async(self._store, probe, b"dibs"))
            await _answer(obstore.delete_async(self._store, probe))
        except GONE:
            raise PlaceRefused(f"there is no bucket {self._bucket}") from None
        except StorageUnavailable as error:
            if isinstance(error.__cause__, PermissionError):
                raise PlaceRefused(f"the bucket {self._bucket} does not take our credentials") from None
            raise

    def _begin(self) -> None:
        make(self.parts)
        sweep_parts(self.parts)

    async def put(self, store: str, user: str, name: str, part: Path) -> None:
        """See `Files.put`."""
        try:
            await _answer(obstore.put_async(self._store, self._of(store, user) + name, part, max_concurrency=PARALLEL), WHOLE_S)
        except GONE as error:
            raise _unavailable(error) from None
        await asyncio.to_thread(part.unlink, missing_ok=True)

    async def size(self, store: str, user: str, name: str) -> int | None:
        """See `Files.size`."""
        try:
            return (await _answer(obstore.head_async(self._store, self._of(store, user) + name)))["size"]
        except GONE:
            return None

    async def read(self, store: str, user: str, name: str) -> AsyncIterator[bytes]:
        """See `Files.read`."""
        try:
            found = await _answer(obstore.get_async(self._store, self._of(store, user) + name))
            async for piece in found.stream(min_chunk_size=PIECE):
                yield bytes(piece)
        except (BaseError, OSError) as error:
            raise _unavailable(error) from None

    async def copy(self, store: str, user: str, to: str, names: Collection[str]) -> None:
        """See `Files.copy`."""
        for name in names:
            # Looked for first: not every service says of a copy that there was nothing to copy.
            if await self.size(store, user, name) is not None:
                try:
                    await _answer(obstore.copy_async(self._store, self._of(store, user) + name, self._of(store, to) + name), WHOLE_S)
                except GONE:
                    continue  # it has just gone

    async def erase(self, store: str, user: str) -> None:
        """See `Files.erase`."""
        # Until nothing is left: somebody may put a file there meanwhile.
        while paths := [path async for path, _ in self._list(self._of(store, user))]:
            await _answer(obstore.delete_async(self._store, paths), WHOLE_S)

    async def walk(self, before_s: float) -> AsyncIterator[tuple[str, str, tuple[str, ...]]]:
        """See `Files.walk`. Services list by name, so a chat's files stand together; where one does not, a chat may come twice."""
        about, names = ("", ""), list[str]()
        async for path, at_s in self._list(self._prefix):
            store, user, name = (
                path.removeprefix(self._prefix).split("/") if path.count("/") == self._prefix.count("/") + 2 else ("", "", "")
            )
            if not NAME.fullmatch(name) or at_s >= before_s:
                continue
            if (store, user) != about and names:
                yield id_of(about[0]), id_of(about[1]), tuple(names)
                names = []
            about = store, user
            names.append(name)
        if names:
            yield id_of(about[0]), id_of(about[1]), tuple(names)

    async def drop(self, store: str, user: str, names: Collection[str], before_s: float) -> None:
        """See `Files.drop`."""
        for name in names:
            path = self._of(store, user) + name
            try:
                if (await _answer(obstore.head_async(self._store, path)))["last_modified"].timestamp() < before_s:
                    await _answer(obstore.delete_async(self._store, path))
            except GONE:
                continue  # another node was first

    def _of(self, store: str, user: str) -> str:
        return f"{self._prefix}{file_name(store)}/{file_name(user)}/"

    async def _list(self, prefix: str) -> AsyncIterator[tuple[str, float]]:
        """Paths and when they were put."""
        try:
            async for page in obstore.list(self._store, prefix or None):
                for one in page:
                    yield one["path"], one["last_modified"].timestamp()
        except (BaseError, OSError) as error:
            raise _unavailable(error) from None


async def _answer(asked: Awaitable[T], within_s: float = ANSWER_S) -> T:
    """The answer; an error becomes `StorageUnavailable`, but for `GONE`."""
    try:
        async with asyncio.timeout(within_s):
            return await asked
    except GONE:
        raise
    except (BaseError, OSError, TimeoutError) as error:
        raise _unavailable(error) from None


def _unavailable(error: Exception) -> StorageUnavailable:
    """With the kind of the error alone: its text holds what the service said of our credentials."""
    refused = isinstance(error, PermissionDeniedError | UnauthenticatedError)
    failed = StorageUnavailable()
    failed.__cause__ = (PermissionError if refused else ConnectionError)(type(error).__name__)
    return failed
