"""The linear rules about who owns a chat: P1, P2 and P7 of the field, and the order of claims in real time.

That claims which do not overlap take effect in their order is linearizability (Herlihy and Wing, "Linearizability: a correctness
condition for concurrent objects", 1990). Where every change has a number, as an epoch is, it can be told in one pass; where the
numbers themselves are in doubt, `tests.history.search` decides.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from tests.history.account import OWNERSHIP, Account, Chat, Life, Violation
from tests.history.record import Frame


def epochs_rise(account: Account) -> Iterator[Violation]:
    """P1: in the log each change of a chat has a higher epoch than the one before."""
    for store, shelf in account.shelves.items():
        for user in shelf.by_chat:
            last = 0
            for frame in shelf.statuses(user):
                if frame["epoch"] <= last:
                    yield Violation(
                        "epochs rise", f"chat {store}/{user} has epoch {frame['epoch']} at offset {frame['offset']} after {last}"
                    )
                last = frame["epoch"]


FROM = {
    "new": (None,),
    "reopen": ("closed",),
    "claim": ("waiting",),
    "assigned": ("waiting",),
    "release": ("claimed",),
    "agent_gone": ("claimed",),
    "transfer": ("waiting", "claimed"),
    "takeover": ("waiting", "claimed"),
    "resolve": ("waiting", "claimed"),
}
TO = {
    "new": "waiting",
    "reopen": "waiting",
    "release": "waiting",
    "agent_gone": "waiting",
    "resolve": "closed",
} | dict.fromkeys(("claim", "assigned", "transfer", "takeover"), "claimed")


def changes_follow_the_rule(account: Account) -> Iterator[Violation]:
    """Each stored change starts where the protocol lets it start, ends where it has to end, and was made by one who may."""
    for store, shelf in account.shelves.items():
        for user in shelf.by_chat:
            status, owner, known = None, None, shelf.whole
            for frame in shelf.statuses(user):
                if fault := _fault(frame, user, status, owner, known):
                    what = f"{frame['reason']} by {(frame['by'] or {}).get('id')} at offset {frame['offset']} of chat {store}/{user}"
                    yield Violation("changes follow the rule", f"{what}: {fault}")
                status, owner, known = frame["status"], (frame["owner"] or {}).get("id"), True


def _fault(frame: Frame, user: str, status: str | None, owner: str | None, known: bool) -> str | None:
    """What is wrong with a change, by what the chat was before it; `known` False if that is no longer kept."""
    reason, by = frame["reason"], frame["by"] or {}
    mine = not known or by.get("id") == owner
    supervises = by.get("role") == "supervisor"
    allowed = {
        "new": by.get("id") == user,
        "reopen": by.get("id") == user,
        "claim": by.get("role") != "user" and by.get("id") == (frame["owner"] or {}).get("id"),
        "release": mine or supervises,
        "transfer": mine or supervises,
        "resolve": mine or supervises or (by.get("role"), by.get("id")) == ("user", user),
        "takeover": supervises and by.get("id") == (frame["owner"] or {}).get("id"),
        "assigned": frame["by"] is None,
        "agent_gone": frame["by"] is None,
    }
    if known and status not in FROM[reason]:
        return f"the chat was {status}, owned by {owner}"
    if not allowed[reason]:
        return f"it is not theirs, the chat was owned by {owner}"
    if frame["status"] != TO[reason] or (frame["owner"] is None) is (frame["status"] == "claimed"):
        return f"it left the chat {frame['status']}, owned by {(frame['owner'] or {}).get('id')}"
    return None


def a_message_opens_its_chat(account: Account) -> Iterator[Violation]:
    """Whoever writes is seen: behind a user's message in a chat that is new or closed its `new` or `reopen` stands at once."""
    for store, shelf in account.shelves.items():
        for user, frames in shelf.by_chat.items():
            status, known = "closed", shelf.whole
            for frame, after in zip(frames, [*frames[1:], None], strict=True):
                if frame["type"] == "status":
                    status, known = frame["status"], True
                elif known and status == "closed" and frame["type"] == "message" and frame["from"]["role"] == "user":
                    opened = after is not None and after["offset"] == frame["offset"] + 1 and after.get("reason") in ("new", "reopen")
                    if not opened:
                        what = f"message {frame['seq']} of chat {store}/{user} at offset {frame['offset']}"
                        yield Violation("a message opens its chat", f"{what} came into a closed chat and left it closed")


