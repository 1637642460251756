"""Who did what to which chat and when: the log of a store as lines of JSON, read page by page.

    {"type":"status","store","offset","at","user","reason","status","by","before"?,"owner","epoch"}   one for each change, by offset
    {"type":"trimmed","store","first"}              the log is kept from this offset on; stands before the first change that is kept
    {"type":"withdrawn","store","role","id","at"}   access that was withdrawn (store null: from all), at the end, by time
    {"type":"read","offset"}                        how far the log was read, if that was asked for
    {"type":"error","code","detail"}                the last line if the storage went away, or the server stops: what follows is missing

`before` is the owner that the chat had; it is left out where neither the log that was read nor the rule tells it.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from typing import get_args

import attrs
import msgspec

from actors.append import LogPage, Storage, StorageUnavailable
from actors.chat import Owner, Party, Status
from actors.event import Reason
from actors.refusal import DETAIL
from actors.withdrawal import Withdrawal, Withdrawals

PAGE = 200
OWNERS = 20_000
"""Chats whose owner is remembered while the log is read."""
REASONS = (*get_args(Reason), "withdrawn")
_STATUS = b'{"type":"status"'
_FROM_NOBODY = ("new", "reopen", "claim", "assigned")

Before = Owner | msgspec.UnsetType | None
"""The owner a chat had; None for nobody, unset where nothing tells it."""

_json = msgspec.json.Encoder().encode


@attrs.frozen(kw_only=True)
class Wanted:
    """Which lines. `agent`: who did it, or had the chat, or got it. `since` counts, `until` does not; `after` is an offset."""

    user: str | None = None
    agent: str | None = None
    reason: str | None = None
    since: int | None = None
    until: int | None = None
    after: int = 0
    limit: int | None = None
    """Lines of changes and withdrawals at most."""
    read: bool = False
    """Whether it is told how far the log was read."""

    def has_time(self, at: int) -> bool:
        """Whether the moment lies between `since` and `until`."""
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)


class _Change(msgspec.Struct, frozen=True):
    """A `status` frame of the log."""

    user: str
    offset: int
    status: Status
    owner: Owner | None
    epoch: int
    by: Party | None
    reason: Reason
    at: int


class _Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="status"):
    store: str
    offset: int
    at: int
    user: str
    reason: Reason
    status: Status
    by: Party | None
    before: Before = msgspec.UNSET
    owner: Owner | None
    epoch: int


_change = msgspec.json.Decoder(_Change)


class Audit:
    """One reading of one store's log, up to where it ended when the reading began."""

    def __init__(self, storage: Storage, store: str, wanted: Wanted) -> None:
        self._storage = storage
        self._store = store
        self._wanted = wanted
        self._owners = _Owners()
        self._page: LogPage
        self._agents: tuple[str, ...] = ()
        self._left = wanted.limit
        self.end = 0
        """The log's last offset."""

    async def begin(self) -> bool:
        """Reads the first page; False if there is no such store. Raises `StorageUnavailable`."""
        state = await self._storage.load_store(self._store)
        if not state.exists:
            return False
        self._agents = tuple(state.arrivals)
        self._page = await self._storage.read_log(self._store, self._wanted.after, PAGE)
        self.end = self._page.offset
        return True

    async def lines(self, withdrawals: Withdrawals) -> AsyncIterator[bytes]:
        """The lines, as many as one page gives at a time."""
        at, page = self._wanted.after, self._page
        self._owners.is_complete = at == 0
        while True:
            lines: list[bytes] = []
            if page.first > at + 1:
                self._owners.is_complete = False
                lines.append(_json({"type": "trimmed", "store": self._store, "first": page.first}))
                at = page.first - 1
            lines += self._of_page(page.frames[: self.end - at])
            at += len(page.frames)
            is_over = at >= self.end or not page.frames or self._left == 0
            if is_over:
                lines += self._of_withdrawals(withdrawals)
            if self._wanted.read:
                lines.append(_json({"type": "read", "offset": min(at, self.end)}))
            if lines:
                yield b"\n".join(lines) + b"\n"
            if is_over:
                return
            try:
                page = await self._storage.read_log(self._store, at, PAGE)
            except StorageUnavailable:
                yield _json({"type": "error", "code": "unavailable", "detail": DETAIL["unavailable"]}) + b"\n"
                return

    def _of_page(self, frames: Iterable[bytes]) -> list[bytes]:
        lines = []
        for frame in frames:
            if self._left == 0:
                break
            if not frame.startswith(_STATUS):
                continue
            change = _change.decode(frame)
            before = self._owners.before(change)
            if self._fits(change, before):
                lines.append(_json(self._line(change, before)))
                self._count()
        return lines

    def _fits(self, change: _Change, before: Before) -> bool:
        wanted = self._wanted
        agents = {owner.id for owner in (before, change.owner) if isinstance(owner, Owner)}
        if change.by is not None and change.by.role != "user":
            agents.add(change.by.id)
        return (
            (wanted.user is None or wanted.user == change.user)
            and (wanted.agent is None or wanted.agent in agents)
            and (wanted.reason is None or wanted.reason == change.reason)
            and wanted.has_time(change.at)
        )

    def _line(self, change: _Change, before: Before) -> _Line:
        return _Line(
            store=self._store,
            offset=change.offset,
            at=change.at,
            user=change.user,
            reason=change.reason,
            status=change.status,
            by=change.by,
            before=before,
            owner=change.owner,
            epoch=change.epoch,
        )

    def _of_withdrawals(self, withdrawals: Withdrawals) -> list[bytes]:
        found = withdrawals.in_store(self._store)
        found += [one for agent in self._agents for one in withdrawals.of("agent", agent) if one.store is None]
        lines = []
        for one in sorted(found, key=lambda withdrawal: withdrawal.at):
            if self._left != 0 and self._fits_withdrawal(one):
                lines.append(_json({"type": "withdrawn", "store": one.store, "role": one.side, "id": one.id, "at": one.at}))
                self._count()
        return lines

    def _fits_withdrawal(self, one: Withdrawal) -> bool:
        wanted = self._wanted
        named: dict[str, str | None] = {"user": wanted.user, "agent": wanted.agent}
        about = named.get(one.side) == one.id if wanted.user is not None or wanted.agent is not None else True
        return about and wanted.reason in (None, "withdrawn") and wanted.has_time(one.at)

    def _count(self) -> None:
        if self._left is not None:
            self._left -= 1


class _Owners:
    """Who owns the chats that were met last."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, Owner | None] = OrderedDict()
        self.is_complete = True
        """Whether every change since the store began has been met, and is remembered."""

    def before(self, change: _Change) -> Before:
        """The owner that the chat had before the change."""
        unknown: Before = None if self.is_complete else msgspec.UNSET
        had = self._of.pop(change.user, unknown)
        self._of[change.user] = change.owner
        if len(self._of) > OWNERS:
            self._of.popitem(last=False)
            self.is_complete = False
        if change.reason in _FROM_NOBODY:
            return None
        if change.reason == "release" and change.by is not None:
            return change.by.owner
        return had
