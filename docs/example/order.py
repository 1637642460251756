"""A mall's back end that announces an order: puts an order card into the shopper's chat with the store, once, however often it is told.

DIBS_SECRET=… python docs/example/order.py ws://127.0.0.1:8000/ws demo u1 20261124-7
"""

import asyncio
import os
import sys
import time

import jwt

from web.client import Client


async def announce(url: str, secret: str, store: str, user: str, number: str) -> int:
    """The number of the message. Payment services tell the same thing twice: the order's number is the command's `id`, so that it takes
    effect once, and the second time the first answer comes again."""
    claims = {"sub": user, "role": "user", "stores": [store], "exp": time.time() + 60}
    token = jwt.encode(claims, secret, algorithm="HS256")
    async with Client(url, token) as client:
        body = {"number": number, "status": "paid", "total": "59.00", "currency": "CNY"}
        ack = await client.send(store, body, kind="order", id=f"order-{number}-paid")
        assert isinstance(ack.seq, int)
        return ack.seq


if __name__ == "__main__":
    url, store, user, number = sys.argv[1:]
    print(asyncio.run(announce(url, os.environ["DIBS_SECRET"], store, user, number)))
