"""The agent console in a real browser: windows of people, each in a context of its own, and all that a page complains of."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Page, async_playwright, expect

from tests.browser.chromium import program
from tests.wire.person import Person


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(
            executable_path=program(), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield started
        await started.close()


class Window:
    """One page of one person. `complaints` are errors, dialogs, and what the policy of the page had to stop."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.context = page.context
        self._url = ""
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("console", lambda said: said.type == "error" and "ERR_" not in said.text and self.complaints.append(said.text))
        page.on("dialog", self._dialog)

    async def _dialog(self, dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    async def beside(self) -> "Window":
        """Another tab of the same person in the same browser."""
        other = Window(await self.context.new_page())
        await other.come(self._url)
        return other

    async def come(self, url: str) -> None:
        """Signs in by this address; the console is live when this returns."""
        self._url = url
        await self.page.goto(url)
        await self.page.wait_for_selector(":is(dibs-console, dibs-board)")
        await self.page.wait_for_selector("dibs-banner:not([data-state])", state="attached")

    async def open(self, name: str) -> None:
        """The chat with somebody, from the list of all."""
        await self.page.locator("#tab-all").click()
        await self.page.locator(".row", has_text=name).click()

    async def claim(self) -> None:
        """The longest waiting, once somebody waits."""
        await expect(self.page.locator("#tab-queue .count")).to_have_text(re.compile(r"[1-9]"))
        await self.page.keyboard.press("Alt+KeyQ")

    async def say(self, text: str) -> None:
        await self.page.locator("dibs-composer textarea").fill(text)
        await self.page.keyboard.press("Enter")

    def line(self, text: str):
        """The line of the thread that holds it."""
        return self.page.locator(".said", has_text=text)

    async def tabs(self) -> list[str]:
        """The counts of Mine, Queue and All."""
        return [await count.inner_text() or "0" for count in await self.page.locator(".tabs .count").all()]


@asynccontextmanager
async def desk(
    browser: Browser, server, role: str, id: str, stores: list[str], *, name: str | None = None, page: str = "agent", **context
) -> AsyncIterator[Window]:
    """The console of somebody, or another `page`, signed in by the address, once it is live."""
    own = await browser.new_context(**{"locale": "en-US", "viewport": {"width": 1360, "height": 820}} | context)
    await own.add_init_script("addEventListener('securitypolicyviolation', (event) => console.error('policy: ' + event.violatedDirective))")
    window = Window(await own.new_page())
    try:
        await window.come(f"http://{server.address}/{page}#token={server.token(role, id, stores=stores, name=name)}")
        yield window
    finally:
        await own.close()


async def come(server, role: str, id: str, store: str, **who) -> Person:
    """Somebody who speaks the protocol beside the pages."""
    claims = {} if role == "user" else {"stores": [store]}
    person = await Person.open(server, server.token(role, id, **claims, **who))
    person.store = store
    return person
