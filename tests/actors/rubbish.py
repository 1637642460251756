"""Rubbish, systematically: every frame that a client may say, every field of it, every class of value, and what the protocol says.

The frames, bodies and fields come from the code by introspection, so that a new one cannot be forgotten; the rules are written out here.
"""

import msgspec

from actors import body, frame

RIGHT_ID = '"@"'
"""Where the id of a case goes."""

VALUES = {
    "left out": None,
    "null": "null",
    "true": "true",
    "false": "false",
    "zero": "0",
    "minus zero": "-0",
    "negative": "-1",
    "fraction": "0.5",
    "whole with a fraction": "1.0",
    "exponent": "1e3",
    "2^53": str(2**53),
    "2^63": str(2**63),
    "2^64": str(2**64),
    "10^300": str(10**300),
    "10^400": str(10**400),
    "1e400": "1e400",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
    "empty": '""',
    "64 characters": f'"{"x" * 64}"',
    "65 characters": f'"{"x" * 65}"',
    "a number as text": '"7"',
    "a space": '"a b"',
    "Chinese": '"汉"',
    "trailing newline": r'"a\n"',
    "NUL": r'"a\u0000"',
    "raw NUL": '"a\0"',
    "raw newline": '"a\n"',
    "a pair of surrogates": r'"\ud83d\ude00"',
    "lone surrogate": r'"a\ud800"',
    "lone surrogate first": r'"\udc00a"',
    "raw lone surrogate": '"a\ud800"',
    "list": "[]",
    "list of itself": '["x"]',
    "dict": "{}",
    "dict of nothing known": '{"z":7}',
    "deep": "[" * 32 + "]" * 32,
    "deep in dicts": '{"a":' * 32 + "1" + "}" * 32,
    "without end": "[" * 60_000,
    "30,000 deep": "[" * 30_000 + "]" * 30_000,
    "a key twice": '{"a":1,"b":{"c":2,"c":2}}',
    "not JSON": "nonsense",
    "nothing": "",
}
"""Classes of values as they stand in a frame; the deepest fill a WebSocket message."""

UNREADABLE = {"without end", "30,000 deep", "not JSON", "nothing"}
"""With these a frame cannot be read to its end, however laxly: not even its id is told."""

NEVER = UNREADABLE | {
    "10^400",
    "1e400",
    "NaN",
    "Infinity",
    "-Infinity",
    "raw NUL",
    "raw newline",
    "lone surrogate",
    "lone surrogate first",
    "raw lone surrogate",
    "deep",
    "deep in dicts",
    "a key twice",
}
"""Malformed wherever it stands, in a field that nobody knows too."""

TEXTS = {
    "empty",
    "64 characters",
    "65 characters",
    "a number as text",
    "a space",
    "Chinese",
    "trailing newline",
    "NUL",
    "a pair of surrogates",
}
NUMBERS = {"zero", "minus zero", "2^53", "2^63", "2^64", "10^300"}

GOOD = {
    # What this sort of field may be, besides being left out or null where it is optional.
    "id": {"64 characters", "a number as text"},
    "text": TEXTS,
    "number": NUMBERS,
    "limit": NUMBERS - {"zero", "minus zero"},
    "score": set(),
    "flag": {"true", "false"},
    "word": set(),
    "kind": set(),
    "place": set(),
    "words": TEXTS - {"empty"},
    "offset": {"a number as text"},
    "resume": {"dict", "dict of nothing known"},
    "body": set(),
    "price": TEXTS | NUMBERS | {"negative", "fraction", "whole with a fraction", "exponent"},
    "address": set(),
    "unknown": VALUES.keys() - NEVER - {"left out"},
    "some text": TEXTS - {"empty"},
    "line": TEXTS - {"empty", "trailing newline", "NUL"},
    "clock": set(),
    "replies": {"list"},
    "context": {"dict", "dict of nothing known"},
}

