"""How agents find their way in the console: to what is unread, to what was said long ago, and back."""

import pytest
from playwright.async_api import expect

from tests.browser.desk import come, desk

pytestmark = pytest.mark.anyio

expect.set_options(timeout=20_000)
LONG = 300


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


async def test_a_long_chat_opens_at_its_end_and_leads_to_its_first_unread_message_and_back_without_a_hole(stage):
    server, started = stage
    await (await come(server, "agent", "founder", "long")).close()
    shopper = await come(server, "user", "long-u", "long", name="Wang")
    for n in range(1, LONG + 1):
        await shopper.do("send", kind="text", body={"text": f"line {n}."})
    async with desk(started, server, "agent", "l1", ["long"]) as na:
        await na.claim()
        await expect(na.line(f"line {LONG}.")).to_be_in_viewport()
        await na.page.locator(".jump.up", has_text=f"{LONG} new messages").click()
        await expect(na.line("line 1.")).to_be_in_viewport()
        await expect(na.page.locator(".new")).to_contain_text(f"{LONG} new messages")
        await expect(na.page.locator(".jump.up")).to_be_hidden()
        # Down again by hand: what lies between comes, and then the end is the end.
        await na.page.wait_for_function(
            "(last) => { const lines = document.querySelector('.lines'); lines.scrollTop = lines.scrollHeight;"
            " return [...document.querySelectorAll('.bubble')].at(-1).textContent === last; }",
            arg=f"line {LONG}.",
        )
        await expect(na.page.locator(".jump:not(.up)")).to_be_hidden()
        await shopper.say("and now?")
        await expect(na.line("and now?")).to_be_in_viewport()
        assert na.complaints == []
    await shopper.close()


async def test_a_message_that_arrives_while_old_ones_are_read_moves_nothing_and_is_led_to(stage):
    server, started = stage
    await (await come(server, "agent", "founder", "still")).close()
    shopper = await come(server, "user", "still-u", "still", name="Wang")
    for n in range(1, LONG + 1):
        await shopper.do("send", kind="text", body={"text": f"line {n}."})
    async with desk(started, server, "agent", "l1", ["still"]) as na:
        await na.claim()
        await na.page.locator(".jump.up").click()
        await expect(na.line("line 1.")).to_be_in_viewport()
        top = await na.line("line 1.").bounding_box()
        await shopper.say("are you there?")
        await expect(na.page.locator(".jump:not(.up)")).to_contain_text("1 new message")
        assert await na.line("line 1.").bounding_box() == top
        await na.page.keyboard.press("Alt+KeyL")
        await expect(na.line("are you there?")).to_be_in_viewport()
        await na.page.keyboard.press("Alt+KeyG")
        await expect(na.line("line 1.")).to_be_in_viewport()
        # An answer is written at the end, wherever one has read.
        await na.say("here I am")
        await expect(na.line("here I am")).to_be_in_viewport()
        assert na.complaints == []
    await shopper.close()


async def test_search_in_what_is_loaded_shows_messages_and_notes_and_goes_to_them(stage):
    server, started = stage
    await (await come(server, "agent", "founder", "find")).close()
    shoppers = [await come(server, "user", f"find-{n}", "find", name=name) for n, name in enumerate(("Wang", "Zhao"))]
    async with desk(started, server, "agent", "f1", ["find"]) as na:
        for shopper in shoppers:
            await shopper.do("send", kind="text", body={"text": f"My Parcel, says {shopper.id}"})
            await shopper.do("send", kind="product", body={"sku": "7", "title": "A parcel of tea"})
            for n in range(30):
                await shopper.do("send", kind="text", body={"text": f"more {n}"})
        colleague = await come(server, "agent", "f2", "find", name="Bo")
        await colleague.do("note", user="find-0", body={"text": "the PARCEL is lost"})
        await expect(na.page.locator("#tab-queue .count")).to_have_text("2")
        await na.page.locator("#tab-all").click()
        await na.page.keyboard.press("Alt+KeyS")
        await na.page.keyboard.type("parcel")
        await na.page.keyboard.press("Enter")
        await expect(na.page.locator("dibs-results .hint")).to_have_text("5 results")
        await expect(na.page.locator(".result mark").first).to_have_text("PARCEL")
        await expect(na.page.locator(".result").first).to_contain_text("Bo: the PARCEL is lost")
        await na.page.keyboard.press("End")
        await na.page.keyboard.press("Enter")
        await expect(na.page.locator(".thread-head h2")).to_have_text("Wang")
        await expect(na.page.locator(".said.found")).to_contain_text("My Parcel, says find-0")
        await expect(na.page.locator(".said.found")).to_be_in_viewport()
        await na.page.keyboard.press("Home")
        await na.page.keyboard.press("Enter")
        await expect(na.page.locator(".note.found")).to_contain_text("the PARCEL is lost")
        await na.page.keyboard.press("Escape")
        await expect(na.page.locator("dibs-results")).to_be_hidden()
        await expect(na.page.locator(".row").first).to_be_visible()
        # In one chat: by its own key, one after the other.
        await na.page.keyboard.press("Alt+KeyF")
        await na.page.keyboard.type("says")
        await expect(na.page.locator(".finder .hint")).to_have_text("1 of 1")
        assert na.complaints == []
        await colleague.close()
    for shopper in shoppers:
        await shopper.close()


