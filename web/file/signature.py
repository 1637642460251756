"""Addresses that are good for a while: whoever has one may read that file, under that name, until that moment.

A signature covers the path, the name and the moment. Its key is derived from the secret and signs nothing else; one of the secret before
still verifies, so that a secret can be changed while addresses are about.
"""

import hmac
from urllib.parse import quote, urlencode

from web.token import TokenSigner

GOOD_MS = 600_000
_PURPOSE = b"dibs files 1"


class FileSigner:
    """Signs with the first of the keys and verifies with all."""

    def __init__(self, signer: TokenSigner) -> None:
        self._keys = signer.keys(_PURPOSE)

    def sign(self, path: str, name: str, until: int) -> str:
        """The address with its signature; `path` as in `actors.file.address`, `until` in ms."""
        told = {"name": name, "until": str(until), "signature": _signature(self._keys[0], path, name, until)}
        return f"{path}?{urlencode(told, quote_via=quote)}"

    def verify(self, path: str, name: str, until: int, signature: str) -> bool:
        """Whether one of our keys signed this; whether the moment is over is another question."""
        given = signature.encode("utf-8", "surrogatepass")
        return any(hmac.compare_digest(_signature(key, path, name, until).encode(), given) for key in self._keys)


def _signature(key: bytes, path: str, name: str, until: int) -> str:
    return hmac.digest(key, f"{path}\n{until}\n{name}".encode(), "sha256").hex()