RIGHT = {
    "id": '"x"',
    "text": '"x"',
    "number": "1",
    "limit": "1",
    "score": "1",
    "flag": "true",
    "kind": '"text"',
    "place": '"1:u"',
    "words": '"x"',
    "offset": '"1"',
    "resume": "{}",
    "body": '{"text":"x"}',
    "price": "1",
    "address": '"/x"',
    "unknown": "1",
    "line": '"x"',
    "clock": '{"amber":1,"red":1}',
    "replies": '[{"key":"x","text":"x"}]',
    "context": '{"page":{"url":"/x"}}',
}

BY_FIELD = {
    ("send", "kind"): "kind",
    ("chats", "before"): "place",
    ("rate", "comment"): "text",
    ("search", "text"): "words",
    ("search", "before"): "offset",
}
BY_FIELD |= {("configure", "name"): "line", ("configure", "greeting"): "text", ("context", "context"): "context"}
"""Where the type of a field does not tell its sort."""

CODEC = {"kind": "text", "place": "text", "offset": "text", "body": "unknown", "context": "unknown", "address": "some text"}
"""What the codec alone takes of what the session judges further."""

MUST = {
    "user": {("received", "seq"), ("context", "context")},
    "store": {("received", "offset"), ("send", "user"), ("read", "user"), ("history", "user"), ("typing", "user"), ("context", "user")},
}
"""Optional by the type of the frame, and not for this side."""


class Field(msgspec.Struct, frozen=True):
    """A field of a frame or of a body, as the table sees it."""

    name: str
    sort: str
    optional: bool
    right: str


class Case(msgspec.Struct, frozen=True):
    """One text, whose id is still to be put in, and whether it is good; `told` is whether an answer names the id."""

    name: str
    tag: str
    text: str
    good: bool
    told: bool

    @property
    def answered(self):
        """Whether one answer names the id."""
        return self.told and (not self.good or self.tag in WITH_ID)

    def with_id(self, id):
        return self.text.replace("@", id)


def bare(type):
    """Without what is said of it."""
    return bare(type.type) if isinstance(type, msgspec.inspect.Metadata) else type


def field(tag, info):  # noqa: C901 - one case for each type
    type = bare(info.type)
    inner = [bare(one) for one in getattr(type, "types", (type,)) if not isinstance(one, msgspec.inspect.NoneType)]
    words = ""
    match inner:
        case [msgspec.inspect.StrType(pattern=str())]:
            sort = "id"
        case [msgspec.inspect.StrType(max_length=int())]:
            sort = "address"
        case [msgspec.inspect.StrType()]:
            sort = "text"
        case [msgspec.inspect.IntType(ge=0)]:
            sort = "number"
        case [msgspec.inspect.IntType(ge=1, le=5)]:
            sort = "score"
        case [msgspec.inspect.IntType(ge=1)]:
            sort = "limit"
        case [msgspec.inspect.BoolType()]:
            sort = "flag"
        case [msgspec.inspect.LiteralType(values=values)]:
            sort, words = "word", f'"{values[0]}"'
        case [msgspec.inspect.DictType()]:
            sort = "resume"
        case [msgspec.inspect.StructType()]:
            sort = "clock"
        case [msgspec.inspect.VarTupleType()]:
            sort = "replies"
        case [msgspec.inspect.RawType()]:
            sort = "body"
        case [msgspec.inspect.IntType(), msgspec.inspect.FloatType(), msgspec.inspect.StrType()]:
            sort = "price"
        case _:
            raise TypeError(f"{tag}.{info.encode_name}: no rule for {inner}")
    sort = BY_FIELD.get((tag, info.encode_name), sort)
    right = RIGHT_ID if info.encode_name == "id" else words or RIGHT[sort]
    return Field(info.encode_name, sort, not info.required, right)


FIELDS = {
    kind.__struct_config__.tag: [field(kind.__struct_config__.tag, info) for info in msgspec.inspect.type_info(kind).fields]
    for kind in frame.Frame.__args__
}
WITH_ID = {tag for tag, fields in FIELDS.items() if any(one.name == "id" for one in fields)}
BODIES = {name: [field(name, info) for info in msgspec.inspect.type_info(kind).fields] for name, kind in body.KINDS.items()}
UNKNOWN = Field("x-later", "unknown", optional=True, right="1")


