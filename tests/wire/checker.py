"""What every session of the protocol may hold the server to, whatever the test is about.

A checker sees each frame of one session in order and writes down each breach; a client raises them when it closes.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

Frame = dict[str, Any]
ANSWERS = frozenset({"ack", "error", "chats", "history", "found", "figures", "profile", "context"})
TEMPORARY = frozenset({"rate_limited", "unavailable", "overloaded"})
REASONS = frozenset({"new", "claim", "release", "transfer", "takeover", "resolve", "reopen", "assigned", "agent_gone"})
OPENING = frozenset({"chats", "message", "note", "status", "reset", "ready", "ping"})


def whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def flag(value: object) -> bool:
    return isinstance(value, bool)


def time_ms(value: object) -> bool:
    return whole(value) and 1_500_000_000_000 < value < 10_000_000_000_000  # type: ignore[operator]


def owner(value: object) -> bool:
    return value is None or (isinstance(value, dict) and text(value.get("id")) and "name" in value)


def sender(value: object) -> bool:
    return isinstance(value, dict) and value.get("role") in ("user", "agent", "supervisor") and text(value.get("id"))


def status(value: object) -> bool:
    return value in ("waiting", "claimed", "closed")


def side(value: object) -> bool:
    return value in ("user", "store")


def listed(value: object) -> bool:
    return isinstance(value, list)


def mapped(value: object) -> bool:
    return isinstance(value, dict)


CHAT: dict[str, Callable[[object], bool]] = {"store": text, "user": text}
SHAPE: dict[str, dict[str, Callable[[object], bool]]] = {
    "welcome": {"protocol": whole, "session": text, "generation": text, "role": text, "id": text, "online": whole, "at": time_ms},
    "chats": {"chats": listed},
    "history": {"messages": listed, "more": flag, "id": text},
    "found": {"entries": listed, "more": flag, "id": text, "store": text},
    "figures": {
        "waiting": whole,
        "claimed": whole,
        "agents": listed,
        "day": mapped,
        "series": listed,
        "id": text,
        "store": text,
        "at": time_ms,
    },
    "reset": {"store": text},
    "ready": {},
    "ping": {},
    "pong": {},
    "message": CHAT | {"seq": whole, "from": sender, "kind": text, "body": mapped, "id": text, "at": time_ms},
    "note": CHAT | {"offset": whole, "from": sender, "body": mapped, "id": text, "at": time_ms},
    "status": CHAT | {"status": status, "owner": owner, "epoch": whole, "reason": lambda v: v in REASONS, "at": time_ms},
    "marks": CHAT | {"side": side, "read": whole},
    "typing": CHAT | {"side": side, "on": flag},
    "presence": {"store": text},
    "queue": {"store": text, "position": lambda v: whole(v) and v != 0},
    "profile": {"store": text, "version": whole},
    "context": CHAT,
    "notice": {"body": mapped, "at": time_ms},
    "ack": {"id": text},
    "error": {"code": text, "detail": text, "temporary": flag},
}
SUMMARY = CHAT | {"status": status, "owner": owner, "epoch": whole, "seq": whole, "unread": whole, "since": time_ms, "marks": mapped}


def lacks(frame: Frame, shape: dict[str, Callable[[object], bool]]) -> list[str]:
    return [f"{key} is {frame.get(key, 'missing')!r}" for key, fits in shape.items() if key not in frame or not fits(frame[key])]


class Checker:
    """The running account of one session: order of the opening, gapless numbers, one answer for a question, shapes."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.agent = role != "user"
        self.faults: list[str] = []
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.welcomed = self.ready = False
        self.offset: dict[str, int] = {}
        self.seq: dict[tuple[str, str], int] = {}
        self.end: dict[tuple[str, str], int] = {}
        self.snapshot: dict[str, int] = {}
        self.epoch: dict[tuple[str, str], int] = {}

    def fault(self, rule: str, frame: Frame) -> None:
        self.faults.append(f"{rule}: {frame}")

    def see(self, frame: Frame) -> None:
        kind = frame.get("type", "")
        if kind not in SHAPE:
            self.fault("a type that the protocol does not have", frame)
            return
        for lack in lacks(frame, SHAPE[kind]):
            self.fault(f"shape, {lack}", frame)
        self.see_opening(kind, frame)
        match kind:
            case "ack" | "error" | "chats" | "history" | "found" | "profile" | "context" if "id" in frame:
                self.see_answer(frame)
            case "chats":
                self.see_snapshot(frame)
            case "reset":
                self.see_reset(frame["store"])
        if kind == "error" and frame.get("temporary") is not (frame.get("code") in TEMPORARY):
            self.fault("temporary does not fit the code", frame)
        if kind in ("message", "note", "status"):
            self.see_event(kind, frame)

    def see_opening(self, kind: str, frame: Frame) -> None:
        """welcome, chats, what was missed, ready: nothing else and in no other order."""
        if not self.welcomed:
            if kind not in ("welcome", "error", "ping"):
                self.fault("before the welcome", frame)
            self.welcomed = kind == "welcome"
        elif not self.ready:
            if kind not in OPENING or ("id" in frame and kind == "chats") or (not self.agent and kind in ("note", "status")):
                self.fault("before ready", frame)
            self.ready = kind == "ready"
        elif kind in ("welcome", "ready"):
            self.fault("a second opening", frame)

    def see_answer(self, frame: Frame) -> None:
        id = frame["id"]
        self.answered[id] += 1
        if self.answered[id] > self.asked[id]:
            self.fault("an answer that nobody asked for", frame)
        for summary in frame.get("chats", ()):
            self.see_summary(summary)

    def see_snapshot(self, frame: Frame) -> None:
        for summary in frame["chats"]:
            self.see_summary(summary)
            self.end[(summary["store"], summary["user"])] = summary["seq"]
        if self.agent:
            self.snapshot |= frame.get("offsets", {})

    def see_summary(self, summary: Frame) -> None:
        for lack in lacks(summary, SUMMARY):
            self.fault(f"summary, {lack}", summary)
        if (summary.get("owner") is None) is (summary.get("status") == "claimed"):
            self.fault("owner is null unless claimed", summary)

    def see_reset(self, store: str) -> None:
        self.offset.pop(store, None)
        self.snapshot.pop(store, None)
        for chat in [chat for chat in self.seq if chat[0] == store]:
            del self.seq[chat]

    def see_event(self, kind: str, frame: Frame) -> None:
        store, chat = frame["store"], (frame["store"], frame["user"])
        if self.agent:
            self.see_offset(store, frame)
        elif "offset" in frame or kind == "note":
            self.fault("not for users", frame)
        if kind == "message":
            self.see_seq(chat, frame)
        if kind == "status" and self.ready:
            if frame["epoch"] <= self.epoch.get(chat, -1):
                self.fault("an epoch that does not rise", frame)
            self.epoch[chat] = frame["epoch"]
            if (frame["owner"] is None) is (frame["status"] == "claimed"):
                self.fault("owner is null unless claimed", frame)

    def see_offset(self, store: str, frame: Frame) -> None:
        if not whole(frame.get("offset")):
            self.fault("agents get an offset", frame)
            return
        if store in self.offset and frame["offset"] != self.offset[store] + 1:
            self.fault(f"offset after {self.offset[store]}", frame)
        if store not in self.offset and frame["offset"] > self.snapshot.get(store, frame["offset"]) + 1:
            self.fault(f"a hole after the snapshot at {self.snapshot[store]}", frame)
        self.offset[store] = frame["offset"]

    def see_seq(self, chat: tuple[str, str], frame: Frame) -> None:
        if chat in self.seq and frame["seq"] != self.seq[chat] + 1:
            self.fault(f"seq after {self.seq[chat]}", frame)
        if chat not in self.seq and not self.agent and frame["seq"] > self.end.get(chat, 0) + 1:
            self.fault(f"a hole after the snapshot at {self.end.get(chat, 0)}", frame)
        self.seq[chat] = frame["seq"]
