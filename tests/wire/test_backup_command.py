"""`dibs backup` and `dibs restore` beside a running server: what they print, and how they end."""

import os
import pty
import re
import subprocess
import sys

import pytest
from anyio import to_thread

from tests.wire.conftest import Mall
from tests.wire.server import ROOT
from tests.wire.test_operator_command import pieces_of

pytestmark = pytest.mark.anyio


def watched(*arguments: object, stderr: int) -> "subprocess.Popen[bytes]":
    env = {key: value for key, value in os.environ.items() if not key.startswith("DIBS_")} | {"TERM": "xterm"}
    command = [sys.executable, "-m", "web.command", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=stderr)


async def dibs(*arguments: object) -> tuple[int, str, str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith("DIBS_")}
    command = [sys.executable, "-m", "web.command", *map(str, arguments)]
    done = await to_thread.run_sync(
        lambda: subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    )
    return done.returncode, done.stdout, done.stderr


async def test_a_copy_is_made_under_the_server_and_taken_back_behind_it(own_server, tmp_path) -> None:
    mall: Mall = await own_server(private=True)
    agent, user = await mall.claimed()
    data, copy = mall.server.data, tmp_path / "copy"
    status, out, err = await dibs("backup", copy, "--data", data)
    assert (status, err) == (0, "")
    assert re.fullmatch(rf"{copy}: the data of {data} as of 20\S+Z, [\d,]+ bytes\n", out), out
    await user.say("after the copy")
    busy = await dibs("restore", copy, "--data", data, "--force")
    assert busy == (1, "", f"dibs: the data directory {data} is in use by another dibs (pid {mall.server.pid})\n")
    await user.say("and the server goes on")
    generation = agent.welcome["generation"]
    await mall.server.stop()
    assert await dibs("restore", copy, "--data", data) == (
        1,
        "",
        f"dibs: {data} holds data already; with --force they are kept beside and replaced\n",
    )
    status, out, err = await dibs("restore", copy, "--data", data, "--force")
    assert (status, err) == (0, "")
    said = rf"{data}: the data of {copy} as of 20\S+Z; what was there is in ({data}/valkey\.before-\w+); every client will start from .*\n"
    beside = re.fullmatch(said, out)
    assert beside, out
    assert beside[1] in {str(path) for path in data.iterdir()}
    await mall.server.start()
    back = await mall.user(user.id, resume={mall.store: 3}, generation=generation)
    assert back.resets == [mall.store]
    assert back.welcome["generation"] != generation
    assert [frame["seq"] for frame in back.missed] == [1]
    desk = await mall.agent(agent.id)
    assert desk.chats[mall.store, user.id]["owner"]["id"] == agent.id


async def test_a_bar_is_shown_on_a_terminal(own_server, tmp_path) -> None:
    mall: Mall = await own_server(private=True)
    await mall.claimed()
    terminal, theirs = pty.openpty()
    with os.fdopen(terminal, "rb", buffering=0) as screen:
        with watched("backup", tmp_path / "copy", "--data", mall.server.data, stderr=theirs) as process:
            os.close(theirs)
            shown = await to_thread.run_sync(lambda: b"".join(pieces_of(screen)))
        assert process.returncode == 0
    assert b"copying" in shown


async def test_what_cannot_be_done_is_one_line(tmp_path) -> None:
    for arguments, status, words in (
        (("backup",), 2, "the following arguments are required: FILE"),
        (("backup", ""), 2, "FILE: must not be empty"),
        (("restore", "x", "--data", ""), 2, "--data: must not be empty"),
        (("backup", tmp_path / "copy", "--data", tmp_path / "none"), 1, f"{tmp_path / 'none'} holds no data of a private server"),
        (("restore", tmp_path / "copy", "--data", tmp_path / "none"), 1, f"{tmp_path / 'copy'} cannot be read: No such file or directory"),
    ):
        code, out, err = await dibs(*arguments)
        assert (code, out, err.count("\n")) == (status, "", 1)
        assert err.startswith(f"dibs: {words}"), err
    assert list(tmp_path.iterdir()) == []
