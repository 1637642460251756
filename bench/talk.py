"""People who chat, over any server that understands a `Line`: users ask, every agent of their store hears it, its owner answers.

The load of most benches. Who hears what is counted for each receiver and chat: once, in order, nothing left out. A question that is
answered is one delivery for each agent and one for the user who asked.
"""

import asyncio
import random
import time
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from bench.found import Figures, distribution, spread
from bench.line import Dibs, Line, Place, Who
from bench.usage import Spent

WORDS = "hello, is this jacket still there in blue, and when would it reach me? thank you very much for looking. "
QUIET_S = 15.0
"""A message that nobody has heard of for so long is lost."""
AT_ONCE = 50
"""How many lines are opened side by side."""
Step = Callable[[float], None]


class Stretch:
    """What was measured from one moment to another."""

    def __init__(self, pids: dict[str, int]) -> None:
        self.agent_ns, self.user_ns, self.ack_ns = array("q"), array("q"), array("q")
        self.asked = 0
        self.late_ns = 0
        """How late the load itself was at worst, where it has a rate."""
        self.lasted_s = 0.0
        """From the first question until the last delivery."""
        self.spent_s: dict[str, float] = {}
        self._spent = Spent(pids)
        self._began_s = time.perf_counter()

    def end(self) -> None:
        """Nothing is on its way any more."""
        self.lasted_s = time.perf_counter() - self._began_s
        self.spent_s = self._spent.s()

    def joined(self, later: "Stretch") -> "Stretch":
        """This one and a later one."""
        for mine, theirs in ((self.agent_ns, later.agent_ns), (self.user_ns, later.user_ns), (self.ack_ns, later.ack_ns)):
            mine.extend(theirs)
        self.asked += later.asked
        self.late_ns = max(self.late_ns, later.late_ns)
        self.lasted_s += later.lasted_s
        self.spent_s = {name: s + later.spent_s[name] for name, s in self.spent_s.items()}
        return self

    @property
    def deliveries(self) -> int:
        """Messages that came where they should."""
        return len(self.agent_ns) + len(self.user_ns)

    def figures(self) -> Figures:
        """All of it."""
        waits = {"to agents": self.agent_ns, "to users": self.user_ns, "ack": self.ack_ns}
        figures: Figures = {"deliveries a second": round(self.deliveries / self.lasted_s)}
        for what, ns in waits.items():
            if ns:
                figures |= spread(seconds(ns), what)
        for name, s in self.spent_s.items():
            figures[f"{name} CPU s for 1,000 deliveries"] = round(1000 * s / self.deliveries, 4)
        return figures

    def curve(self) -> list[tuple[float, float]]:
        """How the waits until an agent has it are distributed."""
        return distribution(seconds(self.agent_ns))


def seconds(ns: Sequence[int]) -> list[float]:
    """The same in seconds."""
    return [value / 1e9 for value in ns]


