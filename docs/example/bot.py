"""A bot that answers: claims every chat that waits in its stores, says when a human will be there, and gives the chat back.

DIBS_TOKEN=$(dibs token --role agent --id bot --store demo) python docs/example/bot.py ws://127.0.0.1:8000/ws
"""

import asyncio
import os
import sys

from actors import told
from web.client import Client, Refused

GREETING = "Thank you for writing. Somebody will be with you in a few minutes."


async def answer(url: str, token: str) -> None:
    """Runs until it is cancelled. A chat that a human claims first is left to the human: the server refuses the bot."""
    greeted: set[tuple[str, str]] = set()
    async with Client(url, token) as client:
        async for event in client:
            match event:
                case told.Chats(chats=chats):
                    waiting = [(chat.store, chat.user) for chat in chats if chat.status == "waiting"]
                case told.StatusChange(status="waiting", reason="new" | "reopen"):
                    waiting = [(event.store, event.user)]
                case _:
                    continue
            for store, user in waiting:
                if (store, user) in greeted:
                    continue
                try:
                    await client.claim(store, user)
                    await client.send(store, {"text": GREETING}, user=user)
                    await client.release(store, user)
                except Refused as refused:
                    print(f"{store}/{user} is left alone: {refused.code}", file=sys.stderr)
                greeted.add((store, user))


if __name__ == "__main__":
    asyncio.run(answer(sys.argv[1], os.environ["DIBS_TOKEN"]))
