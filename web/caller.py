"""The command line's side of the operator's door: asks a running dibs to withdraw access, to erase, or for the log of a store.

The token goes only where it was sent: no redirect is followed, and no proxy stands between this machine and itself.
"""

import ipaddress
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

from web.progress import progress
from web.setting import ConfigError, StartError

PATIENCE_S = 60.0
"""How long a server may say nothing."""
LONG_S = 3600.0
"""And how long where it has much to do before it says anything."""
LONG = 5000
"""A log of more entries than this is read with a progress bar."""


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str) -> None:
        """Nowhere else."""


class Caller:
    """`url` is where dibs listens, `token` an operator's. Whatever fails is a `StartError` with one line."""

    def __init__(self, url: str, token: str) -> None:
        self._url = read_url(url)
        self._token = token

    def revoke(self, role: str, id: str, store: str | None) -> str:
        """Withdraws access; one line that says what was done."""
        told = {"role": role, "id": id} | ({} if store is None else {"store": store})
        with self._open("/operator/revoke", json.dumps(told).encode()) as response:
            done = json.loads(response.read(1 << 20))
        where = "all stores" if store is None else f"store {store}"
        line = f"access of {role} {id} to {where} is withdrawn since {_shown(done['at'])}; {_count(done['sessions'], 'session')} ended here"
        if role in ("agent", "supervisor"):
            line += f", {_count(done['chats'], 'chat')} given back, off the roster of {', '.join(done['stores']) or 'no store'}"
        return line if done["exists"] else f"{line}; there is no store {store} as yet: it holds for when there is"

    def erase(self, store: str, user: str) -> str:
        """Erases a chat; one line that says what was done."""
        with progress(f"erasing {user} in {store}"):
            with self._open("/operator/erase", json.dumps({"store": store, "user": user}).encode(), patience_s=LONG_S) as response:
                done = json.loads(response.read(1 << 20))
            line = (
                f"nothing is left of the chat of user {user} in store {store}"
                if done["existed"]
                else f"user {user} has no chat in store {store}"
            )
            files = ", and its files were written anew" if done["files"] else "; it keeps no append-only file"
            line += f" since {_shown(done['at'])}: {_count(done['entries'], 'entry', 'entries')} of its log emptied{files}"
        return f"{line}. Backups, replicas and other copies, and what clients keep, are not covered"

    def audit(self, store: str, asked: Mapping[str, str]) -> None:
        """Prints the log of a store, line by line."""
        watched = sys.stderr.isatty() and not sys.stdout.isatty()
        query = urlencode(dict(asked) | ({"read": "1"} if watched else {}))
        with self._open(f"/operator/stores/{quote(store, safe='')}/audit" + (f"?{query}" if query else "")) as response:
            first, end = int(asked.get("after", 0)), int(response.headers["Dibs-End"])
            with progress("reading the log", shown=watched and end - first >= LONG) as show:
                for line in response:
                    match _type(line):
                        case "read":
                            show(json.loads(line)["offset"] - first, end - first)
                        case "error":
                            raise StartError(f"what follows is missing: {json.loads(line)['detail']}")
                        case _:
                            sys.stdout.write(line.decode())
                sys.stdout.flush()

    @contextmanager
    def _open(self, path: str, body: bytes | None = None, *, patience_s: float = PATIENCE_S) -> Iterator[HTTPResponse]:
        request = Request(self._url + path, body, {"Authorization": f"Bearer {self._token}"})  # noqa: S310 -- read_url saw the scheme
        if body is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with self._opener().open(request, timeout=patience_s) as response:
                yield response
        except HTTPError as error:
            with error:
                raise StartError(_refusal(self._url, error)) from None
        except BrokenPipeError:
            # Whoever read our output has seen enough; Python must not fail again when it flushes at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except (URLError, HTTPException, TimeoutError, OSError) as error:
            raise StartError(_failure(self._url, error)) from None
        except (ValueError, KeyError, TypeError):
            raise StartError(f"what answers at {self._url} is no dibs") from None

    def _opener(self) -> OpenerDirector:
        direct = [ProxyHandler({})] if _is_here(urlsplit(self._url).hostname or "") else []
        return build_opener(_NoRedirect, *direct)


def read_url(value: str) -> str:
    """The address of a dibs without its last slash; raises ConfigError."""
    try:
        parts = urlsplit(value)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        fits = fits and not (parts.username or parts.password or parts.query or parts.fragment or parts.path.strip("/"))
    except ValueError:
        fits = False
    if not fits or not value.isascii() or not value.isprintable() or " " in value:
        raise ConfigError("--url: must be http://HOST:PORT or https://HOST:PORT")
    return value.rstrip("/")


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refusal(url: str, error: HTTPError) -> str:
    try:
        told: dict[str, Any] = json.loads(error.read(1 << 16))
        return f"{url} says: {told['detail']}"
    except (ValueError, KeyError, TypeError, OSError, HTTPException):
        return f"{url} answers {error.code}, which no dibs does"


def _failure(url: str, error: Exception) -> str:
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, TimeoutError):
        return f"{url} says nothing for {PATIENCE_S:.0f} s"
    if isinstance(cause, HTTPException):
        return f"the answer of {url} broke off"
    return f"{url} cannot be reached: {getattr(cause, 'strerror', None) or cause}"


def _type(line: bytes) -> object:
    return json.loads(line)["type"]


def _shown(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _count(number: int, noun: str, nouns: str = "") -> str:
    return f"{number} {noun if number == 1 else nouns or noun + 's'}"
