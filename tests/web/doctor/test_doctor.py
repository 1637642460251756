"""The doctor at the bedside of real processes: a dibs in good health, and one illness after the other."""

import asyncio
import os
import pwd
import signal
import subprocess
import sys
import time
from pathlib import Path

import attrs
import pytest
from redis import Redis

from storage.checkup import check_up
from storage.directory import BACKED_UP, running_server
from storage.link import Link
from tests.storage.valkey import running
from tests.web.doctor.visit import run, visit
from tests.wire.server import ROOT, SECRET, Server, signal_and_wait
from web.doctor.directory import judge_disk
from web.doctor.limit import judge
from web.doctor.store import judge as judge_store

DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("doctor") / "data", private=True)
    server.environ = {}
    with server.running():
        yield server


@pytest.fixture
def data(tmp_path):
    """A data directory in good order that nobody uses."""
    (tmp_path / "data").mkdir(mode=0o700)
    return tmp_path / "data"


async def test_a_dibs_in_good_health_is_found_so_line_by_line(server):
    words = ("--data", server.data, "--url", f"http://{server.address}")
    found = await visit(*words, DIBS_SECRET=None)
    assert (found.status, found.verdicts()) == (0, {})
    names = "python, packages, compiled, open files, secret, data, modes, disk, in use, redis, promise, eviction, memory, latency, clock"
    assert [finding["about"] for finding in found.findings] == [*names.split(", "), "door", "ready", "upgrade", "address", "forged"]
    assert f"dibs (pid {server.pid}) and its private server (pid {server.valkey_pid()})" in found.about("in use")["found"]
    assert "survives kill -9 of any process and a power cut" in found.about("promise")["found"]
    assert "20 pings" in found.about("latency")["found"]
    secret = (server.data / "secret").read_text().strip()
    status, out, err = await run(*words, DIBS_SECRET=None)
    assert (status, err) == (0, "")
    *lines, end = out.splitlines()
    assert [line.split()[0] for line in lines] == ["ok"] * 20
    assert end == "20 ok, 0 warnings, 0 failures"
    assert "\x1b" not in out, "no colours but on a terminal"
    for shown in (found.text, out):
        assert not any(secret[at : at + 8] in shown for at in range(len(secret) - 8))


async def test_on_a_terminal_the_verdicts_have_colours(data):
    script = f"{sys.executable} -m web.command doctor --data {data}"
    done = await asyncio.to_thread(
        subprocess.run,
        ["script", "-qec", script, "/dev/null"],
        cwd=ROOT,
        capture_output=True,
        check=False,
        env=os.environ | {"TERM": "xterm"},
    )
    assert b"\x1b[32mok" in done.stdout
    assert done.returncode == 0


# The data directory.


async def test_a_directory_that_does_not_exist_is_well_where_it_can_be_made_and_not_where_it_cannot(tmp_path):
    found = await visit("--data", tmp_path / "a" / "b")
    assert found.status == 0
    assert "does not exist yet" in found.about("data")["found"]
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        assert (await visit("--data", path)).verdicts()["data"] == "fail"


@pytest.mark.parametrize(("mode", "verdict", "word"), [(0o755, "warn", "read"), (0o770, "fail", "write"), (0o707, "fail", "write")])
async def test_others_may_neither_look_into_it_nor_write_there(data, mode, verdict, word):
    data.chmod(mode)
    found = await visit("--data", data)
    assert found.verdicts() == {"modes": verdict}
    assert f"mode {mode:o}: others may {word}" in found.about("modes")["found"]
    assert f"chmod -R go= {data}" in found.about("modes")["mend"]


async def test_a_file_that_others_may_read_is_named(data):
    (data / "valkey").mkdir(mode=0o700)
    for name in ("one.aof", "two.aof"):
        (data / "valkey" / name).touch(0o600)
        (data / "valkey" / name).chmod(0o640)
    found = await visit("--data", data)
    assert found.verdicts() == {"modes": "warn"}
    assert "one.aof has mode 640: others may read it, and 1 more are so" in found.about("modes")["found"]


async def test_a_directory_of_somebody_else_is_told_with_both_names(data):
    if os.geteuid() == 0:
        os.chown(data, 65534, 65534)
    else:
        data = Path("/")
    found = await visit("--data", data)
    assert found.verdicts()["data"] == "fail"
    me, owner = (pwd.getpwuid(uid).pw_name for uid in (os.geteuid(), data.stat().st_uid))
    assert f"belongs to {owner}, and we are {me}" in found.about("data")["found"]


async def test_when_the_data_were_last_backed_up_is_told_where_that_is_known(data):
    assert "backup" not in (await visit("--data", data)).text
    for hours, verdict in ((3, "ok"), (8 * 24, "warn")):
        (data / BACKED_UP).touch(0o600)
        os.utime(data / BACKED_UP, (time.time() - hours * 3600,) * 2)
        told = (await visit("--data", data)).about("backup")
        assert (told["verdict"], told["found"]) == (verdict, f"the last one is {hours} h old")


