"""The linear rules about commands: P4, P9 and P11 of the field, and the order of what one sender says.

What a client was told and what storage holds are compared by number, never by time, so a lost answer needs no guess: a command
without a last word may stand in the log once, or not at all.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.history.account import OWNERSHIP, Account, Attempt, Chat, Command, Life, Shelf, Violation
from tests.history.record import Frame

QUERIES = frozenset({"chats", "history"})
WRITES = {"send": "message", "note": "note", "rate": "note"}


def every_command_has_one_answer(account: Account) -> Iterator[Violation]:
    """P11: in each session exactly one answer for each asking, of the type that fits; none is owed where the session ended."""
    rule = "every command has one answer"
    for life, place, frame in account.unasked:
        yield Violation(rule, f"{life} was told {_short(frame)} {account.at(place)}, which answers nothing that is still open")
    for attempt in account.attempts:
        type = attempt.frame.get("type")
        if attempt.answer is None:
            if account.setting.at_rest and attempt.life.ended is None:
                yield Violation(
                    rule, f"{attempt.life} asked {_short(attempt.frame)} {account.at(attempt.asked)} and lived on without an answer"
                )
        elif attempt.answer["type"] not in ("error", type if type in QUERIES else "ack"):
            yield Violation(
                rule, f"{attempt.life} asked {_short(attempt.frame)} and got {_short(attempt.answer)} {account.at(attempt.asked)}"
            )


def a_wait_that_was_told_is_long_enough(account: Account) -> Iterator[Violation]:
    """Whoever was told `rate_limited` and says nothing for as long as it was told to wait, at most, is heard then. Only where everything
    else of the same identity was answered before, or went before it in the same session, and nothing of another session came before the
    answer: what is under way elsewhere may use the rate up. And not for a send that is behind another of its session which had failed,
    nor for one id on its way twice in a session, where nobody can tell which refusal is whose."""
    frames: dict[tuple[str, str], list[tuple[int, Life]]] = defaultdict(list)
    answered = {attempt.asked: attempt.answered for attempt in account.attempts}
    for life in account.lives.values():
        frames[life.side, life.id] += [(place, life) for place, frame in life.asked if frame.get("type") not in ("ping", "pong")]
    told = {attempt.asked: attempt for attempt in account.attempts if _code(attempt) == "rate_limited"}
    for asked in frames.values():
        asked.sort(key=lambda item: item[0])
        for at, (place, life) in enumerate(asked):
            first, after = told.get(place), asked[at + 1][0] if at + 1 < len(asked) else 0
            if first is None or first.answered is None or first.answered > after or after not in told or told[after].life is not life:
                continue
            last = told[after].answered or after
            if any(other is not life and (answered.get(beside) or after) > place for beside, other in asked if beside < last):
                continue
            if any(_holds(attempt, told[after]) for attempt in told.values()) or _is_twice(account, told[after]):
                continue
            waited_s = account.history.lines[after].at - account.history.lines[first.answered].at  # type: ignore[union-attr]
            ends = [_until_s(account, attempt) for attempt in told.values() if attempt.life is life and (attempt.answered or after) < after]
            if account.when(after) >= max(ends):
                fault = f"was told to wait {(first.answer or {})['retry_after']} s, waited {waited_s:.3f} s and was told to wait again"
                yield Violation("a wait that was told is long enough", f"{life} {fault} {account.at(after)}")


def _until_s(account: Account, attempt: Attempt) -> float:
    """When somebody who was told to wait may speak again."""
    return account.when(attempt.answered or 0) + float((attempt.answer or {})["retry_after"])


def _holds(first: Attempt, later: Attempt) -> bool:
    """Whether a send had failed in the same session and chat before another one was said."""
    are_sends = first.frame["type"] == later.frame["type"] == "send"
    same = first.life is later.life and first.chat == later.chat and first.frame["id"] != later.frame["id"]
    return are_sends and same and first.answered is not None and first.answered < later.asked


def _is_twice(account: Account, attempt: Attempt) -> bool:
    """Whether its id was said again in the same session before it was answered, or had no answer yet when it was said."""
    life, frame = attempt.life, attempt.frame
    others = account.commands[life.side, life.id, frame.get("store", ""), frame["id"]].attempts
    end = attempt.answered or attempt.asked
    return any(
        other is not attempt and other.life is life and other.asked < end and (other.answered or end) > attempt.asked for other in others
    )


def answers_come_in_time(account: Account) -> Iterator[Violation]:
    """P11: whatever the storage does, whoever is ready has the answer of a command within the time that the setting names."""
    limit_s = account.setting.answer_s
    for attempt in account.attempts if limit_s is not None else ():
        ready = attempt.life.ready
        if attempt.answered is None or ready is None or ready > attempt.asked or attempt.frame.get("type") in QUERIES:
            continue
        took_s = account.when(attempt.answered) - account.when(attempt.asked)
        if took_s > limit_s:
            what = f"{attempt.life} asked {_short(attempt.frame)} {account.at(attempt.asked)}"
            yield Violation("answers come in time", f"{what} and waited {took_s:.3f} s for {_short(attempt.answer or {})}")


def the_same_id_has_the_same_answer(account: Account) -> Iterator[Violation]:
    """P4: all acks of an id are equal but for `duplicate`, which all but the first carry; `id_reused` needs two contents."""
    rule = "the same id has the same answer"
    for command in account.commands.values():
        acks = command.acks
        if len(command.attempts) == 1 and not any(ack.answer.get("duplicate") for ack in acks if ack.answer):
            if _code(command.attempts[0]) == "id_reused":
                yield Violation(rule, f"{command} was told id_reused, though it was asked once")
            continue
        told = [{key: value for key, value in (ack.answer or {}).items() if key != "duplicate"} for ack in acks]
        for ack, answer in zip(acks[1:], told[1:], strict=True):
            if answer != told[0]:
                yield Violation(rule, f"{command} got {told[0]} and {account.at(ack.answered or 0)} {answer}")
        if sum(not (ack.answer or {}).get("duplicate") for ack in acks) > 1:
            yield Violation(rule, f"{command} got {len(acks)} acks, more than one of them as if it were the first")
        if len(command.attempts) == 1:
            yield Violation(rule, f"{command} was asked once and called a duplicate")
        if any(_code(attempt) == "id_reused" for attempt in command.attempts) and not _differs(command):
            yield Violation(rule, f"{command} was told id_reused, though it was always asked with the same content")


def each_command_takes_effect_at_most_once(account: Account) -> Iterator[Violation]:
    """P4 and P9: a sender's `id` stands at most once in the log of a store."""
    for store, shelf in account.shelves.items():
        for (kind, _, sender, id), frames in shelf.by_sender.items():
            if len(frames) > 1:
                places = ", ".join(str(frame["offset"]) for frame in frames)
                yield Violation(
                    "each command takes effect at most once", f"the {kind} {id} of {sender} stands in store {store} at {places}"
                )


