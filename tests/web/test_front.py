"""The seams in Hypercorn and Quart: still there, still needed. A red test after an upgrade says which line of `web.front` to look at."""

import inspect

from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.config import Config
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.protocol.ws_stream import Handshake, WSStream
from quart.asgi import ASGIWebsocketConnection
from wsproto.extensions import PerMessageDeflate

from web.front import BoundedConnection, hypercorn_config


def test_the_names_the_line_goes_through_are_where_they_were():
    assert "self.send = send" in inspect.getsource(WSStream.__init__)
    assert "self.connection" in inspect.getsource(WSStream._accept)
    assert "self.stream_send" in inspect.getsource(H11Protocol._create_stream)
    assert "self.send = send" in inspect.getsource(H11Protocol.__init__)
    assert "self.writer = writer" in inspect.getsource(TCPServer.__init__)
    assert "self.protocol_send" in inspect.getsource(TCPServer.run)
    assert "await self.connection.receive_data" not in inspect.getsource(WSStream.handle)
    assert "self.connection.receive_data(event.data)" in inspect.getsource(WSStream.handle)
    assert "self.connection.events()" in inspect.getsource(WSStream._handle_events)


def test_hypercorn_still_accepts_compression_unless_the_offer_is_taken_away():
    offer = [
        (b"connection", b"Upgrade"),
        (b"upgrade", b"websocket"),
        (b"sec-websocket-key", b"x" * 22 + b"=="),
        (b"sec-websocket-version", b"13"),
        (b"sec-websocket-extensions", b"permessage-deflate"),
    ]
    as_it_comes, held_back = Handshake(offer, "1.1"), Handshake(offer, "1.1")
    held_back.extensions = None
    assert any(name == b"sec-websocket-extensions" for name, _ in as_it_comes.accept(None, [])[1])
    assert not any(name == b"sec-websocket-extensions" for name, _ in held_back.accept(None, [])[1])
    assert PerMessageDeflate.name == "permessage-deflate"


def test_quart_still_puts_messages_into_a_queue_without_a_bound():
    source = inspect.getsource(ASGIWebsocketConnection)
    assert "asyncio.Queue()" in source
    assert "self.queue.get" in source
    assert issubclass(BoundedConnection, ASGIWebsocketConnection)


def test_hypercorn_still_has_the_defaults_that_are_set_otherwise_here():
    plain, ours = Config(), hypercorn_config(0)
    assert plain.websocket_max_message_size == 16 * 1024 * 1024
    assert ours.websocket_max_message_size == 64 * 1024
    assert plain.backlog == 100
    assert ours.backlog == 4096
    assert plain.include_server_header
    assert not ours.include_server_header