def test_a_disk_needs_room_for_a_rewrite_and_more():
    gib = 1 << 30
    sizes = [(50 * gib, gib), (gib + 1, 0), (gib - 1, 0), (9 * gib, 5 * gib), (4 * gib, 5 * gib), (1 << 20, 0)]
    assert [judge_disk(Path("/"), free, size).verdict for free, size in sizes] == ["ok", "ok", "warn", "warn", "fail", "fail"]


async def test_a_server_whose_dibs_is_gone_is_told(tmp_path):
    """It is stopped, and so does not end with its parent until it goes on."""
    server = Server(tmp_path / "data", private=True)
    await server.start()
    valkey = server.valkey_pid()
    signal_and_wait(valkey, signal.SIGSTOP)
    try:
        server.kill()
        found = await visit("--data", server.data)
        assert found.verdicts() == {"in use": "warn", "redis": "fail"}
        assert f"pid {valkey}" in found.about("in use")["found"]
        assert "does not answer" in found.about("redis")["found"]
    finally:
        os.kill(valkey, signal.SIGKILL)
    async with asyncio.timeout(10):
        while running_server(server.data) is not None:  # noqa: ASYNC110 -- another process ends: no event tells
            await asyncio.sleep(0.01)
    assert (await visit("--data", server.data)).verdicts() == {}


# The secret.


@pytest.mark.parametrize(
    ("variables", "verdict", "word"),
    [
        ({"DIBS_SECRET": "hunter2-hunter2-hunter2"}, "fail", "has 23 bytes of the 32"),
        ({"DIBS_SECRET": ""}, "fail", "has 0 bytes of the 32"),
        ({"DIBS_SECRET": "hunter2-" * 8}, "warn", "it can be guessed"),
    ],
)
async def test_a_secret_that_is_no_good_is_told_and_not_shown(data, variables, verdict, word):
    found = await visit("--data", data, **variables)
    assert found.verdicts() == {"secret": verdict}
    assert word in found.about("secret")["found"]
    assert "hunter2" not in found.text


async def test_an_old_secret_is_to_be_dropped_some_day_and_a_short_one_mended(data):
    for old, verdict in (("an-old-secret-that-was-good-enough-once", "warn"), ("hunter2", "fail")):
        found = await visit("--data", data, DIBS_SECRET_OLD=old)
        assert [finding["verdict"] for finding in found.findings if finding["about"] == "secret"] == ["ok", verdict]
        assert old not in found.text


async def test_a_secret_in_its_file_is_judged_by_length_and_mode(data):
    path = data / "secret"
    for text, mode, verdicts, word in (
        (SECRET, 0o600, {}, f"{path} has 48 bytes"),
        ("short", 0o600, {"secret": "fail"}, "has 5 bytes"),
        (SECRET, 0o640, {"secret": "fail", "modes": "warn"}, "mode 640: others on this machine may read it"),
    ):
        path.write_text(text + "\n")
        path.chmod(mode)
        found = await visit("--data", data, DIBS_SECRET=None)
        assert found.verdicts() == verdicts
        assert word in found.about("secret")["found"]
        assert text not in found.text


# The environment.


async def test_packages_that_are_too_old_or_whose_compiled_part_is_missing_are_named(data, tmp_path):
    (tmp_path / "path" / "redis-7.0.0.dist-info").mkdir(parents=True)
    (tmp_path / "path" / "redis-7.0.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: redis\nVersion: 7.0.0\n")
    (tmp_path / "path" / "hiredis").mkdir()
    (tmp_path / "path" / "hiredis" / "__init__.py").write_text("raise ImportError('it was built for another machine')")
    found = await visit("--data", data, PYTHONPATH=f"{tmp_path / 'path'}:{ROOT}")
    assert found.verdicts()["packages"] == "fail"
    assert found.about("packages")["found"] == "redis 7.0.0 is older than 8.1"
    assert found.verdicts()["compiled"] == "fail"
    assert "hiredis (it was built for another machine)" in found.about("compiled")["found"]


@pytest.mark.parametrize(("limit", "verdicts"), [(512, {"open files": "warn"}), (100, {"open files": "fail"}), (9000, {})])
async def test_the_limit_of_open_files_is_held_against_the_settings(data, limit, verdicts):
    found = await visit("--data", data, python="sh", launch=("-c", f'ulimit -n {limit} && exec {sys.executable} -m web.command "$@"', "sh"))
    assert found.verdicts() == verdicts


def test_more_sockets_want_more_files():
    assert [judge(10_000, count).verdict for count in (4000, 5000)] == ["ok", "warn"]


async def test_a_variable_that_serve_would_refuse_is_told_and_the_rest_is_looked_at(data):
    found = await visit("--data", data, DIBS_PORT="abc")
    assert found.verdicts() == {"settings": "fail"}
    assert "DIBS_PORT: must be a whole number" in found.about("settings")["found"]
    assert found.about("data")
    found = await visit("--data", data, DIBS_HOST="0.0.0.0", DIBS_SECRET=None)
    assert "DIBS_SECRET must be set" in found.about("settings")["found"]


