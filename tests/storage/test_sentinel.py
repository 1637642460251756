"""The way to a primary by its sentinels: the URL, who is believed, one clear line for whatever is wrong. Real sentinels on loopback."""

import asyncio
import subprocess
import time
import traceback
from contextlib import ExitStack

import pytest
import redis
from redis.exceptions import RedisError

from storage.deployment import parse
from storage.fault import BadUrl, StorageStartError
from storage.link import Link, NoPrimary, check
from storage.sentinel import Found, Sentinels
from tests.faults.load import until
from tests.storage.below import START_S, Below, free_port, program
from tests.wire.server import Server
from web.doctor.finding import Verdict
from web.doctor.store import examine_store

PASSWORD = "hunter2:/@?#"
QUOTED = "hunter2%3A%2F%40%3F%23"


class Sentinel:
    """One that looks after a primary `mall`, alone. `epoch` is the number of its configuration."""

    def __init__(self, folder, primary, *lines, epoch=0):
        folder.mkdir()
        self.place = f"127.0.0.1:{(port := free_port())}"
        self.port = port
        conf = folder / "conf"
        about = (f"monitor mall 127.0.0.1 {primary} 1", f"config-epoch mall {epoch}", "down-after-milliseconds mall 60000")
        conf.write_text("\n".join([f"port {port}", f"dir {folder}", 'logfile ""', *(f"sentinel {line}" for line in about), *lines]))
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen([program(), str(conf), "--sentinel"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def wait(self):
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            try:
                with redis.Redis(port=self.port) as client:
                    client.ping()
                    return
            except redis.AuthenticationError:
                return
            except RedisError:
                time.sleep(0.02)
        raise AssertionError("the sentinel does not answer")

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def start(tmp_path):
    """Starts a sentinel for a primary on this port."""
    with ExitStack() as stack:
        count = iter(range(99))

        def begin(primary, *lines, **options):
            made = Sentinel(tmp_path / f"s{next(count)}", primary, *lines, **options)
            stack.callback(made.stop)
            made.wait()
            return made

        yield begin


@pytest.fixture(scope="module")
def primary(tmp_path_factory):
    server = Below(tmp_path_factory.mktemp("p"), tcp=True)
    server.start()
    yield server
    server.stop()


def url(*sentinels, name="mall", more=""):
    return f"sentinel://{','.join(sentinel.place for sentinel in sentinels)}/{name}{more}"


async def refusal(at):
    with pytest.raises(StorageStartError) as caught:
        await check(parse(at))
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_a_url_is_read():
    found = parse(f"sentinel://me:{QUOTED}@h1:7000,h2,[::1]:7001/mall.main-1?db=3&sentinel_username=they&sentinel_password={QUOTED}")
    whom = {"username": "they", "password": PASSWORD}
    assert found == Sentinels(
        name="mall.main-1",
        sentinels=(Link(host="h1", port=7000, **whom), Link(host="h2", port=26379, **whom), Link(host="::1", port=7001, **whom)),
        server=Link(username="me", password=PASSWORD, db=3),
    )
    assert found.waits
    assert found.place == "sentinel://h1:7000,h2:26379,[::1]:7001/mall.main-1"
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    "text",
    [
        "sentinel://",
        "sentinel://h1:1",
        "sentinel:///mall",
        "sentinel://h1:1,/mall",
        "sentinel://h1:port/mall",
        "sentinel://h1:0/mall",
        "sentinel://:hunter2@/mall",
        "sentinel://h1/mall/3",
        "sentinel://h1/m all",
        "sentinel://h1/mall?db=x",
        "sentinel://h1/mall?db=1&db=2",
        "sentinel://h1/mall?hunter2",
        "sentinel://h1/mall?wait=0",
        "sentinel://h1/mall#hunter2",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_repeating_it(text):
    with pytest.raises(BadUrl) as caught:
        parse(text)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


async def test_every_connection_leads_to_the_primary(primary, start):
    found = parse(url(start(primary.link.port), more="?db=3"))
    assert (await check(found)).primary
    connection = found.connection()
    await connection.connect()
    await connection.send_command("CLIENT", "INFO")
    assert b" db=3 " in await connection.read_response()
    await connection.disconnect()


async def test_a_sentinel_that_does_not_answer_is_done_without(primary, start):
    there, gone = start(primary.link.port), start(primary.link.port)
    gone.stop()
    assert (await check(parse(url(gone, there)))).primary


@pytest.mark.parametrize("order", [1, -1])
async def test_of_those_who_answer_the_one_with_the_newest_configuration_is_believed(primary, start, order):
    both = [start(free_port(), epoch=3), start(primary.link.port, epoch=7)][::order]
    found = parse(url(*both))
    assert await found.find() == Found("127.0.0.1", primary.link.port, 7)
    assert (await check(found)).primary


async def test_that_no_sentinel_answers_is_said_in_one_line():
    place = f"127.0.0.1:{free_port()}"
    said = await refusal(f"sentinel://:{QUOTED}@{place}/mall")
    assert said == f"no primary is known for sentinel://{place}/mall: the sentinel at {place} does not answer"


async def test_that_they_know_none_of_that_name_is_said_in_one_line(primary, start):
    sentinel = start(primary.link.port)
    assert f"the sentinel at {sentinel.place} knows none named other" in await refusal(url(sentinel, name="other"))


async def test_that_what_answers_is_no_sentinel_is_said_in_one_line(primary):
    assert "is no sentinel" in await refusal(f"sentinel://127.0.0.1:{primary.link.port}/mall")


async def test_passwords_of_sentinels_are_their_own(primary, start):
    sentinel = start(primary.link.port, 'requirepass "hunter2:/@?#"')
    assert "does not let us in (?sentinel_password=)" in await refusal(url(sentinel))
    assert "does not let us in" in await refusal(url(sentinel, more="?sentinel_password=hunter2"))
    assert (await check(parse(url(sentinel, more=f"?sentinel_password={QUOTED}")))).primary


async def test_a_password_that_the_primary_wants_is_asked_for(start, tmp_path):
    server = Below(tmp_path / "p", tcp=True)
    server.start()
    try:
        with server.client() as client:
            client.config_set("requirepass", "hunter2")
            at = url(start(server.link.port))
            assert "wants a password" in await refusal(at)
            assert "does not accept" in await refusal(at.replace("://", "://:hunter3@"))
            assert (await check(parse(at.replace("://", "://:hunter2@")))).primary
    finally:
        server.stop()


async def test_an_address_at_which_there_is_no_primary_is_named(primary, start, tmp_path):
    replica = Below(tmp_path / "r", "--replicaof", "127.0.0.1", str(primary.link.port), tcp=True)
    replica.start()
    try:
        place = f"127.0.0.1:{replica.link.port}"
        # A sentinel that looks at it finds out in time; right after it has started it has not.
        sentinel = start(replica.link.port)
        found = parse(url(sentinel))
        with pytest.raises(NoPrimary, match=f"{place}, which the sentinels of mall name, is no primary"):
            await found.connection().connect()
    finally:
        replica.stop()
    gone = start(replica.link.port)
    assert "cannot be reached" in await refusal(url(gone))


class Words(Sentinels):
    """Says one thing after another, and then nothing any more."""

    async def find(self):
        if not WORDS:
            await asyncio.get_running_loop().create_future()
        if (word := WORDS.pop(0)) is None:
            raise NoPrimary("nobody answers")
        return Found(*word)


WORDS = []


async def test_a_new_primary_is_told_once_and_a_stale_word_of_the_old_one_never(monkeypatch):
    monkeypatch.setattr("storage.sentinel.LOOK_S", 0)
    old, new, newest = ("h1", 1, 4), ("h2", 1, 5), ("h1", 1, 9)
    WORDS[:] = [old, old, None, new, old, None, new, ("h1", 1, 3), newest, new, newest]
    told = []

    async def moved():
        told.append(len(WORDS))

    found = Words(name="mall", sentinels=(), server=Link())
    watch = asyncio.create_task(found.watch(moved))
    await until(lambda: not WORDS, 5, "all was said")
    watch.cancel()
    assert told == [7, 2]


async def test_a_primary_that_cannot_keep_the_promise_is_refused_with_strict_and_said_aloud_without(primary, start, tmp_path):
    """No replica and no `min-replicas-to-write`: what it takes goes with it."""
    at = url(start(primary.link.port))
    found = {finding.about: finding async for finding in examine_store(at, None, tmp_path)}
    assert found["promise"].verdict is Verdict.FAIL
    server = Server(tmp_path / "data", redis=at)
    server.environ["DIBS_STRICT"] = "true"
    code, said = await server.refused()
    assert (code, "--strict" in said, "min-replicas-to-write" in said) == (1, True, True), said
    server.environ["DIBS_STRICT"] = "false"
    await server.start()
    try:
        assert "min-replicas-to-write" in server.said()
        await server.stop()
    finally:
        server.kill()
