"""What a store and a shopper's page say of themselves, as agents see it: canned replies, clocks, settings, where the shopper is."""

import pytest
from playwright.async_api import expect

from tests.browser.desk import come, desk
from tests.browser.payload import PAYLOADS

pytestmark = pytest.mark.anyio

expect.set_options(timeout=20_000)
REPLIES = [
    {"key": "hello", "text": "Hello {name}, this is {agent} of {store}."},
    {"key": "ship", "text": "It ships today."},
    {"key": "refund", "text": "A refund takes 3 days; shipping is not returned."},
]


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


async def test_a_slash_finds_canned_replies_by_keyboard_and_fills_in_who_is_spoken_to(stage):
    server, started = stage
    boss = await come(server, "supervisor", "c-boss", "canned", name="Boss")
    await boss.do("configure", version=0, name="Tea & Co", replies=REPLIES)
    shopper = await come(server, "user", "canned-u", "canned", name="Wang")
    await shopper.say("hello?")
    async with desk(started, server, "agent", "c1", ["canned"], name="Li Na") as na:
        await na.claim()
        text = na.page.locator("dibs-composer textarea")
        options = na.page.locator("#replies [role=option]")
        await expect(text).to_be_focused()
        await na.page.keyboard.type("/")
        await expect(options).to_have_count(3)
        await na.page.keyboard.type("ship")
        # The key before the words.
        assert await options.locator("strong").all_inner_texts() == ["/ship", "/refund"]
        await na.page.keyboard.press("ArrowDown")
        await expect(options.nth(1)).to_have_attribute("aria-selected", "true")
        assert await text.get_attribute("aria-activedescendant") == "reply-1"
        await na.page.keyboard.press("Escape")
        await expect(na.page.locator("#replies")).to_be_hidden()
        await text.fill("")
        await na.page.keyboard.type("/hel")
        await na.page.keyboard.press("Enter")
        await expect(text).to_have_value("Hello Wang, this is Li Na of Tea & Co.")
        # In the middle of a line too, and a slash between words is none.
        await na.page.keyboard.type(" either/or /sh")
        await na.page.keyboard.press("Tab")
        await expect(text).to_have_value("Hello Wang, this is Li Na of Tea & Co. either/or It ships today.")
        await na.page.keyboard.press("Enter")
        await shopper.expect("message", body={"text": "Hello Wang, this is Li Na of Tea & Co. either/or It ships today."})
        # What a supervisor changes is there at once.
        await boss.do("configure", version=1, replies=[{"key": "bye", "text": "Goodbye {name}"}])
        await na.page.keyboard.type("/")
        await na.page.wait_for_function(
            """() => { const text = document.querySelector('dibs-composer textarea'); text.dispatchEvent(new Event('input'));
            return document.querySelector('#replies strong')?.textContent === '/bye'; }"""
        )
        assert na.complaints == []
    await shopper.close()
    await boss.close()


async def test_the_clock_of_the_store_says_when_a_wait_is_late(stage):
    server, started = stage
    boss = await come(server, "supervisor", "k-boss", "clock", name="Boss")
    shopper = await come(server, "user", "clock-u", "clock", name="Wang")
    await shopper.say("hello?")
    async with desk(started, server, "agent", "k1", ["clock"]) as na:
        await na.page.locator("#tab-queue").click()
        clock = na.page.locator(".row .clock")
        await expect(clock).to_have_attribute("data-level", "calm")
        await boss.do("configure", version=0, clock={"amber": 1, "red": 86400})
        await expect(clock).to_have_attribute("data-level", "late")
        await boss.do("configure", version=1, clock={"amber": 1, "red": 1})
        await expect(clock).to_have_attribute("data-level", "too-late")
        await na.page.reload()
        await na.page.locator("#tab-queue").click()
        await expect(clock).to_have_attribute("data-level", "too-late")
    await shopper.close()
    await boss.close()


