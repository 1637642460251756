"""The console, in each of its states."""

from playwright.async_api import Page, expect

from tests.browser.desk import Window
from tests.browser.state.scene import Scene, later
from tests.wire.person import Person

SHOES = {"sku": "S-301", "title": "Fleet 3", "price": 399, "currency": "CNY", "url": "/?S-301"}
SHOPPERS = (
    ("ming", "Xiao Ming", "小明", "Is the blue one in stock in size 42?", "蓝色的有42码吗？"),
    ("fang", "Zhao Fang", "赵芳", "My parcel has been in Suzhou since Monday", "包裹从周一起一直停在苏州"),
    ("jun", "Liu Jun", "刘军", "Can I still change the address?", "还能改收货地址吗？"),
    ("yue", "Chen Yue", "陈悦", "Thanks, it arrived today", "谢谢，今天收到了"),
)


async def _ask(person: Person, text: str, **fields: object) -> int:
    """Says it; its number."""
    return (await person.do("send", **{"kind": "text", "body": {"text": text}} | fields))["seq"]


async def _answer(agent: Person, shopper: Person, text: str) -> None:
    await _ask(agent, text, user=shopper.id)


async def _crowd(scene: Scene, first: int, end: int) -> list[Person]:
    """Shoppers from that one to that one, who wait in this order."""
    come = []
    for id, en, zh, text_en, text_zh in SHOPPERS[first:end]:
        come.append(await scene.shopper(id, en, zh))
        await _ask(come[-1], scene.said(text_en, text_zh))
    return come


async def _waiting(window: Window, count: int) -> None:
    await expect(window.page.locator("#tab-queue .count")).to_have_text(str(count))


async def _claimed(scene: Scene) -> tuple[Window, Person]:
    """A console that has claimed the chat of a shopper, who asked about shoes."""
    window = await scene.console()
    (shopper,) = await _crowd(scene, 0, 1)
    await _ask(shopper, "", kind="product", body=SHOES)
    await window.claim()
    await expect(window.page.locator("dibs-composer textarea")).to_be_visible()
    await expect(window.page.locator(".said")).to_have_count(2)
    return window, shopper


async def signed_out(scene: Scene) -> Page:
    page = await scene.page(f"http://{scene.server.address}/agent")
    await expect(page.locator("dibs-sign-in")).to_be_visible()
    return page


async def empty(scene: Scene) -> Page:
    window = await scene.console()
    await expect(window.page.locator(".empty")).to_be_visible()
    return window.page


async def queue(scene: Scene) -> Page:
    window = await scene.console()
    await _crowd(scene, 0, 2)
    await _waiting(window, 2)
    await later(window.page, 75)
    await _crowd(scene, 2, 4)
    await _waiting(window, 4)
    await window.page.locator("#tab-queue").click()
    await expect(window.page.locator(".row")).to_have_count(4)
    return window.page


async def mine(scene: Scene) -> Page:
    """With a colleague, a note, cards, and marks of all kinds."""
    colleague = await scene.agent()
    window, shopper = await _claimed(scene)
    others = await _crowd(scene, 1, 4)
    await colleague.do("claim", user=others[0].id)
    await _answer(colleague, others[0], scene.said("I am asking the carrier", "我去问一下快递"))
    await window.say(scene.said("Yes, three pairs are left.", "有的，还剩三双。"))
    await shopper.expect("message", from_={"role": "agent"})
    await shopper.do("read", seq=3)
    await colleague.do("note", user=shopper.id, body={"text": scene.said("Regular customer, be generous", "老顾客，可以优惠")})
    order = {"number": "20261124-0001", "status": scene.said("shipped", "已发货"), "total": 399, "currency": "CNY"}
    await _ask(shopper, "", kind="order", body=order)
    await _ask(shopper, scene.said("And this one, can it be exchanged?", "这一单可以换货吗？"))
    await window.say(scene.said("Within thirty days, of course.", "三十天内都可以。"))
    await shopper.typing()
    await expect(window.page.locator(".writing")).not_to_be_empty()
    await expect(window.page.locator(".tick[data-state=read]")).to_have_count(1)
    await expect(window.page.locator("#rows [aria-selected=true] .pill")).to_be_empty()
    return window.page


