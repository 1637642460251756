"""Files that messages name: what a node needs of the place where they lie.

Each lies below its chat, named by the digest of its content and by its type, so what is there never changes and may be put twice. Every
call may raise `StorageUnavailable`, after which it may be made again.
"""

import re
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Protocol

NAME = re.compile(r"[0-9a-f]{64}\.(?:png|jpg|gif|webp|pdf|txt|zip|docx|xlsx|pptx)", re.ASCII)
"""How a file is named in its place and at the end of its address."""
_DOTS = (".", "..")


class PlaceFull(Exception):
    """There is no room for the file."""


class PlaceRefused(Exception):
    """The place cannot be used as it is set: a sentence for whoever set it."""


class Files(Protocol):
    """The place where files lie. `name` is always one that `NAME` matches."""

    parts: Path
    """The directory where files are while they come."""

    async def begin(self) -> None:
        """Makes the place ready; raises `StorageUnavailable` if nothing can be written there."""

    async def put(self, store: str, user: str, name: str, part: Path) -> None:
        """Makes a file that has come durable and takes it from `parts`; raises `PlaceFull`."""

    async def size(self, store: str, user: str, name: str) -> int | None:
        """How many bytes it has; None if it is not there."""

    def read(self, store: str, user: str, name: str) -> AsyncIterator[bytes]:
        """Its bytes, in pieces."""

    async def copy(self, store: str, user: str, to: str, names: Collection[str]) -> None:
        """Puts these files of a chat, as far as they are there, below another chat of the store too."""

    async def erase(self, store: str, user: str) -> None:
        """Takes away all files of a chat."""

    def walk(self, before_s: float) -> AsyncIterator[tuple[str, str, tuple[str, ...]]]:
        """Store, user and names of the files that were last put before that time (seconds since the epoch), chat by chat."""

    async def drop(self, store: str, user: str, names: Collection[str], before_s: float) -> None:
        """Takes away these files of a chat, but for what was put again since that time."""


def address(store: str, user: str, name: str) -> str:
    """The lasting address of a file on this server."""
    return f"{folder_address(store, user)}{name}"


def folder_address(store: str, user: str) -> str:
    """How the addresses of all files of a chat begin. A browser would take an id of dots for a way up."""
    return f"/files/{_segment(store)}/{_segment(user)}/"


def id_of_segment(segment: str) -> str:
    """The id that stands in an address."""
    return segment[1:] if segment.startswith("=") and segment[1:] in _DOTS else segment


def _segment(id: str) -> str:
    return f"={id}" if id in _DOTS else id


def names_in(store: str, user: str, said: bytes) -> set[str]:
    """The files of a chat that are named in this JSON."""
    before = re.escape(folder_address(store, user).encode())
    return {name.decode() for name in re.findall(before + b"(" + NAME.pattern.encode() + b")", said, re.ASCII)}
