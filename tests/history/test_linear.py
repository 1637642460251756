"""Each linear rule accepts a history of a server that keeps its promises, and names what is wrong in one that was changed by hand."""

import msgspec
import pytest

from tests.history import answer, delivery, holding
from tests.history import ownership as own
from tests.history.day import GOOD, acked_twice, claimed_twice, two_messages
from tests.history.linear import RULES, check, report
from tests.history.record import Ended, History, Kept, Opened, Setting
from tests.history.scene import Scene, changed, frame_with, kept, log_with, told, without


def test_a_server_that_keeps_its_promises_breaks_no_rule():
    assert not check(GOOD), report(check(GOOD))


def test_a_history_is_the_same_after_a_file(tmp_path):
    GOOD.dump(tmp_path / "history.jsonl")
    assert History.load(tmp_path / "history.jsonl") == GOOD


def status(**match):
    return lambda frames: next(frame for frame in frames if frame["type"] == "status" and all(frame[k] == v for k, v in match.items()))


def setting_in_log(find, **fields):
    def change(log):
        find(log).update(fields)
        return log

    return lambda history: changed(history, kept(), log_with(change))


def the_log(change, store="s1"):
    return lambda history: changed(history, kept(store), log_with(change))


def message(id):
    return lambda frames: next(frame for frame in frames if frame["type"] != "status" and frame["id"] == id)


def doubled(log):
    """The reply stands twice, and everything behind it one higher."""
    at = log.index(message("reply")(log))
    behind = [
        frame | {"offset": frame["offset"] + 1} | ({"seq": frame["seq"] + 1} if "seq" in frame and frame["user"] == "u1" else {})
        for frame in log[at:]
    ]
    return [*log[: at + 1], *behind]


def summary(**fields):
    def change(line):
        return msgspec.structs.replace(line, chats={**line.chats, "u1": {**line.chats["u1"], **fields}})

    return lambda history: changed(history, kept(), change)


def in_snapshot(session, **fields):
    def change(line):
        chats = [{**chat, **fields} for chat in line.frame["chats"]]
        return msgspec.structs.replace(line, frame={**line.frame, "chats": chats})

    return lambda history: changed(history, told(session, type="chats"), change)


def the_told(session, fields, which=0, **match):
    return lambda history: changed(history, told(session, **match), frame_with(**fields), which)


def the_asked(session, fields, **match):
    def fits(line):
        return type(line).__name__ == "Asked" and line.session == session and all(line.frame.get(k) == v for k, v in match.items())

    return lambda history: changed(history, fits, frame_with(**fields))


def not_told(session, which=0, **match):
    return lambda history: without(history, told(session, **match), which)


def set_to(**fields):
    return lambda history: changed(history, lambda line: isinstance(line, Setting), lambda line: msgspec.structs.replace(line, **fields))


def swapped(first, second):
    """Two things that a session was told, the other way round."""

    def change(history):
        lines = list(history.lines)
        i, j = (next(place for place, line in enumerate(lines) if fits(line)) for fits in (first, second))
        lines[i], lines[j] = lines[j], lines[i]
        return History(tuple(lines))

    return change


def told_again(session, **match):
    """A session is told something twice in a row."""

    def change(history):
        lines = list(history.lines)
        at = next(place for place, line in enumerate(lines) if told(session, **match)(line))
        return History((*lines[: at + 1], *lines[at:]))

    return change


def resumed_elsewhere(history):
    fits = lambda line: isinstance(line, Opened) and line.session == "a3#9"  # noqa: E731
    return changed(history, fits, lambda line: msgspec.structs.replace(line, generation="g0"))


def last_claim(log):
    return next(frame for frame in log if frame["type"] == "status" and frame["reason"] == "claim")


def told_agent_gone(history):
    """a2, who is there, is told that its chat was given back because it has gone."""
    history = setting_in_log(status(reason="release"), reason="agent_gone", by=None)(history)
    return the_told("a2#2", {"reason": "agent_gone", "by": None}, type="status", reason="release")(history)


def limited(*ids):
    """A user says these, one after the other, and is told to wait for a thousandth of a second each time."""
    scene = Scene()
    scene.open("agent", "a1")
    user = scene.open("user", "u1")
    for id in ids:
        scene.ask(user, "send", id=id)
    history = scene.history
    for id in ids:
        refusal = {"type": "error", "code": "rate_limited", "temporary": True, "retry_after": 0.001}
        history = the_told(user, refusal, id=id, type="ack")(history)
    return history


