"""Where the JavaScript modules are served that pages import, a shop's on another origin too: they hold no secret and ask for none."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from quart import Quart, Response

FOLDER = Path(__file__).parent
NAMES = tuple(sorted(path.name for path in FOLDER.glob("*.js")))
"""What is served, each under its own name at the root."""
_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "max-age=300",
}


def serve_modules(app: Quart) -> None:
    """Adds `/dibs-client.js` and what it imports to the application."""
    for name in NAMES:
        app.add_url_rule(f"/{name}", name, _served((FOLDER / name).read_text("utf-8")))


def _served(text: str) -> Callable[[], Awaitable[Response]]:
    async def serve() -> Response:
        return Response(text, content_type="text/javascript; charset=utf-8", headers=_HEADERS)

    return serve
