"""The agent console in a real browser, against a real server, with shoppers and colleagues who speak the protocol."""

import pytest
from playwright.async_api import expect

from bench.pages.seed import seed
from tests.browser.desk import come, desk
from tests.browser.payload import PAYLOADS

pytestmark = pytest.mark.anyio

expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


async def test_an_agent_claims_answers_sees_it_read_and_resolves(stage):
    server, started = stage
    async with desk(started, server, "agent", "a1", ["life"], name="Li Na") as na:
        await expect(na.page.locator(".empty")).to_contain_text("No one is waiting")
        shopper = await come(server, "user", "life-u", "life", name="Wang")
        await shopper.say("is it in stock?")
        await expect(na.page.locator("#tab-queue .count")).to_have_text("1")
        await na.claim()
        await expect(na.line("is it in stock?")).to_be_visible()
        await expect(na.page.locator("dibs-composer textarea")).to_be_focused()
        assert await na.tabs() == ["1", "0", "1"]
        await shopper.expect("marks", side="store", read=1)
        await na.say("yes, it is")
        await expect(na.line("yes, it is").locator(".tick")).to_have_attribute("data-state", "stored")
        frame = await shopper.expect("message", body={"text": "yes, it is"})
        await shopper.read(frame["seq"])
        await expect(na.line("yes, it is").locator(".tick")).to_have_text("Read")
        await na.page.set_viewport_size({"width": 320, "height": 640})
        assert await na.page.evaluate("document.documentElement.scrollWidth") == 320
        await na.page.keyboard.press("Alt+KeyE")
        await expect(na.page.locator(".lock")).to_contain_text("closed")
        await shopper.expect("status", reason="resolve")
        assert na.complaints == []
        await shopper.close()


async def test_a_chat_that_is_opened_shows_what_was_said_before_the_agent_came(stage):
    server, started = stage
    shopper = await come(server, "user", "past-u", "past", name="Wang")
    await (await come(server, "agent", "founder", "past")).close()
    await shopper.say("in the night")
    async with desk(started, server, "agent", "p1", ["past"]) as na:
        await shopper.say("in the morning")
        await expect(na.page.locator("#tab-queue .count")).to_have_text("1")
        await na.page.locator("#tab-queue").click()
        await expect(na.page.locator(".row")).to_contain_text("in the morning")
        await na.page.locator(".row").click()
        await expect(na.line("in the morning")).to_be_visible()
        await expect(na.line("in the night")).to_be_visible()
        await expect(na.page.locator(".older button")).to_be_hidden()
    await shopper.close()


async def test_whoever_loses_the_race_is_told_who_won_and_keeps_reading(stage):
    server, started = stage
    async with desk(started, server, "agent", "r1", ["race"], name="Li Na") as na, desk(started, server, "agent", "r2", ["race"]) as bo:
        shopper = await come(server, "user", "race-u", "race", name="Wang")
        await shopper.say("anybody there?")
        await expect(bo.page.locator("#tab-queue .count")).to_have_text("1")
        # What she does he does not hear: he still sees the chat waiting when he claims it.
        await bo.context.set_offline(True)
        await na.claim()
        await expect(na.page.locator(".composer")).to_be_visible()
        await bo.claim()
        await bo.context.set_offline(False)
        await expect(bo.page.locator(".toast")).to_contain_text("Li Na claimed this first")
        await bo.page.reload()
        await bo.page.locator("#tab-all").click()
        await bo.page.locator(".row").click()
        await expect(bo.page.locator(".lock")).to_contain_text("Li Na has had this chat since")
        await expect(bo.page.locator("dibs-composer textarea")).to_be_hidden()
        assert (na.complaints, bo.complaints) == ([], [])
    await shopper.close()


async def test_what_is_written_without_a_network_waits_and_a_draft_survives_a_reload(stage):
    server, started = stage
    shopper = await come(server, "user", "cut-u", "cut", name="Wang")
    async with desk(started, server, "agent", "c1", ["cut"]) as na:
        await shopper.say("hello?")
        await na.claim()
        await expect(na.page.locator(".composer")).to_be_visible()
        await na.page.locator("dibs-composer textarea").fill("half a thou")
        await na.page.reload()
        await expect(na.page.locator("dibs-composer textarea")).to_have_value("half a thou")
        await na.context.set_offline(True)
        await expect(na.page.locator("dibs-banner")).to_contain_text("Reconnecting")
        await na.say("while away")
        await expect(na.line("while away").locator(".tick")).to_have_attribute("data-state", "sending")
        await shopper.say("still here")
        # The page goes before the network is back, so that only what was kept is left to send.
        await na.page.goto("about:blank")
        await na.context.set_offline(False)
        await na.page.goto(f"http://{server.address}/agent")
        await na.page.locator(".row").click()
        await expect(na.line("still here")).to_be_visible()
        await expect(na.line("while away").locator(".tick")).to_have_attribute("data-state", "stored")
        await shopper.expect("message", body={"text": "while away"})
        assert await na.line("while away").count() == 1
        assert na.complaints == []
    await shopper.close()


