"""Who may do what in a chat. Every rule about claiming and writing stands in this file and in no other.

`decide` looks at a chat and a command and says what happens; `apply` says what the chat is after an event. Both are pure: no
await, no clock, no randomness, no I/O. A decision is made on the newest picture of the chat that the node has and is carried
out only if the chat in Redis still has the epoch and the owner the decision rested on, and if its `conditions` hold there.

Every change of status or owner raises the epoch, and nothing else does.
"""

from typing import Literal, assert_never

import msgspec

from actors import command as c
from actors.chat import Chat, Owner, Party, Status
from actors.event import ChatEvent, ChatRated, ContextTold, MarkMoved, MessageAdded, NoteAdded, Reason, StatusChanged
from actors.refusal import Refused

_json = msgspec.json.Encoder().encode


class LoadBelow(msgspec.Struct, frozen=True):
    """The agent owns fewer than `limit` chats of the store."""

    agent: str
    limit: int


class LoadAtLeast(msgspec.Struct, frozen=True):
    """The agent owns `limit` chats of the store or more."""

    agent: str
    limit: int


class OnRoster(msgspec.Struct, frozen=True):
    """The agent is on the store's roster."""

    agent: str


class NotOnRoster(msgspec.Struct, frozen=True):
    """The agent is not on the store's roster."""

    agent: str


class NotSeenSince(msgspec.Struct, frozen=True):
    """The agent has come to the store exactly `arrivals` times: it has not come back."""

    agent: str
    arrivals: int


class NotRated(msgspec.Struct, frozen=True):
    """The end of the chat of `user` that is `epoch` was not rated."""

    user: str
    epoch: int


class ProfileIs(msgspec.Struct, frozen=True):
    """The store's profile has this version. Asked of stores, never of a chat."""

    version: int


Condition = LoadBelow | LoadAtLeast | OnRoster | NotOnRoster | NotSeenSince | NotRated | ProfileIs


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """What happens. No events: the command asks for what is so already."""

    events: tuple[ChatEvent, ...] = ()
    conditions: tuple[Condition, ...] = ()
    acks: Literal["message", "ownership", "plain"] = "plain"
    """Which fields the ack has."""


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """What does not happen, why, and what that rests on besides the chat."""

    refused: Refused
    conditions: tuple[Condition, ...] = ()


Decision = Accepted | Rejected


def decide(chat: Chat, command: c.Command, now_ms: int) -> Decision:  # noqa: C901 - one case for each command
    """What follows from `command` for `chat` at `now_ms`. Of several errors the protocol's first that applies."""
    if not chat.exists and not (isinstance(command, c.SendMessage | c.CopyMessage) and command.by.role == "user"):
        return Rejected(refused=Refused(code="not_found"))
    if command.expected_epoch is not None and command.expected_epoch != chat.epoch:
        return _reject("stale_claim", chat)
    match command:
        case c.SendMessage():
            return _send_from_user(chat, command, now_ms) if command.by.role == "user" else _send_from_agent(chat, command, now_ms)
        case c.CopyMessage():
            message = MessageAdded(by=command.author, kind=command.kind, body=command.body, id=command.id, at=max(command.at, chat.at))
            return _open_with(chat, message, command.by, now_ms)
        case c.AssignChat():
            return _assign(chat, command, now_ms)
        case c.AddNote():
            return Accepted(events=(NoteAdded(by=command.by, body=command.body, id=command.id, at=now_ms),))
        case c.ClaimChat():
            return _claim(chat, command, now_ms)
        case c.ReleaseChat():
            return _release(chat, command, now_ms)
        case c.TransferChat():
            return _transfer(chat, command, now_ms)
        case c.TakeOverChat():
            return _take_over(chat, command, now_ms)
        case c.RequeueChat():
            return _requeue(chat, command, now_ms)
        case c.ResolveChat():
            return _resolve(chat, command, now_ms)
        case c.RateChat():
            return _rate(chat, command, now_ms)
        case c.TellContext():
            return Accepted(events=(ContextTold(context=command.context, at=now_ms),))
        case c.MarkRead():
            return _read(chat, command)
        case c.MarkReceived():
            return _received(chat, command)
        case c.GiveBackChat():
            return _give_back(chat, command, now_ms)
        case _:
            assert_never(command)


def _send_from_user(chat: Chat, command: c.SendMessage, now_ms: int) -> Decision:
    message = MessageAdded(by=command.by, kind=command.kind, body=command.body, id=command.id, at=now_ms)
    return _open_with(chat, message, command.by, now_ms)


