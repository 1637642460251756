"""What happens to a request before the application sees it: its stranger is heard of, and a trusted proxy's word takes effect.

From a trusted proxy the scope gets the client's own address, the scheme and the host that the proxy was asked for, and the stranger
counts for the client from here on. From anybody else the headers are what they are: text.

A handshake waits for its turn. The time that a stranger waits for us is not its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from actors.tally import Tally
from actors.turnstile import Turnstile
from web.proxy import Proxies, Sender
from web.stranger import Stranger, Strangers

STRANGER = "dibs.stranger"
"""Where the stranger stands in a scope's `state`."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

_HEADERS = [(b"content-type", b"text/plain; charset=utf-8"), (b"retry-after", b"10"), (b"connection", b"close")]


class Arrivals:
    """An ASGI application around another."""

    def __init__(self, inner: Application, strangers: Strangers, proxies: Proxies, turnstile: Turnstile, tally: Tally) -> None:
        self._inner = inner
        self._strangers = strangers
        self._proxies = proxies
        self._tally = tally
        self._turnstile = turnstile

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        stranger: Stranger = scope["state"][STRANGER]
        peer = str(scope["client"][0])
        welcome = True
        if self._proxies.trust(peer):
            sender = self._proxies.sender(peer, scope["headers"])
            welcome = sender.address == peer or self._strangers.move(stranger, sender.address)
            _tell(scope, sender)
        if scope["type"] == "http":
            self._strangers.renew(stranger, asyncio.get_running_loop().time())
        elif welcome:
            welcome = await self._wait(stranger)
        if welcome:
            await self._inner(scope, receive, send)
        elif stranger.there:
            self._tally.turned_away["address"] += 1
            await _refuse(scope["type"], send)

    async def _wait(self, stranger: Stranger) -> bool:
        """Waits for a turn; whether there is a place for the stranger then."""
        clock = asyncio.get_running_loop().time
        left_s = self._strangers.excuse(stranger, clock())
        await self._turnstile.enter(stranger.place)
        return self._strangers.resume(stranger, clock(), left_s)


def _tell(scope: Scope, sender: Sender) -> None:
    scope["client"] = (sender.address, 0)
    if sender.scheme is not None:
        secure = sender.scheme == "https"
        scope["scheme"] = ("wss" if secure else "ws") if scope["type"] == "websocket" else sender.scheme
    if sender.host is not None:
        others = [(name, value) for name, value in scope["headers"] if name.lower() != b"host"]
        scope["headers"] = [(b"host", sender.host.encode("ascii")), *others]


async def _refuse(kind: str, send: Send) -> None:
    prefix = "websocket.http.response" if kind == "websocket" else "http.response"
    await send({"type": f"{prefix}.start", "status": 503, "headers": _HEADERS})
    await send({"type": f"{prefix}.body", "body": b"too many connections from this address\n"})
