"""`dibs revoke` and `dibs audit` against a running server: what they print, and how they end."""

import contextlib
import http.server
import json
import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from anyio import to_thread
from web.command import main

from tests.wire.conftest import Mall, fresh
from tests.wire.door import operator
from tests.wire.server import ROOT, SECRET, Server

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def dibs(server: Server, monkeypatch, capsys):
    """Runs the command against the server with the server's secret: the status, and both outputs."""
    monkeypatch.setenv("DIBS_SECRET", SECRET)

    async def run(*arguments: str, url: str | None = None) -> tuple[int, str, str]:
        capsys.readouterr()
        status = await to_thread.run_sync(main, [*arguments, "--url", url or f"http://{server.address}"])
        return status, *capsys.readouterr()

    return run


async def test_revoke_does_it_and_says_in_one_line_what_was_done(mall: Mall, dibs) -> None:
    agent, user = await mall.claimed()
    status, out, err = await dibs("revoke", "--role", "agent", "--id", agent.id)
    assert (status, err) == (0, "")
    assert out.count("\n") == 1
    assert out.startswith(f"access of agent {agent.id} to all stores is withdrawn since 20")
    assert out.endswith(f"Z; 1 session ended here, 1 chat given back, off the roster of {mall.store}\n")
    assert await agent.closed(2) == 4003
    await user.status("agent_gone")
    again = await dibs("revoke", "--role", "supervisor", "--id", agent.id, "--store", mall.store)
    assert again[0] == 0
    assert f" to store {mall.store} is withdrawn since " in again[1]
    assert again[1].endswith("; 0 sessions ended here, 0 chats given back, off the roster of no store\n")
    unopened = fresh("s")
    assert (await dibs("revoke", "--role", "agent", "--id", agent.id, "--store", unopened))[1].endswith(
        f"; there is no store {unopened} as yet: it holds for when there is\n"
    )
    status, out, _ = await dibs("revoke", "--role", "user", "--id", user.id)
    assert out.endswith("; 1 session ended here\n")
    assert await user.closed(2) == 4003


async def test_audit_prints_lines_of_json_that_can_be_filtered(mall: Mall, dibs) -> None:
    agent, user = await mall.claimed()
    await agent.release(user)
    status, out, err = await dibs("audit", "--store", mall.store)
    assert (status, err) == (0, "")
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["reason"] for line in lines] == ["new", "claim", "release"]
    claim = lines[1]
    for flags in (
        ("--agent", agent.id, "--reason", "claim"),
        ("--after", str(lines[0]["offset"]), "--limit", "1"),
        ("--since", str(claim["at"]), "--until", str(lines[2]["at"]), "--reason", "claim"),
        ("--since", "1m", "--reason", "claim", "--user", user.id),
        ("--since", "2020-01-01", "--until", "2999-01-01T00:00+08:00", "--reason", "claim"),
    ):
        assert (await dibs("audit", "--store", mall.store, *flags))[1] == out.splitlines(keepends=True)[1], flags
    assert await dibs("audit", "--store", mall.store, "--until", "2020-01-01T12:30") == (0, "", "")


async def test_a_token_that_was_given_is_used_rather_than_the_secret(mall: Mall, dibs, monkeypatch) -> None:
    await mall.found()
    monkeypatch.delenv("DIBS_SECRET")
    assert (await dibs("audit", "--store", mall.store, "--token", operator(mall.server)))[0] == 0
    monkeypatch.setenv("DIBS_TOKEN", operator(mall.server))
    assert (await dibs("audit", "--store", mall.store))[0] == 0
    monkeypatch.setenv("DIBS_TOKEN", mall.server.token("agent", "a1", stores=[mall.store]))
    status, out, err = await dibs("audit", "--store", mall.store)
    assert (status, out) == (1, "")
    assert err == f"dibs: http://{mall.server.address} says: this is not for this token\n"


async def test_whatever_fails_is_one_line_and_status_1(mall: Mall, dibs, monkeypatch, tmp_path) -> None:
    unknown = await dibs("audit", "--store", fresh("s"))
    assert unknown == (1, "", f"dibs: http://{mall.server.address} says: there is no such store\n")
    monkeypatch.setenv("DIBS_SECRET", "x" * 40)
    for arguments in (("audit", "--store", mall.store), ("revoke", "--role", "agent", "--id", "a7")):
        status, out, err = await dibs(*arguments)
        assert (status, out) == (1, "")
        assert err.startswith(f"dibs: http://{mall.server.address} says: a valid token of an operator is needed")
        assert err.count("\n") == 1
    status, out, err = await dibs("audit", "--store", mall.store, url="http://127.0.0.1:1")
    assert (status, out, err) == (1, "", "dibs: http://127.0.0.1:1 cannot be reached: Connection refused\n")
    monkeypatch.delenv("DIBS_SECRET")
    status, out, err = await dibs("audit", "--store", mall.store)
    assert (status, out) == (1, "")
    assert err.startswith("dibs: there is no secret in dibs-data; ")
    assert list(tmp_path.iterdir()) == [], "a secret of its own would open nothing"


