"""`dibs export`: every chat of a store with what happened in it, as agents see it, whoever serves the data."""

import contextlib
import json
import os
import pty
import subprocess
import sys

import pytest
from anyio import to_thread

from tests.wire.conftest import Mall, fresh
from tests.wire.person import words
from tests.wire.server import ROOT
from tests.wire.test_operator_command import pieces_of

pytestmark = pytest.mark.anyio


def start(*arguments: str, **more: object) -> "subprocess.Popen[bytes]":
    environ = {key: value for key, value in os.environ.items() if not key.startswith("DIBS_")} | {"TERM": "xterm"}
    command = [sys.executable, "-m", "web.command", "export", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, **more)  # type: ignore[call-overload, no-any-return]


async def export(*arguments: object) -> tuple[int, list[dict], str]:
    """The status, the lines and what was said besides."""
    with start(*map(str, arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        out, err = await to_thread.run_sync(lambda: process.communicate(timeout=60))
    return process.returncode, [json.loads(line) for line in out.splitlines()], err.decode()


async def busy(mall: Mall) -> tuple[list, list]:
    """A store with three chats in which everything happened, and what an agent holds of it: summaries by user, and frames in order."""
    agent, boss = await mall.agent(), await mall.supervisor()
    users = [await mall.user(fresh("u")) for _ in range(3)]
    for user in users:
        for n in range(3):
            await user.say(f"{user.id} {n}")
    await agent.claim(users[0])
    await agent.say("yes", to=users[0])
    await agent.note(users[0], "a note")
    await agent.transfer(users[0], boss)
    await agent.claim(users[1])
    await agent.resolve(users[1])
    summaries = {chat["user"]: chat for chat in (await agent.list())["chats"]}
    late = await mall.agent(fresh("late"), resume={mall.store: 0}, generation=agent.welcome["generation"])
    return summaries, late.missed


async def test_where_a_user_was_is_told_behind_its_chat(mall: Mall):
    agent, user = await mall.claimed()
    await user.tell_context({"page": {"url": "/x"}, "cart": 3})
    found = await agent.context(user)
    status, lines, _ = await export("--store", mall.store, *mall.server.kept())
    assert status == 0
    assert [line["type"] for line in lines[:2]] == ["chat", "context"]
    assert lines[1] == {key: found[key] for key in ("type", "store", "user", "context", "at")}


async def test_every_chat_is_told_with_all_that_happened_in_it_while_it_is_served(mall: Mall):
    summaries, frames = await busy(mall)
    status, lines, err = await export("--store", mall.store, *mall.server.kept())
    assert (status, err) == (0, "")
    chats = [line for line in lines if line["type"] == "chat"]
    assert {chat["user"]: {key: value for key, value in chat.items() if key != "type"} for chat in chats} == summaries
    newest = sorted(chats, key=lambda chat: (-chat["last"]["at"], chat["user"]))
    assert chats == newest
    for chat in chats:
        first = lines.index(chat) + 1
        told = [line for line in lines[first:] if line["user"] == chat["user"]]
        assert told == lines[first : first + len(told)]
        assert told == [frame for frame in frames if frame["user"] == chat["user"]]


async def test_one_chat_alone_and_what_is_not_there(mall: Mall):
    summaries, frames = await busy(mall)
    user = next(iter(summaries))
    _, lines, _ = await export("--store", mall.store, "--user", user, *mall.server.kept())
    assert lines[1:] == [frame for frame in frames if frame["user"] == user]
    for arguments, words_ in (
        (("--store", mall.store, "--user", "nobody"), f"user nobody has no chat in store {mall.store}"),
        (("--store", "nowhere"), "there is no store nowhere"),
    ):
        assert await export(*arguments, *mall.server.kept()) == (1, [], f"dibs: {words_}\n")


async def test_the_same_lines_come_from_data_that_nobody_serves_and_from_a_redis(own_server):
    mall = await own_server(private=True)
    _, frames = await busy(mall)
    where = ("--store", mall.store, "--data", mall.server.data)
    served = await export(*where)
    assert len(served[1]) == 3 + len(frames)
    assert await export("--store", mall.store, "--redis", mall.server.valkey_url()) == served
    await mall.server.stop()
    assert await export(*where) == served
    await mall.server.start()


async def talk(mall, user, count):
    """So many messages, as many in an array as may be."""
    frames = [{"type": "send", "id": fresh("i"), "store": mall.store, "kind": "text", "body": words(str(n))} for n in range(count)]
    for start in range(0, count, 60):
        await user.send(*frames[start : start + 60])
    await user.expect("message", seq=count)


async def test_many_messages_come_whole_and_in_order(own_server):
    """Several pages of a chat, and several of chats."""
    mall = await own_server(rate=0)
    await mall.found()
    user = await mall.user()
    await talk(mall, user, 500)
    others = [await mall.user() for _ in range(130)]
    for other in others:
        await other.say()
        await other.tidy()
        mall.people.remove(other)
    _, lines, _ = await export("--store", mall.store, *mall.server.kept())
    assert [line["seq"] for line in lines if line["type"] == "message" and line["user"] == user.id] == list(range(1, 501))
    assert sorted(line["user"] for line in lines if line["type"] == "chat") == sorted([user.id, *(other.id for other in others)])


async def test_what_is_not_kept_any_more_is_told(own_server):
    mall = await own_server(history_limit=100)
    await mall.found()
    user = await mall.user()
    await talk(mall, user, 120)
    _, lines, _ = await export("--store", mall.store, *mall.server.kept())
    assert lines[1] == {"type": "trimmed", "store": mall.store, "user": user.id, "first": 21}
    assert [line["seq"] for line in lines[2:]] == list(range(21, 121))


async def test_on_a_terminal_it_shows_how_far_it_is_and_head_may_hang_up(mall: Mall, tmp_path):
    await busy(mall)
    terminal, theirs = pty.openpty()
    arguments = ("--store", mall.store, *mall.server.kept())
    with (tmp_path / "lines").open("wb") as lines, os.fdopen(terminal, "rb", buffering=0) as screen:
        with start(*arguments, stdout=lines, stderr=theirs) as process:
            os.close(theirs)
            shown = await to_thread.run_sync(lambda: b"".join(pieces_of(screen)))
        assert process.returncode == 0
    assert b"exporting" in shown
    assert len((tmp_path / "lines").read_bytes().splitlines()) > 3
    with start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        with contextlib.suppress(BrokenPipeError):
            process.stdout.close()
        assert await to_thread.run_sync(process.stderr.read) == b""
        assert await to_thread.run_sync(process.wait, 20) == 0


async def test_wrong_arguments_are_one_line_and_status_2(tmp_path):
    for arguments, words_ in (
        ((), "the following arguments are required: --store"),
        (("--store", "s/1"), "export: a store must be"),
        (("--store", "s1", "--user", "u/1"), "export: the id must be"),
        (("--store", "s1", "--redis", "ftp://x"), "--redis: must be"),
    ):
        status, lines, err = await export(*arguments)
        assert (status, lines, err.count("\n")) == (2, [], 1)
        assert err.startswith(f"dibs: {words_}")
    status, _, err = await export("--store", "s1", "--data", tmp_path / "none")
    assert (status, err) == (1, f"dibs: {tmp_path / 'none'} holds no data of a private server\n")