def written(pairs):
    return "{" + ",".join(f'"{name}":{value}' for name, value in pairs if value is not None) + "}"


def ways(field, sort):
    """(name, what stands behind the field's first colon, whether it is good) for a field of a frame whose other fields are right."""
    for name, value in VALUES.items():
        good = name in GOOD[sort] or (field.optional and name in ("left out", "null"))
        yield name, value, good
    escaped = f"\\u{ord(field.name[0]):04x}{field.name[1:]}"
    yield "named twice", f'{field.right},"{field.name}":{field.right}', False
    yield "named twice by an escape", f'{field.right},"{escaped}":{field.right}', False
    yield "named twice, null first", f'null,"{field.name}":{field.right}', False
    yield "named twice, null last", f'{field.right},"{field.name}":null', False


def cases(side, *, codec=False):
    """Every case of every frame, as this side must say it; with `codec` judged as the codec alone does."""
    for tag, fields in FIELDS.items():
        sides = [msgspec.structs.replace(one, optional=one.optional and (codec or (tag, one.name) not in MUST[side])) for one in fields]
        # A frame without an id may carry one that nobody knows: it is told all the same.
        right = [("type", f'"{tag}"'), *((one.name, right_for(side, tag, one)) for one in sides)]
        right += [("id", RIGHT_ID)] * (tag not in WITH_ID)
        for one in [*sides, UNKNOWN]:
            for name, value, good in ways(one, CODEC.get(one.sort, one.sort) if codec else one.sort):
                others = [pair for pair in right if pair[0] != one.name]
                told = name not in UNREADABLE
                if one.name == "id":
                    told = name in ("named twice", "named twice by an escape", "named twice, null first")
                elif name in ("left out", "null") and (tag, one.name) in MUST[side] and not codec:
                    told = tag in WITH_ID  # it is a frame, and what else stands in it is not looked at any more
                yield Case(f"{tag} {one.name} {name}", tag, written([*others, (one.name, value)]), good, told)


def right_for(side, tag, one):
    """A user names no other user, and of `received` each side says its own number."""
    if one.name == "user" and side == "user" and one.optional:
        return None
    return one.right


def body_cases(side):
    """Every case of every body of a `send`."""
    for kind, fields in BODIES.items():
        rest = [("type", '"send"'), ("id", RIGHT_ID), ("store", '"x"'), ("kind", f'"{kind}"')]
        rest += [("user", '"x"')] * (side == "store")
        for one in [*fields, UNKNOWN]:
            for name, value, good in ways(one, one.sort):
                others = [(other.name, other.right) for other in fields if other.name != one.name]
                text = written([*rest, ("body", written([*others, (one.name, value)]))])
                yield Case(f"send {kind} {one.name} {name}", "send", text, good, name not in UNREADABLE)


def judge(sent, frames):
    """What is wrong with the answers to cases, by their ids: every one is answered as the table says, and once."""
    answers = {}
    nameless = 0
    for heard in frames:
        if heard["type"] in ("ack", "error", "chats", "history", "found", "figures", "profile", "context") and heard.get("id") in sent:
            answers.setdefault(heard["id"], []).append(heard)
        nameless += heard["type"] == "error" and "id" not in heard and heard["code"] == "bad_frame"
    for id, case in sent.items():
        codes = [heard.get("code") for heard in answers.get(id, [])]
        if case.good:
            if "bad_frame" in codes or len(codes) != case.answered:
                yield f"{case.name}: {codes} where it is good"
        elif codes != ["bad_frame"] * case.told:
            yield f"{case.name}: {codes} where it is bad"
    expected = sum(not case.good and not case.told for case in sent.values())
    if nameless != expected:
        yield f"{nameless} bad_frame without an id, not {expected}"
