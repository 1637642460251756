"""What a node follows of what other nodes write, and the comparison that finds what was lost on the way.

    an agent is here:  `live` and `about` of its store        news -> the store's actor, control lane -> agents and users here
    a user is here:    `user`, and for each chat `chat` and `about` of its store

News are in no order that anything rests on: what follows a session's cursor is shown, what does not sends it to the log. What no later
number shows is found by comparing where everything stands: whenever something is followed from now on, and every `LOOK_S`.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from actors.append import StorageUnavailable
from actors.news import AccessWithdrawn, ChatBegan, ChatErased, Head, Heads, MarkShown, MarksLost, News, Said, StoreChanged, Topic
from actors.store_message import HeadFound

if TYPE_CHECKING:
    from actors.node import Node

LOOK_S = 15.0
SETTLE_S = 0.3
"""What was written here or heard of just before a look has come through by then."""
PATIENCE_S = 0.3
"""Nobody waits longer for other nodes to be heard."""
SOME = 500
"""Topics that are compared in one call."""


class Live:
    """A part of a node."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._topics: dict[Topic, asyncio.Event] = {}
        """What is followed; set when it is heard of, and what was written before can be told from what comes."""
        self._missed: set[Topic] = set()
        """What somebody was shown before it was heard of."""
        self._due: dict[Topic, bool] = {}
        """What is to be looked at, and whether it was followed before."""
        self._changes: dict[str, int] = {}
        """Store to how many changes of its queue and its state had been published at the last look."""
        self._look: asyncio.Task[None] | None = None
        node.storage.listen(self.hear, self.followed)

    # What is followed.

    def review_store(self, store: str) -> None:
        """Somebody of the store has come or gone."""
        self._set(Topic("live", store), wanted=store in self._node.agents_of)
        self._set(Topic("about", store), wanted=store in self._node.agents_of or store in self._node.users_of)

    def review_chat(self, store: str, user: str) -> None:
        """A user is known to have a chat there, or is gone."""
        self._set(Topic("chat", store, user), wanted=user in self._node.users_of.get(store, ()))
        self.review_store(store)

    def review_user(self, user: str) -> None:
        """A user has come or gone."""
        self._set(Topic("user", user=user), wanted=user in self._node.users)

    def _set(self, topic: Topic, *, wanted: bool) -> None:
        if wanted and topic not in self._topics:
            self._topics[topic] = asyncio.Event()
            self._node.storage.follow(topic)
        elif not wanted and topic in self._topics:
            del self._topics[topic]
            self._missed.discard(topic)
            self._due.pop(topic, None)
            if topic.kind == "about":
                self._changes.pop(topic.store, None)
            self._node.storage.leave(topic)

    async def heard(self, store: str) -> None:
        """Returns when what happens in the store is heard of, or soon if it cannot be: what is read of it then misses nothing."""
        topic = Topic("live", store)
        event = self._topics.get(topic)
        if event is not None and not event.is_set():
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await event.wait()
            except TimeoutError:
                self._missed.add(topic)

    # What is heard.

    def hear(self, news: News) -> None:
        """Takes news of another node. Of a store with too much of it in the mailbox the log will tell."""
        match news:
            case ChatBegan(store, user):
                self._began(store, user)
            case ChatErased(store, user):
                self._node.chat_gone(store, user)
            case AccessWithdrawn():
                self._node.revocation.read_now()
            case _:
                actor = self._node.stores.get(news.store)
                if actor is not None and len(actor.mailbox) < self._node.options.mailbox_limit:
                    actor.mailbox.put_control(news)

    def tell(self, said: Said) -> None:
        """Tells the other nodes, if there are any, of what no append tells them."""
        if self._node.roll.has_others:
            self._node.spawn(self._tell(said))

    async def _tell(self, said: Said) -> None:
        with suppress(StorageUnavailable):
            await self._node.storage.tell(said)

    def _began(self, store: str, user: str) -> None:
        """It is followed from now on, and what was said in it before is found by the look that follows on that."""
        there = self._node.users.get(user)
        if there is not None and there.frequent((store,)):
            for session in there.sessions:
                if session.ready:
                    there.welcomed(session)

    # What was not heard.

    def followed(self, topics: Sequence[Topic], *, again: bool) -> None:
        """These are heard of from now on, `again` after a cut, and it is looked what was written before."""
        for topic in topics:
            if topic in self._topics:
                # Who did not wait was shown the store as it was before.
                self._due[topic] = again or topic in self._missed
                self._missed.discard(topic)
        if self._look is None or self._look.done():
            self._look = self._node.spawn(self._look_at_due())

    async def run(self) -> None:
        """Looks again and again."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self._compare(tuple(self._topics))

    async def _look_at_due(self) -> None:
        while self._due:
            due, self._due = self._due, {}
            await self._compare(tuple(due))
            for topic, again in due.items():
                if again and topic.kind == "live":
                    self.hear(MarksLost(topic.store))
                if topic.kind == "about":
                    # Of the profile an agent may have asked before it was heard of.
                    self.hear(StoreChanged(store=topic.store, queue=again, state=again, presence=again, profile=True))

    async def _compare(self, topics: Sequence[Topic]) -> None:
        for start in range(0, len(topics), SOME):
            try:
                heads = await self._node.storage.heads(topics[start : start + SOME])
            except StorageUnavailable:
                continue  # the next look finds it
            except Exception as error:
                self._node.log.error("heads_not_read", error=repr(error), exc_info=error)
                continue
            for store, moves in heads.moves.items():
                topic = Topic("live", store)
                if topic in self._topics and not self._topics[topic].is_set():
                    self._node.storage.has_heard(store, moves)
                    self._topics[topic].set()
            for (store, user), head in heads.chats.items():
                self._found_marks(store, user, head)
            await asyncio.sleep(SETTLE_S)
            self._found(heads)

    def _found(self, heads: Heads) -> None:
        node = self._node
        for store, moves in heads.moves.items():
            if Topic("live", store) in self._topics and not node.storage.has_heard(store, moves):
                self.hear(MarksLost(store))
        for store, changes in heads.changes.items():
            # One that was heard of counts as well: whoever reads again finds nothing new.
            if Topic("about", store) in self._topics and self._changes.setdefault(store, changes) != changes:
                self._changes[store] = changes
                self.hear(StoreChanged(store=store, queue=True, state=True, profile=True))
        for store, offset in heads.stores.items():
            for agent in node.agents_of.get(store, {}).values():
                agent.catch_up(store, offset)
        for (store, user), head in heads.chats.items():
            if there := node.users_of.get(store, {}).get(user):
                there.catch_up(store, head.offset)
        for user, stores in heads.users.items():
            for store in stores:
                if user not in node.users_of.get(store, ()):
                    self._began(store, user)

    def _found_marks(self, store: str, user: str, head: Head) -> None:
        actor = self._node.stores.get(store)
        if actor is not None and (head.user_received or head.user_read or head.store_read):
            of_user = MarkShown(user, "user", head.user_received, head.user_read)
            actor.mailbox.put_control(HeadFound((of_user, MarkShown(user, "store", 0, head.store_read))))