def gone_too_early(history):
    """a1 comes again at once, and somebody sees its chat given back a moment after it was cut."""
    scene = Scene(grace_s=60)
    a = scene.open("agent", "a1")
    scene.ask(scene.open("user", "u1"), "send")
    scene.open("agent", "a2")
    scene.ask(a, "claim", user="u1", id="won")
    scene.ask(a, "release", user="u1", id="gone")
    history = setting_in_log(status(reason="release"), reason="agent_gone", by=None)(scene.history)
    history = the_told("a2#3", {"reason": "agent_gone", "by": None}, type="status", reason="release")(history)
    at = next(place for place, line in enumerate(history.lines) if told("a2#3", reason="agent_gone")(line))
    return History((*history.lines[:at], Ended(at=history.lines[at].at, session=a), *history.lines[at:]))


def overtaken(history):
    """Two messages leave together; the first is told to come again, and the second is taken."""
    history = two_messages().history
    lines = list(history.lines)
    second = next(line for line in lines if type(line).__name__ == "Asked" and line.frame["id"] == "c2")
    lines.remove(second)
    lines.insert(next(place for place, line in enumerate(lines) if type(line).__name__ == "Asked") + 1, second)
    return the_told("u1#2", {"type": "error", "code": "unavailable", "temporary": True}, id="c1", type="ack")(History(tuple(lines)))


EPOCH_OF_CLAIM = last_claim(next(line for line in GOOD.lines if isinstance(line, Kept) and line.store == "s1").log)["epoch"]


