"""The order of one session's sends to one chat, through errors: what fails for the moment is waited for, and what is behind it fails too.

A send that was refused is awaited until it comes again. Whatever was on its way behind it is refused and awaited as well, so that a
client that sends again in its order gets its order. A client that never comes again with one of them is not held for long.
"""

import msgspec

from actors.refusal import Refused

HELD_S = 1.0
"""How long sends to a chat stay held for those that failed."""


class Hold:
    """Made when a send fails; over when nothing is awaited any more, or after its time."""

    __slots__ = ("_awaited", "_places", "_refused", "_until_s")

    def __init__(self, id: str, place: int, refused: Refused, now_s: float) -> None:
        self._places: dict[str, int] = {}
        """Each send that was refused, and the how manieth command of its session it was at first: its rank for good."""
        self._awaited: set[str] = set()
        self.fail(id, place, refused, now_s)

    def fail(self, id: str, place: int, refused: Refused, now_s: float) -> None:
        """The send was refused. Only one that begins a hold, or had come again, gives it its time: refusals alone never prolong it."""
        if not self._places or (id in self._places and id not in self._awaited):
            self._refused, self._until_s = refused, now_s + HELD_S + (refused.retry_after_s or 0.0)
        self._places[id] = self._rank(id, place)
        self._awaited.add(id)

    def heard(self, now_s: float) -> None:
        """The client is told of the refusals only now: what it says until then is behind them too."""
        self._until_s = max(self._until_s, now_s + HELD_S + (self._refused.retry_after_s or 0.0))

    def refusal(self, id: str, place: int, now_s: float) -> Refused | None:
        """What a send is answered that comes now; None if it may go on."""
        if self.is_over(now_s):
            return None
        rank = self._rank(id, place)
        if id in self._places:
            self._places[id] = rank
        if all(self._places[other] >= rank for other in self._awaited):
            self._awaited.discard(id)
            return None
        self._places[id] = rank
        self._awaited.add(id)
        if self._refused.retry_after_s is None:
            return self._refused
        return msgspec.structs.replace(self._refused, retry_after_s=max(0.001, self._until_s - now_s))

    def _rank(self, id: str, place: int) -> int:
        """Of one that is on its way twice, the second may be refused first: where it was sent first counts."""
        return min(place, self._places.get(id, place))

    def acknowledged(self, id: str) -> None:
        """It was on its way twice, and has got there: nobody sends it again."""
        self._awaited.discard(id)

    def is_over(self, now_s: float) -> bool:
        """Whether nothing is held any more."""
        return not self._awaited or now_s >= self._until_s
