"""Who really asks, where a proxy stands before dibs: what a trusted proxy says in its headers, and nothing that anybody else says.

- `X-Forwarded-For` is a list that each hop adds to at its right end. Read from there, past the trusted ones, the first that is not trusted
  is the client; what stands left of it is hearsay. The same holds for the `for=` of `Forwarded` (RFC 7239).
- Where both headers came and name different clients, one of them was passed through from outside, and neither is believed.
- Garbage ends the reading: the hop that told it counts.
- `X-Forwarded-Proto` and `-Host` (`proto=` and `host=`) are the last ones told, by the hop next to us.
"""

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache

import attrs

Headers = Iterable[tuple[bytes, bytes]]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

HOPS = 32
"""More proxies than these are not followed."""
_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}", re.ASCII)
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?", re.ASCII)
_PAIR = re.compile(r'\s*([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*))\s*(;|,|$)', re.ASCII)


@attrs.frozen
class Sender:
    """Who asks; `scheme` and `host` where a trusted proxy told them."""

    address: str
    scheme: str | None = None
    host: str | None = None


class Proxies:
    """The networks whose word is taken."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._networks = tuple(networks)
        self.trust = lru_cache(1024)(self._trust)
        """Whether an address is that of a trusted proxy."""

    def _trust(self, address: str) -> bool:
        ip = read_address(address) if self._networks else None
        return ip is not None and self._trusts(ip)

    def _trusts(self, ip: Address) -> bool:
        return any(ip in network for network in self._networks)

    def sender(self, peer: str, headers: Headers) -> Sender:
        """Who asks through the trusted proxy `peer`."""
        told: dict[bytes, list[str]] = {}
        for name, value in headers:
            if (key := name.lower()) in (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"forwarded"):
                told.setdefault(key, []).append(value.decode("latin1"))
        elements = _elements(",".join(told.get(b"forwarded", ())))
        listed = [self._client(peer, _listed(told[b"x-forwarded-for"]))] if b"x-forwarded-for" in told else []
        listed += [self._client(peer, [element.get("for", "") for element in elements])] if elements else []
        last = elements[-1] if elements else {}
        scheme = next(iter(_listed(told.get(b"x-forwarded-proto", ()))[-1:]), last.get("proto", "")).lower()
        host = next(iter(_listed(told.get(b"x-forwarded-host", ()))[-1:]), last.get("host", ""))
        return Sender(
            address=listed[0] if len(set(listed)) == 1 else peer,
            scheme=scheme if scheme in ("http", "https") else None,
            host=host if _HOST.fullmatch(host) else None,
        )

    def _client(self, peer: str, hops: list[str]) -> str:
        client = peer
        for hop in hops[: -HOPS - 1 : -1]:
            ip = read_address(hop)
            if ip is None:
                break
            client = str(ip)
            if not self._trusts(ip):
                break
        return client


def read_address(text: str) -> Address | None:
    """An address as proxies write it: with a port or not, IPv6 in brackets or not; None for anything else. IPv4 in IPv6 is IPv4."""
    if len(text) > 64:
        return None
    if match := _WITH_PORT.fullmatch(text):
        text = match[1] or match[2]
    try:
        ip = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return ip.ipv4_mapped or ip if isinstance(ip, ipaddress.IPv6Address) else ip


def _listed(values: Iterable[str]) -> list[str]:
    return [part for part in (part.strip() for part in ",".join(values).split(",")) if part]


def _elements(text: str) -> list[dict[str, str]]:
    """The elements of a `Forwarded` header; of one that is broken nothing."""
    elements: list[dict[str, str]] = [{}]
    at = 0
    while at < len(text):
        match = _PAIR.match(text, at)
        if match is None:
            return []
        elements[-1][match[1].lower()] = re.sub(r"\\(.)", r"\1", match[2]) if match[2] is not None else match[3]
        if match[4] == ",":
            elements.append({})
        at = match.end()
    return elements if elements[-1] else []
