"""`dibs serve` as a process: every start that fails is one line and a status, and an existing Redis is told what it can keep."""

import asyncio
import os
import socket
import sys
from contextlib import asynccontextmanager

import pytest

from tests.storage.valkey import running

SECRET = "s" * 40
ALWAYS = ("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction")


async def start(*arguments, **variables):
    """The process, with both of its outputs as pipes."""
    environ = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "DIBS_SECRET": SECRET} | variables
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "web.command",
        "serve",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environ,
    )


async def refused(*arguments, **variables):
    """The status and the line of a start that fails."""
    process = await start(*arguments, **variables)
    async with asyncio.timeout(30):
        out, said = await process.communicate()
    assert out == b"", "nothing is promised on standard output"
    assert b"Traceback" not in said
    lines = [line for line in said.decode().splitlines() if line.startswith("dibs: ")]
    assert len(lines) == 1, said
    return process.returncode, lines[0]


@asynccontextmanager
async def serving(*arguments, **variables):
    """A server that has said that it listens; yields what it logs until then and ends well."""
    process = await start(*arguments, **variables)
    try:
        async with asyncio.timeout(30):
            line = (await process.stdout.readline()).decode()
        assert line.startswith("dibs: listening on http://"), (line, await process.stderr.read())
        yield line.split()[-1]
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(20):
            _, said = await process.communicate()
        assert process.returncode == 0, said
        assert b"Traceback" not in said


async def get(base, path):
    """Status and body of a plain request."""
    host, port = base.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    return int(answer.split()[1]), answer.partition("\r\n\r\n")[2]


async def test_a_port_that_is_taken_is_one_line_and_status_1(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        status, line = await refused("--port", port, "--data", str(tmp_path / "data"))
    assert status == 1
    assert port in line


async def test_a_data_directory_that_cannot_be_written_is_one_line_and_status_1(tmp_path):
    (tmp_path / "file").write_text("in the way")
    status, line = await refused("--port", "0", "--data", str(tmp_path / "file"))
    assert status == 1
    assert str(tmp_path / "file") in line


async def test_a_redis_that_is_not_there_is_one_line_and_status_1(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    status, line = await refused("--port", "0", "--data", str(tmp_path), "--redis", f"redis://127.0.0.1:{port}/0")
    assert status == 1
    assert f"127.0.0.1:{port}" in line


@pytest.mark.parametrize("url", ["unix://{}", "unix://:wrong-word@{}", "unix://someone:wrong-word@{}"])
async def test_a_wrong_password_is_one_line_that_does_not_repeat_it(tmp_path, url):
    async with running(tmp_path / "redis", *ALWAYS, "--requirepass", "right-word") as path:
        status, line = await refused("--port", "0", "--data", str(tmp_path / "data"), "--redis", url.format(path))
    assert status == 1
    assert "password" in line
    assert "word@" not in line
    assert "wrong-word" not in line


async def test_a_setting_that_cannot_be_used_is_one_line_and_status_2(tmp_path):
    status, line = await refused("--port", "70000", "--data", str(tmp_path))
    assert status == 2
    assert "--port" in line


async def test_an_existing_redis_is_used_with_its_password_and_database_and_its_promise_is_told(tmp_path):
    async with running(tmp_path / "redis", *ALWAYS, "--requirepass", "right-word") as path:
        url = f"unix://:right-word@{path}?db=3"
        async with serving("--port", "0", "--data", str(tmp_path / "data"), "--redis", url, "--strict") as base:
            status, ready = await get(base, "/readyz")
    assert status == 200
    assert "survives kill -9 of any process and a power cut" in ready


async def test_strict_refuses_a_redis_that_cannot_keep_what_is_acknowledged_and_without_it_that_is_said_aloud(tmp_path):
    async with running(tmp_path / "redis") as path:
        arguments = ("--port", "0", "--data", str(tmp_path / "data"), "--redis", f"unix://{path}")
        status, line = await refused(*arguments, "--strict")
        async with serving(*arguments) as base:
            _, ready = await get(base, "/readyz")
    assert status == 1
    assert "append-only" in line
    assert "can be lost" in ready


async def test_everysec_keeps_its_lesser_promise(tmp_path):
    everysec = ("--appendonly", "yes", "--appendfsync", "everysec")
    data = str(tmp_path / "data")
    async with (
        running(tmp_path / "redis", *everysec) as path,
        serving("--port", "0", "--data", data, "--redis", f"unix://{path}", "--strict") as base,
    ):
        _, ready = await get(base, "/readyz")
    assert "up to 2 s" in ready


async def test_settings_come_from_variables_too(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    async with serving(DIBS_PORT=port, DIBS_DATA=str(tmp_path / "data")) as base:
        assert base.endswith(f":{port}")
        assert (await get(base, "/healthz"))[0] == 200


async def test_the_demo_prints_four_tokens_and_the_lines_to_try_them(tmp_path):
    process = await start("--port", "0", "--data", str(tmp_path / "data"), "--demo")
    try:
        said = ""
        async with asyncio.timeout(30):
            while "/help lists" not in said:
                line = (await process.stdout.readline()).decode()
                assert line, said
                said += line
    finally:
        process.terminate()
        await process.communicate()
    assert said.count(" --token ey") == 4
    for word in ("user u1", "agent a1", "agent a2", "supervisor boss", "/ws", "/readyz", "dibs chat --url", "--store demo", "/claim u1"):
        assert word in said
