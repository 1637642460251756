"""Which pages may open a socket: this server's own, those that are listed, and whoever is no page at all.

A browser says in `Origin` which page opens a socket, and no page can change that. It is compared whole, as browsers write it (RFC 6454,
section 6.2): `scheme://host`, and `:port` unless it is the scheme's usual one. Only the case of ASCII letters does not matter. Nothing is
decoded, trimmed or taken apart, so that no spelling can mean one thing here and another in the browser. What a proxy says about hosts and
addresses plays no part: `Host` alone names this server.
"""

from collections.abc import Collection, Sequence

_USUAL_PORT = {"http": ":80", "https": ":443"}


def is_welcome(told: Sequence[str], host: str, listed: Collection[str], *, secure: bool) -> bool:
    """`told`: every `Origin` header of the handshake. `host`: its `Host`. `listed`: see `--origins`. `secure`: whether it came over TLS."""
    if not told or "*" in listed:
        return True
    if len(told) > 1:
        return False
    origin = told[0].lower()
    return origin in listed or origin in _own(host.lower(), secure=secure)


def _own(host: str, *, secure: bool) -> list[str]:
    """The origins of this server's pages. Without TLS of its own a proxy may add it, so both schemes are; with it only one is."""
    schemes = ("https",) if secure else ("http", "https")
    return [f"{scheme}://{host.removesuffix(_USUAL_PORT[scheme])}" for scheme in schemes if host]
