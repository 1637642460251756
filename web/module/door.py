"""Where the JavaScript modules are served that pages import, a shop's on another origin too: they hold no secret and ask for none."""

import gzip
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from quart import Quart, Response, request

FOLDER = Path(__file__).parent
NAMES = tuple(sorted(path.name for path in FOLDER.glob("*.js")))
"""What is served, each under its own name at the root."""
_COMMENT = re.compile(r"^ */\*\*.*?\*/ *\n|^ *//[^\n]*\n", re.MULTILINE | re.DOTALL)
"""Lines that hold nothing else; a line of these modules never begins like one otherwise."""
_INDENT = re.compile(r"^[ \n]+", re.MULTILINE)
"""And lines that hold nothing at all. What these modules write over several lines, as a style, does not depend on it."""
_LITERAL = re.compile(
    r"""("(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|(?<=[(=,:?&|!\[ ])(?<![\w)\]] )/(?![ */])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/)"""
)
"""A string, a template without one inside, or a regular expression: nothing in it is changed."""
_SHEET = re.compile(r" ?([{};,>])\s?|(?<=:) ")
"""What needs no room in a template of several lines, which only ever is a style sheet."""
_AIRY = re.compile(r" ?([=!]==?|=>|&&|\|\||\?\?=?|[*%<>]=?|[}()\[\]:?=]) ?| ?([{;,])\s?")
"""What needs no room around it; signs do, since two of them mean something else."""
_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "max-age=300",
    "Vary": "Accept-Encoding",
}


def serve_modules(app: Quart) -> None:
    """Adds `/dibs-client.js`, `/widget.js` and what they import to the application."""
    for name in NAMES:
        app.add_url_rule(f"/{name}", name, _served(name))


def summary(name: str) -> str:
    """The first sentence that a module says of itself."""
    return " ".join(re.split(r"[\s*]+", (FOLDER / name).read_text("utf-8"))[1:]).partition(". ")[0] + "."


def packed(name: str) -> bytes:
    """As it goes to browsers: without the comments, which are a fifth of it, and the room that is for people; the same at each start."""
    bare = _INDENT.sub("", _COMMENT.sub("", (FOLDER / name).read_text("utf-8")))
    parts = _LITERAL.split(bare)
    parts[::2] = (_AIRY.sub(r"\1\2", code) for code in parts[::2])
    parts[1::2] = (_SHEET.sub(r"\1", literal) if "\n" in literal else literal for literal in parts[1::2])
    return gzip.compress("".join(parts).encode(), mtime=0)


def _served(name: str) -> Callable[[], Awaitable[Response]]:
    text, small = (FOLDER / name).read_bytes(), packed(name)

    async def serve() -> Response:
        packs = request.accept_encodings.quality("gzip") > 0
        headers = _HEADERS | ({"Content-Encoding": "gzip"} if packs else {})
        return Response(small if packs else text, content_type="text/javascript; charset=utf-8", headers=headers)

    return serve
