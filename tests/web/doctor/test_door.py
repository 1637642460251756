"""The doctor before the public door: through proxies set up in all the ways that people set them up, and before what is no dibs."""

import asyncio
import http.server
import signal
import threading
from contextlib import ExitStack, asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.http11 import Response

from tests.web.doctor import proxy
from tests.web.doctor.visit import visit
from tests.wire.server import Server, signal_and_wait
from web.doctor.door import judge_address, judge_workers

TLS = Path(__file__).parent.parent / "tls"


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """By whom they trust: the proxy, nobody, or the whole world."""
    servers = {
        name: Server(tmp_path_factory.mktemp(name) / "data", private=True, **({"trusted_proxies": trusted} if trusted else {}))
        for name, trusted in (("proxy", proxy.ADDRESS), ("nobody", None), ("world", "0.0.0.0/0"))
    }
    with ExitStack() as stack:
        for server in servers.values():
            stack.enter_context(server.running())
        yield servers


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("trusted", "manner", "verdicts", "word"),
    [
        ("proxy", proxy.forwards, {}, "dibs sees that we ask from 127.66.0.1"),
        (
            "nobody",
            proxy.forwards,
            {"address": "fail"},
            f"we ask from 127.66.0.1, and dibs believes it is {proxy.ADDRESS}: the proxy's own",
        ),
        ("proxy", proxy.forgets, {"address": "fail"}, f"believes it is {proxy.ADDRESS}"),
        ("world", proxy.forwards, {"forged": "fail"}, "X-Forwarded-For itself is believed"),
        ("proxy", proxy.passes, {"address": "fail", "forged": "fail"}, "X-Forwarded-For itself is believed"),
        ("proxy", proxy.ends_upgrades, {"upgrade": "fail"}, "to an upgrade"),
        ("proxy", proxy.renames, {"upgrade": "fail"}, "does not know that name for its own"),
    ],
)
async def test_each_way_to_set_up_a_proxy_is_told_from_the_others(servers, data, trusted, manner, verdicts, word):
    async with proxy.proxied(servers[trusted].address, manner) as url:
        found = await visit("--data", data, "--url", url)
    assert found.verdicts() == verdicts
    assert word in found.text


async def test_a_header_that_the_proxy_does_not_set_is_to_be_removed_by_it(servers, data):
    """Where two headers name different clients dibs believes neither: whoever sends the other one counts for the proxy."""

    def sets_one(headers, client):
        return [*((name, value) for name, value in headers if name != "x-forwarded-for"), ("x-forwarded-for", client)]

    async with proxy.proxied(servers["proxy"].address, sets_one) as url:
        found = await visit("--data", data, "--url", url)
    assert found.verdicts() == {"forged": "warn"}
    assert found.about("forged")["found"] == f"with Forwarded of its own a client counts for {proxy.ADDRESS}"


async def test_a_server_whose_redis_stands_still_is_not_ready(data, tmp_path):
    server = Server(tmp_path / "own", private=True)
    await server.start()
    valkey = server.valkey_pid()
    try:
        signal_and_wait(valkey, signal.SIGSTOP)
        found = await visit("--data", data, "--url", f"http://{server.address}")
        assert found.verdicts() == {"ready": "fail"}
        assert "/readyz answers 503: storage cannot be reached" in found.about("ready")["found"]
    finally:
        signal_and_wait(valkey, signal.SIGCONT)
        server.kill()


async def test_behind_tls_the_certificate_has_to_hold(data, tmp_path):
    server = Server(tmp_path / "own", private=True, cert=TLS / "cert.pem", key=TLS / "key.pem")
    await server.start()
    try:
        found = await visit("--data", data, "--url", f"https://{server.address}")
        assert found.verdicts() == {"door": "fail"}
        assert "its certificate does not hold: self-signed certificate" in found.about("door")["found"]
        found = await visit("--data", data, "--url", f"https://{server.address}", SSL_CERT_FILE=str(TLS / "cert.pem"))
        assert found.verdicts() == {}
        await server.stop()
    finally:
        server.kill()


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """A web server that has something at every path."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        """It is quiet."""


async def test_what_answers_and_is_no_dibs_is_told(data):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as there:
        threading.Thread(target=there.serve_forever, daemon=True).start()
        found = await visit("--data", data, "--url", f"http://127.0.0.1:{there.server_port}")
        there.shutdown()
    assert found.verdicts() == {"door": "fail"}
    assert "answers 200 to /healthz, and not as dibs does" in found.about("door")["found"]


async def test_a_door_that_is_shut_is_told(data):
    found = await visit("--data", data, "--url", "http://127.0.0.1:1")
    assert found.verdicts() == {"door": "fail"}
    assert "cannot be reached: Connection refused" in found.about("door")["found"]


@asynccontextmanager
async def gateway(compression):
    """One that answers for dibs over HTTP and speaks WebSocket itself; yields the URL."""

    async def leave(socket):
        """Nothing is behind it."""

    def answer(connection, request):
        if request.path != "/ws":
            address = connection.remote_address[0]
            return Response(HTTPStatus.OK, "OK", Headers({"Dibs-Address": address, "Content-Length": "2", "Connection": "close"}), b"ok")

    async with serve(leave, "127.0.0.1", 0, process_request=answer, compression=compression, subprotocols=["dibs.v1"]) as served:
        yield f"http://127.0.0.1:{served.sockets[0].getsockname()[1]}"


async def test_a_gateway_that_compresses_or_keeps_the_frames_to_itself_is_told(data, monkeypatch):
    async with gateway("deflate") as url:
        found = await visit("--data", data, "--url", url)
    assert found.verdicts() == {"upgrade": "fail"}
    assert found.about("upgrade")["found"] == "permessage-deflate is negotiated, which dibs never does"
    async with gateway(None) as url:
        found = await visit("--data", data, "--url", url)
    assert found.verdicts() == {"upgrade": "fail"}
    assert "what answers there is not dibs" in found.about("upgrade")["found"]


@pytest.mark.parametrize(
    ("believed", "ours", "theirs", "verdict"),
    [
        ("192.168.1.5", "192.168.1.5", "1.1.1.1", "ok"),
        ("8.8.8.8", "192.168.1.5", "1.1.1.1", "warn"),
        ("10.0.0.2", "192.168.1.5", "1.1.1.1", "fail"),
        ("1.1.1.1", "192.168.1.5", "1.1.1.1", "fail"),
        ("10.0.0.2", "10.9.9.9", "10.0.0.1", "warn"),
        ("10.0.0.1", "10.9.9.9", "10.0.0.1", "fail"),
        ("", "10.9.9.9", "10.0.0.1", "warn"),
    ],
)
def test_an_address_is_the_proxys_where_it_can_be_nobody_elses(believed, ours, theirs, verdict):
    assert judge_address(believed, ours, theirs).verdict == verdict


def test_a_worker_that_does_not_serve_is_told():
    assert judge_workers(3, 3).verdict == "ok"
    assert judge_workers(2, 3).verdict == "warn"
    assert judge_workers(2, 3).found == "2 of 3 serve"


async def test_everybody_is_told_its_own_address_and_no_answer_is_kept(servers):
    reader, writer = await asyncio.open_connection(*servers["nobody"].address.split(":"), local_addr=("127.7.7.7", 0))
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.1\r\nConnection: close\r\n\r\n")
    answer = (await reader.read()).decode().lower()
    writer.close()
    await writer.wait_closed()
    assert "dibs-address: 127.7.7.7\r\n" in answer
    assert "cache-control: no-store\r\n" in answer
