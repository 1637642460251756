"""Is there an order of all calls of a chat that explains every answer? The search of Wing and Gong, with Lowe's memory.

Wing and Gong, "Testing and verifying concurrent objects" (Journal of Parallel and Distributed Computing 17, 1993): try each call that
no other had to precede, undo, try the next. Lowe, "Testing for linearizability" (Concurrency and Computation 29, 2017): what was
reached is known by the set of calls that took effect and the state they led to; the same again is not searched again. Judged chat by
chat (Horn and Kroening 2015). An unknown outcome is a call that never ends: it may take effect at any later time, or never; the order
is found when all calls that ended are in it.

The specification is the rule of the server itself: a mistake in the rule explains its own answers here, and is for the linear rules, which
state the protocol anew. Not for histories of which some callers were not recorded, nor for storage that rolled back.

    for chat in chats_of(account):
        verdict = search(calls_of(account, chat))
"""

from collections.abc import Iterator, Sequence

import attrs

from actors.chat import Party
from tests.history.account import UNDECIDED, Account, Attempt, Chat, Shelf, Violation
from tests.history.model import Call, State, steps
from tests.history.record import Frame

JUDGED = frozenset({"send", "note", "claim", "release", "transfer", "takeover", "requeue", "resolve", "end", "read"})
ABOUT_THE_CHAT = frozenset(
    {"stale_claim", "closed", "not_claimed", "not_owner", "already_claimed", "at_capacity", "no_such_agent", "not_found"}
)
"""Refusals that say something about the state of a chat; others were made before anybody looked at it."""


@attrs.frozen
class Verdict:
    """`order`: one that explains the answers, None if there is none. `gave_up`: too much was tried; then nothing is known."""

    order: tuple[Call, ...] | None
    deepest: tuple[Call, ...] = ()
    """The longest order that was found: what stands beside it is where the history goes wrong."""
    tried: int = 0
    gave_up: bool = False

    @property
    def holds(self) -> bool:
        return self.order is not None


def search(calls: Sequence[Call], start: State | None = None, limit: int = 200_000) -> Verdict:
    """Depth first, over at most `limit` configurations."""
    ended = sum(1 << i for i, call in enumerate(calls) if call.ends is not None)
    first = State.fresh() if start is None else start
    stack: list[tuple[int, State, Iterator[tuple[int, State]]]] = [(0, first, _next(calls, 0, first))]
    path: list[Call] = []
    deepest: tuple[Call, ...] = ()
    reached = {(0, first)}
    while stack:
        done, _, following = stack[-1]
        if done & ended == ended:
            return Verdict(tuple(path), tuple(path), len(reached))
        for at, state in following:
            configuration = done | 1 << at, state
            if configuration in reached:
                continue
            reached.add(configuration)
            path.append(calls[at])
            stack.append((*configuration, _next(calls, *configuration)))
            if len(path) > len(deepest):
                deepest = tuple(path)
            break
        else:
            stack.pop()
            if path:
                path.pop()
        if len(reached) > limit:
            return Verdict(None, deepest, len(reached), gave_up=True)
    return Verdict(None, deepest, len(reached))


def _next(calls: Sequence[Call], done: int, state: State) -> Iterator[tuple[int, State]]:
    """Each call that may be the next to take effect: no other that is still out ended before it began. The ended ones first."""
    out = [i for i in range(len(calls)) if not done >> i & 1]
    soonest = min((end for i in out if (end := calls[i].ends) is not None), default=None)
    ready = [i for i in out if soonest is None or calls[i].begins < soonest]
    for i in sorted(ready, key=lambda i: (calls[i].ends is None, calls[i].ends or calls[i].begins)):
        for state_after in steps(state, calls[i]):
            yield i, state_after


def chats_of(account: Account) -> list[Chat]:
    """Every chat of which something was asked."""
    return sorted({a.chat for a in account.attempts if a.frame["type"] in JUDGED})


