"""What a store says of itself: its name, face and greeting for everybody, its clock and its replies for its agents.

A profile is kept as one piece of JSON under its version, which every `configure` raises by one. Everything here is pure.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from actors.body import Url
from actors.chat import Party, Side

PROFILE_LIMIT = 64 * 1024
"""Bytes of a profile as it is kept."""

Name = Annotated[
    str,
    Meta(pattern=r"^[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f\u2028\u2029]*\Z", max_length=100, description="One line that begins with no space."),
]
Face = Annotated[Url, Meta(description="An `https:` address or a path on this server.")]
Greeting = Annotated[str, Meta(max_length=500)]
Seconds = Annotated[int, Meta(ge=1, le=86400, description="Seconds of waiting.")]


class Clock(Struct, frozen=True):
    """From when on a waiting chat is shown in amber, and in red."""

    amber: Seconds
    red: Seconds


class Reply(Struct, frozen=True):
    """What agents say often, by the key under which they find it."""

    key: Annotated[str, Meta(pattern=r"^[^\s/\x00-\x1f\x7f]{1,32}\Z", description="Neither spaces nor `/`.")]
    text: Annotated[str, Meta(min_length=1, max_length=2000)]


Replies = Annotated[tuple[Reply, ...], Meta(max_length=200, description="All of them, each key once.")]


class Profile(Struct, frozen=True, kw_only=True):
    """A store's profile. As it is made it is that of a store which nobody configured."""

    name: str | None = None
    face: str | None = None
    greeting: str | None = None
    clock: Clock = Clock(40, 100)
    replies: tuple[Reply, ...] = ()
    at: int | None = None
    by: Party | None = None


_UNCONFIGURED = Profile()
_ENCODE = msgspec.json.Encoder().encode
_DECODER = msgspec.json.Decoder(Profile)


def changed(profile: Profile, changes: dict[str, Any], by: Party, at: int) -> Profile:
    """The profile with some of its fields replaced; what becomes None is as if nobody had configured it."""
    fresh = {name: getattr(_UNCONFIGURED, name) if value is None else value for name, value in changes.items()}
    return msgspec.structs.replace(profile, **fresh, by=by, at=at)


def read(kept: bytes) -> Profile:
    """A profile from what is kept of it; nothing is that of a store which nobody configured."""
    return _DECODER.decode(kept) if kept else _UNCONFIGURED


def shown(store: str, version: int, profile: Profile, side: Side, id: str | None = None) -> bytes:
    """The `profile` frame as this side gets it."""
    frame: dict[str, Any] = {"type": "profile"} | ({} if id is None else {"id": id}) | {"store": store, "version": version}
    frame |= {"name": profile.name, "face": profile.face, "greeting": profile.greeting}
    if side == "store":
        frame |= {"clock": profile.clock, "replies": profile.replies}
    frame["at"] = profile.at
    if side == "store":
        frame["by"] = profile.by
    return _ENCODE(frame)
