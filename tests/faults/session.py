"""What happens between clients and dibs: cuts in the middle of a catch-up, commands sent again and again, five hundred cut at once."""

import asyncio
import random
from pathlib import Path
from typing import Any

from tests.faults.audit import visit
from tests.faults.caller import Caller, same
from tests.faults.load import Figures, Load, conclude, until
from tests.faults.process import Dibs
from tests.wire.checker import Frame
from tests.wire.person import Person, words

BACK_S = 10.0
AWAY_S = (0.0, 3.0)
"""What the protocol asks of clients when a server goes away."""
TOGETHER = 8
"""Sessions of one identity at once: there is a limit."""


async def catch_up(rounds: int, folder: Path, seed: int = 51, messages: int = 60) -> Figures:
    """For every k the client cuts each of its sessions at the k-th frame of what it missed, and comes back with what it holds."""
    figures = Figures()
    server = Dibs(folder / "data")
    await server.start()
    try:
        load = Load(server, shoppers=1, agents=1, seed=seed)
        try:
            await load.begin()
            (agent,), (user,) = load.agents, load.shoppers
            await user.ask(*(user.text() for _ in range(messages // 2)))
            await agent.ask(agent.frame("claim", user=user.id))
            await agent.ask(*(agent.text(user=user.id) for _ in range(messages // 2)))
            await load.pause()
            found = await load.audit()
            figures.add(found)
            for original, count in ((agent, len(found.log)), (user, len(found.histories[user.id]))):
                ks = range(1, count + 1, max(1, count // rounds))
                for first in range(0, len(ks), TOGETHER):
                    callers = [_newcomer(original, k) for k in ks[first : first + TOGETHER]]
                    await _collect(callers, count, figures, found.histories[user.id])
                    figures.rounds += len(callers)
        finally:
            await load.end()
        await server.stop()
    finally:
        server.kill()
    return figures


def _newcomer(original: Caller, k: int) -> Caller:
    """Another device of the same person, which holds nothing yet."""
    caller = Caller(original.server, original.role, original.id, original.store, seed=k)
    caller.generations, caller.offset, caller.cut_after = original.generations[-1:], 0, k
    return caller


async def _collect(callers: list[Caller], count: int, figures: Figures, history: list[Frame]) -> None:
    def whole(caller: Caller) -> bool:
        return (caller.offset if caller.agent else caller.seq) == count

    for caller in callers:
        caller.start()
    await until(lambda: all(map(whole, callers)), 60, "everything caught up", lambda: str([c.codes[-1:] for c in callers]))
    for caller in callers:
        await caller.stop()
        figures.faults += [f"cut at every {caller.cut_after}: {fault}" for fault in caller.faults]
        figures.expect(not caller.resets, f"cut at every {caller.cut_after}: {caller.id} got a `reset`")
        figures.expect(caller.delivered == count, f"cut at every {caller.cut_after}: {caller.delivered} frames instead of {count}")
        (held,) = caller.messages.values()
        figures.expect([held[seq]["id"] for seq in sorted(held)] == [frame["id"] for frame in history], f"{caller.id} holds other messages")


async def resend(rounds: int, folder: Path, seed: int = 52, commands: int = 1000) -> Figures:
    """`commands` in each round, each sent once and again 0 to 5 times, over two sockets at once: stored once, one answer."""
    figures = Figures()
    server = Dibs(folder / "data")
    await server.start()
    try:
        for number in range(rounds):
            await _resend_round(server, figures, random.Random(seed + number), commands)
            figures.rounds += 1
        await server.stop()
    finally:
        server.kill()
    return figures


async def _resend_round(server: Dibs, figures: Figures, chance: random.Random, commands: int) -> None:
    store = f"s-{chance.getrandbits(48):x}"
    agents = [await Person.open(server, server.token("agent", "a", stores=[store])) for _ in range(2)]
    users = [await Person.open(server, server.token("user", "u")) for _ in range(2)]
    acked: dict[str, Frame] = {}
    try:
        for number in range(commands):
            side, type, fields = _next(number, chance)
            id = f"{chance.getrandbits(64):x}"
            frame = {"type": type, "id": id, "store": store} | fields | ({"body": words(id)} if type == "send" else {})
            answers = await _repeat(frame, agents if side == "agent" else users, chance)
            odd = [answer for answer in answers if not same(answer, answers[0]) or answer["type"] != "ack"]
            figures.expect(not odd, f"{frame} got {answers}")
            figures.expect(sum(not answer.get("duplicate") for answer in answers) == 1, f"{frame} took effect more than once: {answers}")
            acked[id] = answers[0]
        await _stored_once(server, store, acked, figures)
    finally:
        for person in (*agents, *users):
            await person.tidy()
            figures.faults += person.checker.faults
    figures.acked += len(acked)


def _next(number: int, chance: random.Random) -> tuple[str, str, dict[str, Any]]:
    """One round of a chat in every ten commands; what is to succeed stands in an order in which it does."""
    match number % 10:
        case 1:
            return "agent", "claim", {"user": "u"}
        case 2 | 3 | 4:
            return "agent", "send", {"user": "u", "kind": "text"}
        case 5:
            return "agent", "note", {"user": "u", "body": words("note")}
        case 8:
            return "agent", chance.choice(["release", "resolve"]), {"user": "u"}
        case _:
            return "user", "send", {"kind": "text"}


async def _repeat(frame: Frame, sessions: list[Person], chance: random.Random) -> list[Frame]:
    """All answers to one command that is sent 1 to 6 times, in arrays or one by one."""
    order = [chance.choice(sessions) for _ in range(chance.randint(1, 6))]
    for session in order:
        await session.send(frame)
    return [await session.answer(frame["id"]) for session in order]


async def _stored_once(server: Dibs, store: str, acked: dict[str, Frame], figures: Figures) -> None:
    reader, _ = await visit(server, store)
    async with reader:
        stored = [frame["id"] for frame in reader.missed if frame["type"] in ("message", "note")]
    sent = {id for id, ack in acked.items() if "status" not in ack}
    figures.doubled += len(stored) - len(set(stored))
    figures.lost += len(sent - set(stored))
    figures.expect(len(stored) == len(set(stored)), "a command is stored twice")
    figures.expect(set(stored) == sent, f"stored and acked differ: {sorted(set(stored) ^ sent)[:5]}")


async def cut_all(rounds: int, folder: Path, seed: int = 53, sessions: int = 500) -> Figures:
    """Everybody loses the network at once, and is back and caught up within 10 s: spread over a few seconds as the protocol asks,
    and in every second round all but together."""
    figures = Figures()
    server = Dibs(folder / "data")
    await server.start()
    load = Load(server, shoppers=sessions, agents=2, seed=seed)
    try:
        await load.begin()
        hasty_s = load.agents[0].away_s
        for number in range(rounds):
            for person in load.people:
                person.away_s = hasty_s if number % 2 else AWAY_S
                person.ready.clear()
                person.cut()
            start = asyncio.get_running_loop().time()
            writing = asyncio.create_task(_everybody_writes(load))
            await load.back()
            await writing
            figures.recovered(asyncio.get_running_loop().time() - start, BACK_S, f"{sessions} coming back")
            figures.rounds += 1
        await conclude(load, figures)
        await load.end()
        await server.stop()
    finally:
        await load.end()
        server.kill()
    return figures


async def _everybody_writes(load: Load) -> None:
    await asyncio.gather(*(person.ask(person.text()) for person in load.shoppers))
