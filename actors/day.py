"""A store's last day as its log tells it, minute by minute: the pure fold behind `figures`. No await, no clock.

    log -> event -> its chat moves (`Talk.step`) -> its minute counts (`Day.fold`) -> sums from any minute on (`Day.report`)

What a chat was before its first event that is folded has to be known then; `Day.lacks` says of which chats it is not.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from actors.event import ERASED

MINUTE_MS = 60_000
QUARTER_MS = 15 * MINUTE_MS
"""Between two points of the series."""
DAY_MS = 24 * 60 * MINUTE_MS
KEPT_MS = 25 * 60 * MINUTE_MS
"""So far back figures go."""
OPENINGS = frozenset({"new", "reopen"})
CLAIMS = frozenset({"claim", "assigned"})
_COPY = re.compile(r"v~[0-9a-f]{32}\.[0-9]+\Z")
"""The id of what was said by a visitor, or to one, before it signed in: it was counted when it was said."""


class _By(msgspec.Struct):
    role: str


class Event(msgspec.Struct):
    """An entry of the log, as far as it counts."""

    type: str
    user: str
    offset: int
    at: int
    by: _By | None = msgspec.field(default=None, name="from")
    id: str = ""
    seq: int = 0
    status: str = ""
    reason: str = ""
    body: Any = None

    @property
    def begins(self) -> bool:
        """Whether all that went before is of no matter for the chat: it was opened, or closed."""
        return self.reason in OPENINGS or self.status == "closed"

    @property
    def is_copy(self) -> bool:
        """Whether it was said to or by a visitor who has signed in since."""
        return _COPY.match(self.id) is not None

    @property
    def score(self) -> int:
        """Of a rating; 0 for anything else."""
        rating = self.body.get("rating") if isinstance(self.body, dict) else None
        return int(rating["score"]) if self.type == "note" and isinstance(rating, dict) else 0


read = msgspec.json.Decoder(Event).decode


class Talk(msgspec.Struct):
    """A chat, as far as figures need it. `status` is '' where nothing that is kept tells it."""

    status: str = ""
    opened_at: int = 0
    """When it was opened last; 0 once it was answered or closed."""
    asked_at: int = 0
    """When the user said the first thing that nobody has answered; 0 for no such thing."""

    def step(self, event: Event) -> int | None:
        """What follows from an event; how long its user has waited, in ms, where it is the first answer since the chat was opened."""
        match event.type:
            case "message" if event.by is not None and event.by.role == "user":
                self.asked_at = self.asked_at or event.at
            case "message":
                opened_at, self.opened_at, self.asked_at = self.opened_at, 0, 0
                return max(0, event.at - opened_at) if opened_at and not event.is_copy else None
            case "status":
                self.status = event.status
                if event.reason in OPENINGS:
                    self.opened_at, self.asked_at = event.at, self.asked_at or event.at
                elif event.status == "closed":
                    self.opened_at = self.asked_at = 0
            case _:
                pass
        return None


def talk_of(events: Iterable[Event]) -> Talk:
    """What a chat is after these of its events, which begin with one that `begins` or with the first that is kept."""
    talk = Talk()
    for event in events:
        talk.step(event)
    return talk


class _Minute(msgspec.Struct):
    opened: int = 0
    claimed: int = 0
    closed: int = 0
    messages: int = 0
    takeovers: int = 0
    moved: int = 0
    """How many chats more are waiting at its end than at its beginning."""
    responses: list[int] = []
    scores: list[int] = []


class Day:
    """The log from behind `offset` on, of which as much was folded as `offset` says then."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.talks: dict[str, Talk] = {}
        self._minutes: dict[int, _Minute] = {}

    def lacks(self, events: Sequence[Event]) -> dict[str, int]:
        """The users whose chats are not known at the first of these events that is theirs, and the offset of that."""
        firsts: dict[str, Event] = {}
        for event in events:
            if event.user not in self.talks and event.user != ERASED:
                firsts.setdefault(event.user, event)
        return {user: event.offset for user, event in firsts.items() if event.seq != 1}

    def fold(self, event: Event) -> None:
        """Takes the next entry of the log."""
        self.offset = event.offset
        if event.user == ERASED:
            return
        minute = self._minutes.setdefault(event.at // MINUTE_MS, _Minute())
        if event.seq == 1:
            self.talks[event.user] = Talk("closed")
        talk = self.talks[event.user]
        before = talk.status
        response = talk.step(event)
        if response is not None:
            minute.responses.append(response)
        if event.type == "message":
            minute.messages += not event.is_copy
        elif event.type == "status":
            minute.moved += (talk.status == "waiting") - (before == "waiting")
            minute.opened += event.reason in OPENINGS
            minute.claimed += event.reason in CLAIMS
            minute.closed += event.reason == "resolve"
            minute.takeovers += event.reason == "takeover"
        elif score := event.score:
            minute.scores.append(score)

    def forget(self, before_ms: int, closed: int) -> None:
        """Drops the minutes before a moment, and the chats that are closed if they are more than so many: they can be looked up again."""
        self._minutes = {minute: counts for minute, counts in self._minutes.items() if (minute + 1) * MINUTE_MS > before_ms}
        if sum(talk.status == "closed" for talk in self.talks.values()) > closed:
            self.talks = {user: talk for user, talk in self.talks.items() if talk.status != "closed"}

    def unanswered(self) -> list[tuple[int, str]]:
        """Since when the users of claimed chats wait for an answer, longest first."""
        return sorted((talk.asked_at, user) for user, talk in self.talks.items() if talk.status == "claimed" and talk.asked_at)

    def report(self, from_ms: int, now_ms: int, waiting: int, refused: dict[int, int]) -> dict[str, Any]:
        """`day` and `series` of the answer, from a whole minute on. `waiting`: how many chats are at the end of what was folded;
        `refused`: how many claims were refused in which minute."""
        shown = [counts for minute, counts in self._minutes.items() if minute * MINUTE_MS >= from_ms]
        responses = sorted(response for counts in shown for response in counts.responses)
        scores = [score for counts in shown for score in counts.scores]
        day = {
            "from": from_ms,
            **{name: sum(getattr(one, name) for one in shown) for name in ("opened", "claimed", "closed", "messages")},
            "refused": sum(count for minute, count in refused.items() if minute * MINUTE_MS >= from_ms),
            "takeovers": sum(one.takeovers for one in shown),
            "first_response": {"count": len(responses), "p50": percentile(responses, 50), "p90": percentile(responses, 90)},
            "rating": {"count": len(scores), "mean": round(sum(scores) / len(scores), 2) if scores else None},
        }
        series = [{"at": at, "opened": 0, "answered": 0, "waiting": waiting} for at in range(from_ms, max(now_ms, from_ms + 1), QUARTER_MS)]
        moved = [0] * (len(series) + 1)
        for minute, counts in self._minutes.items():
            place = min((minute * MINUTE_MS - from_ms) // QUARTER_MS, len(series) - 1)
            if place >= 0:
                series[place]["opened"] += counts.opened
                series[place]["answered"] += len(counts.responses)
                moved[place] += counts.moved
        for place in range(len(series) - 2, -1, -1):
            series[place]["waiting"] = max(0, series[place + 1]["waiting"] - moved[place + 1])
        return {"day": day, "series": series}


def percentile(ascending: Sequence[int], percent: int) -> int | None:
    """The least value that so many percent of all do not exceed (nearest rank); None of nothing."""
    return ascending[-(-len(ascending) * percent // 100) - 1] if ascending else None