def _open_with(chat: Chat, message: MessageAdded, user: Party, now_ms: int) -> Decision:
    """A message of the user's side: whoever writes is seen."""
    if chat.exists and chat.status != "closed":
        return Accepted(events=(message,), acks="message")
    reason: Reason = "reopen" if chat.exists else "new"
    return Accepted(events=(message, _change(chat, "waiting", None, user, reason, now_ms)), acks="message")


def _send_from_agent(chat: Chat, command: c.SendMessage, now_ms: int) -> Decision:
    if chat.status == "closed":
        return _reject("closed", chat)
    if chat.owner is None:
        return _reject("not_claimed", chat)
    if chat.owner.id != command.by.id:
        return _reject("not_owner", chat)
    return Accepted(events=(MessageAdded(by=command.by, kind=command.kind, body=command.body, id=command.id, at=now_ms),), acks="message")


def _claim(chat: Chat, command: c.ClaimChat, now_ms: int) -> Decision:
    if chat.status == "closed":
        return _reject("closed", chat)
    if chat.owner is None:
        return _give(chat, command, command.by.owner, "claim", now_ms)
    if chat.owner.id == command.by.id:
        return Accepted(acks="ownership")
    return _reject("already_claimed", chat)


def _assign(chat: Chat, command: c.AssignChat, now_ms: int) -> Decision:
    if chat.status != "waiting":
        return Accepted(acks="ownership")
    if command.limit and command.load is not None and command.load >= command.limit:
        return Rejected(refused=Refused(code="at_capacity"), conditions=(LoadAtLeast(command.to.id, command.limit),))
    loads = (LoadBelow(command.to.id, command.limit),) if command.limit else ()
    assigned = _change(chat, "claimed", command.to, None, "assigned", now_ms)
    return Accepted(events=(assigned,), conditions=(OnRoster(command.to.id), *loads), acks="ownership")


def _release(chat: Chat, command: c.ReleaseChat, now_ms: int) -> Decision:
    if not _owns(chat, command.by):
        return _reject("not_owner", chat)
    return Accepted(events=(_change(chat, "waiting", None, command.by, "release", now_ms),), acks="ownership")


def _transfer(chat: Chat, command: c.TransferChat, now_ms: int) -> Decision:
    if chat.status == "closed":
        return _reject("closed", chat)
    if not _owns(chat, command.by) and command.by.role != "supervisor":
        return _reject("not_owner", chat)
    if chat.owner is not None and chat.owner.id == command.to:
        return Accepted(acks="ownership")
    if command.target is None:
        return Rejected(refused=Refused(code="no_such_agent"), conditions=(NotOnRoster(command.to),))
    decision = _give(chat, command, command.target, "transfer", now_ms)
    if isinstance(decision, Rejected):
        return decision
    notes: tuple[ChatEvent, ...] = ()
    if command.note is not None:
        notes = (NoteAdded(by=command.by, body=_json({"text": command.note}), id=command.id, at=now_ms),)
    return Accepted(events=notes + decision.events, conditions=(OnRoster(command.to), *decision.conditions), acks="ownership")


def _take_over(chat: Chat, command: c.TakeOverChat, now_ms: int) -> Decision:
    if command.by.role != "supervisor":
        return _reject("forbidden", chat)
    if chat.status == "closed":
        return _reject("closed", chat)
    if _owns(chat, command.by):
        return Accepted(acks="ownership")
    return _give(chat, command, command.by.owner, "takeover", now_ms)


def _requeue(chat: Chat, command: c.RequeueChat, now_ms: int) -> Decision:
    if command.by.role != "supervisor":
        return _reject("forbidden", chat)
    if chat.status == "closed":
        return _reject("closed", chat)
    if chat.owner is None:
        return Accepted(acks="ownership")
    return Accepted(events=(_change(chat, "waiting", None, command.by, "release", now_ms),), acks="ownership")


def _resolve(chat: Chat, command: c.ResolveChat, now_ms: int) -> Decision:
    if chat.status == "closed":
        return Accepted(acks="ownership")
    if not _owns(chat, command.by) and command.by.role not in ("supervisor", "user"):
        return _reject("not_owner", chat)
    return Accepted(events=(_change(chat, "closed", None, command.by, "resolve", now_ms),), acks="ownership")


def _rate(chat: Chat, command: c.RateChat, now_ms: int) -> Decision:
    if chat.status != "closed":
        return _reject("not_closed", chat)
    if chat.epoch in (chat.rated, command.rated):
        return _reject("already_rated", chat)
    rating: dict[str, object] = {"score": command.score}
    text = "★" * command.score + "☆" * (5 - command.score)
    if command.comment:
        rating["comment"] = command.comment
        text += " " + command.comment
    body = _json({"text": text, "rating": rating})
    rated = ChatRated(by=command.by, body=body, id=command.id, at=now_ms)
    return Accepted(events=(rated,), conditions=(NotRated(chat.user, chat.epoch),))


