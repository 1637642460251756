"""What is struck at between nodes, as rows of a table: each is given so many rounds and a folder, and shows figures."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs

from tests.cluster.balanced import balanced
from tests.cluster.balancer import why_no_balancer
from tests.cluster.failover import failovers
from tests.cluster.net import why_not
from tests.cluster.shard import shards
from tests.cluster.town import Town, town
from tests.cluster.upgrade import upgraded
from tests.faults.load import Figures
from tests.wire.checker import Frame
from tests.wire.person import Person

HOLE_S = 1.0
"""A hole that a later number shows is closed in this time."""
LOST_S = 30.0
"""And one that nothing shows in this."""
SLACK_S = 0.5
"""All nodes, their Redis and the clients share two cores."""
LARGE = {"heartbeat": 60}
"""Nobody is taken for silent while a node stands still."""


def told(person: Person, user: Person) -> list[tuple[int, str]]:
    """The messages of a chat as somebody was told them, missed ones included."""
    return [(frame["seq"], frame["body"]["text"]) for frame in person.frames if frame["type"] == "message" and frame["user"] == user.id]


class Round:
    """A shopper on the first node, five agents on the others, one of whom owns the chat; `say` writes on both sides by turns."""

    def __init__(self, there: Town, user: Person, agents: list[Person], figures: Figures) -> None:
        self.there, self.user, self.agents, self.figures = there, user, agents, figures
        self.seq = 1

    @classmethod
    async def begin(cls, there: Town, figures: Figures) -> "Round":
        others = there.malls[1:]
        agents = [await others[n % len(others)].agent() for n in range(5)]
        user = await there.malls[0].user()
        begun = cls(there, user, agents, figures)
        await user.say("hello")
        await begun.heard(5.0)
        await agents[0].claim(user)
        await user.status("claim")
        return begun

    async def say(self, count: int) -> None:
        for n in range(count):
            await (self.agents[0].say(f"a{n}", to=self.user) if n % 2 else self.user.say(f"u{n}"))
            self.seq += 1

    async def heard(self, within_s: float) -> float:
        """Waits until everybody has heard all that was said; how long it took."""
        start = time.monotonic()
        await asyncio.gather(*(person.expect("message", user=self.user.id, seq=self.seq, within_s=within_s) for person in self.everybody))
        return time.monotonic() - start

    @property
    def everybody(self) -> list[Person]:
        return [self.user, *self.agents]

    async def end(self) -> None:
        """Everybody was told the same, from 1 on and without a gap, and it is what history has."""
        kept: list[tuple[int, str]] = []
        before: dict[str, Any] = {}
        while not kept or kept[0][0] > 1:
            page = await self.user.history(limit=200, **before)
            kept = [(frame["seq"], frame["body"]["text"]) for frame in page["messages"]] + kept
            before = {"before": kept[0][0]}
        for person in self.everybody:
            found = told(person, self.user)
            self.figures.lost += len(set(kept) - set(found))
            self.figures.doubled += len(found) - len(set(found))
            self.figures.expect(found == kept, f"{person.role} {person.id} was told {found[:5]}… of {kept[:5]}…")
        self.figures.acked += len(kept)
        self.figures.faults += await self.there.judged()


async def lossy(rounds: int, folder: Path, *, messages: int = 40, nodes: int = 4) -> Figures:
    """Every k-th published message comes to no node: what a number shows is closed at once, and what comes last is found by looking."""
    figures = Figures()
    for k in (2, 3, 1, 5, 7, 4)[:rounds]:
        async with town(folder / f"k{k}", nodes, struck=True) as there:
            talk = await Round.begin(there, figures)
            for proxy in there.gossip:
                proxy.drop_every = k
            await talk.say(messages)
            for proxy in there.gossip:
                # From now on nothing is lost: so the next number shows what was.
                proxy.drop_every = 0 if k > 1 else 1
            if k > 1:
                await talk.say(1)
            took_s = await talk.heard(LOST_S)
            figures.recovered(took_s, HOLE_S + SLACK_S if k > 1 else LOST_S, f"what was lost of every {k}. message")
            figures.expect(sum(proxy.dropped for proxy in there.gossip) >= messages // k, "nothing was lost")
            await talk.end()
        figures.rounds += 1
    return figures


async def cut(rounds: int, folder: Path, *, messages: int = 100, nodes: int = 4) -> Figures:
    """Connections that listen are cut again and again under load."""
    figures, cuts = Figures(), 0
    for n in range(rounds):
        async with town(folder / f"c{n}", nodes, struck=True) as there:
            talk = await Round.begin(there, figures)
            saying = asyncio.create_task(talk.say(messages))
            while not saying.done():
                cuts += sum(proxy.cut_listeners() for proxy in there.gossip)
                await asyncio.wait([saying], timeout=0.15)
            await saying
            figures.recovered(await talk.heard(LOST_S), 5.0, "after the last cut")
            await talk.end()
        figures.rounds += 1
        figures.also = f"{cuts} cuts"
        figures.expect(cuts, "nothing was cut")
    return figures


async def stalled(rounds: int, folder: Path, *, messages: int = 20, nodes: int = 4) -> Figures:
    """Connections that listen stand still while everything else is answered: a token that does not come back shows it."""
    figures = Figures()
    for n in range(rounds):
        async with town(folder / f"s{n}", nodes, struck=True) as there:
            talk = await Round.begin(there, figures)
            for proxy in there.gossip:
                proxy.open.clear()
            await talk.say(messages)
            figures.recovered(await talk.heard(LOST_S), LOST_S, "while nothing was heard")
            for proxy in there.gossip:
                proxy.open.set()
            await talk.say(messages)
            figures.recovered(await talk.heard(LOST_S), LOST_S, "after it")
            await talk.end()
        figures.rounds += 1
    return figures


async def paused(rounds: int, folder: Path, *, length_s: float = 20.0, nodes: int = 4) -> Figures:
    """A node is stopped while the others chat on, and wakes: its people hear all of it."""
    figures = Figures()
    for n in range(rounds):
        async with town(folder / f"p{n}", nodes, grace=60, **LARGE) as there:
            talk = await Round.begin(there, figures)
            stopped = there.servers[-1]
            os.kill(stopped.pid, signal.SIGSTOP)
            try:
                until_s = time.monotonic() + length_s
                while time.monotonic() < until_s:
                    await talk.say(4)
                    await asyncio.sleep(0.2)
            finally:
                os.kill(stopped.pid, signal.SIGCONT)
            figures.recovered(await talk.heard(LOST_S), 5.0, "after it woke")
            await talk.end()
        figures.rounds += 1
    return figures


async def race(rounds: int, folder: Path, *, agents: int = 50, chats: int = 1000) -> Figures:
    """Agents on four nodes ask for every chat at once: one has it, and every other is told who."""
    figures = Figures()
    for n in range(rounds):
        async with town(folder / f"r{n}", 4) as there:
            dice = random.Random(n)
            racers = [await there.malls[k % 4].agent() for k in range(agents)]
            users = await _waiting(there, chats)
            start = time.monotonic()
            answers = await asyncio.gather(*(_claim_all(racer, dice.sample(users, len(users))) for racer in racers))
            took_s = time.monotonic() - start
            await asyncio.gather(*(_claims_heard(racer, chats) for racer in racers))
            _one_winner(users, racers, answers, figures)
            figures.acked += chats
            figures.also = f"{agents * chats / took_s:,.0f} claims a second"
            figures.faults += await there.judged()
        figures.rounds += 1
    return figures


async def _waiting(there: Town, chats: int) -> list[str]:
    users: list[str] = []
    for start in range(0, chats, 100):
        some = [await there.malls[n % 4].user() for n in range(start, min(start + 100, chats))]
        await asyncio.gather(*(user.say() for user in some))
        users += [user.id for user in some]
        for mall in there.malls:
            for user in [person for person in mall.people if person.role == "user"]:
                await user.close()
                mall.people.remove(user)
    return users


async def _claim_all(racer: Person, users: list[str]) -> dict[str, Frame]:
    """Asks for each of the chats; user to answer."""
    ids = {f"{racer.id}-{user}": user for user in users}
    frames = [{"type": "claim", "id": id, "store": racer.store, "user": user} for id, user in ids.items()]
    for start in range(0, len(frames), 50):
        await racer.send(*frames[start : start + 50])
    found = await _read(racer, lambda frame: frame.get("id") in ids, len(ids))
    return {ids[frame["id"]]: frame for frame in found}


async def _claims_heard(racer: Person, chats: int) -> None:
    await _read(racer, lambda frame: frame["type"] == "status" and frame["reason"] == "claim", chats)


async def _read(person: Person, fits: Callable[[Frame], bool], count: int) -> list[Frame]:
    """Waits for so many frames that fit, of all that were ever told; each is looked at once."""
    found: list[Frame] = []
    seen = 0

    def look() -> bool | None:
        nonlocal seen
        found.extend(frame for frame in person.frames[seen:] if fits(frame))
        seen = len(person.frames)
        return True if len(found) >= count else None

    assert await person._until(look, 120.0), f"{len(found)} of {count} frames; {person.told()[:500]}"
    return found


def _one_winner(users: list[str], racers: list[Person], answers: list[dict[str, Frame]], figures: Figures) -> None:
    for user in users:
        told_owner = {answer[user]["owner"]["id"] for answer in answers}
        acks = [racer.id for racer, answer in zip(racers, answers, strict=True) if answer[user]["type"] == "ack"]
        figures.double_owners += len(acks) - 1
        figures.expect(acks == list(told_owner), f"of {user} the winners are {acks}, and told were {told_owner}")
        refused = {answer[user]["code"] for answer in answers if answer[user]["type"] == "error"}
        figures.expect(refused <= {"already_claimed"}, f"of {user} losers heard {refused}")
    for racer in racers:
        heard = {frame["user"]: frame["owner"]["id"] for frame in racer.had("status", reason="claim")}
        figures.expect(len(heard) == len(racer.had("status", reason="claim")) == len(users), f"{racer.id} heard of {len(heard)} claims")


@attrs.frozen
class Strike:
    """`rounds` in full, `few` and `briefly` in the test suite."""

    name: str
    row: Callable[..., Awaitable[Figures]]
    rounds: int
    few: int = 1
    """0 where a test of its own has it in the suite."""
    briefly: dict[str, Any] = attrs.field(factory=dict)
    why_not: Callable[[], str | None] = lambda: None
    """Says why it cannot be done on this machine."""


STRIKES = (
    Strike("every k-th message lost", lossy, 6, briefly={"nodes": 2}),
    Strike("listeners cut under load", cut, 10, briefly={"nodes": 2}),
    Strike("listeners stand still", stalled, 5, briefly={"nodes": 2}),
    Strike("a node stands still", paused, 3, briefly={"length_s": 6.0, "nodes": 3}),
    Strike("the primary lost", failovers, 20, few=0, why_not=why_not),
    Strike("a node behind the balancer dies, another drains", balanced, 10, few=0, why_not=why_no_balancer),
    Strike("an upgrade and the way back", upgraded, 5, few=0),
    Strike("a shard of a cluster moved or lost", shards, 12, few=0),
    Strike("a race for every chat", race, 2, briefly={"agents": 12, "chats": 60}),
)
