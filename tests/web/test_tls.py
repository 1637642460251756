"""TLS of dibs' own: what cannot work is one line at the start, and what is served is TLS 1.2 or later, HTTP/1.1 and WebSockets."""

import asyncio
import ssl
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from tests.web.test_serve import refused
from tests.wire.server import SECRET, Server
from web.setting import StartError
from web.tls import server_context

FILES = Path(__file__).with_name("tls")
CERT, KEY = FILES / "cert.pem", FILES / "key.pem"


@pytest.mark.parametrize(
    ("cert", "key", "said"),
    [
        ("absent.pem", "key.pem", "--cert: "),
        ("cert.pem", "absent.pem", "--key: "),
        ("cert.pem", ".", "--key: "),
        ("cert.pem", "other-key.pem", "is not the key of"),
        ("cert.pem", "locked-key.pem", "has a password"),
        ("key.pem", "key.pem", "cannot be used"),
        ("../test_tls.py", "key.pem", "cannot be used"),
        ("cert.pem", "cert.pem", "cannot be used"),
        ("expired.pem", "key.pem", "certificate has expired"),
        ("early.pem", "key.pem", "certificate is not yet valid"),
    ],
)
def test_what_no_client_would_accept_or_nobody_can_read_is_one_line(cert, key, said):
    with pytest.raises(StartError) as caught:
        server_context(FILES / cert, FILES / key)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_one_of_the_two_is_status_2_and_a_wrong_one_status_1(tmp_path):
    arguments = ("--port", "0", "--data", str(tmp_path))
    status, line = await refused(*arguments, "--cert", str(CERT))
    assert (status, line) == (2, "dibs: --cert and --key: give both or none")
    status, line = await refused(*arguments, "--cert", str(CERT), "--key", str(FILES / "other-key.pem"))
    assert status == 1
    assert "is not the key of" in line


@pytest.fixture
async def server(tmp_path):
    server = Server(tmp_path / "d", cert=CERT, key=KEY)
    await server.start()
    try:
        yield server
        await server.stop()
        server.check_log()
    finally:
        server.kill()


async def test_a_session_over_tls_takes_messages_of_every_size_and_all_that_is_no_tls_leaves_no_trace(server):
    """The printed line says https; large frames, fragments and pings go through the same seam as without TLS."""
    assert f"listening on https://{server.address}" in server.stdout.read_text()
    client = ssl.create_default_context(cafile=CERT)
    async with connect(f"wss://{server.address}/ws", ssl=client, proxy=None) as socket:
        await socket.send(f'{{"type":"hello","token":"{server.token("user", "u")}"}}')
        heard = ""
        while '"ready"' not in heard:
            heard = await socket.recv()
        for size in (10, 1000, 60_000):
            await socket.send(f'{{"type":"ping","more":"{"x" * size}"}}')
            assert "pong" in await socket.recv()
        await socket.send(['{"type":', '"ping"}'])
        assert "pong" in await socket.recv()
        await (await socket.ping())
    host, port = server.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert not (await reader.read()).startswith(b"HTTP")
    writer.close()
    assert SECRET not in server.said()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_1_2_and_1_3_are_spoken_with_http_1_1_only(server, version):
    host, port = server.address.split(":")
    client = ssl.create_default_context(cafile=CERT)
    client.set_alpn_protocols(["h2", "http/1.1"])
    client.minimum_version = client.maximum_version = version
    _, writer = await asyncio.open_connection(host, int(port), ssl=client)
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
    writer.close()


def test_nothing_older_than_tls_1_2_is_spoken():
    assert server_context(CERT, KEY).minimum_version is ssl.TLSVersion.TLSv1_2
