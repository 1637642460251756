"""What attacks without many bytes: readers that stop, links that die, compressed bombs; and the end in the midst of everything."""

import asyncio

import pytest

from tests.attack.deflate import deflate
from tests.attack.drain import sigterm
from tests.attack.link import links
from tests.attack.reader import reader
from tests.attack.scene import patiently

pytestmark = pytest.mark.anyio
SHARE = 0.1


async def test_a_stopped_reader_is_closed_with_4101_and_loses_nothing_and_dead_links_are_found_in_time(tmp_path):
    """Side by side: both mostly wait."""
    (tmp_path / "reader").mkdir()
    (tmp_path / "links").mkdir()
    await asyncio.gather(patiently(lambda: reader(tmp_path / "reader", SHARE)), links(tmp_path / "links", SHARE))


async def test_compression_is_never_agreed_upon_and_a_bomb_is_an_error_that_costs_nothing(tmp_path):
    await patiently(lambda: deflate(tmp_path, SHARE))


async def test_sigterm_in_the_midst_of_all_attacks_ends_in_time(tmp_path):
    await sigterm(tmp_path, SHARE)
