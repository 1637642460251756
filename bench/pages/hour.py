"""How long a key waits while fifty messages a second come, and what a console holds after an hour's worth of them."""

import asyncio
import itertools
from pathlib import Path

from playwright.async_api import Page

from bench.found import Found
from bench.house import Step
from bench.pages.frame import coming
from bench.pages.seed import WORDS
from tests.browser.desk import browser, desk
from tests.wire.client import Client
from tests.wire.person import Person
from tests.wire.server import Server

RATE, KEYS = 50, 150
HOUR, CHATS, AT_ONCE = 36_000, 200, 25
"""Ten messages a second for an hour, in so many chats; said as fast as they are taken, so many at once."""
DELAY_MS = 50.0
HELD_MB = 100.0
"""What is promised of 99 keys in a hundred, and of what is held."""
STORE = "hour"

_KEYS = """() => {
    globalThis.keys = { waited: [], shown: [] };
    addEventListener("keydown", ({ timeStamp }) => {
        keys.waited.push(performance.now() - timeStamp);
        requestAnimationFrame(() => setTimeout(() => keys.shown.push(performance.now() - timeStamp)));
    }, { capture: true });
}"""


async def hour(folder: Path, share: float, step: Step) -> Found:
    """See the module; `share` is that of the keys and of the hour."""
    found = Found()
    server = Server(folder / "data", private=True, rate=0, heartbeat=25, grace=60)
    await server.start()
    try:
        async with browser() as started, desk(started, server, "agent", "li", [STORE], name="Li Na") as window:
            people = [await _come(server, n) for n in range(10)]
            for person in people:
                await person.do("send", kind="text", body={"text": "hello?"})
            await window.claim()
            await window.page.wait_for_selector("dibs-composer textarea:focus")
            found.rows[f"a key, while {RATE} messages a second come"] = await _typed(window.page, people, max(20, round(KEYS * share)))
            step(0.2)
            count = round(HOUR * share)
            before = await _held(window.page)
            await _say(server, count, lambda part: step(0.2 + 0.7 * part))
            await window.page.wait_for_function(
                f"() => document.querySelector('#tab-all .count').textContent === '{'99+' if CHATS > 99 else CHATS}'"
            )
            await window.page.wait_for_timeout(2000)
            after = await _held(window.page)
            found.rows[f"{count:,} messages in {CHATS} chats"] = {
                "MB before": before["JSHeapUsedSize"],
                "MB after": after["JSHeapUsedSize"],
                "KB a message": round((after["JSHeapUsedSize"] - before["JSHeapUsedSize"]) * 1000 / count, 2),
                "nodes": after["Nodes"],
            }
            found.broken += window.complaints
            for person in people:
                await person.close()
        await server.stop()
    finally:
        server.kill()
    (keys, held) = found.rows.values()
    if keys["waits p99 ms"] > DELAY_MS:
        found.broken.append(f"one key in a hundred waits {keys['waits p99 ms']} ms, more than {DELAY_MS}")
    if held["MB after"] > HELD_MB:
        found.broken.append(f"after an hour's worth {held['MB after']} MB are held, more than {HELD_MB}")
    step(1.0)
    return found


async def _come(server: Server, n: int) -> Person:
    person = await Person.open(server, server.token("user", f"k{n}", name=f"Shopper {n}"))
    person.store = STORE
    return person


async def _typed(page: Page, people: list[Person], count: int) -> dict[str, float]:
    async with coming(people, RATE) as said:
        await page.evaluate(_KEYS)
        began = asyncio.get_running_loop().time()
        await page.keyboard.type(("one two three " * count)[:count], delay=80)
        await page.wait_for_function(f"() => keys.shown.length >= {count}")
        took, told = asyncio.get_running_loop().time() - began, await page.evaluate("keys")
    row: dict[str, float] = {"keys": count, "messages a second": round(said[0] / took)}
    for what, name in (("waited", "waits"), ("shown", "is shown after")):
        ordered = sorted(told[what])
        row |= {f"{name} p50 ms": round(ordered[count // 2], 1), f"{name} p99 ms": round(ordered[int(count * 0.99)], 1)}
    return row


async def _held(page: Page) -> dict[str, float]:
    """After everything was collected that nobody needs: MB of the heap, and nodes."""
    session = await page.context.new_cdp_session(page)
    for method in ("HeapProfiler.enable", "HeapProfiler.collectGarbage", "Performance.enable"):
        await session.send(method)
    told = {one["name"]: one["value"] for one in (await session.send("Performance.getMetrics"))["metrics"]}
    await session.detach()
    return {"JSHeapUsedSize": round(told["JSHeapUsedSize"] / 1e6, 1), "Nodes": told["Nodes"]}


async def _say(server: Server, count: int, step: Step) -> None:
    """So many messages of `CHATS` shoppers, `AT_ONCE` of them at a time."""
    said = itertools.count()

    async def speak(users: list[int]) -> None:
        for user in users:
            token = server.token("user", f"h{user:03}", name=f"Shopper {user}")
            shopper = await Client.open(server, token)
            for n in range(count // CHATS):
                body = {"text": f"{n} {WORDS[n % len(WORDS)]}"}
                answer = await shopper.command("send", store=STORE, kind="text", body=body)
                assert answer["type"] == "ack", answer
                step(next(said) / count)
            await shopper.close()

    await asyncio.gather(*(speak(list(range(first, CHATS, AT_ONCE))) for first in range(AT_ONCE)))
