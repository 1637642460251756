"""Brings thousands of chats and a very long one into being, through the code of the storage that every message goes through."""

import time

import msgspec

from actors.append import Committed
from actors.chat import Chat
from bench.house import Step
from storage.batch import Limits
from storage.link import Link
from storage.redis import RedisJournal
from tests.storage.material import agent_says, append_to, append_to_store, arrived, changed, user_says

BATCH = 500
WORDS = (
    "Is the blue one in stock in size 42?",
    "My parcel has been in Suzhou since Monday, could you find out where it is now and when it will come?",
    "还能改收货地址吗",
    "Thanks!",
    "昨天买的鞋子还没有发货 请帮我查一下 谢谢 如果来不及的话我想退款 优惠券能退回来吗",
)
"""As long as what people write, in turn."""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def seed(url: str, store: str, *, chats: int, messages: int, step: Step) -> str:
    """So many shoppers of a store who wait, and one whose chat has so many messages; its id."""
    journal = RedisJournal(Link.parse(url).connection, now_ms, Limits())
    long = Chat(store=store, user="long")
    began = now_ms() - 1000 * messages
    work = [append_to_store(store, arrived("keeper", at=began))]
    for number in range(chats):
        chat, at = Chat(store=store, user=f"w{number:05}"), now_ms() - 1000 * number
        work.append(
            append_to(
                chat,
                user_says(WORDS[number % len(WORDS)], user=chat.user, name=f"Shopper {number}", at=at),
                changed(chat, "waiting", at=at),
            )
        )
    opened = changed(long, "waiting", at=began)
    work.append(append_to(long, opened))
    long = msgspec.structs.replace(long, status="waiting", epoch=opened.epoch)
    for number in range(messages):
        at, text = began + 1000 * number, f"{number} {WORDS[number % len(WORDS)]}"
        work.append(
            append_to(long, user_says(text, user="long", name="Long", at=at) if number % 3 else agent_says(text, agent="keeper", at=at))
        )
    for first in range(0, len(work), BATCH):
        outcomes = await journal.append(work[first : first + BATCH])
        wrong = [outcome for outcome in outcomes if not isinstance(outcome, Committed)]
        assert not wrong, wrong[0]
        step(min(1.0, (first + BATCH) / len(work)))
    await journal.close()
    return long.user
