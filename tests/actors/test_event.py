"""Events on the wire: two halves with the numbers between them, for agents and for users."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.chat import Owner, Party
from actors.event import (
    AgentArrived,
    AgentLeft,
    AvailabilitySet,
    CursorMoved,
    MarkMoved,
    MessageAdded,
    NoteAdded,
    StatusChanged,
    for_agents,
    for_user,
    marks,
    subject,
    tail,
)

ABOUT = subject("s1", "u42")
ids = st.text("ABCxyz019._~-", min_size=1, max_size=64)
parties = st.builds(Party, st.sampled_from(["user", "agent", "supervisor"]), ids, st.none() | st.text(max_size=20))
bodies = st.builds(lambda text: msgspec.json.encode({"text": text}), st.text())


def frame_of(event, seq=7, offset=12, about=ABOUT):
    return for_agents(event, about, seq, offset, tail(event))


def test_a_message_as_agents_get_it():
    event = MessageAdded(by=Party("user", "u42", "Wang"), kind="text", body=b'{"text":"hi"}', id="m-1", at=99)
    assert frame_of(event) == (
        b'{"type":"message","store":"s1","user":"u42","seq":7,"offset":12,"from":{"role":"user","id":"u42","name":"Wang"},'
        b'"kind":"text","body":{"text":"hi"},"id":"m-1","at":99}'
    )


def test_a_party_without_a_name_has_no_name_field():
    event = NoteAdded(by=Party("agent", "a1"), body=b'{"text":"x"}', id="n", at=1)
    assert frame_of(event) == (
        b'{"type":"note","store":"s1","user":"u42","offset":12,"from":{"role":"agent","id":"a1"},"body":{"text":"x"},"id":"n","at":1}'
    )


def test_a_status_names_owner_and_cause_or_null():
    by = Party("supervisor", "p", "Po")
    event = StatusChanged(status="claimed", owner=Owner("a1", "Li"), epoch=5, by=by, reason="transfer", at=9, before="a2")
    assert msgspec.json.decode(frame_of(event)) == {
        "type": "status",
        "store": "s1",
        "user": "u42",
        "offset": 12,
        "status": "claimed",
        "owner": {"id": "a1", "name": "Li"},
        "epoch": 5,
        "by": {"role": "supervisor", "id": "p", "name": "Po"},
        "reason": "transfer",
        "at": 9,
    }
    gone = StatusChanged(status="waiting", owner=None, epoch=6, by=None, reason="agent_gone", at=9, before="a2")
    found = msgspec.json.decode(frame_of(gone))
    assert (found["owner"], found["by"], found["reason"]) == (None, None, "agent_gone")


@pytest.mark.parametrize(
    "event",
    [
        MarkMoved(side="user", mark="read", seq=1),
        AgentArrived(agent="a", name="A", at=1),
        AgentLeft(agent="a"),
        AvailabilitySet(agent="a", away=True),
        CursorMoved(agent="a", offset=1),
    ],
)
def test_what_is_not_in_the_log_has_no_frame(event):
    assert tail(event) == b""


def test_marks_of_a_store_say_nothing_about_receiving():
    assert marks(ABOUT, "user", 5, 3) == b'{"type":"marks","store":"s1","user":"u42","side":"user","received":5,"read":3}'
    assert marks(ABOUT, "store", 5, 3) == b'{"type":"marks","store":"s1","user":"u42","side":"store","read":3}'


@given(ids, ids, parties, bodies, ids, st.integers(1, 10**9), st.integers(1, 10**9))
def test_a_user_gets_the_same_frame_but_for_the_number_of_the_store(store, user, by, body, id, seq, offset):
    event = MessageAdded(by=by, kind="text", body=body, id=id, at=17)
    whole = frame_of(event, seq, offset, subject(store, user))
    fields = msgspec.json.decode(whole)
    assert (fields["store"], fields["user"], fields["seq"], fields["offset"], fields["id"]) == (store, user, seq, offset, id)
    assert fields["body"] == msgspec.json.decode(body)
    cut = for_user(whole)
    assert len(whole) - len(cut) == len(b',"offset":%d' % offset)
    del fields["offset"]
    assert msgspec.json.decode(cut) == fields


@given(parties, bodies)
def test_text_that_looks_like_the_number_is_left_alone(by, body):
    hostile = msgspec.structs.replace(by, name=',"offset":3,')
    hostile_body = b'{"text":",\\"offset\\":7,","offset":9}'
    for event in (
        MessageAdded(by=hostile, kind="text", body=hostile_body, id="offset", at=1),
        MessageAdded(by=hostile, kind="text", body=body, id="offset", at=1),
    ):
        cut = for_user(frame_of(event, about=subject("offset", "offset")))
        assert cut.endswith(b"," + tail(event))
        assert cut == b'{"type":"message",%b,"seq":7,%b' % (subject("offset", "offset"), tail(event))


def test_the_status_of_a_chat_reaches_a_user_without_the_number_too():
    event = StatusChanged(status="waiting", owner=None, epoch=6, by=None, reason="new", at=9, before="")
    assert for_user(frame_of(event)) == b'{"type":"status","store":"s1","user":"u42",' + tail(event)
