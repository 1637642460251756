"""Behind a proxy and beside it: whom a real server counts, and whose word about hosts it takes. 127.9.0.0/16 is the proxies' network."""

import asyncio
from contextlib import AsyncExitStack, suppress

import pytest

from tests.attack.crowd import UPGRADE
from tests.wire.server import Server

SHARE = 3


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(
        tmp_path_factory.mktemp("proxy") / "d", trusted_proxies="127.9.0.0/16", unauthenticated_per_address=SHARE
    ).running() as server:
        yield server


class Peers:
    """Sockets from chosen addresses, all of them closed in the end."""

    def __init__(self, server, stack):
        self.host, port = server.address.split(":")
        self.port = int(port)
        self.stack = stack

    async def ask(self, origin, *headers, request=UPGRADE):
        """The status of the answer; 0 where the socket was reset or closed instead."""
        lines = b"".join(name.encode() + b": " + value.encode() + b"\r\n" for name, value in headers)
        try:
            reader, writer = await asyncio.open_connection(self.host, self.port, local_addr=(origin, 0))
            self.stack.push_async_callback(_end, writer)
            writer.write(request[:-2] + lines + b"\r\n")
            async with asyncio.timeout(10):
                return int((await reader.readline()).split()[1])
        except (ConnectionError, IndexError):
            return 0

    async def times(self, count, origin, *headers):
        return [await self.ask(origin, *headers) for _ in range(count)]


async def _end(writer):
    writer.transport.abort()
    with suppress(ConnectionError):
        await writer.wait_closed()


@pytest.fixture
async def peers(server):
    async with AsyncExitStack() as stack:
        yield Peers(server, stack)


async def test_behind_a_trusted_proxy_the_forwarded_address_has_the_share_and_its_surplus_is_told_503(peers):
    assert await peers.times(SHARE + 1, "127.9.0.1", ("X-Forwarded-For", "192.0.2.7")) == [101] * SHARE + [503]
    assert await peers.ask("127.9.0.2", ("X-Forwarded-For", "192.0.2.7, 127.9.0.1")) == 503, "by way of another proxy"
    assert await peers.ask("127.9.0.1", ("Forwarded", 'for="192.0.2.7:1234"')) == 503, "in the words of the standard"
    assert await peers.ask("127.9.0.1", ("X-Forwarded-For", "192.0.2.8")) == 101, "somebody else"
    assert await peers.times(2 * SHARE, "127.9.0.1") == [101] * 2 * SHARE, "the proxy itself speaks for many"


async def test_what_a_client_writes_into_the_header_itself_buys_it_no_second_share(peers):
    spoofed = [("X-Forwarded-For", f"198.51.100.{n}, 192.0.2.17") for n in range(SHARE + 1)]
    assert [await peers.ask("127.9.0.1", header) for header in spoofed] == [101] * SHARE + [503]
    several = [("X-Forwarded-For", "198.51.100.9"), ("X-Forwarded-For", "192.0.2.17")]
    assert await peers.ask("127.9.0.1", *several) == 503
    for told in ("192.0.2.17:80", "::ffff:192.0.2.17", "[::ffff:192.0.2.17]:9", "127.9.3.3, 192.0.2.17"):
        assert await peers.ask("127.9.0.1", ("X-Forwarded-For", told)) == 503, told
    block = [("X-Forwarded-For", f"2001:db8:7:7::{n}") for n in range(1, SHARE + 2)]
    assert [await peers.ask("127.9.0.1", header) for header in block] == [101] * SHARE + [503], "one /64"


async def test_from_anybody_else_the_headers_count_for_nothing(peers):
    for n in range(SHARE):
        assert await peers.ask("127.8.0.1", ("X-Forwarded-For", f"192.0.2.{n}"), ("Forwarded", f"for=192.0.2.{n}")) == 101
    assert await peers.ask("127.8.0.1", ("X-Forwarded-For", "192.0.2.99")) == 0, "its own address has its share"
    assert await peers.times(SHARE, "127.8.0.2", ("X-Forwarded-For", "127.8.0.1")) == [101] * SHARE, "and nobody takes it from another"


@pytest.mark.parametrize("told", ["unknown", "", ",,,", "x" * 4000, "127.9.0.1, " * 400 + "127.9.0.1", "192.0.2.7\x7f", "[::1", "1.2.3"])
async def test_garbage_is_served_and_counts_for_the_proxy(peers, told):
    assert await peers.times(SHARE + 1, "127.9.0.1", ("X-Forwarded-For", told)) == [101] * (SHARE + 1)


async def test_headers_that_are_huge_are_refused_as_ever(peers):
    assert await peers.ask("127.9.0.1", ("X-Forwarded-For", "1.1.1.1," * 20_000)) in (431, 0)


async def test_the_pages_own_origin_is_the_host_that_a_trusted_proxy_was_asked_for_and_no_host_that_anybody_else_names(peers):
    page, host, scheme = ("Origin", "https://shop.example"), ("X-Forwarded-Host", "shop.example"), ("X-Forwarded-Proto", "https")
    assert await peers.ask("127.9.1.1", page, host, scheme) == 101
    assert await peers.ask("127.9.1.1", page, ("Forwarded", "for=192.0.2.50;host=shop.example;proto=https")) == 101
    assert await peers.ask("127.9.1.1", ("Origin", "http://shop.example"), host, scheme) == 403, "http is another origin"
    assert await peers.ask("127.9.1.1", page, ("X-Forwarded-Host", "shop.example, other.example"), scheme) == 403
    assert await peers.ask("127.8.1.1", page, host, scheme) == 403
    assert await peers.ask("127.9.1.1", page) == 403
