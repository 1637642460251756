"""Erasing a chat: nothing that was said in it is left in the storage, in its files, or in the memory of this node.

    the chat goes -> this node forgets it, its user's and the store's agents' clients come again
                  -> the store's log says nothing of it -> the storage's files are written anew

An append that was decided on the chat cannot bring it back: it rests on an epoch that is no more. Who comes again with something of the
chat gets `reset`: the user because its generation names the moment of the erasure, agents because the log says up to where something was
erased. What is remembered of commands stays: digests and numbers, by which a message that is sent again is known, and not written anew.
"""

import asyncio
from typing import TYPE_CHECKING

import msgspec

from actors.news import ChatErased

if TYPE_CHECKING:
    from actors.node import Node


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What an erasure has done: since when, whether there was a chat, how many entries of the log were replaced, and whether the storage
    keeps files and they are written anew."""

    at: int
    existed: bool
    entries: int
    files: bool


class Erasure:
    """A part of a node."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._turn = asyncio.Lock()

    async def erase(self, store: str, user: str) -> Erased:
        """Returns when nothing is left; raises `StorageUnavailable`, after which it may be asked for again. One after another."""
        node = self._node
        async with self._turn:
            at = node.clock.wall_ms()
            existed = await node.storage.erase_chat(store, user)
            node.chat_gone(store, user)
            if node.files is not None:
                await node.files.erase(store, user)
            node.live.tell(ChatErased(store, user))
            entries = await node.storage.rewrite_log(store, user)
            files = await node.storage.rewrite_files()
        return Erased(at=at, existed=existed, entries=entries, files=files)
