"""The rule as a table: every command in every state of the chat by every role, and what becomes of it."""

import pytest

from actors import command as c
from actors.chat import Chat, Owner, Party
from actors.event import ChatRated, MarkMoved, MessageAdded, NoteAdded, StatusChanged
from actors.refusal import DETAIL
from actors.rule import (
    Accepted,
    LoadAtLeast,
    LoadBelow,
    NotOnRoster,
    NotRated,
    NotSeenSince,
    OnRoster,
    Rejected,
    apply,
    correct,
    decide,
)

NOW = 2_000
USER = Party("user", "u1", "Wang")
AGENT = Party("agent", "a1", "Li Na")
SUPERVISOR = Party("supervisor", "p1", "Po")
WHO = {"user": USER, "agent": AGENT, "supervisor": SUPERVISOR}

HELD = {
    "seq": 6,
    "from_user": 4,
    "epoch": 1_000,
    "since": 900,
    "at": 950,
    "user_read": 2,
    "user_received": 3,
    "store_read": 1,
    "offset": 20,
}


def chat_in(state, by):
    """The chat in a state as seen by who asks: `mine` is owned by that very party."""
    owner = {"mine": Owner(by.id, by.name), "theirs": Owner("a9", "Zhao")}.get(state)
    match state:
        case "absent":
            return Chat(store="s1", user="u1")
        case "waiting" | "closed":
            return Chat(store="s1", user="u1", name="Wang", status=state, **HELD)
        case _:
            return Chat(store="s1", user="u1", name="Wang", status="claimed", owner=owner, **HELD)


COMMANDS = {
    "send": (c.SendMessage, {"kind": "text", "body": b'{"text":"x"}'}),
    "note": (c.AddNote, {"body": b'{"text":"x"}'}),
    "claim": (c.ClaimChat, {}),
    "release": (c.ReleaseChat, {}),
    "transfer": (c.TransferChat, {"to": "a3", "target": Owner("a3", "Chen")}),
    "transfer with note": (c.TransferChat, {"to": "a3", "target": Owner("a3", "Chen"), "note": '"go"'}),
    "transfer to nobody": (c.TransferChat, {"to": "a404"}),
    "transfer to the owner": (c.TransferChat, {"to": "a9", "target": Owner("a9", "Zhao")}),
    "takeover": (c.TakeOverChat, {}),
    "copy": (c.CopyMessage, {"author": AGENT, "kind": "text", "body": b'{"text":"x"}', "at": 7}),
    "assign": (c.AssignChat, {"to": Owner("a3", "Chen")}),
    "requeue": (c.RequeueChat, {}),
    "resolve": (c.ResolveChat, {}),
    "rate": (c.RateChat, {"score": 4}),
    "rate again": (c.RateChat, {"score": 4, "rated": 1_000}),
    "read": (c.MarkRead, {"seq": 5}),
    "read again": (c.MarkRead, {"seq": 1}),
    "received": (c.MarkReceived, {"seq": 5}),
    "received again": (c.MarkReceived, {"seq": 3}),
    "give back": (c.GiveBackChat, {"agent": "a9", "arrivals": 4}),
}


def command_of(name, by, **more):
    kind, fields = COMMANDS[name]
    return kind(by=by, id="i1", **fields | more)


def told(decision):
    """A decision in a word: the code of a refusal, or what happens, or `as it is`."""
    if isinstance(decision, Rejected):
        return decision.refused.code
    words = []
    for event in decision.events:
        match event:
            case MessageAdded():
                words.append("message")
            case ChatRated():
                words.append("rating")
            case NoteAdded():
                words.append("note")
            case StatusChanged(status=status, owner=owner, reason=reason):
                words.append(f"{reason}: {status}" + (f" {owner.id}" if owner else ""))
            case MarkMoved(side=side, mark=mark, seq=seq):
                words.append(f"{side} {mark} {seq}")
    return ", ".join(words) or "as it is"


