"""Where `--demo` serves its shop: `/`, and below `/demo/` what that is made of and who plays in it.

Whoever reaches this server may be anybody of the store demo: it is for trying, and says so.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

from quart import Quart, Response

from web.demo import CAST, DAY_S, STORE
from web.token import TokenSigner

FOLDER = Path(__file__).parent
KINDS = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}
PARTS = tuple(sorted(path.name for path in FOLDER.iterdir() if path.suffix in KINDS and path.name != "index.html"))
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data: blob:; connect-src 'self' ws: wss:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def serve_demo(app: Quart, signer: TokenSigner, now_s: Callable[[], float]) -> None:
    """Adds the shop to the application."""
    app.add_url_rule("/", "demo", _served("index.html"))
    for name in PARTS:
        app.add_url_rule(f"/demo/{name}", f"demo {name}", _served(name))

    @app.get("/demo/cast")
    async def _cast() -> dict[str, list[dict[str, str]]]:
        """The agents, each with a token that is good for a day."""
        return {
            "agents": [
                {
                    "role": role,
                    "id": id,
                    "name": name,
                    "token": signer.sign(role=role, id=id, stores=[STORE], name=name, ttl_s=DAY_S, now_s=now_s()),
                }
                for role, id, name in CAST
                if role != "user"
            ]
        }


def _served(name: str) -> Callable[[], Awaitable[Response]]:
    body, kind = (FOLDER / name).read_bytes(), KINDS[Path(name).suffix]

    async def serve() -> Response:
        response = Response(body, content_type=f"{kind}; charset=utf-8")
        response.headers["Cache-Control"] = "no-cache"
        if kind == "text/html":
            response.headers["Content-Security-Policy"] = POLICY
        return response

    return serve
