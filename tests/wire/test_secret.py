"""Secrets and tokens of a real process: in no log, no answer, no metric, no file but their own, no process table."""

import os
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from tests.wire.client import Client
from tests.wire.door import ask, operator, revoke
from tests.wire.person import Person
from tests.wire.server import SECRET, Server, processes

pytestmark = pytest.mark.anyio

OLD = "the-secret-before-that-one-of-more-than-32-bytes"


def family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    table = processes()
    found = [pid]
    for parent in found:
        found += [child for child, process in table.items() if process.parent == parent]
    return found


def listed(pid: int) -> bytes:
    """What a list of processes shows of one."""
    proc = Path(f"/proc/{pid}")
    if proc.exists():
        return (proc / "cmdline").read_bytes() + (proc / "comm").read_bytes()
    return subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, check=True).stdout


def files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


async def busy(server: Server, tokens: list[str]) -> list[str]:
    """Does everything that handles a token, well and badly; what the server answered over HTTP."""

    def token(role: str, id: str, **more: object) -> str:
        tokens.append(server.token(role, id, **more))
        return tokens[-1]

    agent = await Person.open(server, token("agent", "a1", stores=["s1"]))
    user = await Person.open(server, token("user", "u1"))
    agent.store = user.store = "s1"
    await user.say()
    await agent.claim(user)
    await agent.send({"type": "token", "token": token("agent", "a1", stores=["s1"], ttl_s=600)})
    await agent.pong()
    for frame in (
        {"type": "token", "token": token("agent", "a2", stores=["s1"])},
        {"type": "send", "id": token("user", "u9"), "store": token("user", "u9"), "kind": "text", "body": {"text": 7}},
        {"type": token("user", "u9")},
    ):
        await user.send(frame)
    await user.tidy()
    for hello in (token("user", "u2", ttl_s=-60), token("user", "u2")[:-3], token("operator", "ops"), token("user", "u 2")):
        stranger = await Client.dial(server)
        await stranger.hello(hello)
        assert await stranger.closed() == 4001
    stranger = await Client.dial(server)
    await stranger.send_raw(f'{{"type":"hello","token":"{token("user", "u3")}"')
    await stranger.closed()
    told = []
    for path in ("/", "/operator/revoke", "/operator/stores/s1/audit", "/ws", "/healthz", "/readyz", "/metrics"):
        for method in ("GET", "POST"):
            query = f"{path}?token={token('user', 'u4')}&limit={token('user', 'u4')}"
            asking = (token("user", "u5"), operator(server), tokens[-1][:-3], SECRET, OLD)
            told += [(await ask(server, method, query, shown)).text for shown in asking]
    told.append((await ask(server, "GET", "/" + token("user", "u6"))).text)
    told.append((await ask(server, "POST", "/operator/revoke", operator(server), token("user", "u7").encode())).text)
    told.append(str(await revoke(server, "agent", "a1")))
    assert await agent.closed() == 4003
    return told


def check(server: Server, told: list[str], hidden: list[bytes], own: tuple[str, ...] = ()) -> None:
    """Nothing hidden stands in anything that can be read, and every file is the owner's alone."""
    pids = family(server.pid)
    assert len(pids) >= 2, "the private server is one of them"
    for pid in pids:
        assert not [text for text in hidden if text[:15] in listed(pid)], pid
    for path in (server.stdout, server.stderr, *files(server.data)):
        if path.name not in own:
            assert not [text for text in hidden if text in path.read_bytes()], path
    assert not [text for text in hidden if text in "\n".join(told).encode()]
    for path in (server.data, *server.data.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o600 if path.is_file() else 0o700), f"{path} has mode {mode:o}"


async def test_nothing_that_is_written_shown_or_listed_holds_a_secret_or_a_token(tmp_path: Path) -> None:
    """With the widest umask and the most talkative log, and through a crash of the private server."""
    server = Server(tmp_path / "data", private=True, log_level="debug")
    server.environ |= {"DIBS_SECRET_OLD": OLD}
    before = os.umask(0)
    try:
        await server.start()
        tokens: list[str] = []
        told = await busy(server, tokens)
        os.kill(server.valkey_pid(), 9)
        with anyio.fail_after(20):
            while "server_restarted" not in server.said():
                await to_thread.run_sync(server.http_blocking, "/healthz")
        told.append((await server.http("/metrics"))[1])
        # The signature is what must not get about, whole or in part; the first part of a token is the same in all.
        hidden = [SECRET.encode(), OLD.encode(), *(token.rpartition(".")[2][:24].encode() for token in tokens)]
        check(server, told, hidden)
        await server.stop()
        assert not [text for text in hidden if text in server.stderr.read_bytes() + server.stdout.read_bytes()]
    finally:
        os.umask(before)
        server.kill()


async def test_a_secret_that_dibs_made_is_in_its_file_and_nowhere_else(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", private=True, log_level="debug")
    server.environ = {}
    before = os.umask(0)
    try:
        await server.start()
        await (await Client.dial(server)).tidy()
        secret = (server.data / "secret").read_bytes().strip()
        assert re.fullmatch(rb"[A-Za-z0-9_-]{64}", secret)
        assert "secret_made" in server.said()
        check(server, [(await server.http("/metrics"))[1]], [secret], own=("secret",))
        await server.stop()
    finally:
        os.umask(before)
        server.kill()


async def test_a_directory_that_others_may_write_to_is_said_aloud(tmp_path: Path) -> None:
    """Who may write there may put a secret of his own in the place of ours."""
    server = Server(tmp_path / "data", private=True)
    server.environ = {}
    server.data.mkdir()
    server.data.chmod(0o777)
    try:
        await server.start()
        assert "data_writable_by_others" in server.said()
        await server.stop()
    finally:
        server.kill()


@pytest.mark.parametrize("name", ["DIBS_SECRET", "DIBS_SECRET_OLD"])
async def test_a_short_secret_is_refused_at_the_start_and_not_shown(tmp_path: Path, name: str) -> None:
    server = Server(tmp_path / "data", private=True)
    server.environ |= {name: "hunter2-hunter2-hunter2"}
    status, said = await server.refused()
    assert (status, said) == (2, f"dibs: {name}: must have 32 bytes at least, has 23\n")
    assert not server.data.exists()
