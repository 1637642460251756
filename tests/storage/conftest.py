"""One real server for all tests of the journal, emptied before each of them, and both kinds of journal over one clock."""

import pytest

from storage.batch import Limits
from storage.memory import MemoryJournal
from storage.redis import RedisJournal
from tests.storage.below import Below
from tests.storage.material import NOON


class WallClock:
    """The time of day, as the test wants it."""

    def __init__(self):
        self.now_ms = NOON

    def __call__(self):
        return self.now_ms


class Valkey:
    """The server below; `client` is an ordinary blocking client for looking behind the scenes."""

    def __init__(self, folder):
        self.below = Below(folder)
        self.below.start()
        self.client = self.below.client()

    def connection(self):
        return self.below.link.connection()

    def journal(self, now_ms, limits):
        return RedisJournal(self.connection, now_ms, limits)

    def stop(self):
        self.client.close()
        self.below.stop()


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