async def owned(scene: Scene) -> Page:
    """By somebody else: to be read, not to be answered."""
    colleague, (shopper, *_) = await scene.agent(), await _crowd(scene, 0, 2)
    await colleague.do("claim", user=shopper.id)
    await _answer(colleague, shopper, scene.said("One moment please", "请稍等"))
    window = await scene.console()
    await window.page.locator("#tab-all").click()
    await window.page.locator(".row", has_text=scene.said("Xiao Ming", "小明")).click()
    await expect(window.page.locator(".lock")).to_be_visible()
    return window.page


async def lost_race(scene: Scene) -> Page:
    window, colleague, (shopper,) = await scene.console(), await scene.agent(), await _crowd(scene, 0, 1)
    await _waiting(window, 1)
    await window.page.locator("#tab-queue").click()
    await window.page.locator(".row").click()
    # What the colleague does is not heard here: the chat seems to wait.
    await window.context.set_offline(True)
    await colleague.do("claim", user=shopper.id)
    await window.page.keyboard.press("Alt+KeyA")
    await window.context.set_offline(False)
    await expect(window.page.locator(".toast")).to_be_visible()
    return window.page


async def given(scene: Scene) -> Page:
    window, colleague, (shopper,) = await scene.console(), await scene.agent(), await _crowd(scene, 0, 1)
    await colleague.do("claim", user=shopper.id)
    await colleague.do("transfer", user=shopper.id, to=f"{scene.store}-li")
    await expect(window.page.locator(".toast")).to_be_visible()
    return window.page


async def reconnecting(scene: Scene) -> Page:
    window, _ = await _claimed(scene)
    await window.context.set_offline(True)
    await expect(window.page.locator("dibs-banner[data-state=lost]")).to_be_visible()
    await window.say(scene.said("Yes, three pairs are left.", "有的，还剩三双。"))
    await expect(window.page.locator(".is-waiting")).to_be_visible()
    return window.page


async def failed(scene: Scene) -> Page:
    boss = await scene.agent("boss", "Boss", "店长", role="supervisor")
    window, shopper = await _claimed(scene)
    await window.context.set_offline(True)
    await boss.do("takeover", user=shopper.id)
    await window.say(scene.said("Yes, three pairs are left.", "有的，还剩三双。"))
    await window.context.set_offline(False)
    await expect(window.page.locator(".is-refused")).to_be_visible()
    return window.page


async def closed(scene: Scene) -> Page:
    window, _ = await _claimed(scene)
    await window.page.keyboard.press("Alt+KeyE")
    await expect(window.page.locator(".lock[data-status=closed]")).to_be_visible()
    return window.page


async def note(scene: Scene) -> Page:
    window, _ = await _claimed(scene)
    await window.page.keyboard.press("Alt+KeyP")
    await window.page.locator("dibs-composer textarea").fill(scene.said("Asked twice already", "已经问过两次了"))
    return window.page


async def transfer(scene: Scene) -> Page:
    await scene.agent()
    window, _ = await _claimed(scene)
    await window.page.locator(".thread-head [data-action=transfer]").click()
    await expect(window.page.locator("dialog[open]")).to_be_visible()
    return window.page


async def announce(scene: Scene) -> Page:
    window = await scene.console("supervisor")
    await window.page.locator("dibs-rail button", has=window.page.locator("svg")).first.click()
    await expect(window.page.locator("dialog[open] textarea")).to_be_visible()
    return window.page


async def keys(scene: Scene) -> Page:
    window = await scene.console()
    await window.page.keyboard.press("?")
    await expect(window.page.locator("dialog[open]")).to_be_visible()
    return window.page


async def palette(scene: Scene) -> Page:
    window, _ = await _claimed(scene)
    await window.page.keyboard.press("Control+KeyK")
    await expect(window.page.get_by_role("combobox")).to_be_focused()
    return window.page


async def finding(scene: Scene) -> Page:
    window, _ = await _claimed(scene)
    await window.page.locator(".thread-head [data-action=search]").click()
    await window.page.keyboard.type(scene.said("blue", "蓝色"))
    await expect(window.page.locator(".said.found, .found")).to_have_count(1)
    return window.page
