"""A history put in order once, for all rules: sessions with what they heard, commands with their attempts, stores with what they keep.

A command is known by its sender's side, the sender, the store and the `id`; each time it was sent is an attempt.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import attrs

from tests.history.record import Asked, Ended, Frame, History, Kept, Opened, Told

ANSWERS = frozenset({"ack", "error", "chats", "history"})
NUMBERED = frozenset({"message", "note", "status"})
UNANSWERED = frozenset({"received", "typing", "ping", "pong", "token", "hello"})
UNDECIDED = frozenset({"unavailable", "overloaded", "internal"})
"""Errors after which nobody knows whether the command will have taken effect."""
OWNERSHIP = frozenset({"claim", "release", "transfer", "takeover", "requeue", "resolve", "end"})

Chat = tuple[str, str]
Numbered = tuple[int, Frame]
"""A frame and its place in the history."""


@attrs.frozen
class Violation:
    """A rule that does not hold, and a sentence that says for whom, what and when."""

    rule: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.sentence}"


@attrs.define(eq=False)
class Life:
    """One session. Places are indexes of the history; None: it did not come to that."""

    opening: Opened
    opened: int
    told: list[Numbered] = attrs.Factory(list)
    by_type: dict[str, list[Numbered]] = attrs.Factory(lambda: defaultdict(list))
    asked: list[Numbered] = attrs.Factory(list)
    ready: int | None = None
    ended: int | None = None
    serving: str | None = None
    """The generation of its `welcome`."""
    id: str = attrs.field(init=False)
    is_agent: bool = attrs.field(init=False)
    side: str = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.id, self.is_agent = self.opening.id, self.opening.role != "user"
        self.side = "store" if self.is_agent else "user"

    @property
    def resume(self) -> dict[str, int]:
        """What the client says it holds; nothing where the server has to ignore it."""
        return (self.opening.resume or {}) if self.opening.generation is not None else {}

    def of(self, type: str) -> list[Numbered]:
        return self.by_type.get(type, [])

    @property
    def snapshots(self) -> Iterator[Numbered]:
        """The `chats` that nobody asked for: of the opening, and of stores that a fresh token named."""
        return ((place, frame) for place, frame in self.of("chats") if "id" not in frame)

    def __str__(self) -> str:
        return f"{self.opening.role} {self.id} in session {self.opening.session}"


@attrs.define(eq=False)
class Attempt:
    """One sending of a command and what came back in the same session."""

    life: Life
    asked: int
    frame: Frame
    answered: int | None = None
    answer: Frame | None = None

    @property
    def acked(self) -> bool:
        return self.answer is not None and self.answer["type"] == "ack"

    @property
    def refused(self) -> bool:
        """For good: it had no effect and will have none."""
        return self.answer is not None and self.answer["type"] == "error" and self.answer.get("code") not in UNDECIDED

    @property
    def chat(self) -> Chat:
        return self.frame.get("store", ""), self.frame.get("user") or (self.life.id if not self.life.is_agent else "")

    @property
    def content(self) -> Frame:
        """All but what a repetition may change."""
        return {key: value for key, value in self.frame.items() if key != "id"}


@attrs.define(eq=False)
class Command:
    """All attempts of one sender with one id in one store, in the order of asking."""

    side: str
    sender: str
    store: str
    id: str
    attempts: list[Attempt] = attrs.Factory(list)

    @property
    def type(self) -> str:
        return self.attempts[0].frame["type"]

    @property
    def acks(self) -> list[Attempt]:
        return [attempt for attempt in self.attempts if attempt.acked]

    @property
    def refused(self) -> bool:
        """Every attempt was refused for good."""
        return all(attempt.refused for attempt in self.attempts)

    def __str__(self) -> str:
        return f"{self.type} {self.id} of {self.attempts[0].life.opening.role} {self.sender}"


@attrs.define(eq=False)
class Shelf:
    """What is kept of one store, by every number it has."""

    kept: Kept
    by_offset: dict[int, Frame] = attrs.Factory(dict)
    by_chat: dict[str, list[Frame]] = attrs.Factory(lambda: defaultdict(list))
    by_seq: dict[tuple[str, int], Frame] = attrs.Factory(dict)
    by_epoch: dict[tuple[str, int], Frame] = attrs.Factory(dict)
    by_sender: dict[tuple[str, str, str, str], list[Frame]] = attrs.Factory(lambda: defaultdict(list))
    """(type, side, sender, id) of messages and notes."""

    def __attrs_post_init__(self) -> None:
        for frame in self.kept.log:
            self.by_offset[frame["offset"]] = frame
            self.by_chat[frame["user"]].append(frame)
            if frame["type"] == "status":
                self.by_epoch[frame["user"], frame["epoch"]] = frame
                continue
            if frame["type"] == "message":
                self.by_seq[frame["user"], frame["seq"]] = frame
            side = "user" if frame["from"]["role"] == "user" else "store"
            self.by_sender[frame["type"], side, frame["from"]["id"], frame["id"]].append(frame)

    @property
    def first(self) -> int:
        """The first offset still kept."""
        return self.kept.log[0]["offset"] if self.kept.log else 1

    @property
    def whole(self) -> bool:
        return self.first == 1

    @property
    def end(self) -> int:
        return self.kept.log[-1]["offset"] if self.kept.log else 0

    def statuses(self, user: str) -> list[Frame]:
        return [frame for frame in self.by_chat.get(user, ()) if frame["type"] == "status"]


class Account:
    """The history, indexed in one pass."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.setting = history.setting
        self.lives: dict[str, Life] = {}
        self.shelves: dict[str, Shelf] = {}
        self.commands: dict[tuple[str, str, str, str], Command] = {}
        self.attempts: list[Attempt] = []
        self.unasked: list[tuple[Life, int, Frame]] = []
        """Answers to nothing."""
        self.sightings: tuple[Any, ...] = ()
        """See `tests.history.ownership`."""
        waiting: dict[tuple[str, str], list[Attempt]] = defaultdict(list)
        for place, line in enumerate(history.lines):
            kind = type(line)
            if kind is Kept:
                self.shelves[line.store] = Shelf(line)
            elif self.shelves:
                continue  # Whoever is seen off after the end was there at the end.
            elif kind is Told:
                self._tell(waiting, self.lives[line.session], place, line.frame)
            elif kind is Asked:
                self._ask(waiting, self.lives[line.session], place, line.frame)
            elif kind is Opened:
                assert line.session not in self.lives, f"two sessions are called {line.session}"
                self.lives[line.session] = Life(line, place)
            elif kind is Ended:
                self.lives[line.session].ended = place

    def _tell(self, waiting: dict[tuple[str, str], list[Attempt]], life: Life, place: int, frame: Frame) -> None:
        kind, told = frame["type"], (place, frame)
        life.told.append(told)
        life.by_type[kind].append(told)
        if kind in ANSWERS and "id" in frame:
            self._answer(waiting[life.opening.session, frame["id"]], life, place, frame)
        elif kind == "ready":
            life.ready = place
        elif kind == "welcome":
            life.serving = frame.get("generation")

    def _ask(self, waiting: dict[tuple[str, str], list[Attempt]], life: Life, place: int, frame: Frame) -> None:
        life.asked.append((place, frame))
        id = frame.get("id")
        if not isinstance(id, str) or frame.get("type") in UNANSWERED:
            return
        attempt = Attempt(life, place, frame)
        waiting[life.opening.session, id].append(attempt)
        self.attempts.append(attempt)
        key = (life.side, life.id, frame.get("store", ""), id)
        self.commands.setdefault(key, Command(*key)).attempts.append(attempt)

    def _answer(self, waiting: list[Attempt], life: Life, place: int, frame: Frame) -> None:
        if not waiting:
            self.unasked.append((life, place, frame))
            return
        attempt = waiting.pop(0)
        attempt.answered, attempt.answer = place, frame

    def when(self, place: int) -> float:
        """The time of that place, in seconds."""
        return getattr(self.history.lines[place], "at", 0.0)

    def at(self, place: int) -> str:
        """When that was, for a sentence."""
        line = self.history.lines[place]
        return f"at {getattr(line, 'at', 0.0):.3f} (line {place + 1})"

    def lasting(self, life: Life) -> bool:
        """Whether what this session was told has to be there in the end."""
        if not self.setting.may_roll_back or not self.shelves:
            return True
        return life.serving in {shelf.kept.generation for shelf in self.shelves.values()}
