"""What storage holds in the end, read over the wire, against what every client was told.

The log of the store and the history of each chat are read by an agent who was never there before.
"""

import asyncio
from collections.abc import Iterable

import attrs

from tests.faults.caller import Caller
from tests.wire.checker import Frame
from tests.wire.client import Client
from tests.wire.person import Person
from tests.wire.server import Server

FIELDS = ("seq", "from", "body", "id", "at")
SETTLE_S = 10.0


@attrs.define
class Audit:
    """`acked` counts commands; the lists hold one sentence for each breach."""

    acked: int = 0
    lost: list[str] = attrs.field(factory=list)
    doubled: list[str] = attrs.field(factory=list)
    double_owners: list[str] = attrs.field(factory=list)
    others: list[str] = attrs.field(factory=list)
    log: list[Frame] = attrs.field(factory=list)
    histories: dict[str, list[Frame]] = attrs.field(factory=dict)

    def sentences(self) -> list[str]:
        return [*self.lost, *self.doubled, *self.double_owners, *self.others]

    def judge(self, people: Iterable[Caller]) -> None:
        people = list(people)
        self.check_log()
        self.check_histories()
        for person in people:
            self.acked += len(person.acks)
            self.check_acks(person)
            self.check_held(person)
            self.others += person.faults

    def check_log(self) -> None:
        """Offsets and seqs without gap, ids once, epochs rise, one owner for each, and nobody but the owner spoke for the store."""
        seqs: dict[str, int] = {}
        ids: set[tuple[str, str, str]] = set()
        epochs: dict[str, int] = {}
        owners: dict[str, str | None] = {}
        for number, frame in enumerate(self.log, self.log[0]["offset"] if self.log else 0):
            user = frame["user"]
            if frame["offset"] != number:
                self.others.append(f"offset {number} is {frame['offset']} in the log")
            if frame["type"] == "status":
                if frame["epoch"] <= epochs.get(user, 0):
                    self.double_owners.append(f"{user}: epoch {frame['epoch']} after {epochs[user]}")
                epochs[user] = frame["epoch"]
                owners[user] = (frame["owner"] or {}).get("id")
            if frame["type"] != "message":
                continue
            by = frame["from"]
            if frame["seq"] != seqs.get(user, 0) + 1:
                self.others.append(f"{user}: seq {frame['seq']} after {seqs.get(user, 0)}")
            seqs[user] = frame["seq"]
            if (by["role"], by["id"], frame["id"]) in ids:
                self.doubled.append(f"{user}: {frame['id']} of {by['id']} is there twice")
            ids.add((by["role"], by["id"], frame["id"]))
            if by["role"] != "user" and owners.get(user) != by["id"]:
                self.double_owners.append(f"{user}: {by['id']} spoke at {frame['offset']} while {owners.get(user)} owned it")

    def check_histories(self) -> None:
        """A chat's history is its part of the log."""
        for user, history in self.histories.items():
            logged = [frame for frame in self.log if frame["user"] == user and frame["type"] == "message"]
            if [part(frame) for frame in history] != [part(frame) for frame in logged]:
                self.others.append(f"{user}: {len(history)} messages in the history, {len(logged)} in the log, or not the same")

    def check_acks(self, person: Caller) -> None:
        """What was acknowledged is there, once, under its number, in the order of the acks."""
        stored = {frame["id"]: frame for history in self.histories.values() for frame in history if frame["from"]["id"] == person.id}
        last: dict[str, tuple[int, str]] = {}
        for id, ack in person.acks.items():
            if "seq" not in ack:
                continue
            frame = stored.pop(id, None)
            if frame is None:
                self.lost.append(f"{person.id}: {id}, acked as {ack}, is not there")
            elif frame["seq"] != ack["seq"] or frame["at"] != ack["at"]:
                self.others.append(f"{person.id}: {ack} but stored as {part(frame)}")
            else:
                before = last.get(frame["user"], (0, ""))
                if before[0] >= frame["seq"]:
                    self.others.append(f"{person.id}: {before[1]} was acked before {id} and stands behind it")
                last[frame["user"]] = (frame["seq"], id)
        for id in stored:
            if id in person.refusals:
                self.others.append(f"{person.id}: {id} was refused with {person.refusals[id]['code']} and is there")

    def check_held(self, person: Caller) -> None:
        """What a client holds is what is stored; a shopper's end is the chat's end."""
        for user, held in person.messages.items():
            stored = {frame["seq"]: part(frame) for frame in self.histories.get(user, [])}
            wrong = [seq for seq, frame in held.items() if stored.get(seq) != part(frame)]
            if wrong:
                self.others.append(f"{person.id} holds {user} {wrong[:5]} other than stored")
        history = self.histories.get(person.id, [])
        if not person.agent and history and person.seq != history[-1]["seq"]:
            self.others.append(f"{person.id} holds up to {person.seq} of {history[-1]['seq']}")
        if person.agent and person.offset != (self.log[-1]["offset"] if self.log else 0):
            self.others.append(f"{person.id} holds up to offset {person.offset} of {self.log[-1]['offset'] if self.log else 0}")

    def check_pictures(self, people: Iterable[Caller], fresh: dict[str, Frame]) -> None:
        """At rest a snapshot and the events after it are a fresh snapshot."""
        for person in people:
            if not person.agent:
                continue
            open_chats = {user: chat for user, chat in person.chats.items() if chat["status"] != "closed"}
            for user in sorted(open_chats.keys() | fresh.keys()):
                if len(self.others) > 20:
                    return
                mine, theirs = open_chats.get(user, {}), fresh.get(user, {})
                fields = ("status", "owner", "epoch", "seq")
                if [mine.get(field) for field in fields] != [theirs.get(field) for field in fields]:
                    shown = [{field: chat.get(field) for field in fields} for chat in (mine, theirs)]
                    early = [frame["offset"] for frame in person.early if frame["user"] == user]
                    self.others.append(f"{person.id} sees {user} as {shown[0]}, a fresh snapshot as {shown[1]}; not in either: {early}")


