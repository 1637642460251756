"""The headers and the errors of HTTP: what every response carries, whoever wrote it, and what is not answered at all.

    FLOOR   nothing may be loaded, framed, guessed at, kept or read by another site

A page sets what it needs (`Content-Security-Policy` above all) on its own response, and what it sets stays; the rest is added. Errors are
one short line of text that repeats nothing of the request. A route answers GET and HEAD unless it says otherwise. No cookie is set or read.
"""

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from quart import Quart, Response, abort, request, websocket
from werkzeug.exceptions import HTTPException, MethodNotAllowed

BODY_LIMIT = 64 * 1024
"""Bytes of the body of a request; beyond it 413."""
HEAD_LIMIT = 16 * 1024
"""Bytes of the target and the headers of a request together; beyond it 431."""
TARGET_LIMIT = 8 * 1024
"""Bytes of the target alone; beyond it 414."""
STREAMED = frozenset({"/files", "/files/sign"})
"""Paths whose body comes in pieces to a door that has a limit of its own."""
TEXT = "text/plain; charset=utf-8"

FLOOR = (
    ("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)
_LINES = tuple((name.lower().encode(), value.encode()) for name, value in FLOOR)
_stands: ContextVar[bool] = ContextVar("_stands", default=False)
"""Whether the response that this task sends stands on the floor already."""


def floor() -> Sequence[tuple[bytes, bytes]]:
    """What whoever writes the response of this task must add: all of the floor, or nothing if the application has done it."""
    return () if _stands.get() else _LINES


def guard(app: Quart) -> None:
    """Makes all that `app` says follow this page. What the server below says without asking it adds `floor`."""
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT
    app.register_error_handler(HTTPException, _say_error)
    app.before_request(_refuse_what_is_too_large)
    app.before_websocket(_refuse_large_handshake)
    app.after_request(_put_on_floor)


async def _say_error(error: HTTPException) -> Response:
    response = Response(f"{error.name.lower()}\n", error.code, content_type=TEXT)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


async def _refuse_what_is_too_large() -> None:
    _check_head(request.scope)
    if request.path not in STREAMED and (request.content_length or 0) > BODY_LIMIT:
        abort(413)


async def _refuse_large_handshake() -> None:
    _check_head(websocket.scope)


def _check_head(scope: Any) -> None:
    """h11 bounds only a head that comes in pieces: whole, in one read, it may be four times as long."""
    target = len(scope["raw_path"]) + len(scope["query_string"])
    if target > TARGET_LIMIT:
        abort(414)
    if target + sum(len(name) + len(value) for name, value in scope["headers"]) > HEAD_LIMIT:
        abort(431)


async def _put_on_floor(response: Response) -> Response:
    for name, value in FLOOR:
        response.headers.setdefault(name, value)
    _stands.set(True)
    return response
