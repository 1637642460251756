"""Whose word is taken: trusted proxies' for what stands at the right end, nobody else's for anything."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.proxy import HOPS, Proxies, Sender, read_address

PEER = "10.0.0.1"
PROXIES = Proxies([ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8:ffff::/48")])


def address(*headers):
    return PROXIES.sender(PEER, [(name.encode(), value.encode("latin1")) for name, value in headers]).address


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("2001:db8:ffff::7", True),
        ("11.0.0.1", False),
        ("2001:db8::1", False),
        ("", False),
        ("nonsense", False),
    ],
)
def test_a_proxy_is_trusted_by_its_address(peer, trusted):
    assert PROXIES.trust(peer) is trusted
    assert not Proxies([]).trust(peer)


@pytest.mark.parametrize(
    ("told", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7, 10.0.0.2", "192.0.2.7"),
        ("1.1.1.1, 192.0.2.7", "192.0.2.7"),
        ("10.0.0.9, 192.0.2.7", "192.0.2.7"),
        ("  192.0.2.7  ", "192.0.2.7"),
        ("192.0.2.7:4711", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("", PEER),
        (",", PEER),
        ("unknown", PEER),
        ("_hidden", PEER),
        ("192.0.2.7, unknown", PEER),
        ("192.0.2.7, 10.0.0.2x", PEER),
        ("192.0.2.7, unknown, 10.0.0.2", "10.0.0.2"),
        ("192.0.2.7 10.0.0.2", PEER),
        ("192.0.2.7;10.0.0.2", PEER),
        ("192.0.2.256", PEER),
        ("0x7f000001", PEER),
        ("3221225991", PEER),
        ("192.0.2.7:", PEER),
        ("192.0.2.7:port", PEER),
        ("[192.0.2.7", PEER),
        ("[]", PEER),
        ("١٩٢.0.2.7".encode().decode("latin1"), PEER),
        ("1" * 10_000, PEER),
        ("2001:db8::7%eth0", "2001:db8::7"),
    ],
)
def test_the_client_is_the_right_most_address_that_is_not_trusted(told, client):
    assert address(("X-Forwarded-For", told)) == client


def test_several_headers_are_one_list():
    assert address(("X-Forwarded-For", "1.1.1.1"), ("x-forwarded-for", "192.0.2.7"), ("X-FORWARDED-FOR", "10.0.0.2")) == "192.0.2.7"


def test_a_list_of_trusted_addresses_without_end_is_followed_for_a_while():
    assert address(("X-Forwarded-For", ",".join(["192.0.2.7"] + ["10.0.0.2"] * 1000))) == "10.0.0.2"
    assert address(("X-Forwarded-For", ",".join(["192.0.2.7"] + ["10.0.0.2"] * (HOPS - 1)))) == "192.0.2.7"


@pytest.mark.parametrize(
    ("told", "client"),
    [
        ("for=192.0.2.7", "192.0.2.7"),
        ('for="192.0.2.7:4711";proto=https;by=10.0.0.2', "192.0.2.7"),
        ('For="[2001:db8::7]:4711"', "2001:db8::7"),
        ("for=1.1.1.1, for=192.0.2.7, for=10.0.0.2", "192.0.2.7"),
        ('for="1.1.1.1, for=2.2.2.2", for=192.0.2.7', "192.0.2.7"),
        ("proto=https", PEER),
        ("for=unknown", PEER),
        ("for=192.0.2.7,", PEER),
        ('for="192.0.2.7', PEER),
        ("192.0.2.7", PEER),
        ("for==192.0.2.7", PEER),
        ("for=192.0.2.7 for=1.1.1.1", PEER),
    ],
)
def test_the_standard_header_says_the_same(told, client):
    assert address(("Forwarded", told)) == client


def test_where_the_two_headers_disagree_neither_is_believed():
    """A proxy sets one of them and passes the other on as the client sent it."""
    assert address(("X-Forwarded-For", "192.0.2.7"), ("Forwarded", "for=1.1.1.1")) == PEER
    assert address(("X-Forwarded-For", "192.0.2.7"), ("Forwarded", "for=192.0.2.7")) == "192.0.2.7"
    assert address(("X-Forwarded-For", "192.0.2.7"), ("Forwarded", "broken")) == "192.0.2.7"


@pytest.mark.parametrize(
    ("headers", "scheme", "host"),
    [
        ([("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "shop.example")], "https", "shop.example"),
        ([("X-Forwarded-Proto", "http, HTTPS"), ("X-Forwarded-Host", "evil.example, shop.example:8443")], "https", "shop.example:8443"),
        ([("Forwarded", 'for=192.0.2.7;proto=https;host="shop.example:8443"')], "https", "shop.example:8443"),
        ([("X-Forwarded-Host", "[2001:db8::7]:80")], None, "[2001:db8::7]:80"),
        ([("X-Forwarded-Proto", "gopher"), ("X-Forwarded-Host", "a b")], None, None),
        ([("X-Forwarded-Host", "shop.example/evil")], None, None),
        ([("X-Forwarded-Host", "user@shop.example")], None, None),
        ([("X-Forwarded-Host", "x" * 5000)], None, None),
        ([("X-Forwarded-Host", "shop.example\t")], None, "shop.example"),
        ([], None, None),
    ],
)
def test_scheme_and_host_are_the_last_ones_told_if_they_are_any(headers, scheme, host):
    sender = PROXIES.sender(PEER, [(name.encode(), value.encode()) for name, value in headers])
    assert (sender.scheme, sender.host) == (scheme, host)


@given(st.lists(st.tuples(st.sampled_from([b"x-forwarded-for", b"forwarded", b"x-forwarded-proto", b"x-forwarded-host"]), st.binary())))
def test_garbage_is_never_more_than_garbage(headers):
    sender = PROXIES.sender(PEER, headers)
    assert isinstance(sender, Sender)
    assert read_address(sender.address) is not None
