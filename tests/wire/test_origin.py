"""Which pages may open a socket, and thirty and more spellings by which one that may not would like to be one that may."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.wire.raw import Answer, get, shake
from tests.wire.server import Server

pytestmark = pytest.mark.anyio

LISTED = "https://shop.example, http://localhost:3000, https://xn--fiqs8s.example, http://[::1]:8080, app://shop"

WELCOME = {
    "as listed": "https://shop.example",
    "with another port than usual, as listed": "http://localhost:3000",
    "in punycode, as listed": "https://xn--fiqs8s.example",
    "IPv6, as listed": "http://[::1]:8080",
    "a scheme that is no web's, as listed": "app://shop",
    "the case of letters does not matter (RFC 3986, section 6.2.2.1)": "HTTPS://Shop.Example",
    "space around a header's value is none of it (RFC 9110, section 5.5)": " \thttps://shop.example\t ",
    "this server's own": "http://{host}",
    "this server's own behind a proxy that does the TLS": "https://{host}",
}

HOSTILE = {
    "none that a browser tells": "null",
    "NULL": "NULL",
    "empty": "",
    "any": "*",
    "somebody else": "https://evil.example",
    "another scheme: http": "http://shop.example",
    "another scheme: ws": "ws://shop.example",
    "another scheme: wss": "wss://shop.example",
    "another scheme of this server: wss": "wss://{host}",
    "file": "file://",
    "file with a host": "file://shop.example",
    "data": "data:text/html,https://shop.example",
    "blob": "blob:https://shop.example/7",
    "javascript": "javascript://shop.example",
    "an extension": "chrome-extension://shop.example",
    "a suffix of ours in theirs": "https://evilshop.example",
    "a subdomain of ours": "https://evil.shop.example",
    "a prefix of ours in theirs": "https://shop.example.evil.example",
    "a prefix without a dot": "https://shop.exampleevil",
    "less than ours": "https://shop",
    "our parent": "https://example",
    "user info": "https://shop.example@evil.example",
    "user info that is theirs": "https://evil.example@shop.example",
    "user info with a password": "https://shop.example:443@evil.example",
    "no port": "https://shop.example:",
    "the usual port": "https://shop.example:443",
    "another port": "https://shop.example:8443",
    "no usual port where one is listed": "http://localhost",
    "a port that begins like ours": "http://localhost:30000",
    "a port with zeros": "http://localhost:03000",
    "a trailing dot": "https://shop.example.",
    "a leading dot": "https://.shop.example",
    "a trailing slash": "https://shop.example/",
    "a path": "https://shop.example/page",
    "a query": "https://shop.example?x",
    "a fragment": "https://evil.example#shop.example",
    "a back slash": "https://evil.example\\@shop.example",
    "one slash": "https:/shop.example",
    "three slashes": "https:///shop.example",
    "no scheme": "//shop.example",
    "a host alone": "shop.example",
    "two in one header, by space": "https://shop.example https://evil.example",
    "two in one header, by comma": "https://evil.example,https://shop.example",
    "a space inside": "https://shop .example",
    "a tab inside": "https://shop\t.example",
    "a no-break space behind, which Python strips": "https://shop.example\xa0",
    "a next line behind, which Python strips": "https://shop.example\x85",
    "a soft hyphen inside": "https://sh\xadop.example",
    "an ideographic full stop as UTF-8": "https://shop\xe3\x80\x82example",
    "a full-width full stop as UTF-8": "https://shop\xef\xbc\x8eexample",
    "a Cyrillic letter as UTF-8": "https://sh\xd0\xbep.example",
    "a Cyrillic letter in punycode": "https://xn--shp-tdd.example",
    "unicode where punycode is listed": "https://\xe4\xb8\xad\xe5\x9b\xbd.example",
    "percent-encoded": "https://shop%2eexample",
    "percent-encoded before the host": "https://evil.example%2f@shop.example",
    "IPv6 written in full": "http://[0:0:0:0:0:0:0:1]:8080",
    "IPv6 with a zone": "http://[::1%25lo]:8080",
    "IPv6 without brackets": "http://::1:8080",
    "IPv6 that does not end": "http://[::1",
    "IPv4 in IPv6": "http://[::ffff:127.0.0.1]:8080",
    "an address for a name": "http://127.0.0.1:3000",
    "a number for an address": "http://2130706433:3000",
    "two schemes": "https://https://shop.example",
    "long": "https://shop.example" + ".a" * 3000,
    "very long": "https://" + "a" * 7000,
}

PROXIED = {
    "X-Forwarded-Host": "shop.evil",
    "X-Forwarded-For": "127.0.0.1",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Server": "shop.evil",
    "X-Original-Host": "shop.evil",
    "X-Host": "shop.evil",
    "Forwarded": "host=shop.evil;proto=https",
    "X-Origin": "https://shop.example",
    "Sec-WebSocket-Origin": "https://shop.example",
    "Referer": "https://shop.example/",
}

HOSTS = {
    # What the client's Host header says, and whether a page of the origin beside it is this server's own.
    "a name that leads here is a name of this server": ("chat.example", "https://chat.example", True),
    "the case of letters does not matter": ("Chat.Example", "http://chat.example", True),
    "a proxy that names the usual port": ("chat.example:443", "https://chat.example", True),
    "a proxy that names the usual port of http": ("chat.example:80", "http://chat.example", True),
    "a name": ("chat.example", "https://evil.example", False),
    "the port of another scheme": ("chat.example:443", "http://chat.example", False),
    "another port": ("chat.example:8000", "https://chat.example", False),
    "the same name on another port": ("chat.example", "https://chat.example:8000", False),
    "no name at all": ("", "https://", False),
    "no name, nothing told": ("", "http://", False),
    "user info": ("chat.example@evil.example", "https://evil.example", False),
    "a path": ("evil.example/chat.example", "https://chat.example", False),
    "two names": ("chat.example, evil.example", "https://evil.example", False),
    "a trailing dot": ("chat.example.", "https://chat.example", False),
}


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    server = Server(tmp_path_factory.mktemp("origin") / "data", origins=LISTED)
    await server.start()
    try:
        yield server
        await server.stop()
        server.check_log()
    finally:
        server.kill()


def is_refusal(answer: Answer) -> bool:
    """Before the upgrade, and with nothing that tells one refusal from another."""
    return answer.status == 403 and answer.body == b"forbidden\n" and not answer.all("upgrade") and not answer.all("sec-websocket-accept")


async def statuses(server: Server, spellings: dict[str, str]) -> dict[str, int]:
    told = [spelling.format(host=server.address) if "{host}" in spelling else spelling for spelling in spellings.values()]
    answers = await asyncio.gather(*(shake(server.address, ("Origin", origin)) for origin in told))
    assert all(is_refusal(answer) or answer.status == 101 for answer in answers)
    return dict(zip(spellings, (answer.status for answer in answers), strict=True))


async def test_what_is_listed_the_servers_own_and_no_origin_are_welcome(server: Server) -> None:
    assert await statuses(server, WELCOME) == dict.fromkeys(WELCOME, 101)
    assert (await shake(server.address)).status == 101


async def test_every_other_spelling_is_refused_with_403_before_the_upgrade(server: Server) -> None:
    """`http://[::1` once raised inside the check: a traceback in the log, and 500. A no-break space behind a name was stripped."""
    assert len(HOSTILE) >= 60
    assert await statuses(server, HOSTILE) == dict.fromkeys(HOSTILE, 403)


async def test_two_origins_are_none_that_is_welcome(server: Server) -> None:
    good, bad = ("Origin", "https://shop.example"), ("Origin", "https://evil.example")
    for pair in ((good, bad), (bad, good), (good, good), (good, ("origin", "null"))):
        assert is_refusal(await shake(server.address, *pair))


async def test_what_other_headers_say_about_hosts_and_origins_plays_no_part(server: Server) -> None:
    told = tuple(PROXIED.items())
    assert is_refusal(await shake(server.address, ("Origin", "https://shop.evil"), *told))
    assert (await shake(server.address, ("Origin", "https://shop.example"), *told)).status == 101
    for name, value in told:
        assert is_refusal(await shake(server.address, ("Origin", "https://shop.evil"), (name, value))), name


async def test_the_host_header_names_the_servers_own_pages_and_no_others(server: Server) -> None:
    for about, (host, origin, welcome) in HOSTS.items():
        answer = await shake(server.address, ("Origin", origin), host=host)
        assert (answer.status == 101) is welcome, about
        assert welcome or is_refusal(answer), about


async def test_neither_a_path_nor_a_query_opens_what_an_origin_does_not(server: Server) -> None:
    for target in ("/ws?origin=https://shop.example", "/ws?", "http://shop.example/ws", "/%77s"):
        assert is_refusal(await shake(server.address, ("Origin", "https://evil.example"), target=target)), target


async def test_the_refusal_stands_before_every_other_one(server: Server) -> None:
    """A page that is not welcome does not learn which subprotocols there are, or whether the server is draining."""
    evil = ("Origin", "https://evil.example")
    assert is_refusal(await shake(server.address, evil, ("Sec-WebSocket-Protocol", "nonsense")))
    assert (await shake(server.address, ("Sec-WebSocket-Protocol", "nonsense"))).status == 400


async def test_pages_are_for_everybody_to_look_at_and_for_no_other_page_to_read(server: Server) -> None:
    answer = await get(server.address, "/healthz", ("Origin", "https://shop.example"))
    assert answer.status == 200
    assert not [name for name, _ in answer.headers if name.startswith("access-control-")]
