"""The floor that every response stands on, seen through a door of its own: a page that raises it, and a handler that fails."""

from contextlib import asynccontextmanager

import pytest
from quart import Response

from tests.web.door import opened
from tests.wire.raw import get, shake
from web.front import FrontDoor
from web.header import FLOOR, guard

pytestmark = pytest.mark.anyio
POLICY = "default-src 'self'; frame-ancestors https://shop.example"


@asynccontextmanager
async def door():
    """A real socket with an application of three routes behind it; gives its address."""
    app = FrontDoor(__name__, static_folder=None)
    guard(app)

    @app.get("/page")
    async def _page():
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "max-age=60", "Cross-Origin-Resource-Policy": "cross-origin"}
        return Response("<p>hello</p>", content_type="text/html; charset=utf-8", headers=headers)

    @app.get("/broken")
    async def _broken():
        raise ValueError("psst-secret")

    @app.websocket("/broken-socket")
    async def _broken_socket():
        raise ValueError("psst-secret")

    async with opened(app) as port:
        yield f"127.0.0.1:{port}"


async def test_a_page_sets_what_it_needs_and_the_rest_is_added():
    async with door() as address:
        answer = await get(address, "/page")
    assert answer.status == 200
    assert answer.all("content-security-policy") == [POLICY]
    assert answer.one("cache-control") == "max-age=60"
    assert answer.one("cross-origin-resource-policy") == "cross-origin"
    for name, value in FLOOR:
        if name not in ("Content-Security-Policy", "Cache-Control", "Cross-Origin-Resource-Policy"):
            assert answer.one(name.lower()) == value


async def test_a_handler_that_fails_is_500_without_a_word_of_why(caplog):
    """The log has the traceback, and not the path, which is the client's own text."""
    async with door() as address:
        answers = [await get(address, "/broken?psst-query"), await shake(address, target="/broken-socket")]
    for answer in answers:
        assert answer.status == 500
        assert answer.body == b"internal server error\n"
        assert all(answer.one(name.lower()) == value for name, value in FLOOR)
    assert "psst-secret" in caplog.text
    assert "psst-query" not in caplog.text
    assert "broken-socket" not in "".join(record.message for record in caplog.records)
