"""Where logs end, asked of Redis for many stores and chats at once."""

from collections.abc import Sequence
from typing import Any

from actors.news import Head, Heads, Topic
from storage.key import StoreKeys, stores_of_user
from storage.pipe import Command


def questions(topics: Sequence[Topic]) -> list[Command]:
    """One for each topic."""
    return [_question(topic) for topic in topics]


def _question(topic: Topic) -> Command:
    match topic.kind:
        case "chat":
            return ("HMGET", StoreKeys(topic.store).chat(topic.user), "of", "ur", "ud", "sd")
        case "user":
            return ("SMEMBERS", stores_of_user(topic.user))
        case "about":
            return ("HGET", StoreKeys(topic.store).head, "ab")
        case _:
            return ("HMGET", StoreKeys(topic.store).head, "of", "mk")


def answers(topics: Sequence[Topic], replies: Sequence[Any]) -> Heads:
    """What was replied to the questions about these topics."""
    heads = Heads(stores={}, moves={}, changes={}, chats={}, users={})
    for topic, reply in zip(topics, replies, strict=True):
        match topic.kind:
            case "about":
                heads.changes[topic.store] = int(reply or 0)
            case "chat":
                heads.chats[topic.store, topic.user] = Head(*(int(value or 0) for value in reply))
            case "user":
                heads.users[topic.user] = tuple(sorted(store.decode() for store in reply))
            case _:
                heads.stores[topic.store], heads.moves[topic.store] = (int(value or 0) for value in reply)
    return heads
