"""A server of one thread that keeps every promise: it runs the real rule on dicts and notes its own history down.

Good histories are made with it, bad ones by changing a good one by hand (`changed`, `without`, `added`).
"""

import itertools
import json
from collections.abc import Callable
from typing import Any

import msgspec

from actors.chat import Chat, Party
from actors.event import MarkMoved, MessageAdded, NoteAdded, StatusChanged, for_agents, for_user, subject, tail
from actors.rule import Accepted, apply, decide
from tests.history.model import command_of
from tests.history.record import Frame, History, Kept, Line, Recorder, Setting, Told


class Scene:
    """`open`, `ask`, `cut`; `history` is what was noted down, with what is kept at the end."""

    def __init__(self, **setting: Any) -> None:
        self.now = 1000
        self.recorder = Recorder(Setting(**setting), clock=lambda: self.now / 1000)
        self.logs: dict[str, list[Frame]] = {}
        self.chats: dict[tuple[str, str], Chat] = {}
        self.lives: dict[str, dict[str, Any]] = {}
        self.seen: dict[tuple[str, str, str, str], Frame] = {}
        self.acknowledged: dict[tuple[str, str, str], int] = {}
        self._ids = itertools.count(1)

    # Sessions.

    def open(self, role: str, id: str, *stores: str, resume: dict[str, int] | None = None) -> str:
        self.now += 1
        entitled = stores or (None if role == "user" else ("s1",))
        name = self.recorder.opened(role, id, entitled, resume, "g1" if resume else None)
        self.lives[name] = {"role": role, "id": id, "stores": entitled}
        for store in entitled or () if role != "user" else ():
            self.logs.setdefault(store, [])
        self._tell(name, {"type": "welcome", "generation": "g1", "id": id, "role": role})
        shown = [self.summary(key, "user" if role == "user" else "store") for key in self._visible(name)]
        frame: Frame = {"type": "chats", "chats": shown}
        if role != "user":
            frame["offsets"] = {store: len(self.logs[store]) for store in entitled or ()}
        self._tell(name, frame)
        self._catch_up(name, resume or {})
        self._tell(name, {"type": "ready"})
        return name

    def _visible(self, name: str) -> list[tuple[str, str]]:
        life = self.lives[name]
        if life["role"] == "user":
            return [key for key in self.chats if key[1] == life["id"]]
        return [key for key, chat in self.chats.items() if key[0] in life["stores"] and chat.status != "closed"]

    def _catch_up(self, name: str, resume: dict[str, int]) -> None:
        life = self.lives[name]
        for store in self.logs if life["role"] == "user" else life["stores"]:
            side = "user" if life["role"] == "user" else "store"
            log = self.logs[store]
            held = resume.get(store, self.acknowledged.get((side, life["id"], store), 0 if side == "user" else len(log)))
            if side == "user":
                log = [frame for frame in log if frame["type"] == "message" and frame["user"] == life["id"]]
            for frame in log[held:]:
                self._tell(name, self._for(name, frame))

    def cut(self, name: str) -> None:
        self.now += 1
        del self.lives[name]
        self.recorder.ended(name)

    def _tell(self, name: str, frame: Frame) -> None:
        self.recorder.told(name, json.loads(json.dumps(frame)))

    def _for(self, name: str, frame: Frame) -> Frame:
        return frame if self.lives[name]["role"] != "user" else json.loads(for_user(json.dumps(frame, separators=(",", ":")).encode()))

    # Commands.

    def ask(
        self, name: str, type: str, *, id: str | None = None, lose: bool = False, before: Callable[[], None] | None = None, **fields: Any
    ):
        """One command from question to answer. `lose`: the session is cut before it comes. `before`: what others do meanwhile."""
        self.now += 1
        life = self.lives[name]
        frame = {"type": type, **({} if type == "received" else {"id": id or f"c{next(self._ids)}"}), "store": "s1", **fields}
        if type in ("send", "note"):
            frame = {"body": {"text": "hi"}} | ({"kind": "text"} if type == "send" else {}) | frame
        self.recorder.asked(name, frame)
        if before is not None:
            before()
        answer = self._serve(life, frame)
        if lose:
            self.cut(name)
        elif answer is not None:
            self._tell(name, answer)
        return answer

    def _serve(self, life: dict[str, Any], frame: Frame) -> Frame | None:
        store, side = frame["store"], "user" if life["role"] == "user" else "store"
        user = frame.get("user", life["id"])
        if frame["type"] == "received" and side == "store":
            self.acknowledged[side, life["id"], store] = frame["offset"]
            return None
        key = (side, life["id"], store, frame.get("id", ""))
        if key in self.seen and key[3]:
            return self.seen[key] | {"duplicate": True}
        command = command_of(frame, Party(life["role"], life["id"]))
        chat = self.chats.get((store, user), Chat(store=store, user=user))
        decision = decide(chat, command, self.now)
        if not isinstance(decision, Accepted):
            refused = msgspec.to_builtins(decision.refused)
            about = {name: refused[name] for name in ("owner", "epoch", "since")} if refused["epoch"] is not None else {}
            return {"type": "error", "id": frame["id"], "code": refused["code"], "detail": "", "temporary": False} | about
        for event in decision.events:
            chat = apply(chat, event)
            self._happen(store, user, chat, event)
        self.chats[store, user] = chat
        if frame["type"] == "received":
            self.acknowledged[side, life["id"], store] = min(frame["seq"], chat.seq)
            return None
        answer: Frame = {"type": "ack", "id": frame["id"]}
        if decision.acks == "message":
            answer |= {"seq": chat.seq, "at": self.now}
        elif decision.acks == "ownership":
            answer |= {"status": chat.status, "owner": msgspec.to_builtins(chat.owner), "epoch": chat.epoch}
        self.seen[key] = answer
        return answer

    def _happen(self, store: str, user: str, chat: Chat, event: Any) -> None:
        log, about = self.logs[store], subject(store, user)
        if isinstance(event, MessageAdded | NoteAdded | StatusChanged):
            frame = json.loads(for_agents(event, about, chat.seq, len(log) + 1, tail(event)))
            log.append(frame)
        else:
            assert isinstance(event, MarkMoved)
            received = {"received": chat.user_received} if event.side == "user" else {}
            read = chat.user_read if event.side == "user" else chat.store_read
            frame = {"type": "marks", "store": store, "user": user, "side": event.side, **received, "read": read}
        for name, life in self.lives.items():
            mine = user == life["id"] and frame["type"] != "note" if life["role"] == "user" else store in life["stores"]
            if mine:
                self._tell(name, frame if frame["type"] == "marks" else self._for(name, frame))

    # What is kept.

    def summary(self, key: tuple[str, str], side: str) -> Frame:
        chat = self.chats[key]
        mark = chat.user_read if side == "user" else chat.store_read
        messages = [f for f in self.logs[key[0]] if f["type"] == "message" and f["user"] == key[1] and f["seq"] > mark]
        unread = sum((frame["from"]["role"] == "user") is (side == "store") for frame in messages)
        marks = {"user": {"received": chat.user_received, "read": chat.user_read}, "store": {"read": chat.store_read}}
        fields = {name: getattr(chat, name) for name in ("store", "user", "status", "epoch", "seq", "since")}
        return fields | {"owner": msgspec.to_builtins(chat.owner), "unread": unread, "marks": marks}

    @property
    def history(self) -> History:
        lines: list[Line] = list(self.recorder.lines)
        for store, log in self.logs.items():
            chats = {user: self.summary((of, user), "store") for of, user in self.chats if of == store}
            messages = {user: [f for f in log if f["type"] == "message" and f["user"] == user] for user in chats}
            lines.append(Kept(store=store, generation="g1", log=list(log), chats=chats, messages=messages))
        return History(tuple(lines))


