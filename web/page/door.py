"""Where the pages are served: `/agent`, `/board`, and below `/page/` the modules and styles they are made of.

Whoever asks gets them: they hold no secret.
"""

import gzip
import hashlib
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from quart import Quart, Response, abort, request

FOLDER = Path(__file__).parent
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
PARTS = tuple(sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.suffix in KINDS))
"""What pages are made of, each served under its own name below `/page/`."""
PAGES = {"/agent": "agent.html", "/board": "board.html"}
"""Path to the file that is shown there."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data: blob:; connect-src 'self'{sockets}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_HOST = re.compile(r"[A-Za-z0-9.\-]+(?::\d+)?|\[[0-9A-Fa-f:.]+\](?::\d+)?")


def policy(host: str) -> str:
    """What a page may load and connect to. For older browsers `'self'` is no WebSocket, so that is said by its name."""
    return _POLICY.format(sockets=f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else "")


def kind(name: str) -> str:
    """The media type of a part."""
    return KINDS[Path(name).suffix]


def serve_pages(app: Quart) -> None:
    """Adds the pages and their parts to the application."""
    for path, name in PAGES.items():
        app.add_url_rule(path, path, _served(FOLDER / name, "text/html"))
    parts = {name: _served(FOLDER / name, kind(name)) for name in PARTS}

    @app.get("/page/<path:name>")
    async def _part(name: str) -> Response:
        if name not in parts:
            abort(404)
        return await parts[name]()


def _served(path: Path, kind: str) -> Callable[[], Awaitable[Response]]:
    whole = path.read_bytes()
    packed = gzip.compress(whole, mtime=0)
    tag = hashlib.sha256(whole).hexdigest()[:16]

    async def serve() -> Response:
        packs = request.accept_encodings.quality("gzip") > 0
        response = Response(packed if packs else whole, content_type=f"{kind}; charset=utf-8")
        # Kept by the browser and asked about each time: after an upgrade no page is made of old and new parts.
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Vary"] = "Accept-Encoding"
        response.set_etag(f"{tag}-gzip" if packs else tag)
        if packs:
            response.headers["Content-Encoding"] = "gzip"
        if kind == "text/html":
            response.headers["Content-Security-Policy"] = policy(request.headers.get("Host", ""))
        await response.make_conditional(request)
        return response

    return serve
