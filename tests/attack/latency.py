"""The others, in a process of their own: shoppers who write so many messages a second to one store, and an agent who sees them.

    python -m tests.attack.latency '{"address": …, "rate": 200, "tokens": […], "agent": …, "store": …}'

Each line on standard input ends a window, which begins with the one before; it is answered by one line of JSON: how many messages were
acknowledged, how long an ack and a delivery took (milliseconds: p50, p99, the longest), and what went wrong.
"""

import asyncio
import json
import sys
import time
from typing import Any

import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

PATIENCE_S = 10.0
QUIET: dict[str, Any] = {"compression": None, "ping_interval": None, "proxy": None, "max_size": None, "max_queue": None}


class Bystanders:
    """All of them write in turn, at an even pace."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        self.sent: dict[str, float] = {}
        self.waiting: dict[str, float] = {}
        self.acks: list[float] = []
        self.deliveries: list[float] = []
        self.faults: list[str] = []
        self.late_s = 0.0
        self._sockets: list[ClientConnection] = []

    async def open(self, token: str) -> ClientConnection:
        socket = await connect(f"ws://{self.order['address']}/ws", **QUIET)
        await socket.send(json.dumps({"type": "hello", "token": token}))
        async with asyncio.timeout(PATIENCE_S):
            while not any(frame["type"] == "ready" for frame in frames(await socket.recv())):
                pass
        return socket

    async def run(self) -> None:
        agent = await self.open(self.order["agent"])
        self._sockets = [await self.open(token) for token in self.order["tokens"]]
        loop = asyncio.get_running_loop()
        commands: asyncio.Queue[str] = asyncio.Queue()
        loop.add_reader(sys.stdin, lambda: commands.put_nowait(sys.stdin.readline()))
        work = [loop.create_task(self._watch(agent, self._delivered))]
        work += [loop.create_task(self._watch(socket, self._acknowledged)) for socket in self._sockets]
        work.append(loop.create_task(self._write()))
        say({"ready": True})
        while (await commands.get()).strip():
            say(self._window())
        for task in work:
            task.cancel()

    async def _write(self) -> None:
        turn, pause_s = 0, 1 / self.order["rate"]
        next_s = time.perf_counter()
        while True:
            next_s += pause_s
            await asyncio.sleep(max(0.0, next_s - time.perf_counter()))
            now_s = time.perf_counter()
            self.late_s = max(self.late_s, now_s - next_s)
            id, turn = f"b{turn}", turn + 1
            self.sent[id] = self.waiting[id] = now_s
            body = {"type": "send", "id": id, "store": self.order["store"], "kind": "text", "body": {"text": "psst-" + "x" * 150}}
            try:
                await self._sockets[turn % len(self._sockets)].send(json.dumps(body))
            except ConnectionClosed as closed:
                self.faults.append(f"a bystander was closed: {closed}")
                return

    async def _watch(self, socket: ClientConnection, note: Any) -> None:
        try:
            async for message in socket:
                now_s = time.perf_counter()
                for frame in frames(message):
                    note(frame, now_s)
        except ConnectionClosed as closed:
            self.faults.append(f"a bystander was closed: {closed}")

    def _acknowledged(self, frame: dict[str, Any], now_s: float) -> None:
        if frame["type"] == "ack":
            self.acks.append(now_s - self.waiting.pop(frame["id"]))
        elif frame["type"] == "error":
            self.faults.append(f"a bystander was told {frame['code']}")

    def _delivered(self, frame: dict[str, Any], now_s: float) -> None:
        if frame["type"] == "message" and (sent_s := self.sent.pop(frame["id"], None)) is not None:
            self.deliveries.append(now_s - sent_s)

    def _window(self) -> dict[str, Any]:
        now_s = time.perf_counter()
        waiting = [now_s - sent_s for sent_s in self.waiting.values()]
        figures = {
            "acked": len(self.acks),
            "ack": spread(self.acks + [s for s in waiting if s > 0.05]),
            "delivery": spread(self.deliveries),
        }
        figures |= {"faults": self.faults[:5], "late": round(self.late_s * 1000, 1)}
        self.acks, self.deliveries, self.faults, self.late_s = [], [], [], 0.0
        return figures


def frames(message: str | bytes) -> list[dict[str, Any]]:
    found = json.loads(message)
    return found if isinstance(found, list) else [found]


def spread(seconds: list[float]) -> dict[str, float]:
    """p50, p99 and the longest, in milliseconds."""
    found = sorted(seconds) or [0.0]
    return {
        name: round(found[min(len(found) - 1, int(len(found) * share))] * 1000, 1)
        for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1))
    }


def say(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(Bystanders(json.loads(sys.argv[1])).run())
