"""The search finds an order where there is one and says so where there is none: held against brute force, and against the real rule."""

import attrs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.chat import Chat, Party
from actors.rule import Accepted, apply, decide
from tests.history.account import Account
from tests.history.day import GOOD, acked_twice, claimed_twice
from tests.history.model import Call, State, command_of, steps
from tests.history.record import Asked, History
from tests.history.scene import Scene, changed, kept, log_with, told, without
from tests.history.search import calls_of, chats_of, explain, search

PEOPLE = (Party("agent", "a1"), Party("agent", "a2"), Party("supervisor", "z1"), Party("user", "u"))


TOP = 12
"""Epochs of these histories lie below; what brute force tries for those that nobody was told."""


def concretely(state, call):
    """The specification again, without floors: where nobody was told an epoch, each that it may have had is tried."""
    known = dict(state.seen).get(call.key)
    if known is not None or (call.answer or {}).get("duplicate"):
        yield from steps(state, call)
        return
    effect = call.answer or call.effect or {}
    moments = [effect["epoch"]] if "epoch" in effect and effect["type"] == "ack" else range(TOP)
    yield from {after for now in moments for after in _at(state, call, now)}


def _at(state, call, now):
    answer, effect = call.answer, call.answer or call.effect
    decision = decide(state.chat, command_of(call.frame, call.by, answer), now)
    chat = state.chat
    if not isinstance(decision, Accepted):
        refused = decision.refused
        same = answer is not None and answer.get("code") == refused.code and answer["type"] == "error"
        if same and answer.get("epoch", refused.epoch) == refused.epoch:
            owner = refused.owner.id if refused.owner else None
            if "owner" not in answer or (answer["owner"] or {}).get("id") == owner:
                yield state
        return
    for event in decision.events:
        chat = apply(chat, event)
    told = {"type": "ack"}
    told |= {"seq": chat.seq} if decision.acks == "message" else {}
    owned = {"status": chat.status, "owner": chat.owner.id if chat.owner else None, "epoch": chat.epoch}
    told |= owned if decision.acks == "ownership" else {}
    if effect is not None:
        seen = {name: value for name, value in effect.items() if name not in ("duplicate", "owner")}
        seen |= {"owner": (effect["owner"] or {}).get("id")} if "owner" in effect else {}
        if seen != told:
            return
    chat = msgspec.structs.replace(chat, since=0, at=0, name=None, from_user=0, store_read=0, user_read=0)
    remembered = tuple(sorted((name, value) for name, value in told.items() if name != "type"))
    yield State(chat, state.seen | {(call.key, remembered)} if call.repeated else state.seen)


def brute(calls):
    """Whether any permutation explains the answers, by the definition: real-time order kept, all that ended in it, no memory, no guess
    which to try first. All states that the calls so far may have led to are carried along."""
    ended = {i for i, call in enumerate(calls) if call.ends is not None}

    def goes_on(order, states):
        if ended <= set(order):
            return True
        for i in set(range(len(calls))) - set(order):
            if any(calls[j].ends < calls[i].begins for j in ended - set(order)):
                continue
            after = {state_after for state in states for state_after in concretely(state, calls[i])}
            if after and goes_on((*order, i), after):
                return True
        return False

    return goes_on((), {State.fresh()})


class Server:
    """One chat, the real rule, one call after another."""

    def __init__(self):
        self.chat, self.now, self.seen = Chat(store="s", user="u"), 0, {}

    def serve(self, by, frame):
        self.now += 1
        key = (by.id, frame["id"])
        if key in self.seen:
            return self.seen[key] | {"duplicate": True}
        decision = decide(self.chat, command_of(frame, by), self.now)
        if not isinstance(decision, Accepted):
            refused = msgspec.to_builtins(decision.refused)
            about = {"owner": refused["owner"], "epoch": refused["epoch"]} if refused["code"] in ABOUT else {}
            return {"type": "error", "code": refused["code"], **about}
        for event in decision.events:
            self.chat = apply(self.chat, event)
        answer = {"type": "ack"}
        if decision.acks == "message":
            answer |= {"seq": self.chat.seq}
        elif decision.acks == "ownership":
            answer |= {"status": self.chat.status, "owner": msgspec.to_builtins(self.chat.owner), "epoch": self.chat.epoch}
        self.seen[key] = answer
        return answer


ABOUT = ("already_claimed", "not_owner", "stale_claim")
OF_AGENTS = ("send", "claim", "claim", "release", "resolve", "transfer", "read")


