"""How an event looks as a line. Whatever others wrote is made harmless first: a text must not move the cursor or change the colours."""

import re
import time
from typing import Any

from actors import told
from actors.chat import Owner, Party
from web.client import Connected, Disconnected, Event
from web.client.held import HeldChat

# C0 and C1 controls, DEL, line and paragraph separators, marks of direction, lone surrogates, the byte order mark.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_REASON = {
    "new": "waits for the first time",
    "reopen": "waits again",
    "claim": "was claimed",
    "release": "was given back",
    "transfer": "was handed over",
    "takeover": "was taken over",
    "resolve": "was closed",
    "assigned": "was assigned",
    "agent_gone": "was given back: its owner is gone",
}


def plain(text: object) -> str:
    """Text of others on one line, with nothing in it that a terminal obeys."""
    return _UNSAFE.sub(lambda match: " " if match[0] in "\n\r\t\u2028\u2029" else f"\\u{ord(match[0]):04x}", str(text))


def clock(at_ms: int) -> str:
    """A time of day, local."""
    return time.strftime("%H:%M:%S", time.localtime(at_ms / 1000))


def who(party: Party | Owner | None, me: str) -> str:
    """Somebody by name and id."""
    if party is None:
        return "dibs"
    if party.id == me:
        return "you"
    return f"{plain(party.name)} ({party.id})" if party.name and party.name != party.id else party.id


def body(kind: str, fields: Any) -> str:
    """A body of any kind on one line."""
    shown = fields if isinstance(fields, dict) else {"text": getattr(fields, "text", "")}
    if kind == "text":
        return plain(shown.get("text", ""))
    told_as = " ".join(plain(value) for value in shown.values() if isinstance(value, str | int | float))
    return f"[{kind}] {told_as}"


def shown(event: Event, me: str) -> str | None:
    """The line of an event; None for what is not worth one."""
    match event:
        case told.Message():
            return f"{clock(event.at)} {event.store}/{event.user} #{event.seq} {who(event.by, me)}: {body(event.kind, event.body)}"
        case told.Note():
            return f"{clock(event.at)} {event.store}/{event.user} note of {who(event.by, me)}: {plain(event.body.text)}"
        case told.StatusChange():
            owner = f" by {who(event.owner, me)}" if event.reason == "claim" else f" to {who(event.owner, me)}" if event.owner else ""
            return f"{clock(event.at)} {event.store}/{event.user} * {_REASON[event.reason]}{owner}"
        case told.Queue():
            return f"{event.store} * your place is {event.position}"
        case told.Presence(online=bool(online)):
            return f"{event.store} * {'somebody is there' if online else 'nobody is there; write all the same, it will be read'}"
        case told.Notice():
            return f"{clock(event.at)} * announcement: {plain(event.body.text)}"
        case told.Reset():
            return f"{event.store} * something was lost on the server or is not kept any more; /history shows what there is"
        case told.Error():
            return f"! {event.code}: {event.detail}"
        case Connected():
            return f"* connected as {event.welcome.role} {event.welcome.id}, {event.welcome.online} online"
        case Disconnected():
            return f"* no connection; trying again in {event.again_s:.1f} s (what you type is kept)"
        case _:
            return None


def listed(chat: HeldChat | told.Summary, me: str) -> str:
    """A chat as one line of a list."""
    owner = f" by {who(chat.owner, me)}" if chat.owner else ""
    name = f" {plain(chat.name)}" if chat.name else ""
    unread = f", {chat.unread} unread" if chat.unread else ""
    last = f": {body(chat.last.kind, chat.last.body)}"[:80] if chat.last is not None else ""
    return f"  {chat.store}/{chat.user}{name} {chat.status}{owner}{unread}{last}"


def refused(error: told.Error, me: str) -> str:
    """Why something was not done, and who owns the chat if that is why."""
    owner = f"; it is {who(error.owner, me)}'s" if isinstance(error.owner, Owner) else ""
    return f"! {error.detail}{owner}"
