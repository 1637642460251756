"""Files in a bucket: all that is promised of a directory holds, on every node, and an outage harms nothing but them."""

import json
import os
import time

import anyio
import pytest

from tests.wire.bucket import CREDENTIALS, Bucket
from tests.wire.conftest import fresh
from tests.wire.server import Server
from tests.wire.test_file import TEXT, agent_of, ask, picture, send, sign, upload, user_of

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def bucket():
    with Bucket().running() as bucket:
        yield bucket


@pytest.fixture
def in_bucket(own_server, bucket, monkeypatch):
    for key, value in CREDENTIALS.items():
        monkeypatch.setenv(key, value)

    async def start(**options):
        mall = await own_server(files=f"s3://{bucket.name}/some/where", files_endpoint=bucket.endpoint, **options)
        await mall.found()
        return mall

    return start


async def test_a_file_comes_back_from_the_bucket_and_goes_with_its_chat(in_bucket, bucket):
    mall = await in_bucket()
    user = await mall.user("A~b.C")
    await user.say("hello")
    token = mall.server.token("user", user.id)
    big = b"%PDF-" + os.urandom(9_000_000)
    urls = {}
    for data, name in ((picture(), "a.png"), (TEXT, "a.txt"), (big, "a.pdf")):
        answer = upload(mall.server, token, mall.store, data, name)
        assert answer.status == 201, answer
        urls[answer.json["url"]] = data
    signed = sign(mall.server, agent_of(mall), *urls).json["urls"]
    for url, data in urls.items():
        assert ask(mall.server, "GET", signed[url]).body == data
    assert list((mall.server.data / "files" / ".part").iterdir()) == []
    assert ask(mall.server, "GET", url.replace(url[-68:-60], "0" * 8), token).status == 404
    assert bucket.holds(f"some/where/{mall.store}/=a~b.=c/")
    body = json.dumps({"store": mall.store, "user": user.id}).encode()
    assert ask(mall.server, "POST", "/operator/erase", mall.server.token("operator", "ops"), body).status == 200
    assert ask(mall.server, "GET", url, token).status == 404
    assert not bucket.holds(f"some/where/{mall.store}/")


async def test_two_nodes_share_a_bucket_and_a_quota(in_bucket, bucket, tmp_path):
    mall = await in_bucket(file_quota=1)
    place = mall.server.options | {"redis": mall.server.valkey_url()}
    other = Server(tmp_path / "data", **place)
    with other.running():
        _, token = user_of(mall)
        big = b"%PDF-" + bytes(700_000)
        url = upload(mall.server, token, mall.store, big, "a.pdf").json["url"]
        signed = sign(other, token, url).json["urls"][url]
        assert ask(mall.server, "GET", signed).body == big
        assert upload(other, token, mall.store, big, "a.pdf").status == 201
        assert upload(other, token, mall.store, big + b"x", "a.pdf").code == "quota"


async def test_signing_in_copies_what_lies_in_the_bucket(in_bucket):
    mall = await in_bucket()
    mall.server.environ["DIBS_VISITORS"] = "on"
    await mall.server.restart()
    visitor = ask(mall.server, "POST", "/visitor", None, json.dumps({"store": mall.store}).encode()).json
    person = await mall.kind.open(mall.server, visitor["token"])
    person.store = mall.store
    mall.people.append(person)
    url = upload(mall.server, visitor["token"], mall.store, TEXT, "a.txt").json["url"]
    await send(person, "file", {"url": url, "name": "a.txt"})
    gone = url.replace(url[-68:-60], "0" * 8)
    await send(person, "file", {"url": gone, "name": "b.txt"})
    user = await mall.dial()
    user.id, user.role, user.store = fresh("u"), "user", mall.store
    user.checker.role, user.checker.agent = "user", False
    token = mall.server.token("user", user.id)
    await user.send_raw(json.dumps({"type": "hello", "token": token, "visitor": visitor["token"]}))
    await user.expect("ready")
    assert ask(mall.server, "GET", url.replace(visitor["id"], user.id), token).body == TEXT
    assert ask(mall.server, "GET", gone.replace(visitor["id"], user.id), token).status == 404


async def test_what_nothing_names_any_more_goes_from_the_bucket(in_bucket):
    mall = await in_bucket(keep_days=3 / 86_400)
    user = await mall.user()
    token = mall.server.token("user", user.id)
    old, again = (upload(mall.server, token, mall.store, TEXT * n, "a.txt").json["url"] for n in (1, 2))
    deadline = time.monotonic() + 30
    while ask(mall.server, "GET", old, token).status == 200:
        assert time.monotonic() < deadline
        await send(user, "file", {"url": again, "name": "a.txt"})
        await anyio.sleep(0.3)
    assert ask(mall.server, "GET", again, token).body == TEXT * 2


async def test_while_the_bucket_is_away_files_are_unavailable_and_chats_go_on(in_bucket, bucket):
    mall = await in_bucket()
    _, token = user_of(mall)
    url = upload(mall.server, token, mall.store, TEXT, "a.txt").json["url"]
    bucket.kill()
    try:
        for answer in (upload(mall.server, token, mall.store, TEXT, "a.txt"), ask(mall.server, "GET", url, token)):
            assert (answer.status, answer.code) == (503, "unavailable")
            assert int(answer.headers["retry-after"]) > 0
        user = await mall.user()
        await user.say("and the chat goes on")
        await mall.server.restart()
        assert "files_out_of_reach" in mall.server.said()
    finally:
        bucket.start()
    assert upload(mall.server, token, mall.store, TEXT, "a.txt").status == 201
    assert "psst-key" not in mall.server.said()


async def test_a_bucket_that_cannot_be_used_stops_the_start_in_one_line(bucket, tmp_path, monkeypatch):
    for key in CREDENTIALS:
        monkeypatch.delenv(key, raising=False)
    server = Server(tmp_path / "data", files=f"s3://{bucket.name}", files_endpoint=bucket.endpoint)
    assert (await server.refused())[1].endswith("--files: there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY\n")
    for key, value in CREDENTIALS.items():
        monkeypatch.setenv(key, value)
    server.options["files"] = "s3://nowhere"
    code, said = await server.refused()
    assert (code != 0, said.splitlines()[-1]) == (True, "dibs: --files: there is no bucket nowhere"), said
    server.options["files"] = "s3://No_Bucket"
    assert "--files: must be s3://BUCKET or s3://BUCKET/PREFIX" in (await server.refused())[1]
    server.options["files"] = tmp_path / "files"
    assert "--files-endpoint: is for --files s3://BUCKET/PREFIX" in (await server.refused())[1]
    (tmp_path / "without" / "obstore").mkdir(parents=True)
    (tmp_path / "without" / "obstore" / "__init__.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "without"))
    server.options["files"] = f"s3://{bucket.name}"
    assert "--files: s3:// needs the extra s3: pip install 'dibs[s3]'" in (await server.refused())[1]