BROKEN = {
    "two changes have one epoch": (own.epochs_rise, setting_in_log(status(reason="transfer"), epoch=EPOCH_OF_CLAIM)),
    "a claimed chat is claimed": (own.changes_follow_the_rule, setting_in_log(status(reason="transfer"), reason="claim")),
    "a stranger releases": (own.changes_follow_the_rule, setting_in_log(status(reason="release"), by={"role": "agent", "id": "a1"})),
    "an agent takes over": (own.changes_follow_the_rule, setting_in_log(status(reason="takeover"), by={"role": "agent", "id": "z1"})),
    "a claim leaves nobody owning": (own.changes_follow_the_rule, setting_in_log(status(reason="claim"), owner=None)),
    "a message into a closed chat leaves it closed": (
        own.a_message_opens_its_chat,
        setting_in_log(status(reason="reopen"), reason="claim"),
    ),
    "a first message opens nothing": (own.a_message_opens_its_chat, the_log(lambda log: [f for f in log if f.get("reason") != "new"])),
    "a release carries an epoch that was over": (
        own.an_epoch_that_a_command_carries_holds,
        the_asked("a2#2", {"epoch": EPOCH_OF_CLAIM}, id="let go"),
    ),
    "a message carries an epoch that was over": (own.an_epoch_that_a_command_carries_holds, the_asked("a1#1", {"epoch": 1}, id="reply")),
    "a stranger writes": (own.agents_write_only_what_they_own, setting_in_log(message("reply"), **{"from": {"role": "agent", "id": "a2"}})),
    "the loser of a claim is told it won": (
        own.one_owner_in_an_epoch,
        the_told("a2#2", {"type": "ack", "status": "claimed", "owner": {"id": "a2", "name": "a2"}}, id="lost"),
    ),
    "an ack comes though nothing is kept": (own.one_owner_in_an_epoch, the_told("a1#1", {"epoch": 5_000}, id="won")),
    "a summary shows another owner": (own.one_owner_in_an_epoch, in_snapshot("u1#7", owner={"id": "a2", "name": "a2"})),
    "a claim is refused by a state that is over": (
        own.epochs_keep_to_real_time,
        the_told("a2#2", {"epoch": EPOCH_OF_CLAIM, "owner": {"id": "a1", "name": "a1"}}, id="not theirs"),
    ),
    "a claim acks another's ownership": (
        own.a_change_is_answered_with_its_own_epoch,
        the_told("a1#1", {"owner": {"id": "a2", "name": "a2"}}, id="won"),
    ),
    "the limit is lower than what was claimed": (
        own.loads_stay_within_the_limit,
        lambda history: set_to(agent_limit=1)(claimed_twice().history),
    ),
    "an agent who is there is gone": (own.nobody_who_is_there_is_taken_for_gone, told_agent_gone),
    "an owner is gone before its grace is over": (own.nobody_is_gone_before_the_grace_is_over, gone_too_early),
    "an answer is missing": (answer.every_command_has_one_answer, not_told("a2#2", id="lost")),
    "an answer comes twice": (answer.every_command_has_one_answer, told_again("a1#1", id="won")),
    "a query is acked": (answer.every_command_has_one_answer, the_asked("a1#1", {"type": "history"}, id="won")),
    "an answer comes late": (
        answer.answers_come_in_time,
        lambda history: set_to(answer_s=5.0)(
            changed(history, told("a2#2", id="lost"), lambda line: msgspec.structs.replace(line, at=line.at + 6.0))
        ),
    ),
    "the second ack differs": (
        answer.the_same_id_has_the_same_answer,
        lambda history: the_told("u1#3", {"seq": 9}, id="again", type="ack")(acked_twice().history),
    ),
    "the second ack is like a first": (
        answer.the_same_id_has_the_same_answer,
        lambda history: changed(acked_twice().history, told("u1#3", type="ack", duplicate=True), frame_with(duplicate=False)),
    ),
    "a duplicate of nothing": (answer.the_same_id_has_the_same_answer, the_told("a1#1", {"duplicate": True}, id="won")),
    "id_reused of nothing": (answer.the_same_id_has_the_same_answer, the_told("a2#2", {"code": "id_reused"}, id="lost")),
    "a message is kept twice": (answer.each_command_takes_effect_at_most_once, the_log(doubled)),
    "an acked message is lost": (answer.what_was_acknowledged_is_kept, the_log(lambda log: [f for f in log if f.get("id") != "reply"])),
    "an acked message is another": (answer.what_was_acknowledged_is_kept, setting_in_log(message("reply"), body={"text": "ho"})),
    "an acked note is lost": (answer.what_was_acknowledged_is_kept, the_log(lambda log: [f for f in log if f.get("id") != "aside"])),
    "an acked claim is lost": (answer.what_was_acknowledged_is_kept, the_log(lambda log: [f for f in log if f.get("reason") != "claim"])),
    "an acked mark is lost": (
        answer.what_was_acknowledged_is_kept,
        summary(marks={"user": {"received": 2, "read": 0}, "store": {"read": 1}}),
    ),
    "a refused message is kept": (answer.what_was_refused_left_nothing, setting_in_log(message("reply"), id="early")),
    "a message that nobody sent": (answer.nothing_is_kept_that_nobody_said, setting_in_log(message("reply"), id="invented")),
    "a message comes before an earlier one": (
        answer.what_one_sender_says_keeps_its_order,
        lambda history: the_told("u1#2", {"seq": 9}, id="c1", type="ack")(two_messages().history),
    ),
    "a send goes on behind one that failed": (answer.what_follows_a_send_that_failed_fails_too, overtaken),
    "an offset is left out": (delivery.storage_has_no_gap, the_log(lambda log: [f for f in log if f["offset"] != 4])),
    "a number of a message is left out": (delivery.storage_has_no_gap, setting_in_log(message("one more"), seq=7)),
    "a summary ends elsewhere": (delivery.storage_has_no_gap, summary(seq=3)),
    "the history of a chat is not the log's": (
        delivery.storage_has_no_gap,
        lambda history: changed(history, kept(), lambda line: msgspec.structs.replace(line, messages={"u1": []})),
    ),
    "a reader sees another text": (
        delivery.everybody_is_told_what_is_kept,
        the_told("u1#4", {"body": {"text": "ho"}}, type="message", id="reply"),
    ),
    "fan-out of what is not kept": (delivery.everybody_is_told_what_is_kept, the_told("a2#2", {"offset": 99}, type="note")),
    "a live message is left out": (delivery.sessions_get_everything_in_order, not_told("a2#2", type="message", id="reply")),
    "a live message comes twice": (delivery.sessions_get_everything_in_order, the_told("z1#3", {"offset": 1}, type="message", id="reply")),
    "what is newer than the snapshot comes before ready": (
        delivery.sessions_get_everything_in_order,
        in_snapshot("u1#7", seq=1),
    ),
    "live before what was missed": (
        delivery.sessions_get_everything_in_order,
        swapped(told("u1#7", type="message", id="again"), told("u1#7", type="ready")),
    ),
    "what was missed begins too late": (
        delivery.sessions_get_everything_in_order,
        not_told("a3#9", offset=4),
    ),
    "what was missed is not told": (delivery.sessions_get_everything_in_order, not_told("u1#7", type="message", id="again")),
    "a user is told a status before it is ready": (
        delivery.sessions_get_everything_in_order,
        swapped(told("u1#7", type="status"), told("u1#7", type="ready")),
    ),
    "another generation and no reset": (delivery.sessions_get_everything_in_order, resumed_elsewhere),
    "a status is told twice": (delivery.statuses_rise_in_each_session, the_told("u1#4", {"epoch": 1}, type="status", reason="claim")),
    "whoever waited as told waits again": (answer.a_wait_that_was_told_is_long_enough, lambda _: limited("again", "again")),
    "a waiting chat is not shown": (delivery.every_agent_is_offered_every_waiting_chat, the_told("a3#9", {"chats": []}, type="chats")),
    "a chat is shown as it was long ago": (delivery.every_agent_is_offered_every_waiting_chat, in_snapshot("a3#9", epoch=1)),
    "unread is a counter that drifted": (holding.unread_is_arithmetic, in_snapshot("a3#9", unread=7)),
    "unread is negative": (holding.unread_is_arithmetic, summary(unread=-1)),
    "a mark goes back": (holding.marks_only_rise_and_only_by_asking, the_told("u1#4", {"read": 1}, type="marks", side="user", received=2)),
    "opening marks as read": (holding.marks_only_rise_and_only_by_asking, the_told("a2#2", {"read": 9}, type="marks", side="store")),
    "a status is lost at rest": (holding.at_rest_everybody_holds_what_is_kept, not_told("u1#7", type="status", reason="reopen")),
    "a mark is lost at rest": (holding.at_rest_everybody_holds_what_is_kept, not_told("z1#3", type="marks", received=2)),
    "the last message is lost at rest": (holding.at_rest_everybody_holds_what_is_kept, not_told("z1#3", type="status", reason="reopen")),
    "an agent hears of another store": (holding.nothing_crosses, the_told("a1#1", {"store": "s9"}, type="note")),
    "a user hears of another's chat": (holding.nothing_crosses, the_told("u1#4", {"user": "u2"}, type="message", id="reply")),
    "a user gets a note": (holding.nothing_crosses, the_told("u1#4", {"type": "note"}, type="message", id="reply")),
    "a user sees an offset": (holding.nothing_crosses, the_told("u1#4", {"offset": 6}, type="message", id="reply")),
    "a command in another's store is acked": (holding.nothing_crosses, the_asked("a1#1", {"store": "s9"}, id="won")),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_was_changed_by_hand_is_found(name):
    rule, change = BROKEN[name]
    found = check(change(GOOD), [rule])
    assert found, f"{name}: {rule.__name__} says nothing"
    assert all(len(violation.sentence) > 20 for violation in found)


def test_every_rule_is_shown_to_catch_something():
    assert {rule for rule, _ in BROKEN.values()} == set(RULES)


@pytest.mark.parametrize("make", [claimed_twice, acked_twice, two_messages])
def test_the_small_scenes_break_no_rule(make):
    assert not check(make().history)


def test_a_send_behind_one_that_failed_has_to_wait_for_that_one():
    """However long it was told to wait itself; the rule once blamed the server for it."""
    assert not check(limited("first", "second"), [answer.a_wait_that_was_told_is_long_enough])


def test_a_receipt_beyond_an_end_that_was_rolled_back_counts_as_that_end():
    """The log had grown since, and the rule took only the present end for one."""
    scene = Scene(may_roll_back=True)
    agent, user = scene.open("agent", "a1"), scene.open("user", "u1")
    for _ in range(3):
        scene.ask(user, "send")
    scene.ask(agent, "received", offset=2)
    scene.cut(agent)
    scene.open("agent", "a1")
    beyond = the_asked(agent, {"offset": 3}, type="received")(scene.history)
    assert not check(beyond, [delivery.sessions_get_everything_in_order])
    assert check(set_to(may_roll_back=False)(beyond), [delivery.sessions_get_everything_in_order])


def test_an_agent_who_is_told_the_past_of_a_closed_chat_need_not_know_its_marks():
    """A closed chat is in no snapshot, so a resume tells of its messages and of nothing else. On a busy machine the suite met it."""
    scene = Scene()
    agent, user = scene.open("agent", "a1"), scene.open("user", "u1")
    scene.ask(user, "send")
    scene.ask(agent, "claim", user="u1")
    scene.ask(agent, "read", user="u1", seq=1)
    scene.ask(agent, "resolve", user="u1")
    late = scene.open("agent", "a2", resume={"s1": 0})
    assert not check(scene.history)
    lost = without(scene.history, told(late, type="status", reason="resolve"))
    assert check(lost, [holding.at_rest_everybody_holds_what_is_kept])


def test_what_a_rolled_back_storage_lost_is_forgiven_only_to_those_who_were_told_of_another_generation():
    lost = changed(GOOD, kept(), log_with(lambda log: log[:-2]))
    for store in ("s1", "s9"):
        lost = changed(lost, kept(store), lambda line: msgspec.structs.replace(line, generation="g2"))
    strict, lenient = set_to(at_rest=False)(lost), set_to(at_rest=False, may_roll_back=True)(lost)
    assert check(strict, [answer.what_was_acknowledged_is_kept])
    assert not check(lenient, [answer.what_was_acknowledged_is_kept, delivery.everybody_is_told_what_is_kept])


def test_a_report_is_short():
    broken = BROKEN["a message is kept twice"][1](GOOD)
    assert len(report(check(broken), limit=3).splitlines()) <= 5
