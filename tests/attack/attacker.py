"""The attacker's own process: one socket after another, each filled as fast as the server takes it.

    python -m tests.attack.attacker '{"address": …, "flood": …, "volume": …, "seconds": …, "token": …}'

Prints one line of JSON: the bytes the kernel took, how long that was, how many sockets it needed, and what ended each of them.
"""

import base64
import json
import os
import select
import socket
import sys
import time
from collections import Counter
from typing import Any

from tests.attack.flood_bytes import FLOODS, Flood, said

UPGRADE = "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
STALLED_S = 12.0
"""Who gets nothing away for so long gives up this socket."""


class Ended(Exception):
    """The connection is over; how."""


class Ears:
    """Frames of the server, of which only the close matters."""

    def __init__(self, *, http: bool) -> None:
        self._buffer = b""
        self._http = http

    def hear(self, data: bytes) -> str | None:
        """The close code, if it came, or the status of HTTP."""
        if self._http:
            return "HTTP " + data[9:12].decode("latin1")
        data, at = self._buffer + data, 0
        while len(data) >= at + 2:
            size, header = data[at + 1] & 0x7F, 2
            if size >= 126:
                header = 4 if size == 126 else 10
                size = int.from_bytes(data[at + 2 : at + header], "big")
            end = at + header + size
            if end > len(data):
                break
            if data[at] & 0x0F == 8:
                return str(int.from_bytes(data[at + header : at + header + 2], "big")) if size >= 2 else "1005"
            at = end
        self._buffer = data[at:]
        return None


def connect(address: str, flood: Flood, token: str) -> socket.socket:
    """A socket after its handshake, and its hello where the flood has one."""
    host, port = address.rsplit(":", 1)
    opened = socket.create_connection((host, int(port)), timeout=10)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    key = base64.b64encode(os.urandom(16)).decode()
    usual = f"{UPGRADE}Host: {address}\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    opened.sendall(flood.handshake or usual.encode())
    if flood.handshake is None:
        head = b""
        while b"\r\n\r\n" not in head:
            data = opened.recv(4096)
            if not data:
                opened.close()
                raise Ended("refused")
            head += data
        if flood.hello:
            opened.sendall(said({"type": "hello", "token": token}))
    return opened


class Attack:
    """`volume` bytes or `seconds`, whichever is over first."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.flood = next(flood for flood in FLOODS if flood.name == order["flood"])
        self.address, self.token = order["address"], order["token"]
        self.volume, self.until_s = order["volume"], time.monotonic() + order["seconds"]
        self.sent = self.heard = self.sockets = 0
        self.ends: Counter[str] = Counter()

    def run(self) -> dict[str, Any]:
        start = time.monotonic()
        while self.sent < self.volume and time.monotonic() < self.until_s:
            try:
                with connect(self.address, self.flood, self.token) as opened:
                    self.sockets += 1
                    self._fill(opened)
            except Ended as end:
                self.ends[str(end)] += 1
            except OSError as error:
                self.ends[type(error).__name__] += 1
        seconds = time.monotonic() - start
        return {"sent": self.sent, "heard": self.heard, "sockets": self.sockets, "ends": dict(self.ends), "seconds": round(seconds, 2)}

    def _fill(self, opened: socket.socket) -> None:
        ears, code = Ears(http=self.flood.handshake is not None), None
        opened.setblocking(False)
        poller = select.poll()
        poller.register(opened, select.POLLOUT | (select.POLLIN if self.flood.reads else 0))
        moved_s = time.monotonic()
        for block in self.flood.blocks():
            at = 0
            while at < len(block):
                if self.sent >= self.volume or time.monotonic() > self.until_s:
                    raise Ended("still open" if code is None else f"{code} and still open")
                for _, happened in poller.poll(200):
                    if happened & select.POLLIN:
                        code = self._hear(opened, ears, code)
                    if happened & (select.POLLERR | select.POLLHUP) and not happened & select.POLLIN:
                        raise Ended(code or "reset")
                    if happened & select.POLLOUT:
                        try:
                            count = opened.send(memoryview(block)[at:])
                        except BlockingIOError:
                            continue
                        except OSError:
                            self._last_words(opened, ears, code)
                        at += count
                        self.sent += count
                        moved_s = time.monotonic()
                if time.monotonic() - moved_s > STALLED_S:
                    raise Ended(f"{code or ''} not read any more".strip())

    def _hear(self, opened: socket.socket, ears: Ears, code: str | None) -> str | None:
        try:
            data = opened.recv(1 << 18)
        except BlockingIOError:
            return code
        except OSError:
            raise Ended(code or "reset") from None
        if not data:
            raise Ended(code or "end of file")
        self.heard += len(data)
        return code if code is not None else ears.hear(data)

    def _last_words(self, opened: socket.socket, ears: Ears, code: str | None) -> None:
        """The socket takes nothing more; perhaps it still tells why."""
        while True:
            try:
                data = opened.recv(1 << 18)
            except OSError:
                data = b""
            if not data:
                raise Ended(code or "reset")
            code = code if code is not None else ears.hear(data)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(Attack(json.loads(sys.argv[1])).run()) + "\n")