def _read(chat: Chat, command: c.MarkRead) -> Decision:
    side = c.side_of(command.by)
    if side == "store" and not _owns(chat, command.by):
        return _reject("not_owner", chat)
    if command.seq <= (chat.user_read if side == "user" else chat.store_read):
        return Accepted()
    # Where the end is, the storage knows: another node may have added messages without changing the epoch.
    return Accepted(events=(MarkMoved(side=side, mark="read", seq=command.seq),))


def _received(chat: Chat, command: c.MarkReceived) -> Decision:
    if command.seq <= chat.user_received:
        return Accepted()
    return Accepted(events=(MarkMoved(side="user", mark="received", seq=command.seq),))


def _give_back(chat: Chat, command: c.GiveBackChat, now_ms: int) -> Decision:
    if chat.owner is None or chat.owner.id != command.agent:
        return Accepted()
    return Accepted(
        events=(_change(chat, "waiting", None, None, "agent_gone", now_ms),),
        conditions=(NotSeenSince(command.agent, command.arrivals),),
    )


def _give(chat: Chat, command: c.ClaimChat | c.TransferChat | c.TakeOverChat, owner: Owner, reason: Reason, now_ms: int) -> Decision:
    """The one way a chat gets an owner: nobody ever owns more than the limit, however a chat comes to them."""
    if command.limit and command.load is not None and command.load >= command.limit:
        return Rejected(refused=Refused(code="at_capacity"), conditions=(LoadAtLeast(owner.id, command.limit),))
    conditions = (LoadBelow(owner.id, command.limit),) if command.limit else ()
    return Accepted(events=(_change(chat, "claimed", owner, command.by, reason, now_ms),), conditions=conditions, acks="ownership")


def _owns(chat: Chat, by: Party) -> bool:
    return chat.owner is not None and chat.owner.id == by.id


def _change(chat: Chat, status: Status, owner: Owner | None, by: Party | None, reason: Reason, now_ms: int) -> StatusChanged:
    # Time is in the epoch because a number alone does not fence across a failover: both sides would issue the same next one.
    epoch = max(chat.epoch + 1, now_ms)
    return StatusChanged(status=status, owner=owner, epoch=epoch, by=by, reason=reason, at=now_ms, before=chat.owner_id)


def _reject(code: str, chat: Chat) -> Rejected:
    return Rejected(refused=Refused(code=code, owner=chat.owner, epoch=chat.epoch, since=chat.since))


def apply(chat: Chat, event: ChatEvent) -> Chat:
    """The chat after the event."""
    match event:
        case MessageAdded():
            from_user = chat.from_user + (event.by.role == "user")
            name = (event.by.role == "user" and event.by.name) or chat.name
            return msgspec.structs.replace(chat, seq=chat.seq + 1, from_user=from_user, at=event.at, name=name)
        case ChatRated():
            return msgspec.structs.replace(chat, rated=chat.epoch)
        case NoteAdded() | ContextTold():
            return chat
        case StatusChanged():
            return msgspec.structs.replace(chat, status=event.status, owner=event.owner, epoch=event.epoch, since=event.at)
        case MarkMoved():
            return _move_mark(chat, event)
        case _:
            assert_never(event)


def correct(command: c.Command, condition: Condition, value: int | str | None) -> c.Command | None:
    """The command with the truth in the place of the fact that `condition` shows to be wrong; None if nothing is left to be done."""
    match condition:
        case LoadBelow() | LoadAtLeast():
            assert isinstance(command, c.ClaimChat | c.TransferChat | c.TakeOverChat | c.AssignChat)
            assert isinstance(value, int)
            return msgspec.structs.replace(command, load=value)
        case OnRoster() if isinstance(command, c.AssignChat):
            return None
        case OnRoster(agent) | NotOnRoster(agent):
            assert isinstance(command, c.TransferChat)
            return msgspec.structs.replace(command, target=Owner(agent, value) if isinstance(value, str) else None)
        case NotRated():
            assert isinstance(command, c.RateChat)
            assert isinstance(value, int)
            return msgspec.structs.replace(command, rated=value)
        case ProfileIs():
            raise TypeError(condition)
        case NotSeenSince():
            # The owner came back: there is nothing to give back any more.
            return None
        case _:
            assert_never(condition)


def _move_mark(chat: Chat, event: MarkMoved) -> Chat:
    # How many of the messages below a read mark are the user's is known to the history alone; `storage` fills it in at the commit.
    seq = min(event.seq, chat.seq)
    if event.mark == "received":
        return msgspec.structs.replace(chat, user_received=seq)
    if event.side == "user":
        return msgspec.structs.replace(chat, user_read=seq)
    return msgspec.structs.replace(chat, store_read=seq)
