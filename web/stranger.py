"""Who has come and has not said hello: how many there may be, in all and from one address, and who gives way.

- A stranger is one socket, from its TCP accept to its accepted `hello`; one that asks over HTTP stays a stranger.
- An address that has its share gets no more, and those that are in are left alone.
- Where all places are taken the newcomer is let in, and the oldest stranger of the address that has most gives way: whoever fills the
  house from a few addresses displaces itself, and against one with many addresses a client needs to be no faster than a whole house
  of newcomers.
- Who has asked for something and waits for its turn waits for us: that is no time of its own, and no part of its address' share. Else
  a crowd that comes at once through one address would be refused for our slowness. In all it counts.
- An IPv6 address counts with its /64, which one customer of a provider has for himself.
"""

import ipaddress
from collections import Counter
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import count
from math import inf

PATIENCE_S = 10.0
"""How long a socket may go without a `hello` or a request."""
LOOK_S = 0.25
"""Whoever was excused when its time would have been over is looked at again this often."""


class Stranger:
    """One socket. `drop` ends it whatever it is doing, `late` ends it as its client may expect to be told."""

    __slots__ = ("address", "drop", "due_s", "excused", "late", "limited", "place", "there")

    def __init__(self, address: str, due_s: float, *, limited: bool) -> None:
        self.address = address
        self.place = place_of(address)
        self.due_s = due_s
        self.drop: Callable[[], None] = _nothing
        self.late: Callable[[], None] = _nothing
        self.limited = limited
        """Whether its address has a share only."""
        self.excused = False
        """Whether it waits for us."""
        self.there = True
        """Whether it is still a stranger: neither known, nor gone, nor sent away."""


class Strangers:
    """At most `limit` of them, `share` from one address. Times in monotonic seconds."""

    def __init__(self, limit: int, share: int) -> None:
        self._limit = limit
        self._share = share
        self._number = 0
        self._due: list[tuple[float, int, Stranger]] = []
        """A heap of who is to be looked at when; each is in it until it is not there any more and has been looked at."""
        self._order = count()
        self._places: dict[str, dict[Stranger, None]] = {}
        self._counted: Counter[str] = Counter()
        """Of each address those who do not wait for us."""
        self._ranks: dict[int, dict[str, None]] = {}
        """Number of strangers to the addresses that have so many, in the order in which they got there."""
        self._most = 0

    def __len__(self) -> int:
        return self._number

    def count(self, address: str) -> int:
        """The strangers of an address."""
        return len(self._places.get(place_of(address), ()))

    def admit(self, address: str, now_s: float, *, limited: bool = True) -> Stranger | None:
        """A newcomer, or None if its address has its share. Whoever admits asks `surplus` next. A proxy that speaks for many is not
        `limited`."""
        stranger = Stranger(address, now_s + PATIENCE_S, limited=limited)
        if self._is_full(stranger, stranger.place):
            return None
        self._counted[stranger.place] += 1
        self._number += 1
        self._enter(stranger)
        heappush(self._due, (stranger.due_s, next(self._order), stranger))
        return stranger

    def surplus(self) -> Stranger | None:
        """Whoever gives way because there is one too many; forgotten already."""
        return self.pick() if self._number > self._limit else None

    def pick(self) -> Stranger | None:
        """The oldest stranger of the address that has most; forgotten already, its `drop` is yet to be called."""
        if not self._number:
            return None
        stranger = next(iter(self._places[next(iter(self._ranks[self._most]))]))
        self._remove(stranger)
        return stranger

    def move(self, stranger: Stranger, address: str) -> bool:
        """The stranger really comes from `address`; False if that has its share, and nothing has changed."""
        place = place_of(address)
        limited, stranger.limited = stranger.limited, True
        if stranger.there and place != stranger.place:
            if self._is_full(stranger, place):
                stranger.limited = limited
                return False
            self._leave(stranger)
            stranger.place = place
            self._counted[place] += 1
            self._enter(stranger)
        stranger.address = address
        return True

    def renew(self, stranger: Stranger, now_s: float) -> None:
        """The stranger has asked something: its patience starts anew, and it is the youngest of its address."""
        stranger.due_s = now_s + PATIENCE_S
        if stranger.there:
            there = self._places[stranger.place]
            del there[stranger]
            there[stranger] = None

    def excuse(self, stranger: Stranger, now_s: float) -> float:
        """The stranger waits for us from here on. What is left of its time, for `resume`."""
        left_s = stranger.due_s - now_s
        stranger.due_s = inf
        stranger.excused = True
        if stranger.there:
            self._discount(stranger.place)
        return left_s

    def resume(self, stranger: Stranger, now_s: float, left_s: float) -> bool:
        """Its turn has come; False if its address has its share by now, or it is not there any more."""
        if not stranger.there or self._is_full(stranger, stranger.place):
            return False
        stranger.due_s = now_s + left_s
        stranger.excused = False
        self._counted[stranger.place] += 1
        return True

    def forget(self, stranger: Stranger) -> None:
        """It has said hello, or is gone."""
        if stranger.there:
            self._remove(stranger)
        stranger.drop = stranger.late = _nothing  # what hangs on them is not kept until its time is over

    def overdue(self, now_s: float) -> Iterator[Stranger]:
        """Those whose time is over. Each counts until it is gone, and is overdue once more if that takes as long again."""
        while self._due and self._due[0][0] <= now_s:
            stranger = heappop(self._due)[2]
            if not stranger.there:
                continue
            late = stranger.due_s <= now_s
            if late:
                stranger.due_s = now_s + PATIENCE_S
            heappush(self._due, (min(stranger.due_s, now_s + LOOK_S), next(self._order), stranger))
            if late:
                yield stranger

    def next_s(self) -> float | None:
        """When to look for those who are overdue; None while nobody is there."""
        return self._due[0][0] if self._due else None

    def crowd(self) -> tuple[str, int]:
        """The address that has most, and how many."""
        return (next(iter(self._ranks[self._most])), self._most) if self._number else ("", 0)

    def _remove(self, stranger: Stranger) -> None:
        stranger.there = False
        self._number -= 1
        self._leave(stranger)

    def _is_full(self, stranger: Stranger, place: str) -> bool:
        return stranger.limited and self._counted[place] >= self._share

    def _discount(self, place: str) -> None:
        self._counted[place] -= 1
        if not self._counted[place]:
            del self._counted[place]

    def _enter(self, stranger: Stranger) -> None:
        there = self._places.setdefault(stranger.place, {})
        there[stranger] = None
        self._rank(stranger.place, len(there) - 1, len(there))
        self._most = max(self._most, len(there))

    def _leave(self, stranger: Stranger) -> None:
        there = self._places[stranger.place]
        del there[stranger]
        if not stranger.excused:
            self._discount(stranger.place)
        self._rank(stranger.place, len(there) + 1, len(there))
        if not there:
            del self._places[stranger.place]
        if self._most not in self._ranks:
            self._most -= 1

    def _rank(self, place: str, before: int, now: int) -> None:
        if before:
            rank = self._ranks[before]
            del rank[place]
            if not rank:
                del self._ranks[before]
        if now:
            self._ranks.setdefault(now, {})[place] = None


def place_of(address: str) -> str:
    """What an address counts as."""
    if ":" not in address:
        return address
    ip = ipaddress.IPv6Address(address.partition("%")[0])
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(ip) >> 64 << 64, 64)))


def _nothing() -> None:
    """The socket is gone, or known."""