async def test_wrong_arguments_are_one_line_and_status_2(dibs) -> None:
    for arguments, start in (
        (("revoke",), "dibs: the following arguments are required: --role, --id"),
        (("revoke", "--role", "admin", "--id", "a7"), "dibs: revoke: the role must be"),
        (("revoke", "--role", "agent", "--id", "a 7"), "dibs: revoke: the id must be"),
        (("revoke", "--role", "agent", "--id", "a7", "--store", "s/1"), "dibs: revoke: a store must be"),
        (("audit",), "dibs: the following arguments are required: --store"),
        (("audit", "--store", "s/1"), "dibs: audit: a store must be"),
        (("audit", "--store", "s1", "--since", "yesterday"), "dibs: --since: must be a time such as"),
        (("audit", "--store", "s1", "--until", "99999999d"), "dibs: --until: must be a time such as"),
        (("audit", "--store", "s1", "--limit", "x"), "dibs: --limit: must be a whole number"),
        (("audit", "--store", "s1", "--token", "ü"), "dibs: --token: is no token"),
    ):
        status, out, err = await dibs(*arguments)
        assert (status, out, err[: len(start)], err.count("\n")) == (2, "", start, 1)
    for url in ("ftp://x", "127.0.0.1:8000", "http://", "http://u:p@h", "http://h/path", "http://h?x=1", "http://h:99999", "http://h\n"):
        status, out, err = await dibs("audit", "--store", "s1", url=url)
        assert (status, out, err) == (2, "", "dibs: --url: must be http://HOST:PORT or https://HOST:PORT\n"), url


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """Not a dibs: sends whoever comes somewhere else, or says something."""

    seen: list[str]

    def do_GET(self) -> None:
        self.seen.append(self.path)
        if self.path.endswith("moved/audit"):
            self.send_response(302)
            self.send_header("Location", "/stolen")
            self.end_headers()
        else:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>\n")

    def log_message(self, *_: object) -> None:
        """It is quiet."""


@pytest.fixture
def elsewhere() -> Iterator[http.server.HTTPServer]:
    Elsewhere.seen = []
    with http.server.HTTPServer(("127.0.0.1", 0), Elsewhere) as there:
        thread = threading.Thread(target=there.serve_forever, args=(0.01,))
        thread.start()
        yield there
        there.shutdown()
        thread.join()


async def test_a_redirect_does_not_get_the_token(dibs, elsewhere: http.server.HTTPServer, monkeypatch) -> None:
    url = f"http://127.0.0.1:{elsewhere.server_port}"
    assert await dibs("audit", "--store", "moved", url=url) == (1, "", f"dibs: {url} answers 302, which no dibs does\n")
    assert Elsewhere.seen == ["/operator/stores/moved/audit"]
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert await dibs("audit", "--store", "s1", url=url) == (1, "", f"dibs: what answers at {url} is no dibs\n")


def dibs_process(server: Server, *arguments: str, **more: object) -> "subprocess.Popen[bytes]":
    environ = {key: value for key, value in os.environ.items() if not key.startswith("DIBS_")} | {"DIBS_SECRET": SECRET, "TERM": "xterm"}
    command = [sys.executable, "-m", "web.command", *arguments, "--url", f"http://{server.address}"]
    return subprocess.Popen(command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, **more)  # type: ignore[call-overload, no-any-return]


def pieces_of(screen: BinaryIO) -> Iterator[bytes]:
    """What is written to a terminal until nobody holds it any more, which Linux tells as an error."""
    with contextlib.suppress(OSError):
        while piece := screen.read(4096):
            yield piece


async def test_a_long_log_is_read_with_a_bar_on_a_terminal_and_head_may_hang_up(own_server, tmp_path: Path) -> None:
    """The lines go to a file while standard error is a terminal; then to somebody who reads one line and goes."""
    mall = await own_server(rate=0)
    agent, user = await mall.agent(), await mall.user()
    await user.say()
    for _ in range(160):
        await agent.send(*[{"type": kind, "id": fresh("i"), "store": mall.store, "user": user.id} for kind in ("claim", "release") * 16])
        await agent.pong()
    await agent.history(user, limit=1)
    terminal, theirs = pty.openpty()
    with (tmp_path / "lines").open("wb") as lines, os.fdopen(terminal, "rb", buffering=0) as screen:
        with dibs_process(mall.server, "audit", "--store", mall.store, stdout=lines, stderr=theirs) as process:
            os.close(theirs)
            shown = await to_thread.run_sync(lambda: b"".join(pieces_of(screen)))
        assert process.returncode == 0
    out = (tmp_path / "lines").read_bytes()
    assert len(out.splitlines()) == 160 * 32 + 1
    assert b'"type":"read"' not in out
    assert b"reading the log" in shown
    assert b"/5122" in shown
    with dibs_process(mall.server, "audit", "--store", mall.store, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert json.loads(await to_thread.run_sync(process.stdout.readline))["reason"] == "new"
        process.stdout.close()
        assert await to_thread.run_sync(process.stderr.read) == b""
        assert await to_thread.run_sync(process.wait, 10) == 0
    started_s = time.monotonic()
    await mall.server.stop()
    assert time.monotonic() - started_s < 10
