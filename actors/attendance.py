"""Who is there and who waits in one store: presence, places in the queue, marks, and the grace of owners who vanished.

All of it is told at most once a second, the newest only, because it would grow with the square of a store. A deadline never
decides who owns a chat: it only makes the store actor try a fenced append, which fails if the owner has come back anywhere.
Who is there on other nodes comes from the roll (`actors.roll`).
After an outage of the storage, a pause of the process or a restart every grace period starts anew.
"""

import asyncio
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

from actors import wire
from actors.chat import Chat, Party, Side
from actors.command import GiveBackChat
from actors.delivery import Newest, context_key, marks_key
from actors.event import StatusChanged, marks, subject
from actors.news import MarkShown
from actors.request import Asker, Internal, Request, sender_digest
from actors.store_message import AgentGone, OwnedFound, PlacesFound, Tick

if TYPE_CHECKING:
    from actors.session import Session
    from actors.store import StoreActor
    from actors.user import UserActor

GATHER_S = 1.0
"""At most one frame of each kind in this time."""
RANKS = 4096
"""So many marks of a store are remembered: what other nodes tell comes in no order with what is written here."""
PAUSE_S = 5.0
"""A tick later than this shows that the process stood still."""

SIDES: tuple[Side, ...] = ("user", "store")
_NOBODY = Internal()
_SYSTEM = Party("agent", "")


def give_back_request(asker: Asker, user: str, agent: str, arrivals: int) -> Request:
    """The request that a chat of `agent` goes back to the queue, unless the agent has come more often than `arrivals` times."""
    id = uuid.uuid4().hex
    command = GiveBackChat(by=_SYSTEM, id=id, agent=agent, arrivals=arrivals)
    return Request(asker=asker, user=user, command=command, sender=sender_digest("node", "", id), content=b"giveba")


