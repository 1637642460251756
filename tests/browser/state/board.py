"""The board, in each of its states."""

from playwright.async_api import Page, expect

from tests.browser.desk import Window
from tests.browser.state.scene import Scene, later
from tests.wire.person import Person

SHOPPERS = (
    ("ming", "Xiao Ming", "小明", "Is the blue one in stock in size 42?", "蓝色的有42码吗？"),
    ("fang", "Zhao Fang", "赵芳", "My parcel has been in Suzhou since Monday", "包裹从周一起一直停在苏州"),
    ("jun", "Liu Jun", "刘军", "Can I still change the address?", "还能改收货地址吗？"),
    ("yue", "Chen Yue", "陈悦", "Thanks, it arrived today", "谢谢，今天收到了"),
)


async def _text(person: Person, text: str, **fields: str) -> None:
    await person.do("send", kind="text", body={"text": text}, **fields)


async def _day(scene: Scene) -> tuple[Window, Person, list[Person]]:
    """A board, an agent, and four shoppers: two wait, one has its answer, one does not. One is gone, and was content."""
    agent = await scene.agent()
    shoppers = [await scene.shopper(id, en, zh) for id, en, zh, _, _ in SHOPPERS]
    for shopper, (_, _, _, en, zh) in zip(shoppers, SHOPPERS, strict=True):
        await _text(shopper, scene.said(en, zh))
    for shopper in shoppers[2:]:
        await agent.do("claim", user=shopper.id)
    await _text(agent, scene.said("You are welcome.", "不客气。"), user=shoppers[3].id)
    gone = await scene.shopper("lan", "Wu Lan", "吴兰")
    await _text(gone, scene.said("Do you wrap gifts?", "可以包装成礼物吗？"))
    await agent.do("claim", user=gone.id)
    await _text(agent, scene.said("We do.", "可以。"), user=gone.id)
    await agent.do("resolve", user=gone.id)
    await gone.do("rate", score=5)
    window = await scene.board()
    await expect(window.page.locator(".table-space .table-row")).to_have_count(4)
    await expect(window.page.locator("[data-tile=rating] .tile-value")).to_have_text("5.0")
    return window, agent, shoppers


async def signed_out(scene: Scene) -> Page:
    page = await scene.page(f"http://{scene.server.address}/board")
    await expect(page.locator("dibs-sign-in")).to_be_visible()
    return page


async def no_supervisor(scene: Scene) -> Page:
    token = scene.server.token("agent", f"{scene.store}-li", stores=[scene.store])
    page = await scene.page(f"http://{scene.server.address}/board#token={token}")
    await expect(page.locator(".not-yours")).to_be_visible()
    return page


async def empty(scene: Scene) -> Page:
    window = await scene.board()
    await expect(window.page.locator(".table-box .nothing")).to_be_visible()
    await expect(window.page.locator("[data-tile=opened] .tile-value")).to_have_text("0")
    return window.page


async def calm(scene: Scene) -> Page:
    window, _, _ = await _day(scene)
    return window.page


async def late(scene: Scene) -> Page:
    window, _, _ = await _day(scene)
    await later(window.page, 75)
    await expect(window.page.locator("[data-tile=longest]")).to_have_attribute("data-level", "late")
    return window.page


async def too_late(scene: Scene) -> Page:
    window, _, _ = await _day(scene)
    await later(window.page, 300)
    await expect(window.page.locator("[data-tile=longest]")).to_have_attribute("data-level", "too-late")
    return window.page


async def watching(scene: Scene) -> Page:
    window, _, _ = await _day(scene)
    await window.page.locator(".table-row", has_text=scene.said("Liu Jun", "刘军")).click()
    await expect(window.page.locator(".said")).to_have_count(1)
    return window.page


async def assigning(scene: Scene) -> Page:
    page = await watching(scene)
    await page.keyboard.press("Alt+KeyT")
    await expect(page.locator("dialog[open]")).to_be_visible()
    return page


async def closing(scene: Scene) -> Page:
    page = await watching(scene)
    await page.locator("[data-action=resolve]").click()
    await expect(page.locator("dialog[open]")).to_be_visible()
    return page


async def announcing(scene: Scene) -> Page:
    window = await scene.board()
    await window.page.keyboard.press("Alt+KeyM")
    await expect(window.page.locator("dialog[open]")).to_be_visible()
    return window.page


async def taken_over(scene: Scene) -> Page:
    page = await watching(scene)
    await page.keyboard.press("Alt+KeyY")
    await expect(page.locator(".at-desk.primary")).to_be_visible()
    return page


async def filtered(scene: Scene) -> Page:
    window, _, _ = await _day(scene)
    await window.page.locator(".person").first.click()
    await window.page.locator(".table-filter input").fill("nobody is called so")
    await expect(window.page.locator(".table-box .nothing button")).to_be_visible()
    return window.page


async def as_table(scene: Scene) -> Page:
    window, _, _ = await _day(scene)
    await window.page.locator("dibs-chart button").click()
    await expect(window.page.locator(".plot-table:not(.sr)")).to_be_visible()
    return window.page


async def stores(scene: Scene) -> Page:
    other = f"{scene.store}-2"
    await _day(scene)
    window = await scene.board(other)
    await expect(window.page.locator("dibs-board-stores tbody tr")).to_have_count(2)
    return window.page


async def reconnecting(scene: Scene) -> Page:
    window, _, _ = await _day(scene)
    await window.context.set_offline(True)
    await expect(window.page.locator("dibs-banner[data-state=lost]")).to_be_visible()
    return window.page


async def help_of_keys(scene: Scene) -> Page:
    window = await scene.board()
    await window.page.keyboard.press("?")
    await expect(window.page.locator("dialog[open]")).to_be_visible()
    return window.page
