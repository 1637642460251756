"""What the peers understand, as a load speaks it."""

import time
from abc import abstractmethod
from collections import deque

import msgspec

from bench.line import Dibs, Line, Place, Who

_encode = msgspec.json.Encoder().encode


class _Text(msgspec.Struct):
    text: str = ""


class _Plain(msgspec.Struct):
    type: str
    text: str = ""


_plain = msgspec.json.Decoder(_Plain).decode
_text = msgspec.json.Decoder(tuple[str, _Text]).decode


class Peer(Line):
    """Acks come in the order of the messages."""

    def __init__(self, place: Place, who: Who, faults: list[str]) -> None:
        super().__init__(place, who, faults)
        self._sent_ns: deque[int] = deque()
        self._ids = 0

    @abstractmethod
    def send(self, to: str | None, text: str) -> None:
        """A message; agents say to whom."""

    def ask(self, text: str) -> None:
        """See `Line`."""
        self._sent_ns.append(time.perf_counter_ns())
        self.send(None, text)

    def answer(self, user: str, text: str) -> None:
        """See `Line`."""
        self._sent_ns.append(time.perf_counter_ns())
        self.send(user, text)

    def acked(self) -> None:
        """The oldest message without an ack has one."""
        if self._sent_ns:
            self.on_ack(time.perf_counter_ns() - self._sent_ns.popleft())
        else:
            self.fault("got an ack for nothing")

    def is_ready(self) -> None:
        """The server has said so."""
        if not self.ready.done():
            self.ready.set_result(None)


class SocketIo(Peer):
    """Socket.IO 4 over a bare WebSocket: a digit for the packet of Engine.IO, one for that of Socket.IO, then JSON."""

    def url(self) -> str:
        """See `Line`."""
        return f"ws://{self.place.address}/socket.io/?EIO=4&transport=websocket"

    def take(self, payload: memoryview) -> None:
        """See `Line`."""
        said = bytes(payload)
        match said[:2]:
            case b"42":
                if said.startswith(b'42["ready"'):
                    self.is_ready()
                else:
                    self.on_text(_text(said[2:])[1].text)
            case b"43":
                self.acked()
            case b"40":
                pass
            case _ if said[:1] == b"0":
                self.say(b"40" + _encode({"role": self.who.role, "id": self.who.id, "store": self.who.store}))
            case _ if said == b"2":
                self.say(b"3")
            case _:
                self.fault(f"was told {said[:60]!r}")

    def send(self, to: str | None, text: str) -> None:
        """See `Peer`."""
        self._ids += 1
        self.say(b"42%d%b" % (self._ids, _encode(["message", {"to": to, "text": text}])))


class Plain(Peer):
    """JSON in text messages, who one is in the address."""

    def url(self) -> str:
        """See `Line`."""
        return f"ws://{self.place.address}/ws?role={self.who.role}&id={self.who.id}&store={self.who.store}"

    def take(self, payload: memoryview) -> None:
        """See `Line`."""
        said = _plain(payload)
        match said.type:
            case "message":
                self.on_text(said.text)
            case "ack":
                self.acked()
            case _:
                self.is_ready()

    def send(self, to: str | None, text: str) -> None:
        """See `Peer`."""
        self._ids += 1
        self.say(_encode({"id": self._ids, "to": to, "text": text}))


TONGUES: dict[str, type[Line]] = {"dibs": Dibs, "socketio": SocketIo, "fastapi": Plain}
"""By the name of the peer."""
