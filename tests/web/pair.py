"""A line without a socket and the client at its other end; and what wsproto alone would make of the same bytes."""

import gc
from types import CoroutineType, FunctionType, ModuleType, SimpleNamespace

from hypercorn.protocol.events import Data
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage

from web.line import Line


class Transport:
    """Keeps what is written; `unsent` is what it says of its buffer."""

    def __init__(self):
        self.written = b""
        self.unsent = 0
        self.closed = self.aborted = False

    def write(self, data):
        self.written += data

    def get_extra_info(self, name):
        """As under TLS: there is no socket whose side could be ended."""
        return self if name == "ssl_object" else None

    def is_closing(self):
        return self.closed or self.aborted

    def get_write_buffer_size(self):
        return self.unsent

    def close(self):
        self.closed = True

    def abort(self):
        self.aborted = True


class Listener:
    """Takes messages until it is full."""

    def __init__(self, room=10**9):
        self.texts, self.parts = [], []
        self.room = room

    def feed(self, text):
        self.texts.append(text)

    def feed_binary(self, part, *, finished):
        self.parts.append((part, finished))

    def is_full(self):
        return len(self.texts) >= self.room


class Pair:
    """A line and the client at its other end."""

    def __init__(self, room=10**9):
        self.transport = Transport()
        writer = SimpleNamespace(transport=self.transport, drain=self._drain)
        server = SimpleNamespace(writer=writer)
        server.send = lambda: None
        protocol = type("P", (), {"stream_send": lambda self: None})()
        protocol.send = type("S", (), {"writer": writer, "protocol_send": lambda self: None})().protocol_send
        self.others = []
        self.stream = SimpleNamespace(connection=Connection(ConnectionType.SERVER), send=protocol.stream_send, handle=self._handle)
        self.turns = 0
        self._held = None
        self.client = Connection(ConnectionType.CLIENT)
        self.line = Line(self.stream)
        self.listener = Listener(room)
        self.line.listen(self.listener)

    async def _drain(self):
        pass

    async def _handle(self, event):
        self.others.append(event)

    @property
    def held_back(self):
        """Whether Hypercorn still waits before it reads on."""
        return self._held is not None

    def feed(self, data):
        """As Hypercorn does it: not before the bytes before have been taken."""
        assert not self.held_back
        self._held = self.stream.handle(Data(stream_id=1, data=data))
        self.go_on()

    def go_on(self):
        """Until Hypercorn may read on or waits for more than its turn."""
        try:
            while self._held.send(None) is None:
                self.turns += 1
        except StopIteration:
            self._held = None

    def say(self, *events):
        return b"".join(self.client.send(event) for event in events)

    def heard(self):
        data, self.transport.written = self.transport.written, b""
        self.client.receive_data(data)
        return list(self.client.events())


def feed(pair, data, cuts=()):
    start = 0
    for cut in [*sorted(cuts), len(data)]:
        if pair.line.broken is not None:
            return  # nothing more is read
        pair.feed(data[start:cut])
        start = cut


def kept(line):
    """Characters and bytes of what the peer said that the line still holds, however deep; but for the read that is under way."""
    # The values, for from Python 3.13 on they belong to the object and not to its dict.
    seen, todo, size = set(), list(vars(line).values()), 0
    while todo:
        thing = todo.pop()
        if id(thing) in seen or isinstance(thing, type | ModuleType | FunctionType | CoroutineType | Listener | Transport):
            continue
        seen.add(id(thing))
        if isinstance(thing, str | bytes | bytearray):
            size += len(thing) if len(thing) > 500 else 0
        else:
            todo += gc.get_referents(thing)
    return size


class Model:
    """What wsproto alone makes of whole frames."""

    def __init__(self):
        self.connection = Connection(ConnectionType.SERVER)
        self.texts, self.parts, self.pongs, self.code = [], [], [], None
        self._text = ""

    def take(self, frame):
        self.connection.receive_data(frame)
        for event in self.connection.events():
            match event:
                case TextMessage(data=text, message_finished=finished):
                    self._text += text
                    if finished:
                        self.texts.append(self._text)
                        self._text = ""
                case BytesMessage(data=data, message_finished=finished):
                    self.parts.append((bytes(data), finished))
                case Ping(payload=payload):
                    self.pongs.append(bytes(payload))
                case CloseConnection(code=code):
                    self.code = code
