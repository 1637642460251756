"""The front door of dibs before any application: the real gate, connections and arrivals on a free port."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from actors.tally import Tally
from actors.turnstile import Turnstile
from web.arrival import Arrivals
from web.connection import Front
from web.gate import Gate
from web.log import make_log
from web.proxy import Proxies
from web.stranger import Strangers


@asynccontextmanager
async def opened(app, strangers=None) -> AsyncIterator[int]:
    """Serves `app` on 127.0.0.1 and gives the port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=100)
    listener.setblocking(False)
    strangers = Strangers(1000, 1000) if strangers is None else strangers
    proxies, turnstile, tally = Proxies(()), Turnstile(), Tally()
    front = Front(Arrivals(app, strangers, proxies, turnstile, tally), strangers, None)
    gate = Gate(listener, strangers, proxies, front.enter, turnstile, tally, make_log("error"))
    await app.startup()
    gate.open()
    try:
        yield listener.getsockname()[1]
    finally:
        gate.close()
        await front.close()
        await app.shutdown()
