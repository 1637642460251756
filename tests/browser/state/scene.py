"""What a state of a page is made in: a store of its own on a server that all share, and people who do what is to be seen."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Self

import attrs
from playwright.async_api import Browser, Page, expect

from tests.browser.desk import Window, browser, desk
from tests.browser.page import page
from tests.wire.person import Person
from tests.wire.server import Server

LOCALES = ("en", "zh-CN")
SHOP = (
    '<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Shop</title>'
    "<style>html { color-scheme: light dark; font-family: sans-serif }</style>"
    "<body><main><h1>Fleet 3</h1><p>¥ 399.00</p></main>"
)
"""The page of somebody else's that has the widget."""


@attrs.frozen
class Look:
    """How a page is looked at."""

    name: str
    width: int
    height: int
    dark: bool = False

    async def at(self, page: Page) -> None:
        """The page is looked at so."""
        await page.emulate_media(color_scheme="dark" if self.dark else "light")
        await page.set_viewport_size({"width": self.width, "height": self.height})


LIGHT, DARK, PHONE = Look("light", 1360, 820), Look("dark", 1360, 820, dark=True), Look("phone", 390, 780)
PHONE_DARK, NARROW, ZOOMED = Look("phone-dark", 390, 780, dark=True), Look("narrow", 320, 640), Look("zoomed", 640, 400)
"""To a page a zoom of 200 % is a window of half the size."""


class Scene:
    """Whoever is brought into it goes with it. `said` chooses among the languages."""

    def __init__(self, stage: "Stage", name: str, locale: str) -> None:
        self.server, self.origin, self.locale = stage.server, stage.origin, locale
        self.store = f"{name}-{locale[:2]}"
        self._browser = stage.browser
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def said(self, en: str, zh: str) -> str:
        return en if self.locale == "en" else zh

    async def _come(self, role: str, id: str, name: str) -> Person:
        claims = {} if role == "user" else {"stores": [self.store]}
        person = await Person.open(self.server, self.server.token(role, f"{self.store}-{id}", name=name, **claims))
        person.store = self.store
        self._stack.push_async_callback(person.tidy)
        return person

    async def agent(self, id: str = "wang", en: str = "Wang Qiang", zh: str = "王强", role: str = "agent") -> Person:
        """A colleague who speaks the protocol."""
        return await self._come(role, id, self.said(en, zh))

    async def shopper(self, id: str = "ming", en: str = "Xiao Ming", zh: str = "小明") -> Person:
        return await self._come("user", id, self.said(en, zh))

    async def console(self, role: str = "agent") -> Window:
        """The console of whoever the state is about."""
        return await self._sit(role, "li", self.said("Li Na", "李娜"), [self.store], "agent")

    async def board(self, *stores: str) -> Window:
        """The board of a supervisor of the store, and of others."""
        return await self._sit("supervisor", "boss", self.said("Chen Wei", "陈伟"), [self.store, *stores], "board")

    async def _sit(self, role: str, id: str, name: str, stores: list[str], page: str) -> Window:
        entered = desk(self._browser, self.server, role, f"{self.store}-{id}", stores, name=name, page=page, locale=self.locale)
        return await self._stack.enter_async_context(entered)

    async def page(self, url: str) -> Page:
        """A page that nobody is signed in to."""
        context = await self._browser.new_context(locale=self.locale)
        self._stack.push_async_callback(context.close)
        opened = await context.new_page()
        await opened.goto(url)
        return opened

    async def shop(self, **options: Any) -> Page:
        """A shop's page with the widget of a signed-in shopper in it."""
        opened = await self.page(self.origin)
        token = self.server.token("user", f"{self.store}-ming", name=self.said("Xiao Ming", "小明"))
        title = self.said("Fleet Sports", "风行运动")
        given = {"store": self.store, "token": token, "locale": self.locale, "title": title} | options
        script = f"http://{self.server.address}/widget.js"
        await opened.evaluate("async ([script, given]) => { await import(script); await dibs.boot(given); }", [script, given])
        await expect(opened.locator("dibs-widget .launcher")).to_be_visible()
        return opened


async def later(page: Page, seconds: int) -> None:
    """It is so many seconds later, as far as the page can tell."""
    await page.evaluate("(ms) => { const now = Date.now; Date.now = () => now() + ms; }", seconds * 1000)


class Stage:
    """The server and the browser of many scenes, and the origin of a shop."""

    def __init__(self, server: Server, browser: Browser, origin: str) -> None:
        self.server, self.browser, self.origin = server, browser, origin

    def scene(self, name: str, locale: str) -> Scene:
        return Scene(self, name, locale)


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """The server has the demo's pages as well; it says tokens aloud then, so nobody looks whether it kept them to itself."""
    async with page(SHOP) as origin, browser() as started:
        server = Server(folder / "data", origins=origin, grace=60, heartbeat=25)
        server.environ |= {"DIBS_DEMO": "1", "DIBS_VISITORS": "1"}
        await server.start()
        try:
            yield Stage(server, started, origin)
            await server.stop()
        finally:
            server.kill()
