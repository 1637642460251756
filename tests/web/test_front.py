"""The seams in Hypercorn and Quart: still there, still needed. A red test after an upgrade says which line of `web.front` to look at."""

import inspect
from types import SimpleNamespace

import hypercorn.protocol
import pytest
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.config import Config
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.protocol.ws_stream import Handshake, WSStream
from quart.asgi import ASGIHTTPConnection, ASGIWebsocketConnection
from quart.routing import QuartMap
from werkzeug.exceptions import BadHost
from wsproto.extensions import PerMessageDeflate

from web.front import BoundedConnection, Http1, PathMap, hypercorn_config


def test_the_names_the_line_goes_through_are_where_they_were():
    assert "self.send = send" in inspect.getsource(WSStream.__init__)
    assert "self.send = send" in inspect.getsource(HTTPStream.__init__)
    assert "self.app_send" in inspect.getsource(HTTPStream.handle)
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


def test_wsproto_still_raises_on_lists_that_are_not_ascii_and_hypercorn_still_finds_its_protocol_by_name():
    with pytest.raises(UnicodeDecodeError):
        Handshake([(b"sec-websocket-protocol", b"\xff")], "1.1")
    assert "await self._create_stream(event)" in inspect.getsource(H11Protocol._handle_events)
    assert "self.protocol = H11Protocol(" in inspect.getsource(hypercorn.protocol.ProtocolWrapper.__init__)
    assert hypercorn.protocol.H11Protocol is Http1


def test_quart_still_raises_on_a_host_that_is_no_name_and_on_a_target_that_is_no_path():
    request = SimpleNamespace(host="a..b", scheme="http", root_path="", method="GET", path="/", query_string=b"")
    with pytest.raises(BadHost):
        QuartMap().bind_to_request(request, None, None)
    assert PathMap().bind_to_request(request, None, None)
    assert 'path[0] == "/"' in inspect.getsource(ASGIHTTPConnection._create_request_from_scope)
    assert 'path[0] == "/"' in inspect.getsource(ASGIWebsocketConnection._create_websocket_from_scope)


def test_hypercorn_still_asks_its_configuration_for_the_headers_of_its_own_errors():
    assert "self.config.response_headers" in inspect.getsource(H11Protocol._send_error_response)
    assert "self.config.response_headers" in inspect.getsource(H11Protocol.stream_send)
    assert dict(hypercorn_config(0).response_headers("h11"))[b"x-frame-options"] == b"DENY"


def test_hypercorn_still_has_the_defaults_that_are_set_otherwise_here():
    plain, ours = Config(), hypercorn_config(0)
    assert plain.websocket_max_message_size == 16 * 1024 * 1024
    assert ours.websocket_max_message_size == 64 * 1024
    assert plain.backlog == 100
    assert ours.backlog == 4096
    assert plain.include_server_header
    assert not ours.include_server_header
