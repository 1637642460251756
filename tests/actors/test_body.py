"""Bodies by kind: what is taken, what others receive of it, and where 8 KiB end."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.body import BODY_LIMIT, KINDS, BadBody, BodyTooLarge, encode_body


def encoded(kind, **fields):
    return json.loads(encode_body(kind, json.dumps(fields).encode()))


GOOD = [
    ("text", {"text": "在吗"}),
    ("text", {"text": ""}),
    ("image", {"url": "/p/1.png"}),
    ("image", {"url": "https://a.cn/1.png", "alt": "红", "width": 10, "height": 0}),
    ("file", {"url": "/f", "name": "发票.pdf", "size": 10}),
    ("file", {"url": "/f", "name": ""}),
    ("product", {"sku": "1", "title": "t"}),
    ("product", {"sku": "1", "title": "t", "price": 19.9, "currency": "CNY", "image": "/i", "url": "https://a.cn"}),
    ("product", {"sku": "1", "title": "t", "price": "19.90"}),
    ("product", {"sku": "1", "title": "t", "price": 20}),
    ("order", {"number": "n", "status": "paid", "total": 5, "currency": "CNY", "url": "/o"}),
    ("order", {"number": "n"}),
]


@pytest.mark.parametrize(("kind", "fields"), GOOD)
def test_a_good_body_reaches_others_as_it_came(kind, fields):
    assert encoded(kind, **fields) == fields


def test_every_kind_of_the_protocol_is_known():
    assert set(KINDS) == {"text", "image", "file", "product", "order"} == {kind for kind, _ in GOOD}


@pytest.mark.parametrize("kind", ["", "Text", "video", "text ", "note"])
def test_an_unknown_kind_is_bad(kind):
    with pytest.raises(BadBody):
        encode_body(kind, b'{"text":"x"}')


def test_others_receive_known_fields_only_as_compact_utf8():
    assert encode_body("text", rb'{ "x" : [1, {"y": 2}], "text" : "\u4e2d\n" , "z":null}') == '{"text":"中\\n"}'.encode()
    assert encode_body("image", b'{"url":"/a","alt":null}') == b'{"url":"/a"}'


BAD = [
    ("text", b"null"),
    ("text", b"[]"),
    ("text", b'"hi"'),
    ("text", b"7"),
    ("text", b"{}"),
    ("text", b'{"text":null}'),
    ("text", b'{"text":7}'),
    ("text", b'{"text":["a"]}'),
    ("text", rb'{"text":"\ud800"}'),
    ("text", b'{"text":"\xff"}'),
    ("text", b'{"text":"a"'),
    ("image", b'{"alt":"x"}'),
    ("image", b'{"url":7}'),
    ("image", b'{"url":"/a","width":-1}'),
    ("image", b'{"url":"/a","width":1.5}'),
    ("image", b'{"url":"/a","height":"10"}'),
    ("file", b'{"url":"/a"}'),
    ("file", b'{"name":"a"}'),
    ("file", b'{"url":"/a","name":"n","size":-1}'),
    ("product", b'{"sku":"1"}'),
    ("product", b'{"title":"1"}'),
    ("product", b'{"sku":1,"title":"t"}'),
    ("product", b'{"sku":"1","title":"t","price":true}'),
    ("product", b'{"sku":"1","title":"t","price":1e400}'),
    ("product", b'{"sku":"1","title":"t","price":NaN}'),
    ("product", b'{"sku":"1","title":"t","price":[1]}'),
    ("order", b"{}"),
    ("order", b'{"number":7}'),
    ("text", b'{"text":"a","x":' + b"[" * 50_000 + b"]" * 50_000 + b"}"),
]


@pytest.mark.parametrize(("kind", "raw"), BAD)
def test_a_body_that_does_not_fit_its_kind_is_bad(kind, raw):
    with pytest.raises(BadBody):
        encode_body(kind, raw)


@pytest.mark.parametrize(
    "url",
    ["https://a", "https://a.cn/x?y=1&z=2#f", "HTTPS://A.CN", "hTTps://a", "https://店.cn/图", "/", "/a/b?c=https://d", "/a//b", "/%5C"],
)
def test_an_address_is_https_or_a_path_on_this_server(url):
    assert encoded("image", url=url) == {"url": url}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "//evil.cn",
        "///evil.cn",
        "/\\evil.cn",
        "\\\\evil.cn",
        "\\/evil.cn",
        "https:/\\evil.cn",
        "https://a\\b",
        "/a\\b",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "java\nscript:alert(1)",
        "/\t/evil.cn",
        "/\n/evil.cn",
        "\t//evil.cn",
        "\x01javascript:alert(1)",
        "http://a.cn",
        "ftp://a.cn",
        "data:text/html,x",
        "blob:https://a",
        "wss://a",
        "https:",
        "https:a",
        "https:/a",
        "https://",
        "https:///a",
        "https://?a",
        "https://#a",
        " https://a",
        "https://a ",
        "https://a b",
        "https://a\u3000b",
        "https://a\u2028b",
        "/a b",
        "/a\n",
        "/a\x00b",
        "a.png",
        "./a",
        "xhttps://a",
    ],
)
@pytest.mark.parametrize(
    ("kind", "field", "rest"),
    [
        ("image", "url", {}),
        ("file", "url", {"name": "n"}),
        ("product", "url", {"sku": "1", "title": "t"}),
        ("product", "image", {"sku": "1", "title": "t"}),
        ("order", "url", {"number": "1"}),
    ],
)
def test_any_other_address_is_bad_in_every_field(kind, field, rest, url):
    with pytest.raises(BadBody):
        encoded(kind, **rest, **{field: url})


OVERHEAD = len(b'{"text":""}')


@pytest.mark.parametrize(
    "raw",
    [
        b'{"text":"%b"}' % (b"a" * (BODY_LIMIT - OVERHEAD)),
        b'{ "text" :\n "%b" }%b' % (b"a" * (BODY_LIMIT - OVERHEAD), b" " * 5000),
        b'{"text":"%b"}' % (rb"\u0061" * (BODY_LIMIT - OVERHEAD)),
        b'{"text":"%b"}' % (rb"\u4e2d" * ((BODY_LIMIT - OVERHEAD) // 3)),
        b'{"text":"","x":"%b"}' % (b"a" * (BODY_LIMIT - OVERHEAD - len(',"x":""'))),
    ],
    ids=["plain", "white space", "escapes", "chinese escapes", "unknown field"],
)
def test_8_kib_of_compact_utf8_are_taken_however_they_are_written(raw):
    assert len(encode_body("text", raw)) <= BODY_LIMIT


@pytest.mark.parametrize(
    "raw",
    [
        b'{"text":"%b"}' % (b"a" * (BODY_LIMIT - OVERHEAD + 1)),
        b'{"text":"%b"}' % ("中" * ((BODY_LIMIT - OVERHEAD) // 3 + 1)).encode(),
        b'{"text":"","x":"%b"}' % (b"a" * (BODY_LIMIT - OVERHEAD - len(',"x":""') + 1)),
        b'{"text":"","x":[%b0]}' % (b"0," * 5000),
    ],
    ids=["plain", "chinese", "unknown field", "unknown list"],
)
def test_one_byte_more_is_too_large_and_what_was_sent_counts(raw):
    with pytest.raises(BodyTooLarge):
        encode_body("text", raw)


def test_being_bad_comes_before_being_too_large():
    with pytest.raises(BadBody):
        encode_body("text", b'{"text":7,"x":"%b"}' % (b"a" * BODY_LIMIT))
    with pytest.raises(BadBody):
        encode_body("image", b'{"url":"//evil","alt":"%b"}' % (b"a" * BODY_LIMIT))


def test_a_body_is_read_from_a_frame_as_it_lies_there():
    raw = msgspec.json.decode(b'{"body": {"text":"a"} }', type=dict[str, msgspec.Raw])["body"]
    assert encode_body("text", raw) == b'{"text":"a"}'


texts = st.text(max_size=20) | st.sampled_from(["/a", "https://a.cn/b", "//a", "", "javascript:1", "a" * 9000])
values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts | st.lists(texts, max_size=2)
names = st.sampled_from(sorted({field.encode_name for kind in KINDS.values() for field in msgspec.structs.fields(kind)} | {"x"}))


@given(st.sampled_from([*KINDS, "video"]), st.dictionaries(names, values, max_size=7))
def test_what_is_taken_of_a_body_is_what_was_said_of_known_fields_and_nothing_raises(kind, said):
    raw = json.dumps(said).encode()
    try:
        taken = encode_body(kind, raw)
    except (BadBody, BodyTooLarge):
        return
    known = {field.encode_name for field in msgspec.structs.fields(KINDS[kind])}
    assert json.loads(taken) == {key: value for key, value in said.items() if key in known and value is not None}
    assert len(taken) <= BODY_LIMIT
    assert taken == msgspec.json.encode(json.loads(taken)), "compact"
    assert encode_body(kind, taken) == taken, "what others receive is as good as what was sent"


@given(st.sampled_from(list(KINDS)), st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_bytes_raise_anything_but_what_a_body_may(kind, raw):
    try:
        encode_body(kind, raw)
    except (BadBody, BodyTooLarge):
        return
    assert json.loads(raw)
