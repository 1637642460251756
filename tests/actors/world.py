"""A node without sockets and without Redis, on virtual time, and clients for it: what they hear is what is judged.

`World` is what `web.serve` builds, over a journal in memory that can be given faults. `Peer` is a client: it says frames and reads
frames. A `World` leaves with an error if anything was logged as one and the test did not say that it had to be (`expect_errors`).
"""

import asyncio

import msgspec

from actors.append import Append
from actors.event import tail
from actors.identity import Identity
from actors.node import Node
from actors.option import Options
from actors.rule import apply, decide
from actors.session import BadToken
from actors.tally import Tally
from actors.task import Tasks
from storage.actor import StorageActor
from storage.batch import Limits
from storage.memory import MemoryJournal
from tests.actors.virtual import VirtualClock
from tests.actors.weather import Weather

PATIENCE_S = 90.0
"""Virtual seconds until a frame that does not come is missing."""
FAR_S = 10.0**11


class Lines:
    """A log that keeps its lines: (level, event, fields)."""

    def __init__(self):
        self.all = []

    def __getattr__(self, level):
        return lambda event, **fields: self.all.append((level, event, fields))

    @property
    def errors(self):
        return [(event, fields) for level, event, fields in self.all if level == "error"]


class World:
    """`async with World(grace_s=5) as world`. Two worlds over one `inner` journal are two nodes."""

    def __init__(self, *, inner=None, limits=None, **options):
        self.clock = VirtualClock()
        self.inner = inner if inner is not None else MemoryJournal(self.clock.wall_ms, limits or Limits())
        self.journal = Weather(self.inner)
        self.tally, self.log = Tally(), Lines()
        self.tasks = Tasks(self.log)
        self.storage = StorageActor(self.journal, self.clock, self.tally, self.log)
        self.options = Options(**{"rate": 0.0, **options})
        self.node = Node(storage=self.storage, clock=self.clock, log=self.log, tally=self.tally, options=self.options, tasks=self.tasks)
        self._identities = {}
        self._ids = 0
        self._expects_errors = False

    async def __aenter__(self):
        await self.storage.begin()
        self.tasks.start(self.storage.run())
        self.tasks.start(self.node.run())
        return self

    async def __aexit__(self, kind, *_):
        await self.tasks.end()
        if kind is None and not self._expects_errors:
            assert not self.log.errors

    def expect_errors(self):
        """Something will be broken on purpose."""
        self._expects_errors = True

    async def settle(self):
        """Whatever can happen without time passing has happened, and what one reply of the journal makes possible too."""
        await asyncio.sleep(0.01)

    def new_id(self):
        self._ids += 1
        return f"c{self._ids}"

    # Clients.

    def token(self, role, id, stores, *, name=None, ttl_s=FAR_S, issued_s=0.0):
        token = f"token-{len(self._identities)}"
        stores = None if stores is None else frozenset(stores)
        expires_s = self.clock.wall_ms() / 1000 + ttl_s
        self._identities[token] = Identity(role=role, id=id, name=name, stores=stores, expires_s=expires_s, issued_s=issued_s)
        return token

    def authenticate(self, token):
        if token not in self._identities:
            raise BadToken
        return self._identities[token]

    async def user(self, id="u1", *, stores=None, name=None, ttl_s=FAR_S, ready=True, **hello):
        return await self._client(self.token("user", id, stores, name=name, ttl_s=ttl_s), hello, ready=ready)

    async def agent(self, id="a1", *, stores=("s1",), name=None, role="agent", ttl_s=FAR_S, issued_s=0.0, ready=True, **hello):
        return await self._client(self.token(role, id, stores, name=name, ttl_s=ttl_s, issued_s=issued_s), hello, ready=ready)

    async def _client(self, token, hello, *, ready):
        if "resume" in hello:
            hello.setdefault("generation", self.storage.generation)
        peer = Peer(self)
        await peer.say("hello", token=token, **hello)
        if ready:
            await peer.expect("ready")
        return peer

    async def behind(self, user, command, *, store="s1"):
        """Another node carries `command` out, behind this one's back. Returns the chat as it is then."""
        (record,) = await self.inner.load_chats(store, (user,))
        chat = record.chat
        decision = decide(chat, command, self.clock.wall_ms())
        append = Append(store=store, user=user, epoch=chat.epoch, owner=chat.owner_id, conditions=decision.conditions)
        append.events, append.tails = decision.events, tuple(map(tail, decision.events))
        await self.inner.append([append])
        for event in decision.events:
            chat = apply(chat, event)
        return chat

    async def log_frames(self, store="s1"):
        """The whole log of a store, as agents get it."""
        page = await self.inner.read_log(store, 0, 1_000_000)
        return [msgspec.json.decode(frame) for frame in page.frames]


