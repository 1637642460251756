"""The terminal: a prompt with completion and history where there is one, plain lines in and out where there is none (a pipe)."""

import sys
from collections.abc import AsyncIterator, Iterable

import anyio
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.patch_stdout import patch_stdout

from web.client import Client
from web.setting import StartError
from web.terminal.chat import Chat
from web.terminal.line import VERBS
from web.terminal.show import plain
from web.terminal.unsent import Unsent


class _Names(Completer):
    """Verbs after a slash; behind a verb the users, agents, stores and statuses that fit it."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        before = document.text_before_cursor
        if not before.startswith("/"):
            return
        verb, space, rest = before[1:].partition(" ")
        if not space:
            for known in VERBS:
                if known.name.startswith(verb) and (self._chat.agent or not known.agents_only):
                    yield Completion(known.name, -len(verb), display_meta=known.meaning)
        elif " " not in rest:
            for name, meta in self._names(verb):
                if name.startswith(rest):
                    yield Completion(name, -len(rest), display_meta=meta)

    def _names(self, verb: str) -> Iterable[tuple[str, str]]:
        chat = self._chat
        match verb:
            case "claim" | "open" | "release" | "resolve" | "takeover":
                for held in sorted(chat.client.held.chats.values(), key=lambda held: (held.status != "waiting", held.since)):
                    name = held.user if held.store == chat.store else f"{held.store}/{held.user}"
                    yield name, f"{plain(held.name or '')} {held.status}".strip()
            case "transfer":
                yield from ((id, "") for id in sorted(chat.colleagues))
            case "store":
                yield from ((store, "") for store in sorted(chat.stores | {held.store for held in chat.client.held.chats.values()}))
            case "chats":
                yield from ((status, "") for status in ("waiting", "claimed", "closed"))
            case _:
                pass


async def talk(url: str, token: str, stores: tuple[str, ...], *, role: str, id: str) -> int:
    """Runs a chat until it is left; the exit status: 0, or 1 with lines that were not sent. Raises `StartError` where the server does not
    want us."""
    unsent = Unsent(url, role, id)
    async with Client(url, token) as client:
        if sys.stdin.isatty() and sys.stdout.isatty():
            chat = await _on_terminal(client, unsent, stores, agent=role != "user")
        else:
            chat = Chat(client, unsent, _print, stores, agent=role != "user")
            await chat.run(_piped(), lambda: None, one_by_one=True)
    if chat.failed is not None:
        raise StartError(str(chat.failed))
    if not chat.was_connected and not chat.unsent:
        raise StartError(f"there is no dibs at {url}, or it does not answer")
    if chat.unsent:
        sys.stderr.write(f"dibs: {chat.unsent} lines are not sent yet; they go out when this identity runs dibs chat again\n")
        return 1
    return 0


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def _piped() -> AsyncIterator[str]:
    while line := await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
        yield line


async def _on_terminal(client: Client, unsent: Unsent, stores: tuple[str, ...], *, agent: bool) -> Chat:
    chat = Chat(client, unsent, _print, stores, agent=agent)
    # The line that was typed vanishes; it comes back as a message when it is stored.
    session: PromptSession[str] = PromptSession(
        message=lambda: f"{chat.title}> ", completer=_Names(chat), complete_while_typing=True, erase_when_done=True
    )

    async def lines() -> AsyncIterator[str]:
        while True:
            try:
                yield await session.prompt_async()
            except (EOFError, KeyboardInterrupt):
                return

    _print("* /help lists what can be typed")
    with patch_stdout(raw=True):
        await chat.run(lines(), session.app.invalidate, one_by_one=False)
    return chat
