"""What users reach: the public address, and the proxy that may stand there.

Everything is asked as a stranger asks it. Which address dibs believes to hear from it tells whoever asks `/healthz`, in `Dibs-Address`.
On loopback the question comes from an address of its own there, so that it can be told from the proxy's.
"""

import http.client
import ipaddress
import json
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, urlsplit

import attrs
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus
from websockets.sync.client import connect

from actors.close import Close
from web.caller import read_url
from web.doctor.finding import Finding, fail, ok, warn

PATIENCE_S = 10.0
FORGED = "192.0.2.66"
"""An address that is nobody's (RFC 5737)."""
_LOOPBACK = "127.66.0.1"
_WORKERS = re.compile(r"workers: ([0-9]+) of ([0-9]+)")
_FAILURES = (OSError, http.client.HTTPException)
_PROXY = "name the proxy in DIBS_TRUSTED_PROXIES and let it set X-Forwarded-For, or all your users share one address"
_OPEN = "name nobody but your proxies in DIBS_TRUSTED_PROXIES (if this machine is one of them, ask from another)"


@attrs.frozen
class Answer:
    """Of an HTTP request; `ours` and `theirs` are the ends of the connection that it came over."""

    status: int
    text: str
    address: str | None
    ours: str
    theirs: str


def examine_door(url: str) -> Iterator[Finding]:
    """Raises `ConfigError` for what is no address of a dibs."""
    at = urlsplit(read_url(url))
    try:
        answer = _ask(at, "/healthz")
    except _FAILURES as error:
        yield fail(
            "door", f"{url} cannot be reached: {_reason(error)}", "see whether dibs runs, and whether the proxy and the firewall let it"
        )
        return
    if answer.status != 200 or answer.address is None:
        found = f"{url} answers {answer.status} to /healthz, and not as dibs does"
        yield fail("door", found, "let the proxy pass every path to dibs, and keep no answer")
        return
    yield _in_clear(url, at, answer)
    yield from _ready(at)
    yield _upgrade(at)
    yield _address(at, answer)
    yield _forged(at, answer)


def _in_clear(url: str, at: SplitResult, answer: Answer) -> Finding:
    if at.scheme == "http" and not ipaddress.ip_address(answer.theirs).is_loopback:
        return warn("door", f"{url} is dibs, and tokens travel in the clear", "put TLS before it, or give dibs --cert and --key")
    return ok("door", f"{url} is dibs")


def _ready(at: SplitResult) -> Iterator[Finding]:
    try:
        answer = _ask(at, "/readyz")
    except _FAILURES as error:
        yield fail("ready", f"/readyz broke off: {_reason(error)}", "see the log of dibs")
        return
    text, *more = answer.text.strip().split("\n")
    if answer.status == 200:
        yield ok("ready", text.removeprefix("ready: "))
    else:
        yield fail("ready", f"/readyz answers {answer.status}: {text[:200]}", "see the log of dibs and its Redis")
    yield from (judge_workers(int(found[1]), int(found[2])) for found in map(_WORKERS.fullmatch, more) if found)


def judge_workers(ready: int, workers: int) -> Finding:
    """One line for so many workers that serve, of how many."""
    if ready < workers:
        return warn("workers", f"{ready} of {workers} serve", "see the log of dibs: one has ended, or cannot start")
    return ok("workers", f"{ready} of {workers} serve")


def _upgrade(at: SplitResult) -> Finding:
    """A page of this very address opens a socket, with everything offered that a browser offers."""
    origin = f"{at.scheme}://{at.netloc}"
    try:
        return _opened(at, origin)
    except InvalidStatus as error:
        status = error.response.status_code
    except (*_FAILURES, EOFError, TimeoutError, InvalidHandshake, InvalidMessage) as error:
        return fail("upgrade", f"the socket did not open: {_reason(error)}", "see the log of the proxy and of dibs")
    if status == 403:
        with suppress(*_FAILURES, EOFError, TimeoutError, InvalidHandshake, InvalidMessage):
            if _opened(at, None).verdict == "ok":
                found = f"a page of {origin} is refused: dibs does not know that name for its own"
                return fail("upgrade", found, "let the proxy pass Host on, or name the page in --origins")
    return fail("upgrade", f"/ws answers {status} to an upgrade", "let the proxy pass Upgrade and Connection on to dibs (HTTP/1.1)")


