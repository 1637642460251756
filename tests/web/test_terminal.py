"""`dibs chat`: what typed lines mean, how events look, and the real command against a real server, through pipes and in a terminal."""

import asyncio
import os
import pty
import re
import subprocess
import sys
import time
from contextlib import suppress

import msgspec
import pytest

from actors import told
from tests.wire.server import ROOT, Server
from web.client import Client
from web.terminal.line import Do, Say, Wrong, help_lines, read_line
from web.terminal.show import shown

WAIT_S = 30.0


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("hello /you", Say("hello /you")),
        ("  hello  ", Say("hello")),
        ("//slash", Say("/slash")),
        ("", None),
        ("   ", None),
    ],
)
def test_a_line_is_text_unless_it_begins_with_a_slash(line, meaning):
    assert read_line(line) == meaning


@pytest.mark.parametrize(
    ("line", "name", "words"),
    [
        ("/claim u42", "claim", ("u42",)),
        ("/claim", "claim", ()),
        ("/transfer a2 knows more about it", "transfer", ("a2", "knows more about it")),
        ("/note likes  blue", "note", ("likes  blue",)),
        ("/chats waiting", "chats", ("waiting",)),
        ("/quit", "quit", ()),
    ],
)
def test_a_verb_has_its_words(line, name, words):
    found = read_line(line)
    assert isinstance(found, Do)
    assert (found.verb.name, found.words) == (name, words)


@pytest.mark.parametrize("line", ["/dance", "/note", "/quit now", "/transfer", "/", "/claim u1 u2"])
def test_what_means_nothing_is_one_sentence(line):
    found = read_line(line)
    assert isinstance(found, Wrong) or (isinstance(found, Do) and found.words == ("u1 u2",))


def test_a_shopper_is_not_offered_what_agents_do():
    assert not [line for line in help_lines(agent=False) if "/claim" in line]
    assert [line for line in help_lines(agent=True) if "/claim" in line]


def test_what_others_write_cannot_steer_the_terminal():
    text = "a\x1b[2Jb\r\nc\u202ed\x07"
    message = {
        "type": "message",
        "store": "s1",
        "user": "u1",
        "seq": 1,
        "from": {"role": "user", "id": "u1", "name": "\x1b]0;x"},
        "kind": "text",
    }
    frame = msgspec.convert(message | {"body": {"text": text}, "id": "m1", "at": 1_700_000_000_000}, told.Message)
    line = shown(frame, "me")
    assert line is not None
    assert line.isprintable()
    assert "\\u001b[2J" in line


