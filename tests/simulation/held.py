"""What one tab holds, from frame to frame and over all its sessions, and whether it is what a fresh snapshot would show."""

from collections.abc import Iterator
from typing import Any

from tests.history.record import Frame, Kept


class Held:
    """Snapshots and events of one tab. Epoch and number win over the order of arrival."""

    def __init__(self, *, is_agent: bool, user: str) -> None:
        self.generation: str | None = None
        self.chats: dict[tuple[str, str], dict[str, Any]] = {}
        self.numbers: dict[str, int] = {}
        """Store to the last number: offset for agents, seq for users."""
        self.frames: dict[str, dict[int, Frame]] = {}
        """Store to what has a number."""
        self.faults: list[str] = []
        self._stands: dict[str, int] = {}
        self._is_ready = False
        """Until then frames are what the snapshot has already: they go to the lists of messages and not to the summaries."""
        self._is_agent, self._user = is_agent, user
        self.key = "offset" if is_agent else "seq"
        """The number that counts for it."""

    def hear(self, frame: Frame) -> None:
        """Takes one frame."""
        match frame["type"]:
            case "welcome":
                self.generation = frame["generation"]
                self.chats, self._stands, self._is_ready = {}, {}, False
            case "ready":
                # Not before: an opening that is cut off was handed a part of what was missed.
                self.numbers = self._stands | self.numbers
                self._is_ready = True
            case "chats" if "id" not in frame:
                for chat in frame["chats"]:
                    self._show(chat)
                for store, offset in frame.get("offsets", {}).items():
                    self._stands[store] = offset
            case "reset":
                self.frames.pop(frame["store"], None)
                self.numbers[frame["store"]] = self._stands.get(frame["store"], 0)
            case "message" | "note" | "status":
                self._number(frame)
                if self._is_ready:
                    self._change(frame)
            case "marks":
                chat = self._chat(frame)
                for name in ("received", "read"):
                    if name in frame:
                        chat[f"{frame['side']} {name}"] = frame[name]
            case _:
                pass

    def _chat(self, frame: Frame) -> dict[str, Any]:
        return self.chats.setdefault((frame["store"], frame["user"]), {"status": None, "owner": None, "epoch": 0, "seq": 0, "shown": False})

    def _show(self, summary: Frame) -> None:
        """A summary says all there is, as it was when it was read."""
        chat = self._chat(summary)
        marks = {f"{side} {name}": value for side, found in summary["marks"].items() for name, value in found.items()}
        chat |= shown(summary) | marks | {"shown": True}

    def _number(self, frame: Frame) -> None:
        if self.key not in frame:
            return
        store, number = frame["store"], frame[self.key]
        before = self.frames.setdefault(store, {}).setdefault(number, frame)
        if before != frame:
            self.faults.append(f"{self.key} {number} of {store} was {before} and is {frame}")
        self.numbers[store] = max(self.numbers.get(store, 0), number)

    def _change(self, frame: Frame) -> None:
        chat = self._chat(frame)
        if frame["type"] == "message":
            chat["seq"] = max(chat["seq"], frame["seq"])
        elif frame["type"] == "status" and frame["epoch"] > chat["epoch"]:
            chat |= shown(frame)

    # At rest.

    def differences(self, stores: tuple[str, ...], kept: dict[str, Kept]) -> Iterator[str]:
        """Zulip's law."""
        yield from self.faults
        for store in stores:
            found = kept[store]
            if self._is_agent:
                yield from self._compare(
                    store, {frame["offset"]: frame for frame in found.log}, found.log[-1]["offset"] if found.log else 0
                )
            else:
                mine = (found.messages or {}).get(self._user, [])
                end = found.chats.get(self._user, {}).get("seq", 0)
                yield from self._compare(store, {m["seq"]: {k: v for k, v in m.items() if k != "offset"} for m in mine}, end)
            for user, summary in found.chats.items():
                if self._is_agent or user == self._user:
                    yield from self._compare_chat(store, user, summary)

    def _compare(self, store: str, kept: dict[int, Frame], end: int) -> Iterator[str]:
        frames = self.frames.get(store, {})
        if frames and sorted(frames) != list(range(min(frames), end + 1)):
            missing = sorted(set(range(min(frames), end + 1)) - set(frames))
            yield f"of store {store} it holds {self.key} {min(frames)} to {max(frames)} of {end}, without {missing[:9]}"
        if self.numbers.get(store, 0) != end and (self._is_agent or frames):
            yield f"of store {store} it stands at {self.key} {self.numbers.get(store, 0)}, and there are {end}"
        for number, frame in frames.items():
            if number in kept and kept[number] != frame:
                yield f"of store {store} it holds {frame}, and kept is {kept[number]}"

    def _compare_chat(self, store: str, user: str, summary: Frame) -> Iterator[str]:
        chat = self.chats.get((store, user))
        if chat is None:
            if summary["status"] != "closed" or not self._is_agent:
                yield f"it knows nothing of chat {store}/{user}, which is {summary['status']}"
            return
        marks = {f"{side} {name}": value for side, found in summary["marks"].items() for name, value in found.items()}
        # A chat that was closed when the list was shown is known by what has happened since.
        told = shown(summary) | marks
        if not chat["shown"]:
            known = {"status": chat["epoch"], "owner": chat["epoch"], "epoch": chat["epoch"], "seq": chat["seq"]}
            told = {name: value for name, value in told.items() if known.get(name)}
        for name, value in told.items():
            if (chat.get(name) or 0) != (value or 0):
                yield f"of chat {store}/{user} it holds {name} {chat.get(name)} instead of {value}"


def shown(frame: Frame) -> dict[str, Any]:
    """The state that a summary or a status tells."""
    state = {"status": frame["status"], "owner": (frame["owner"] or {}).get("id"), "epoch": frame["epoch"]}
    return state | {"seq": frame["seq"]} if "seq" in frame else state
