"""What ends a file and bounds who sends them: slowness, a withdrawn token, and the day's quota over all workers."""

import json
import socket
import time

import anyio
import pytest

from tests.wire.conftest import Mall
from tests.wire.server import Server
from tests.wire.test_file import TEXT, ask, sign, upload, user_of

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    data = tmp_path_factory.mktemp("file") / "data"
    with Server(data, files=data.parent / "files").running() as server:
        yield server


@pytest.fixture
async def mall(server):
    mall = Mall(server)
    await mall.found()
    yield mall
    await mall.close()


async def test_a_file_that_stops_coming_ends_the_connection_and_leaves_nothing(mall):
    _, token = user_of(mall)
    host, _, port = mall.server.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as half:
        head = (
            f"POST /files?store={mall.store}&name=a.txt HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 9\r\n\r\n"
        )
        begun = time.monotonic()
        half.sendall(head.encode() + b"half")
        while await anyio.to_thread.run_sync(half.recv, 4096):
            pass
        assert 5 < time.monotonic() - begun < 15
    parts = mall.server.data.parent / "files" / ".part"
    deadline = time.monotonic() + 5
    while list(parts.iterdir()):
        assert time.monotonic() < deadline
        await anyio.sleep(0.05)


async def test_a_withdrawn_token_opens_no_door_of_files(mall):
    id, token = user_of(mall)
    url = upload(mall.server, token, mall.store, TEXT, "a.txt").json["url"]
    body = json.dumps({"role": "user", "id": id}).encode()
    assert ask(mall.server, "POST", "/operator/revoke", mall.server.token("operator", "ops"), body).status == 200
    for answer in (
        upload(mall.server, token, mall.store, TEXT, "b.txt"),
        sign(mall.server, token, url),
        ask(mall.server, "GET", url, token),
    ):
        assert (answer.status, answer.code) == (401, "unauthorized")


async def test_every_worker_has_the_files_and_the_quota_of_the_others(own_server, tmp_path):
    mall = await own_server(workers=2, file_quota=1, files=tmp_path / "files")
    await mall.found()
    _, token = user_of(mall)
    big = b"%PDF-" + bytes(700_000)
    for _ in range(6):
        answer = upload(mall.server, token, mall.store, big, "a.pdf")
        assert answer.status == 201
    url = answer.json["url"]
    signed = sign(mall.server, token, url).json["urls"][url]
    assert all(ask(mall.server, "GET", signed).body == big for _ in range(12))
    for n in range(4):
        assert upload(mall.server, token, mall.store, big + b"x" * (n + 1), "a.pdf").code == "quota"