class Chat:
    """`dibs chat` as a process, its lines in and out."""

    def __init__(self, server, folder, role, id, **claims):
        token = server.token(role, id, **claims)
        env = os.environ | {"XDG_STATE_HOME": str(folder), "DIBS_TOKEN": token, "PYTHONUNBUFFERED": "1"}
        self.command = [sys.executable, "-m", "web.command", "chat", "--url", f"http://{server.address}"]
        self.env = env

    async def start(self, *flags):
        self.process = await asyncio.create_subprocess_exec(
            *self.command, *flags, cwd=ROOT, env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        return self

    def type(self, *lines):
        self.process.stdin.write("".join(line + "\n" for line in lines).encode())

    async def line(self, pattern):
        """The next line of output that fits."""
        async with asyncio.timeout(WAIT_S):
            while line := (await self.process.stdout.readline()).decode():
                if re.search(pattern, line):
                    return line
        raise AssertionError(f"{pattern} did not come: {(await self.process.stderr.read()).decode()}")

    async def end(self):
        """Closes the input; the exit status and the rest of the output."""
        async with asyncio.timeout(WAIT_S):
            out, err = await self.process.communicate(b"")
        return self.process.returncode, out.decode(), err.decode()


@pytest.fixture
def server(tmp_path):
    with Server(tmp_path / "data", heartbeat=1).running() as server:
        yield server


async def test_the_main_job_from_two_terminals(server, tmp_path):
    agent = await Chat(server, tmp_path / "a", "agent", "a1", stores=["s1"], name="李娜").start()
    await agent.line("connected as agent a1")
    user = await Chat(server, tmp_path / "u", "user", "u1", name="小明").start("--store", "s1")
    user.type("is it blue?")
    await agent.line("小明.*: is it blue")
    agent.type("/claim u1", "it is!")
    await user.line("李娜.*: it is!")
    other = await Chat(server, tmp_path / "b", "agent", "a2", stores=["s1"]).start()
    other.type("/claim u1")
    await other.line("another agent owns the chat; it is 李娜")
    agent.type("/note likes blue", "/transfer a2 please go on", "/history")
    await other.line("handed over to you")
    other.type("/history 10", "/resolve")
    history = [await other.line("note of") for _ in range(2)]
    assert "likes blue" in history[0]
    assert "please go on" in history[1]
    await user.line("was closed")
    for chat in (agent, user, other):
        status, _, err = await chat.end()
        assert (status, err) == (0, "")


async def test_lines_typed_while_the_server_is_away_are_sent_once_and_nothing_is_printed_twice(server, tmp_path):
    user = await Chat(server, tmp_path / "u", "user", "u1").start("--store", "s1")
    agent = await Chat(server, tmp_path / "a", "agent", "a1", stores=["s1"]).start()
    await agent.line("connected")
    user.type("one")
    await agent.line(": one")
    server.options["port"] = server.address.rpartition(":")[2]
    server.kill()
    await user.line("no connection")
    user.type("two", "three")
    await server.start()
    await agent.line(": two")
    await agent.line(": three")
    status, out, _ = await user.end()
    assert status == 0
    assert [out.count(f": {text}\n") for text in ("two", "three")] == [1, 1]
    _, out, _ = await agent.end()
    assert not re.search(": (one|two|three)\n", out)


async def test_lines_that_are_not_sent_when_the_terminal_closes_go_out_at_the_next_start(server, tmp_path):
    agent = await Client(f"ws://{server.address}/ws", server.token("agent", "a1", stores=["s1"])).__aenter__()
    await agent.ready()
    await agent.__aexit__(None, None, None)
    chat = Chat(server, tmp_path / "u", "user", "u1")
    server.options["port"] = server.address.rpartition(":")[2]
    server.kill()
    user = await chat.start("--store", "s1")
    user.type("kept")
    await user.line("no connection")
    status, _, err = await user.end()
    assert status == 1
    assert "1 lines are not sent yet" in err
    assert [file.stat().st_mode & 0o777 for file in (tmp_path / "u" / "dibs").iterdir()] == [0o600]
    await server.start()
    user = await chat.start("--store", "s1")
    await user.line(": kept")
    assert (await user.end())[0] == 0
    assert not list((tmp_path / "u" / "dibs").iterdir())


@pytest.mark.parametrize(
    ("token", "url", "status", "start"), [(None, None, 2, "--token"), ("x", "ftp://x", 2, "--url"), ("x", None, 1, "")]
)
async def test_what_cannot_work_is_one_line(server, tmp_path, token, url, status, start):
    chat = Chat(server, tmp_path, "user", "u1")
    chat.env = {key: value for key, value in chat.env.items() if key != "DIBS_TOKEN"}
    flags = [*(["--token", token] if token else []), *(["--url", url] if url else [])]
    code, _, err = await (await chat.start(*flags)).end()
    assert code == status
    assert err.startswith(f"dibs: {start}")
    assert err.count("\n") == 1


def test_in_a_terminal_names_are_completed_and_the_prompt_counts_what_is_unread(server, tmp_path):
    """A pseudo terminal: typing `/claim ` shows who waits, a tab completes the name, the prompt tells what waits elsewhere."""

    async def shop():
        async with Client(f"ws://{server.address}/ws", server.token("agent", "a1", stores=["s1"])) as agent:
            await agent.ready()
        for id in ("mary", "bob"):
            async with Client(f"ws://{server.address}/ws", server.token("user", id)) as user:
                await user.send("s1", {"text": f"{id} is here"})

    asyncio.run(shop())
    chat = Chat(server, tmp_path / "a", "agent", "a1", stores=["s1"])
    main, side = pty.openpty()
    with subprocess.Popen(chat.command, cwd=ROOT, env=chat.env | {"TERM": "xterm"}, stdin=side, stdout=side, stderr=side) as process:
        os.close(side)
        screen = _Screen(main)
        try:
            screen.until("s1 (2 unread)>")
            screen.type("/claim ma")
            screen.until("waiting")
            screen.type("\t\r")
            screen.until("was claimed by you")
            screen.until("s1/mary (1 unread)>", nudge="\x0c")
            screen.type("\x04")
            assert process.wait(WAIT_S) == 0
        finally:
            process.kill()
            os.close(main)


class _Screen:
    def __init__(self, handle):
        self.handle, self.seen = handle, ""
        os.set_blocking(handle, False)

    def type(self, text):
        os.write(self.handle, text.encode())

    def until(self, text, nudge=""):
        """Reads until the text is there, whatever moves the cursor in between; forgets what came before. `nudge` (Ctrl-L) has the screen
        drawn anew, since otherwise only what differs is."""
        deadline = time.monotonic() + WAIT_S
        nudged = time.monotonic()
        while text not in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]", "", self.seen):
            assert time.monotonic() < deadline, f"{text!r} is not on the screen: {self.seen[-500:]!r}"
            with suppress(BlockingIOError, OSError):
                self.seen += os.read(self.handle, 65536).decode(errors="replace")
            if nudge and time.monotonic() - nudged > 0.5:
                nudged = time.monotonic()
                self.type(nudge)
            time.sleep(0.02)
        self.seen = ""