class Talk:
    """`speak` is the language, `pids` the processes whose time on a core is of interest; names of people begin with `name`. Where there
    are several places agents and users come by turns to each."""

    def __init__(self, places: Sequence[Place], speak: type[Line], pids: dict[str, int], seed: int, name: str = "") -> None:
        self.places, self.speak, self.pids = places, speak, pids
        self._name = name
        self.faults: list[str] = []
        self.agents: list[Line] = []
        self.users: list[Line] = []
        self.stretch = Stretch(pids)
        self._rng = random.Random(seed)  # noqa: S311 - the same words each time
        self._per_store = 0
        self._owners: list[Line] = []
        self._answered = True
        self._asked: list[int] = []
        self._due = self._came = 0
        self._window = 0
        self._until_s = 0.0
        self._turn = 0
        self._quiet = asyncio.Event()

    async def gather(self, stores: int, agents: int, users: int) -> None:
        """So many of them, agents and users for each store; every chat has its owner when this returns."""
        self._per_store = agents
        for s in range(stores):
            for a in range(agents):
                self.agents.append(await self._open(Who("agent", f"{self._name}a{s}-{a}", f"s{s}"), len(self.agents)))
        for first in range(0, stores * users, AT_ONCE):
            chats = range(first, min(first + AT_ONCE, stores * users))
            who = {c: Who("user", f"{self._name}u{c}", f"s{c // users}") for c in chats}
            self.users += await asyncio.gather(*(self._open(who[c], c) for c in chats))
        self._asked = [0] * len(self.users)
        self._owners = [self.agents[chat // users * agents + chat % agents] for chat in range(len(self.users))]
        if issubclass(self.speak, Dibs):
            await asyncio.gather(*(self._begin(c) for c in range(len(self.users))))

    async def _open(self, who: Who, number: int) -> Line:
        line = await self.speak.open(self.places[number % len(self.places)], who, self.faults)
        if who.role == "agent":
            line.on_text, line.on_ack = self._agent_of(number), self._acked
        else:
            line.on_text, line.on_ack = self._user_of(number), self._acked_to(number)
        return line

    async def _begin(self, chat: int) -> None:
        user, agent = self.users[chat], self._owners[chat]
        assert isinstance(user, Dibs)
        assert isinstance(agent, Dibs)
        await user.carried_out("send", kind="text", body={"text": "good morning"})
        await agent.carried_out("claim", user=user.who.id)

    async def close(self) -> None:
        """Everybody leaves."""
        await asyncio.gather(*(line.close() for line in (*self.users, *self.agents)))

    # Stretches.

    async def at_rate(self, rate: float, seconds: float, step: Step, *, answered: bool = True) -> Stretch:
        """So many questions a second, whatever becomes of the ones before."""
        self._start(answered=answered)
        total = max(1, round(rate * seconds))
        began_s = time.perf_counter()
        for number in range(total):
            due_s = began_s + number / rate
            if (wait_s := due_s - time.perf_counter()) > 0:
                await asyncio.sleep(wait_s)
            self.stretch.late_ns = max(self.stretch.late_ns, round(1e9 * (time.perf_counter() - due_s)))
            self._turn = (self._turn + 1) % len(self.users)
            self._ask(self._turn)
            if number % max(1, total // 50) == 0:
                step(number / total)
        return await self._finish(step)

    async def in_window(self, window: int, seconds: float, step: Step, *, answered: bool = True) -> Stretch:
        """Every user has so many questions under way: the next leaves when one is answered (or, without answers, acknowledged)."""
        self._start(answered=answered)
        began_s = time.perf_counter()
        self._window, self._until_s = window, began_s + seconds
        for _ in range(window):
            for chat in range(len(self.users)):
                self._ask(chat)
        while (passed_s := time.perf_counter() - began_s) < seconds:
            step(min(1.0, passed_s / seconds))
            await asyncio.sleep(min(0.1, seconds - passed_s))
        self._window = 0
        return await self._finish(step)

    async def one_by_one(self, count: int, step: Step) -> Stretch:
        """So many questions, each when everything about the one before has come: nothing shares a way with anything else."""
        self._start(answered=True)
        for number in range(count):
            self._turn = (self._turn + 1) % len(self.users)
            self._ask(self._turn)
            await self._settled()
            step((number + 1) / count)
        return await self._finish(step)

    def _start(self, *, answered: bool) -> None:
        self._answered = answered
        self._due = self._came = 0
        self._quiet = asyncio.Event()
        self.stretch = Stretch(self.pids)

    async def _finish(self, step: Step) -> Stretch:
        """Waits for what is under way; what does not come is a fault."""
        self._until_s = 0.0
        await self._settled()
        self.stretch.end()
        step(1.0)
        return self.stretch

    async def _settled(self) -> None:
        """Everything that is under way has come, or is a fault."""
        while self._came < self._due:
            before = self._came
            self._quiet.clear()
            try:
                async with asyncio.timeout(QUIET_S):
                    await self._quiet.wait()
            except TimeoutError:
                if before == self._came:
                    self.faults.append(f"{self._due - self._came} of {self._due} frames never came")
                    self._came = self._due

    def _ask(self, chat: int) -> None:
        self._asked[chat] += 1
        self.stretch.asked += 1
        self._due += self._per_store + 1 + 2 * self._answered
        self.users[chat].ask(self._text("q", chat, self._asked[chat]))

    def _text(self, kind: str, chat: int, number: int) -> str:
        first = self._rng.randrange(len(WORDS))
        return f"{kind}.{chat}.{number}.{time.perf_counter_ns()} {WORDS[first:]}{WORDS[:first]}"

    # Heard.

    def _agent_of(self, agent: int) -> Callable[[str], None]:
        last: dict[str, int] = {}

        def hear(text: str) -> None:
            if text.startswith("q."):
                _, chat, number, sent_ns = text[: text.index(" ")].split(".")
                now_ns = time.perf_counter_ns()
                self._in_order(f"a{agent}", last, chat, int(number))
                self.stretch.agent_ns.append(now_ns - int(sent_ns))
                if self._answered and self._owners[int(chat)] is self.agents[agent]:
                    self.agents[agent].answer(self.users[int(chat)].who.id, self._text("r", int(chat), int(number)))
                self._arrived()

        return hear

    def _user_of(self, user: int) -> Callable[[str], None]:
        last: dict[str, int] = {}

        def hear(text: str) -> None:
            if text.startswith("r."):
                _, chat, number, sent_ns = text[: text.index(" ")].split(".")
                now_ns = time.perf_counter_ns()
                if int(chat) != user:
                    self.faults.append(f"u{user} heard what was for u{chat}")
                self._in_order(f"u{user}", last, chat, int(number))
                self.stretch.user_ns.append(now_ns - int(sent_ns))
                self._next(user)
                self._arrived()

        return hear

    def _in_order(self, who: str, last: dict[str, int], chat: str, number: int) -> None:
        if number != last.get(chat, 0) + 1:
            self.faults.append(f"{who} heard {number} after {last.get(chat, 0)} in the chat of u{chat}")
        last[chat] = number

    def _acked(self, waited_ns: int) -> None:
        self.stretch.ack_ns.append(waited_ns)
        self._arrived()

    def _acked_to(self, user: int) -> Callable[[int], None]:
        def hear(waited_ns: int) -> None:
            self._acked(waited_ns)
            if not self._answered:
                self._next(user)

        return hear

    def _next(self, user: int) -> None:
        if self._window and time.perf_counter() < self._until_s:
            self._ask(user)

    def _arrived(self) -> None:
        self._came += 1
        if self._came >= self._due:
            self._quiet.set()


def talk_on(order: dict[str, Any], speak: type[Line] = Dibs) -> Talk:
    """A talk on the server of a load's order, or on several."""
    places = [Place(address, order["secret"]) for address in order.get("addresses") or [order["address"]]]
    return Talk(places, speak, order["pids"], order["seed"], order.get("name", ""))
