"""What a node hears of other nodes: the channels it follows, over one connection that is made anew whenever it is cut or deaf.

    follow -> subscribed -> confirmed: told to whoever compares, since what was published before that was not heard
    cut, or a token that this node published did not come back: connected again, everything followed again and confirmed anew

Whatever is published while nobody listens is lost here, and is in the log.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence

from actors.bell import Bell
from actors.news import Followed, MarksLost, News, Topic
from actors.port import Log
from storage.journal import Journal, JournalLost, JournalRefused, JournalUnreachable
from storage.key import NODES, channel_of_node
from storage.news import channel, moves, read
from storage.pipe import Command

PROBE_S = 2.0
"""A token is published this often, and has this long to come back."""
PAUSE_S = (0.05, 0.2, 0.5, 1.0)
"""The pause before the n-th connection in a row."""
_EVERYBODY = Topic("about")
"""What is said to all nodes is about no store."""
SOME = 256
"""Commands that are sent, and messages that are taken, before others get a turn."""


class Follower:
    """A part of the storage actor. `on_news` never waits; `on_followed` is told topics that are followed from now on."""

    def __init__(self, journal: Journal, log: Log) -> None:
        self._journal = journal
        self._log = log
        self._own = journal.node.encode()
        self._topics: dict[str, Topic] = {}
        self._said: list[Command] = []
        self._work = Bell()
        self._moves: dict[str, int] = {}
        """Store to how many moves of marks have been published in it, as far as was heard."""
        self._token = b""
        self._returned = asyncio.Event()
        self._confirmed: dict[bool, list[Topic]] = {}
        self._before: set[str] = set()
        """Channels that were followed on a connection that was cut."""
        self.is_listening = False
        """Whether there is a connection."""
        self.cuts = 0
        """How often it was lost."""
        self.on_news: Callable[[News], None] = _nobody
        self.on_followed: Followed = _nobody_follows

    def follow(self, topic: Topic) -> None:
        """Wants to hear of it from now on; `on_followed` tells when that is so."""
        name = channel(topic)
        if name not in self._topics:
            self._topics[name] = topic
            self._say("SSUBSCRIBE", name)

    def leave(self, topic: Topic) -> None:
        """Wants to hear of it no more."""
        name = channel(topic)
        if self._topics.pop(name, None) is not None:
            self._before.discard(name)
            if topic.kind == "live":
                self._moves.pop(topic.store, None)
            self._say("SUNSUBSCRIBE", name)

    def has_heard(self, store: str, moves: int) -> bool:
        """Whether so many moves of marks were heard of, or it is the first that is known of them. From now on they count as heard."""
        before = self._moves.get(store, moves)
        self._moves[store] = max(before, moves)
        return before >= moves

    def _say(self, command: str, name: str) -> None:
        if self.is_listening:
            self._said.append((command, name))
            self._work.ring()

    async def run(self) -> None:
        """Listens until cancelled."""
        failures, ear, loop = 0, self._journal.ear, asyncio.get_running_loop()
        try:
            while True:
                began_s = loop.time()
                try:
                    await ear.open()
                    await self._listen()
                except (JournalUnreachable, JournalLost) as error:
                    if loop.time() - began_s > PROBE_S:
                        failures = 0
                    if not failures:
                        self._log.info("does_not_hear_other_nodes", error=repr(error))
                except Exception as error:  # noqa: BLE001 - whatever it was, it is begun again
                    self._log.error("follower failed", error=repr(error), exc_info=error)
                self.is_listening = False
                self.cuts += 1
                await asyncio.sleep(PAUSE_S[min(failures, len(PAUSE_S) - 1)])
                failures += 1
        finally:
            await ear.close()

    async def _listen(self) -> None:
        """The life of one connection; raises when it is over."""
        self._moves.clear()
        self._said = [("SUBSCRIBE", NODES), ("SUBSCRIBE", channel_of_node(self._journal.node))]
        self._said += [("SSUBSCRIBE", name) for name in self._topics]
        self.is_listening = True
        self._work.ring()
        loop = asyncio.get_running_loop()
        parts = [loop.create_task(part) for part in (self._hear(), self._speak(), self._probe())]
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for part in parts:
                part.cancel()
            found = await asyncio.gather(*parts, return_exceptions=True)
        for error in found:
            if isinstance(error, Exception):
                raise error

    async def _speak(self) -> None:
        ear = self._journal.ear
        while True:
            while self._said:
                some, self._said = self._said[:SOME], self._said[SOME:]
                await ear.say(some)
            await self._work.wait()

    async def _hear(self) -> None:
        ear, taken = self._journal.ear, 0
        while True:
            kind, name, message = await ear.hear()
            if kind == "smessage":
                self._take(name, message)
            elif kind == "ssubscribe":
                self._confirm(name)
            elif kind == "message" and name == NODES:
                if (news := read(_EVERYBODY, message, self._own)) is not None:
                    self.on_news(news)
            elif kind == "message":
                if message == self._token:
                    self._returned.set()
            elif kind == "error":  # channels may be forbidden to us, or too many
                raise JournalLost(message.decode("utf-8", "replace"))
            taken += 1
            if not taken % SOME:
                await asyncio.sleep(0)

    def _take(self, name: str, message: bytes) -> None:
        topic = self._topics.get(name)
        if topic is None:
            return
        if topic.kind == "live":
            self._count(topic, message)
        news = read(topic, message, self._own)
        if news is not None:
            self.on_news(news)

    def _count(self, topic: Topic, message: bytes) -> None:
        """Marks have no number of their own: a move that was not heard shows by how many there were."""
        found = moves(message)
        if found is None:
            return
        count, here = found
        before = self._moves.get(topic.store)
        self._moves[topic.store] = count
        if before is not None and count - here > before:
            self.on_news(MarksLost(topic.store))

    def _confirm(self, name: str) -> None:
        topic = self._topics.get(name)
        if topic is None:
            return
        if not self._confirmed:
            asyncio.get_running_loop().call_soon(self._tell_confirmed)
        self._confirmed.setdefault(name in self._before, []).append(topic)
        self._before.add(name)

    def _tell_confirmed(self) -> None:
        confirmed, self._confirmed = self._confirmed, {}
        for again, topics in confirmed.items():
            self.on_followed(topics, again=again)

    async def _probe(self) -> None:
        """Pings would be answered by a server that forgot what is followed here; a token that is published comes back or does not."""
        while True:
            await asyncio.sleep(PROBE_S)
            self._token = secrets.token_hex(8).encode()
            self._returned.clear()
            try:
                await self._journal.publish(channel_of_node(self._journal.node), self._token)
            except (JournalUnreachable, JournalRefused, JournalLost):
                continue  # the storage is out of reach, which is known
            try:
                async with asyncio.timeout(PROBE_S):
                    await self._returned.wait()
            except TimeoutError:
                raise JournalLost("a token did not come back") from None


def _nobody(news: News) -> None:
    """No node listens to this storage yet."""


def _nobody_follows(topics: Sequence[Topic], *, again: bool) -> None:
    """The same."""
