"""Channels and what is published in them: topics into names, and messages into news (`storage/lua/append.lua` writes them).

`NODE log PREVIOUS MOVES` with three more lines, `NODE about WHAT`, `NODE began STORE`. What a node has published itself is no news to it.
"""

from actors.news import ChatBegan, LogGrew, MarkShown, News, StoreChanged, Topic
from storage.key import StoreKeys, channel_of_user


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


def moves(message: bytes) -> tuple[int, int] | None:
    """How many moves of marks were published in a store when this was, and how many of them are told here; None if none are."""
    head, _, rest = message.partition(b"\n")
    count = int(head.rpartition(b" ")[2]) if head.split(b" ", 2)[1] == b"log" else 0
    return (count, len(rest.split(b"\n", 2)[1].split())) if count else None


def read(topic: Topic, message: bytes, own: bytes) -> News | None:
    """What the message says; None if the node `own` has published it itself."""
    head, _, rest = message.partition(b"\n")
    node, kind, *words = head.split(b" ")
    if node == own:
        return None
    match kind:
        case b"log":
            return _log(topic, int(words[0]), rest)
        case b"about":
            return StoreChanged(store=topic.store, queue=b"q" in words[0], state=b"s" in words[0], presence=b"p" in words[0])
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
