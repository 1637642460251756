"""A browser is a large thing to ask for: where there is none these tests are skipped, and say so, except in CI, which brings one."""

import os
from pathlib import Path

import pytest

from tests.browser.chromium import program
from tests.browser.desk import browser
from tests.wire.server import Server

WHY = "no Chromium on PATH (on Debian: apt install chromium)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if program() is not None or os.environ.get("CI") == "true":
        return
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=WHY))


@pytest.fixture(scope="module")
async def stage(tmp_path_factory):
    """A server and a browser, for all tests of a file."""
    with Server(tmp_path_factory.mktemp("d") / "data", grace=30, heartbeat=25).running() as server:
        async with browser() as started:
            yield server, started
