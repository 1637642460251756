"""The pages beside them: the demo's shop and the documents."""

from playwright.async_api import Page, expect

from tests.browser.state.scene import Scene


async def demo(scene: Scene) -> Page:
    page = await scene.page(f"http://{scene.server.address}/")
    await expect(page.locator(".agents a")).to_have_count(3)
    await expect(page.locator("dibs-widget .launcher")).to_be_visible()
    return page


async def docs(scene: Scene) -> Page:
    return await scene.page(f"http://{scene.server.address}/docs")
