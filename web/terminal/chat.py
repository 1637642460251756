"""A chat by typed lines: what is typed becomes commands of a client, what the client is told becomes lines."""

import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from typing import Any

import anyio
from anyio.abc import TaskGroup

from actors import told
from actors.chat import Owner
from web.client import Client, Closed, Connected, Refused
from web.terminal.line import Do, Say, Wrong, help_lines, read_line
from web.terminal.show import listed, plain, refused, shown
from web.terminal.unsent import Unsent

READ_S = 0.5
"""What was shown is marked as read this long after, in one go."""
PATIENCE_S = 5.0
"""How long leaving waits for answers, and a line of a script for the one before."""


class Chat:
    """`print_line` shows a line; `stores` are those that the token names. `store` and `user` are the chat at hand."""

    def __init__(self, client: Client, unsent: Unsent, print_line: Callable[[str], None], stores: tuple[str, ...], *, agent: bool) -> None:
        self.client = client
        self.agent = agent
        self.store = stores[0] if stores else None
        self.user: str | None = None
        self.stores = set(stores)
        self.colleagues: set[str] = set()
        self.failed: Closed | None = None
        self.was_connected = False
        self._unsent = unsent
        self._print = print_line
        self._read: dict[tuple[str, str], int] = {}
        self._group: TaskGroup
        self._under_way = 0

    # What is shown beside the lines.

    @property
    def title(self) -> str:
        """The chat at hand, what is unread elsewhere, what is not sent yet."""
        name = "/".join(part for part in (self.store, self.user) if part) or "no store"
        unread = sum(chat.unread for chat in self.client.held.chats.values())
        more = [f"{count} {word}" for count, word in ((unread, "unread"), (self.unsent, "unsent")) if count]
        return f"{name} ({', '.join(more)})" if more else name

    @property
    def unsent(self) -> int:
        """Lines without an answer."""
        return len(self._unsent.frames)

    @property
    def me(self) -> str:
        """Who is typing; empty before the first connection."""
        return self.client.welcome.id if self.client.welcome is not None else ""

    # The run of it.

    async def run(self, lines: AsyncIterator[str], changed: Callable[[], None], *, one_by_one: bool) -> None:
        """Until the lines end or the server sends us away (`failed`). `changed` is called when the title may have changed. `one_by_one`:
        a line waits for the answer to the one before, as whoever writes a script expects."""
        try:
            async with anyio.create_task_group() as self._group:
                self._group.start_soon(self._hear, changed)
                self._group.start_soon(self._mark_read)
                for frame in list(self._unsent.frames.values()):
                    self._start(self._post(frame))
                async for line in lines:
                    if not await self._typed(line):
                        break
                    changed()
                    if one_by_one:
                        await self._answers()
                with anyio.move_on_after(PATIENCE_S):
                    await self.client.ready()
                await self._answers()
                self._group.cancel_scope.cancel()
        except* Closed as closed:
            self.failed = next(error for error in closed.exceptions if isinstance(error, Closed))

    async def _answers(self) -> None:
        with anyio.move_on_after(PATIENCE_S):
            while self._under_way:  # noqa: ASYNC110 - of all commands at once
                await anyio.sleep(0.02)

    async def _hear(self, changed: Callable[[], None]) -> None:
        async for event in self.client:
            self.was_connected = self.was_connected or isinstance(event, Connected)
            self._notice(event)
            line = shown(event, self.me)
            if line is not None:
                self._print(line)
            changed()

    def _notice(self, event: object) -> None:
        match event:
            case told.Chats(chats=chats) if not self.agent and self.store is None and len(chats) == 1:
                self.store = chats[0].store
            case told.Presence(agents=list(agents)):
                self.colleagues |= {agent.id for agent in agents}
            case told.Message() if self._is_at_hand(event):
                self._read[event.store, event.user] = event.seq
            case told.StatusChange(owner=Owner(id=owner)) if owner == self.me and (event.store, event.user) == (self.store, self.user):
                self._read[event.store, event.user] = self.client.held.chats[event.store, event.user].seq
            case Connected() if self.agent and not self.client.held.chats:
                self._print("* no one is waiting")
            case _:
                pass

    def _is_at_hand(self, event: told.Message) -> bool:
        """Whether to see it is to read it: shoppers read what is shown, agents the chat they are in and own."""
        if not self.agent:
            return True
        owner = self.client.held.chats[event.store, event.user].owner
        return (event.store, event.user) == (self.store, self.user) and owner is not None and owner.id == self.me

    async def _mark_read(self) -> None:
        while True:
            await anyio.sleep(READ_S)
            read, self._read = self._read, {}
            for (store, user), seq in read.items():
                self._start(self._quietly(self.client.read(store, seq, user=user if self.agent else None)))

    # What is typed.

    async def _typed(self, line: str) -> bool:
        """Carries a line out; False to leave. Only what has to be asked first is waited for."""
        match read_line(line):
            case None:
                pass
            case Wrong(sentence):
                self._print(f"! {plain(sentence)}")
            case Say(text):
                self._say(text)
            case Do(verb, words):
                if verb.name == "quit":
                    return False
                self._do(verb.name, words)
        return True

    def _say(self, text: str) -> None:
        if self.store is None or (self.agent and self.user is None):
            self._print("! say /open USER first" if self.agent else "! say /store STORE first")
            return
        frame: dict[str, Any] = {"id": str(uuid.uuid4()), "store": self.store, "kind": "text", "body": {"text": text}}
        if self.agent:
            frame["user"] = self.user
        self._unsent.add(frame)
        self._start(self._post(frame))

    async def _post(self, frame: dict[str, Any]) -> None:
        try:
            await self.client.command("send", told.Ack, **frame)
        except Refused as error:
            self._print(f"{refused(error.error, self.me)} (not sent: {plain(frame['body'].get('text', ''))})")
        self._unsent.remove(frame["id"])

    def _do(self, verb: str, words: tuple[str, ...]) -> None:
        word = words[0] if words else ""
        match verb:
            case "help":
                for line in help_lines(agent=self.agent):
                    self._print(line)
            case "store":
                self.store, self.user = word, None
                self.stores.add(word)
            case "open":
                self._turn_to(word)
            case "away" | "back":
                self._start(self._ask(self.client.availability("away" if verb == "away" else "available")))
            case _ if self.store is None:
                self._print("! say /store STORE first")
            case "announce":
                self._start(self._ask(self.client.announce(self.store, " ".join(words))))
            case "chats":
                self._start(self._list(self.store, word or None))
            case "claim" | "takeover" if word:
                self._turn_to(word)
                self._do(verb, ())
            case _ if self.agent and self.user is None and not (word and verb in ("release", "resolve")):
                self._print("! say /open USER first")
            case _:
                self._do_in_chat(self.store, verb, words)

    def _do_in_chat(self, store: str, verb: str, words: tuple[str, ...]) -> None:
        client, user = self.client, self.user or ""
        word = words[0] if words else ""
        match verb:
            case "history":
                self._start(self._tell_history(store, int(word) if word.isdecimal() and int(word) else 20))
            case "note":
                self._start(self._ask(client.note(store, user, word)))
            case "transfer":
                self._start(self._ask(client.transfer(store, user, word, words[1] if len(words) > 1 else None)))
            case "claim":
                self._start(self._ask(client.claim(store, user)))
            case "takeover":
                self._start(self._ask(client.takeover(store, user)))
            case "release" | "resolve":
                named = word or user
                at, _, of = named.rpartition("/")
                self._start(self._ask((client.release if verb == "release" else client.resolve)(at or store, of)))
            case _:
                raise ValueError(verb)

    def _turn_to(self, name: str) -> None:
        store, _, user = name.rpartition("/")
        self.store, self.user = store or self.store, user
        if self.store is None:
            self._print("! say which store: /open STORE/USER")

    def _start(self, work: Coroutine[Any, Any, Any]) -> None:
        self._under_way += 1

        async def run() -> None:
            try:
                await work
            finally:
                self._under_way -= 1

        self._group.start_soon(run)

    async def _ask(self, command: Coroutine[Any, Any, told.Ack]) -> None:
        try:
            await command
        except Refused as error:
            self._print(refused(error.error, self.me))

    async def _quietly(self, command: Coroutine[Any, Any, told.Ack]) -> None:
        with suppress(Refused):  # who lost the chat meanwhile has nothing to mark
            await command

    async def _list(self, store: str, status: str | None) -> None:
        try:
            page = await self.client.chats(store, status=status)
        except Refused as error:
            self._print(refused(error.error, self.me))
            return
        for chat in page.chats:
            self._print(listed(chat, self.me))
        if not page.chats:
            self._print("  no chats")
        if page.more is True:
            self._print("  and more")

    async def _tell_history(self, store: str, count: int) -> None:
        try:
            page = await self.client.history(store, user=self.user, limit=count, events=True if self.agent else None)
        except Refused as error:
            self._print(refused(error.error, self.me))
            return
        for event in page.messages:
            line = shown(event, self.me)
            if line is not None:
                self._print(f"  {line}")
        if not page.messages:
            self._print("  nothing was written yet")
