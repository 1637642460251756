"""What calls an agent: sounds, notifications, the title, the icon and announcements, with several tabs open."""

import pytest
from playwright.async_api import expect

from tests.browser.desk import come, desk

pytestmark = pytest.mark.anyio

expect.set_options(timeout=20_000)
COUNTED = """
window.rings = 0;
window.shown = [];
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...at) { window.rings += 1; return start.apply(this, at); };
window.Notification = class {
  static permission = "granted";
  constructor(title, { body, tag }) { window.shown.push(Object.assign(this, { title, body, tag })); }
  close() { this.isClosed = true; }
};
"""
HIDE = "Object.defineProperty(document, 'hidden', { configurable: true, get: () => true })"


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


async def test_one_tab_of_several_makes_the_sound_and_another_when_it_is_closed(stage):
    server, started = stage
    async with desk(started, server, "agent", "s1", ["sound"]) as one:
        await one.context.add_init_script(COUNTED)
        await one.page.reload()
        other = await one.beside()
        shopper = await come(server, "user", "sound-u", "sound", name="Wang")
        await shopper.say("not heard: nobody has clicked")
        await expect(one.page.locator("#tab-queue .count")).to_have_text("1")
        await one.page.get_by_text("Enable sound").click()
        await expect(one.page.locator(".chip")).to_be_hidden()
        # The other tab knows, and needs no more than any click.
        await expect(other.page.locator(".chip")).to_be_visible()
        await other.page.locator("#tab-all").click()
        await expect(other.page.locator(".chip")).to_be_hidden()
        second = await come(server, "user", "sound-v", "sound", name="Zhao")
        await second.say("ding")
        for tab in (one, other):
            await expect(tab.page.locator("#tab-queue .count")).to_have_text("2")
        assert [await tab.page.evaluate("window.rings") for tab in (one, other)] == [2, 0]
        await one.page.close()
        await other.page.wait_for_function(
            "async () => (await navigator.locks.query()).held.length === 1 && !(await navigator.locks.query()).pending.length"
        )
        third = await come(server, "user", "sound-w", "sound", name="Chen")
        await third.say("dong")
        await expect(other.page.locator("#tab-queue .count")).to_have_text("3")
        await other.page.wait_for_function("window.rings === 2")
        # And off is off.
        await other.page.keyboard.press("Control+KeyK")
        await other.page.keyboard.type("sound on")
        await other.page.keyboard.press("Enter")
        await expect(other.page.locator(".chip")).to_be_visible()
        fourth = await come(server, "user", "sound-x", "sound", name="Liu")
        await fourth.say("hush")
        await expect(other.page.locator("#tab-queue .count")).to_have_text("4")
        assert await other.page.evaluate("window.rings") == 2
        for person in (shopper, second, third, fourth):
            await person.close()


async def test_a_hidden_page_notifies_and_takes_it_back_when_somebody_has_claimed(stage):
    server, started = stage
    colleague = await come(server, "agent", "h2", "hidden", name="Bo")
    async with desk(started, server, "agent", "h1", ["hidden"]) as na:
        await na.context.add_init_script(COUNTED)
        await na.page.reload()
        await na.page.get_by_text("Enable sound").click()
        assert await na.page.locator("link[rel=icon]").get_attribute("href") == "page/icon.svg"
        await na.page.evaluate(HIDE)
        shopper = await come(server, "user", "hidden-u", "hidden", name="Wang")
        await shopper.do("send", kind="text", body={"text": "is it in stock?"})
        await na.page.wait_for_function("() => window.shown.length === 1")
        assert await na.page.evaluate("[shown[0].title, shown[0].body, Boolean(shown[0].isClosed)]") == [
            "Wang is waiting",
            "is it in stock?",
            False,
        ]
        await na.page.wait_for_function("() => document.querySelector('link[rel=icon]').getAttribute('href').startsWith('data:')")
        await colleague.claim(shopper)
        await na.page.wait_for_function("() => window.shown[0].isClosed")
        await na.page.wait_for_function("() => document.querySelector('link[rel=icon]').getAttribute('href') === 'page/icon.svg'")
        # A chat of one's own counts in the title, and a click leads to it.
        await colleague.transfer(shopper, "h1")
        await shopper.do("send", kind="text", body={"text": "hello?"})
        await na.page.wait_for_function("() => document.title === '(2) Agent desk'")
        await na.page.wait_for_function("() => window.shown.length === 2")
        await na.page.evaluate("shown[1].onclick()")
        await expect(na.page.locator(".thread-head h2")).to_have_text("Wang")
        await shopper.close()
    await colleague.close()


async def test_an_announcement_stays_until_it_is_dismissed_and_then_is_gone_from_every_tab(stage):
    server, started = stage
    boss = await come(server, "supervisor", "n-boss", "notice", name="Boss")
    async with desk(started, server, "agent", "n1", ["notice"]) as one:
        other = await one.beside()
        await boss.do("announce", body={"text": "The warehouse is closed today."})
        for tab in (one, other):
            await expect(tab.page.locator(".notice")).to_contain_text("The warehouse is closed today.")
        await one.page.reload()
        await expect(one.page.locator(".notice")).to_have_count(1)
        await other.page.locator(".notice button").click()
        for tab in (one, other):
            await expect(tab.page.locator(".notice")).to_have_count(0)
        await boss.do("announce", body={"text": "It is open again."})
        await expect(one.page.locator(".notice p")).to_have_text("It is open again.")
        assert (one.complaints, other.complaints) == ([], [])
    await boss.close()
