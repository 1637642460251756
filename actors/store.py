"""A store actor: the one serial place where the chats of a store are decided on this node.

    request -> chat in memory? -> decide on the tip -> append -> ... -> settled -> chat moves, answer, fan-out
                  | no                                                    | not as decided
                  v                                                       v
               parked until it is loaded              taken back, decided again on the fresh chat, before anything newer

A chat in memory (`Slot`) has two faces: `chat` is what Redis has said, `tip` what it will be once everything in flight is
committed. Decisions are made on the tip, so the actor never waits for Redis between two commands; answers rest on the commit.
The states of an append and what is done in each are drawn in `actors.append`.
"""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, TypeGuard, assert_never

import msgspec

from actors import wire
from actors.actor import Actor
from actors.append import (
    Append,
    ChatRecord,
    Committed,
    Conflicted,
    Duplicate,
    Failed,
    Outcome,
    Reused,
    Settled,
    StorageUnavailable,
    StoreState,
    Unknown,
    Unmet,
    Withdrawn,
)
from actors.aside import Aside
from actors.attendance import Attendance
from actors.chat import Chat, Owner
from actors.command import GiveBackChat, MarkReceived, SendMessage, TransferChat, side_of
from actors.delivery import Newest, Notice
from actors.event import AgentArrived, AgentLeft, AvailabilitySet, Event, MarkMoved, ProfileSet, subject, tail
from actors.fanout import FanOut
from actors.figure import Figures
from actors.foreign import Foreign
from actors.news import ContextShown, LogGrew, MarksLost, NoticeTold, StoreChanged, TypingShown
from actors.refusal import Refused
from actors.request import Request, StoreRequest
from actors.rule import Accepted, Rejected, apply, correct, decide
from actors.slot import Slot
from actors.store_message import (
    AgentBack,
    AgentDeparted,
    AgentGone,
    BatchSettled,
    ChatGone,
    ChatLoaded,
    HeadFound,
    OwnedFound,
    PlacesFound,
    ProfileFound,
    RollCalled,
    ShowTyping,
    StoreLoaded,
    StoreMessage,
    TailLost,
    Tick,
    WelcomeAgent,
    WelcomeUser,
)

if TYPE_CHECKING:
    from actors.node import Node

ROUNDS = 16
"""A command that was overtaken this often is given back to its sender."""
RELOAD_S = 1.0
"""A store that could not be read is read again after this time."""


