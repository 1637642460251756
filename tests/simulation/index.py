"""What is kept beside the chats, so that lists are fast: the queue, a list for each status, the chats that an agent owns. All of it can
be told from the chats, and has to be the same (P7, P8)."""

from collections.abc import Iterator

from storage.key import StoreKeys
from tests.history.record import Kept
from tests.simulation.redis import Redis


def disagreements(redis: Redis, kept: dict[str, Kept]) -> Iterator[str]:
    """Where an index and the chats of its store are not of one mind."""
    for store, found in kept.items():
        keys = StoreKeys(store)
        status = {user: chat["status"] for user, chat in found.chats.items()}
        owner = {user: (chat["owner"] or {}).get("id") for user, chat in found.chats.items()}
        lists = keys.lists()
        for name, key, wanted in [*((name, key, name) for name, key in lists.items()), ("queue", keys.queue, "waiting")]:
            yield from _compare(
                f"the list {name} of {store}", redis.execute(("ZRANGE", key, 0, -1)), [user for user in status if status[user] == wanted]
            )
        former = {key.decode().removeprefix(keys.owned("")) for key in redis.execute(("KEYS", keys.owned("*")))}
        for agent in sorted(former | {id for id in owner.values() if id}):
            theirs = redis.execute(("SMEMBERS", keys.owned(agent)))
            yield from _compare(f"what {agent} owns in {store}", theirs, [user for user in owner if owner[user] == agent])


def _compare(what: str, found: list[bytes], wanted: list[str]) -> Iterator[str]:
    there = sorted(user.decode() for user in found)
    if there != sorted(wanted):
        yield f"{what} has {there}, and it should be {sorted(wanted)}"