STATES = ("absent", "waiting", "mine", "theirs", "closed")
# command, role: what becomes of it for a chat that is absent, waiting, one's own, another's, closed.
TABLE = """
send                  user       | message, new: waiting | message | - | message | message, reopen: waiting
send                  agent      | not_found | not_claimed | message | not_owner | closed
send                  supervisor | not_found | not_claimed | message | not_owner | closed
note                  agent      | not_found | note | note | note | note
note                  supervisor | not_found | note | note | note | note
claim                 agent      | not_found | claim: claimed a1 | as it is | already_claimed | closed
claim                 supervisor | not_found | claim: claimed p1 | as it is | already_claimed | closed
release               agent      | not_found | not_owner | release: waiting | not_owner | not_owner
release               supervisor | not_found | not_owner | release: waiting | not_owner | not_owner
transfer              agent      | not_found | not_owner | transfer: claimed a3 | not_owner | closed
transfer              supervisor | not_found | transfer: claimed a3 | transfer: claimed a3 | transfer: claimed a3 | closed
transfer with note    agent      | not_found | not_owner | note, transfer: claimed a3 | not_owner | closed
transfer with note    supervisor | not_found | note, transfer: claimed a3 | note, transfer: claimed a3 | note, transfer: claimed a3 | closed
transfer to nobody    agent      | not_found | not_owner | no_such_agent | not_owner | closed
transfer to nobody    supervisor | not_found | no_such_agent | no_such_agent | no_such_agent | closed
transfer to the owner agent      | not_found | not_owner | transfer: claimed a9 | not_owner | closed
transfer to the owner supervisor | not_found | transfer: claimed a9 | transfer: claimed a9 | as it is | closed
takeover              supervisor | not_found | takeover: claimed p1 | as it is | takeover: claimed p1 | closed
copy                  user       | message, new: waiting | message | - | message | message, reopen: waiting
assign                user       | not_found | assigned: claimed a3 | - | as it is | as it is
requeue               agent      | not_found | forbidden | forbidden | forbidden | forbidden
requeue               supervisor | not_found | as it is | release: waiting | release: waiting | closed
resolve               user       | not_found | resolve: closed | - | resolve: closed | as it is
resolve               agent      | not_found | not_owner | resolve: closed | not_owner | as it is
resolve               supervisor | not_found | resolve: closed | resolve: closed | resolve: closed | as it is
rate                  user       | not_found | not_closed | - | not_closed | rating
rate again            user       | not_found | not_closed | - | not_closed | already_rated
read                  user       | not_found | user read 5 | - | user read 5 | user read 5
read                  agent      | not_found | not_owner | store read 5 | not_owner | not_owner
read                  supervisor | not_found | not_owner | store read 5 | not_owner | not_owner
read again            user       | not_found | as it is | - | as it is | as it is
read again            agent      | not_found | not_owner | as it is | not_owner | not_owner
received              user       | not_found | user received 5 | - | user received 5 | user received 5
received again        user       | not_found | as it is | - | as it is | as it is
give back             agent      | not_found | as it is | as it is | agent_gone: waiting | as it is
"""
ROWS = [
    (line[:21].strip(), line[22:32].strip(), state, expected.strip())
    for line in TABLE.strip().splitlines()
    for state, expected in zip(STATES, line[34:].split("|"), strict=True)
    if expected.strip() != "-"
]


@pytest.mark.parametrize(("name", "role", "state", "expected"), ROWS, ids=[f"{n} by {r}, {s}" for n, r, s, _ in ROWS])
def test_each_command_in_each_state_by_each_role(name, role, state, expected):
    by = WHO[role]
    chat = chat_in(state, by)
    decision = decide(chat, command_of(name, by), NOW)
    assert told(decision) == expected
    if isinstance(decision, Rejected):
        assert decision.refused.code in DETAIL
        if decision.refused.code in ("already_claimed", "not_owner", "stale_claim"):
            assert (decision.refused.owner, decision.refused.epoch, decision.refused.since) == (chat.owner, chat.epoch, chat.since)
    else:
        check_events(chat, decision.events)


def check_events(chat, events):
    """A change of status or owner raises the epoch and nothing else does; what is said is said by whoever asked."""
    for event in events:
        after = apply(chat, event)
        if isinstance(event, StatusChanged):
            assert (after.status, after.owner_id) != (chat.status, chat.owner_id) or not chat.exists
            assert after.epoch > chat.epoch
            assert (event.before, after.since, event.at) == (chat.owner_id, NOW, NOW)
            assert (after.owner is not None) == (after.status == "claimed")
        else:
            assert (after.status, after.owner, after.epoch, after.since) == (chat.status, chat.owner, chat.epoch, chat.since)
        chat = after


@pytest.mark.parametrize(("name", "role", "state", "expected"), ROWS, ids=[f"{n} by {r}, {s}" for n, r, s, _ in ROWS])
def test_a_claim_that_is_stale_is_refused_before_anything_else_about_the_chat(name, role, state, expected):
    by = WHO[role]
    chat = chat_in(state, by)
    right, wrong = command_of(name, by, expected_epoch=chat.epoch), command_of(name, by, expected_epoch=chat.epoch - 1)
    assert told(decide(chat, right, NOW)) == expected
    no_chat = expected == "not_found"
    assert told(decide(chat, wrong, NOW)) == ("not_found" if no_chat else "stale_claim")


