"""Tokens: what a shop's back end may write, and that nothing else gets in."""

import base64
import hashlib
import hmac
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.identity import Identity
from web.token import TOKEN_LIMIT, BadClaim, BadToken, TokenSigner

SECRET, NOW_S = b"s" * 32, 1_800_000_000.0
USER = {"sub": "u42", "role": "user", "exp": NOW_S + 60}
AGENT = {"sub": "a1", "role": "agent", "stores": ["s1", "s2"], "exp": NOW_S + 60}
signer = TokenSigner(SECRET)


def part(value):
    text = value if isinstance(value, str | bytes) else json.dumps(value)
    return base64.urlsafe_b64encode(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")).rstrip(b"=")


def token(payload, header=None, secret=SECRET, digest=hashlib.sha256):
    """A token as a foreign back end would make it, with nothing of ours."""
    signed = part({"alg": "HS256", "typ": "JWT"} if header is None else header) + b"." + part(payload)
    return (signed + b"." + base64.urlsafe_b64encode(hmac.new(secret, signed, digest).digest()).rstrip(b"=")).decode()


def is_refused(text, now_s=NOW_S):
    with pytest.raises(BadToken) as caught:
        signer.verify(text, now_s)
    assert str(caught.value) == "the token is not valid or has expired"
    assert caught.value.__cause__ is None
    return True


def test_a_signed_token_says_who_it_is():
    text = signer.sign(role="agent", id="a1", stores=["s1", "s2", "s1"], name=" 李娜 ", ttl_s=60, now_s=NOW_S)
    assert signer.verify(text, NOW_S) == Identity(
        role="agent", id="a1", name="李娜", stores=frozenset({"s1", "s2"}), expires_s=NOW_S + 60, issued_s=NOW_S
    )


def test_a_foreign_back_ends_token_is_read():
    assert signer.verify(token(USER), NOW_S) == Identity(role="user", id="u42", name=None, stores=None, expires_s=NOW_S + 60)
    assert signer.verify(token(AGENT | {"exp": NOW_S + 0.5}), NOW_S).expires_s == NOW_S + 0.5
    assert signer.verify(token(USER | {"stores": [], "aud": "x", "iat": "soon", "jti": 5}), NOW_S).stores == frozenset()


@pytest.mark.parametrize(("role", "side"), [("user", "user"), ("agent", "agent"), ("supervisor", "agent")])
def test_supervisors_write_on_the_agents_side(role, side):
    assert signer.verify(token(AGENT | {"role": role}), NOW_S).side == side


def test_clocks_may_differ_by_five_seconds_and_no_more():
    late, early = token(USER | {"exp": NOW_S}), token(USER | {"nbf": NOW_S})
    assert signer.verify(late, NOW_S + 4.9)
    assert is_refused(late, NOW_S + 5)
    assert signer.verify(early, NOW_S - 5)
    assert is_refused(early, NOW_S - 5.1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "\ud800",
        "x" * 100_000,
        "é.é.é",
        token(USER, secret=b"t" * 32),
        token(USER, secret=b""),
        token(USER, {"alg": "none"}),
        token(USER, {"alg": "none"}).rpartition(".")[0] + ".",
        token(USER, {"alg": "HS512"}, digest=hashlib.sha512),
        token(USER, {"alg": ["HS256"]}),
        token(USER, {"alg": "HS256", "b64": False, "crit": ["b64"]}),
        token(USER, {"alg": "HS256", "kid": 7}),
        token(USER, {"alg": "HS256", "crit": ["exp"]}),
        token(USER, {"alg": "HS256", "crit": []}),
        token(USER, {"alg": "HS256", "crit": "exp"}),
        token(USER, {"alg": "None"}),
        token(USER, {"alg": "nOnE"}),
        token(USER, {"alg": ""}),
        token(USER, {"alg": None}),
        token(USER, {"alg": "hs256"}),
        token(USER, {"alg": "HS256 "}),
        token(USER, {"alg": "HS384"}, digest=hashlib.sha384),
        token(USER, {"alg": "RS256"}),
        token(USER, {"alg": "ES256"}),
        token(USER, {"alg": "PS256"}),
        token(USER, {"alg": "EdDSA"}),
        token(USER, '{"alg":"HS256","alg":"none"}').rpartition(".")[0] + ".",
        token(USER, '{"alg":"none","alg":"HS256"}', secret=b""),
        token(USER, {}),
        token(USER, []),
        token([]),
        token("null"),
        token('"sub"'),
        token(b"\xff\xfe{\x00}\x00"),
        token(json.dumps(USER).encode("utf-16")),
        token("\ufeff" + json.dumps(USER)),
        token('{"sub":"u42","sub":"u43","role":"user","exp":1800000060}'),
        token('{"sub":"u42","role":"user","exp":1,"exp":1800000060}'),
        token('{"sub":"u42","role":"user","exp":1800000060,"more":{"a":1,"a":1}}'),
        token("[" * 5000),
        token(USER)[:-2],
        token(USER).replace(".", "=."),
        token(USER) + ".",
        token(USER) + ".x",
        "." + token(USER),
        token(USER) + "\u00e9",
        "Bearer " + token(USER),
        token(USER | {"more": "x" * 16 * 1024}),
    ],
)
def test_what_is_no_token_of_ours_is_refused(text):
    assert is_refused(text)


