"""The linear rules about numbers and what sessions are handed: P3, P5 and P8 of the field.

A session stands at a number: what it said it holds, what it acknowledged, or the snapshot. From there it gets everything, in order,
each once; `reset` is the only way to leave something out.
"""

from collections.abc import Iterator

from tests.history.account import NUMBERED, Account, Life, Shelf, Violation
from tests.history.record import Frame


def storage_has_no_gap(account: Account) -> Iterator[Violation]:
    """P3: offsets of a store and numbers of a chat's messages rise by one; the history of a chat is the log's part of it."""
    rule = "storage has no gap"
    for store, shelf in account.shelves.items():
        last = shelf.first - 1
        seqs: dict[str, int] = {}
        for frame in shelf.kept.log:
            if frame["offset"] != last + 1:
                yield Violation(rule, f"in store {store} offset {frame['offset']} follows {last}")
            last = frame["offset"]
            if frame["type"] != "message":
                continue
            user = frame["user"]
            if frame["seq"] != seqs.get(user, frame["seq"] - 1 if not shelf.whole else 0) + 1:
                yield Violation(rule, f"in chat {store}/{user} message {frame['seq']} follows {seqs.get(user, 0)}, at offset {last}")
            seqs[user] = frame["seq"]
        for user, messages in (shelf.kept.messages or {}).items():
            entries = shelf.by_chat.get(user, [])[-account.setting.history_limit :]
            mine = [frame for frame in entries if frame["type"] == "message"]
            if messages[len(messages) - len(mine) :] != mine or (shelf.whole and len(messages) != len(mine)):
                yield Violation(
                    rule, f"the history of chat {store}/{user} has {len(messages)} messages that are not the {len(mine)} of the log"
                )
        for user, summary in shelf.kept.chats.items():
            if summary["seq"] != seqs.get(user, summary["seq"]):
                yield Violation(rule, f"the summary of chat {store}/{user} ends at {summary['seq']}, its messages at {seqs[user]}")


def everybody_is_told_what_is_kept(account: Account) -> Iterator[Violation]:
    """P3: the same number is the same frame for all readers, live, caught up or in a page of history; users do not see offsets."""
    for life in account.lives.values():
        if not account.lasting(life):
            continue
        for kind in NUMBERED:
            for place, frame in life.of(kind):
                if fault := _differs(account, life, frame):
                    yield Violation("everybody is told what is kept", f"{life} {account.at(place)}: {fault}")
        for place, answer in life.of("history"):
            for frame in answer["messages"]:
                if fault := _differs(account, life, frame):
                    yield Violation("everybody is told what is kept", f"{life}, history {account.at(place)}: {fault}")


def _differs(account: Account, life: Life, frame: Frame) -> str | None:
    shelf = account.shelves.get(frame["store"])
    if shelf is None:
        return None
    kept = _kept(shelf, life, frame)
    if kept is None:
        return f"{frame} is not kept" if shelf.whole else None
    if kept is frame or kept == frame:
        return None
    if not life.is_agent and {**frame, "offset": kept["offset"]} == kept and "offset" not in frame:
        return None
    return f"{frame} is kept as {kept}"


def _kept(shelf: Shelf, life: Life, frame: Frame) -> Frame | None:
    if life.is_agent and "offset" in frame:
        return shelf.by_offset.get(frame["offset"])
    if frame["type"] == "message":
        return shelf.by_seq.get((frame["user"], frame["seq"]))
    return shelf.by_epoch.get((frame["user"], frame["epoch"])) if frame["type"] == "status" else None


FOLLOWED = NUMBERED | {"chats", "reset", "ready"}
"""What moves a session's place, or must not."""
LISTED = 1000
"""A list as long as this may have left older chats out."""


Acknowledged = dict[tuple[str, str, str], list[tuple[int, int]]]


class _Cursor:
    """Where a session stands in one store. `last` None: at an unknown place, as after `reset`."""

    def __init__(self, end: int, last: int | None = None) -> None:
        self.end, self.last = end, last
        """`end`: what the snapshot of the opening contains; what it does not know begins at 1."""
        self.begun = self.reset = False


def sessions_get_everything_in_order(account: Account) -> Iterator[Violation]:
    """P3 and P5: from where it stands a session gets each number once, none left out, and at `ready` at least the snapshot's."""
    acknowledged = _acknowledged(account)
    for life in account.lives.values():
        follower = _Follower(account, life, acknowledged)
        for place, frame in life.told:
            for fault in follower.see(place, frame) if frame["type"] in FOLLOWED else ():
                yield Violation("sessions get everything in order", f"{life} {account.at(place)} {fault}")


def _acknowledged(account: Account) -> Acknowledged:
    """What each identity ever said it safely holds of a store: (place, number). Nobody answers, so any of it may count."""
    found: Acknowledged = {}
    for life in account.lives.values():
        for place, frame in life.asked:
            if frame.get("type") == "received" and isinstance(number := frame.get("offset" if life.is_agent else "seq"), int):
                found.setdefault((life.side, life.id, frame["store"]), []).append((place, number))
    return found