def an_epoch_that_a_command_carries_holds(account: Account) -> Iterator[Violation]:
    """P2: a command that carries an epoch has happened in that epoch, or not at all."""
    for command in account.commands.values():
        shelf = account.shelves.get(command.store)
        for ack in command.acks[:1] if shelf is not None and shelf.whole else ():
            assert shelf is not None
            epoch, user = ack.frame.get("epoch"), ack.chat[1]
            if epoch is None or not account.lasting(ack.life):
                continue
            if command.type == "send":
                kept = next(iter(shelf.by_sender.get(("message", command.side, command.sender, command.id), [])), None)
            else:
                kept = shelf.by_epoch.get((user, (ack.answer or {}).get("epoch", 0)))
            if kept is None or (command.type != "send" and kept["epoch"] == epoch):
                continue  # not kept, which is another rule's business; or it was so already and nothing changed
            before = [frame["epoch"] for frame in shelf.statuses(user) if frame["offset"] < kept["offset"]]
            if before[-1:] != [epoch]:
                what = f"{command} carried epoch {epoch} and was acked {account.at(ack.answered or 0)}"
                yield Violation("an epoch that a command carries holds", f"{what}, and the chat was in {before[-1:]}")


def agents_write_only_what_they_own(account: Account) -> Iterator[Violation]:
    """P2: every stored message of an agent carries the one who owned the chat at that place of the log."""
    for store, shelf in account.shelves.items():
        for user, frames in shelf.by_chat.items():
            owner: str | None = None
            known = shelf.whole
            for frame in frames:
                if frame["type"] == "status":
                    owner, known = (frame["owner"] or {}).get("id"), True
                elif frame["type"] == "message" and known and frame["from"]["role"] != "user" and frame["from"]["id"] != owner:
                    what = f"message {frame['seq']} of chat {store}/{user} is by {frame['from']['id']}"
                    yield Violation("agents write only what they own", f"{what}, and {owner} owned it at offset {frame['offset']}")


class Sighting(NamedTuple):
    """Somebody was told an epoch, at `told`; what it says was so at some moment after `since`."""

    told: int
    since: int
    life: Life
    chat: Chat
    epoch: int
    owner: str | None
    status: str | None


def sightings(account: Account) -> tuple[Sighting, ...]:
    """Every epoch that anybody was told of, in answers, refusals, lists and events. Events say nothing about `since` but the past."""
    if not account.sightings:
        account.sightings = tuple(_sightings(account))
    return account.sightings


def _sightings(account: Account) -> Iterator[Sighting]:
    for attempt in account.attempts:
        answer = attempt.answer
        if answer is not None and isinstance(answer.get("epoch"), int):
            owner, first = (answer.get("owner") or {}).get("id"), attempt.asked
            if attempt.acked:
                key = (attempt.life.side, attempt.life.id, attempt.frame.get("store", ""), attempt.frame["id"])
                first = account.commands[key].attempts[0].asked
            assert attempt.answered is not None
            yield Sighting(attempt.answered, first, attempt.life, attempt.chat, answer["epoch"], owner, answer.get("status"))
        if answer is not None and answer["type"] == "chats":
            assert attempt.answered is not None
            for summary in answer["chats"]:
                yield _seen(attempt.answered, attempt.asked, attempt.life, summary)
    for life in account.lives.values():
        for place, frame in life.snapshots:
            for summary in frame["chats"]:
                yield _seen(place, life.opened, life, summary)
        for place, frame in life.of("status"):
            yield _seen(place, 0, life, frame)


def _seen(told: int, since: int, life: Life, frame: Frame) -> Sighting:
    owner = (frame.get("owner") or {}).get("id")
    return Sighting(told, since, life, (frame["store"], frame["user"]), frame["epoch"], owner, frame["status"])


def one_owner_in_an_epoch(account: Account) -> Iterator[Violation]:
    """P1: whoever was told of an epoch was told the same owner and status, and it is the one that is kept."""
    said: dict[tuple[Chat, int], tuple[str | None, str | None, str | Sighting]] = {}
    for store, shelf in account.shelves.items():
        for (user, epoch), frame in shelf.by_epoch.items():
            said[(store, user), epoch] = ((frame["owner"] or {}).get("id"), frame["status"], f"storage at offset {frame['offset']}")
    for seen in sightings(account):
        if not account.lasting(seen.life):
            continue
        shelf = account.shelves.get(seen.chat[0])
        before = said.get((seen.chat, seen.epoch))
        if before is None:
            if shelf is not None and shelf.whole:
                what = f"{_where(account, seen)} was told of epoch {seen.epoch} of chat {'/'.join(seen.chat)}"
                yield Violation("one owner in an epoch", f"{what}, which is not kept")
            said[seen.chat, seen.epoch] = seen.owner, seen.status, seen
            continue
        owner, status, who = before
        if owner != seen.owner or (None not in (status, seen.status) and status != seen.status):
            chat = f"chat {'/'.join(seen.chat)} in epoch {seen.epoch}"
            known = f"{chat} is {status} of {owner} for {who if isinstance(who, str) else _where(account, who)}"
            yield Violation("one owner in an epoch", f"{known}, {seen.status} of {seen.owner} for {_where(account, seen)}")
        elif status is None:
            said[seen.chat, seen.epoch] = seen.owner, seen.status, seen


def _where(account: Account, seen: Sighting) -> str:
    return f"{seen.life} {account.at(seen.told)}"


