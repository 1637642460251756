"""Rubbish over live sockets: a real server process, strangers who say what mutation makes, and two people who chat on all the while."""

import asyncio
import contextlib
import json
import random
import re
import time
from collections import Counter
from pathlib import Path

import attrs

from actors.frame import parse
from tests.fuzz.mutate import Mutator, frames
from tests.web.raw import dial, frame
from tests.wire.person import Person
from tests.wire.server import Server

STRANGERS = 12
BATCH = 16
CLOSES = {1002, 1003, 1005, 1007, 1009, 4000, 4001}
"""Codes that a stranger may be closed with: those of RFC 6455 that it brings on itself, and of the protocol."""
CODES = {
    *("bad_frame", "unknown_type", "too_large", "forbidden", "not_found", "no_such_store", "id_reused", "stale_claim", "closed"),
    *("not_claimed", "not_owner", "already_claimed", "no_such_agent", "not_closed", "already_rated", "stale_profile", "overloaded"),
}
"""Codes of errors that may be heard: never `internal`, nor `unavailable`."""
BREACHES = re.compile(r'Traceback|"level": "(?:error|critical)"')


@attrs.define
class Seen:
    """What the server did."""

    frames: int = 0
    messages: int = 0
    sessions: int = 0
    closes: Counter[int] = attrs.field(factory=Counter)
    answers: Counter[str] = attrs.field(factory=Counter)
    latencies_s: list[float] = attrs.field(factory=list)
    breaches: list[str] = attrs.field(factory=list)
    mib: list[float] = attrs.field(factory=list)
    """After each tenth of the frames."""
    before: dict[str, float] = attrs.field(factory=dict)
    after: dict[str, float] = attrs.field(factory=dict)

    def expect(self, holds, sentence):
        if not holds and len(self.breaches) < 50:
            self.breaches.append(sentence)


class Stranger:
    """One identity that comes again and again; half of its texts come from `texts`, the rest from the right frames of its side."""

    def __init__(self, server, number, seed, seen, texts):
        self._random = random.Random(f"{seed}/{number}")
        self._server, self._seen, self._number = server, seen, number
        self.role = ("user", "agent", "supervisor")[number % 3]
        right = [text for text in frames("user" if self.role == "user" else "store") if '"type":"token"' not in text]
        self._mutators = [Mutator(self._random, right), Mutator(self._random, texts or right)]
        self._batch = 0

    async def run(self, goal, tell):
        while self._seen.frames < goal:
            async with dial(self._server.address, "/ws") as raw:
                self._seen.sessions += 1
                await self._talk(raw, goal, tell)

    async def _talk(self, raw, goal, tell):
        token = self._server.token(self.role, "x" if self._number < 3 else f"x{self._number}", stores=["x", "y"])
        hello = {"type": "hello", "token": token}
        raw.say(frame(1, json.dumps(hello).encode()))
        while self._seen.frames < goal:
            self._batch = 0
            for n in range(BATCH):
                await asyncio.sleep(0)  # the calm ones have their turn: it is the server that is measured
                if not self._say(raw, n):
                    break
            else:
                raw.say(frame(9, b"there?"))
            while True:
                heard = await raw.hear(30)
                if heard is None:
                    self._seen.expect(raw.ended, "ended without a word")
                    return
                opcode, payload = heard
                if opcode == 1:
                    self._hear(payload)
                elif opcode == 8:
                    code = int.from_bytes(payload[:2], "big") if payload else 1005
                    self._seen.closes[code] += 1
                    self._seen.expect(code in CLOSES, f"closed with {code} {payload[2:]!r}")
                    if not raw.ended:
                        raw.say(frame(8, payload[:2]))
                    return
                elif payload == b"there?":
                    # Only what an open session has had counts.
                    self._seen.frames += self._batch
                    self._seen.messages += BATCH
                    tell()
                    break

    def _say(self, raw, n):
        """One message; False where it was the last, with half of its frame left out."""
        chance = self._random
        mutator = chance.choice(self._mutators)
        count = 1 if chance.random() < 0.9 else chance.choice((2, 3, 8, 64))
        texts = [mutator.text().replace("@", f"{chance.randrange(10 ** chance.choice((1, 9)))}") for _ in range(count)]
        for at in range(len(texts), 0, -8):
            texts[at:at] = ['{"type":"ping"}']  # ten bad frames in a row end a session
        texts = texts[:64]
        said = "[" + ",".join(texts) + "]" if count > 1 else texts[0]
        data = said.encode("utf-8", "ignore")[:65536]
        self._batch += len(parse(said))  # an array that is broken is one, however many were meant
        if n % 6 == 0:
            raw.say(frame(1, b'{"type":"ping"}'))
        dice = chance.random()
        if dice < 0.0005:
            raw.say(frame(1, data + chance.choice((b"\xff", b"\xed\xa0\x80"))))
        elif dice < 0.001:
            broken = bytearray(frame(1, data))
            broken[chance.randrange(min(len(broken), 8))] ^= 1 << chance.randrange(8)
            raw.say(bytes(broken))
            raw.end()
            return False
        elif dice < 0.0012:
            raw.say(frame(2, chance.choice((b"", data))))
        elif dice < 0.05:
            at = chance.randint(0, len(data))
            raw.say(frame(1, data[:at], fin=False) + frame(9, b"between") + frame(0, data[at:]))
        else:
            raw.say(frame(1, data))
        return True

    def _hear(self, payload):
        message = json.loads(payload)
        for heard in message if isinstance(message, list) else [message]:
            if heard["type"] == "error":
                self._seen.answers[heard["code"]] += 1
                self._seen.expect(heard["code"] in CODES, f"an error {heard}")
            else:
                self._seen.answers[heard["type"]] += 1