# Changing a history by hand.


def changed(history: History, matches: Callable[[Line], bool], change: Callable[[Any], Line], which: int = 0) -> History:
    """The same with one line that matches made into another one."""
    places = [place for place, line in enumerate(history.lines) if matches(line)]
    assert places, "nothing to change"
    lines = list(history.lines)
    lines[places[which]] = change(lines[places[which]])
    return History(tuple(lines))


def without(history: History, matches: Callable[[Line], bool], which: int = 0) -> History:
    """The same without one line that matches."""
    places = [place for place, line in enumerate(history.lines) if matches(line)]
    assert places, "nothing to leave out"
    return History(tuple(line for place, line in enumerate(history.lines) if place != places[which]))


def told(session: str, **match: Any) -> Callable[[Line], bool]:
    """Fits what this session was told, by fields of the frame."""
    return lambda line: isinstance(line, Told) and line.session == session and all(line.frame.get(k) == v for k, v in match.items())


def kept(store: str = "s1") -> Callable[[Line], bool]:
    return lambda line: isinstance(line, Kept) and line.store == store


def frame_with(**fields: Any) -> Callable[[Any], Line]:
    """Sets fields of the frame of a line."""
    return lambda line: msgspec.structs.replace(line, frame={**line.frame, **fields})


def log_with(change: Callable[[list[Frame]], list[Frame]]) -> Callable[[Any], Line]:
    """Changes the log that is kept."""
    return lambda line: msgspec.structs.replace(line, log=change([dict(frame) for frame in line.log]), messages=None)