class Attendance:
    """A part of a store actor: called by it alone, inside its mailbox."""

    def __init__(self, actor: "StoreActor") -> None:
        self._actor = actor
        self._node = actor.node
        self._gone: dict[str, float] = {}
        """Owner without a session to the end of its grace period."""
        self._arrivals: dict[str, int] = {}
        """How often it had come when that began: whoever has come since, anywhere, keeps its chats."""
        self._outages = 0
        self._releasing: set[str] = set()
        self._elsewhere: dict[str, tuple[str, bool]] = {}
        """Agents who are there on other nodes: their names, and whether they have a session."""
        self._places: dict[str, int] = {}
        """Waiting user who is online to the place it was told."""
        self._marks: dict[tuple[str, Side], Newest] = {}
        self._marks_told: dict[tuple[str, Side], Newest] = {}
        """Those of the last tick: some may still be on their way to a session."""
        self._ranks: dict[tuple[str, Side], int] = {}
        """How far the marks were that agents were told last, those that moved last at the end."""
        self._gathered: dict[tuple[str, ...], Newest] = {}
        """What else the agents are to see."""
        self._presence_due = False
        self._presence_told: tuple[Newest, ...] = ()
        """What agents and users who are there were told last; nothing if somebody was shown something else since."""
        self._queue_due = False
        self._reading_queue = False
        self._told_s = -GATHER_S
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = 0.0

    @property
    def is_busy(self) -> bool:
        """Whether somebody is there, or a deadline runs."""
        store = self._actor.store
        return bool(self._gone or self._releasing or self._timer or self._node.agents_of.get(store) or self._node.users_of.get(store))

    def begin(self, owners: tuple[str, ...]) -> None:
        """The store is loaded: whoever owns chats and is not here has a grace period from now."""
        self._outages = self._node.storage.outages
        for owner in owners:
            self._watch(owner)
        self._presence_due = self._queue_due = True
        self._schedule()

    def restart(self) -> None:
        """Forgets everything but what is still to be told; `begin` follows."""
        self.stop()
        self._gone, self._arrivals, self._releasing, self._places = {}, {}, set(), {}

    def forget_marks(self) -> None:
        """What is still to be told is of data that are gone."""
        self._marks, self._marks_told, self._ranks, self._gathered = {}, {}, {}, {}

    def end(self) -> None:
        """Tells the marks that were being gathered: nobody else knows of them."""
        self._tell_marks()
        self.stop()

    def stop(self) -> None:
        """No tick comes any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # What happened.

    def agent_back(self, agent: str) -> None:
        """An agent has a session, unless it left again before this was heard."""
        if self._is_present(agent):
            self._gone.pop(agent, None)
        self.changed()
        self._node.roll.due(self._actor.store)

    def agent_gone(self, agent: str) -> None:
        """An agent has no session here any more."""
        self._watch(agent)
        self._node.roll.due(self._actor.store)

    def agent_departed(self) -> None:
        """It has been gone for so long that others see it."""
        self.changed()
        self._node.roll.due(self._actor.store)

    def called(self, others: dict[str, tuple[str, bool]]) -> None:
        """These agents are there on other nodes; who was, and is nowhere now, has a grace period from now."""
        before, self._elsewhere = self._elsewhere, others
        for agent, (_, is_in) in others.items():
            if is_in:
                self._gone.pop(agent, None)
        for agent, (_, was_in) in before.items():
            if was_in:
                self._watch(agent)
        if before.keys() != others.keys():
            self.changed()

    def changed(self) -> None:
        """Presence is to be told."""
        self._presence_due = True
        self._schedule()

    def status_changed(self, user: str, event: StatusChanged) -> None:
        """A chat has another status or owner."""
        self._places.pop(user, None)
        self._queue_due = True
        if event.owner is not None:
            self._watch(event.owner.id)
        self._schedule()

    def mark_moved(self, chat: Chat, side: Side) -> None:
        """A side has received or read more."""
        received, read = (chat.user_received, chat.user_read) if side == "user" else (0, chat.store_read)
        frame = marks(subject(chat.store, chat.user), side, received, read)
        self._marks[chat.user, side] = Newest(marks_key(chat.store, chat.user, side), frame, chat.rank(side))
        self._schedule()

    def mark_shown(self, mark: MarkShown, *, agents: bool) -> None:
        """A mark stands there, as another node told: the agents here are to see it, or the chat's user."""
        store, rank = self._actor.store, mark.received + mark.read
        frame = marks(subject(store, mark.user), mark.side, mark.received, mark.read)
        newest = Newest(marks_key(store, mark.user, mark.side), frame, rank)
        gathered = self._marks.get((mark.user, mark.side))
        if gathered is not None and gathered.rank >= rank:
            return
        if not agents:
            self.show(newest, mark.user, agents=False, user=True)
        elif self._is_newer(newest, mark.user, mark.side):
            self.show(newest, mark.user, agents=True, user=False)

    def mark_found(self, mark: MarkShown) -> None:
        """A mark was found to stand there: sessions of the chat's user that were shown less see it."""
        there = self._node.users.get(mark.user)
        if there is not None:
            store, rank = self._actor.store, mark.received + mark.read
            frame = marks(subject(store, mark.user), mark.side, mark.received, mark.read)
            for session in there.sessions:
                session.show_found(Newest(marks_key(store, mark.user, mark.side), frame, rank))

    def _is_newer(self, newest: Newest, user: str, side: Side) -> bool:
        """Whether the store's agents were not told as much yet, as far as is remembered."""
        before = self._ranks.pop((user, side), 0)
        if len(self._ranks) >= RANKS:
            del self._ranks[next(iter(self._ranks))]
        self._ranks[user, side] = max(before, newest.rank)
        return newest.rank > before

    def gather(self, newest: Newest) -> None:
        """The store's agents are to see it, of each key the newest."""
        self._gathered[newest.key] = newest
        self._schedule()

    def queue_changed(self) -> None:
        """Somebody has joined or left the queue on another node."""
        self._queue_due = True
        self._schedule()

    def chat_gone(self, user: str) -> None:
        """Nothing is to be told of a chat any more, and others may have moved up in the queue."""
        self._places.pop(user, None)
        for side in SIDES:
            self._marks.pop((user, side), None)
            self._marks_told.pop((user, side), None)
            self._ranks.pop((user, side), None)
        self._gathered.pop(context_key(self._actor.store, user), None)
        self._queue_due = True
        self._schedule()

    def is_moving(self, user: str, side: Side) -> bool:
        """Whether marks that were gathered before now may still come to a session."""
        return (user, side) in self._marks or (user, side) in self._marks_told

    def welcome_agent(self, session: "Session") -> None:
        """A new session hears at once who is there."""
        session.show(self._showing(self._presence()))

    def greet(self, user: "UserActor") -> None:
        """A user who has just written for the first time hears whether somebody is there."""
        user.tell(self._showing(self._online()))

    def welcome_user(self, session: "Session", user: str) -> None:
        """A new session hears at once whether somebody is there, and soon its place."""
        if self._actor.state is not None and self._actor.state.exists:
            session.show(self._showing(self._online()))
            self._places.pop(user, None)
            self._queue_due = True
            self._schedule()

    # Time.

    def tick(self, due_s: float) -> None:
        """Tells what is gathered and looks at the deadlines."""
        if self._timer is None or due_s != self._due_s:
            return  # of a timer that was stopped when its tick was in the mailbox already
        self._timer = None
        now_s = self._node.clock.monotonic_s()
        if now_s - due_s > PAUSE_S or self._node.storage.outages != self._outages:
            self._outages = self._node.storage.outages
            for agent in self._gone:
                self._gone[agent] = now_s + self._node.options.grace_s
        self._told_s = now_s
        self._tell_presence()
        self._tell_marks()
        if self._queue_due and not self._reading_queue:
            self._queue_due = False
            if any(user not in self._places or self._places[user] for user in self._node.users_of.get(self._actor.store, {})):
                self._reading_queue = True
                self._node.spawn(self._read_queue())
        for agent in [agent for agent, deadline_s in self._gone.items() if deadline_s <= now_s]:
            del self._gone[agent]
            if agent not in self._releasing and not self._is_present(agent):
                self._releasing.add(agent)
                self._node.spawn(self._read_owned(agent))
        self._schedule()

    def _schedule(self) -> None:
        if self._timer is not None:
            return
        now_s = self._node.clock.monotonic_s()
        at_s: float | None = None
        if self._presence_due or self._marks or self._gathered or (self._queue_due and not self._reading_queue):
            at_s = max(now_s, self._told_s + GATHER_S)
        if self._gone:
            # Looked at once a second, so that a pause of the process shows as a tick that is late.
            at_s = min(at_s if at_s is not None else now_s + 1.0, max(min(self._gone.values()), now_s), now_s + 1.0)
        if at_s is not None:
            due_s = self._due_s = at_s
            self._timer = asyncio.get_running_loop().call_later(at_s - now_s, lambda: self._actor.mailbox.put_control(Tick(due_s)))

    def _watch(self, agent: str) -> None:
        if agent not in self._gone and not self._is_present(agent):
            self._gone[agent] = self._node.clock.monotonic_s() + self._node.options.grace_s
            state = self._actor.state
            self._arrivals[agent] = state.arrivals.get(agent, 0) if state is not None else 0
            self.stop()
            self._schedule()

    # Grace.

    def _is_present(self, agent: str) -> bool:
        there = self._node.agents.get(agent)
        return (there is not None and there.is_in(self._actor.store)) or self._elsewhere.get(agent, ("", False))[1]

    async def _read_owned(self, agent: str) -> None:
        storage, store = self._node.storage, self._actor.store
        found = OwnedFound(agent, None)
        with suppress(Exception):  # whatever it was, the deadline is set again
            await self._node.roll.look(store)
            found = OwnedFound(agent, (await storage.owned(store)).get(agent, ()))
        self._actor.mailbox.put_control(found)

    def give_back(self, found: OwnedFound) -> None:
        """The chats of an agent whose grace period is over go back to the queue, if it has not come back anywhere."""
        agent = found.agent
        self._releasing.discard(agent)
        arrivals = self._arrivals.pop(agent, 0)
        if found.users is None:
            self.retry(agent)
            return
        for user in found.users if not self._is_present(agent) else ():
            if not self._actor.tell(give_back_request(_NOBODY, user, agent, arrivals)):
                self.retry(agent)

    def retry(self, agent: str) -> None:
        """A release did not go through: the grace period starts anew, from what is known of the agent then."""
        self._node.spawn(self._watch_again(agent))

    async def _watch_again(self, agent: str) -> None:
        await self._actor.read_state()
        self._actor.mailbox.put_control(AgentGone(agent))

    # Presence.

    def there(self) -> dict[str, tuple[str, str]]:
        """Who is there, here or on another node: id to name and status."""
        state, store = self._actor.state, self._actor.store
        away = state.away if state is not None else frozenset()
        there = {id: name for id, (name, _) in self._elsewhere.items()}
        there |= {id: agent.identity.party.owner.name for id, agent in self._node.agents_of.get(store, {}).items()}
        return {id: (name, "away" if id in away else "available") for id, name in sorted(there.items())}

    def _presence(self) -> Newest:
        store = self._actor.store
        agents = [(id, name, status) for id, (name, status) in self.there().items()]
        return Newest(("presence", store), wire.presence_for_agents(store, agents))

    def _online(self) -> Newest:
        state, store = self._actor.state, self._actor.store
        away = state.away if state is not None else frozenset()
        online = any(agent not in away for agent in (*self._node.agents_of.get(store, ()), *self._elsewhere))
        return Newest(("presence", store), wire.presence_for_users(store, online=online))

    def _showing(self, newest: Newest) -> Newest:
        """Somebody is shown this between two ticks: if the next finds all as it was at the last, it has something to tell all the same."""
        if newest not in self._presence_told:
            self._presence_told = ()
        return newest

    def _tell_presence(self) -> None:
        if not self._presence_due:
            return
        self._presence_due = False
        told = presence, online = self._presence(), self._online()
        if told == self._presence_told:
            return
        self._presence_told = told
        store = self._actor.store
        for agent in self._node.agents_of.get(store, {}).values():
            agent.tell(presence)
        for user in self._node.users_of.get(store, {}).values():
            user.tell(online)

    # Marks and typing.

    def _tell_marks(self) -> None:
        self._marks_told, self._marks = self._marks, {}
        for (user, side), newest in self._marks_told.items():
            self.show(newest, user, agents=self._is_newer(newest, user, side), user=True)
        gathered, self._gathered = self._gathered, {}
        for newest in gathered.values():
            self.show(newest, "", agents=True, user=False)

    def show(self, newest: Newest, of_user: str, *, agents: bool, user: bool) -> None:
        """Shows a frame without a number to the store's agents, to the chat's user, or to both."""
        if agents:
            for agent in self._node.agents_of.get(self._actor.store, {}).values():
                agent.tell(newest)
        if user and (online := self._node.users.get(of_user)) is not None:
            online.tell(newest)

    # The queue.

    async def _read_queue(self) -> None:
        waiting: tuple[str, ...] | None = None
        with suppress(Exception):  # whatever it was, it is read again
            waiting = await self._node.storage.waiting(self._actor.store)
        self._actor.mailbox.put_control(PlacesFound(waiting))

    def place(self, waiting: tuple[str, ...] | None) -> None:
        """Tells every waiting user who is online its place, if it has changed."""
        self._reading_queue = False
        if waiting is None:
            self._queue_due = True
            self._schedule()
            return
        online = self._node.users_of.get(self._actor.store, {})
        places = {user: place for place, user in enumerate(waiting, 1) if user in online}
        for user, place in places.items():
            if self._places.get(user) != place:
                online[user].tell(Newest(("queue", self._actor.store), wire.queue(self._actor.store, place)))
        # Whoever does not wait is remembered with 0, so that nothing is read for users who only look; but not of a queue that has
        # changed since it was read: who has joined it is known to nobody yet.
        self._places = places if self._queue_due else {user: places.get(user, 0) for user in online}
        self._schedule()
