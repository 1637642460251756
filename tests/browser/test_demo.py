"""The shop of `--demo`: a newcomer is a shopper at once, and finds the agents' consoles beside it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.browser.chromium import Tab, tab
from tests.wire.client import Client
from tests.wire.server import Server

pytestmark = pytest.mark.anyio

SOON_S = 10.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@contextlib.asynccontextmanager
async def demo(folder: Path) -> AsyncIterator[Server]:
    """It says tokens aloud, so nobody looks whether it kept them to itself."""
    server = Server(folder / "data")
    server.environ |= {"DIBS_DEMO": "1"}
    await server.start()
    try:
        yield server
        await server.stop()
    finally:
        server.kill()


async def seen(browser: Tab, script: str) -> object:
    """What an expression is once it is something."""
    async with asyncio.timeout(SOON_S):
        while not (found := await browser.run(f"return Boolean({script})")):  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(0.05)
    return found


async def test_a_newcomer_asks_about_a_product_and_an_agent_of_the_page_claims_it(tmp_path):
    async with demo(tmp_path) as server, tab(tmp_path / "profile") as browser:
        await browser.open(f"http://{server.address}/")
        await seen(browser, "document.querySelectorAll('.agents a').length === 3")
        await browser.run("document.querySelectorAll('.goods button')[1].click()")
        await seen(browser, "document.querySelector('dibs-widget')?.shadowRoot.querySelector('.offer:not([hidden]) .strong')")
        hrefs = await browser.run("return [...document.querySelectorAll('.agents a')].map((one) => one.href)")
        assert [href.split("#token=")[0] for href in hrefs] == [f"http://{server.address}/agent"] * 3
        agent = await Client.open(server, hrefs[0].split("#token=")[1])
        await browser.run("document.querySelector('dibs-widget').shadowRoot.querySelector('.offer .strong').click()")
        message = await agent.expect("message")
        assert message["kind"] == "product"
        assert message["user"].startswith("v~")
        await browser.run("document.getElementById('bought').click()")
        offered = "document.querySelector('dibs-widget')?.shadowRoot.querySelector('.offer:not([hidden]) b')?.textContent"
        await seen(browser, f"{offered}?.includes('20261124-0001')")
        await browser.run("document.querySelector('dibs-widget').shadowRoot.querySelector('.offer .strong').click()")
        assert (await agent.expect("message"))["kind"] == "order"
        await agent.command("claim", store="demo", user=message["user"])
        await seen(browser, "document.querySelector('dibs-widget').shadowRoot.querySelector('.state').textContent.includes('李娜')")
        pictures = "[...document.images].every((one) => one.complete && one.naturalWidth > 0)"
        await seen(browser, pictures)
        assert not browser.of("Network.loadingFailed")
        await agent.close()


async def test_without_demo_there_is_no_shop(tmp_path):
    with Server(tmp_path / "data").running() as server:
        assert [(await server.http(path))[0] for path in ("/", "/demo/cast", "/demo/shop.js")] == [404] * 3