def calls_of(account: Account, chat: Chat) -> list[Call]:
    """The calls of a chat. What is kept settles unknown messages: those in the log took effect, the others never will. The release of a
    vanished owner's chat has no caller; it is a call of the whole history, whose epoch the log tells."""
    shelf = account.shelves.get(chat[0])
    settles = shelf if shelf is not None and shelf.whole else None
    calls = [_call(account, attempt, settles) for attempt in account.attempts if attempt.chat == chat and attempt.frame["type"] in JUDGED]
    changes = _changes(account, chat)
    gone = [_given_back(account, changes, at) for at, status in enumerate(changes) if status["reason"] == "agent_gone"]
    return [*(call for call in calls if call is not None), *gone]


def _changes(account: Account, chat: Chat) -> list[Frame]:
    """Every change of the chat that is kept or that anybody was told of, in their order: of a log that was trimmed both are needed."""
    shelf = account.shelves.get(chat[0])
    known: dict[int, Frame] = {}
    for life in account.lives.values() if shelf is None or not shelf.whole else ():
        known |= {frame["epoch"]: frame for _, frame in life.of("status") if (frame["store"], frame["user"]) == chat}
    known |= {frame["epoch"]: frame for frame in (shelf.statuses(chat[1]) if shelf is not None else ())}
    return [known[epoch] for epoch in sorted(known)]


def _call(account: Account, attempt: Attempt, settles: Shelf | None) -> Call | None:
    """None for what never came before the chat."""
    life, frame, ends, answer = attempt.life, attempt.frame, attempt.answered, attempt.answer
    code = (answer or {}).get("code")
    if code is not None and code not in UNDECIDED | ABOUT_THE_CHAT:
        return None
    command = account.commands[life.side, life.id, frame["store"], frame["id"]]
    repeated = len(command.attempts) > 1
    if answer is None or code in UNDECIDED:
        ends = answer = None
        kind = {"send": "message", "note": "note"}.get(frame["type"])
        if settles is not None and kind is not None:
            found = settles.by_sender.get((kind, life.side, life.id, frame["id"]))
            if not found:
                return None
            if not repeated:
                ends = len(account.history.lines)
                answer = {"type": "ack"} | ({"seq": found[0]["seq"]} if kind == "message" else {})
    effect = next((other.answer for other in command.acks), None)
    by = Party(life.opening.role, life.id)
    return Call(id=frame["id"], by=by, frame=frame, begins=attempt.asked, ends=ends, answer=answer, effect=effect, repeated=repeated)


def _given_back(account: Account, changes: list[Frame], at: int) -> Call:
    """The `at`th change. Of whose chat it was nothing may be known any more: then it was whoever owned it."""
    status, before = changes[at], changes[at - 1]["owner"] if at else None
    agent = before["id"] if before is not None else None
    answer = {"type": "ack", "status": "waiting", "owner": None, "epoch": status["epoch"]}
    frame = {"type": "give_back", "agent": agent}
    return Call(
        id=f"gone-{status['epoch']}", by=Party("supervisor", ""), frame=frame, begins=0, ends=len(account.history.lines), answer=answer
    )


def every_answer_has_an_order(account: Account, *, calls_limit: int = 60, limit: int = 20_000) -> Iterator[Violation]:
    """Every chat has an order of its calls that explains all answers. Says nothing of chats that are too large to be sure of."""
    for chat in chats_of(account):
        calls = calls_of(account, chat)
        verdict = search(calls, limit=limit) if len(calls) <= calls_limit else None
        if verdict is not None and not verdict.holds and not verdict.gave_up:
            yield Violation("every answer has an order", f"chat {'/'.join(chat)}: {explain(verdict, calls)}")


def explain(verdict: Verdict, calls: Sequence[Call]) -> str:
    """For an assertion: how far an order was found, and what did not fit behind it."""
    left = [call for call in calls if call not in verdict.deepest and call.ends is not None]
    lines = ["no order explains the answers; as far as:", *map(str, verdict.deepest), "then none of:", *map(str, left)]
    return "\n  ".join(lines)
