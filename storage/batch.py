"""A batch of appends as the keys and arguments of `append.lua`: grouped by store, within it by chat, in the order of arrival.

Only appends of one chat must keep their order, so those of one chat stand together (a run), and the script looks at the chat once.
"""

from collections.abc import Sequence

import attrs
import msgspec

from actors.append import Append
from actors.event import (
    AgentArrived,
    AgentLeft,
    AvailabilitySet,
    ChatRated,
    ContextTold,
    CursorMoved,
    Event,
    MarkMoved,
    MessageAdded,
    NoteAdded,
    ProfileSet,
    StatusChanged,
    subject,
)
from actors.rule import Condition, LoadAtLeast, LoadBelow, NotOnRoster, NotRated, NotSeenSince, OnRoster, ProfileIs
from storage.key import ID_REMEMBERED_MS, NODES, StoreKeys, channel_of_node

Argument = str | bytes | int

_json = msgspec.json.Encoder().encode


@attrs.frozen
class Limits:
    """How much is kept: entries of a store's log and of a chat's history."""

    log: int = 1_000_000
    history: int = 100_000


class Plan:
    """`order` names for each answer of the script the place of its append in the batch."""

    __slots__ = ("args", "keys", "order")

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.args: list[Argument] = []
        self.order: list[int] = []

    @property
    def answers(self) -> int:
        """How many values the script replies with for the appends; behind them stands what it publishes not itself."""
        return 4 * len(self.order)


def plan(batch: Sequence[Append], now_ms: int, limits: Limits, node: str = "", *, holds: bool = False) -> Plan:
    """The call that carries `batch` out at `now_ms`, and tells other nodes of it in the name of `node`, if there is one; where it `holds`
    that back, it gives it to whoever called."""
    stores: dict[str, dict[str, list[int]]] = {}
    for place, append in enumerate(batch):
        stores.setdefault(append.store, {}).setdefault(append.user, []).append(place)
    planned = Plan()
    planned.args = [len(stores), limits.log, limits.history, ID_REMEMBERED_MS, node, NODES, channel_of_node(node), int(holds)]
    for store, runs in stores.items():
        keys = StoreKeys(store)
        ids = [batch[place].sender for places in runs.values() for place in places if batch[place].sender]
        planned.keys += (keys.head, keys.log, *keys.ids(now_ms), keys.roster, keys.away, keys.arrivals, keys.cursors)
        planned.keys += (keys.queue, keys.waiting, keys.claimed, keys.closed, keys.live, keys.about)
        planned.args += (len(runs), len(ids), *ids)
        for user, places in runs.items():
            if user:
                planned.keys += (keys.chat(user), keys.history(user), keys.live_of(user))
            planned.args += (user, subject(store, user), len(places))
            planned.order += places
            for place in places:
                _put(planned, keys, batch[place])
    return planned


def _put(planned: Plan, keys: StoreKeys, append: Append) -> None:
    first_key = len(planned.keys)
    arguments: list[Argument] = []
    for condition in append.conditions:
        planned.keys.append(_put_condition(arguments, keys, condition))
    for event, tail in zip(append.events, append.tails, strict=True):
        if isinstance(event, StatusChanged) and event.epoch <= append.epoch:
            raise ValueError("every change of status or owner raises the epoch")
        if isinstance(event, ContextTold):
            planned.keys.append(keys.context(append.user))
        _put_event(arguments, planned.keys, keys, event, tail)
    planned.args += (append.sender, append.content, int(append.records), append.epoch, append.owner, append.answer, append.nonce)
    planned.args += (len(planned.keys) - first_key, len(arguments), len(append.conditions), len(append.events))
    planned.args += arguments


def _put_condition(arguments: list[Argument], keys: StoreKeys, condition: Condition) -> str:
    match condition:
        case LoadBelow(agent=agent, limit=limit):
            arguments += ("B", limit, "")
            return keys.owned(agent)
        case LoadAtLeast(agent=agent, limit=limit):
            arguments += ("L", limit, "")
            return keys.owned(agent)
        case OnRoster(agent=agent):
            arguments += ("R", "", agent)
            return keys.roster
        case NotOnRoster(agent=agent):
            arguments += ("N", "", agent)
            return keys.roster
        case NotSeenSince(agent=agent, arrivals=arrivals):
            arguments += ("V", arrivals, agent)
            return keys.arrivals
        case NotRated(user=user, epoch=epoch):
            arguments += ("E", epoch, "")
            return keys.chat(user)
        case ProfileIs(version=version):
            arguments += ("P", version, "")
            return keys.profile


def _put_event(arguments: list[Argument], all_keys: list[str], keys: StoreKeys, event: Event, tail: bytes) -> None:  # noqa: C901 - one case for each
    match event:
        case MessageAdded(by=by, at=at):
            from_user = by.role == "user"
            arguments += ("m", "u" if from_user else "a", at, (by.name or "") if from_user else "", tail)
        case ChatRated():
            arguments += ("r", tail)
        case NoteAdded():
            arguments += ("n", tail)
        case StatusChanged(status=status, owner=owner, epoch=epoch, at=at, before=before):
            if before:
                all_keys.append(keys.owned(before))
            if owner:
                all_keys.append(keys.owned(owner.id))
            arguments += ("s", epoch, status, owner.id if owner else "", _json(owner) if owner else "", at)
            arguments += (int(bool(before)), int(owner is not None), tail)
        case MarkMoved(side=side, mark=mark, seq=seq):
            arguments += ("k", "u" if side == "user" else "s", mark, seq)
        case ContextTold(context=context, at=at):
            arguments += ("X", at, context)
        case ProfileSet(version=version, profile=profile):
            all_keys.append(keys.profile)
            arguments += ("P", version, profile)
        case AgentArrived(agent=agent, name=name, at=at):
            arguments += ("A", agent, name, at)
        case AgentLeft(agent=agent):
            arguments += ("L", agent)
        case AvailabilitySet(agent=agent, away=away):
            arguments += ("V", agent, int(away))
        case CursorMoved(agent=agent, offset=offset):
            arguments += ("C", agent, offset)
