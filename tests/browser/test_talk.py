"""A whole conversation in real pages, while what carries it breaks at each of its steps: everything is there once, in order, for everybody.

Without `LONG` the network of whoever acts is gone before they act, and the server is killed at a third of the steps.
"""

import asyncio
import os
import socket

import pytest
from playwright.async_api import Page, expect

from tests.browser.desk import browser
from tests.browser.page import page
from tests.browser.talk import Step, Talk, shop, talk, until
from tests.wire.server import Server

pytestmark = pytest.mark.anyio

IS_LONG = os.environ.get("LONG") == "1"
EMPTY = '<!doctype html><html lang="en"><title>Shop</title><body>'

expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
async def stage(tmp_path_factory):
    """A server that comes back where it was, a browser, and the origin of a shop."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with page(EMPTY) as origin, browser() as started:
        with Server(tmp_path_factory.mktemp("t") / "data", origins=origin, grace=60, heartbeat=25, port=port).running() as server:
            yield server, started, origin


async def offline(page: Page) -> None:
    """The browser's own switch; the page knows."""
    await page.context.set_offline(True)
    await expect(page.locator("dibs-banner[data-state=lost]").or_(page.locator("dibs-widget .banner"))).to_be_visible()


async def cut_before(server: Server, played: Talk, step: Step) -> None:
    await offline(step.page)
    await step.act()
    await step.page.context.set_offline(False)


async def cut_amid(server: Server, played: Talk, step: Step) -> None:
    await step.act()
    await offline(step.page)
    await step.page.context.set_offline(False)


async def cut_for_the_others(server: Server, played: Talk, step: Step) -> None:
    others = [page for page in (played.shopper, played.na.page, played.bo.page) if page is not step.page]
    await asyncio.gather(*map(offline, others))
    await step.act()
    for other in others:
        await other.context.set_offline(False)


async def killed_before(server: Server, played: Talk, step: Step) -> None:
    server.kill()
    await step.act()
    await server.start()


async def killed_amid(server: Server, played: Talk, step: Step) -> None:
    await step.act()
    await server.restart()


STRIKES = (cut_before, killed_amid) + (cut_amid, cut_for_the_others, killed_before) * IS_LONG


@pytest.mark.parametrize("strike", STRIKES)
async def test_a_whole_conversation_goes_on_though_it_is_struck_at_each_step(stage, strike):
    server, started, origin = stage
    async with talk(started, server, origin, strike.__name__.replace("_", "-")) as played:
        for n, step in enumerate(played.steps):
            if strike is killed_amid and n % 3 != 1 and not IS_LONG:
                await step.act()
            else:
                await strike(server, played, step)
            await played.seen(step.name)


async def test_of_two_agents_who_claim_at_once_one_has_the_chat_and_the_other_learns_whose_it_is(stage):
    server, started, origin = stage
    async with talk(started, server, origin, "race") as played:
        await played.ask("anybody there?")
        await played.seen("ask")
        pages = {"Na": played.na.page, "Bo": played.bo.page}
        await asyncio.gather(*(one.keyboard.press("Alt+KeyQ") for one in pages.values()))
        state = played.shopper.locator("dibs-widget .state")
        await expect(state).to_contain_text("helping")
        winner = (await state.inner_text()).split()[0]
        (loser,) = set(pages) - {winner}
        await expect(pages[winner].locator(".composer")).to_be_visible()
        await expect(pages[loser].locator("#tab-mine .count")).to_have_text("")
        await pages[loser].locator("#tab-all").click()
        await pages[loser].locator(".row").click()
        await expect(pages[loser].locator(".lock")).to_contain_text(f"{winner} has had this chat")


async def test_what_a_shopper_could_not_send_goes_once_after_a_reload(stage):
    server, started, origin = stage
    async with talk(started, server, origin, "again") as played:
        await offline(played.shopper)
        await played.ask("still there?")
        # The page goes before the network is back, so that only what was kept is left to send.
        await played.shopper.goto("about:blank")
        await played.shopper.context.set_offline(False)
        await shop(played.shopper, server, origin, "again")
        await played.seen("ask")
        await played.na.page.keyboard.press("Alt+KeyQ")
        await until(played.na.page.locator(".said .bubble").all_inner_texts, ["still there?"])


async def test_two_tabs_of_a_shopper_agree(stage):
    server, started, origin = stage
    async with talk(started, server, origin, "tabs") as played:
        other = await shop(await played.shopper.context.new_page(), server, origin, "tabs")
        await played.ask("in one")
        await until(other.locator("dibs-widget .bubble").all_inner_texts, ["in one"])
        await played.seen("ask")
        await played.na.page.keyboard.press("Alt+KeyQ")
        await expect(played.na.page.locator(".composer")).to_be_visible()
        for one in (played.shopper, other):
            await one.evaluate("dibs.close()")
        await played.answer(played.na, "in both")
        for one in (played.shopper, other):
            await expect(one.locator("dibs-widget .count")).to_have_text("1")
        await other.evaluate("dibs.open()")
        await expect(played.shopper.locator("dibs-widget .count")).to_be_hidden()
