"""The operator's door over HTTP: who may not come in any more, and who did what.

    POST /operator/revoke                {"role","id","store"?}: withdraws access, answers when it is durable
    POST /operator/erase                 {"store","user"}: erases a chat, answers when nothing is left of it
    GET  /operator/stores/STORE/audit    ?user=&agent=&reason=&since=&until=&after=&limit=: lines of JSON (`web.audit`)

Only a token with the role `operator` opens it, as `Authorization: Bearer TOKEN`. One that names stores opens only what concerns these,
and what is not its own answers as what does not exist. Whatever is wrong with a token, the words are the same. Everything that is not
a list of lines is `{"code","detail"}` or the result, as JSON. So many requests at once and no more are served; a body is small.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Literal, TypeVar, cast

import msgspec
from quart import Quart, Request, Response, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge

from actors.append import StorageUnavailable
from actors.erasure import Erased
from actors.identity import Identity, Role, side_of
from actors.node import Node
from actors.revocation import Revoked
from actors.text import drops_a_pair
from web.audit import REASONS, Audit, Wanted
from web.place import Place
from web.token import ID, BadToken, TokenSigner

AT_ONCE = 8
BODY_LIMIT = 4096
BODY_S = 10.0
STALL_S = 30.0
"""A reader that takes nothing for so long is given up."""

LOOK_S = 0.25
"""How often it is looked whether one takes something."""

_DETAIL = {
    "unauthorized": "a valid token of an operator is needed, as Authorization: Bearer TOKEN",
    "forbidden": "this is not for this token",
    "not_found": "there is nothing here",
    "no_such_store": "there is no such store",
    "too_large": f"the body is above {BODY_LIMIT} bytes",
    "overloaded": "too many requests of operators at once; ask again later",
    "unavailable": "storage cannot be reached; ask again later, repeating is harmless",
    "draining": "the server is stopping; ask another, or again later",
}
_STATUS = {
    "bad_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "no_such_store": 404,
    "too_large": 413,
    "overloaded": 503,
    "unavailable": 503,
    "draining": 503,
}
_ID = "1 to 64 of A-Z a-z 0-9 . _ ~ -"
_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)
_ASKED = ("user", "agent", "reason", "since", "until", "after", "limit", "read")


class _Refused(Exception):
    """A request is not served: its code, and the sentence if it is a particular one."""

    def __init__(self, code: str, detail: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.detail = _DETAIL[code] if detail is None else detail


class _Revoke(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a revoke. An unknown field is refused: `stores` for `store` would withdraw far more than was meant."""

    role: Role
    id: str
    store: str | None = None


class _Erase(msgspec.Struct, forbid_unknown_fields=True):
    """The body of an erase."""

    store: str
    user: str


_revoke = msgspec.json.Decoder(_Revoke)
_any: msgspec.json.Decoder[object] = msgspec.json.Decoder()
_erase = msgspec.json.Decoder(_Erase)
_SHAPE: dict[type, str] = {
    _Revoke: '{"role":"user|agent|supervisor|operator","id":…} and may have "store"',
    _Erase: '{"store":…,"user":…}',
}
T = TypeVar("T")