def epochs_keep_to_real_time(account: Account) -> Iterator[Violation]:
    """A claim that was answered before another was asked has the lower epoch; and nobody is answered by a past that was over
    before they asked."""
    moments: dict[Chat, list[tuple[int, int, int, Sighting]]] = defaultdict(list)
    for number, seen in enumerate(sightings(account)):
        if account.lasting(seen.life):
            moments[seen.chat] += ((seen.told, 1, number, seen), (seen.since, 0, number, seen))
    for chat, found in moments.items():
        newest: Sighting | None = None
        floor: dict[int, Sighting | None] = {}
        for _, is_told, number, seen in sorted(found):
            if not is_told:
                floor[number] = newest
                continue
            known = floor[number]
            if known is not None and seen.epoch < known.epoch:
                old = f"{seen.life} was told epoch {seen.epoch} of chat {'/'.join(chat)} {account.at(seen.told)}"
                yield Violation("epochs keep to real time", f"{old}, asked after epoch {known.epoch} was told {account.at(known.told)}")
            if newest is None or seen.epoch > newest.epoch:
                newest = seen


def a_change_is_answered_with_its_own_epoch(account: Account) -> Iterator[Violation]:
    """The ack of an ownership command tells a state that the command can have led to: one's own claim is one's own."""
    for attempt in account.attempts:
        if not attempt.acked or attempt.frame["type"] not in OWNERSHIP:
            continue
        answer, type, me = attempt.answer or {}, attempt.frame["type"], attempt.life.id
        wanted = {"claim": me, "takeover": me, "transfer": attempt.frame.get("to")}.get(type)
        status = {"release": "waiting", "requeue": "waiting", "resolve": "closed", "end": "closed"}.get(type, "claimed")
        if (answer.get("owner") or {}).get("id") != wanted or answer.get("status") != status:
            got = f"{answer.get('status')} of {(answer.get('owner') or {}).get('id')}"
            yield Violation(
                "an ack tells what was asked", f"{attempt.life} asked for {type} and was told {got} {account.at(attempt.asked)}"
            )


def loads_stay_within_the_limit(account: Account) -> Iterator[Violation]:
    """P7: at no place of the log does an agent own more chats of the store than the limit."""
    limit = account.setting.agent_limit
    for store, shelf in account.shelves.items() if limit else ():
        owned: dict[str, set[str]] = defaultdict(set)
        owner: dict[str, str] = {}
        for frame in shelf.kept.log:
            if frame["type"] != "status":
                continue
            owned[owner.pop(frame["user"], "")].discard(frame["user"])
            if frame["owner"] is None:
                continue
            agent = owner[frame["user"]] = frame["owner"]["id"]
            owned[agent].add(frame["user"])
            if len(owned[agent]) > limit:
                yield Violation(
                    "loads stay within the limit", f"{agent} owns {len(owned[agent])} chats of {store} at offset {frame['offset']}"
                )


def nobody_who_is_there_is_taken_for_gone(account: Account) -> Iterator[Violation]:
    """P12: a session that is ready is never told that its own agent has gone. A node that stood still may have been taken for dead."""
    for life in account.lives.values() if not account.setting.nodes_pause else ():
        for place, frame in life.of("status"):
            shelf = account.shelves.get(frame["store"])
            if shelf is None or frame["reason"] != "agent_gone" or life.ready is None or place < life.ready:
                continue
            before = [other for other in shelf.statuses(frame["user"]) if other["epoch"] < frame["epoch"]]
            if before and (before[-1]["owner"] or {}).get("id") == life.id:
                chat = f"{frame['store']}/{frame['user']}"
                yield Violation("nobody there is taken for gone", f"{life} was there and lost chat {chat} as gone {account.at(place)}")


def nobody_is_gone_before_the_grace_is_over(account: Account) -> Iterator[Violation]:
    """P12: a chat goes back as its owner has gone only when the grace period is over since the last session of that owner."""
    grace_s = account.setting.grace_s
    first: dict[tuple[Chat, int], int] = {}
    for life in account.lives.values() if grace_s and not account.setting.nodes_pause else ():
        for place, frame in life.of("status"):
            if frame["reason"] == "agent_gone":
                key = (frame["store"], frame["user"]), frame["epoch"]
                first[key] = min(place, first.get(key, place))
    for ((store, user), epoch), place in first.items():
        shelf = account.shelves.get(store)
        before = [frame for frame in shelf.statuses(user) if frame["epoch"] < epoch] if shelf is not None else []
        owner = (before[-1]["owner"] or {}).get("id") if before else None
        theirs = [life for life in account.lives.values() if life.is_agent and life.id == owner and store in (life.opening.stores or ())]
        ends = [account.when(life.ended) for life in theirs if life.ready is not None and life.ended is not None and life.ended < place]
        if ends and account.when(place) - max(ends) < grace_s - BLINK_S:
            chat = f"chat {store}/{user}"
            gone_s = account.when(place) - max(ends)
            yield Violation("nobody is gone before the grace is over", f"{owner} lost {chat} {gone_s:.3f} s after its last session ended")


BLINK_S = 0.1
"""A client may see the end of its session so much later than the server."""
