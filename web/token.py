"""Tokens: signs and verifies the JWT that says who a session is.

Only HS256 is accepted, whatever the token's header says, and every claim is checked for its type: a shop's back end wrote it, not dibs.
A claim that stands twice is refused, for two readers might each take another of the two.
The clock is an argument, for `sign` and `verify` alike. Every bad token is refused with the same words: nobody learns how far it came.
"""

import hmac
import json
import math
import re
import unicodedata
from collections.abc import Collection
from typing import Any, cast, get_args

import jwt

from actors.identity import Identity, Role

LEEWAY_S = 5.0
NAME_LIMIT = 100
TOKEN_LIMIT = 16 * 1024
LAST_EXPIRY_S = 253_402_300_800.0  # the year 10000: beyond it timers and dates stop working
VISITOR = "v~"
"""How the id of a visitor begins; the claim `visitor` makes it one, for a mall may have ids of its own that begin so."""
ID = re.compile(r"[A-Za-z0-9._~-]{1,64}", re.ASCII)
_ROLES = frozenset(get_args(Role))


class BadToken(Exception):
    """The token is missing, malformed, forged, expired, or says something it may not say."""

    def __init__(self) -> None:
        super().__init__("the token is not valid or has expired")


class BadClaim(ValueError):
    """A claim that no valid token can carry; the sentence says which, for whoever writes tokens."""


class TokenSigner:
    """Signs with `secret`; verifies with it and with `old`, the one before, so that a secret can be changed while its tokens are about."""

    def __init__(self, secret: bytes, old: bytes | None = None) -> None:
        self._secret = secret
        self._accepted = (secret,) if old is None else (secret, old)
        self._jws = jwt.PyJWS(algorithms=["HS256"])

    def sign(
        self, *, role: str, id: str, stores: Collection[str], name: str | None, ttl_s: float, now_s: float, visitor: bool = False
    ) -> str:
        """A token good for `ttl_s` from `now_s`; raises BadClaim for anything that `verify` would refuse."""
        claims = check_claims(role=role, id=id, stores=stores, name=name) | ({"visitor": True} if visitor else {})
        payload = claims | {"iat": round(now_s, 3), "exp": math.ceil(now_s + ttl_s)}
        read_claims(payload)
        return jwt.encode(payload, self._secret, algorithm="HS256")

    def verify(self, token: str, now_s: float) -> Identity:
        """The identity that `token` proves at `now_s` (seconds since the epoch), or BadToken."""
        if len(token) > TOKEN_LIMIT:
            raise BadToken
        try:
            payload = json.loads(self._signed(token).decode(), object_pairs_hook=_once)
            identity = read_claims(payload, issued_before_s=now_s + LEEWAY_S)
            starts_s = _time(payload, "nbf") if "nbf" in payload else -math.inf
        except (jwt.PyJWTError, BadClaim, ValueError, RecursionError):
            raise BadToken from None
        if not starts_s - LEEWAY_S <= now_s < identity.expires_s + LEEWAY_S:
            raise BadToken
        return identity

    def keys(self, purpose: bytes) -> tuple[bytes, ...]:
        """Keys for something that is no token, one from each secret; the first is the present secret's."""
        return tuple(hmac.digest(secret, purpose, "sha256") for secret in self._accepted)

    def _signed(self, token: str) -> bytes:
        """The payload of a token that one of the secrets has signed; raises a PyJWTError or a ValueError."""
        *others, last = self._accepted
        for secret in others:
            try:
                return bytes(self._jws.decode(token, secret, algorithms=["HS256"]))
            except jwt.InvalidSignatureError:
                continue
        return bytes(self._jws.decode(token, last, algorithms=["HS256"]))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadClaim("a claim stands twice")
    return found


def peek(token: str) -> tuple[str, str, tuple[str, ...]]:
    """Role, id and stores that a token claims, unverified: for whoever holds it and has no secret. Empty where it says nothing."""
    try:
        payload = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        return "", "", ()
    stores = payload.get("stores")
    return str(payload.get("role", "")), str(payload.get("sub", "")), tuple(map(str, stores)) if isinstance(stores, list) else ()


def check_claims(*, role: str, id: str, stores: Collection[str], name: str | None) -> dict[str, Any]:
    """The claims of a token, all but its times; raises BadClaim for what no token may carry."""
    claims: dict[str, Any] = {"sub": id, "role": role}
    if stores:
        claims["stores"] = list(dict.fromkeys(stores))
    if name is not None:
        claims["name"] = name
    read_claims(claims | {"exp": 0})
    return claims


def check_identity(*, role: str, id: str, stores: Collection[str]) -> None:
    """Whether there could be somebody like this; raises BadClaim."""
    _role(role)
    _id(id, "the id")
    for store in stores:
        check_store(store)


def check_store(store: str) -> None:
    """Whether there could be a store of this id; raises BadClaim."""
    _id(store, "a store")


def read_claims(payload: object, issued_before_s: float = LAST_EXPIRY_S) -> Identity:
    """The identity that these claims describe, whatever the time is; raises BadClaim. A token that says to be issued later than
    `issued_before_s`, or says it in no sensible way, counts as issued at the beginning of time: any withdrawal ends it."""
    if not isinstance(payload, dict):
        raise BadClaim("the claims must be an object")
    role, id = _role(payload.get("role")), _id(payload.get("sub"), "the id")
    stores = _stores(payload.get("stores"), role)
    return Identity(
        role=role,
        id=id,
        name=_name(payload.get("name")),
        stores=stores,
        visitor=payload.get("visitor") is True and role == "user" and id.startswith(VISITOR) and len(stores or ()) == 1,
        expires_s=_time(payload, "exp"),
        issued_s=_issued_s(payload, issued_before_s),
    )


def _role(value: object) -> Role:
    if not isinstance(value, str) or value not in _ROLES:
        raise BadClaim("the role must be user, agent, supervisor or operator")
    return cast("Role", value)


def _id(value: object, what: str) -> str:
    if not isinstance(value, str) or not ID.fullmatch(value):
        raise BadClaim(f"{what} must be 1 to 64 of A-Z a-z 0-9 . _ ~ -")
    return value


def _stores(value: object, role: str) -> frozenset[str] | None:
    wants_store = role in ("agent", "supervisor")
    if value is None and not wants_store:
        return None
    if not isinstance(value, list) or (not value and wants_store):
        raise BadClaim("an agent and a supervisor must have at least one store" if not value else "the stores must be a list")
    return frozenset(_id(store, "a store") for store in value)


def _name(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadClaim("the name must be a string")
    name = value.strip()
    if len(name) > NAME_LIMIT or not _is_line(name):
        raise BadClaim(f"the name must be at most {NAME_LIMIT} characters, none of them a control character")
    return name or None


def _is_line(text: str) -> bool:
    """Whether it is one line: no control character, no line or paragraph separator, no lone surrogate."""
    return not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text)


def _issued_s(payload: dict[str, Any], before_s: float) -> float:
    try:
        issued_s = _time(payload, "iat")
    except BadClaim:
        return 0.0
    return issued_s if issued_s <= before_s else 0.0


def _time(payload: dict[str, Any], claim: str) -> float:
    """A NumericDate (RFC 7519, section 2): bool is an int to Python and a huge int no float, so both are looked at first."""
    value = payload.get(claim)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LAST_EXPIRY_S:
        raise BadClaim(f"{claim} must be a time in seconds since the epoch")
    return float(value)
