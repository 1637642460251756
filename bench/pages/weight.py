"""What each page weighs as it comes over the wire, and from when on it is of use: for whoever comes first, and for whoever comes again."""

import statistics
from collections.abc import Awaitable, Callable
from pathlib import Path

from playwright.async_api import Browser, Page, Request

from bench.found import Found
from bench.house import Step
from tests.browser.state.scene import Stage, stage

TIMES = 7
LIVE = "document.querySelector('dibs-banner:not([data-state])')"
OPEN = "document.querySelector('dibs-widget')?.shadowRoot.querySelector('.launcher')?.checkVisibility()"
READ = "document.querySelector('main')"
_USABLE = """
    const look = () => (%s ? (globalThis.usable = performance.now()) : requestAnimationFrame(look));
    requestAnimationFrame(look);
"""
"""Said before anything of the page runs: when it is seen to be of use, in ms since it was asked for."""


async def weight(folder: Path, share: float, step: Step) -> Found:
    """See the module; `share` is that of the times that each page is come to."""
    found = Found()
    async with stage(folder) as made:
        address = f"http://{made.server.address}"
        agent = made.server.token("agent", "li", stores=["weight"], name="Li Na")
        pages = {
            "/agent": (f"{address}/agent#token={agent}", LIVE),
            "/ of the demo": (f"{address}/", OPEN),
            "/docs": (f"{address}/docs", READ),
        }
        for n, (name, (url, is_usable)) in enumerate(pages.items()):
            found.rows[name] = await _page(made.browser, url, is_usable, max(2, round(TIMES * share)))
            step((n + 1) / (len(pages) + 1))
        found.rows["the widget in a shop's page"] = await _widget(made)
    step(1.0)
    return found


async def _page(browser: Browser, url: str, is_usable: str, times: int) -> dict[str, float]:
    cold, warm, told = [], [], (0, 0)
    for _ in range(times):
        context = await browser.new_context(locale="en-US")
        await context.add_init_script(f"(() => {{{_USABLE % is_usable}}})()")
        page = await context.new_page()
        told = await _heard(page, lambda page=page: _until_usable(page, url, cold))
        await page.goto("about:blank")
        await _until_usable(page, url, warm)
        await context.close()
    requests, size = told
    return {"requests": requests, "bytes": size, "cold ms": round(statistics.median(cold)), "warm ms": round(statistics.median(warm))}


async def _until_usable(page: Page, url: str, took: list[float]) -> None:
    await page.goto(url)
    await page.wait_for_function("() => globalThis.usable")
    took.append(await page.evaluate("usable"))


async def _heard(page: Page, act: Callable[[], Awaitable[object]]) -> tuple[int, int]:
    """How many requests that made, and the bytes of their bodies as they came."""
    requests: list[Request] = []

    def hear(request: Request) -> None:
        requests.append(request)

    page.on("requestfinished", hear)
    await act()
    page.remove_listener("requestfinished", hear)
    sizes = [(await request.sizes())["responseBodySize"] for request in requests]
    return len(sizes), sum(sizes)


async def _widget(made: Stage) -> dict[str, float]:
    """All that a shop's page loads by it."""
    async with made.scene("weight", "en") as scene:
        page = await scene.page(made.origin)
        given = {"store": scene.store, "token": made.server.token("user", "u"), "locale": "en"}
        script = (
            "async ([script, given]) => { const began = performance.now(); await import(script); dibs.boot(given);"
            f" while (!{OPEN}) await new Promise(requestAnimationFrame); globalThis.usable = performance.now() - began; }}"
        )
        url = f"http://{made.server.address}/widget.js"
        requests, size = await _heard(page, lambda: page.evaluate(script, [url, given]))
        return {"requests": requests, "bytes": size, "cold ms": round(await page.evaluate("usable"))}
