"""The way to a given Redis: its URL, what is asked of it, and one clear line without a password for whatever is wrong."""

import asyncio
import ssl
import traceback
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from storage.fault import BadUrl, StorageStartError
from storage.link import Link, check
from tests.faults.process import version
from tests.storage.below import program
from tests.storage.valkey import running

KIND = version(program()).split()[0].lower()
PASSWORD = "hunter2:/@?#"
QUOTED = "hunter2%3A%2F%40%3F%23"
TLS = Path(__file__).with_name("tls")


async def refusal(url):
    with pytest.raises(StorageStartError) as caught:
        await check(Link.parse(url))
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    assert str(caught.value).isprintable()
    return str(caught.value)


@asynccontextmanager
async def listening(serve, context=None):
    """`serve` behind TCP, each connection ended before the end; yields the port."""
    open_ones = set()

    async def keep(reader, writer):
        open_ones.add(asyncio.current_task())
        try:
            await serve(reader, writer)
        except OSError:
            pass
        finally:
            writer.transport.abort()

    async with await asyncio.start_server(keep, "127.0.0.1", 0, ssl=context) as server:
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            await asyncio.wait(open_ones) if open_ones else None


@asynccontextmanager
async def forwarding(socket, context=None):
    """The server of `socket` behind TCP; yields the port."""

    async def pump(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def forward(reader, writer):
        there, back = await asyncio.open_unix_connection(str(socket))
        await asyncio.gather(pump(reader, back), pump(there, writer))

    async with listening(forward, context) as port:
        yield port


@asynccontextmanager
async def answering(*answers):
    """A server that gives one answer to each command that comes, in turn; then it says nothing more. Yields the port."""

    async def serve(reader, writer):
        for answer in answers:
            await reader.readuntil(b"\r\n")
            while reader._buffer:
                await reader.read(65536)
            writer.write(answer)
        await reader.read()

    async with listening(serve) as port:
        yield port


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://localhost", Link(host="localhost")),
        ("redis://localhost:6380/3", Link(host="localhost", port=6380, db=3)),
        ("redis://h/?db=4", Link(host="h", db=4)),
        ("redis://h/4?wait=1", Link(host="h", db=4, waits=True)),
        ("redis://h/4?wait=0", Link(host="h", db=4)),
        (f"redis://me:{QUOTED}@h", Link(host="h", username="me", password=PASSWORD)),
        ("redis://:hunter2@[::1]:7000", Link(host="::1", port=7000, password="hunter2")),
        ("rediss://h/1?ssl_ca_certs=/ca.pem", Link(host="h", db=1, tls={"ssl_ca_certs": "/ca.pem"})),
        ("unix:///run/a%20b.sock?db=2", Link(path="/run/a b.sock", db=2)),
        (f"unix://me:{QUOTED}@/run/s", Link(path="/run/s", username="me", password=PASSWORD)),
    ],
)
def test_a_url_is_read(url, expected):
    link = Link.parse(url)
    assert link == expected
    assert "hunter2" not in repr(link)
    assert "hunter2" not in link.place


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost",
        "http://hunter2@h",
        "redis://",
        "redis://:hunter2@",
        "redis://h:port",
        "redis://h:0",
        "redis://h:99999",
        "redis://:hunter2#@h",
        "redis://[::1",
        "redis://h/zero",
        "redis://h/-1",
        "redis://h/1/2",
        "redis://h?db=1&db=2",
        "redis://h?hunter2",
        "redis://h?socket_timeout=5",
        "redis://h?wait=2",
        "redis://h?wait=",
        "redis://h?ssl_ca_certs=/x",
        "unix://",
        "unix://relative",
        "unix://h/path",
        "unix:///path?db=x",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_repeating_it(url):
    with pytest.raises(BadUrl) as caught:
        Link.parse(url)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    assert str(caught.value).isprintable()


async def test_a_connection_never_retries_and_waits_for_its_answer_without_limit(tmp_path):
    async with running(tmp_path / "v") as socket:
        connection = Link.parse(f"unix://{socket}?db=3").connection()
        assert not connection.is_connected
        assert connection.socket_timeout is None
        assert connection.retry.get_retries() == 0
        assert connection.health_check_interval == 0
        await connection.connect()
        await connection.send_command("CLIENT", "INFO")
        said = await connection.read_response()
        assert b" name=dibs " in said
        assert b" db=3 " in said
        await connection.disconnect()


async def test_the_server_says_who_it_is(tmp_path):
    async with running(tmp_path / "v", "--appendonly", "yes", "--min-replicas-to-write", "2", "--maxmemory", "64mb") as socket:
        info = await check(Link.parse(f"unix://{socket}"))
    assert (f"{info.kind} {info.version}", info.primary, info.loading) == (version(program()).lower(), True, False)
    assert (info.appendonly, info.appendfsync, info.maxmemory_policy) == (True, "everysec", "noeviction")
    assert (info.maxmemory, info.min_replicas, info.replicas) == (64 << 20, 2, 0)
    assert len(info.run_id) == len(info.replication_id) == 40


