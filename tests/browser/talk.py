"""A conversation in real pages: a shopper in a shop, two agents in their consoles, from the first question to the rating."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import attrs
from playwright.async_api import Browser, Page, expect

from tests.browser.desk import Window, desk
from tests.wire.server import Server

STORE = "talk"
SOON_S = 30.0


@attrs.frozen
class Step:
    """Something that somebody does in a page of theirs, and how it is known there that they have."""

    name: str
    page: Page
    act: Callable[[], Awaitable[Any]]


async def until(look: Callable[[], Awaitable[Any]], wanted: Any) -> None:
    """Until something is so; only asking tells."""
    seen = None
    try:
        async with asyncio.timeout(SOON_S):
            while (seen := await look()) != wanted:  # noqa: ASYNC110 - only asking tells
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"{seen!r}, not {wanted!r}") from None


class Talk:
    """`said` is what the shopper must see in the end, each once and in this order."""

    def __init__(self, shopper: Page, na: Window, bo: Window) -> None:
        self.shopper, self.na, self.bo = shopper, na, bo
        self.said: list[str] = []

    @property
    def steps(self) -> list[Step]:
        """The whole life of a chat. Whoever acts can be stopped in it, and does not wait for what comes of it."""
        shopper, na, bo = self.shopper, self.na.page, self.bo.page
        return [
            Step("ask", shopper, lambda: self.ask("in stock?")),
            Step("claim", na, lambda: na.keyboard.press("Alt+KeyQ")),
            Step("answer", na, lambda: self.answer(self.na, "three left")),
            Step("ask again", shopper, lambda: self.ask("in blue?")),
            Step("note", na, lambda: self.note("blue is out")),
            Step("transfer", na, self.transfer),
            Step("answer of the other", bo, lambda: self.answer(self.bo, "blue on Monday")),
            Step("resolve", bo, lambda: bo.keyboard.press("Alt+KeyE")),
            Step("rate", shopper, self.rate),
        ]

    async def ask(self, text: str) -> None:
        self.said.append(text)
        await self.shopper.locator("dibs-widget form textarea").fill(text)
        await self.shopper.keyboard.press("Enter")
        await expect(self.shopper.locator("dibs-widget .bubble", has_text=text)).to_be_visible()

    async def answer(self, window: Window, text: str) -> None:
        self.said.append(text)
        await window.say(text)
        await expect(window.line(text)).to_be_visible()

    async def note(self, text: str) -> None:
        await self.na.page.keyboard.press("Alt+KeyP")
        await self.na.say(text)
        await expect(self.na.line(text)).to_be_visible()

    async def transfer(self) -> None:
        await self.na.page.keyboard.press("Alt+KeyT")
        await self.na.page.locator("dialog[open] .choice", has_text="Bo").locator("input").check()
        await self.na.page.locator("dialog[open] button.primary").click()

    async def rate(self) -> None:
        await self.shopper.get_by_role("button", name="Good").or_(self.shopper.get_by_role("radio", name="Good")).first.click()
        await self.shopper.locator("dibs-widget .rating .strong").click()

    async def seen(self, step: str) -> None:
        """Everybody whom it concerns knows of the step, and nobody sees a message twice or in another order."""
        na, bo = self.na.page, self.bo.page
        bubbles = self.shopper.locator("dibs-widget .bubble")
        await until(bubbles.all_inner_texts, self.said)
        state = self.shopper.locator("dibs-widget .state")
        match step:
            case "ask":
                for one in (na, bo):
                    await expect(one.locator("#tab-queue .count")).to_have_text("1")
            case "claim":
                await expect(state).to_contain_text("Na")
                await expect(na.locator(".composer")).to_be_visible()
                await bo.locator("#tab-all").click()
                await bo.locator(".row").click()
            case "transfer":
                await expect(state).to_contain_text("Bo")
                await expect(bo.locator(".composer")).to_be_visible()
                await expect(na.locator(".lock")).to_be_visible()
            case "resolve":
                await expect(self.shopper.locator("dibs-widget .rating")).to_be_visible()
                for one in (na, bo):
                    await expect(one.locator(".lock[data-status=closed]")).to_be_visible()
            case "rate":
                await expect(self.shopper.locator("dibs-widget .rating")).to_be_hidden()
        if step == "ask":
            return
        noted = ["blue is out"] * (step in ("note", "transfer", "answer of the other", "resolve", "rate"))
        for one in (na, bo):
            said = one.locator(".said:not(.note) .bubble")
            await until(said.all_inner_texts, self.said)
            if step != "rate":
                await until(one.locator(".said.note .bubble").all_inner_texts, noted)


@asynccontextmanager
async def talk(browser: Browser, server: Server, origin: str, store: str) -> AsyncIterator[Talk]:
    """Everybody has come, and nobody has said anything."""
    async with AsyncExitStack() as stack:
        consoles = [
            await stack.enter_async_context(desk(browser, server, "agent", f"{store}-{name.lower()}", [store], name=name))
            for name in ("Na", "Bo")
        ]
        context = await browser.new_context(locale="en-US")
        stack.push_async_callback(context.close)
        yield Talk(await shop(await context.new_page(), server, origin, store), *consoles)
        for console in consoles:
            assert console.complaints == []


async def shop(page: Page, server: Server, origin: str, store: str) -> Page:
    """A shop's page with the widget of this store's shopper, opened."""
    await page.goto(origin)
    given = {"store": store, "token": server.token("user", f"{store}-u", name="Wang"), "locale": "en"}
    script = "async ([script, given]) => { await import(script); await dibs.boot(given); dibs.open(); }"
    await page.evaluate(script, [f"http://{server.address}/widget.js", given])
    await expect(page.locator("dibs-widget .panel")).to_be_visible()
    return page
