"""The seams in Hypercorn and Quart: still there, still needed. A red test after an upgrade says which line of `web.front` to look at."""

import asyncio
import inspect
from types import SimpleNamespace

import pytest
from hypercorn.asyncio import run
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.events import RawData
from hypercorn.protocol.h11 import H2CProtocolRequiredError, H2ProtocolAssumedError, H11Protocol
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.protocol.ws_stream import Handshake, WSStream
from quart.asgi import ASGIHTTPConnection, ASGIWebsocketConnection
from quart.routing import QuartMap
from werkzeug.exceptions import BadHost
from wsproto.extensions import PerMessageDeflate

from web.connection import Connection, Http1, NotSpoken
from web.front import BoundedConnection, PathMap, hypercorn_config


def test_the_names_the_line_goes_through_are_where_they_were():
    assert "self.send = send" in inspect.getsource(WSStream.__init__)
    assert "self.send = send" in inspect.getsource(HTTPStream.__init__)
    assert "self.app_send" in inspect.getsource(HTTPStream.handle)
    assert "self.connection" in inspect.getsource(WSStream._accept)
    assert "if self.closed:" in inspect.getsource(WSStream.app_send)
    assert "self.stream_send" in inspect.getsource(H11Protocol._create_stream)
    assert "self.send = send" in inspect.getsource(H11Protocol.__init__)
    assert "self.writer = writer" in inspect.getsource(Connection.__init__)
    assert "self.protocol_send" in inspect.getsource(Connection.run)
    assert "await self.connection.receive_data" not in inspect.getsource(WSStream.handle)
    assert "self.connection.receive_data(event.data)" in inspect.getsource(WSStream.handle)
    assert "await self.stream.handle(event)" in inspect.getsource(H11Protocol._handle_events)
    assert "await self.protocol.handle(RawData(data))" in inspect.getsource(TCPServer._read_data)
    assert "self.connection.send(event)" in inspect.getsource(WSStream._send_wsproto_event)


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


def test_hypercorn_still_hands_on_a_read_of_any_size_without_a_turn_for_others():
    assert "events()" in inspect.getsource(WSStream._handle_events)
    assert "sleep" not in inspect.getsource(WSStream._handle_events)


def test_quart_still_puts_messages_into_a_queue_without_a_bound():
    source = inspect.getsource(ASGIWebsocketConnection)
    assert "asyncio.Queue()" in source
    assert "self.queue.get" in source
    assert issubclass(BoundedConnection, ASGIWebsocketConnection)


def test_wsproto_still_raises_on_lists_that_are_not_ascii():
    with pytest.raises(UnicodeDecodeError):
        Handshake([(b"sec-websocket-protocol", b"\xff")], "1.1")
    assert "await self._create_stream(event)" in inspect.getsource(H11Protocol._handle_events)


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
    assert dict(hypercorn_config().response_headers("h11"))[b"x-frame-options"] == b"DENY"


def test_hypercorn_still_has_the_defaults_that_are_set_otherwise_here():
    plain, ours = Config(), hypercorn_config()
    assert plain.websocket_max_message_size == 16 * 1024 * 1024
    assert ours.websocket_max_message_size == 64 * 1024
    assert plain.include_server_header
    assert not ours.include_server_header


def test_hypercorns_own_server_still_counts_nothing_and_takes_the_same_protocol():
    """`Connection` stands in its place: the same things in the same order, and nothing in Hypercorn that bounds what is accepted."""
    made = inspect.getsource(TCPServer.run)
    for word in ("self.protocol.initiate()", "self.protocol.handle(Closed())", "self.protocol_send", "ConnectionState(self.state)"):
        assert word in made + inspect.getsource(TCPServer._read_data)
    wanted = ["self", "app", "config", "context", "task_group", "connection_state", "ssl", "client", "server", "send"]
    assert list(inspect.signature(H11Protocol.__init__).parameters) == wanted
    assert inspect.getsource(H11Protocol.initiate).strip().endswith("pass")
    assert list(inspect.signature(WorkerContext.__init__).parameters) == ["self", "max_requests"]
    served = inspect.getsource(run.worker_serve)
    assert "asyncio.start_server(" in served
    assert "limit" not in served


UPGRADE = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@pytest.mark.parametrize(
    ("kind", "said", "ends"), [(H11Protocol, UPGRADE, H2CProtocolRequiredError), (H11Protocol, PREFACE, H2ProtocolAssumedError)]
)
async def test_hypercorn_still_goes_over_to_http_2_whatever_alpn_says(kind, said, ends):
    with pytest.raises(ends):
        await hear(kind, said)


async def test_here_the_preface_of_http_2_ends_the_connection_and_an_upgrade_to_it_is_passed_by():
    with pytest.raises(NotSpoken):
        await hear(Http1, PREFACE)
    assert await hear(Http1, UPGRADE) == "/"


async def hear(kind, said):
    """The path of the request that a protocol of this kind makes of what was said; raises what it raises."""
    asked = asyncio.get_running_loop().create_future()

    class Tasks:
        async def spawn_app(self, _app, _config, scope, _send):
            asked.set_result(scope["path"])
            return nothing

    async def nothing(_message):
        pass

    protocol = kind(None, hypercorn_config(), WorkerContext(None), Tasks(), {}, False, ("a", 1), ("b", 2), nothing)
    hearing = asyncio.create_task(protocol.handle(RawData(said)))
    await asyncio.wait([hearing, asked], return_when=asyncio.FIRST_COMPLETED)
    if hearing.done():
        hearing.result()
    hearing.cancel()
    return asked.result()
