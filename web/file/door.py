"""The door of files: how one comes, how an address becomes one that can be read for a while, and how it is read.

    POST /files?store=&user=&name=   Bearer, the bytes -> 201 {"url","name","type","size","width"?,"height"?}
    POST /files/sign                 Bearer, {"urls":[…]} -> {"urls":{…},"until"}
    GET  /files/STORE/USER/NAME      ?name=&until=&signature=, or Bearer -> the bytes

Who reads a chat reads its files: its user, and the agents of its store. What is wrong is `{"code","detail"}`. Pages of any origin may ask:
no cookie lets anybody in. What is served cannot run: its type is what it is, nobody guesses another, and its page is an empty sandbox.
"""

import asyncio
import errno
import hashlib
import os
import secrets
import time
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import msgspec
from quart import Quart, Request, Response, request

from actors.append import StorageUnavailable
from actors.file import NAME, Files, PlaceFull, address, id_of_segment
from actors.identity import Identity
from actors.node import Node
from actors.rate import Bucket
from web.arrival import STRANGER
from web.file.kind import IMAGES, TYPES, Unsupported, kind_of, named, suffix_of
from web.file.refusal import PUBLIC, Refused, refusal, said
from web.file.signature import GOOD_MS, FileSigner
from web.setting import Settings
from web.stranger import Strangers
from web.token import ID, BadToken, TokenSigner

AT_ONCE = 32
"""Files that may come at the same time, on this node."""
WHOLE_S = 300.0
"""How long one may take; without a word for the patience of `web.stranger` it is over at once."""
RATE, SIGN_RATE = 1.0, 10.0
"""A second of one identity, bursts of ten seconds' worth."""
IDENTITIES = 4096
SIGNED = 64
SIGN_LIMIT = 64 * 1024
DAY_MS = 86_400_000
_DRAINED_S, _DRAINED = 5.0, 64 * 1024 * 1024
"""What is refused is read on for so long and so far: who is still sending hears no answer."""
_PREFLIGHT = PUBLIC | {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": "600",
}


