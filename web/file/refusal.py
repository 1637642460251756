"""What the door of files says instead: a code and a sentence for a developer."""

from typing import Any

import msgspec
from quart import Response

PUBLIC = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
_DETAIL = {
    "bad_request": (400, "the request is not what /docs describes"),
    "unauthorized": (401, "a valid token is needed, as Authorization: Bearer TOKEN"),
    "forbidden": (403, "this is not yours, or the address is not good any more"),
    "not_found": (404, "there is no such chat or file"),
    "no_such_store": (404, "there is no such store"),
    "too_large": (413, "the file is too large"),
    "unsupported": (415, "files of this type are not taken, or the name says another type than the content"),
    "rate_limited": (429, "too many files at once; ask again later"),
    "quota": (429, "so much a day and no more"),
    "unavailable": (503, "the place of the files cannot be reached; ask again later"),
    "draining": (503, "the server is stopping; ask another, or again later"),
    "full": (507, "there is no room for more files"),
}


class Refused(Exception):
    """A request is not served: its code, and the sentence if it is a particular one."""

    def __init__(self, code: str, detail: str | None = None, *, retry_after_s: float = 1.0) -> None:
        super().__init__(code)
        self.code = code
        self.status, usual = _DETAIL[code]
        self.detail = usual if detail is None else detail
        self.retry_after_s = retry_after_s


def refusal(refused: Refused) -> Response:
    """It as an answer."""
    headers = {}
    if refused.code == "unauthorized":
        headers["WWW-Authenticate"] = "Bearer"
    if refused.status in (429, 503):
        headers["Retry-After"] = str(max(1, round(refused.retry_after_s)))
        headers["Access-Control-Expose-Headers"] = "Retry-After"
    return said({"code": refused.code, "detail": refused.detail}, refused.status, headers)


def said(body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer in JSON for pages of any origin."""
    return Response(msgspec.json.encode(body) + b"\n", status, content_type="application/json", headers=PUBLIC | (headers or {}))