def test_the_epoch_is_the_time_or_one_more_where_the_clock_is_behind():
    chat = chat_in("waiting", AGENT)
    assert decide(chat, command_of("claim", AGENT), 5_000).events[0].epoch == 5_000
    assert decide(chat, command_of("claim", AGENT), 1_000).events[0].epoch == 1_001
    assert decide(chat, command_of("claim", AGENT), 17).events[0].epoch == 1_001


def test_an_agent_without_a_name_is_called_by_the_id():
    (event,) = decide(chat_in("waiting", AGENT), command_of("claim", Party("agent", "a7")), NOW).events
    assert event.owner == Owner("a7", "a7")


def test_what_is_said_keeps_the_senders_id_and_the_note_of_a_transfer_its_id_too():
    (message,) = decide(chat_in("mine", AGENT), command_of("send", AGENT), NOW).events
    assert (message.by, message.kind, message.body, message.id, message.at) == (AGENT, "text", b'{"text":"x"}', "i1", NOW)
    note, status = decide(chat_in("mine", AGENT), command_of("transfer with note", AGENT), NOW).events
    assert (note.by, note.body, note.id) == (AGENT, b'{"text":"\\"go\\""}', "i1")
    assert status.by == AGENT


def test_a_message_comes_before_the_status_it_causes():
    for state in ("absent", "closed"):
        message, status = decide(chat_in(state, USER), command_of("send", USER), NOW).events
        assert (type(message), type(status), status.by) == (MessageAdded, StatusChanged, USER)


def test_acks_have_the_fields_of_their_command():
    acks = {"send": "message", "note": "plain", "claim": "ownership", "release": "ownership", "resolve": "ownership", "read": "plain"}
    for name, expected in {**acks, "transfer": "ownership", "takeover": "ownership"}.items():
        by = SUPERVISOR
        assert decide(chat_in("waiting" if name == "claim" else "mine", by), command_of(name, by), NOW).acks == expected


# Conditions.


def test_a_transfer_rests_on_the_roster_both_ways():
    mine = chat_in("mine", AGENT)
    assert decide(mine, command_of("transfer", AGENT), NOW).conditions == (OnRoster("a3"),)
    assert decide(mine, command_of("transfer to nobody", AGENT), NOW).conditions == (NotOnRoster("a404"),)


@pytest.mark.parametrize("name", ["claim", "transfer", "takeover"])
def test_nobody_gets_a_chat_beyond_the_limit_however_it_comes(name):
    chat = chat_in("theirs", SUPERVISOR) if name != "claim" else chat_in("waiting", SUPERVISOR)
    who = "a3" if name == "transfer" else "p1"
    unlimited = decide(chat, command_of(name, SUPERVISOR), NOW)
    assert not any(isinstance(condition, LoadBelow) for condition in unlimited.conditions)
    for load in (None, 0, 1):
        decision = decide(chat, command_of(name, SUPERVISOR, limit=2, load=load), NOW)
        assert isinstance(decision, Accepted)
        assert LoadBelow(who, 2) in decision.conditions
    for load in (2, 3):
        decision = decide(chat, command_of(name, SUPERVISOR, limit=2, load=load), NOW)
        assert (told(decision), decision.conditions) == ("at_capacity", (LoadAtLeast(who, 2),))


def test_at_the_limit_ones_own_chat_is_still_ones_own():
    for name in ("claim", "takeover"):
        decision = decide(chat_in("mine", SUPERVISOR), command_of(name, SUPERVISOR, limit=1, load=1), NOW)
        assert (told(decision), decision.conditions) == ("as it is", ())


def test_a_chat_is_given_back_only_if_its_owner_did_not_come_again():
    decision = decide(chat_in("theirs", AGENT), command_of("give back", AGENT), NOW)
    assert decision.conditions == (NotSeenSince("a9", 4),)
    assert decision.events[0].by is None


@pytest.mark.parametrize(
    ("name", "condition", "value", "field", "expected"),
    [
        ("claim", LoadBelow("p1", 2), 2, "load", 2),
        ("claim", LoadAtLeast("p1", 2), 1, "load", 1),
        ("transfer", LoadBelow("a3", 2), 5, "load", 5),
        ("transfer", OnRoster("a3"), None, "target", None),
        ("transfer to nobody", NotOnRoster("a404"), "Zhou", "target", Owner("a404", "Zhou")),
    ],
)
def test_a_fact_that_was_wrong_is_put_right(name, condition, value, field, expected):
    command = command_of(name, SUPERVISOR, **({"limit": 2} if "Load" in type(condition).__name__ else {}))
    mended = correct(command, condition, value)
    assert getattr(mended, field) == expected
    again = decide(chat_in("waiting", SUPERVISOR), mended, NOW)
    assert condition not in again.conditions


