"""The widget in a shop's page, in each of its states."""

from playwright.async_api import Page, expect

from tests.browser.state.scene import Scene
from tests.wire.person import Person

SHOES = {"sku": "S-301", "title": "Fleet 3", "price": 399, "currency": "CNY", "url": "https://shop.example/S-301"}


async def _open(page: Page) -> None:
    await page.evaluate("dibs.open()")
    await expect(page.locator("dibs-widget .panel")).to_be_visible()
    await expect(page.locator("dibs-widget .banner")).to_be_hidden()


async def _ask(page: Page, text: str) -> None:
    await page.locator("dibs-widget form textarea").fill(text)
    await page.keyboard.press("Enter")
    await expect(page.locator("dibs-widget .bubble", has_text=text)).to_be_visible()


async def _asked(scene: Scene) -> tuple[Page, Person]:
    """An agent is there, and the shopper has asked."""
    agent, page = await scene.agent("li", "Li Na", "李娜"), await scene.shop()
    await _open(page)
    await _ask(page, scene.said("Is the blue one in stock?", "蓝色的有货吗？"))
    await agent.expect("message", seq=1)
    return page, agent


async def _served(scene: Scene) -> tuple[Page, Person]:
    page, agent = await _asked(scene)
    await agent.do("claim", user=f"{scene.store}-ming")
    text = scene.said("Yes, three pairs are left. Which size do you wear?", "有的，还剩三双。您穿多大码？")
    await agent.do("send", user=f"{scene.store}-ming", kind="text", body={"text": text})
    await expect(page.locator("dibs-widget .bubble")).to_have_count(2)
    return page, agent


async def closed(scene: Scene) -> Page:
    return await scene.shop()


async def greeting(scene: Scene) -> Page:
    await scene.agent("li", "Li Na", "李娜")
    page = await scene.shop()
    await _open(page)
    return page


async def product(scene: Scene) -> Page:
    """Of the page, offered to be sent."""
    await scene.agent("li", "Li Na", "李娜")
    page = await scene.shop(product=SHOES)
    await _open(page)
    await expect(page.locator("dibs-widget .offer")).to_be_visible()
    return page


async def waiting(scene: Scene) -> Page:
    page, _ = await _asked(scene)
    return page


async def served(scene: Scene) -> Page:
    page, agent = await _served(scene)
    await agent.do("read", user=f"{scene.store}-ming", seq=1)
    await agent.do("send", user=f"{scene.store}-ming", kind="product", body=SHOES)
    await agent.typing(user=f"{scene.store}-ming")
    await expect(page.locator("dibs-widget .typing")).to_be_visible()
    return page


async def unread(scene: Scene) -> Page:
    """Closed, while somebody answers."""
    page, agent = await _asked(scene)
    await page.evaluate("dibs.close()")
    await agent.do("claim", user=f"{scene.store}-ming")
    text = scene.said("Yes, three pairs are left.", "有的，还剩三双。")
    await agent.do("send", user=f"{scene.store}-ming", kind="text", body={"text": text})
    await expect(page.locator("dibs-widget .preview")).to_be_visible()
    return page


async def offline(scene: Scene) -> Page:
    page, _ = await _served(scene)
    await page.context.set_offline(True)
    await expect(page.locator("dibs-widget .banner")).to_be_visible()
    await _ask(page, scene.said("Size 42", "42码"))
    return page


async def ending(scene: Scene) -> Page:
    """Asked once more."""
    page, _ = await _served(scene)
    await page.get_by_role("button", name=scene.said("More", "更多")).click()
    await page.get_by_role("button", name=scene.said("End the chat", "结束会话")).click()
    await expect(page.locator("dibs-widget .ask")).to_be_visible()
    return page


async def rating(scene: Scene) -> Page:
    page, agent = await _served(scene)
    await agent.do("resolve", user=f"{scene.store}-ming")
    await expect(page.locator("dibs-widget .rating")).to_be_visible()
    return page