async def test_two_supervisors_who_change_the_settings_lose_nothing_of_each_other(stage):
    server, started = stage
    other = await come(server, "supervisor", "p-other", "profile", name="Other")
    await other.do("configure", version=0, name="Tea", replies=REPLIES[:2])
    async with desk(started, server, "supervisor", "p1", ["profile"], name="Boss") as boss:
        await boss.page.locator("dibs-rail button[aria-label='Store settings']").click()
        dialog = boss.page.locator("dialog[open]")
        await expect(dialog.get_by_label("Name, as shoppers see it")).to_have_value("Tea")
        await dialog.get_by_label("Greeting").fill("Welcome!")
        await dialog.get_by_label("Clock turns amber after").fill("30")
        await dialog.get_by_text("Add a reply").click()
        await boss.page.keyboard.type("refund")
        await dialog.get_by_label("Text").last.fill("Three days.")
        await dialog.get_by_label("Text").first.fill("Hi {name}!")
        # Meanwhile: another name, one reply changed, one new, one gone.
        theirs = [{"key": "hello", "text": "Hello!"}, {"key": "bye", "text": "Goodbye"}]
        await other.do("configure", version=1, name="Tea & Co", replies=theirs)
        await dialog.get_by_text("Save", exact=True).click()
        await expect(dialog.locator(".problem")).to_contain_text("Other changed the settings meanwhile")
        await expect(dialog.locator(".problem")).to_contain_text("/hello: Hello!")
        await expect(dialog.get_by_label("Name, as shoppers see it")).to_have_value("Tea & Co")
        await expect(dialog.get_by_label("Greeting")).to_have_value("Welcome!")
        await dialog.get_by_text("Save", exact=True).click()
        await expect(dialog).to_have_count(0)
        kept = await other.do("profile")
        assert (kept["version"], kept["name"], kept["greeting"], kept["clock"]) == (3, "Tea & Co", "Welcome!", {"amber": 30, "red": 100})
        assert {one["key"]: one["text"] for one in kept["replies"]} == {"hello": "Hi {name}!", "refund": "Three days.", "bye": "Goodbye"}
        # What no server would take is said before it is asked.
        await boss.page.locator("dibs-rail button[aria-label='Store settings']").click()
        await dialog.get_by_label("Clock turns red after").fill("10")
        await dialog.get_by_text("Save", exact=True).click()
        await expect(dialog.locator(".problem")).to_have_text("Amber comes before red")
        await boss.page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        assert boss.complaints == []
    async with desk(started, server, "agent", "p2", ["profile"]) as na:
        await expect(na.page.locator("dibs-rail button[aria-label='Store settings']")).to_have_count(0)
    await other.close()


async def test_the_page_of_the_shopper_is_shown_and_follows_it(stage):
    server, started = stage
    shopper = await come(server, "user", "where-u", "where", name="Wang")
    await (await come(server, "agent", "founder", "where")).close()
    colleague = await come(server, "agent", "w2", "where", name="Bo")
    await shopper.say("the first time")
    await colleague.claim(shopper)
    await colleague.resolve(shopper)
    await shopper.rate(4, comment="quick")
    await shopper.say("the second time")
    context = {
        "page": {"url": "https://shop.example/tea", "title": "Green tea"},
        "referrer": "https://search.example/?q=tea",
        "device": "Chrome · Windows",
        "locale": "sv",
        "timezone": "Asia/Tokyo",
        "product": {"sku": "7", "title": "Sencha 100 g", "price": "9.50", "currency": "EUR"},
    }
    await shopper.do("context", context=context)
    async with desk(started, server, "agent", "w1", ["where"], timezone_id="UTC") as na:
        await na.claim()
        region = na.page.locator("dibs-context")
        await expect(region.locator(".page-link")).to_have_attribute("href", "https://shop.example/tea")
        await expect(region.locator(".page-link")).to_have_text("Green tea")
        for text in ("search.example", "Chrome · Windows", "Swedish", "Tokyo", "Sencha 100 g", "€9.50", "Earlier chats", "Bo", "quick"):
            await expect(region).to_contain_text(text)
        await expect(region.locator(".stars")).to_have_attribute("aria-label", "Rated 4 of 5")
        await shopper.do("context", context={"page": {"url": "https://shop.example/cart", "title": "Cart"}})
        await expect(region.locator(".page-link")).to_have_text("Cart")
        await expect(region).not_to_contain_text("Sencha")
        await region.locator(".earlier-one").click()
        await expect(na.page.locator(".said.found")).to_contain_text("the first time")
        # What no place is called is left out, and what people write is only read.
        for payload in PAYLOADS[:12]:
            told = {"page": {"url": "/nothing", "title": payload}, "device": payload, "locale": payload[:30], "timezone": payload[:30]}
            await shopper.do("context", context=told)
        await expect(region.locator(".page-link")).to_have_text(PAYLOADS[11].replace("\t", " "))
        await na.page.keyboard.press("Alt+KeyE")
        await expect(region.locator(".earlier-one")).to_have_count(2)
        assert await na.page.evaluate("window.pwned") is None
        assert na.complaints == []
    await shopper.close()
    await colleague.close()
