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
from web.token import BadClaim, BadToken, TokenSigner

SECRET, NOW_S = b"s" * 32, 1_800_000_000.0
USER = {"sub": "u42", "role": "user", "exp": NOW_S + 60}
AGENT = {"sub": "a1", "role": "agent", "stores": ["s1", "s2"], "exp": NOW_S + 60}
signer = TokenSigner(SECRET)


def part(value):
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).rstrip(b"=")


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
    assert signer.verify(text, NOW_S) == Identity(role="agent", id="a1", name="李娜", stores=frozenset({"s1", "s2"}), expires_s=NOW_S + 60)


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
        token(USER, {}),
        token(USER, []),
        token([]),
        token("null"),
        token("[" * 5000),
        token(USER)[:-2],
        token(USER).replace(".", "=."),
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
    + [{"nbf": value} for value in ["0", None, True, math.nan, math.inf, NOW_S + 6]],
    ids=ascii,
)
def test_a_claim_of_a_wrong_type_or_value_is_refused_though_well_signed(change):
    assert is_refused(token(AGENT | change))


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
    assert identity.role in ("user", "agent", "supervisor")
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