async def test_search_in_the_whole_history_finds_what_nobody_has_loaded_and_opens_it_where_it_was_said(stage):
    server, started = stage
    founder = await come(server, "agent", "founder", "whole", name="Bo")
    shopper = await come(server, "user", "whole-u", "whole", name="Wang")
    for n in range(1, LONG + 1):
        await shopper.do("send", kind="text", body={"text": f"line {n}." + (" The serial number is X-17." if n == 100 else "")})
        if n == 120:
            await founder.do("note", user="whole-u", body={"text": "x-17 is a forgery"})
    # Its chat has ended, so that no console begins with it.
    await founder.claim(shopper)
    await founder.resolve(shopper)
    other = await come(server, "user", "whole-v", "whole", name="Zhao")
    await other.do("send", kind="text", body={"text": "X-17 does not work"})
    async with desk(started, server, "agent", "w1", ["whole"]) as na:
        await na.page.keyboard.press("Alt+KeyS")
        await na.page.keyboard.type("x-17")
        await na.page.keyboard.press("Enter")
        await expect(na.page.locator("dibs-results .hint")).to_have_text("3 results")
        await expect(na.page.locator(".results-foot")).to_contain_text("That is all there is")
        assert await na.page.locator(".result mark").all_inner_texts() == ["X-17", "x-17", "X-17"]
        await na.page.keyboard.press("End")
        await na.page.keyboard.press("Enter")
        await expect(na.page.locator(".said.found")).to_contain_text("line 100. The serial number is X-17.")
        await expect(na.page.locator(".said.found")).to_be_in_viewport()
        await expect(na.page.locator(".thread-head h2")).to_have_text("Wang")
        # A note has no number of its own: it is found behind its message.
        await na.page.keyboard.press("ArrowUp")
        await na.page.keyboard.press("Enter")
        await expect(na.page.locator(".note.found")).to_contain_text("x-17 is a forgery")
        await expect(na.page.locator(".note.found")).to_be_in_viewport()
        await na.page.keyboard.press("Alt+KeyL")
        await expect(na.line(f"line {LONG}.")).to_be_in_viewport()
        # The same in one chat only.
        await na.page.keyboard.press("Alt+KeyF")
        await na.page.keyboard.type("x-17")
        await na.page.get_by_text("Whole history").click()
        await expect(na.page.locator("dibs-results h2")).to_contain_text("in the chat with Wang")
        await expect(na.page.locator("dibs-results .hint")).to_have_text("2 results")
        await na.page.keyboard.press("Escape")
        await na.page.locator(".filter").fill("nowhere at all")
        await na.page.keyboard.press("Enter")
        await expect(na.page.locator(".results-foot")).to_contain_text("Nothing was found")
        assert na.complaints == []
    for person in (founder, shopper, other):
        await person.close()


async def test_chats_that_have_ended_are_in_the_list_of_all_as_far_as_somebody_scrolls(stage):
    server, started = stage
    founder = await come(server, "agent", "founder", "ended", name="Bo")
    shopper = await come(server, "user", "ended-u", "ended", name="Wang")
    await shopper.say("long ago")
    await founder.claim(shopper)
    await founder.resolve(shopper)
    async with desk(started, server, "agent", "e1", ["ended"]) as na:
        await na.page.locator("#tab-all").click()
        await expect(na.page.locator(".row")).to_contain_text("long ago")
        assert await na.tabs() == ["0", "0", "1"]
        await na.page.locator(".row").click()
        await expect(na.page.locator(".lock")).to_contain_text("This chat is closed")
    await founder.close()
    await shopper.close()
