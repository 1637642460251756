"""A visitor signs in: what was said in its chat goes on in the user's chat with the same store.

    claimed for this user -> messages copied -> the visitor's chat closed by the user -> its token withdrawn
                          -> copied again, should anything have come in between -> its owner, if it had one, owns the user's chat

Each step may be done twice: the claim and every copy are remembered by an id made from the visitor's, so whoever is cut off half way says
`hello` again with the same token, and it goes on. Another user who comes with that token is refused by the claim. A copy keeps its author,
its time and its order; its `id` is the visitor's and the message's number. What an agent said was said by the owner of the visitor's chat,
where it stays, so a copy needs no owner. The files that messages name are copied before them, and the copies name the user's.
"""

import asyncio
from typing import TYPE_CHECKING

import msgspec

from actors.append import Append, Committed, Duplicate, Outcome, Reused, StorageUnavailable
from actors.chat import Chat, Party
from actors.command import AssignChat, Command, CopyMessage, MarkRead, ResolveChat
from actors.file import folder_address, names_in
from actors.frame import NUMBER_LIMIT
from actors.identity import Identity
from actors.request import Request, StoreRequest, Waiting, content_digest, sender_digest

if TYPE_CHECKING:
    from actors.node import Node

COPIED = 200
"""Messages that are copied, the newest; older ones stay in the visitor's chat, which agents go on to see."""
SOME = 32
"""Copies that are asked for at a time."""


class _Said(msgspec.Struct, frozen=True, rename={"by": "from"}):
    seq: int
    by: Party
    kind: str
    body: msgspec.Raw
    at: int


_said = msgspec.json.Decoder(_Said)


class Joining:
    """A part of a node."""

    def __init__(self, node: "Node") -> None:
        self._node = node

    async def join(self, visitor: Identity | None, user: Identity) -> bool:
        """Whether `visitor` is the user's from now on, and was nobody's before. Raises `StorageUnavailable`, after which it may be asked
        for again."""
        if visitor is None or not visitor.visitor or user.role != "user" or user.visitor or self._node.withdrawals.stop(visitor):
            return False
        assert visitor.stores is not None
        (store,) = visitor.stores
        if not user.may_enter(store) or not await self._claim(store, visitor, user):
            return False
        before, mine = [record.chat for record in await self._node.storage.load_chats(store, (visitor.id, user.id))]
        end = await self._copy(store, visitor, user)
        if end:
            await self._ask(store, visitor.id, ResolveChat(by=user.party, id=""))
        await self._node.revocation.revoke("user", visitor.id, None)
        if await self._copy(store, visitor, user, above=end) > end:
            await self._ask(store, visitor.id, ResolveChat(by=user.party, id=""))
        if end:
            await self._settle(store, before, mine, user)
        return True

    async def _claim(self, store: str, visitor: Identity, user: Identity) -> bool:
        """Whether this user is the first to come with the visitor's token."""
        claimed: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        append = Append(
            store=store, sender=sender_digest("joined", visitor.id, ""), content=content_digest(user.id), records=True, size=100
        )

        def done(outcome: Outcome) -> None:
            if not claimed.done():
                claimed.set_result(outcome)

        if not self._node.store(store).tell(StoreRequest(append=append, done=done)):
            raise StorageUnavailable
        match await claimed:
            case Committed() | Duplicate():
                return True
            case Reused():
                return False
            case _:
                raise StorageUnavailable

    async def _copy(self, store: str, visitor: Identity, user: Identity, above: int = 0) -> int:
        """Copies what stands above a message; the last message there is."""
        page = await self._node.storage.read_history(store, visitor.id, None, COPIED, notes=False, statuses=False)
        said = [found for found in (_said.decode(entry.frame) for entry in page.entries) if found.seq > above]
        # What opens a chat is the user's own.
        while said and said[0].by.role != "user" and not above:
            said.pop(0)
        if self._node.files is not None:
            names = {name for found in said for name in names_in(store, visitor.id, bytes(found.body))}
            await self._node.files.copy(store, visitor.id, user.id, names)
        for start in range(0, len(said), SOME):
            copies = [_copy_of(found, store, visitor, user) for found in said[start : start + SOME]]
            await asyncio.gather(*(self._ask(store, user.id, copy, remembered=True) for copy in copies))
        return page.seq

    async def _settle(self, store: str, before: Chat, mine: Chat, user: Identity) -> None:
        """The user's chat is as the visitor's was, where it was not open itself."""
        if before.user_read >= before.seq:
            await self._ask(store, user.id, MarkRead(by=user.party, id="", seq=NUMBER_LIMIT))
        if before.owner is not None:
            limit = self._node.options.agent_limit
            await self._ask(store, user.id, AssignChat(by=user.party, id="", to=before.owner, limit=limit))
        elif before.status == "closed" and mine.status == "closed":
            await self._ask(store, user.id, ResolveChat(by=user.party, id=""))

    async def _ask(self, store: str, chat: str, command: Command, *, remembered: bool = False) -> None:
        """Returns when it is durable, or refused for good."""
        waiting = Waiting()
        sender = sender_digest("joined", command.by.id, command.id) if remembered else b""
        request = Request(asker=waiting, user=chat, command=command, sender=sender, content=content_digest("copy"))
        if not self._node.store(store).tell(request):
            raise StorageUnavailable
        refused = await waiting.answered
        if refused is not None and refused.temporary:
            raise StorageUnavailable


def _copy_of(found: _Said, store: str, visitor: Identity, user: Identity) -> CopyMessage:
    author = user.party if found.by.role == "user" else found.by
    id = f"{visitor.id}.{found.seq}"[-64:]
    body = bytes(found.body)
    if found.kind in ("image", "file"):  # a text is what somebody wrote
        before, after = (b'"url":"' + folder_address(store, whose).encode() for whose in (visitor.id, user.id))
        body = body.replace(before, after)
    return CopyMessage(by=user.party, id=id, author=author, kind=found.kind, body=body, at=found.at)
