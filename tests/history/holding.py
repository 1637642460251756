"""The linear rules about what clients hold: P5, P6 and P10 of the field.

At rest a client that applied what it was told holds what a fresh snapshot would show (zulip's law). Unread is arithmetic at any
moment: messages of the other side above the mark. And nobody is told what is not theirs.
"""

from collections.abc import Iterator
from typing import Any

from tests.history.account import NUMBERED, Account, Chat, Life, Shelf, Violation
from tests.history.record import Frame


def unread_is_arithmetic(account: Account) -> Iterator[Violation]:
    """P6: in every summary `unread` is the number of the other side's messages above the mark, up to its `seq`."""
    for store, shelf in account.shelves.items():
        for user, summary in shelf.kept.chats.items():
            if fault := _unread_fault(shelf, summary, "store"):
                yield Violation("unread is arithmetic", f"the last summary of chat {store}/{user}: {fault}")
    for life in account.lives.values():
        for place, frame in life.of("chats"):
            for summary in frame["chats"]:
                shelf = account.shelves.get(summary["store"])
                if shelf is not None and account.lasting(life) and (fault := _unread_fault(shelf, summary, life.side)):
                    where = f"{life} {account.at(place)}, chat {summary['store']}/{summary['user']}"
                    yield Violation("unread is arithmetic", f"{where}: {fault}")


def _unread_fault(shelf: Shelf, summary: Frame, side: str) -> str | None:
    unread, marks, seq = summary["unread"], summary["marks"], summary["seq"]
    mark = marks[side]["read"]
    if unread < 0 or max(mark, marks["user"]["received"], marks["user"]["read"], marks["store"]["read"]) > seq:
        return f"unread {unread}, marks {marks} of {seq}"
    frames = {number: shelf.by_seq.get((summary["user"], number)) for number in range(1, seq + 1)}
    above = [number for number in frames if number > mark]
    if missing := [number for number in above if frames[number] is None]:
        return f"message {missing[0]} of {seq} is not kept" if shelf.whole else None
    theirs = [number for number, frame in frames.items() if frame is not None and (frame["from"]["role"] == "user") is (side == "store")]
    counted = sum(number > mark for number in theirs)
    kept = (shelf.kept.messages or {}).get(summary["user"])
    if kept and mark < kept[0]["seq"] - 1:
        # Of messages that left the chat's history nobody knows any more who wrote them.
        least, most = sum(number >= kept[0]["seq"] for number in theirs), len(theirs)
        return None if least <= unread <= most or not shelf.whole else f"unread is {unread}, and there are {least} to {most}"
    return f"unread is {unread}, and above {mark} there are {counted}" if counted != unread else None


def marks_only_rise_and_only_by_asking(account: Account) -> Iterator[Violation]:
    """P6: in each session a mark never goes back, and none is where nobody ever put it: looking on marks nothing."""
    put: dict[tuple[Chat, str], list[int]] = {}
    for life in account.lives.values():
        for _, frame in life.asked:
            if frame.get("type") in ("read", "received") and isinstance(number := frame.get("seq"), int):
                chat = frame["store"], frame.get("user") or life.id
                name = "read" if frame["type"] == "read" else "received"
                put.setdefault((chat, f"{life.side} {name}"), []).append(number)
    for life in account.lives.values():
        known: dict[tuple[Chat, str], int] = {}
        for place, chat, of, value in _marks(life):
            if value < known.get((chat, of), 0):
                fault = f"the mark '{of}' of chat {'/'.join(chat)} goes back to {value}"
                yield Violation("marks only rise", f"{life} {account.at(place)}: {fault}")
            if value and value > max(put.get((chat, of), [0])):
                fault = f"the mark '{of}' of chat {'/'.join(chat)} is {value}, where nobody put it"
                yield Violation("marks only rise", f"{life} {account.at(place)}: {fault}")
            known[chat, of] = value


def _marks(life: Life) -> Iterator[tuple[int, Chat, str, int]]:
    """Each mark a session is told: place, chat, whose and which, where it is. Those of the snapshot come first, as on the wire."""
    for place, frame in life.snapshots:
        for summary in frame["chats"]:
            for side, marks in summary["marks"].items():
                for name, value in marks.items():
                    yield place, (summary["store"], summary["user"]), f"{side} {name}", value
    for place, frame in life.of("marks"):
        for name in ("received", "read"):
            if name in frame:
                yield place, (frame["store"], frame["user"]), f"{frame['side']} {name}", frame[name]


def at_rest_everybody_holds_what_is_kept(account: Account) -> Iterator[Violation]:
    """P5: a session that still lives has, of every chat it sees, the owner, the last message and the marks of a fresh snapshot."""
    for life in account.lives.values() if account.setting.at_rest else ():
        if life.ended is None and life.ready is not None:
            held = _Held(life)
            for store, shelf in account.shelves.items():
                if not _enters(life, store):
                    continue
                for fault in held.faults(store, shelf):
                    yield Violation("at rest everybody holds what is kept", f"{life}: {fault}")