def what_was_acknowledged_is_kept(account: Account) -> Iterator[Violation]:
    """P9: each acked message, note and change of owner stands in storage as it was acked, and as it was asked."""
    for command in account.commands.values():
        shelf = account.shelves.get(command.store)
        if shelf is None:
            continue
        # A mark that stood there already is acked and moves nothing: what it rested on may have been rolled back before it was known.
        if command.type == "read" and not all(account.lasting(attempt.life) for attempt in command.attempts):
            continue
        for ack in command.acks:
            if account.lasting(ack.life) and (fault := _missing(shelf, command, ack)):
                yield Violation("what was acknowledged is kept", f"{command}, acked {account.at(ack.answered or 0)}: {fault}")


def _missing(shelf: Shelf, command: Command, ack: Attempt) -> str | None:
    """What is wrong with what is kept of an acked command."""
    answer, user = ack.answer or {}, ack.chat[1]
    if command.type in WRITES:
        frames = shelf.by_sender.get((WRITES[command.type], command.side, command.sender, command.id), [])
        if not frames:
            return None if not shelf.whole else f"it is not kept (the ack was {answer})"
        kept = frames[0]
        if command.type == "send" and (kept["seq"], kept["at"]) != (answer.get("seq"), answer.get("at")):
            return f"the ack was {answer}, and it is kept as {kept}"
        return None if _says(kept, ack.frame, user) else f"{ack.frame} is kept as {kept}"
    if command.type in OWNERSHIP:
        status = shelf.by_epoch.get((user, answer.get("epoch", 0)))
        if status is None:
            return f"epoch {answer.get('epoch')} is not kept" if shelf.whole else None
        told = answer.get("status"), (answer.get("owner") or {}).get("id")
        kept_as = status["status"], (status["owner"] or {}).get("id")
        if told != kept_as:
            return f"it was told {told}, and epoch {answer['epoch']} is kept as {kept_as}"
    if command.type == "read" and (summary := shelf.kept.chats.get(user)) is not None:
        read, known = summary["marks"][command.side]["read"], _known_end(ack)
        if read < min(ack.frame["seq"], known):
            return f"it read to {ack.frame['seq']} of at least {known}, and the mark is at {read}"
    return None