ANSWERS = ("ack", "error", "chats", "history", "found", "figures", "profile", "context")


class Peer:
    """One client. `heard` is all it ever received, `unread` what no `expect` has taken yet, `payloads` the WebSocket messages."""

    def __init__(self, world):
        self.world = world
        self.heard, self.unread, self.payloads = [], [], []
        self.pace_s = 0.0
        """How long the socket takes for one WebSocket message."""
        self.takes = asyncio.Event()
        self.takes.set()
        """Cleared: the socket takes nothing."""
        self.most_waiting = 0
        """The most bytes that ever waited in the outbox when the socket was handed something."""
        self.closed = asyncio.Event()
        self._news = asyncio.Event()
        self._left = False
        self._pops = 0
        self.session = world.node.open(world.authenticate)
        self.session.on_end = self._end
        self._room = asyncio.Event()
        self.session.on_room = self._room.set
        self._writer = world.node.spawn(self.session.write(self._take))

    async def _take(self, payload):
        self.most_waiting = max(self.most_waiting, self.session.outbox.bytes)
        if self.pace_s:
            await asyncio.sleep(self.pace_s)
        await self.takes.wait()
        self.payloads.append(payload)
        found = msgspec.json.decode(payload)
        frames = found if isinstance(found, list) else [found]
        self.heard += frames
        self.unread += frames
        self._news.set()

    def _end(self):
        if not self._left:
            self.world.node.spawn(self._close())

    async def _close(self):
        """What `web.socket` does: what waits is written, then the socket is closed and gone."""
        await asyncio.wait([self._writer], timeout=5.0)
        self._writer.cancel()
        if not self._left:
            self._left = True
            self.session.gone()
        self.closed.set()

    def cut(self):
        """The connection is gone, without a word."""
        self._left = True
        self._writer.cancel()
        self.session.gone()
        self.closed.set()

    async def close_code(self):
        """Waits for the server to end the session."""
        async with asyncio.timeout(PATIENCE_S):
            await self.closed.wait()
        return self.session.close_code

    async def say(self, type, **fields):
        await self._feed({"type": type, **fields})

    async def say_all(self, *frames):
        """One array of frames."""
        await self._feed(list(frames))

    async def _feed(self, value):
        """A client whose server does not read waits."""
        while self.session.is_full():
            self._room.clear()
            await self._room.wait()
        self.session.feed(msgspec.json.encode(value).decode())

    async def expect(self, *types, **match):
        """The first unread frame of these types with these fields; waits for it."""

        def fits(frame):
            return frame["type"] in types and all(frame.get(key, ...) == value for key, value in match.items())

        try:
            async with asyncio.timeout(PATIENCE_S):
                seen, pops = 0, self._pops
                while True:
                    if pops != self._pops:
                        seen, pops = 0, self._pops
                    for i in range(seen, len(self.unread)):
                        if fits(self.unread[i]):
                            self._pops += 1
                            return self.unread.pop(i)
                    seen = len(self.unread)
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"no {types} {match} came, but {self.unread[-20:]}") from None

    def forget(self):
        """What came until now is read."""
        self.unread.clear()
        self._pops += 1

    async def answer(self, id):
        return await self.expect(*ANSWERS, id=id)

    async def command(self, type, **fields):
        """Says a command and returns its answer."""
        fields.setdefault("id", self.world.new_id())
        await self.say(type, **fields)
        return await self.answer(fields["id"])

    async def ack(self, type, **fields):
        """Says a command that has to be carried out."""
        answer = await self.command(type, **fields)
        assert answer["type"] == "ack", answer
        return answer

    async def send(self, text="hi", *, store="s1", **fields):
        """Sends a text that has to be taken."""
        return await self.ack("send", store=store, kind="text", body={"text": text}, **fields)

    def texts(self, **match):
        """The texts of all messages heard so far, in order."""
        messages = [frame for frame in self.heard if frame["type"] == "message" and all(frame[k] == v for k, v in match.items())]
        return [frame["body"]["text"] for frame in messages]

    def of(self, *types):
        """All frames of these types heard so far."""
        return [frame for frame in self.heard if frame["type"] in types]


def send(text, id, *, store="s1", **fields):
    """A `send` frame, for arrays."""
    return {"type": "send", "id": id, "store": store, "kind": "text", "body": {"text": text}, **fields}