class _Named(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    name: str | None = None


class _Asked(msgspec.Struct, forbid_unknown_fields=True):
    urls: list[str | _Named]


_asked = msgspec.json.Decoder(_Asked)


def open_file_door(app: Quart, node: Node, signer: TokenSigner, settings: Settings, strangers: Strangers) -> None:
    """Adds `/files` to the application."""
    door = _Door(node, signer, settings, strangers)

    @app.post("/files")
    async def _upload() -> Response:
        return await door.serve(door.upload)

    @app.post("/files/sign")
    async def _sign() -> Response:
        return await door.serve(door.sign)

    @app.get("/files/<store>/<user>/<name>")
    async def _read(store: str, user: str, name: str) -> Response:
        return await door.serve(lambda asked: door.read(asked, id_of_segment(store), id_of_segment(user), name))

    async def _preflight(**place: str) -> Response:
        del place
        return Response("", 204, headers=_PREFLIGHT)

    for rule in ("/files", "/files/sign", "/files/<store>/<user>/<name>"):
        app.add_url_rule(rule, f"preflight {rule}", _preflight, methods=["OPTIONS"])


class _Door:
    def __init__(self, node: Node, signer: TokenSigner, settings: Settings, strangers: Strangers) -> None:
        self._node = node
        self._signer = signer
        self._files_signer = FileSigner(signer)
        self._limit = settings.file_limit * 1_000_000
        self._quota = settings.file_quota * 1_000_000
        self._strangers = strangers
        self._buckets: dict[tuple[str, str, float], Bucket] = {}
        self._coming = 0

    async def serve(self, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        """Serves; a refusal becomes its answer."""
        asked: Request = request._get_current_object()  # type: ignore[attr-defined]
        try:
            return await answer(asked)
        except Refused as refused:
            if asked.method == "POST":
                await self._drain(asked)
            return refusal(refused)
        except StorageUnavailable as error:
            self._node.log.warning("files_out_of_reach", error=repr(error.__cause__))
            if asked.method == "POST":
                await self._drain(asked)
            return refusal(Refused("unavailable"))

    # Coming.

    async def upload(self, asked: Request) -> Response:
        """Takes a file."""
        files = self._files()
        identity = self._identity(asked)
        store, user, name = self._chat(asked, identity)
        if self._node.draining:
            raise Refused("draining")
        self._take(identity, RATE)
        if (asked.content_length or 0) > self._limit:
            raise Refused("too_large")
        await self._check_chat(identity, store, user)
        await self._spend(identity, 0)
        if self._coming >= AT_ONCE:
            raise Refused("rate_limited")
        self._coming += 1
        part = files.parts / secrets.token_hex(16)
        try:
            digest, size = await self._receive(asked, part)
            return await self._keep(files, identity, (store, user, name), part, digest, size)
        except PlaceFull:
            self._node.log.warning("files_full")
            raise Refused("full") from None
        finally:
            self._coming -= 1
            with suppress(OSError):
                part.unlink(missing_ok=True)

    async def _keep(self, files: Files, identity: Identity, about: tuple[str, str, str], part: Path, digest: str, size: int) -> Response:
        store, user, name = about
        try:
            kind = await asyncio.to_thread(kind_of, part, name)
        except Unsupported:
            raise Refused("unsupported") from None
        kept = f"{digest}.{kind.suffix}"
        # Sent again, for the answer was lost, it costs nothing.
        if await files.size(store, user, kept) is None:
            await self._spend(identity, size)
        await files.put(store, user, kept, part)
        body: dict[str, Any] = {"url": address(store, user, kept), "name": named(name, kind.suffix)}
        body |= {"type": TYPES[kind.suffix].partition(";")[0], "size": size}
        if kind.width is not None:
            body |= {"width": kind.width, "height": kind.height}
        return said(body, 201)

    async def _receive(self, asked: Request, part: Path) -> tuple[str, int]:
        """The digest and the length of what has come into `part`."""
        digest, size = hashlib.sha256(), 0
        try:
            async with asyncio.timeout(WHOLE_S):
                file = await asyncio.to_thread(_open, part)
                try:
                    async for piece in asked.body:
                        self._moved(asked)
                        size += len(piece)
                        if size > self._limit:
                            raise Refused("too_large")
                        digest.update(piece)
                        await asyncio.to_thread(file.write, piece)
                finally:
                    await asyncio.to_thread(file.close)
        except TimeoutError:
            raise Refused("bad_request", "the file came too slowly") from None
        except OSError as error:
            raise _as_place(error) from None
        if not size:
            raise Refused("bad_request", "the file is empty")
        return digest.hexdigest(), size

    def _chat(self, asked: Request, identity: Identity) -> tuple[str, str, str]:
        told = asked.args
        store, user, name = told.get("store", ""), told.get("user"), clean(told.get("name", ""))
        if any(len(told.getlist(field)) > 1 for field in told):
            raise Refused("bad_request", "a parameter stands twice")
        if user is None and identity.role == "user":
            user = identity.id
        if not ID.fullmatch(store) or user is None or not ID.fullmatch(user) or not name:
            raise Refused("bad_request", "store, name, and for agents user, must be given; name has at most 255 characters")
        if not _may_read(identity, store, user):
            raise Refused("forbidden")
        return store, user, name

    async def _check_chat(self, identity: Identity, store: str, user: str) -> None:
        if not (await self._node.storage.load_store(store)).exists:
            raise Refused("no_such_store")
        if identity.role != "user" and not (await self._node.storage.load_chats(store, (user,)))[0].chat.exists:
            raise Refused("not_found")

    async def _spend(self, identity: Identity, size: int) -> None:
        now = self._node.clock.wall_ms()
        if not await self._node.storage.spend(identity.side, identity.id, now // DAY_MS, size, self._quota):
            raise Refused("quota", retry_after_s=(DAY_MS - now % DAY_MS) / 1000)

    async def _drain(self, asked: Request) -> None:
        read = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAINED_S):
                async for piece in asked.body:
                    read += len(piece)
                    if read > _DRAINED:
                        return

    # Reading.

    async def sign(self, asked: Request) -> Response:
        """Addresses for a while."""
        files = self._files()
        identity = self._identity(asked)
        self._take(identity, SIGN_RATE)
        wanted = await self._wanted(asked)
        until = self._node.clock.wall_ms() + GOOD_MS
        there = await asyncio.gather(*(self._is_there(files, identity, one.url) for one in wanted))
        urls = {}
        for one, found in zip(wanted, there, strict=True):
            if found:
                name = named(clean(one.name or "") or one.url.rpartition("/")[2], suffix_of(one.url))
                urls[one.url] = self._files_signer.sign(one.url, name, until)
        return said({"urls": urls, "until": until})

    async def _wanted(self, asked: Request) -> list[_Named]:
        raw = b""
        try:
            async with asyncio.timeout(10.0):
                async for piece in asked.body:
                    raw += piece
                    if len(raw) > SIGN_LIMIT:
                        raise Refused("too_large", "the body is above 64 KiB")
            urls = _asked.decode(raw).urls
        except (msgspec.MsgspecError, UnicodeError, RecursionError, TimeoutError):
            raise Refused("bad_request", 'the body must be {"urls":[…]}') from None
        if len(urls) > SIGNED:
            raise Refused("bad_request", f"at most {SIGNED} addresses at once")
        return [one if isinstance(one, _Named) else _Named(one) for one in urls]

    async def _is_there(self, files: Files, identity: Identity, url: str) -> bool:
        empty, first, *rest = url.split("/") if url.count("/") == 4 else ("", "", "", "", "")
        store, user, name = id_of_segment(rest[0]), id_of_segment(rest[1]), rest[2]
        if empty or first != "files" or not _is_address(store, user, name) or address(store, user, name) != url:
            return False
        return _may_read(identity, store, user) and await files.size(store, user, name) is not None

    async def read(self, asked: Request, store: str, user: str, name: str) -> Response:
        """The bytes, for whoever may."""
        files = self._files()
        if not _is_address(store, user, name):
            raise Refused("not_found")
        suffix = suffix_of(name)
        told = clean(asked.args.get("name", "")) or name
        left_s = self._may_for(asked, store, user, name)
        size = await files.size(store, user, name)
        if size is None:
            raise Refused("not_found")
        how = "inline" if suffix in IMAGES else "attachment"
        headers = PUBLIC | {
            "Content-Type": TYPES[suffix],
            "Content-Length": str(size),
            "Content-Disposition": disposition(how, named(told, suffix)),
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cache-Control": f"private, max-age={left_s}",
        }
        if asked.method == "HEAD":
            return Response("", 200, headers=headers)
        response = Response(self._pieces(asked, files.read(store, user, name)), 200, headers=headers)
        response.timeout = None  # who takes nothing loses its patience, see `web.stranger`
        return response

    def _may_for(self, asked: Request, store: str, user: str, name: str) -> int:
        """For how many seconds whoever asks may read; raises `Refused`."""
        if "signature" not in asked.args:
            if "Authorization" not in asked.headers:
                raise Refused("forbidden")
            if not _may_read(self._identity(asked), store, user):
                raise Refused("forbidden")
            return GOOD_MS // 1000
        until, now = asked.args.get("until", ""), self._node.clock.wall_ms()
        if not (until.isascii() and until.isdigit() and len(until) < 16) or int(until) <= now:
            raise Refused("forbidden")
        path = address(store, user, name)
        if not self._files_signer.verify(path, asked.args.get("name", ""), int(until), asked.args["signature"]):
            raise Refused("forbidden")
        return (int(until) - now) // 1000

    async def _pieces(self, asked: Request, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in pieces:
            yield piece
            self._moved(asked)

    # Who asks.

    def _files(self) -> Files:
        if self._node.files is None:
            raise Refused("not_found", "this server takes no files")
        return self._node.files

    def _identity(self, asked: Request) -> Identity:
        told = asked.headers.getlist("Authorization")
        scheme, _, token = told[0].partition(" ") if len(told) == 1 else ("", "", "")
        try:
            if scheme.lower() != "bearer":
                raise BadToken
            identity = self._signer.verify(token.strip(), time.time())
        except BadToken:
            raise Refused("unauthorized") from None
        if self._node.withdrawals.stop(identity):
            raise Refused("unauthorized")
        if identity.role == "operator":
            raise Refused("forbidden")
        return identity

    def _take(self, identity: Identity, rate: float) -> None:
        key = (identity.side, identity.id, rate)
        bucket = self._buckets.pop(key, None) or Bucket(rate, time.monotonic())
        self._buckets[key] = bucket
        if len(self._buckets) > IDENTITIES:
            del self._buckets[next(iter(self._buckets))]
        if wait_s := bucket.take(time.monotonic()):
            raise Refused("rate_limited", retry_after_s=wait_s)

    def _moved(self, asked: Request) -> None:
        """Bytes have moved: the patience with this socket begins anew."""
        scope: Any = asked.scope
        self._strangers.renew(scope["state"][STRANGER], asyncio.get_running_loop().time())


def clean(name: str) -> str:
    """A file's name as others may see it: no path, nothing that moves the cursor or turns the direction of writing; empty if too long."""
    last = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join("_" if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp") else one for one in last).strip()
    return shown if len(shown) <= 255 else ""


def disposition(how: str, name: str) -> str:
    """The header for a name in any script (RFC 6266, and RFC 8187 for what is not ASCII)."""
    plain = "".join(one if " " <= one <= "~" and one not in '"\\%' else "_" for one in name)
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _is_address(store: str, user: str, name: str) -> bool:
    return bool(ID.fullmatch(store) and ID.fullmatch(user) and NAME.fullmatch(name))


def _may_read(identity: Identity, store: str, user: str) -> bool:
    return identity.may_enter(store) and (identity.role != "user" or identity.id == user)


def _open(part: Path) -> BinaryIO:
    return os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", 0)


def _as_place(error: OSError) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return PlaceFull()
    failed = StorageUnavailable()
    failed.__cause__ = error
    return failed
