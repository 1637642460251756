"""What one chat may answer, one call at a time: the sequential specification that the search holds a history against.

The specification is the server's own rule (`actors.rule.decide` and `apply`), run on one chat with no other in sight. That a history of
many chats may be judged chat by chat is the locality of linearizability (Herlihy and Wing 1990, theorem 1; P-compositionality in Horn
and Kroening, "Faster linearizability checking via P-compositionality", 2015).

What a chat cannot know is taken from the answer: the number that a new epoch gets (it must only rise), whether `to` is on the roster,
how many chats an agent owns. An epoch that nobody was told of is a `floor`: unknown, but not below it, until an answer tells.
"""

from collections.abc import Iterator
from typing import Any

import attrs
import msgspec

from actors import command as c
from actors.chat import Chat, Owner, Party
from actors.event import MarkMoved
from actors.rule import Accepted, apply, decide
from tests.history.record import Frame

Known = tuple[tuple[str, Any], ...]
"""What an answer tells, in an order that can be compared."""


@attrs.frozen(eq=False)
class Call:
    """One attempt at a command. Places as in a history; `ends` None: nobody knows, it may take effect at any time or never."""

    id: str
    by: Party
    frame: Frame
    begins: int
    ends: int | None = None
    answer: Frame | None = None
    effect: Frame | None = None
    """The ack of another attempt of the same id: what this one does if it does something."""
    repeated: bool = False
    """The id was asked more than once, so that the specification must remember whether it took effect."""

    @property
    def key(self) -> str:
        """The id with its sender."""
        return f"{'user' if self.by.role == 'user' else 'store'}/{self.by.id}/{self.id}"

    def __str__(self) -> str:
        span = f"{self.begins} to {'?' if self.ends is None else self.ends}"
        return f"{self.by.role} {self.by.id}: {_short(self.frame)} -> {_short(self.answer or {'type': 'unknown'})} [{span}]"


@attrs.frozen
class State:
    """A chat and the ids of repeated calls that took effect, with their answers. `exact`: the epoch is known, else it is a floor."""

    chat: Chat
    seen: frozenset[tuple[str, Known]] = frozenset()
    exact: bool = True

    @classmethod
    def fresh(cls) -> "State":
        return cls(Chat(store="s", user="u"))


def command_of(frame: Frame, by: Party, answer: Frame | None = None) -> c.Command:
    """The rule's command for a frame. What the chat does not know is as the answer says: the roster, and how much an agent has to do."""
    code = (answer or {}).get("code")
    asked: dict[str, Any] = {"by": by, "id": frame.get("id", ""), "expected_epoch": frame.get("epoch")}
    full: dict[str, Any] = {"limit": 1, "load": 1} if code == "at_capacity" else {}
    match frame["type"]:
        case "send":
            return c.SendMessage(kind=frame["kind"], body=msgspec.json.encode(frame["body"]), **asked)
        case "note":
            return c.AddNote(body=msgspec.json.encode(frame["body"]), **asked)
        case "claim":
            return c.ClaimChat(**asked, **full)
        case "release":
            return c.ReleaseChat(**asked)
        case "transfer":
            target = None if code == "no_such_agent" else Owner(frame["to"], frame["to"])
            return c.TransferChat(to=frame["to"], target=target, note=frame.get("note"), **asked, **full)
        case "takeover":
            return c.TakeOverChat(**asked, **full)
        case "requeue":
            return c.RequeueChat(**asked)
        case "resolve" | "end":
            return c.ResolveChat(**asked)
        case "read":
            return c.MarkRead(seq=frame["seq"], **asked)
        case "received":
            return c.MarkReceived(seq=frame["seq"], **asked)
        case "give_back":
            return c.GiveBackChat(agent=frame["agent"], arrivals=0, **asked)
        case other:
            raise ValueError(other)


def steps(state: State, call: Call) -> Iterator[State]:
    """The states after `call`, were it the next to take effect and answered as it was; none if it cannot be. A call without an answer
    that would change nothing yields none: it is as if it never took effect."""
    answer = call.answer
    known = next((told for key, told in state.seen if key == call.key), None) if call.repeated else None
    if known is not None:
        if answer is not None and answer["type"] == "ack" and answer.get("duplicate") and _tells(answer) == known:
            yield state
        return
    if answer is not None and answer.get("duplicate"):
        return
    for chat, exact in _epochs(state, call):
        yield from _decided(state.seen, chat, exact, call)


def _epochs(state: State, call: Call) -> Iterator[tuple[Chat, bool]]:
    """The chat as the call may find it. An epoch that is only a floor is what the call names or is told, or it stays unknown; not
    where the call names one: any other is refused, which is told, or has no effect."""
    chat, named, said = state.chat, call.frame.get("epoch"), (call.answer or call.effect or {}).get("epoch")
    if state.exact or named is None:
        yield chat, state.exact
    if not state.exact:
        for epoch in {named, said}:
            if epoch is not None and epoch >= chat.epoch:
                yield msgspec.structs.replace(chat, epoch=epoch), True


def _decided(seen: frozenset[tuple[str, Known]], chat: Chat, exact: bool, call: Call) -> Iterator[State]:
    answer, effect = call.answer, call.answer or call.effect
    # The rule proposes max(epoch + 1, now). With the told epoch for now that is the told one, or the told one is impossible.
    frame = call.frame | {"agent": call.frame["agent"] or chat.owner_id} if call.frame["type"] == "give_back" else call.frame
    decision = decide(chat, command_of(frame, call.by, answer), (effect or {}).get("epoch") or 0)
    if not isinstance(decision, Accepted):
        owner = decision.refused.owner.id if decision.refused.owner else None
        if answer is None or answer["type"] != "error" or answer["code"] != decision.refused.code:
            return
        if answer.get("epoch") is None or (exact and (answer["epoch"], (answer["owner"] or {}).get("id")) == (chat.epoch, owner)):
            yield State(chat, seen, exact)
        return
    after = chat
    for event in decision.events:
        if not isinstance(event, MarkMoved):
            after = apply(after, event)
    after = msgspec.structs.replace(after, since=0, at=0, name=None, from_user=0)
    moved = after.epoch != chat.epoch
    if effect is None:
        exact = exact and not moved
        if after == chat and not call.repeated:
            return
    elif effect["type"] != "ack" or _tells(effect) != _would_tell(decision, after, moved) or not (exact or moved or "epoch" not in effect):
        return
    else:
        # The ack of a message tells no epoch, though the message may have opened the chat.
        exact = "epoch" in effect if moved else exact
    if call.repeated:
        seen |= {(call.key, _tells(effect) if effect is not None else ())}
    yield State(after, seen, exact)


def _would_tell(decision: Accepted, after: Chat, moved: bool) -> Known:
    if decision.acks == "message":
        return (("seq", after.seq),)
    if decision.acks == "ownership" or (decision.acks == "plain" and moved):
        return (("epoch", after.epoch), ("owner", after.owner.id if after.owner else None), ("status", after.status))
    return ()


def _tells(answer: Frame) -> Known:
    told = [(name, answer[name]) for name in ("epoch", "seq", "status") if name in answer]
    return tuple(sorted([*told, ("owner", (answer["owner"] or {}).get("id"))] if "owner" in answer else told))


def _short(frame: Frame) -> str:
    owner = [f"owner={(frame['owner'] or {}).get('id')}"] if "owner" in frame else []
    return " ".join(
        [str(frame["type"]), *(f"{k}={frame[k]}" for k in ("code", "to", "seq", "status", "epoch", "duplicate") if k in frame), *owner]
    )