def part(frame: Frame) -> Frame:
    return {key: frame.get(key) for key in FIELDS}


async def audit(server: Server, store: str, people: list[Caller]) -> Audit:
    """Reads everything and judges it."""
    found = Audit()
    auditor, chats = await visit(server, store)
    async with auditor:
        found.log = auditor.missed
        for user in {frame["user"] for frame in found.log}:
            found.histories[user] = await history(auditor, user)
        end = found.log[-1]["offset"] if found.log else 0
        await settle(people, end, found.histories)
    found.judge(people)
    found.check_pictures(people, chats)
    return found


async def visit(server: Server, store: str) -> tuple[Person, dict[str, Frame]]:
    """An agent who holds the whole log, and its snapshot."""
    token = server.token("agent", "auditor", stores=[store])
    first = await Person.open(server, token)
    generation = first.welcome["generation"]
    await first.tidy()
    person = await Person.open(server, token, resume={store: 0}, generation=generation)
    person.store = store
    assert not person.resets, "the log does not reach back to its beginning"
    return person, {user: chat for (_, user), chat in person.chats.items() if chat["status"] != "closed"}


async def history(person: Person, user: str) -> list[Frame]:
    """All messages of a chat, page by page."""
    found: list[Frame] = []
    before: dict[str, int] = {}
    while True:
        page = await Client.command(person, "history", store=person.store, user=user, limit=200, **before)
        assert page["type"] == "history", page
        messages = [frame for frame in page["messages"] if frame["type"] == "message"]
        found[:0] = messages
        if not page["more"]:
            return found
        before = {"before": messages[0]["seq"]}


async def settle(people: list[Caller], offset: int, histories: dict[str, list[Frame]]) -> None:
    """Gives what is still on its way to the sessions a moment to arrive; who does not get it is judged without."""

    def arrived(person: Caller) -> bool:
        if person.agent:
            return (person.offset or 0) >= offset
        return person.seq >= max((frame["seq"] for frame in histories.get(person.id, [])), default=0)

    for _ in range(int(SETTLE_S / 0.02)):
        if all(arrived(person) for person in people):
            return
        await asyncio.sleep(0.02)