@st.composite
def runs(draw, most=8):
    """Calls that were really carried out, overlapping as drawn; some lost their answer, some were never carried out, some were repeated."""
    server, calls = Server(), []
    opening = {"type": "send", "id": "c0", "kind": "text", "body": {}}
    calls.append(Call(id="c0", by=PEOPLE[3], frame=opening, begins=0, ends=1, answer=server.serve(PEOPLE[3], opening)))
    count = draw(st.integers(1, most - 1))
    moments = draw(st.permutations([i for i in range(1, count + 1) for _ in range(3)]))
    asked: dict = {}
    carried, found = set(), {}
    for place, i in enumerate(moments, start=2):
        if i not in found:
            found[i] = _asked(draw, server, asked, i, place)
        elif i not in carried:
            carried.add(i)
            fate = draw(st.sampled_from(("answered", "answered", "answered", "lost", "never")))
            answer = None if fate == "never" else server.serve(found[i].by, found[i].frame)
            found[i] = attrs.evolve(found[i], answer=None if fate == "lost" else answer)
        elif found[i].answer is not None:
            found[i] = attrs.evolve(found[i], ends=place)
    return finished([*calls, *found.values()])


def _asked(draw, server, asked, i, place):
    again = draw(st.sampled_from([None, None, None, *asked.values()]))
    if again is not None:
        return Call(id=again.id, by=again.by, frame=again.frame, begins=place)
    by = draw(st.sampled_from(PEOPLE))
    kind = "send" if by.role == "user" else draw(st.sampled_from((*OF_AGENTS, "takeover") if by.role == "supervisor" else OF_AGENTS))
    frame = {"type": kind, "id": f"c{i}"}
    frame |= {"send": {"kind": "text", "body": {}}, "transfer": {"to": "a2"}, "read": {"seq": 1}}.get(kind, {})
    if by.role != "user" and kind in ("send", "release", "transfer", "resolve") and draw(st.booleans()):
        frame["epoch"] = draw(st.sampled_from((server.chat.epoch, server.chat.epoch, 1)))
    asked[i] = Call(id=frame["id"], by=by, frame=frame, begins=place)
    return asked[i]


def finished(calls):
    """What is known only when all were asked: which ids were repeated, and what their ack was."""
    acks = {call.key: call.answer for call in reversed(calls) if call.answer is not None and call.answer["type"] == "ack"}
    keys = [call.key for call in calls]
    return [attrs.evolve(call, effect=acks.get(call.key), repeated=keys.count(call.key) > 1) for call in calls]


@given(runs())
@settings(max_examples=250)
def test_whatever_the_rule_really_did_is_accepted(calls):
    verdict = search(calls)
    assert verdict.holds, explain(verdict, calls)


@st.composite
def spoiled(draw):
    """A run in which one or two answers were changed; it may still have an explanation, and then both have to find one."""
    calls = draw(runs())
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.sampled_from([i for i, call in enumerate(calls) if call.answer is not None]))
        calls[at] = attrs.evolve(calls[at], answer=_spoil(draw, calls[at].answer))
    return finished(calls)


def _spoil(draw, answer):
    changes = [{"type": "error", "code": code} for code in ("closed", "not_claimed", "not_found")]
    changes += [{"type": "error", "code": code, "owner": None, "epoch": 4} for code in ABOUT]
    for name, values in {"epoch": (1, 2, 3, 4, 5, 6), "seq": (1, 2, 3), "status": ("waiting", "claimed", "closed")}.items():
        changes += [answer | {name: value} for value in values if name in answer]
    if "owner" in answer:
        changes += [answer | {"owner": owner} for owner in (None, {"id": "a1"}, {"id": "a2"}, {"id": "z1"})]
    changes += [answer | {"duplicate": True}, {key: value for key, value in answer.items() if key != "duplicate"}]
    return draw(st.sampled_from(changes))


@given(spoiled())
@settings(max_examples=400)
def test_search_and_brute_force_agree_on_spoiled_histories(calls):
    assert search(calls).holds == brute(calls)


@given(runs(most=6))
@settings(max_examples=60)
def test_search_and_brute_force_agree_on_true_histories(calls):
    assert search(calls).holds
    assert brute(calls)


# By hand.

USER, FIRST, SECOND, CHIEF = PEOPLE[3], PEOPLE[0], PEOPLE[1], PEOPLE[2]


def call(id, by, begins, ends, answer=None, **frame):
    frame = {"type": "send", "kind": "text", "body": {}} | frame | {"id": id}
    return Call(id=id, by=by, frame=frame, begins=begins, ends=ends, answer=answer)


def owns(agent, epoch, **more):
    return {"type": "ack", "status": "claimed", "owner": {"id": agent}, "epoch": epoch} | more


OPENING = call("c0", USER, 0, 1, {"type": "ack", "seq": 1})
WAITS = {"type": "ack", "status": "waiting", "owner": None}


def test_two_agents_cannot_both_claim():
    calls = [
        OPENING,
        call("c1", FIRST, 2, 5, owns("a1", 10), type="claim"),
        call("c2", SECOND, 3, 4, owns("a2", 11), type="claim"),
    ]
    assert not search(finished(calls)).holds
    assert not brute(finished(calls))


def test_a_release_whose_answer_was_lost_explains_the_second_claim():
    calls = [
        OPENING,
        call("c1", FIRST, 2, 3, owns("a1", 10), type="claim"),
        call("c2", FIRST, 4, None, type="release"),
        call("c3", SECOND, 5, 6, owns("a2", 12), type="claim"),
    ]
    assert search(finished(calls)).holds
    assert not search(finished([calls[0], calls[1], calls[3]])).holds


