"""The version of the data's layout: written by whoever comes first, and what a newer dibs has written is not touched by an older one."""

import pytest

from storage.batch import Limits
from storage.fault import StorageStartError
from storage.key import NEWEST, VERSION
from storage.link import Link, check
from storage.redis import RedisJournal
from tests.storage.valkey import running


@pytest.fixture(name="link")
async def fixture_link(tmp_path):
    async with running(tmp_path / "redis") as path:
        yield Link.parse(f"unix://{path}")


@pytest.fixture(name="journal")
async def fixture_journal(link):
    journal = RedisJournal(link.connection, lambda: 1, Limits())
    yield journal
    await journal.close()


async def test_whoever_comes_first_writes_it_and_data_from_before_it_was_written_get_it(link, journal):
    await check(link)
    assert await journal._ask(("GET", NEWEST)) is None
    await journal.birth()
    assert await journal._ask(("GET", NEWEST)) == b"%d" % VERSION
    await check(link)


async def test_what_is_newer_than_we_know_is_refused_in_one_line_and_left_as_it_is(link, journal):
    for newest, shown in ((b"%d" % (VERSION + 1), f"layout {VERSION + 1}, this one knows {VERSION}"), (b"2b", "its layout has no number")):
        await journal._ask(("SET", NEWEST, newest))
        with pytest.raises(StorageStartError) as caught:
            await check(link)
        assert shown in str(caught.value)
        assert "\n" not in str(caught.value)
        assert await journal._ask(("GET", NEWEST)) == newest
