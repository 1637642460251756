"""A support chat as one would write it on FastAPI with Redis: sets of sockets by store and user, history in a stream, then the ack.

REDIS_URL=unix:///path/s uvicorn app:app
"""

import json
import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from redis.asyncio import Redis

redis = Redis.from_url(os.environ["REDIS_URL"], max_connections=1000)
rooms: defaultdict[str, set[WebSocket]] = defaultdict(set)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """The connections to Redis end with the server."""
    yield
    await redis.aclose()


app = FastAPI(lifespan=lifespan)


@app.websocket("/ws")
async def chat(socket: WebSocket, role: str, id: str, store: str) -> None:
    """One person."""
    await socket.accept()
    room = f"store:{store}" if role == "agent" else f"user:{id}"
    rooms[room].add(socket)
    try:
        await socket.send_text('{"type":"ready"}')
        with suppress(WebSocketDisconnect):
            while True:
                said = json.loads(await socket.receive_text())
                user = said["to"] if role == "agent" else id
                message = {"type": "message", "store": store, "user": user, "from": id, "text": said["text"], "at": int(1000 * time.time())}
                number = await redis.xadd(f"chat:{store}:{user}", {"message": json.dumps(message)})
                text = json.dumps(message | {"id": number.decode()})
                for other in list(rooms[f"user:{user}" if role == "agent" else f"store:{store}"]):
                    with suppress(WebSocketDisconnect, RuntimeError):
                        await other.send_text(text)
                await socket.send_text(json.dumps({"type": "ack", "id": said["id"]}))
    finally:
        rooms[room].discard(socket)