async def chat(server, seen, ending):
    """Two people at a store that the strangers do not enter; every message must arrive."""
    agent = await Person.open(server, server.token("agent", "calm", stores=["calm"]))
    user = await Person.open(server, server.token("user", "calm", stores=["calm"]))
    agent.store = user.store = "calm"
    await user.say("hello")
    await agent.claim(user)
    n = 0
    while not ending.is_set():
        n += 1
        start = time.monotonic()
        await (user.say(f"m{n}") if n % 2 else agent.say(f"m{n}", to=user))
        await (agent if n % 2 else user).heard(f"m{n}", within_s=30)
        seen.latencies_s.append(time.monotonic() - start)
        user.forget()
        agent.forget()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await ending.wait()
    for person in (agent, user):
        await person.close()


STORES = 'actors{kind="store"}'


async def measure(server):
    """What the process holds, by its own count and by the system's."""
    _, text = await server.http("/metrics")
    found = {name: float(value) for name, value in re.findall(r"^dibs_(sessions|tasks|actors\{kind=\"\w+\"\}) (\S+)$", text, re.MULTILINE)}
    found["tasks"] -= found[STORES]  # an actor is a task, and a store stays for a minute after the last who needed it
    if (process := Path(f"/proc/{server.pid}")).is_dir():
        found["sockets"] = len(inodes(process))
        found["MiB"] = round(int(re.search(r"VmRSS:\s+(\d+)", (process / "status").read_text())[1]) / 1024, 1)
    return found


def inodes(process):
    """The TCP sockets that a process holds, the listening one too."""
    tcp = {line.split()[9] for name in ("tcp", "tcp6") for line in (process / "net" / name).read_text().splitlines()[1:]}
    held = set()
    for link in (process / "fd").iterdir():
        with contextlib.suppress(OSError):
            held.update(re.findall(r"socket:\[(\d+)\]", str(link.readlink())))
    return tcp & held


async def at_rest(server, like, within_s):
    """Measures until all that can be counted is as it was, or as long as it may take; stores count where that is more than their minute."""
    deadline_s = time.monotonic() + within_s
    while True:
        found = await measure(server)
        if within_s < 60:
            del found[STORES]
        if all(found[key] <= like.get(key, 0) for key in found if key != "MiB") or time.monotonic() > deadline_s:
            return found
        await asyncio.sleep(0.5)


async def assail(folder, goal, seed, texts, *, tell, rest_s=90.0, grown_mib=8.0):
    """Says `goal` frames to a server of its own, whose memory may grow by so much after the first tenth of them."""
    seen = Seen()
    server = Server(folder / "data", private=True, grace=2)
    await server.start()
    try:
        empty = await measure(server)

        async def wave(until):
            strangers = [Stranger(server, n, f"{seed}/{until}", seen, texts) for n in range(STRANGERS)]
            await asyncio.gather(*(stranger.run(until, lambda: tell(seen.frames)) for stranger in strangers))

        ending = asyncio.Event()
        calm = asyncio.create_task(chat(server, seen, ending))
        try:
            for tenth in range(1, 11):
                await wave(goal * tenth // 10)
                seen.mib.append((await measure(server)).get("MiB", 0.0))
        finally:
            ending.set()
            await calm
        seen.before = empty | {"MiB": seen.mib[0]}
        seen.after = await at_rest(server, empty, rest_s)
        for key, value in seen.after.items():
            if key != "MiB":
                seen.expect(value <= seen.before.get(key, 0), f"{key}: {seen.before.get(key, 0):g} before, {value:g} after")
            else:
                seen.expect(value - seen.before[key] <= grown_mib, f"memory grew from {seen.before[key]} to {value} MiB")
        await server.stop()
        said = server.said()
        for found in BREACHES.finditer(said):
            seen.expect(False, f"in the log: …{said[max(0, found.start() - 200) : found.end() + 600]}")
    finally:
        server.kill()
    return seen