async def test_a_program_that_cannot_serve_is_told_before_serve_is_started(data):
    found = await visit("--data", data, "--redis-server", "/bin/true")
    assert found.verdicts() == {"redis": "fail"}
    assert "is neither Redis nor Valkey" in found.about("redis")["found"]


@pytest.mark.parametrize(
    "words", [("--redis", "ftp://h"), ("--url", "chat.example"), ("--jason",), ("--redis", "redis://h", "--redis-server", "x")]
)
async def test_wrong_arguments_are_one_line_and_status_2(words):
    status, out, err = await run(*words)
    assert (status, out) == (2, "")
    assert err.startswith("dibs: ")
    assert err.count("\n") == 1


# The Redis.


@pytest.mark.parametrize(
    ("settings", "verdicts", "word"),
    [
        (DURABLE, {}, "survives kill -9 of any process and a power cut"),
        (("--appendonly", "yes"), {"promise": "warn"}, "up to 2 s"),
        ((), {"promise": "fail"}, "no append-only file"),
        ((*DURABLE, "--maxmemory-policy", "allkeys-lru"), {"promise": "fail", "eviction": "fail"}, "may evict"),
    ],
)
async def test_what_a_redis_keeps_is_told_with_what_would_mend_it(tmp_path, settings, verdicts, word):
    async with running(tmp_path / "redis", *settings) as path:
        found = await visit("--redis", f"unix://{path}", "--data", tmp_path / "data")
    assert found.verdicts() == verdicts
    assert word in found.about("promise")["found"]
    if verdicts:
        assert "CONFIG SET" in found.about("promise")["mend"]


async def test_a_redis_that_is_full_or_nearly_so_is_told(tmp_path):
    async with running(tmp_path / "redis", *DURABLE, "--maxmemory", "1") as path:
        found = await visit("--redis", f"unix://{path}", "--data", tmp_path / "data")
    assert found.verdicts() == {"redis": "fail", "memory": "fail"}
    assert "refuses to write (OutOfMemoryError)" in found.about("redis")["found"]
    async with running(tmp_path / "near", *DURABLE, "--maxmemory", "20mb") as path:
        with Redis(unix_socket_path=str(path)) as client:
            for n in range(16):
                client.set(f"{n}", b"." * 1_000_000)
        found = await visit("--redis", f"unix://{path}", "--data", tmp_path / "data")
    assert found.verdicts() == {"memory": "warn"}
    assert "of maxmemory (20 MiB)" in found.about("memory")["found"]


async def test_a_redis_that_cannot_be_asked_is_one_line_without_its_password(tmp_path):
    found = await visit("--redis", "redis://:hunter2@h?wrong=1", "--data", tmp_path / "data")
    assert found.verdicts() == {"redis": "fail"}
    assert "hunter2" not in found.text
    found = await visit("--redis", "redis://:hunter2@127.0.0.1:1", "--data", tmp_path / "data")
    assert found.verdicts() == {"redis": "fail"}
    assert "127.0.0.1:1 cannot be reached: Connection refused" in found.about("redis")["found"]
    assert "hunter2" not in found.text
    async with running(tmp_path / "redis", *DURABLE, "--requirepass", "right-word") as path:
        for url, word in ((f"unix://{path}", "wants a password"), (f"unix://:hunter2@{path}", "does not accept")):
            found = await visit("--data", tmp_path / "data", DIBS_REDIS=url)
            assert found.verdicts() == {"redis": "fail"}
            assert word in found.about("redis")["found"]
        assert (await visit("--redis", f"unix://:right-word@{path}", "--data", tmp_path / "data")).verdicts() == {}
    assert "hunter2" not in found.text


async def test_what_no_server_here_suffers_from_is_judged_all_the_same(tmp_path):
    """A healthy checkup, made worse: slow, of another time, with a failed file, on a small machine."""
    async with running(tmp_path / "redis", *DURABLE) as path:
        found = await check_up(Link.parse(f"unix://{path}"))

    def verdicts(**worse):
        return {finding.about: finding.verdict for finding in judge_store("there", attrs.evolve(found, **worse)) if finding.verdict != "ok"}

    assert len(found.pings_s) == 20
    assert verdicts() == {}
    assert verdicts(pings_s=(0.02,) * 20) == {"latency": "warn"}
    assert verdicts(pings_s=(0.0001,) * 19 + (0.9,)) == {}, "one of them may be slow"
    assert verdicts(writes_s=(0.2,) * 5) == {"latency": "warn"}
    assert verdicts(writes_s=(2.0,) * 5) == {"latency": "fail"}
    assert [verdicts(clock_s=ahead) for ahead in (0.5, 1.5, -1.5, 90)] == [{}, {"clock": "warn"}, {"clock": "warn"}, {"clock": "fail"}]
    assert verdicts(failing=("aof_last_write_status",)) == {"redis": "fail"}
    assert verdicts(used=80, machine=100) == {"memory": "warn"}
    assert verdicts(used=80, machine=0) == {}, "it does not tell"
