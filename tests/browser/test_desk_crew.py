"""Several agents at their consoles at once, and several tabs of one: who has what, and that all of them say the same."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import expect

from tests.browser.desk import come, desk
from tests.browser.payload import PAYLOADS

pytestmark = pytest.mark.anyio

expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


async def test_of_three_agents_who_claim_at_once_one_has_the_chat_and_the_others_learn_who(stage):
    server, started = stage
    async with AsyncExitStack() as stack:
        crew = [
            await stack.enter_async_context(desk(started, server, "agent", f"three-{n}", ["three"], name=f"Agent {n}")) for n in range(3)
        ]
        for n in range(3):
            shopper = await come(server, "user", f"three-u{n}", "three", name=f"Wang {n}")
            await shopper.say("anybody there?")
            for one in crew:
                await one.open(f"Wang {n}")
                await expect(one.page.locator(".lock .primary")).to_have_text("ClaimAlt+A")
            await asyncio.gather(*(one.page.keyboard.press("Alt+KeyA") for one in crew))
            for one in crew:
                await expect(one.page.locator(".standing")).not_to_have_text("Waiting")
            owners = [one for one in crew if await one.page.locator(".standing").inner_text() == "Yours"]
            assert len(owners) == 1
            name = await owners[0].page.locator(".who .name").inner_text()
            for one in crew:
                if one is not owners[0]:
                    await expect(one.page.locator(".lock")).to_contain_text(f"{name} has had this chat since")
                    await expect(one.page.locator("dibs-composer textarea")).to_be_hidden()
                await expect(one.page.locator("#tab-queue .count")).to_have_text("")
            await owners[0].say("me")
            await shopper.expect("message", body={"text": "me"})
            await shopper.close()
        assert [one.complaints for one in crew] == [[], [], []]


async def test_two_tabs_of_one_browser_agree_after_every_step_and_send_nothing_twice(stage):
    server, started = stage
    boss = await come(server, "supervisor", "tabs-boss", "tabs", name="Boss")
    shopper = await come(server, "user", "tabs-u", "tabs", name="Wang")
    async with desk(started, server, "agent", "tabs-1", ["tabs"]) as one:
        other = await one.beside()

        async def agree(*counts: str) -> None:
            for tab in (one, other):
                for name, count in zip(("mine", "queue", "all"), counts, strict=True):
                    await expect(tab.page.locator(f"#tab-{name} .count")).to_have_text(count if count != "0" else "")

        await shopper.say("hello?")
        await agree("0", "1", "1")
        await one.claim()
        await agree("1", "0", "1")
        await other.open("Wang")
        await one.page.locator("dibs-composer textarea").fill("half a thou")
        await expect(other.page.locator("dibs-composer textarea")).to_have_value("half a thou")
        await other.page.locator("dibs-composer textarea").fill("half a thought")
        await expect(one.page.locator("dibs-composer textarea")).to_have_value("half a thought")
        await other.page.keyboard.press("Enter")
        for tab in (one, other):
            await expect(tab.line("half a thought").locator(".tick")).to_have_attribute("data-state", "stored")
            await expect(tab.page.locator("dibs-composer textarea")).to_have_value("")
        await one.page.locator(".switch").click()
        for tab in (one, other):
            await expect(tab.page.locator(".switch")).to_have_attribute("aria-checked", "false")
        # Written without a network in both, sent once each.
        await one.context.set_offline(True)
        await one.say("from one")
        await other.say("from the other")
        await one.context.set_offline(False)
        for text in ("from one", "from the other"):
            for tab in (one, other):
                await expect(tab.line(text).locator(".tick")).to_have_attribute("data-state", "stored")
                await expect(tab.line(text)).to_have_count(1)
        await boss.takeover(shopper)
        await agree("0", "0", "1")
        await boss.transfer(shopper, "tabs-1")
        await agree("1", "0", "1")
        await other.page.keyboard.press("Alt+KeyE")
        await agree("0", "0", "1")
        for tab in (one, other):
            await expect(tab.page.locator(".lock")).to_contain_text("closed")
        said = [frame["body"]["text"] for frame in (await shopper.history())["messages"]]
        assert said[1] == "half a thought"
        assert sorted(said[2:]) == ["from one", "from the other"]
        assert (one.complaints, other.complaints) == ([], [])
    await shopper.close()
    await boss.close()


async def test_a_chat_is_transferred_with_a_note_to_the_colleague_who_has_most_room(stage):
    server, started = stage
    away = await come(server, "agent", "t-away", "hand", name="Away")
    await away.command("availability", status="away")
    busy = await come(server, "agent", "t-busy", "hand", name="Busy")
    free = await come(server, "agent", "t-free", "hand", name="Free")
    first = await come(server, "user", "hand-1", "hand", name="Zhao")
    await first.say("hello?")
    await busy.claim(first)
    shopper = await come(server, "user", "hand-2", "hand", name="Wang")
    await shopper.say("hello?")
    async with desk(started, server, "agent", "t-me", ["hand"], name="Me") as na:
        await na.claim()
        await expect(na.page.locator(".composer")).to_be_visible()
        await na.page.keyboard.press("Alt+KeyT")
        choices = na.page.locator("dialog .choice")
        await expect(choices).to_have_count(3)
        assert [await choice.locator(".choice-name").inner_text() for choice in await choices.all()] == ["Free", "Busy", "Away"]
        await expect(choices.nth(1)).to_contain_text("1 chat")
        await na.page.locator("dialog textarea").fill("she wants a refund")
        await na.page.locator("dialog .primary").click()
        await expect(na.page.locator(".lock")).to_contain_text("Free has had this chat since")
        await free.expect("note", body={"text": "she wants a refund"})
        assert (await free.expect("status", reason="transfer"))["owner"]["id"] == "t-free"
        assert na.complaints == []
    for person in (away, busy, free, first, shopper):
        await person.close()


async def test_each_chat_has_its_own_draft_and_signing_out_forgets_them(stage):
    server, started = stage
    shoppers = [await come(server, "user", f"draft-{n}", "draft", name=name) for n, name in enumerate(("Wang", "Zhao"))]
    async with desk(started, server, "agent", "d1", ["draft"]) as na:
        text = na.page.locator("dibs-composer textarea")
        for shopper in shoppers:
            await shopper.say("hello?")
            await na.claim()
            await expect(text).to_be_visible()
            await text.fill(f"to {shopper.id}")
        await na.open("Wang")
        await expect(text).to_have_value("to draft-0")
        await na.page.keyboard.press("Alt+KeyP")
        await expect(text).to_have_value("")
        await text.fill("a note")
        await na.open("Zhao")
        await expect(text).to_have_value("to draft-1")
        await expect(na.page.locator(".row", has_text="Wang").locator(".draft")).to_be_visible()
        await na.page.keyboard.press("Control+KeyK")
        await na.page.keyboard.type("sign out")
        await na.page.keyboard.press("Enter")
        await expect(na.page.locator(".sign-in")).to_be_visible()
        kept = await na.page.evaluate("[Object.keys(localStorage), Object.keys(sessionStorage), location.hash]")
        assert kept == [[], [], ""]
        assert na.complaints == []
    for shopper in shoppers:
        await shopper.close()


async def test_forty_shoppers_whose_names_a_careless_page_would_run_are_only_read(stage):
    server, started = stage
    people = []
    async with desk(started, server, "supervisor", "names-1", ["names"], name=PAYLOADS[3]) as na:
        for n, payload in enumerate(PAYLOADS):
            # No name holds a tab, or more than 64 characters.
            people.append(await come(server, "user", f"names-{n}", "names", name=payload.replace("\t", " ")[:64]))
            await people[-1].do("send", kind="file", body={"url": "/nothing", "name": payload})
        colleague = await come(server, "agent", "names-2", "names", name=PAYLOADS[9])
        await expect(na.page.locator("#tab-queue .count")).to_have_text(str(len(PAYLOADS)))
        await na.page.locator("#tab-all").click()
        for _ in PAYLOADS:
            await na.page.keyboard.press("Alt+KeyJ")
            await expect(na.page.locator(".said").first).to_be_visible()
        await na.page.keyboard.press("Alt+KeyT")
        await na.page.keyboard.press("Escape")
        await na.page.keyboard.press("Control+KeyK")
        await na.page.keyboard.type("script")
        await expect(na.page.locator("dibs-palette li").first).to_be_visible()
        await na.page.keyboard.press("Escape")
        await na.page.keyboard.press("Alt+KeyS")
        await na.page.keyboard.type("pwned")
        await na.page.keyboard.press("Enter")
        await expect(na.page.locator(".result").first).to_be_visible()
        boss = await come(server, "supervisor", "names-3", "names", name=PAYLOADS[4])
        await boss.do("announce", body={"text": PAYLOADS[5]})
        await expect(na.page.locator(".notice p")).to_have_text(PAYLOADS[5])
        assert await na.page.evaluate("window.pwned") is None
        assert await na.page.locator("dibs-console :is(script, iframe, object, embed, base, form[action])").count() == 0
        assert na.complaints == []
        for person in (*people, colleague, boss):
            await person.close()