def _known_end(ack: Attempt) -> int:
    """The last message of the chat that the sender had been told of when it asked."""
    messages = (frame for place, frame in ack.life.of("message") if place < ack.asked)
    return max((frame["seq"] for frame in messages if (frame["store"], frame["user"]) == ack.chat), default=0)


def what_was_refused_left_nothing(account: Account) -> Iterator[Violation]:
    """A message or note of which every attempt was refused for good is nowhere in storage."""
    for command in account.commands.values():
        shelf = account.shelves.get(command.store)
        if shelf is None or command.type not in WRITES or not command.refused:
            continue
        for frame in shelf.by_sender.get((WRITES[command.type], command.side, command.sender, command.id), []):
            why = _code(command.attempts[-1])
            yield Violation("what was refused left nothing", f"{command} was told {why}, and stands at offset {frame['offset']}")


def nothing_is_kept_that_nobody_said(account: Account) -> Iterator[Violation]:
    """P10: each stored message and note was asked, with this content, by this sender, for this chat. For senders of the history."""
    present = {(life.side, life.id) for life in account.lives.values()}
    for store, shelf in account.shelves.items():
        for (kind, side, sender, id), frames in shelf.by_sender.items():
            command = account.commands.get((side, sender, store, id))
            if (side, sender) not in present:
                continue
            asked = [attempt.frame for attempt in command.attempts] if command else []
            users = [attempt.chat[1] for attempt in command.attempts] if command else []
            if not any(_says(frames[0], frame, user) for frame, user in zip(asked, users, strict=True)):
                yield Violation(
                    "nothing is kept that nobody said",
                    f"the {kind} {id} of {sender} in store {store} was asked as {asked}, kept as {frames[0]}",
                )