def open_door(app: Quart, node: Node, signer: TokenSigner, place: Place) -> None:
    """Adds the operator's routes to the application."""
    door = _Door(node, signer, place)

    @app.post("/operator/revoke")
    async def _revoke() -> Response:
        return await door.serve(door.revoke)

    @app.post("/operator/erase")
    async def _erase() -> Response:
        return await door.serve(door.erase)

    @app.get("/operator/stores/<store>/audit")
    async def _audit(store: str) -> Response:
        return await door.serve(lambda operator, asked: door.audit(operator, asked, store))

    @app.route("/operator/<path:rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def _nothing(rest: str) -> Response:
        del rest
        return await door.serve(door.nothing)


class _Door:
    def __init__(self, node: Node, signer: TokenSigner, place: Place) -> None:
        self._node = node
        self._signer = signer
        self._place = place
        self._served = 0

    async def serve(self, answer: Callable[[Identity, Request], Awaitable[Response]]) -> Response:
        """Serves whoever may be served; a refusal becomes its answer."""
        asked: Request = request._get_current_object()  # type: ignore[attr-defined]
        try:
            operator = self._operator(asked)
            if self._node.draining:
                raise _Refused("draining")
            if self._served >= AT_ONCE:
                raise _Refused("overloaded")
            self._served += 1
            try:
                return await answer(operator, asked)
            finally:
                self._served -= 1
        except _Refused as refused:
            return _refusal(refused)
        except StorageUnavailable:
            return _refusal(_Refused("unavailable"))

    def _operator(self, asked: Request) -> Identity:
        told = asked.headers.getlist("Authorization")
        scheme, _, token = told[0].partition(" ") if len(told) == 1 else ("", "", "")
        try:
            if scheme.lower() != "bearer":
                raise BadToken
            identity = self._signer.verify(token.strip(), time.time())
        except BadToken:
            raise _Refused("unauthorized") from None
        if self._node.withdrawals.stop(identity):
            raise _Refused("unauthorized")
        if identity.role != "operator":
            raise _Refused("forbidden")
        return identity

    async def nothing(self, operator: Identity, asked: Request) -> Response:
        """There is no such door."""
        del operator, asked
        raise _Refused("not_found")

    async def revoke(self, operator: Identity, asked: Request) -> Response:
        """Withdraws access. An operator of some stores may do so in these only, and never an operator's."""
        told = await _body(asked, _revoke)
        if not ID.fullmatch(told.id) or (told.store is not None and not ID.fullmatch(told.store)):
            raise _Refused("bad_request", f"the id and the store must be {_ID}")
        if operator.stores is not None and (told.store not in operator.stores or told.role == "operator"):
            raise _Refused("forbidden")
        done = await self._through(lambda: self._withdraw(operator, told))
        # A withdrawal may come before the store's first agent does; it may as well be a slip of the pen, so it is said.
        exists = told.store is None or (await self._node.storage.load_store(told.store)).exists
        return _said({"role": told.role, "id": told.id, "store": told.store, "exists": exists} | msgspec.structs.asdict(done))

    async def _through(self, work: Callable[[], Awaitable[T]]) -> T:
        """What becomes of work that goes on when the operator hangs up, for half of it done helps nobody: a task of the node's."""
        result: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()

        async def run() -> None:
            done: T | None = None
            try:
                with suppress(StorageUnavailable):
                    done = await work()
            finally:
                if not result.done():
                    result.set_result(done)

        self._node.spawn(run())
        done = await result
        if done is None:
            raise StorageUnavailable
        return done

    async def _withdraw(self, operator: Identity, told: _Revoke) -> Revoked:
        try:
            done = await self._node.revocation.revoke(side_of(told.role), told.id, told.store)
        except StorageUnavailable:
            self._node.log.warning("access_not_withdrawn", role=told.role, id=told.id, store=told.store, by=operator.id)
            raise
        self._node.log.info("access_withdrawn", role=told.role, id=told.id, store=told.store, at=done.at, by=operator.id)
        return done

    async def erase(self, operator: Identity, asked: Request) -> Response:
        """Erases a chat."""
        told = await _body(asked, _erase)
        if not ID.fullmatch(told.store) or not ID.fullmatch(told.user):
            raise _Refused("bad_request", f"the store and the user must be {_ID}")
        if not operator.may_enter(told.store) or not (await self._node.storage.load_store(told.store)).exists:
            raise _Refused("no_such_store")
        done = await self._through(lambda: self._take_away(operator, told))
        return _said({"store": told.store, "user": told.user} | msgspec.structs.asdict(done))

    async def _take_away(self, operator: Identity, told: _Erase) -> Erased:
        try:
            done = await self._node.erasure.erase(told.store, told.user)
        except StorageUnavailable:
            self._node.log.warning("chat_not_erased", store=told.store, user=told.user, by=operator.id)
            raise
        self._place.erased(told.store, told.user)
        self._node.log.info("chat_erased", store=told.store, user=told.user, entries=done.entries, files=done.files, by=operator.id)
        return done

    async def audit(self, operator: Identity, asked: Request, store: str) -> Response:
        """The log of a store, as long as it takes."""
        wanted = read_wanted(asked.args)
        if not ID.fullmatch(store) or not operator.may_enter(store):
            raise _Refused("no_such_store")
        audit = Audit(self._node.storage, store, wanted)
        if not await audit.begin():
            raise _Refused("no_such_store")
        self._node.log.info("audit_read", store=store, by=operator.id)
        abort = cast("dict[str, Any]", asked.scope)["dibs.abort"]
        response = Response(
            self._watched(audit.lines(self._node.withdrawals), abort),
            content_type="application/x-ndjson",
            headers={"Dibs-End": str(audit.end)},
        )
        response.timeout = None  # a long log takes its time; who reads it is watched below
        return response

    async def _watched(self, pieces: AsyncIterator[bytes], abort: Callable[[], None]) -> AsyncIterator[bytes]:
        """The pieces, counted as a request that is served. A reader that takes nothing is dropped, and when the server stops, at once."""
        watch = _Watch(self._node, abort)
        self._served += 1
        try:
            async for piece in pieces:
                watch.moved()
                if self._node.draining:
                    yield msgspec.json.encode({"type": "error", "code": "draining", "detail": _DETAIL["draining"]}) + b"\n"
                    return
                yield piece
        finally:
            watch.end()
            self._served -= 1


class _Watch:
    """Drops the socket of a reader that takes nothing."""

    def __init__(self, node: Node, abort: Callable[[], None]) -> None:
        self._node = node
        self._abort = abort
        self._loop = asyncio.get_running_loop()
        self.moved()
        self._timer = self._loop.call_later(LOOK_S, self._look)

    def moved(self) -> None:
        """The reader has taken something."""
        self._moved_s = self._loop.time()

    def end(self) -> None:
        """There is nothing to watch any more."""
        self._timer.cancel()

    def _look(self) -> None:
        if self._loop.time() - self._moved_s > (LOOK_S if self._node.draining else STALL_S):
            self._abort()
        else:
            self._timer = self._loop.call_later(LOOK_S, self._look)


async def _body(asked: Request, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        async with asyncio.timeout(BODY_S):
            text = cast("bytes", await asked.get_data()).decode()
            if drops_a_pair(text, _any.decode(text)):
                raise _Refused("bad_request", "the body names a key twice")
            return decoder.decode(text)
    except RequestEntityTooLarge:
        raise _Refused("too_large") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TimeoutError):
        raise _Refused("bad_request", f"the body must be {_SHAPE[decoder.type]}") from None


def read_wanted(asked: "MultiDict[str, str]") -> Wanted:
    """What a query asks for. What is not understood is refused: a filter that is ignored would show what was not asked for."""
    if set(asked) - set(_ASKED):
        raise _Refused("bad_request", f"a parameter is none of {', '.join(_ASKED)}")
    told = {name: value for name, value in asked.items() if value}
    if any(len(asked.getlist(name)) > 1 for name in told):
        raise _Refused("bad_request", "a parameter stands twice")
    for name in ("user", "agent"):
        if name in told and not ID.fullmatch(told[name]):
            raise _Refused("bad_request", f"{name} must be {_ID}")
    if told.get("reason", REASONS[0]) not in REASONS:
        raise _Refused("bad_request", f"reason must be one of {', '.join(REASONS)}")
    return Wanted(
        user=told.get("user"),
        agent=told.get("agent"),
        reason=told.get("reason"),
        since=_number(told, "since"),
        until=_number(told, "until"),
        after=_number(told, "after") or 0,
        limit=_number(told, "limit"),
        read=bool(_number(told, "read")),
    )


def _number(told: Mapping[str, str], name: Literal["since", "until", "after", "limit", "read"]) -> int | None:
    value = told.get(name)
    if value is None:
        return None
    if not _NUMBER.fullmatch(value) or (name == "limit" and int(value) < 1):
        raise _Refused("bad_request", f"{name} must be a whole number" + (", 1 at least" if name == "limit" else ""))
    return int(value)


def _refusal(refused: _Refused) -> Response:
    headers = {}
    if refused.code == "unauthorized":
        headers["WWW-Authenticate"] = "Bearer"
    if refused.code in ("overloaded", "unavailable", "draining"):
        headers["Retry-After"] = "1"
    return _said({"code": refused.code, "detail": refused.detail}, _STATUS[refused.code], headers)


def _said(body: dict[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(body) + b"\n", status, content_type="application/json", headers=dict(headers or {}))
