"""Channels and what is published in them: topics into names, and messages into news (`storage/lua/append.lua` writes them).

`NODE log PREVIOUS MOVES` with three more lines, `NODE about WHAT`, `NODE began STORE`; and what no script tells:
`NODE typing USER SIDE 0|1`, `NODE notice FRAME`, `NODE erased USER`, `NODE withdrawn`, and
`NODE context USER` with the frame in the next line. What a node has published itself is no news to it.
"""

from actors.news import (
    AccessWithdrawn,
    ChatBegan,
    ChatErased,
    ContextShown,
    LogGrew,
    MarkShown,
    News,
    NoticeTold,
    Said,
    StoreChanged,
    Topic,
    TypingShown,
)
from storage.key import NODES, StoreKeys, channel_of_user


def channel(topic: Topic) -> str:
    """The channel of a topic."""
    match topic.kind:
        case "live":
            return StoreKeys(topic.store).live
        case "about":
            return StoreKeys(topic.store).about
        case "chat":
            return StoreKeys(topic.store).live_of(topic.user)
        case "user":
            return channel_of_user(topic.user)


def write(node: str, said: Said) -> tuple[str, bytes]:
    """The channel and the message by which a node tells the others: of a user's typing the store's agents hear, and the user of theirs."""
    match said:
        case TypingShown(store, user, side, on):
            topic = Topic("live", store) if side == "user" else Topic("chat", store, user)
            return channel(topic), f"{node} typing {user} {side} {int(on)}".encode()
        case NoticeTold(store, frame):
            return StoreKeys(store).about, b"%b notice %b" % (node.encode(), frame)
        case ContextShown(store, user, frame):
            return channel(Topic("live", store)), b"%b context %b\n%b" % (node.encode(), user.encode(), frame)
        case ChatErased(store, user):
            return StoreKeys(store).about, f"{node} erased {user}".encode()
        case AccessWithdrawn():
            return NODES, f"{node} withdrawn".encode()


def moves(message: bytes) -> tuple[int, int] | None:
    """How many moves of marks were published in a store when this was, and how many of them are told here; None if none are."""
    head, _, rest = message.partition(b"\n")
    count = int(head.rpartition(b" ")[2]) if head.split(b" ", 2)[1] == b"log" else 0
    return (count, len(rest.split(b"\n", 2)[1].split())) if count else None


def read(topic: Topic, message: bytes, own: bytes) -> News | None:
    """What the message says; None if the node `own` has published it itself."""
    head, _, rest = message.partition(b"\n")
    node, kind, *words = head.split(b" ", 2) if b" notice " in head else head.split(b" ")
    if node == own:
        return None
    match kind:
        case b"log":
            return _log(topic, int(words[0]), rest)
        case b"about":
            return StoreChanged(
                store=topic.store, queue=b"q" in words[0], state=b"s" in words[0], presence=b"p" in words[0], profile=b"c" in words[0]
            )
        case b"typing":
            return TypingShown(topic.store, words[0].decode(), "user" if words[1] == b"user" else "store", words[2] == b"1")
        case b"notice":
            return NoticeTold(topic.store, words[0])
        case b"context":
            return ContextShown(topic.store, words[0].decode(), rest)
        case b"erased":
            return ChatErased(topic.store, words[0].decode())
        case b"withdrawn":
            return AccessWithdrawn()
        case b"began":
            return ChatBegan(words[0].decode(), topic.user)
        case _:
            return None  # of a newer dibs beside this one


def _log(topic: Topic, previous: int, rest: bytes) -> LogGrew:
    numbered, marks, payload = rest.split(b"\n", 2)
    numbers: list[int] = []
    frames: list[bytes] = []
    at = 0
    for item in numbered.split():
        number, _, length = item.partition(b":")
        size = int(length)
        numbers.append(int(number))
        frames.append(payload[at : at + size])
        at += size + 1 if size else 0
    return LogGrew(
        store=topic.store,
        user=topic.user,
        previous=previous,
        numbers=tuple(numbers),
        frames=tuple(frames),
        marks=tuple(_mark(item.decode()) for item in marks.split()),
    )


def _mark(text: str) -> MarkShown:
    user, side, received, read_to = text.split(":")
    return MarkShown(user, "user" if side == "user" else "store", int(received), int(read_to))
