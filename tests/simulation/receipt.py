"""Receipts at rest: everybody acknowledges what it holds, in two steps at once, and the second is what is kept.

Nobody answers a receipt: of a session that ends just then it may be lost, and is said again in the next one.
"""

from collections.abc import Iterable

from storage.journal import Journal
from tests.simulation.client import Tab

Received = dict[tuple[Tab, str], tuple[int, str]]
"""What each tab acknowledged of each store, and in which session."""


def receive(tabs: Iterable[Tab]) -> Received:
    """Everybody says `received`, now."""
    said: Received = {}
    for tab in tabs:
        for store in tab.someone.stores if tab.is_ready else ():
            if (number := tab.held.numbers.get(store, 0)) > 1:
                tab.say(*({"type": "received", "store": store, tab.held.key: held} for held in (number - 1, number)))
                said[tab, store] = number, tab.session
    return said


def settled(said: Received) -> Received:
    """Those of sessions that went on until now."""
    return {key: (number, session) for key, (number, session) in said.items() if key[0].is_ready and key[0].session == session}


async def lost(said: Received, journal: Journal) -> list[str]:
    """The receipts that are not kept."""
    faults = []
    for (tab, store), (number, _) in said.items():
        if tab.someone.role == "user":
            (record,) = await journal.load_chats(store, (tab.someone.id,))
            stands = record.chat.user_received
        else:
            stands = (await journal.snapshot(store, tab.someone.id, 1)).acknowledged or 0
        if stands < number:
            faults.append(f"{tab.name} received {number} of store {store}, and {stands} is kept")
    return faults
