"""What is fuzzed inside one process: each target takes bytes and raises where something does not hold that has to.

A target says how many frames the bytes were to it, so that runs of different targets can be added up.
"""

import asyncio
import base64
import functools
import hashlib
import hmac
import json
import math
import re

import msgspec

from actors.body import BODY_LIMIT, KINDS, BadBody, BodyTooLarge, encode_body
from actors.frame import ID_PATTERN, Malformed, parse
from actors.text import NESTING_LIMIT
from tests.web.pair import Model, Pair, feed
from tests.web.raw import MASK, frame
from web.token import BadToken, TokenSigner

NOW_S = 1_800_000_000.0
SECRET = b"f" * 32
KIND_NAMES = [*KINDS, "video"]


def codec(data):
    """Text to frames: what is taken is what any other reader of JSON would take it for, and says the same again."""
    text = data.decode("utf-8", "surrogateescape")
    found = parse(text)
    for one in found:
        if isinstance(one, Malformed):
            assert one.code in ("bad_frame", "unknown_type")
            assert one.id is None or re.fullmatch(ID_PATTERN, one.id)
        else:
            assert [plain(again) for again in parse(msgspec.json.encode(one).decode())] == [plain(one)]
            if (raw := getattr(one, "body", None)) is not None:
                body(bytes([len(data) % len(KIND_NAMES)]) + bytes(raw))
    if len(found) == 1 and not isinstance(found[0], Malformed) and text.lstrip(" \t\r\n")[0] == "{":
        value = strictly(text)
        known = plain(found[0])
        assert {key: value[key] for key in known} == known
    return max(1, len(found))


def plain(one):
    """The fields that are not null, and the type."""
    return {key: value for key, value in json.loads(msgspec.json.encode(one)).items() if value is not None}


def strictly(text):
    """JSON as the strictest reader has it: no key twice, no NaN, nothing deep, nothing that is no number or no character."""

    def once(pairs):
        assert len(dict(pairs)) == len(pairs), "a key twice"
        return dict(pairs)

    def never(name):
        raise AssertionError(name)

    value = json.loads(text, object_pairs_hook=once, parse_constant=never)
    text.encode()
    level, depth = [value], 0
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    assert depth <= NESTING_LIMIT
    msgspec.json.encode(value).decode()
    numbers = [value]
    while numbers:
        item = numbers.pop()
        if isinstance(item, int | float):
            assert math.isfinite(float(item))
        elif isinstance(item, dict | list):
            numbers.extend(item.values() if isinstance(item, dict) else item)
    return value


def body(data):
    """The first byte chooses the kind: nothing raises but what may, and what others receive is a body again."""
    kind = KIND_NAMES[data[0] % len(KIND_NAMES)] if data else "text"
    try:
        taken = encode_body(kind, data[1:])
    except (BadBody, BodyTooLarge):
        return 1
    assert len(taken) <= BODY_LIMIT
    assert encode_body(kind, taken) == taken
    value = json.loads(taken)
    assert value.keys() <= {field.encode_name for field in msgspec.structs.fields(KINDS[kind])}
    for name in ("url", "image"):
        assert re.match(r"https://[^/\\]|/(?![/\\])", value.get(name, "/"), re.IGNORECASE)
    return 1


def token(data):
    """Text as a token, and as the payload of one that is signed well: an identity that may exist, or a refusal."""
    signer = TokenSigner(SECRET)
    try:
        signer.verify(data.decode("utf-8", "surrogateescape"), NOW_S)
        raise AssertionError("a token by chance")
    except BadToken:
        pass
    payload = base64.urlsafe_b64encode(data).rstrip(b"=")
    signed = b"eyJhbGciOiJIUzI1NiJ9." + payload
    digest = base64.urlsafe_b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).rstrip(b"=")
    try:
        identity = signer.verify((signed + b"." + digest).decode(), NOW_S)
    except BadToken:
        return 1
    assert identity.role in ("user", "agent", "supervisor")
    assert identity.role == "user" or identity.stores
    for id in (identity.id, *(identity.stores or ())):
        assert re.fullmatch(ID_PATTERN, id)
    assert identity.name is None or (identity.name.isprintable() or identity.name.split("\n") == [identity.name])
    assert identity.expires_s > NOW_S - 5
    return 1


@functools.cache
def _loop():
    return asyncio.new_event_loop()


def line(data):
    """Frames out of bytes, cut where the first bytes say: the line gives what wsproto alone would, and its answers."""
    cuts, rest = data[:3], data[3:]
    frames = []
    while len(rest) >= 2:
        first, size = rest[0], rest[1] % 131
        width, mask = (2 if rest[1] == 255 else 8 if rest[1] == 254 else 0), (None if rest[1] == 253 else MASK)
        frames.append(frame(first & 0x0F, rest[2 : 2 + size], fin=first < 128, reserved=4 * (first & 0x70 == 0x70), width=width, mask=mask))
        rest = rest[2 + size :]
    _loop().run_until_complete(_same(frames, b"".join(frames) + rest, cuts))
    return max(1, len(frames))


async def _same(frames, said, cuts):
    model, pair = Model(), Pair()
    for one in frames:
        if model.code is None:
            model.take(one)
    feed(pair, said, [cut * len(said) // 256 for cut in cuts])
    assert (pair.listener.texts, pair.listener.parts) == (model.texts, model.parts)
    kinds = [type(event).__name__ for event in pair.heard()]
    assert kinds == ["Pong"] * len(model.pongs) + ["CloseConnection"] * (model.code is not None)


TARGETS = {one.__name__: one for one in (codec, body, token, line)}
