"""A command on its way through a store actor, and whoever waits for its answer."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Protocol

import msgspec

from actors.append import Append, Outcome
from actors.command import Command
from actors.refusal import Refused
from actors.rule import Decision


class Asker(Protocol):
    """Who gets the one answer of a command. Never waits."""

    def acknowledge(self, id: str, fields: bytes, *, duplicate: bool) -> None:
        """It is durable. `fields` is the inside of a JSON object, maybe empty."""

    def refuse(self, id: str, refused: Refused) -> None:
        """It was not carried out."""

    def held(self, store: str, user: str, id: str, place: int) -> Refused | None:
        """What the `send` that came as the `place`-th is answered while an earlier one to the same chat waits to be sent again."""

    def hold(self, store: str, user: str, id: str, place: int, refused: Refused) -> None:
        """Sends to this chat behind the `place`-th are held, until this id comes again or a moment has passed."""


class Request(msgspec.Struct, kw_only=True, eq=False):
    """One command of one session for one chat. Compared by identity."""

    asker: Asker
    user: str
    command: Command
    sender: bytes
    content: bytes
    place: int = 0
    """The how manieth command of its session it is."""
    since_s: float | None = None
    """When it was asked, by the monotonic clock; None for what nobody waits for."""
    rounds: int = 0
    """How often it was decided again."""
    decision: Decision | None = None
    append: Append | None = None
    answered: bool = False


class StoreRequest(msgspec.Struct, kw_only=True, eq=False):
    """Something durable that concerns a store as a whole. `done` hears of its fate once."""

    append: Append
    done: "Done"
    happened: Callable[[], None] | None = None
    """Called when it is durable, also when the answer could not wait for that."""
    answered: bool = False

    def conclude(self, outcome: Outcome) -> None:
        """Tells `done`, once."""
        if not self.answered:
            self.answered = True
            self.done(outcome)


class Done(Protocol):
    """What follows when a `StoreRequest` is settled."""

    def __call__(self, outcome: Outcome) -> None:
        """Runs inside the store actor; never waits."""


class Internal:
    """The asker of what the server does by itself."""

    def acknowledge(self, id: str, fields: bytes, *, duplicate: bool) -> None:
        """Nobody waits."""

    def refuse(self, id: str, refused: Refused) -> None:
        """Nobody waits; what is still true is tried again."""

    def held(self, store: str, user: str, id: str, place: int) -> Refused | None:
        """Nothing is held."""

    def hold(self, store: str, user: str, id: str, place: int, refused: Refused) -> None:
        """Nothing is held."""


class Waiting(Internal):
    """Waits for the fate of one command: `answered` is None if it is durable, else why it was refused."""

    def __init__(self) -> None:
        self.answered: asyncio.Future[Refused | None] = asyncio.get_running_loop().create_future()

    def acknowledge(self, id: str, fields: bytes, *, duplicate: bool) -> None:
        self._conclude(None)

    def refuse(self, id: str, refused: Refused) -> None:
        self._conclude(refused)

    def _conclude(self, refused: Refused | None) -> None:
        if not self.answered.done():
            self.answered.set_result(refused)


def sender_digest(side: str, sub: str, id: str) -> bytes:
    """Who sent it under which id: 10 bytes, short because millions are remembered."""
    return hashlib.blake2b(f"{side}/{sub}/{id}".encode(), digest_size=10).digest()


def content_digest(*parts: str | bytes | int | None) -> bytes:
    """What was asked: 6 bytes."""
    # A part that is text or a number has no zero byte that JSON would not escape, so two lists of parts never look alike.
    return hashlib.blake2b(b"\0".join([part if type(part) is bytes else repr(part).encode() for part in parts]), digest_size=6).digest()
