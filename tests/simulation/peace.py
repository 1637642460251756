"""What is shown of the present and stands in no log: who is there, and who is next. At rest each tab holds what a fresh one is told."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from actors.append import StoreState
from tests.history.record import Frame

if TYPE_CHECKING:
    from tests.simulation.client import Tab


class Present:
    """The newest `presence` and `queue` of each store that a tab was told in its session."""

    def __init__(self) -> None:
        self.presence: dict[str, Frame] = {}
        self.places: dict[str, int] = {}

    def hear(self, frame: Frame) -> None:
        """Takes one frame."""
        match frame["type"]:
            case "welcome":
                self.presence, self.places = {}, {}
            case "presence":
                self.presence[frame["store"]] = frame
            case "queue":
                self.places[frame["store"]] = frame["position"]
            case _:
                pass


def differences(tabs: list["Tab"], store: str, state: StoreState, waiting: tuple[str, ...]) -> Iterator[str]:
    """Where the tabs of a store, all of which are there, were told something else than is."""
    agents = {tab.someone.id for tab in tabs if tab.is_ready and tab.someone.role != "user" and store in tab.someone.stores}
    there = {agent: "away" if agent in state.away else "available" for agent in agents}
    for tab in tabs:
        if not tab.is_ready or store not in tab.someone.stores:
            continue
        told = tab.present.presence.get(store)
        if tab.someone.role != "user":
            shown = {agent["id"]: agent["status"] for agent in told["agents"]} if told else None
            if shown != there:
                yield f"{tab.name} was told that in store {store} there are {shown}, and there are {there}"
        elif told is not None and told["online"] != ("available" in there.values()):
            yield f"{tab.name} was told online {told['online']} of store {store}, where there are {there}"
        elif told is None and (store, tab.someone.id) in tab.held.chats:
            yield f"{tab.name} was not told whether anybody is at store {store}"
        if tab.someone.role == "user" and tab.someone.id in waiting:
            place = waiting.index(tab.someone.id) + 1
            if tab.present.places.get(store) != place:
                yield f"{tab.name} was told that its place at store {store} is {tab.present.places.get(store)}, and it is {place}"