class _Held:
    """What a client makes of its session: snapshot, then events."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._states: dict[Chat, dict[str, Any]] = {}
        self._last: dict[str, int] = {}
        for _, frame in life.told:
            kind = frame["type"]
            if kind == "chats" and "id" not in frame:
                self._states |= {(chat["store"], chat["user"]): _state(chat) for chat in frame["chats"]}
                if life.is_agent:
                    self._last = frame.get("offsets", {}) | self._last
            elif kind in NUMBERED:
                self._event(frame)
            elif kind == "marks":
                state = self._state(frame)
                state |= {f"{frame['side']} {name}": frame[name] for name in ("received", "read") if name in frame}

    def _state(self, frame: Frame) -> dict[str, Any]:
        """Of a chat that was closed, and so not shown, a client knows what it has been told since."""
        return self._states.setdefault((frame["store"], frame["user"]), {"epoch": 0, "seq": 0})

    def _event(self, frame: Frame) -> None:
        if self._life.is_agent:
            self._last[frame["store"]] = max(frame["offset"], self._last.get(frame["store"], 0))
        state = self._state(frame)
        if frame["type"] == "message":
            state["seq"] = max(state["seq"], frame["seq"])
        elif frame["type"] == "status" and frame["epoch"] > state["epoch"]:
            state |= {"status": frame["status"], "owner": (frame["owner"] or {}).get("id"), "epoch": frame["epoch"]}

    def faults(self, store: str, shelf: Shelf) -> Iterator[str]:
        """What differs from what is kept of the store."""
        if self._life.is_agent and self._last.get(store, 0) != shelf.end:
            yield f"it was told of store {store} up to offset {self._last.get(store)}, which goes to {shelf.end}"
        for user, summary in shelf.kept.chats.items():
            if not self._life.is_agent and user != self._life.id:
                continue
            state = self._states.get((store, user))
            if state is None and (summary["status"] != "closed" or not self._life.is_agent):
                yield f"it knows nothing of chat {store}/{user}, which is {summary['status']}"
            elif state is not None:
                fresh = _state(summary)
                known = [name for name, value in state.items() if value or name not in ("epoch", "seq")]
                wrong = [f"{name} {state[name]} instead of {fresh[name]}" for name in known if state[name] != fresh[name]]
                if wrong:
                    yield f"of chat {store}/{user} it holds {', '.join(wrong)}"


def _state(summary: Frame) -> dict[str, Any]:
    marks = summary["marks"]
    return {
        "status": summary["status"],
        "owner": (summary["owner"] or {}).get("id"),
        "epoch": summary["epoch"],
        "seq": summary["seq"],
        "user received": marks["user"]["received"],
        "user read": marks["user"]["read"],
        "store read": marks["store"]["read"],
    }


LISTS = frozenset({"chats", "history"})
ABOUT_A_CHAT = NUMBERED | {"marks", "typing"}


def nothing_crosses(account: Account) -> Iterator[Violation]:
    """P10: nobody is told of a store that is not theirs, no user of another's chat, of a note or of a number of the store's."""
    for life in account.lives.values():
        for place, frame in life.told:
            kind = frame["type"]
            if fault := _crosses(life, frame, is_part=False):
                yield Violation("nothing crosses", f"{life} is told a {kind} {fault} {account.at(place)}")
            for part in frame.get("chats") or frame.get("messages") or () if kind in LISTS else ():
                if fault := _crosses(life, part, is_part=True):
                    yield Violation("nothing crosses", f"{life} is told a {kind} {fault} {account.at(place)}")
    for attempt in account.attempts:
        life, (store, user) = attempt.life, attempt.chat
        if attempt.acked and "store" in attempt.frame and not (_enters(life, store) and (life.is_agent or user == life.id)):
            yield Violation("nothing crosses", f"{life} was acked {attempt.frame['type']} in store {store} {account.at(attempt.asked)}")
        for frame in (attempt.answer or {}).get("messages", ()):
            if (frame["store"], frame["user"]) != attempt.chat:
                yield Violation("nothing crosses", f"{attempt.life} asked for chat {'/'.join(attempt.chat)} and got {frame}")


def _crosses(life: Life, frame: Frame, *, is_part: bool) -> str | None:
    store = frame.get("store")
    if store is not None and not _enters(life, store):
        return f"of store {store}"
    if life.is_agent:
        return None
    kind = frame.get("type")
    if (is_part or kind in ABOUT_A_CHAT) and frame.get("user") != life.id:
        return f"of the chat of {frame.get('user')}"
    if kind == "note" or "offset" in frame or "offset" in (frame.get("last") or ()):
        return "that is for agents"
    return None


def _enters(life: Life, store: str) -> bool:
    return life.opening.stores is None or store in life.opening.stores