async def test_a_message_that_is_refused_stays_with_its_reason_and_is_sent_again_under_its_id(stage):
    server, started = stage
    shopper = await come(server, "user", "no-u", "no", name="Wang")
    boss = await come(server, "supervisor", "no-boss", "no", name="Boss")
    async with desk(started, server, "agent", "n1", ["no"]) as na:
        await shopper.say("hello?")
        await na.claim()
        await expect(na.page.locator(".composer")).to_be_visible()
        await na.context.set_offline(True)
        await boss.takeover(shopper)
        await na.say("too late")
        await na.context.set_offline(False)
        await expect(na.page.locator(".is-refused")).to_contain_text("Not sent: You do not have this chat any more")
        await na.page.reload()
        await expect(na.page.locator(".is-refused")).to_contain_text("too late")
        await boss.transfer(shopper, "n1")
        await expect(na.page.locator(".toast", has_text="Boss gave you the chat with Wang")).to_be_visible()
        await na.page.locator(".is-refused button", has_text="Retry").click()
        await expect(na.page.locator(".is-refused")).to_have_count(0)
        await shopper.expect("message", body={"text": "too late"})
    await shopper.close()
    await boss.close()


async def test_keys_palette_help_language_and_theme(stage):
    server, started = stage
    async with desk(started, server, "supervisor", "k1", ["keys"]) as boss:
        press = boss.page.keyboard.press
        await press("?")
        await expect(boss.page.locator("dialog[open]")).to_contain_text("Claim the longest waiting")
        await press("Escape")
        await press("Control+KeyK")
        await boss.page.keyboard.type("away")
        await press("Enter")
        await expect(boss.page.locator(".switch")).to_have_attribute("aria-checked", "false")
        await press("Control+KeyK")
        await boss.page.keyboard.type("中文")
        await press("Enter")
        await expect(boss.page.locator(".brand")).to_have_text("客服台")
        await expect(boss.page.locator("html")).to_have_attribute("lang", "zh-CN")
        await boss.page.get_by_label("浅色或深色").click()
        await expect(boss.page.locator("html")).to_have_attribute("data-theme", "light")
        assert boss.complaints == []


async def test_two_tabs_of_one_agent_agree(stage):
    server, started = stage
    shopper = await come(server, "user", "two-u", "two", name="Wang")
    async with desk(started, server, "agent", "t1", ["two"]) as one, desk(started, server, "agent", "t1", ["two"]) as other:
        await shopper.say("hello?")
        await expect(other.page.locator("#tab-queue .count")).to_have_text("1")
        await one.claim()
        await one.say("from one")
        await expect(other.page.locator("#tab-mine .count")).to_have_text("1")
        await other.page.locator(".row").click()
        await expect(other.line("from one").locator(".tick")).to_have_attribute("data-state", "stored")
        await other.say("from the other")
        await expect(one.line("from the other")).to_be_visible()
        assert await one.tabs() == await other.tabs() == ["1", "0", "1"]
    await shopper.close()


async def test_nothing_that_people_write_is_ever_run(stage):
    server, started = stage
    shopper = await come(server, "user", "xss-u", "xss", name=PAYLOADS[0])
    async with desk(started, server, "agent", "x1", ["xss"], name=PAYLOADS[1]) as na:
        for n, payload in enumerate(PAYLOADS):
            await shopper.do("send", kind="text", body={"text": payload})
            await shopper.do(
                "send", kind="product", body={"sku": f"{n}", "title": payload, "currency": payload[:20], "price": payload[:20]}
            )
            await shopper.do("send", kind="order", body={"number": payload[:60], "status": payload})
            await shopper.do("send", kind="file", body={"url": "/nothing", "name": payload})
        await na.claim()
        await expect(na.page.locator(".said").last).to_be_visible()
        await na.say(PAYLOADS[2])
        await expect(na.page.locator(".said.store .tick[data-state=stored]")).to_have_count(1)
        # All the way up, so that each was drawn.
        await na.page.wait_for_function(
            "() => { document.querySelector('.lines').scrollTop = 0;"
            " return document.querySelector('.older p').textContent.includes('begins here'); }"
        )
        assert await na.page.evaluate("window.pwned") is None
        assert await na.page.locator("dibs-console :is(script, iframe, object, embed, base, form[action])").count() == 0
        assert na.complaints == []
    await shopper.close()


async def test_a_queue_that_is_longer_than_a_list_is_there_to_its_end_and_counted_right(stage):
    """The pages of a list once answered whoever asked and were shown nowhere: of 1,200 who waited 1,000 could be seen."""
    server, started = stage
    await seed(server.valkey_url(), "crowd", chats=1200, messages=0, step=lambda part: None)
    async with desk(started, server, "agent", "q1", ["crowd"]) as na:
        await na.page.locator("#tab-queue").click()
        first = na.page.locator(".row").first
        await expect(first).to_have_attribute("aria-setsize", "1201")
        longest = await come(server, "user", "w01199", "crowd")
        await longest.say("still here")
        await na.page.locator("#rows").press("Home")
        await expect(na.line("still here")).to_be_visible()
        await expect(na.page.locator(".rows [aria-selected=true] .pill")).to_have_text("2")
        assert na.complaints == []
        await longest.close()
