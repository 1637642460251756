"""What a store's agents are shown besides its chats: its profile when it has changed, and where its shoppers are.

Both are the newest only, and gathered (`actors.attendance`). What other nodes change of the profile is read again when they say so, and
when a look finds that something was said which was not heard; only a version above the one that was shown is shown.
"""

from contextlib import suppress
from typing import TYPE_CHECKING

from actors import profile, wire
from actors.append import StorageUnavailable
from actors.delivery import Newest, context_key
from actors.event import ContextTold, subject
from actors.news import ContextShown
from actors.store_message import ProfileFound

if TYPE_CHECKING:
    from actors.store import StoreActor


class Aside:
    """A part of a store actor: called by it alone, inside its mailbox."""

    def __init__(self, actor: "StoreActor") -> None:
        self._actor = actor
        self._node = actor.node
        self._version = 0
        """Of the profile that the agents here were shown last."""

    def forget(self) -> None:
        """The storage is behind what was shown."""
        self._version = 0

    def look(self) -> None:
        """The profile may have changed, and agents who are here are to see it."""
        if self._actor.store in self._node.agents_of:
            self._node.spawn(self._read())

    async def _read(self) -> None:
        with suppress(StorageUnavailable):  # the next look finds it
            self._actor.mailbox.put_control(ProfileFound(*await self._node.storage.load_profile(self._actor.store)))

    def profile_is(self, version: int, kept: bytes) -> None:
        """The profile has this version at least."""
        if version > self._version:
            store, self._version = self._actor.store, version
            self._actor.attendance.gather(Newest(("profile", store), profile.shown(store, version, profile.read(kept), "store")))

    def told(self, user: str, event: ContextTold) -> None:
        """A shopper's page has said here where the shopper is."""
        frame = wire.context(subject(self._actor.store, user), event.context, event.at)
        self.shown(user, frame)
        self._node.live.tell(ContextShown(self._actor.store, user, frame))

    def shown(self, user: str, frame: bytes) -> None:
        """The same, on whatever node."""
        self._actor.attendance.gather(Newest(context_key(self._actor.store, user), frame))
