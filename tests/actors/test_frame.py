"""From text to frames: everything the protocol says about what is malformed, and that nothing ever raises."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import frame as f
from actors.frame import Malformed, parse
from tests.actors import rubbish

BAD = Malformed("bad_frame")


def one(text):
    (found,) = parse(text)
    return found


def ping_with(value):
    return f'{{"type":"ping","x":{value}}}'


GOOD = {
    "hello": ({"token": "t"}, f.Hello(token="t")),
    "hello with resume": ({"type": "hello", "token": "t", "resume": {"s1": 17}, "generation": "g"}, f.Hello("t", {"s1": 17}, "g")),
    "token": ({"token": "t"}, f.Renew(token="t")),
    "ping": ({}, f.Ping()),
    "pong": ({}, f.Pong()),
    "received": ({"store": "s", "seq": 3}, f.Received(store="s", seq=3)),
    "received by offset": ({"type": "received", "store": "s", "offset": 3}, f.Received(store="s", offset=3)),
    "typing": ({"store": "s", "on": True}, f.Typing(store="s", on=True)),
    "claim": ({"id": "i", "store": "s", "user": "u"}, f.Claim(id="i", store="s", user="u")),
    "release": ({"id": "i", "store": "s", "user": "u", "epoch": 5}, f.Release(id="i", store="s", user="u", epoch=5)),
    "transfer": ({"id": "i", "store": "s", "user": "u", "to": "a"}, f.Transfer(id="i", store="s", user="u", to="a")),
    "takeover": ({"id": "i", "store": "s", "user": "u"}, f.TakeOver(id="i", store="s", user="u")),
    "resolve": ({"id": "i", "store": "s", "user": "u"}, f.Resolve(id="i", store="s", user="u")),
    "requeue": ({"id": "i", "store": "s", "user": "u"}, f.Requeue(id="i", store="s", user="u")),
    "end": ({"id": "i", "store": "s"}, f.End(id="i", store="s")),
    "rate": ({"id": "i", "store": "s", "score": 5, "comment": "x" * 500}, f.Rate(id="i", store="s", score=5, comment="x" * 500)),
    "read": ({"id": "i", "store": "s", "seq": 0}, f.Read(id="i", store="s", seq=0)),
    "chats": ({"id": "i", "store": "s"}, f.Chats(id="i", store="s")),
    "history": ({"id": "i", "store": "s", "limit": 1000}, f.History(id="i", store="s", limit=1000)),
    "search": ({"id": "i", "store": "s", "text": "Mug", "limit": 9}, f.Search(id="i", store="s", text="Mug", limit=9)),
    "figures": ({"id": "i", "store": "s", "from": 7}, f.Figures(id="i", store="s", since=7)),
    "availability": ({"id": "i", "status": "away"}, f.Availability(id="i", status="away")),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_frame_is_its_type(name):
    fields, expected = GOOD[name]
    assert one(json.dumps({"type": name} | fields)) == expected


@pytest.mark.parametrize("name", ["send", "note", "announce"])
def test_a_body_is_kept_as_it_came(name):
    frame = one(f'{{"type":"{name}","id":"i","store":"s","user":"u","kind":"text","body":{{ "text" : "\\u0061" }}}}')
    assert frame.__struct_config__.tag == name
    assert bytes(frame.body) == b'{ "text" : "\\u0061" }'


def test_every_type_of_the_protocol_is_known():
    names = (
        "hello token ping pong received typing send note claim release transfer takeover requeue resolve end rate read chats history "
        "search figures profile configure context availability announce"
    )
    assert frozenset(names.split()) == f.TYPES


def test_unknown_fields_are_ignored():
    assert one('{"type":"ping","later":{"version":[1,2,{"x":null}]}}') == f.Ping()


def test_an_optional_field_may_be_null():
    assert one('{"type":"release","id":"i","store":"s","user":"u","epoch":null}') == f.Release(id="i", store="s", user="u")


MALFORMED = [
    "",
    " ",
    "ping",
    "null",
    "true",
    "17",
    '"ping"',
    "{",
    "{}",
    '{"type":"ping"',
    '{"type":"ping"}}',
    '{"type":"ping"}{"type":"ping"}',
    '{"type":"ping",}',
    "{'type':'ping'}",
    '{"type":"ping" /* hi */}',
    '\ufeff{"type":"ping"}',
    '{"type":"ping","x":"\x01"}',
    '{"type":null}',
    '{"type":7}',
    '{"type":["ping"]}',
    '{"id_without_type":1}',
]


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_no_object_with_a_type_is_malformed(text):
    assert one(text) == BAD


@pytest.mark.parametrize("value", ["NaN", "-NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1.8e308", "01", "+1", ".5", "1.", "0x10"])
def test_what_is_no_number_of_a_double_is_malformed(value):
    assert one(ping_with(value)) == BAD


@pytest.mark.parametrize(
    ("value", "good"),
    [
        (2**1024 - 2**971, True),
        (2**1024 - 2**970 - 1, True),
        (2**1024 - 2**970, False),
        (-(2**1024) + 2**970, False),
        (10**308, True),
        (10**309, False),
        ("9" * 309, False),
        ("9" * 309 + ".5", False),
        ("9" * 5000, False),
        ("9" * 309 + "e-9", True),
        ("1e-999", True),
        ("1e308", True),
        (f'[{{"y":[{10**309}]}}]', False),
        (f'"{10**309}"', True),
    ],
)
def test_integers_are_held_against_a_double_too(value, good):
    assert one(ping_with(value)) == (f.Ping() if good else BAD)


@pytest.mark.parametrize("value", [r'"\ud800"', r'"\udc00"', r'"\ud800\ud800"', r'"a\udfffb"', r'{"\ud800":1}', r'["\uD83D"]'])
def test_lone_surrogates_are_malformed(value):
    assert one(ping_with(value)) == BAD


def test_a_pair_of_surrogates_is_a_character():
    frame = one(r'{"type":"transfer","id":"i","store":"s","user":"u","to":"a","note":"\ud83d\ude00"}')
    assert frame.note == "😀"


@pytest.mark.parametrize("text", ['{"type":"ping","x":"\ud800"}', '[{"type":"ping","x":"\udc00"}]', "\ud800"])
def test_text_that_cannot_have_been_utf8_does_not_raise(text):
    assert parse(text) == [BAD]


def nested(depth, opening="[", closing="]", inner=""):
    """A frame, itself the first level, of so many levels."""
    return ping_with(opening * (depth - 1) + inner + closing * (depth - 1))


@pytest.mark.parametrize(("opening", "closing", "inner"), [("[", "]", ""), ('{"a":', "}", "1")])
def test_nesting_ends_at_32(opening, closing, inner):
    assert one(nested(32, opening, closing, inner)) == f.Ping()
    assert one(nested(33, opening, closing, inner)) == BAD


def test_nesting_is_counted_in_depth_not_in_brackets():
    assert one(ping_with("[" + ",".join(["[]"] * 500) + "]")) == f.Ping()
    assert one(ping_with('"' + "[{" * 500 + '"')) == f.Ping()


def test_nesting_within_a_body_is_counted_from_the_frame():
    template = '{"type":"send","id":"i","store":"s","kind":"text","body":%s}'
    assert isinstance(one(template % ("[" * 31 + "]" * 31)), f.Send)
    assert one(template % ("[" * 32 + "]" * 32)) == Malformed("bad_frame", "i")


@pytest.mark.parametrize("text", ["[" * 30_000, "[" * 30_000 + "]" * 30_000, nested(30_000), '{"type":' * 5_000, '[{"a":' * 5_000])
def test_nesting_without_end_does_not_raise(text):
    assert parse(text) == [BAD]


def test_nesting_counts_alike_alone_and_in_an_array():
    assert parse(f"[{nested(32)}]") == [f.Ping()]
    assert parse(f"[{nested(33)}]") == [BAD]


@pytest.mark.parametrize("id", ["a", "A-Z.a_z~0-9", "x" * 64, ".", "~", "-"])
def test_a_good_id_is_taken_as_it_is(id):
    assert one(json.dumps({"type": "claim", "id": id, "store": id, "user": id})) == f.Claim(id=id, store=id, user=id)


@pytest.mark.parametrize(
    "bad", ["", "x" * 65, "a b", "a/b", "a\n", "\na", "é", "店", "a\0", "a:b", "{a}", "*", "a%20", 7, None, True, ["a"], {}]
)
@pytest.mark.parametrize("field", ["id", "store", "user"])
def test_a_bad_id_makes_the_frame_bad(field, bad):
    fields = {"type": "claim", "id": "i", "store": "s", "user": "u"} | {field: bad}
    assert one(json.dumps(fields)) == Malformed("bad_frame", None if field == "id" else "i")


WRONG = {
    "typing": [{}, {"on": 1}, {"on": "true"}, {"on": None}],
    "read": [{}, {"seq": -1}, {"seq": "1"}, {"seq": 1.5}, {"seq": 1.0}, {"seq": True}, {"seq": None}, {"seq": [1]}],
    "received": [{"seq": -1}, {"offset": "1"}, {"offset": 0.5}],
    "send": [{}, {"kind": "text"}, {"body": {}}, {"kind": 1, "body": {}}, {"kind": "text", "body": {}, "epoch": "1"}],
    "note": [{"body": {}}, {"user": "u"}, {"user": 7, "body": {}}],
    "transfer": [
        {"user": "u"},
        {"user": "u", "to": ""},
        {"user": "u", "to": "a", "note": 1},
        {"user": "u", "to": "a", "note": {"text": "x"}},
    ],
    "chats": [{"status": "open"}, {"status": 1}, {"limit": 0}, {"limit": -1}, {"limit": "5"}, {"limit": 1.5}, {"before": 5}],
    "history": [{"limit": 0}, {"before": "x"}, {"before": -1}, {"events": 1}, {"events": "yes"}],
    "availability": [{}, {"status": "busy"}, {"status": None}],
    "announce": [{}],
    "hello": [{"token": 1}, {"resume": []}, {"resume": {"s": "1"}}, {"resume": {"s": -1}}, {"resume": {"s": 1.5}}, {"generation": 1}],
    "token": [{}, {"token": None}],
}


@pytest.mark.parametrize(("name", "fields"), [(name, fields) for name, some in WRONG.items() for fields in some], ids=repr)
def test_a_field_that_is_missing_or_of_the_wrong_type_is_a_bad_frame_with_its_id(name, fields):
    assert one(json.dumps({"type": name, "id": "i", "store": "s"} | fields)) == Malformed("bad_frame", "i")


@pytest.mark.parametrize("name", ["", "PING", "ping ", "welcome", "message", "ack", "x" * 5000, "<script>"])
def test_an_unknown_type_is_told_with_its_id(name):
    assert one(json.dumps({"type": name, "id": "i"})) == Malformed("unknown_type", "i")
    assert one(json.dumps({"type": name})) == Malformed("unknown_type")
    assert one(json.dumps({"type": name, "id": "not good"})) == Malformed("unknown_type")


@pytest.mark.parametrize("value", ["1e999", str(10**309), "9" * 5000, "[" * 40 + "]" * 40, r'"\ud800"', "NaN", '"\0"', '{"y":1,"y":2}'])
def test_the_id_is_told_wherever_it_can_be_read(value):
    text = f'{{"type":"claim","id":"i","store":"s","user":"u","x":{value}}}'
    assert one(text) == Malformed("bad_frame", "i")


def test_numbers_beyond_what_a_script_reckons_with_are_still_numbers():
    assert one(f'{{"type":"read","id":"i","store":"s","seq":{2**70}}}').seq == 2**70


# Keys that are named twice.


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"ping","type":"ping"}',
        '{"type":"ping","type":"pong"}',
        '{"type":"nonsense","type":"ping"}',
        '{"type":"ping","x":1,"x":1}',
        '{"type":"ping","x":[[{"a":1,"a":2}]]}',
        r'{"type":"ping","x":1,"\u0078":1}',
        r'{"type":"ping","x\\":":","x\\":"\\\""}',
        '{"type":"hello","token":"t","resume":{"s1":1,"s1":2}}',
    ],
)
def test_a_key_that_an_object_names_twice_is_malformed_at_whatever_depth(text):
    """Once the first `type` counted, the last `id`, and all values of any other key had to be right."""
    assert one(text) == BAD


@pytest.mark.parametrize("inside", ["a:b", ":::", '\\":', '\\\\":"', '"x":1,"x":2', "\\u003a", "{:}[:]"])
def test_colons_in_texts_are_no_keys(inside):
    assert one(ping_with(json.dumps([inside, {inside: inside, "y": inside}]))) == f.Ping()
    assert one(ping_with(json.dumps([inside, {inside: inside, "y": inside}])[:-1] + ',{"y":1,"y":2}]')) == BAD


# Everything.


@pytest.mark.parametrize("tag", sorted(f.TYPES))
def test_every_class_of_value_in_every_field_is_what_the_table_says(tag):
    wrong = []
    for case in rubbish.cases("user", codec=True):
        if case.tag == tag:
            found = parse(case.with_id("i"))
            if case.good:
                right = len(found) == 1 and not isinstance(found[0], Malformed) and parse(f"[{case.with_id('i')}]") == found
            else:
                right = found == [Malformed("bad_frame", "i" if case.told else None)]
            if not right:
                wrong.append((case.name, found))
    assert not wrong


# Arrays.


def test_an_array_is_its_frames_one_after_another():
    frames = parse('[{"type":"ping"}, {"type":"nope","id":"i"},{"type":"pong"} ,7, "x", null]')
    assert frames == [f.Ping(), Malformed("unknown_type", "i"), f.Pong(), BAD, BAD, BAD]


@pytest.mark.parametrize("value", ["1e999", str(10**309), "[" * 40 + "]" * 40, r'"\ud800"', "NaN", "-Infinity", '{"y":1,"y":2}', '"\0"'])
def test_a_frame_that_is_malformed_takes_nothing_with_it(value):
    """Half of a character in one frame made one `bad_frame` without an id of a whole array."""
    text = f'[{{"type":"ping"}}, {{"type":"claim","id":"i","x":{value}}} ,{{"type":"pong"}}]'
    assert parse(text) == [f.Ping(), Malformed("bad_frame", "i"), f.Pong()]


@pytest.mark.parametrize("text", ["[]", " [ ] ", "\n[\t]\r\n"])
def test_an_empty_array_is_nothing(text):
    assert parse(text) == []


@pytest.mark.parametrize("space", [" ", "\t", "\r\n", " \n "])
def test_white_space_around_is_nothing(space):
    assert parse(f'{space}[{space}{{"type":"ping"}}{space}]{space}') == [f.Ping()]
    assert parse(f'{space}{{"type":"ping"}}{space}') == [f.Ping()]


@pytest.mark.parametrize(("count", "expected"), [(64, [f.Ping()] * 64), (65, [BAD])])
def test_an_array_holds_64_frames(count, expected):
    assert parse("[" + ",".join(['{"type":"ping"}'] * count) + "]") == expected


@pytest.mark.parametrize("text", ['[{"type":"ping"},[]]', "[[]]", '[[{"type":"ping"}]]', '[{"type":"ping"}, \n [1]]'])
def test_an_array_in_an_array_is_one_bad_frame_and_nothing_is_carried_out(text):
    assert parse(text) == [BAD]


@pytest.mark.parametrize(
    "text", ['[{"type":"ping"}', '[{"type":"ping"},]', "[,]", '[{"type":"ping"}]]', '[{"type":"ping"} {"type":"ping"}]']
)
def test_a_broken_array_is_one_bad_frame(text):
    assert parse(text) == [BAD]


# Whatever comes.

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
fields = st.sampled_from(
    ["id", "store", "user", "kind", "body", "seq", "epoch", "limit", "before", "resume", "token", "on", "to", "status"]
)


@given(st.text())
def test_no_text_raises(text):
    assert all(isinstance(frame, Malformed | f.Frame) for frame in parse(text))


def meaning(frame):
    """A frame as JSON has it, what is null left out as is what may be."""
    plain = msgspec.json.decode(msgspec.json.encode(frame))
    return {key: value for key, value in plain.items() if value is not None}


@given(st.dictionaries(fields, json_values, max_size=6), st.sampled_from([*sorted(f.TYPES), "nope"]))
def test_what_is_taken_says_what_was_said_and_can_be_said_again(values, name):
    said = {"type": name} | values
    (frame,) = parse(json.dumps(said))
    if isinstance(frame, Malformed):
        assert frame.code == "unknown_type" if name == "nope" and is_json(said) else "bad_frame"
        return
    known = {field.encode_name for field in msgspec.structs.fields(type(frame))} | {"type"}
    assert meaning(frame) == {key: value for key, value in said.items() if key in known and value is not None}
    assert meaning(one(msgspec.json.encode(frame).decode())) == meaning(frame)


def is_json(value):
    """Whether it has no NaN, no infinity and no half of a character."""
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:
        return False
    return True


@given(json_values, st.from_regex(f.ID_PATTERN, fullmatch=True), st.sampled_from([*sorted(f.TYPES), "nope", 7]), st.booleans())
def test_whatever_else_is_wrong_a_good_id_is_told(value, id, name, last):
    said = {"type": name, "store": value, "x": value, "limit": value}
    frame = one(json.dumps(said | {"id": id} if last else {"id": id} | said))
    if isinstance(frame, Malformed) or hasattr(frame, "id"):
        assert frame.id == id


edits = st.lists(
    st.tuples(st.integers(0, 2000), st.sampled_from(['"', "{", "}", "[", "]", ",", ":", "\\", "\\u", "-", "0", "e", " ", "\0", "x", ""])),
    max_size=4,
)


@given(st.sampled_from([case.with_id("i") for case in rubbish.cases("store", codec=True) if len(case.text) < 2000]), edits)
def test_no_edit_of_a_frame_raises_and_arrays_say_the_same(text, edits):
    """However broken: one frame or one malformed, and in an array no other than alone, unless it broke the array."""
    for where, what in edits:
        at = where % (len(text) + 1)
        text = text[:at] + what + text[at + 1 :]
    alone = parse(text)
    if text.lstrip(" \t\r\n")[:1] != "[":
        assert len(alone) == 1
        together = parse(f'[{text},{{"type":"ping"}}]')
        assert together in ([*alone, f.Ping()], [BAD]) or len(together) > 2