class _Follower:
    """Reads the frames of one session in order and says what cannot be."""

    def __init__(self, account: Account, life: Life, acknowledged: Acknowledged) -> None:
        self._account, self._life, self._acknowledged = account, life, acknowledged
        self._key = "offset" if life.is_agent else "seq"
        self._cursors: dict[str, _Cursor] = {}

    def see(self, place: int, frame: Frame) -> Iterator[str]:
        kind, ready = frame["type"], self._life.ready
        if not self._life.is_agent and kind == "status" and (ready is None or place < ready):
            yield f"is told a status of store {frame['store']} before it is ready: what a user missed has messages only"
        if kind in NUMBERED and self._key in frame:
            yield from self._number(place, frame["store"], frame[self._key])
        elif kind == "chats" and "id" not in frame:
            ends = frame.get("offsets", {}) if self._life.is_agent else {chat["store"]: chat["seq"] for chat in frame["chats"]}
            for store, end in ends.items():
                self._cursors.setdefault(store, _Cursor(end))
        elif kind == "reset":
            cursor = self._cursors.setdefault(frame["store"], _Cursor(0))
            cursor.reset, cursor.last = True, None
        elif kind == "ready":
            for store, cursor in self._cursors.items():
                yield from self._ready(place, store, cursor)

    def _number(self, place: int, store: str, number: int) -> Iterator[str]:
        cursor = self._cursors.setdefault(store, _Cursor(0, None if self._life.is_agent else 0))
        if not cursor.begun and number > cursor.end and (self._life.ready is None or place < self._life.ready):
            yield f"is told {self._key} {number} of store {store} before it is ready, and its snapshot stands at {cursor.end}"
        if cursor.last is not None and number != cursor.last + 1:
            yield f"is told {self._key} {number} of store {store} after {cursor.last}"
        elif cursor.last is None and not (cursor.begun and cursor.reset) and not self._may_stand(store, cursor, number - 1, place):
            yield f"begins with {self._key} {number} of store {store}, where it cannot stand"
        cursor.last = number

    def _ready(self, place: int, store: str, cursor: _Cursor) -> Iterator[str]:
        stands = cursor.end if cursor.last is None else cursor.last
        skipped = cursor.last is None and cursor.end > 0
        if stands < cursor.end or (skipped and not self._may_stand(store, cursor, stands, place)):
            yield f"is ready, its last {self._key} of store {store} is {cursor.last}, the snapshot's {cursor.end}"
        elif skipped and cursor.reset and not self._life.is_agent and self._is_kept(store, cursor.end):
            yield f"is ready, had a reset of store {store} and none of its {cursor.end} messages"
        if store in self._life.resume and self._life.opening.generation != self._life.serving and not cursor.reset:
            yield f"resumes store {store} in another generation and is not told to drop what it holds"
        cursor.last, cursor.begun = stands, True

    def _is_kept(self, store: str, seq: int) -> bool:
        """Whether this message of the user's chat was not trimmed away: it may have been before the page behind `reset` was read."""
        shelf = self._account.shelves.get(store)
        messages = (shelf.kept.messages or {}).get(self._life.id, []) if shelf is not None else []
        return not messages or messages[0]["seq"] <= seq

    def _may_stand(self, store: str, cursor: _Cursor, at: int, place: int) -> bool:
        """Whether the missed part may begin behind `at`: what was resumed, else what was acknowledged, else from the start or live."""
        life = self._life
        if cursor.reset:
            return not life.is_agent or at >= cursor.end
        if store in life.resume and life.opening.generation == life.serving:
            return at == life.resume[store]
        said = [number for when, number in self._acknowledged.get((life.side, life.id, store), ()) if when < place]
        # Beyond the end counts as the end; what was the end may have been rolled back, and the log has grown since.
        end = at if self._account.setting.may_roll_back else cursor.end
        return at == (cursor.end if life.is_agent else 0) or at in said or (at <= cursor.end and any(n > end for n in said))


def statuses_rise_in_each_session(account: Account) -> Iterator[Violation]:
    """A user's changes have no number but the epoch: in each session it rises, from the snapshot's on."""
    for life in account.lives.values():
        known: dict[tuple[str, str], int] = {}
        for place, frame in life.told:
            if frame["type"] == "chats" and "id" not in frame:
                known |= {(chat["store"], chat["user"]): chat["epoch"] for chat in frame["chats"]} if not life.is_agent else {}
            elif frame["type"] == "status":
                chat = frame["store"], frame["user"]
                if frame["epoch"] <= known.get(chat, 0):
                    yield Violation("statuses rise", f"{life} is told epoch {frame['epoch']} after {known[chat]} {account.at(place)}")
                known[chat] = frame["epoch"]


def every_agent_is_offered_every_waiting_chat(account: Account) -> Iterator[Violation]:
    """P8: the list of an opening has every chat that is not closed at the offset it stands at, in no older state than that."""
    rule = "every agent is offered every waiting chat"
    for life in account.lives.values():
        if not life.is_agent or life.ready is None or not account.lasting(life):
            continue
        if sum(len(frame["chats"]) for _, frame in life.snapshots) >= LISTED:
            continue
        listed = {(chat["store"], chat["user"]): chat for _, frame in life.snapshots for chat in frame["chats"]}
        stand = {store: offset for _, frame in life.snapshots for store, offset in frame.get("offsets", {}).items()}
        for store, offset in stand.items():
            shelf = account.shelves.get(store)
            for user in shelf.by_chat if shelf is not None else ():
                assert shelf is not None
                statuses = shelf.statuses(user)
                past = [frame for frame in statuses if frame["offset"] <= offset]
                later = [frame for frame in statuses if frame["offset"] > offset]
                if not past or past[-1]["status"] == "closed":
                    continue
                seen = listed.get((store, user))
                if seen is None and not any(frame["status"] == "closed" for frame in later):
                    yield Violation(rule, f"{life} was not shown chat {store}/{user}, {past[-1]['status']} at {offset}")
                elif seen is not None and seen["epoch"] < past[-1]["epoch"]:
                    yield Violation(rule, f"{life} was shown chat {store}/{user} of epoch {seen['epoch']}, older than at {offset}")
