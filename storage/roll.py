"""Who is on which node, as it stands in Redis: one hash for each store, and one for the nodes themselves."""

from collections.abc import Callable, Sequence
from typing import Any

from actors.news import Call, Dead, Roll
from storage.key import HERE, StoreKeys, channel_of_node
from storage.pipe import Command

KEPT_MS = 60_000
"""What nobody says any more is gone after this long, should all nodes die at once."""

Script = Callable[[str, Sequence[str], Sequence[str | bytes | int]], Command]


def questions(node: str, calls: Sequence[Call], dead: Dead, known: Sequence[str], script: Script) -> list[Command]:
    """One for each call, and one for which of the known nodes listen."""
    struck = [word for name, beat in dead.items() for word in (name, beat)]
    asked = [
        script(
            "here",
            [StoreKeys(call.store).here, StoreKeys(call.store).about] if call.store else [HERE],
            [node, call.beat, call.who, KEPT_MS, *struck],
        )
        for call in calls
    ]
    return [*asked, ("PUBSUB", "NUMSUB", *map(channel_of_node, known))]


def answers(node: str, calls: Sequence[Call], known: Sequence[str], replies: Sequence[Any]) -> tuple[tuple[Roll, ...], frozenset[str]]:
    """What was replied: who is on the other nodes, and which nodes listen."""
    *rolls, listening = replies
    found = tuple(Roll(call.store, _others(node, reply)) for call, reply in zip(calls, rolls, strict=True))
    return found, frozenset(name for name, count in zip(known, listening[1::2], strict=True) if count)


def _others(node: str, flat: Sequence[bytes]) -> dict[str, tuple[int, bytes]]:
    others: dict[str, tuple[int, bytes]] = {}
    for name, said in zip(flat[::2], flat[1::2], strict=True):
        beat, _, who = said.partition(b" ")
        if name.decode() != node:
            others[name.decode()] = int(beat), who
    return others
