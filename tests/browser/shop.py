"""A shop's page with the widget in a real browser, and the agents of its stores."""

import asyncio
import contextlib
import json
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

from tests.browser.chromium import Tab, tab
from tests.browser.page import page
from tests.wire.person import Person
from tests.wire.server import Server

PLAIN = '<!doctype html><html lang="en"><title>Shop</title><body><h1>Shop</h1><p>Sneakers, 399.00</p>'
SHADOW = """
const root = document.querySelector("dibs-widget")?.shadowRoot;
const $ = (found) => root?.querySelector(found), $$ = (found) => [...(root?.querySelectorAll(found) ?? [])];
"""
TEXTS = '$$(".bubble").map((one) => one.textContent)'
KEYS = {"Enter": (13, "\r"), "Tab": (9, ""), "Escape": (27, ""), "x": (88, "x"), " ": (32, " ")}
SHIFT = 8
SOON_S = 5.0


class Shop:
    """A shop's page with the widget, and the agents of its stores."""

    def __init__(self, server: Server, browser: Tab, origin: str) -> None:
        self.server, self.browser, self.origin = server, browser, origin

    async def agent(self, store: str, name: str = "李娜") -> Person:
        person = await Person.open(self.server, self.server.token("agent", f"{store}-a1", stores=[store], name=name))
        person.store = store
        return person

    async def say(self, agent: Person, *bodies: tuple[str, dict[str, object]]) -> None:
        """Kind and body of each, to the one user, without waiting for one before the next."""
        fields = {"store": agent.store, "user": f"{agent.store}-u"}
        ids = [await agent.post("send", **fields, kind=kind, body=body) for kind, body in bodies]
        answers = [await agent.answer(id) for id in ids]
        assert [answer["type"] for answer in answers] == ["ack"] * len(bodies), answers

    async def go(self, path: str = "/") -> None:
        await self.browser.visit(f"{self.origin}{path}")

    async def boot(self, store: str, **options: object) -> None:
        """Puts the widget into the page that is there."""
        given = {"store": store, "token": self.server.token("user", f"{store}-u", name="小明"), "locale": "zh-CN"} | options
        given = {name: value for name, value in given.items() if value is not None}
        await self.run(
            f'globalThis.dibs = [["boot", {json.dumps(given)}], ["on", "unread", (n) => (globalThis.unread ??= []).push(n)]];'
            f'await import("http://{self.server.address}/widget.js?{store}");'
        )

    async def run(self, script: str) -> object:
        return await self.browser.run(SHADOW + script)

    async def sees(self, script: str, wanted: object) -> None:
        """Until an expression is this, in a moment."""
        seen: object = None
        try:
            async with asyncio.timeout(SOON_S):
                while (seen := await self.run(f"return {script}")) != wanted:  # noqa: ASYNC110 - only asking tells
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{script} is {seen!r}, not {wanted!r}") from None

    async def write(self, text: str) -> None:
        await self.sees('Boolean($("form textarea"))', wanted=True)
        await self.run(f'$("form textarea").value = {json.dumps(text)}; $("form").requestSubmit();')

    async def press(self, *keys: str) -> None:
        """Keys as somebody presses them; `^Tab` is one with Shift."""
        for key in keys:
            code, text = KEYS[key.lstrip("^")]
            given = {"key": key.lstrip("^"), "windowsVirtualKeyCode": code, "modifiers": SHIFT if key.startswith("^") else 0}
            await self.browser.do("Input.dispatchKeyEvent", type="keyDown", text=text, **given)
            await self.browser.do("Input.dispatchKeyEvent", type="keyUp", **given)

    async def click(self, found: str) -> None:
        """As a hand does it."""
        x, y = await self.run(f"const box = {found}.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]")
        for type in ("mousePressed", "mouseReleased"):
            await self.browser.do("Input.dispatchMouseEvent", type=type, x=x, y=y, button="left", clickCount=1)

    async def size(self, width: int, height: int) -> None:
        await self.browser.do("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)


@contextlib.asynccontextmanager
async def shop_at(folder: Path, *pages: str) -> AsyncIterator[Shop]:
    """With these pages behind the plain one."""
    async with page(PLAIN, *pages) as origin, tab(folder / "profile") as browser:
        server = Server(folder / "data", origins=origin, heartbeat=5)
        server.environ |= {"DIBS_VISITORS": "1"}
        with server.running():
            await browser.open(origin)
            yield Shop(server, browser, origin)


def png(width: int, height: int, blue: int = 200) -> bytes:
    """A picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes((30, 90, blue)) * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
