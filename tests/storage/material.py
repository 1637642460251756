"""Appends for tests: what the store actor would ask the storage for, in a word."""

import hashlib

from actors.append import Append, Committed
from actors.chat import Chat, Owner, Party
from actors.event import AgentArrived, MarkMoved, MessageAdded, NoteAdded, StatusChanged, tail
from actors.rule import apply

NOON = 1_790_000_000_000 // 86_400_000 * 86_400_000 + 43_200_000
"""Noon of some day, far from where the day of remembered ids changes."""


def digest(text, size):
    return hashlib.blake2b(text.encode(), digest_size=size).digest()


def append_to(chat, *events, id="", content="", records=None, conditions=(), answer=b'"at":1'):
    """An append decided on `chat`. `id` is the sender's; what it asked for is `content`, or the events themselves."""
    return Append(
        store=chat.store,
        user=chat.user,
        sender=digest(id, 12) if id else b"",
        content=digest(content or repr(events), 6) if id else b"",
        records=bool(id) if records is None else records,
        epoch=chat.epoch,
        owner=chat.owner_id,
        conditions=tuple(conditions),
        events=events,
        tails=tuple(map(tail, events)),
        answer=answer,
    )


def append_to_store(store, *events, **more):
    return append_to(Chat(store=store, user=""), *events, **more)


def arrived(agent, name=None, at=NOON):
    return AgentArrived(agent=agent, name=name or agent.title(), at=at)


def user_says(text="hello", *, user="u1", name=None, id="m", at=NOON):
    body = b'{"text":"%b"}' % text.encode()
    return MessageAdded(by=Party("user", user, name), kind="text", body=body, id=id, at=at)


def agent_says(text="hello", *, agent="a1", id="m", at=NOON):
    return MessageAdded(by=Party("agent", agent, agent.title()), kind="text", body=b'{"text":"%b"}' % text.encode(), id=id, at=at)


def note(text="look", *, agent="a1", id="n", at=NOON):
    return NoteAdded(by=Party("agent", agent), body=b'{"text":"%b"}' % text.encode(), id=id, at=at)


def changed(chat, status, owner=None, *, at=NOON, reason=None):
    """The chat takes another status or owner."""
    reason = reason or {"waiting": "release" if chat.exists else "new", "claimed": "claim", "closed": "resolve"}[status]
    return StatusChanged(
        status=status,
        owner=Owner(owner, owner.title()) if owner else None,
        epoch=max(chat.epoch + 1, at),
        by=None,
        reason=reason,
        at=at,
        before=chat.owner_id,
    )


def read(side, seq):
    return MarkMoved(side=side, mark="read", seq=seq)


def received(seq):
    return MarkMoved(side="user", mark="received", seq=seq)


async def chat_of(journal, store="s1", user="u1"):
    (record,) = await journal.load_chats(store, (user,))
    return record.chat


async def do(journal, chat, *events, **more):
    """Carries one append out, which has to succeed; the chat afterwards."""
    (outcome,) = await journal.append([append_to(chat, *events, **more)])
    assert isinstance(outcome, Committed), outcome
    return await chat_of(journal, chat.store, chat.user)


async def open_chat(journal, store="s1", user="u1", *, at=NOON, **more):
    """A waiting chat with one message of the user's."""
    chat = Chat(store=store, user=user)
    return await do(journal, chat, user_says(user=user, at=at), changed(chat, "waiting", at=at), **more)


async def claim_chat(journal, store="s1", user="u1", agent="a1", *, at=NOON):
    chat = await open_chat(journal, store, user, at=at)
    return await do(journal, chat, changed(chat, "claimed", agent, at=at))


def after(chat, *events):
    """The chat as the rule says it is after these events."""
    for event in events:
        chat = apply(chat, event)
    return chat
