"""The visitor's door: a shopper without an account gets an identity that lasts, made and signed by the server.

    POST /visitor    {"store","name"?} -> {"token","id","store","name","expires"}

The id is random enough that nobody guesses it, and whoever holds the token is this visitor: it lives in the browser of one shopper. It is
good for one store that exists, and can be withdrawn as any user's. Pages may ask whose origin may open a socket. What is wrong is
`{"code","detail"}`. Without the setting there is nothing here. Nothing is kept of an identity until it writes: the first message makes
its chat, as for any user.
"""

import asyncio
import secrets
import time
from typing import cast

import msgspec
from quart import Quart, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from actors.append import StorageUnavailable
from actors.frame import Id
from actors.node import Node
from actors.rate import Bucket
from actors.text import drops_a_pair
from web.origin import is_welcome
from web.setting import Settings
from web.stranger import place_of
from web.token import VISITOR, BadClaim, TokenSigner

BODY_LIMIT = 1024
BODY_S = 10.0
TTL_S = 180 * 86_400.0
PER_ADDRESS = 2.0
"""Identities a second for one address (an IPv6 network counts as one), bursts of ten seconds' worth: many shoppers may share one."""
ADDRESSES = 4096
"""Addresses that are remembered; who was not heard of for longest is forgotten first."""

_CORS = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
_PREFLIGHT = _CORS | {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "600",
}
_DETAIL = {
    "bad_request": (400, 'the body must be {"store":…} and may have "name", at most 100 characters on one line'),
    "forbidden": (403, "pages of this origin may not ask"),
    "not_found": (404, "this server takes no visitors"),
    "no_such_store": (404, "there is no such store"),
    "too_large": (413, f"the body is above {BODY_LIMIT} bytes"),
    "rate_limited": (429, "too many visitors from this address; ask again later"),
    "unavailable": (503, "storage cannot be reached; ask again later"),
    "draining": (503, "the server is stopping; ask another, or again later"),
}


class _Asked(msgspec.Struct, forbid_unknown_fields=True):
    store: Id
    name: str | None = None


_asked = msgspec.json.Decoder(_Asked)
_any: msgspec.json.Decoder[object] = msgspec.json.Decoder()


class _Refused(Exception):
    def __init__(self, code: str, retry_after_s: float = 1.0) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after_s = retry_after_s


def open_visitor_door(app: Quart, node: Node, signer: TokenSigner, settings: Settings) -> None:
    """Adds `/visitor` to the application."""
    door = _Door(node, signer, settings)

    @app.post("/visitor")
    async def _visitor() -> Response:
        try:
            return _said(await door.make(), 200, {})
        except _Refused as refused:
            status, detail = _DETAIL[refused.code]
            waits = {"Retry-After": str(max(1, round(refused.retry_after_s)))} if status in (429, 503) else {}
            return _said({"code": refused.code, "detail": detail}, status, waits)

    @app.route("/visitor", methods=["OPTIONS"])
    async def _preflight() -> Response:
        return Response("", 204, headers=_PREFLIGHT)


class _Door:
    def __init__(self, node: Node, signer: TokenSigner, settings: Settings) -> None:
        self._node = node
        self._signer = signer
        self._settings = settings
        self._buckets: dict[str, Bucket] = {}

    async def make(self) -> dict[str, object]:
        """A new identity for whoever asks."""
        if not (self._settings.visitors or self._settings.demo):
            raise _Refused("not_found")
        origins, host = request.headers.getlist("Origin"), request.headers.get("Host", "")
        if not is_welcome(origins, host, self._settings.origins, secure=request.scheme == "https"):
            raise _Refused("forbidden")
        if self._node.draining:
            raise _Refused("draining")
        if wait_s := self._bucket(place_of(request.remote_addr or "")).take(time.monotonic()):
            raise _Refused("rate_limited", wait_s)
        asked = await _body()
        id, now_s = VISITOR + secrets.token_hex(16), time.time()
        try:
            token = self._signer.sign(role="user", id=id, stores=[asked.store], name=asked.name, ttl_s=TTL_S, now_s=now_s, visitor=True)
        except BadClaim:
            raise _Refused("bad_request") from None
        try:
            if not (await self._node.storage.load_store(asked.store)).exists:
                raise _Refused("no_such_store")
        except StorageUnavailable:
            raise _Refused("unavailable") from None
        name = self._signer.verify(token, now_s).name
        return {"token": token, "id": id, "store": asked.store, "name": name, "expires": round((now_s + TTL_S) * 1000)}

    def _bucket(self, place: str) -> Bucket:
        bucket = self._buckets.pop(place, None) or Bucket(PER_ADDRESS, time.monotonic())
        self._buckets[place] = bucket
        if len(self._buckets) > ADDRESSES:
            del self._buckets[next(iter(self._buckets))]
        return bucket


async def _body() -> _Asked:
    try:
        async with asyncio.timeout(BODY_S):
            raw = cast("bytes", await request.get_data())
        if len(raw) > BODY_LIMIT:
            raise _Refused("too_large")
        text = raw.decode()
        if drops_a_pair(text, _any.decode(text)):
            raise _Refused("bad_request")
        return _asked.decode(text)
    except RequestEntityTooLarge:
        raise _Refused("too_large") from None
    except (msgspec.MsgspecError, UnicodeError, RecursionError, TimeoutError):
        raise _Refused("bad_request") from None


def _said(body: dict[str, object], status: int, headers: dict[str, str]) -> Response:
    return Response(msgspec.json.encode(body) + b"\n", status, content_type="application/json", headers=_CORS | headers)