def what_one_sender_says_keeps_its_order(account: Account) -> Iterator[Violation]:
    """Of two messages of one sender to one chat, each sent once and acked, the one that was asked first in the same session has the
    lower `seq`; and so has, whoever sent it, the one that was acked before the other was asked."""
    rule = "messages keep their order"
    sends: dict[Chat, list[Attempt]] = defaultdict(list)
    for command in account.commands.values():
        if command.type == "send" and len(command.attempts) == 1 and command.acks and account.lasting(command.attempts[0].life):
            sends[command.attempts[0].chat].append(command.attempts[0])
    for chat, attempts in sends.items():
        last: dict[str, Attempt] = {}
        moments = [(a.asked, 0, a) for a in attempts] + [(a.answered or 0, 1, a) for a in attempts]
        newest: Attempt | None = None
        for _, is_answered, attempt in sorted(moments, key=lambda moment: moment[:2]):
            if is_answered:
                newest = attempt if newest is None or _seq(attempt) > _seq(newest) else newest
                continue
            before = last.get(attempt.life.opening.session)
            for earlier in {id(a): a for a in (before, newest) if a is not None}.values():
                if _seq(earlier) >= _seq(attempt):
                    late = f"{attempt.frame['id']} of {attempt.life} is {_seq(attempt)}"
                    first = f"{earlier.frame['id']} of {earlier.life}, said before it, is {_seq(earlier)}"
                    yield Violation(rule, f"chat {'/'.join(chat)}: {late}, {first}")
            if before is None or _seq(before) < _seq(attempt):
                last[attempt.life.opening.session] = attempt


def what_follows_a_send_that_failed_fails_too(account: Account) -> Iterator[Violation]:
    """A send that is refused for the moment takes with it those to the same chat that were on their way behind it in its session:
    else sending it again would turn their order around. What was sent before already is behind nothing. Of one id on its way twice in a
    session nobody can tell which refusal is whose, and a slow reader may write on when nothing is held any more: there it is enough that
    the one that failed got there first after all."""
    sends: dict[tuple[str, Chat], list[Attempt]] = defaultdict(list)
    fresh = {id(command.attempts[0]) for command in account.commands.values()}
    for attempt in account.attempts:
        if attempt.frame.get("type") == "send":
            sends[attempt.life.opening.session, attempt.chat].append(attempt)
    for attempts in sends.values():
        for at, first in enumerate(attempts):
            if first.answered is None or not (first.answer or {}).get("temporary"):
                continue
            life, frame = first.life, first.frame
            there = [_seq(ack) for ack in account.commands[life.side, life.id, frame.get("store", ""), frame["id"]].acks]
            for later in attempts[at + 1 :]:
                if there and min(there) < _seq(later) and (account.setting.answer_s is None or _is_twice(account, first)):
                    continue
                if later.asked < first.answered and later.acked and id(later) in fresh:
                    what = f"{later.frame['id']} of {later.life} was acked {account.at(later.answered or 0)}"
                    why = f"though {first.frame['id']}, on its way before it, was told {_code(first)}"
                    yield Violation("what follows a send that failed fails too", f"{what}, {why}")


def _seq(attempt: Attempt) -> int:
    return int((attempt.answer or {}).get("seq", 0))


def _says(kept: Frame, asked: Frame, user: str) -> bool:
    """Whether a stored message or note is what was asked. The note of a transfer bears the transfer's id."""
    if asked.get("type") == "transfer":
        return kept["type"] == "note" and kept["user"] == user and kept["body"] == {"text": asked.get("note")}
    if asked.get("type") == "rate":
        rating = {"score": asked["score"]} | ({"comment": asked["comment"]} if asked.get("comment") else {})
        return kept["type"] == "note" and kept["user"] == user and kept["body"].get("rating") == rating
    kind = WRITES.get(asked.get("type", ""))
    return kept["type"] == kind and kept["user"] == user and kept["body"] == asked["body"] and kept.get("kind") == asked.get("kind")


def _differs(command: Command) -> bool:
    contents = [attempt.content for attempt in command.attempts]
    return any(content != contents[0] for content in contents[1:])


def _code(attempt: Attempt) -> str | None:
    return (attempt.answer or {}).get("code")


def _short(frame: Frame) -> str:
    return " ".join(str(frame[key]) for key in ("type", "id", "code", "store", "user") if key in frame)


def answers_by_type(account: Account) -> Counter[str]:
    """How many attempts ended how, for tables: ack, error codes, and `none`."""
    return Counter(_code(a) or (a.answer["type"] if a.answer else "none") for a in account.attempts)