NO_ID = [None, "", 7, True, [], {}, "x" * 65, "a b", "a/b", "ü", "a\n", "\ud800", "u42\x00"]


@pytest.mark.parametrize(
    "change",
    [{"sub": value} for value in NO_ID]
    + [{"role": value} for value in [None, "", "admin", "User", 1, ["user"], {"user": 1}]]
    + [{"stores": value} for value in [None, [], "s1", {"s1": 1}, 7, *([value] for value in NO_ID)]]
    + [{"name": value} for value in [7, ["x"], "x" * 101, "a\nb", "a\x1bb", "a\x85b", "a\u2028b", "\ud800"]]
    + [{"exp": value} for value in [None, "1800000060", True, -1, 10**400, 1e300, math.nan, math.inf, [], NOW_S - 6]]
    + [{"nbf": value} for value in ["0", None, True, [], {}, -1, 10**400, math.nan, math.inf, NOW_S + 6, NOW_S + 5.001]]
    + [{"exp": value} for value in [NOW_S - 5, NOW_S - 5.001, {"exp": 1}, "", "soon"]],
    ids=ascii,
)
def test_a_claim_of_a_wrong_type_or_value_is_refused_though_well_signed(change):
    assert is_refused(token(AGENT | change))


@pytest.mark.parametrize(
    "header", [{"kid": "../../dev/null"}, {"jku": "http://127.0.0.1:9/keys"}, {"jwk": {"kty": "oct", "k": "AA"}}, {"x5u": "x"}]
)
def test_what_a_header_says_about_keys_is_not_looked_at(header):
    """The key is ours alone: a token of ours that names another is still ours, one of a stranger that names the stranger's is not."""
    assert signer.verify(token(USER, {"alg": "HS256"} | header), NOW_S).id == "u42"
    assert is_refused(token(USER, {"alg": "HS256"} | header, secret=b"\0"))


def test_the_secret_as_a_public_key_opens_nothing():
    """RS256 with the text of a PEM as the secret of an HMAC: the algorithm is ours, not the header's."""
    pem = b"-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAL\n-----END PUBLIC KEY-----\n"
    for text in (token(USER, {"alg": "RS256"}, secret=pem), token(USER, {"alg": "HS256"}, secret=pem)):
        with pytest.raises(BadToken):
            TokenSigner(b"s" * 32, b"o" * 32).verify(text, NOW_S)


def test_a_token_of_16_kib_is_read_and_a_longer_one_is_not():
    padded = USER | {"more": "x" * 12_150}
    text = token(padded)
    assert 16_200 < len(text) <= TOKEN_LIMIT
    assert signer.verify(text, NOW_S).id == "u42"
    longer = token(USER | {"more": "x" * (12_150 + 200)})
    assert len(longer) > TOKEN_LIMIT
    assert is_refused(longer)


@pytest.mark.parametrize(
    ("role", "stores", "read"), [("operator", None, None), ("operator", [], frozenset()), ("operator", ["s1"], {"s1"})]
)
def test_an_operator_may_be_limited_to_stores(role, stores, read):
    found = signer.verify(token({"sub": "ops", "role": role, "stores": stores, "exp": NOW_S + 60}), NOW_S)
    assert (found.role, found.side, found.stores) == ("operator", "operator", read)


