"""Where the documents are served. They are made once, at the start."""

import json
from collections.abc import Awaitable, Callable

from quart import Quart, Response

from web.document.asyncapi import asyncapi
from web.document.openapi import openapi
from web.document.page import STYLE, docs_page

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "max-age=300",
}


def serve_documents(app: Quart) -> None:
    """Adds `/docs` and what belongs to it to the application."""
    texts = {
        "/docs": (docs_page(), "text/html"),
        "/docs/style.css": (STYLE, "text/css"),
        "/docs/asyncapi.json": (json.dumps(asyncapi()), "application/json"),
        "/docs/openapi.json": (json.dumps(openapi()), "application/json"),
    }
    for path, (text, kind) in texts.items():
        app.add_url_rule(path, path, _served(text, kind))


def _served(text: str, kind: str) -> Callable[[], Awaitable[Response]]:
    async def serve() -> Response:
        return Response(text, content_type=f"{kind}; charset=utf-8", headers=_HEADERS)

    return serve
