"""Each kind of actor made to raise, in a process whose launcher has bent one method of one class: nobody else notices."""

from pathlib import Path

import attrs

from tests.faults.load import Figures, Load, conclude, loaded
from tests.faults.process import Dibs
from tests.wire.person import Person, words

WORD = "made to raise"
POISON = "boom"
_LAUNCH = """
import sys
from {module} import {cls}
whole = {cls}.{method}
def poisoned(self, message):
    if ({poisoned}):
        raise RuntimeError("{word}")
    return whole(self, message)
{cls}.{method} = poisoned
import web.command
sys.exit(web.command.main())
"""


@attrs.frozen
class Kind:
    """Where the poison is put: a method of a class, and the Python that knows a poisoned `message`."""

    name: str
    role: str
    module: str
    cls: str
    method: str
    poisoned: str
    ends_session: bool

    @property
    def launch(self) -> tuple[str, str]:
        where = {"module": self.module, "cls": self.cls, "method": self.method, "poisoned": self.poisoned, "word": WORD}
        return "-c", _LAUNCH.format(**where)


_HEARD = f"str(getattr(getattr(message, 'frame', None), 'id', '')).startswith('{POISON}')"
_ASKED = f"str(getattr(getattr(message, 'command', None), 'id', '')).startswith('{POISON}')"
KINDS = (
    Kind("store", "user", "actors.store", "StoreActor", "receive", _ASKED, False),
    Kind("user", "user", "actors.user", "UserActor", "receive", _HEARD, True),
    Kind("agent", "agent", "actors.agent", "AgentActor", "receive", _HEARD, True),
    Kind("session", "user", "actors.session", "Session", "_take", f"str(getattr(message, 'id', '')).startswith('{POISON}')", True),
    Kind("storage", "user", "storage.redis", "RedisJournal", "append", f"any('{POISON}' in append.user for append in message)", False),
)


async def actors(rounds: int, folder: Path, seed: int = 81) -> Figures:
    """`rounds` of every kind."""
    figures = Figures()
    for kind in KINDS:
        server = Dibs(folder / kind.name, launch=kind.launch)
        await server.start()
        before = len(figures.faults)
        try:
            async with loaded(server, seed=seed, shoppers=5, pause_s=0.05) as load:
                await load.until_acked(20)
                for number in range(rounds):
                    await _poison(kind, number, server, load, figures)
                    await load.until_acked(20)
                    figures.rounds += 1
                figures.expect(not any(p.codes for p in load.people), f"sessions of others ended: {[p.codes for p in load.people]}")
                await conclude(load, figures)
            figures.expect(server.said().count(f"RuntimeError: {WORD}") >= rounds, "nothing raised, so this showed nothing")
            await server.stop()
        finally:
            server.kill()
        figures.faults[before:] = [f"{kind.name}: {fault}" for fault in figures.faults[before:]]
    return figures


async def _poison(kind: Kind, number: int, server: Dibs, load: Load, figures: Figures) -> None:
    """One person in the midst of the others sends what makes the actor raise."""
    stores = [load.store] if kind.role == "agent" else None
    token = server.token(kind.role, f"{POISON}{number}", stores=stores)
    person = await Person.open(server, token)
    id = f"{POISON}-{number}"
    if kind.role == "agent":
        await person.post("note", id=id, store=load.store, user=load.shoppers[0].id, body=words("note"))
    else:
        await person.post("send", id=id, store=load.store, kind="text", body=words("hello"))
    if kind.ends_session:
        code = await person.closed()
        figures.expect(code == 4200, f"the session was closed with {code}")
    else:
        answer = await person.answer(id)
        figures.expect(answer["type"] == "error", f"the command was answered by {answer}")
        figures.expect(person.alive(), "the session ended")
    if kind.name != "session":
        told = person.had("error", id=id)
        figures.expect(len(told) == 1, f"the sender was told {told}")
    await person.tidy()
    if kind.name == "storage":
        return
    again = await Person.open(server, token)
    again.store = load.store
    if kind.role == "agent":
        await again.note(load.shoppers[0].id, "note")
    else:
        await again.say("again")
    await again.tidy()
    figures.faults += again.checker.faults