def test_an_end_is_rated_once_and_the_next_end_again():
    closed = chat_in("closed", USER)
    decision = decide(closed, command_of("rate", USER, comment="fine"), NOW)
    assert decision.conditions == (NotRated("u1", 1_000),)
    (rated,) = decision.events
    assert rated.body == '{"text":"★★★★☆ fine","rating":{"score":4,"comment":"fine"}}'.encode()
    after = apply(closed, rated)
    assert after.is_rated
    assert told(decide(after, command_of("rate", USER), NOW)) == "already_rated"
    mended = correct(command_of("rate", USER), NotRated("u1", 1_000), 1_000)
    assert told(decide(closed, mended, NOW)) == "already_rated"
    for event in decide(after, command_of("send", USER), NOW).events:
        after = apply(after, event)
    assert not after.is_rated
    ended = apply(after, decide(after, command_of("resolve", USER), NOW).events[0])
    assert told(decide(ended, command_of("rate", USER), NOW)) == "rating"


def test_a_copy_keeps_its_author_and_its_time_and_goes_not_behind_what_is_there():
    closed = chat_in("closed", USER)
    message, status = decide(closed, command_of("copy", USER, at=940), NOW).events
    assert (message.by, message.at, status.by) == (AGENT, 950, USER)
    assert decide(closed, command_of("copy", USER, at=990), NOW).events[0].at == 990


def test_a_chat_is_assigned_to_who_is_on_the_roster_and_has_room():
    waiting = chat_in("waiting", USER)
    decision = decide(waiting, command_of("assign", USER, limit=2), NOW)
    assert decision.conditions == (OnRoster("a3"), LoadBelow("a3", 2))
    assert decision.events[0].by is None
    assert told(decide(waiting, command_of("assign", USER, limit=2, load=2), NOW)) == "at_capacity"
    assert correct(command_of("assign", USER), OnRoster("a3"), None) is None
    assert correct(command_of("assign", USER, limit=2), LoadBelow("a3", 2), 2).load == 2


def test_an_owner_who_came_back_leaves_nothing_to_be_done():
    assert correct(command_of("give back", AGENT), NotSeenSince("a9", 4), 5) is None


# What a chat is after an event.


def test_apply_counts_messages_by_side():
    chat = chat_in("waiting", AGENT)
    from_user = apply(chat, decide(chat, command_of("send", USER), NOW).events[0])
    assert (from_user.seq, from_user.from_user, from_user.at, from_user.name) == (7, 5, NOW, "Wang")
    mine = chat_in("mine", AGENT)
    from_agent = apply(mine, decide(mine, command_of("send", AGENT), NOW).events[0])
    assert (from_agent.seq, from_agent.from_user, from_agent.at, from_agent.name) == (7, 4, NOW, "Wang")


def test_a_name_once_known_stays_when_a_token_brings_none():
    """The script kept the old name and the rule forgot it, so two nodes showed two names."""
    chat = chat_in("waiting", USER)
    says = decide(chat, command_of("send", Party("user", "u1")), NOW).events[0]
    assert apply(chat, says).name == "Wang"


def test_apply_moves_one_mark_and_not_beyond_the_end():
    chat = chat_in("mine", AGENT)
    for event, field in (
        (MarkMoved(side="user", mark="read", seq=99), "user_read"),
        (MarkMoved(side="user", mark="received", seq=99), "user_received"),
        (MarkMoved(side="store", mark="read", seq=99), "store_read"),
    ):
        after = apply(chat, event)
        moved = [name for name in ("user_read", "user_received", "store_read") if getattr(after, name) != getattr(chat, name)]
        assert (moved, getattr(after, field)) == ([field], chat.seq)


def test_unread_is_arithmetic_and_never_negative():
    chat = Chat(store="s", user="u", epoch=1, seq=10, from_user=6, user_read=4, user_read_from_user=3, store_read=7, store_read_from_user=4)
    assert (chat.unread("user"), chat.unread("store")) == (3, 2)
    assert Chat(store="s", user="u", epoch=1, seq=1, from_user=1, store_read=1, store_read_from_user=3).unread("store") == 0
