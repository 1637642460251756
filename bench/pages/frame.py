"""How smooth the console is with ten thousand chats in its list, and in a chat of fifty thousand messages, while more of both come."""

import asyncio
import contextlib
import json
from bisect import bisect
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from bench.found import Figures, Found
from bench.house import Step
from bench.pages.seed import seed
from tests.browser.desk import browser, desk
from tests.wire.person import Person
from tests.wire.server import Server

CHATS, MESSAGES = 10_000, 50_000
P95_MS, LONGEST_MS = 20.0, 100.0
"""What is promised of what the page does in a frame, and in one task."""
WHILE_S = 8
RATE = 10
"""Messages of a second that come meanwhile."""
_WATCH = """() => {
    const watched = (globalThis.watched = { frames: [], tasks: [], stop: false });
    let last;
    const tick = (now) => {
        if (last !== undefined) watched.frames.push(now - last);
        performance.mark("frame");
        last = now;
        if (!watched.stop) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
    watched.observer = new PerformanceObserver((list) => watched.tasks.push(...list.getEntries().map(({ duration }) => duration)));
    watched.observer.observe({ type: "longtask" });
}"""
_WATCHED = """() => {
    watched.stop = true;
    watched.observer.disconnect();
    return { frames: watched.frames, tasks: watched.tasks };
}"""
_SCROLL = """async ([selector, seconds, px]) => {
    const scroller = document.querySelector(selector);
    const end = performance.now() + 1000 * seconds;
    let by = scroller.scrollTop > 0 ? -px : px;
    while (performance.now() < end) {
        await new Promise(requestAnimationFrame);
        const was = scroller.scrollTop;
        scroller.scrollTop += by;
        if (scroller.scrollTop === was) by = -by;
    }
}"""


@contextlib.asynccontextmanager
async def coming(people: list[Person], rate: float) -> AsyncIterator[list[int]]:
    """So many messages a second, said by these in turn; the number of those that are acknowledged."""
    said = [0]

    async def speak() -> None:
        loop, began = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        while True:
            person = people[said[0] % len(people)]
            await person.do("send", kind="text", body={"text": f"and now {said[0]}"})
            said[0] += 1
            await asyncio.sleep(max(0.0, began + said[0] / rate - loop.time()))

    task = asyncio.create_task(speak())
    try:
        yield said
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def judged(told: dict[str, Any], said: int) -> Figures:
    frames, tasks = sorted(told["frames"]), told["tasks"]
    own_tasks, works = told["own"][0], sorted(told["own"][1])
    return {
        "frames": len(frames),
        "p50 ms": round(frames[len(frames) // 2], 1),
        "p95 ms": round(frames[int(len(frames) * 0.95)], 1),
        "p99 ms": round(frames[int(len(frames) * 0.99)], 1),
        "longest frame ms": round(frames[-1], 1),
        "longest task ms": round(max(tasks, default=0.0), 1),
        "own p50 ms": round(works[len(works) // 2], 1),
        "own p95 ms": round(works[int(len(works) * 0.95)], 1),
        "own longest task ms": round(max(own_tasks), 1),
        "messages": said,
    }


async def scrolled(page: Page, people: list[Person], selector: str, px: int, seconds: float = WHILE_S) -> Figures:
    """The frames while it is scrolled and messages come."""
    async with coming(people, RATE) as said:
        browser = page.context.browser
        assert browser is not None
        await browser.start_tracing(page=page, categories=["toplevel", "blink.user_timing"])
        await page.evaluate(_WATCH)
        await page.evaluate(_SCROLL, [selector, seconds, px])
        told = await page.evaluate(_WATCHED)
        return judged(told | {"own": own(await browser.stop_tracing())}, said[0])


def own(trace: bytes) -> tuple[list[float], list[float]]:
    """What each task of the page took of a core, and all of those of each frame, in ms: a machine that others load adds next to nothing."""
    events = json.loads(trace)["traceEvents"]
    marks = sorted((event["ts"], event["pid"], event["tid"]) for event in events if event["name"] == "frame")
    (page,) = {mark[1:] for mark in marks}
    tasks = [
        (event["ts"], event["tdur"] / 1000)
        for event in events
        if event.get("ph") == "X" and "RunTask" in event["name"] and "tdur" in event and (event["pid"], event["tid"]) == page
    ]
    frames = [0.0] * (len(marks) + 1)
    for at, took_ms in tasks:
        frames[bisect(marks, (at,))] += took_ms
    return [took_ms for _, took_ms in tasks], frames


async def frame(folder: Path, share: float, step: Step) -> Found:
    """See the module. A share is that of the chats and the messages."""
    chats, messages = max(100, int(CHATS * share)), max(1000, int(MESSAGES * share))
    found = Found()
    server = Server(folder / "data", private=True, rate=0, heartbeat=25, grace=60)
    await server.start()
    try:
        long = await seed(server.valkey_url(), "big", chats=chats, messages=messages, step=lambda part: step(part * 0.3))
        people = [await _come(server, user) for user in (long, *(f"w{number:05}" for number in range(9)))]
        async with browser() as started, desk(started, server, "agent", "li", ["big"], name="Li Na") as window:
            page = window.page
            await page.locator("#tab-queue").click()
            await page.wait_for_function(f"() => document.querySelector('.row')?.getAttribute('aria-setsize') >= {chats}", timeout=120_000)
            step(0.4)
            for row, px in ((f"{chats:,} chats, scrolled by rows", 68), (f"{chats:,} chats, flung", 500)):
                found.rows[row] = await scrolled(page, people, "#rows", px)
            step(0.5)
            await page.goto(f"http://{server.address}/agent#chat=big/{long}")
            await page.reload()
            await page.wait_for_selector(".said")
            await page.evaluate("() => (document.querySelector('.lines').scrollTop = 1e9)")
            found.rows["a chat that is loaded as it is scrolled"] = await scrolled(page, people[:1], ".lines", 300)
            step(0.6)
            await page.wait_for_function(
                "() => { document.querySelector('.lines').scrollTop = 0;"
                " return document.querySelector('.older p').textContent.includes('begins here'); }",
                timeout=600_000,
            )
            step(0.8)
            for row, px in ((f"a chat of {messages:,} messages, scrolled", 120), (f"a chat of {messages:,} messages, flung", 500)):
                found.rows[row] = await scrolled(page, people[:1], ".lines", px)
            found.broken += window.complaints
        for person in people:
            await person.close()
        await server.stop()
    finally:
        server.kill()
    for row, figures in found.rows.items():
        if figures["own p95 ms"] > P95_MS:
            found.broken.append(f"{row}: a frame in twenty is {figures['own p95 ms']} ms of work, more than {P95_MS}")
        if figures["own longest task ms"] > LONGEST_MS:
            found.broken.append(f"{row}: a task is {figures['own longest task ms']} ms of work, more than {LONGEST_MS}")
    step(1.0)
    return found


async def _come(server: Server, user: str) -> Person:
    person = await Person.open(server, server.token("user", user))
    person.store = "big"
    return person