def test_a_command_whose_answer_was_lost_may_take_effect_late_but_not_twice():
    late = call("c2", FIRST, 2, None, type="claim")
    refused = {"type": "error", "code": "not_claimed"}
    seen = {"type": "error", "code": "not_owner", "owner": {"id": "a1"}, "epoch": 20}
    before, after = call("c3", SECOND, 3, 4, refused), call("c4", SECOND, 5, 6, seen)
    given_back = call("c5", FIRST, 7, 8, WAITS | {"epoch": 21}, type="release")
    assert search(finished([OPENING, late, before, after, given_back])).holds
    again = call("c6", SECOND, 9, 10, seen | {"epoch": 22})
    assert not search(finished([OPENING, late, before, after, given_back, again])).holds


def test_an_epoch_that_nobody_was_told_lies_between_those_that_were():
    lost = call("c2", FIRST, 4, None, type="release")
    calls = [OPENING, call("c1", FIRST, 2, 3, owns("a1", 10), type="claim"), lost]
    assert search(finished([*calls, call("c3", SECOND, 5, 6, owns("a2", 12), type="claim")])).holds
    assert not search(finished([*calls, call("c3", SECOND, 5, 6, owns("a2", 11), type="claim")])).holds
    stale = {"type": "error", "code": "stale_claim", "owner": None, "epoch": 15}
    told = call("c4", CHIEF, 5, 6, stale, type="resolve", epoch=10)
    assert search(finished([*calls, told, call("c3", SECOND, 7, 8, owns("a2", 16), type="claim")])).holds
    assert not search(finished([*calls, told, call("c3", SECOND, 7, 8, owns("a2", 13), type="claim")])).holds


def test_an_agent_who_lost_the_chat_before_asking_cannot_write():
    calls = [
        OPENING,
        call("c1", FIRST, 2, 3, owns("a1", 10), type="claim"),
        call("c2", CHIEF, 4, 5, owns("z1", 11), type="takeover"),
        call("c3", FIRST, 6, 7, {"type": "ack", "seq": 2}),
    ]
    assert not search(finished(calls)).holds
    assert search(finished([*calls[:3], attrs.evolve(calls[3], begins=4.5)])).holds


@pytest.mark.parametrize("history", [GOOD, claimed_twice().history, acked_twice().history])
def test_a_recorded_history_is_searched_chat_by_chat(history):
    account = Account(history)
    for chat in chats_of(account):
        calls = calls_of(account, chat)
        assert calls
        verdict = search(calls)
        assert verdict.holds, explain(verdict, calls)


def test_a_chat_that_went_back_is_explained_though_the_claim_before_is_kept_no_more():
    """The log was trimmed behind the claim, and nobody knew from whom the chat went back."""
    scene = Scene()
    user, agent = scene.open("user", "u1"), scene.open("agent", "a1")
    scene.ask(user, "send")
    scene.ask(agent, "claim", user="u1")
    scene.ask(agent, "release", user="u1", id="gone")
    scene.ask(scene.open("agent", "a2"), "claim", user="u1")

    def trimmed(log):
        at = next(at for at, frame in enumerate(log) if frame.get("reason") == "release")
        return [log[at] | {"reason": "agent_gone", "by": None}, *log[at + 1 :]]

    history = without(changed(scene.history, kept(), log_with(trimmed)), told(agent, id="gone"))
    history = History(tuple(line for line in history.lines if not (isinstance(line, Asked) and line.frame.get("id") == "gone")))
    for lines in (history, without(history, told(agent, type="status", reason="claim"))):
        account = Account(lines)
        calls = calls_of(account, ("s1", "u1"))
        assert sum(call.frame["type"] == "give_back" for call in calls) == 1
        assert search(calls).holds


def test_a_long_history_with_unknown_outcomes_is_searched_in_no_time():
    """Fifty claims and releases of one agent, and ten takeovers of which nobody ever heard again."""
    calls = [OPENING]
    for i in range(50):
        calls.append(call(f"c{i}", FIRST, 10 * i + 10, 10 * i + 13, owns("a1", 100 * i + 100), type="claim"))
        calls.append(call(f"r{i}", FIRST, 10 * i + 14, 10 * i + 16, WAITS | {"epoch": 100 * i + 150}, type="release"))
    calls += [call(f"t{i}", CHIEF, 50 * i + 10, None, type="takeover") for i in range(10)]
    verdict = search(finished(calls))
    assert verdict.holds
    calls[60] = call("c29", SECOND, 300, 303, owns("a2", 1), type="claim")
    refuted = search(finished(calls), limit=20_000)
    assert not refuted.holds


def test_a_search_that_is_too_long_gives_up_and_says_so():
    calls = [OPENING, *(call(f"t{i}", CHIEF, 2, None, type="takeover" if i % 2 else "resolve") for i in range(40))]
    calls.append(call("c", FIRST, 3, 4, owns("a1", 0), type="claim"))
    verdict = search(finished(calls), limit=50)
    assert verdict.gave_up
    assert not verdict.holds
