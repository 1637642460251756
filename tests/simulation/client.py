"""A tab: a model of a real client. It holds what it is told, sends again what nobody answered, and comes back with what it holds."""

import asyncio
import random
from typing import TYPE_CHECKING, Any

from tests.history.record import Frame
from tests.simulation.held import Held
from tests.simulation.link import Link
from tests.simulation.peace import Present
from tests.simulation.schedule import Someone

if TYPE_CHECKING:
    from tests.simulation.world import World

ANSWERS = ("ack", "error", "chats", "history")
TRIES = 40
"""A command that was sent so often is given up."""
LEEWAY_S = 5.0
"""Tokens may be taken for so much longer than they are good, and the clocks of nodes are no further off than half of that."""
PATIENCE_S = 4.0
"""A connection that is not ready in this time is given up."""


class Command:
    """A frame that wants an answer."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.sent = 0
        self.in_session = ""
        """Where it was sent last."""


class Tab:
    """One of the tabs of somebody. `say` and `command` may be called at any time; what cannot be sent now is sent later."""

    def __init__(self, world: "World", someone: Someone, number: int) -> None:
        self.world, self.someone, self.number = world, someone, number
        self.name = f"{someone.id}.{number}"
        self.dice = random.Random(f"{world.schedule.seed} {self.name}")
        self.held = self._nothing()
        self.present = Present()
        self.link: Link | None = None
        self.session = ""
        self.is_ready = False
        self.is_away = False
        """Gone until somebody makes it come back."""
        self.outbox: dict[str, Command] = {}
        self.lately: list[Frame] = []
        """What was said last, answered or not."""
        self.token_until_s: float | None = None
        """When the newest token that was shown ends."""
        self.renews = False
        """Whether it shows a fresh token in time, in this session."""
        self.heard_s = 0.0
        self._renewal: asyncio.TimerHandle | None = None
        self._connects: asyncio.TimerHandle | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._again: asyncio.TimerHandle | None = None

    def _nothing(self) -> Held:
        return Held(is_agent=self.someone.role != "user", user=self.someone.id)

    # Connecting.

    def come(self, within_s: float) -> None:
        """Connects, at some time from now."""
        self.is_away = False
        if self.link is None and self._connects is None:
            self._connects = asyncio.get_running_loop().call_later(self.dice.random() * within_s, self._connect)

    def _connect(self) -> None:
        self._connects = None
        node = self.world.node_for(self, self.dice)
        if node is None:
            self.come(1.5)
            return
        self.renews = self.dice.random() < 0.7 if self.world.schedule.terms.token_s is not None else False
        hello: Frame = {"type": "hello", "token": self._token()}
        knows = self.held.generation is not None
        if knows and self.dice.random() < 0.75:
            hello |= {"resume": dict(self.held.numbers), "generation": self.held.generation}
        else:
            # A tab that was reloaded holds nothing; what is missed is counted from what its person acknowledged.
            self.held = self._nothing()
        recorder = self.world.recorder
        stores = self.someone.stores if self.someone.named else None
        self.session = recorder.opened(self.someone.role, self.someone.id, stores, hello.get("resume"), hello.get("generation"))
        session = self.session
        self.world.note(self.name, f"connects to {node.name} as {session} with {hello.get('resume')}")
        self.link = Link(node, lambda frame: self._hear(session, frame), lambda code: self._ended(session, code), self.world.chance)
        self.link.say(hello)
        self._patience = asyncio.get_running_loop().call_later(PATIENCE_S, self._lose_patience, session)
        if self.dice.random() < 0.3:
            self._send_outbox()

    def _token(self) -> str:
        """A fresh one, and a date to think of the next."""
        lives_s, loop = self.world.schedule.terms.token_s, self.world.loop
        if lives_s is not None:
            self.token_until_s = loop.time() + lives_s
            if self.renews:
                self._renewal = loop.call_later(lives_s * (0.5 + self.dice.random() / 2), self._renew, self.session)
        return self.someone.token(self.token_until_s)

    def _renew(self, session: str) -> None:
        if self.link is not None and self.is_ready:
            self.say({"type": "token", "token": self._token()})
        elif self.link is not None:
            self._renewal = self.world.loop.call_later(0.2, self._renew, session)

    def _lose_patience(self, session: str) -> None:
        if session == self.session and not self.is_ready and self.link is not None:
            self.cut("is not ready for too long")

    def cut(self, why: str = "is cut") -> None:
        """The connection breaks."""
        if self.link is not None:
            self.world.note(self.name, why)
            self.link.cut()

    def leave(self) -> None:
        """The tab is closed; its commands wait for the next one."""
        self.is_away = True
        self.cut("leaves")

    def _ended(self, session: str, code: int) -> None:
        if session != self.session or self.link is None:
            return
        self.world.recorder.ended(session, code)
        self.world.note(self.name, f"{session} ended with {code}")
        self.link, self.is_ready, self.world.moved_s = None, False, self.world.loop.time()
        for timer in (self._patience, self._again, self._renewal):
            if timer is not None:
                timer.cancel()
        self._again = None
        if code == 4001 and self._is_token_over():
            self.come(0.5)
        elif code // 100 == 40:
            self.world.faults.append(f"nobody is sent away: {self.name} was, with {code}, its token good until {self.token_until_s}")
        elif not self.is_away:
            self.come(0.05 if code // 100 == 42 else 3.0 if code == 1001 else 0.8)

    def _is_token_over(self) -> bool:
        """Whether any clock may say so."""
        return self.token_until_s is not None and self.world.loop.time() > self.token_until_s + LEEWAY_S / 2

    @property
    def overstays(self) -> bool:
        """Whether a session lives whose token is over by every clock, with what it takes to notice."""
        until_s = self.token_until_s
        return self.is_ready and until_s is not None and self.world.loop.time() > until_s + 1.5 * LEEWAY_S + 1.0

    # Hearing.

    def _hear(self, session: str, frame: Frame) -> None:
        if session != self.session or self.link is None:
            return
        self.world.recorder.told(session, frame)
        if self.world.is_told:
            self.world.note(self.name, f"hears {brief(frame)}")
        self.held.hear(frame)
        self.present.hear(frame)
        self._listen()
        kind = frame["type"]
        if kind == "ready":
            self.is_ready, self.world.moved_s = True, self.world.loop.time()
            self._send_outbox()
        elif kind in ANSWERS and "id" in frame:
            self._answered(frame)
        elif kind in ("message", "note", "status") and self.dice.random() < 0.3:
            self.receive(frame["store"])

    def _listen(self) -> None:
        """There is something to hear in every heartbeat, once a session is ready."""
        now_s, before_s = self.world.loop.time(), self.heard_s
        self.heard_s = now_s
        if self.is_ready and now_s - before_s > self.world.silence_s:
            self.world.faults.append(f"there is a heartbeat: {self.name} heard nothing for {now_s - before_s:.3f} s")

    def _answered(self, frame: Frame) -> None:
        command = self.outbox.get(frame["id"])
        if command is None:
            return
        if frame["type"] == "error" and frame["temporary"] and command.sent < TRIES:
            command.in_session = ""
            if self._again is None:
                wait_s = frame.get("retry_after", 0.1 + self.dice.random())
                self._again = asyncio.get_running_loop().call_later(wait_s, self._send_again)
        else:
            del self.outbox[frame["id"]]

    # Saying.

    def receive(self, store: str) -> None:
        """What is held is safely held."""
        number = self.held.numbers.get(store)
        if number and self.is_ready:
            self.say({"type": "received", "store": store, "offset" if self.someone.role != "user" else "seq": number})

    def say(self, *frames: Frame) -> None:
        """Says what wants no answer, or is not worth sending again."""
        if self.link is not None:
            for frame in frames:
                self.world.recorder.asked(self.session, frame)
                if self.world.is_told:
                    self.world.note(self.name, f"says {brief(frame)}")
            self.link.say(list(frames) if len(frames) > 1 else frames[0])

    def command(self, *frames: Frame) -> None:
        """Says commands, in one WebSocket message; those that get no answer are said again."""
        commands = [self.outbox.setdefault(frame["id"], Command(frame)) for frame in frames]
        self.lately = [*self.lately, *frames][-5:]
        if self.is_ready:
            self._send(commands)

    def _send(self, commands: list[Command]) -> None:
        for command in commands:
            command.sent += 1
            command.in_session = self.session
        self.say(*[command.frame for command in commands])

    def _send_again(self) -> None:
        self._again = None
        self._send_outbox()

    def _send_outbox(self) -> None:
        """In the order in which it was said at first, as far as the answer is not on its way."""
        waiting = [command for command in self.outbox.values() if command.in_session != self.session]
        while waiting and self.link is not None:
            some, waiting = waiting[:60], waiting[60:]
            self._send(some)

    @property
    def is_content(self) -> bool:
        """Whether there is nothing it still waits for."""
        return self.is_away or (self.is_ready and not self.outbox)


def brief(frame: dict[str, Any]) -> str:
    """A frame for people."""
    if frame["type"] == "chats" and "chats" in frame:
        shown = [
            f"{c['store']}/{c['user']} {c['status']} of {(c['owner'] or {}).get('id')} epoch {c['epoch']} seq {c['seq']}"
            for c in frame["chats"]
        ]
        return f"chats {shown} {frame.get('offsets', '')} {frame.get('id', '')}"
    if frame["type"] == "history":
        return f"history {frame.get('store')}/{frame.get('user', '')} {frame.get('id')} of {len(frame.get('messages', ()))}"
    left = {
        key: value
        for key, value in frame.items()
        if key not in ("type", "kind", "detail", "temporary", "at", "protocol", "heartbeat", "since")
    }
    return " ".join([frame["type"], *(f"{key}={value}" for key, value in left.items())])
