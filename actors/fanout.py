"""The fan-out of one settled batch: the frames of a store in the order of its log, encoded once, to whoever is on this node."""

from typing import TYPE_CHECKING

from actors.append import Append, Committed, Duplicate
from actors.aside import Aside
from actors.attendance import Attendance
from actors.chat import Chat
from actors.command import side_of
from actors.delivery import deliver
from actors.event import NUMBERED, ContextTold, MarkMoved, MessageAdded, NoteAdded, StatusChanged, for_agents, for_user, subject

if TYPE_CHECKING:
    from actors.node import Node


class FanOut:
    """Made for one batch: `add` what was committed, by rising offset, then `send`."""

    def __init__(self, store: str, node: "Node", attendance: Attendance, aside: Aside) -> None:
        self._store = store
        self._node = node
        self._attendance = attendance
        self._aside = aside
        self._numbers: list[int] = []
        self._frames: list[bytes] = []

    def add(self, append: Append, outcome: Committed | Duplicate, chat: Chat | None) -> None:
        """The events of one append of a chat. The chat's user is served at once, the agents by `send`."""
        about = subject(self._store, append.user)
        numbers: list[int] = []
        frames: list[bytes] = []
        offset = outcome.offset - sum(isinstance(event, NUMBERED) for event in append.events)
        for event, half in zip(append.events, append.tails, strict=True):
            if isinstance(event, NUMBERED):
                offset += 1
                frame = for_agents(event, about, outcome.seq, offset, half)
                self._node.tally.encodings += 1
                self._numbers.append(offset)
                self._frames.append(frame)
                numbers.append(offset)
                frames.append(b"" if isinstance(event, NoteAdded) else for_user(frame))
            if isinstance(event, MessageAdded):
                self._node.tally.messages[side_of(event.by)] += 1
            elif isinstance(event, StatusChanged):
                self._attendance.status_changed(append.user, event)
            elif isinstance(event, MarkMoved) and chat is not None:
                self._attendance.mark_moved(chat, event.side)
            elif isinstance(event, ContextTold):
                self._aside.told(append.user, event)
        user = self._node.users.get(append.user)
        if user is not None and numbers:
            if user.frequent((self._store,)):
                self._attendance.greet(user)
            user.hand(deliver(self._store, outcome.previous, tuple(numbers), tuple(frames)))

    def send(self) -> None:
        """Hands what was added to the agents. A delivery has no hole in it; where another node wrote in between, there are several."""
        agents = self._node.agents_of.get(self._store)
        if not agents:
            return
        numbers, frames = self._numbers, self._frames
        start = 0
        for end in range(1, len(numbers) + 1):
            if end == len(numbers) or numbers[end] != numbers[end - 1] + 1:
                delivery = deliver(self._store, numbers[start] - 1, tuple(numbers[start:end]), tuple(frames[start:end]))
                for agent in agents.values():
                    agent.hand(delivery)
                start = end
