"""Brings stores and idle chats into being by the hundred thousand, through the code of the storage that every message goes through."""

import time
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from actors.append import Append, Committed
from actors.chat import Chat
from actors.event import AgentArrived
from bench.found import Found
from bench.house import Step
from storage.batch import Limits
from storage.link import Link
from storage.redis import RedisJournal
from tests.storage.material import append_to, append_to_store, changed, user_says

BATCH = 512
ACTIVE = 10
"""Idle chats lie in the first so many stores: those in which others chat."""


async def play(order: dict[str, Any], step: Step) -> Found:
    """See `bench.load`; `stores` and `chats` say from which number to which."""
    journal = RedisJournal(Link.parse(order["url"]).connection, _now_ms, Limits())
    work = chain(_stores(*order["stores"]), _chats(*order["chats"]))
    total = order["stores"][1] - order["stores"][0] + order["chats"][1] - order["chats"][0]
    done = 0
    while batch := list(islice(work, BATCH)):
        outcomes = await journal.append(batch)
        assert all(isinstance(outcome, Committed) for outcome in outcomes), outcomes[0]
        done += len(batch)
        step(done / total)
    await journal.close()
    return Found()


def _stores(first: int, end: int) -> Iterator[Append]:
    for number in range(first, end):
        yield append_to_store(f"s{number}", AgentArrived(agent="keeper", name="Keeper", at=_now_ms()))


def _chats(first: int, end: int) -> Iterator[Append]:
    for number in range(first, end):
        chat, at = Chat(store=f"s{number % ACTIVE}", user=f"i{number}"), _now_ms()
        yield append_to(chat, user_says("is there anybody?", user=chat.user, at=at), changed(chat, "waiting", at=at))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