async def test_where_config_is_denied_what_it_would_tell_is_unknown(tmp_path):
    async with running(tmp_path / "v", *["--user", "default", "on", "nopass", "~*", "&*", "+@all", "-config"]) as socket:
        info = await check(Link.parse(f"unix://{socket}"))
    assert (info.appendfsync, info.min_replicas, info.appendonly) == (None, None, False)


async def test_an_acl_user_with_a_strange_password_gets_in_and_others_are_told(tmp_path):
    settings = f"--user me on >{PASSWORD} ~* &* +@all --user default off --user poor on >hunter2 ~* &* +ping".split()
    async with running(tmp_path / "v", *settings) as socket:
        assert (await check(Link.parse(f"unix://me:{QUOTED}@{socket}"))).kind == KIND
        assert "does not accept the user name and password" in await refusal(f"unix://me:hunter2wrong@{socket}")
        assert "wants a password" in await refusal(f"unix://{socket}")
        assert "does not give this user the rights" in await refusal(f"unix://poor:hunter2@{socket}")


async def test_a_password_where_none_is_set_is_told(tmp_path):
    async with running(tmp_path / "v") as socket:
        line = await refusal(f"unix://me:hunter2@{socket}")
    assert "does not accept the user name and password" in line


async def test_tls_is_spoken_and_an_unknown_certificate_refused(tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "cert.pem", TLS / "key.pem")
    async with running(tmp_path / "v", "--requirepass", "hunter2") as socket, forwarding(socket, context) as port:
        assert (await check(Link.parse(f"rediss://:hunter2@localhost:{port}?ssl_ca_certs={TLS / 'cert.pem'}"))).kind == KIND
        assert "with TLS: self" in await refusal(f"rediss://:hunter2@localhost:{port}")
        assert "with TLS: " in await refusal(f"rediss://:hunter2@127.0.0.1:{port}?ssl_ca_certs={TLS / 'cert.pem'}")
        assert "cannot be reached" in await refusal(f"redis://:hunter2@localhost:{port}")
    assert "cannot be reached" in await refusal(f"rediss://localhost:{port}?ssl_ca_certs=/no/such/file")


async def test_plain_tcp_is_spoken(tmp_path):
    async with running(tmp_path / "v") as socket, forwarding(socket) as port:
        assert (await check(Link.parse(f"redis://127.0.0.1:{port}/1"))).kind == KIND


async def test_a_server_out_of_reach_is_one_clear_line(tmp_path):
    assert await refusal("redis://127.0.0.1:1") == "the Redis at 127.0.0.1:1 cannot be reached: Connection refused"
    assert await refusal(f"unix://{tmp_path}/none") == f"the Redis at {tmp_path}/none cannot be reached: No such file or directory"
    assert "no.such.host.invalid:6379 cannot be reached: " in await refusal("redis://:hunter2@no.such.host.invalid")


async def test_a_server_that_never_answers_is_told_within_the_limit(monkeypatch):
    monkeypatch.setattr("storage.link.CHECK_TIMEOUT_S", 0.2)
    async with answering() as port:
        assert await refusal(f"redis://127.0.0.1:{port}") == f"the Redis at 127.0.0.1:{port} does not answer"


async def test_a_peer_that_is_no_redis_is_told():
    async with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert f"the Redis at 127.0.0.1:{port} cannot be reached" in await refusal(f"redis://127.0.0.1:{port}")


async def test_a_server_that_quotes_the_password_in_its_error_is_not_quoted():
    async with answering(b"-ERR unknown command 'AUTH', with args beginning with: 'hunter2'\r\n") as port:
        assert "refuses the connection (ERR)" in await refusal(f"redis://:hunter2@127.0.0.1:{port}")


async def test_a_database_that_does_not_exist_is_told(tmp_path):
    async with running(tmp_path / "v") as socket:
        assert (await refusal(f"unix://{socket}?db=99")).endswith("has no database 99")


async def test_a_redis_before_seven_is_refused():
    text = b"redis_version:6.2.14\r\nredis_mode:standalone\r\n"
    info = b"$%d\r\n%b\r\n" % (len(text), text)
    async with answering(b"+OK\r\n", info, info, info, info, *[b"*0\r\n"] * 3) as port:
        assert "is version 6.2.14; dibs needs Redis 7.0" in await refusal(f"redis://127.0.0.1:{port}")


async def test_a_cluster_and_a_replica_are_refused(tmp_path):
    async with running(tmp_path / "c", "--cluster-enabled", "yes") as socket:
        assert "is a part of a cluster; name that" in await refusal(f"unix://{socket}")
    async with running(tmp_path / "r", "--replicaof", "127.0.0.1 1") as socket:
        assert "is a replica" in await refusal(f"unix://{socket}")


async def test_a_lost_reply_is_an_error_and_never_sent_again(tmp_path):
    async with answering(b"+OK\r\n", b":1\r\n") as port:
        connection = Link.parse(f"redis://127.0.0.1:{port}").connection()
        await connection.connect()
        await connection.send_command("INCR", "x")
        assert await connection.read_response() == 1
        await connection.disconnect()
    with pytest.raises(RedisError):
        await connection.connect()