@pytest.mark.parametrize(
    ("iat", "issued_s"),
    [
        (NOW_S - 60, NOW_S - 60),
        (NOW_S + 5, NOW_S + 5),
        (NOW_S + 5.1, 0),
        (4e9, 0),
        ("soon", 0),
        (None, 0),
        (True, 0),
        (-1, 0),
        (10**400, 0),
        (math.nan, 0),
        ([], 0),
    ],
)
def test_a_token_that_does_not_say_when_it_was_issued_counts_as_the_oldest(iat, issued_s):
    """Else a back end that writes nonsense, or a clock that runs ahead, would make tokens that no withdrawal can stop."""
    assert signer.verify(token(USER | {"iat": iat}), NOW_S).issued_s == issued_s
    assert signer.verify(token(USER), NOW_S).issued_s == 0


def test_a_token_of_the_old_secret_is_good_and_no_new_one_is_signed_with_it():
    rotated = TokenSigner(b"n" * 32, SECRET)
    assert rotated.verify(token(USER), NOW_S).id == "u42"
    fresh = rotated.sign(role="user", id="u1", stores=[], name=None, ttl_s=60, now_s=NOW_S)
    assert TokenSigner(b"n" * 32).verify(fresh, NOW_S).id == "u1"
    assert is_refused(fresh)
    with pytest.raises(BadToken):
        TokenSigner(b"n" * 32).verify(token(USER), NOW_S)


def test_every_rule_holds_for_the_old_secret_too():
    rotated = TokenSigner(b"n" * 32, SECRET)
    for text in (
        token(USER | {"exp": NOW_S - 6}),
        token(USER | {"nbf": NOW_S + 6}),
        token(USER | {"sub": ""}),
        token(USER, {"alg": "HS512"}, digest=hashlib.sha512),
        token(USER, {"alg": "none"}),
        token(USER, secret=b"t" * 32),
        token(USER, secret=b""),
    ):
        with pytest.raises(BadToken):
            rotated.verify(text, NOW_S)


@pytest.mark.parametrize("missing", ["sub", "role", "stores", "exp"])
def test_a_missing_claim_is_refused(missing):
    assert is_refused(token({key: value for key, value in AGENT.items() if key != missing}))


def test_an_empty_name_is_no_name():
    assert signer.verify(token(USER | {"name": "  "}), NOW_S).name is None


@given(
    st.dictionaries(
        st.sampled_from(["sub", "role", "stores", "name", "exp", "nbf"]),
        st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=4),
    )
)
def test_no_payload_makes_anything_but_an_identity_or_a_refusal(payload):
    try:
        identity = signer.verify(token(AGENT | payload), NOW_S)
    except BadToken:
        return
    assert identity.role in ("user", "agent", "supervisor", "operator")
    assert identity.expires_s > NOW_S - 5


GOOD = token(AGENT)


@given(st.text() | st.text(alphabet="abcXYZ019._-=", max_size=200))
def test_no_text_is_a_token_by_chance(text):
    assert is_refused(text)


@given(st.integers(0, len(GOOD) - 1), st.sampled_from("".join(sorted(set(GOOD))) + "=. \n\0é"))
def test_no_letter_of_a_token_can_be_changed_to_say_anything_else(at, letter):
    """The last letters of base64 have bits that say nothing: the same token may be written in more than one way."""
    text = GOOD[:at] + letter + GOOD[at + 1 :]
    try:
        identity = signer.verify(text, NOW_S)
    except BadToken:
        return
    assert identity == signer.verify(GOOD, NOW_S)
    assert text.rpartition(".")[0] == GOOD.rpartition(".")[0]


@pytest.mark.parametrize(
    "claims",
    [{"role": "admin"}, {"id": "a b"}, {"stores": []}, {"stores": ["s 1"]}, {"name": "a\nb"}, {"ttl_s": 1e12}],
    ids=str,
)
def test_sign_refuses_what_verify_would(claims):
    with pytest.raises(BadClaim):
        signer.sign(**{"role": "agent", "id": "a1", "stores": ["s1"], "name": None, "ttl_s": 60, "now_s": NOW_S} | claims)