def _opened(at: SplitResult, origin: str | None) -> Finding:
    uri = f"{at.scheme.replace('http', 'ws', 1)}://{at.netloc}/ws"
    how: dict[str, Any] = {"origin": origin, "subprotocols": ["dibs.v1"], "compression": "deflate", "proxy": None}
    with connect(uri, **how, open_timeout=PATIENCE_S, close_timeout=1) as door:
        if door.protocol.extensions:
            found = f"{door.protocol.extensions[0].name} is negotiated, which dibs never does"
            return fail("upgrade", found, "let the proxy pass the handshake on as it is, and not speak WebSocket itself")
        # What is no hello ends with a code of dibs' own: it is dibs that hears us and that we hear.
        try:
            door.send(json.dumps({"type": "ping"}))
            door.recv(timeout=PATIENCE_S)
        except ConnectionClosed as closed:
            if closed.rcvd is not None and closed.rcvd.code == Close.PROTOCOL:
                return ok("upgrade", "passes through to dibs, frames and close codes too, without permessage-deflate")
        except TimeoutError:
            pass
    return fail("upgrade", "the socket opens, and what answers there is not dibs", "let the proxy pass /ws to dibs")


def _address(at: SplitResult, answer: Answer) -> Finding:
    return judge_address(answer.address or "", answer.ours, answer.theirs)


def judge_address(believed: str, ours: str, theirs: str) -> Finding:
    """Which address dibs believes to hear from, when we asked from `ours` at `theirs`."""
    if believed == ours:
        return ok("address", f"dibs sees that we ask from {ours}")
    found = f"we ask from {ours}, and dibs believes it is {believed}"
    inside = not _is_global(believed) and (_is_global(theirs) or _is_loopback(ours))
    if believed == theirs or inside:
        return fail("address", f"{found}: the proxy's own", _PROXY)
    return warn("address", found, f"right if that is your own address on the way (NAT); if it is the proxy's, {_PROXY}")


def _forged(at: SplitResult, answer: Answer) -> Finding:
    """Whoever can choose the address that he counts for has as many shares as he likes."""
    for header, value in (("X-Forwarded-For", FORGED), ("Forwarded", f"for={FORGED}")):
        try:
            told = _ask(at, "/healthz", {header: value})
        except _FAILURES as error:
            return fail("forged", f"a request with {header} broke off: {_reason(error)}", "see the log of the proxy")
        if told.address == FORGED:
            return fail("forged", f"an address that a client writes into {header} itself is believed", _OPEN)
        if told.address != answer.address:
            found = f"with {header} of its own a client counts for {told.address}"
            return warn("forged", found, f"let the proxy remove {header}, which it does not set itself")
    return ok("forged", "addresses that a client writes into X-Forwarded-For or Forwarded itself are not believed")


def _ask(at: SplitResult, path: str, headers: dict[str, str] | None = None) -> Answer:
    host, port = at.hostname or "", at.port or (443 if at.scheme == "https" else 80)
    source = (_LOOPBACK, 0) if _has_loopback(host, port) else None
    if at.scheme == "https":
        context = ssl.create_default_context()
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port, timeout=PATIENCE_S, source_address=source, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, port, timeout=PATIENCE_S, source_address=source)
    try:
        connection.connect()
        ours, theirs = connection.sock.getsockname()[0], connection.sock.getpeername()[0]
        connection.request("GET", path, headers={"Connection": "close", "Cache-Control": "no-cache"} | (headers or {}))
        response = connection.getresponse()
        text = response.read(1 << 16).decode("utf-8", "replace")
        return Answer(response.status, text, response.headers["Dibs-Address"], ours, theirs)
    finally:
        connection.close()


def _has_loopback(host: str, port: int) -> bool:
    """Whether the door is on this machine, and this machine lets us have an address of our own there (macOS does not)."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        if family != socket.AF_INET or not _is_loopback(str(address[0])):
            return False
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.bind((_LOOPBACK, 0))
    except OSError:
        return False
    return True


def _is_global(address: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(address).is_global
    return False


def _is_loopback(address: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(address).is_loopback
    return False


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate does not hold: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return f"no answer within {PATIENCE_S:.0f} s"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
