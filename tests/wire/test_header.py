"""What every answer over HTTP carries, errors of every kind included, and what is not answered at all."""

import asyncio

import pytest

from tests.wire.conftest import Mall
from tests.wire.raw import Answer, ask, ask_all, get, head, shake

pytestmark = pytest.mark.anyio

FLOOR = {
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
NEVER = {"server", "set-cookie", "location", "via", "x-powered-by", "alt-svc", "sec-websocket-extensions"}


def stands_on_the_floor(answer: Answer) -> bool:
    """Each header once, nothing that tells what stands behind it, and a body that is one short line of text."""
    names = {name for name, _ in answer.headers}
    assert {name: answer.one(name) for name in FLOOR} == FLOOR
    assert not names & NEVER
    assert not [name for name in names if name.startswith("access-control-")]
    if answer.status >= 400 and answer.body:
        assert answer.one("content-type") == "text/plain; charset=utf-8"
        assert answer.body.endswith(b"\n")
        assert answer.body.count(b"\n") == 1
        assert len(answer.body) < 60
    return True


@pytest.mark.parametrize(
    ("status", "method", "target", "headers"),
    [
        (200, "GET", "/healthz", ()),
        (200, "GET", "/readyz", ()),
        (200, "GET", "/metrics", ()),
        (200, "HEAD", "/healthz", ()),
        (200, "HEAD", "/metrics", ()),
        (200, "GET", "http://chat.example/healthz", ()),
        (200, "GET", "/healthz?psst-x=1", (("Cookie", "token=psst-x; session=psst-x"),)),
        (404, "GET", "/psst-no-such-page", ()),
        (404, "HEAD", "/no-such-page", ()),
        (404, "GET", "/healthz/", ()),
        (404, "GET", "/HEALTHZ", ()),
        (404, "GET", "/./healthz", ()),
        (404, "GET", "/x/../healthz", ()),
        (404, "GET", "/x/%2e%2e/%2e%2e/etc/passwd", ()),
        (404, "GET", "/static/psst-x", ()),
        (404, "GET", "/%00%0a%0d%1b[31m%e2%80%ae", ()),
        (404, "GET", "/%ff%fe%80", ()),
        (404, "GET", "?", ()),
        (404, "GET", "?psst-x", ()),
        (404, "GET", "*", ()),
        (404, "GET", "healthz", ()),
        (404, "GET", "http://[", ()),
        (404, "GET", "http://[::1]:99999999", ()),
        (404, "GET", "ftp://chat.example/healthz", ()),
        (404, "CONNECT", "chat.example:443", ()),
        (404, "OPTIONS", "*", ()),
        (404, "PUT", "/no-such-page", ()),
        (405, "POST", "/healthz", (("Content-Length", "0"),)),
        (405, "PUT", "/healthz", ()),
        (405, "DELETE", "/metrics", ()),
        (405, "PATCH", "/readyz", ()),
        (405, "OPTIONS", "/healthz", (("Origin", "https://evil.example"), ("Access-Control-Request-Method", "GET"))),
        (405, "TRACE", "/healthz", (("Cookie", "psst-x"),)),
        (405, "PROPFIND", "/healthz", ()),
        (400, "GET", "/ws", ()),
        (413, "GET", "/healthz", (("Content-Length", "65537"),)),
        (413, "POST", "/healthz", (("Content-Length", "99999999999"),)),
        (413, "POST", "/no-such-page", (("Content-Length", "99999999999"),)),
        (414, "GET", "/" + "x" * 8192, ()),
        (414, "GET", "/healthz?" + "x" * 8192, ()),
        (431, "GET", "/healthz", (("X-Long", "x" * 16_384),)),
        (431, "GET", "/healthz", (("X", "y"),) * 9000),
        (400, "GET", "/healthz", (("Content-Length", "psst-x"),)),
        (400, "GET", "/healthz", (("Content-Length", "-1"),)),
        (400, "GET", "/healthz", (("Host", "two.example"),)),
        (400, "GET", "/healthz", (("X-Nul", "\x00"),)),
        (400, "GET", "/healthz", (("X Space", "x"),)),
        (400, "GET", "/heal\x00thz", ()),
        (400, "G\xe9T", "/healthz", ()),
        (501, "GET", "/healthz", (("Transfer-Encoding", "gzip, psst-x"),)),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) and value.isprintable() else None,
)
async def test_every_answer_stands_on_the_floor(
    mall: Mall, status: int, method: str, target: str, headers: tuple[tuple[str, str], ...]
) -> None:
    """`GET ?` and `GET http://[` once raised inside Quart: a traceback in the log for whoever asked for one."""
    answer = await get(mall.server.address, target, *headers, method=method)
    assert answer.status == status
    assert stands_on_the_floor(answer)
    assert b"psst" not in answer.body
    assert (answer.one("allow") == "GET, HEAD") is (status == 405)


@pytest.mark.parametrize(
    "host", ["", "a..b", "a" * 300, "[", "x:y", "x:99999999", "user@evil.example", "a b<script>", "\xff\xfe", "evil.example/"]
)
async def test_a_host_that_is_no_name_is_nobodys_business(mall: Mall, host: str) -> None:
    """Pages are found by their path alone: `a..b` once raised inside Quart, and a redirect would have gone wherever the header says."""
    address = mall.server.address
    for target, status in (("/healthz", 200), ("//healthz", 200), ("/no-such-page", 404)):
        answer = await ask(address, head("GET", target, [("Host", host), ("Connection", "close")]))
        assert answer.status == status
        assert stands_on_the_floor(answer)
    assert (await shake(address, host=host)).status == 101


async def test_what_is_not_http_at_all_is_refused(mall: Mall) -> None:
    address = mall.server.address
    for request in (
        b"psst-x\r\n\r\n",
        b"GET /healthz\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\n\n",
    ):
        answer = await ask(address, request)
        assert answer.status == 400, request
        assert stands_on_the_floor(answer)


async def test_a_refused_handshake_stands_on_the_floor_too(mall: Mall) -> None:
    """A subprotocol that is not ASCII once raised inside wsproto: a traceback in the log for whoever asked for one."""
    address = mall.server.address
    for status, headers, target in (
        (403, [("Origin", "https://evil.example")], "/ws"),
        (400, [("Sec-WebSocket-Protocol", "psst-x")], "/ws"),
        (404, [], "/no-such-page"),
        (400, [], "/healthz"),
        (414, [], "/ws?" + "x" * 8192),
        (431, [("X-Long", "x" * 16_384)], "/ws"),
        (400, [("Sec-WebSocket-Version", "12")], "/ws"),
        (400, [("Sec-WebSocket-Version", "\xb9\xb3")], "/ws"),
        (400, [("Sec-WebSocket-Protocol", "dibs.v1, \xff")], "/ws"),
        (400, [("Sec-WebSocket-Extensions", "\xe2\x80\xae")], "/ws"),
    ):
        answer = await shake(address, *headers, target=target)
        assert answer.status == status, (target[:20], headers)
        assert stands_on_the_floor(answer)


async def test_an_answer_on_a_connection_that_is_kept_stands_on_the_floor_once(mall: Mall) -> None:
    """The second answer of a connection is written by another task than the first; an error between them by the server below."""
    address = mall.server.address
    plain = head("GET", "/healthz", [("Host", address)])
    for second, status in ((plain, 200), (head("GET", "/no-such-page", [("Host", address)]), 404), (b"psst-x\r\n\r\n", 400)):
        for answer in await ask_all(address, plain + second, 2):
            assert answer.status in (200, status)
            assert stands_on_the_floor(answer)


async def test_no_cookie_carries_authority(mall: Mall) -> None:
    """A page elsewhere can make a browser send its cookies along; here they say nothing."""
    token = mall.server.token("agent", "a-1", stores=[mall.store])
    answer = await shake(mall.server.address, ("Cookie", f"token={token}; session={token}"), ("Authorization", f"Bearer {token}"))
    assert answer.status == 101
    assert not answer.all("set-cookie")
    person = await mall.dial(additional_headers={"Cookie": f"token={token}", "Authorization": f"Bearer {token}"})
    await person.send({"type": "chats", "id": "1", "store": mall.store})
    assert await person.closed() == 4000, "without a hello nobody is anybody"


async def test_a_body_with_two_lengths_is_refused_and_nothing_behind_it_is_a_request(server):
    """RFC 9112, section 6.1. A proxy that goes by the other length takes the rest for somebody else's request."""
    smuggled = b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"
    said = b"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled
    host, port = server.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(said)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
