"""What a store actor hands upward after a commit: frames in the order of the log, encoded once.

Each delivery names the number it follows. A session that is not at that number knows that something is missing, and reads the log.
"""

import msgspec

from actors.chat import Side


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive frames of one store for agents, or of one chat for its user."""

    store: str
    previous: int
    """The number (offset) of the frame before the first."""
    numbers: tuple[int, ...]
    """The number of each frame."""
    frames: tuple[bytes, ...]
    """The frames; an empty one has a number and is not for these eyes."""
    payload: bytes
    """All frames that are not empty, joined by commas."""
    count: int
    """How many frames are not empty."""

    @property
    def last(self) -> int:
        """The number of the last frame."""
        return self.numbers[-1]

    def above(self, number: int) -> "Delivery":
        """The part above `number`, which lies between the first and the last."""
        keep = next(i for i, n in enumerate(self.numbers) if n > number)
        return deliver(self.store, number, self.numbers[keep:], self.frames[keep:])


def deliver(store: str, previous: int, numbers: tuple[int, ...], frames: tuple[bytes, ...]) -> Delivery:
    """A delivery of these frames."""
    shown = [frame for frame in frames if frame]
    return Delivery(store=store, previous=previous, numbers=numbers, frames=frames, payload=b",".join(shown), count=len(shown))


class Newest(msgspec.Struct, frozen=True):
    """A frame without a number of which only the newest matters: it replaces one of the same key that was not sent yet."""

    key: tuple[str, ...]
    """What it shows (presence, queue, marks, typing, profile, context), the store, and where needed the chat and the side."""
    frame: bytes
    rank: int = 0
    """Of marks: the higher is the newer."""

    @property
    def store(self) -> str:
        """The store it is about."""
        return self.key[1]


class Notice(msgspec.Struct, frozen=True):
    """A frame without a number that is told once to whoever is there."""

    store: str
    frame: bytes


def context_key(store: str, user: str) -> tuple[str, ...]:
    """The key of where a shopper is."""
    return ("context", store, user)


def marks_key(store: str, user: str, side: Side) -> tuple[str, ...]:
    """The key of the marks of one side of a chat."""
    return ("marks", store, user, side)