class StoreActor(Actor[StoreMessage]):
    """One for each store in use on this node."""

    kind = "store"

    def __init__(self, store: str, node: "Node") -> None:
        super().__init__(node.options.mailbox_limit, node.tally, node.log)
        self.store = store
        self.node = node
        self.state: StoreState | None = None
        self.slots: dict[str, Slot] = {}
        self.attendance = Attendance(self)
        self.foreign = Foreign(self)
        self.aside = Aside(self)
        self.figures = Figures(self)
        self.used_s = node.clock.monotonic_s()
        self._waiting: list[StoreMessage] = []
        """What came before the store was loaded."""
        self._in_flight: dict[Append, Request | StoreRequest] = {}
        self._tail = 0
        """The offset of the last event that was fanned out here, of what this node itself has written."""
        self._reload: asyncio.TimerHandle | None = None
        self._marks_untold: set[str] = set()
        self._given_up = False
        self._changes = 0
        """How often the store as a whole was changed from here."""
        self._load()

    # Life.

    def refuse(self, message: StoreMessage, code: str) -> None:
        """See `Actor`."""
        match message:
            case Request():
                self._refuse(message, Refused(code=code))
            case StoreRequest():
                message.conclude(Failed("not carried out", code))
            case _:
                pass

    def restart(self) -> bool:
        """See `Actor`: everything is in Redis."""
        self._let_go()
        self.figures.forget()
        self.state = None
        self.attendance.restart()
        self._load()
        return True

    def give_up(self) -> None:
        """See `Actor`: the next command starts another actor, and so does what is still to be told."""
        self._let_go()
        self._given_up = True

    def _let_go(self) -> None:
        """Who waited for an answer is told to ask again with the same id, and who may have missed a fan-out reads the log."""
        in_flight, self._in_flight = self._in_flight, {}
        for request in in_flight.values():
            self.refuse(request, "unavailable")
        self._refuse_waiting("unavailable")
        for there in (self.node.agents_of, self.node.users_of):
            for participant in there.get(self.store, {}).values():
                for session in participant.sessions:
                    session.fall_behind(self.store)

    def ended(self) -> None:
        """See `Actor`."""
        self.attendance.end()
        self.figures.forget()
        if self._reload is not None:
            self._reload.cancel()
        self.node.forget_store(self)
        self._refuse_waiting("unavailable")
        if self._marks_untold and self._given_up:
            self.node.store(self.store)._marks_untold |= self._marks_untold

    def _refuse_waiting(self, code: str) -> None:
        parked = [request for slot in self.slots.values() for request in slot.parked or ()]
        waiting, self._waiting, self.slots = self._waiting, [], {}
        for message in (*parked, *waiting):
            self.refuse(message, code)

    def keep(self, event: Event) -> "asyncio.Future[Outcome]":
        """Makes an event of the store as a whole durable; what became of it."""
        return self.ask(Append(store=self.store, events=(event,), tails=(b"",), size=100))

    def ask(self, append: Append) -> "asyncio.Future[Outcome]":
        """Has something carried out that concerns the store as a whole; what became of it."""
        kept: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def done(outcome: Outcome) -> None:
            if not kept.done():
                kept.set_result(outcome)

        if not self.tell(StoreRequest(append=append, done=done)):
            done(Failed("the mailbox is full", "overloaded"))
        return kept

    def is_idle(self, now_s: float) -> bool:
        """Whether nobody would miss this actor."""
        if self.state is None or self._in_flight or len(self.mailbox) or self.attendance.is_busy:
            return False
        return now_s - self.used_s > (self.node.options.idle_s if self.state.exists else 1.0)

    def settle_nowait(self, settled: Settled) -> None:
        """See `Settler`. What an actor that was given up had in flight is fanned out by the next one."""
        if not self._stopped:
            self.mailbox.put_control(BatchSettled(settled))
        elif self._given_up:
            self.node.store(self.store).settle_nowait(settled)

    def receive(self, message: StoreMessage) -> None:  # noqa: C901 - one case for each message
        """See `Actor`."""
        match message:
            case Request():
                self._request(message)
            case BatchSettled(settled):
                self._settle(settled)
            case StoreLoaded(state, owners):
                self._loaded(state, owners)
            case ChatLoaded(user, record):
                self._chat_loaded(user, record)
            case OwnedFound():
                self.attendance.give_back(message)
            case RollCalled(others):
                self.attendance.called(others)
            case PlacesFound(users):
                self.attendance.place(users)
            case Tick(due_s):
                self.attendance.tick(due_s)
            case TailLost():
                self._tail = 0
                self._marks_untold.clear()
                self.attendance.forget_marks()
                self.aside.forget()
                self.restart()
            case ChatGone(user):
                self._chat_gone(user)
            case LogGrew():
                self.foreign.grew(message)
            case HeadFound(marks):
                self.foreign.found(marks)
            case MarksLost():
                self.node.spawn(self.foreign.reload_marks())
            case StoreChanged():
                self._store_changed(message)
            case TypingShown():
                self.foreign.typing(message)
            case ContextShown(_, user, frame):
                self.aside.shown(user, frame)
            case ProfileFound(version, profile):
                self.aside.profile_is(version, profile)
            case NoticeTold(_, frame):
                self.node.announce(Notice(self.store, frame))
            case _ if self.state is None:
                self._wait(message)
            case StoreRequest():
                self._store_request(message)
            case ShowTyping():
                self._show_typing(message)
            case WelcomeUser(session, user):
                self.attendance.welcome_user(session, user)
            case WelcomeAgent(session):
                self.attendance.welcome_agent(session)
            case AgentBack(agent):
                self.attendance.agent_back(agent)
            case AgentGone(agent):
                self.attendance.agent_gone(agent)
            case AgentDeparted():
                self.attendance.agent_departed()
            case _:
                assert_never(message)

    # Loading.

    def _load(self) -> None:
        self.node.spawn(self._read_store())

    async def _read_store(self) -> None:
        storage = self.node.storage
        try:
            state = await storage.load_store(self.store)
            owners = tuple(await storage.owned(self.store)) if state.exists else ()
        except Exception as error:  # noqa: BLE001 - whoever waits for the store must hear, whatever it was
            self._could_not_read(error)
            self.mailbox.put_control(StoreLoaded(None))
        else:
            self.mailbox.put_control(StoreLoaded(state, owners))

    def _could_not_read(self, error: Exception) -> None:
        if not isinstance(error, StorageUnavailable):
            self._log.error("store_not_read", store=self.store, error=repr(error), exc_info=error)

    def _wait(self, message: StoreMessage) -> None:
        if len(self._waiting) < self.node.options.parked_limit:
            self._waiting.append(message)
        else:
            self.refuse(message, "overloaded")

    def _loaded(self, state: StoreState | None, owners: tuple[str, ...]) -> None:
        if state is None:
            self._refuse_waiting("unavailable")
            self._reload = asyncio.get_running_loop().call_later(RELOAD_S, self._load)
            return
        waiting, self._waiting = self._waiting, []
        self.state = state
        self._tail = max(self._tail, state.offset)
        self.attendance.begin(owners)
        self.node.roll.due(self.store)
        self.aside.look()
        for user in self._marks_untold:
            self.slot(user)
        self.mailbox.put_back(waiting)

    def _store_changed(self, news: StoreChanged) -> None:
        if news.queue:
            self.attendance.queue_changed()
        if news.state:
            self.node.spawn(self.read_state())
        if news.presence:
            self.node.roll.due(self.store)
        if news.profile:
            self.aside.look()

    async def read_state(self) -> None:
        """Reads the store as a whole, and keeps what is known of it if that fails."""
        changes = -1
        state = self.state
        with suppress(StorageUnavailable):
            # Read again if it was changed here meanwhile: what was read then is old.
            while changes != self._changes:
                changes = self._changes
                state = await self.node.storage.load_store(self.store)
        if self.state is not None and state is not None:
            self.state = state
            self.attendance.changed()

    def slot(self, user: str) -> Slot:
        """The chat in memory; loading begins if it is not there."""
        slot = self.slots.get(user)
        if slot is None:
            if len(self.slots) >= self.node.options.chats_limit:
                self._forget_chats()
            slot = self.slots[user] = Slot(Chat(store=self.store, user=user), self.node.clock.monotonic_s())
            self.node.spawn(self._read_chat(user))
        return slot

    async def _read_chat(self, user: str) -> None:
        try:
            (record,) = await self.node.storage.load_chats(self.store, (user,))
        except Exception as error:  # noqa: BLE001 - as above
            self._could_not_read(error)
            self.mailbox.put_control(ChatLoaded(user, None))
        else:
            self.mailbox.put_control(ChatLoaded(user, record))

    def _chat_loaded(self, user: str, record: ChatRecord | None) -> None:
        slot = self.slots.get(user)
        if slot is None or slot.parked is None:
            return
        parked, slot.parked = slot.parked, None
        if record is None:
            del self.slots[user]
            for request in parked:
                self._refuse(request, Refused(code="unavailable"))
            return
        slot.chat = slot.tip = record.chat
        if user in self._marks_untold:
            self._marks_untold.discard(user)
            self.attendance.mark_moved(record.chat, "user")
            self.attendance.mark_moved(record.chat, "store")
        self.mailbox.put_back(parked)

    def _chat_gone(self, user: str) -> None:
        """What is in flight was decided on it, and will be decided again on what there is then."""
        slot = self.slots.get(user)
        if slot is not None and slot.is_unused:
            del self.slots[user]
        self._marks_untold.discard(user)
        self.attendance.chat_gone(user)
        self.node.forget_chat(self.store, user)

    def _forget_chats(self) -> None:
        """Chats that nothing is in flight for leave memory, those unused longest first."""
        unused = sorted((slot.used_s, user) for user, slot in self.slots.items() if slot.is_unused)
        for _, user in unused[: len(unused) // 2 + 1]:
            del self.slots[user]

    # Deciding.

    def _request(self, request: Request) -> None:
        if self.state is None:
            self._wait(request)
            return
        if not self.state.exists:
            # `used_s` stands still: another node may bring the store into being, so what does not exist is not remembered for long.
            self._refuse(request, Refused(code="no_such_store"))
            return
        self.used_s = self.node.clock.monotonic_s()
        slot = self.slot(request.user)
        slot.used_s = self.used_s
        if slot.parked is None:
            self._judge(slot, request)
        elif len(slot.parked) < self.node.options.parked_limit:
            slot.parked.append(request)
        else:
            self._refuse(request, Refused(code="overloaded"))

    def _judge(self, slot: Slot, request: Request) -> None:
        command = request.command
        if isinstance(command, SendMessage):
            held = request.asker.held(self.store, request.user, command.id, request.place)
            if held is not None:
                self._refuse(request, held)
                return
        if not self.node.storage.has_room():
            self._refuse(request, Refused(code="overloaded"))
            return
        if isinstance(command, TransferChat) and not request.rounds:
            assert self.state is not None
            name = self.state.roster.get(command.to)
            command = request.command = msgspec.structs.replace(command, target=Owner(command.to, name) if name is not None else None)
        tip = slot.tip
        decision = request.decision = decide(tip, command, self.node.clock.wall_ms())
        append = Append(store=self.store, user=request.user, sender=request.sender, content=request.content, epoch=tip.epoch)
        append.owner, append.conditions, append.since_s = tip.owner_id, decision.conditions, request.since_s
        append.size = 200
        if isinstance(command, MarkReceived) and isinstance(decision, Accepted) and not decision.events:
            self._acknowledge(request, b"", duplicate=False)
            return
        if not isinstance(decision, Rejected):
            for event in decision.events:
                tip = apply(tip, event)
            append.records = bool(request.sender)
            append.events, append.tails = decision.events, tuple(map(tail, decision.events))
            append.size += sum(map(len, append.tails))
            if decision.acks == "ownership":
                append.answer = wire.ownership(tip.status, tip.owner, tip.epoch)
            elif decision.acks == "message":
                append.answer = b'"at":%d' % tip.at
        slot.tip = tip
        request.append = append
        slot.pending.append(request)
        self._in_flight[append] = request
        self.node.storage.append(append, self)

    def _store_request(self, request: StoreRequest) -> None:
        self.used_s = self.node.clock.monotonic_s()
        if not self.node.storage.has_room():
            request.conclude(Failed("the batch is full", "overloaded"))
            return
        self._in_flight[request.append] = request
        self.node.storage.append(request.append, self)

    # Settling.

    def _settle(self, settled: Settled) -> None:
        committed: list[tuple[Append, Committed | Duplicate]] = []
        before = self._tail
        again: dict[str, list[Request]] = {}
        for append, outcome in settled:
            asked = self._in_flight.get(append)
            match asked:
                case StoreRequest():
                    self._settle_store(asked, outcome)
                case Request():
                    self._settle_chat(asked, append, outcome, again)
                case None:
                    pass  # A restart forgot it; what it did is fanned out all the same.
            if append.user and _is_news(outcome):
                committed.append((append, outcome))
                if asked is not None and isinstance(outcome, Committed) and outcome.previous < outcome.offset <= before:
                    self._log.error("storage_lost_its_tail", store=self.store, was=before, now=outcome.offset)
                    self.node.lost_tail(self.store)
        for user, requests in again.items():
            slot = self.slots[user]
            slot.tip = slot.chat
            self.mailbox.put_back([request for request in requests if not request.answered])
        fan_out = FanOut(self.store, self.node, self.attendance, self.aside)
        for append, happened in sorted(committed, key=lambda item: item[1].offset):
            self._tail = max(self._tail, happened.offset)
            fan_out.add(append, happened, self._chat_of_marks(append))
        fan_out.send()

    def _chat_of_marks(self, append: Append) -> Chat | None:
        """The chat whose marks an append has moved. If a restart has forgotten it, its marks are told when it is loaded."""
        slot = self.slots.get(append.user)
        if slot is not None and slot.parked is None:
            return slot.chat
        if any(isinstance(event, MarkMoved) for event in append.events):
            self.slot(append.user)
            self._marks_untold.add(append.user)
        return None

    def _settle_store(self, request: StoreRequest, outcome: Outcome) -> None:
        if not isinstance(outcome, Unknown):
            del self._in_flight[request.append]
        if _is_news(outcome):
            for event in request.append.events:
                self._apply_to_store(event, outcome.seq)
            if request.happened is not None:
                request.happened()
        request.conclude(outcome)

    def _apply_to_store(self, event: Event, number: int) -> None:
        if isinstance(event, ProfileSet):
            self.aside.profile_is(event.version, event.profile)
        state = self.state
        if state is None:
            return
        self._changes += 1
        match event:
            case AgentArrived(agent=agent, name=name):
                roster, arrivals = {**state.roster, agent: name}, {**state.arrivals, agent: number}
                self.state = msgspec.structs.replace(state, exists=True, roster=roster, arrivals=arrivals)
                self.attendance.changed()
            case AgentLeft(agent=agent):
                self.state = msgspec.structs.replace(state, roster={k: v for k, v in state.roster.items() if k != agent})
            case AvailabilitySet(agent=agent, away=away):
                self.state = msgspec.structs.replace(state, away=state.away | {agent} if away else state.away - {agent})
                self.attendance.changed()
            case _:
                pass

    def _settle_chat(self, request: Request, append: Append, outcome: Outcome, again: dict[str, list[Request]]) -> None:
        slot = self.slots[request.user]  # whoever has something in flight stays in memory
        if isinstance(outcome, Unknown):
            # Its fate comes later; the sender is not kept waiting, and is told nothing that might turn out wrong.
            self._refuse_with_successors(slot, request)
            return
        del self._in_flight[append]
        slot.landed(request)
        match outcome:
            case Committed():
                slot.commit(append, outcome)
                self._answer(request, append, outcome.seq)
            case Duplicate(answer=answer):
                news = _is_news(outcome)
                if news:
                    slot.commit(append, outcome)
                else:
                    slot.rest()
                self._acknowledge(request, answer, duplicate=not news)
            case Reused():
                slot.rest()
                self._refuse(request, Refused(code="id_reused"))
            case Failed(reason, code):
                again.setdefault(request.user, [])
                self._log.warning("append_failed", store=self.store, reason=reason)
                self._refuse(request, Refused(code=code))
            case Conflicted() | Unmet() | Withdrawn():
                again.setdefault(request.user, []).append(request)
                self._learn(slot, request, append, outcome)

    def _learn(self, slot: Slot, request: Request, append: Append, outcome: Conflicted | Unmet | Withdrawn) -> None:
        """Takes from an append that did not happen as decided what the next decision must know."""
        if isinstance(outcome, Withdrawn):
            return
        request.rounds += 1
        if request.rounds > ROUNDS:
            self._refuse(request, Refused(code="overloaded"))
        elif isinstance(outcome, Conflicted):
            self._tally.claim_conflicts += 1
            if outcome.chat is not None:
                slot.chat = outcome.chat
        else:
            corrected = correct(request.command, append.conditions[outcome.index], outcome.value)
            if corrected is None:
                self._refuse(request, Refused(code="not_owner"))
            else:
                request.command = corrected

    def _refuse_with_successors(self, slot: Slot, request: Request) -> None:
        """A send whose fate is unknown is `unavailable`, and so are the sends behind it: else the retry would turn their order around."""
        self._refuse(request, Refused(code="unavailable"))
        if isinstance(request.command, SendMessage):
            for later in slot.pending:
                if later.asker is request.asker and later.place > request.place and isinstance(later.command, SendMessage):
                    self._refuse(later, Refused(code="unavailable"))

    # Answering.

    def _answer(self, request: Request, append: Append, seq: int) -> None:
        decision = request.decision
        if isinstance(decision, Rejected):
            if decision.refused.code == "already_claimed":
                self.node.tally.claims_lost += 1
                self.node.refused_claims.add(self.store)
            self._refuse(request, decision.refused)
            return
        fields = append.answer
        if decision is not None and decision.acks == "message":
            fields = b'"seq":%d,%b' % (seq, fields)
        self._acknowledge(request, fields, duplicate=False)

    def _acknowledge(self, request: Request, fields: bytes, *, duplicate: bool) -> None:
        if not request.answered:
            request.answered = True
            request.asker.acknowledge(request.command.id, fields, duplicate=duplicate)

    def _refuse(self, request: Request, refused: Refused) -> None:
        if request.answered:
            return
        request.answered = True
        if refused.temporary and isinstance(request.command, SendMessage):
            request.asker.hold(self.store, request.user, request.command.id, request.place, refused)
        request.asker.refuse(request.command.id, refused)
        if isinstance(request.command, GiveBackChat):
            self.attendance.retry(request.command.agent)

    def _show_typing(self, message: ShowTyping) -> None:
        assert self.state is not None
        if not self.state.exists:
            return
        slot = self.slot(message.user)
        if slot.parked is not None or not slot.chat.exists:
            return
        side = side_of(message.by)
        if side == "store" and slot.chat.owner_id != message.by.id:
            return
        frame = wire.typing(subject(self.store, message.user), side, on=message.on)
        newest = Newest(("typing", self.store, message.user, side), frame)
        self.attendance.show(newest, message.user, agents=side == "user", user=side == "store")
        self.node.live.tell(TypingShown(self.store, message.user, side, message.on))


def _is_news(outcome: Outcome) -> TypeGuard[Committed | Duplicate]:
    """Whether it has happened through this very append, at whatever try."""
    return isinstance(outcome, Committed) or (isinstance(outcome, Duplicate) and outcome.recovered)
