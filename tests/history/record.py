"""What a history is made of: who opened a session, what was asked, what was told, how sessions ended, and what storage holds in the end.

A history is a list in the order in which things were noted down, one JSON object for a line in a file, so that a run in process,
a run against real servers and a file of last week are judged by the same rules (`tests.history.linear`, `tests.history.search`).

`Asked` is noted before the frame leaves the client and `Told` after it arrived. So where an answer stands before a question, the
server had given it before it could know of the question: that is all the rules know of time. `at` is for people (any clock that
does not go back) and for merging what several processes noted down.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import attrs
import msgspec

Frame = dict[str, Any]


class Setting(msgspec.Struct, frozen=True, kw_only=True, tag="setting", tag_field="what"):
    """What the run was, as far as the rules depend on it."""

    agent_limit: int = 0
    at_rest: bool = True
    """Everything had its time before `Kept` was read: what sessions that still live hold has to be what is kept."""
    may_roll_back: bool = False
    """Storage may lose its tail: what was told in another generation than the last may be gone."""
    history_limit: int = 0
    """Entries that are kept of each chat; 0 for all."""
    nodes_pause: bool = False
    """A node may stand still, so that others take its agents for gone."""
    answer_s: float | None = None
    """Nobody who is ready waits longer for the answer of a command; None where that is not the server's business alone."""
    grace_s: float = 0.0
    """Owners keep their chats for so long after their last session, by the clock of the history."""


class Opened(msgspec.Struct, frozen=True, kw_only=True, tag="opened", tag_field="what"):
    """A session is about to say `hello`; `session` is a name that no other session of the history has."""

    at: float
    session: str
    role: str
    id: str
    stores: tuple[str, ...] | None = None
    resume: dict[str, int] | None = None
    generation: str | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True, tag="asked", tag_field="what"):
    """A client is about to send this frame."""

    at: float
    session: str
    frame: Frame


class Told(msgspec.Struct, frozen=True, kw_only=True, tag="told", tag_field="what"):
    """A client received this frame."""

    at: float
    session: str
    frame: Frame


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag="ended", tag_field="what"):
    """The session is over; `code` 1006 for a cut."""

    at: float
    session: str
    code: int = 1006


class Kept(msgspec.Struct, frozen=True, kw_only=True, tag="kept", tag_field="what"):
    """What storage holds of a store in the end, in the words of the protocol as agents read them."""

    store: str
    generation: str = ""
    log: list[Frame] = []
    """The frames of the log in its order; what is no longer kept is left out at the front."""
    chats: dict[str, Frame] = {}
    """For each user the summary, `unread` the store's."""
    messages: dict[str, list[Frame]] | None = None
    """For each user the chat's own history, messages only; None where nobody read it."""


Line = Setting | Opened | Asked | Told | Ended | Kept
_decode = msgspec.json.Decoder(Line).decode


@attrs.frozen
class History:
    """Lines in order; without a `Setting` that of a run that promises everything."""

    lines: tuple[Line, ...]

    @property
    def setting(self) -> Setting:
        return next((line for line in self.lines if isinstance(line, Setting)), Setting())

    def dump(self, path: Path) -> None:
        path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in self.lines))

    @classmethod
    def load(cls, *paths: Path) -> "History":
        """One history of what one or several processes of one machine noted down."""
        parts = [[_decode(row) for row in path.read_bytes().splitlines() if row] for path in paths]
        return cls(tuple(parts[0])) if len(parts) == 1 else merge(parts)


def merge(parts: Iterable[Iterable[Line]]) -> History:
    """By time; at the same time questions come before answers, which makes them concurrent: fewer claims, none of them wrong."""
    rank = {Setting: 0, Opened: 1, Asked: 2, Told: 3, Ended: 4, Kept: 5}

    def place(line: Line) -> tuple[float, int]:
        if isinstance(line, Setting):
            return float("-inf"), 0
        return (float("inf") if isinstance(line, Kept) else line.at), rank[type(line)]

    return History(tuple(sorted((line for part in parts for line in part), key=place)))


class Recorder:
    """Notes a history down while it happens. `clock` is the loop's, virtual or not."""

    def __init__(self, setting: Setting | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.lines: list[Line] = [setting or Setting()]
        self._clock = clock
        self._sessions = 0

    def opened(
        self, role: str, id: str, stores: Iterable[str] | None, resume: dict[str, int] | None = None, generation: str | None = None
    ) -> str:
        """Call it before `hello` is sent; gives the session its name."""
        self._sessions += 1
        name = f"{id}#{self._sessions}"
        entitled = None if stores is None else tuple(sorted(stores))
        self.lines.append(Opened(at=self._clock(), session=name, role=role, id=id, stores=entitled, resume=resume, generation=generation))
        return name

    def asked(self, session: str, frame: Frame) -> None:
        """Call it before the frame is sent. The `hello` is not noted: its token is nobody's business."""
        if frame.get("type") not in ("hello", "token"):
            self.lines.append(Asked(at=self._clock(), session=session, frame=frame))

    def told(self, session: str, frame: Frame) -> None:
        self.lines.append(Told(at=self._clock(), session=session, frame=frame))

    def ended(self, session: str, code: int = 1006) -> None:
        self.lines.append(Ended(at=self._clock(), session=session, code=code))

    def kept(self, kept: Kept) -> None:
        self.lines.append(kept)

    @property
    def history(self) -> History:
        return History(tuple(self.lines))
