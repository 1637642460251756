"""The board of supervisors in a real browser, against a real server: its figures are what happened, and looking leaves no trace."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.desk import come, desk
from tests.browser.payload import PAYLOADS

pytestmark = pytest.mark.anyio

expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


def board(stage, id, *stores, **given):
    server, started = stage
    return desk(started, server, "supervisor", id, list(stores), page="board", **given)


def tile(window, id, part="value"):
    return window.page.locator(f"[data-tile={id}] .tile-{part}")


def row(window, name):
    return window.page.locator(".table-space .table-row", has_text=name)


def person(window, name):
    return window.page.locator(".person", has_text=name)


async def choose(window, id):
    await window.page.locator("dialog[open] .choice", has=window.page.locator(f"input[value='{id}']")).click()


async def test_the_figures_are_what_happened(stage):
    server, _ = stage
    async with board(stage, "fig-boss", "fig", name="Boss") as boss:
        for id in ("waiting", "opened", "refused", "takeovers"):
            await expect(tile(boss, id)).to_have_text("0")
        await expect(tile(boss, "rating")).to_have_text("–")
        na, bo = await come(server, "agent", "fig-na", "fig", name="Li Na"), await come(server, "agent", "fig-bo", "fig", name="Bo")
        shoppers = [await come(server, "user", f"fig-{n}", "fig", name=f"Wang {n}") for n in range(4)]
        for shopper in shoppers:
            await shopper.say("hello?")
        await na.claim(shoppers[0])
        await bo.claim(shoppers[0], refused="already_claimed")
        await bo.claim(shoppers[1])
        await na.say("yes?", to=shoppers[0])
        await na.resolve(shoppers[0])
        await shoppers[0].rate(4)
        await na.claim(shoppers[2])
        await boss.page.locator("[data-tile=unanswered] button").click()
        await expect(boss.page.locator(".watch h2")).to_have_text("Wang 1")
        await boss.page.keyboard.press("Alt+KeyY")
        await bo.status("takeover", user="fig-1")
        await expect(tile(boss, "waiting")).to_have_text("1")
        await expect(tile(boss, "waiting", "hint")).to_have_text("2 with agents")
        await expect(tile(boss, "longest", "hint")).to_have_text("Wang 3")
        await expect(tile(boss, "longest")).to_have_text(re.compile(r"^0:\d\d$"))
        await expect(tile(boss, "unanswered", "hint")).to_have_text("Wang 1 · Boss")
        await expect(tile(boss, "opened")).to_have_text("4")
        await expect(tile(boss, "opened", "hint")).to_have_text("3 claimed · 1 closed")
        await expect(tile(boss, "refused")).to_have_text("1")
        await expect(tile(boss, "takeovers")).to_have_text("1")
        await expect(tile(boss, "rating")).to_have_text("4.0")
        await expect(tile(boss, "first")).to_have_text(re.compile(r"^0:\d\d$"))
        await expect(tile(boss, "first", "hint")).to_contain_text("1 answer")
        for name, load in (("Boss", "1"), ("Li Na", "1")):
            await expect(person(boss, name).locator(".load")).to_have_text(load)
        await bo.do("availability", status="away")
        await na.close()
        await expect(boss.page.locator("dibs-agents .hint").first).to_have_text("1 available · 1 away · 1 gone")
        last = boss.page.locator(".plot-table tbody tr").last
        assert [await cell.inner_text() for cell in await last.locator("td").all()] == ["1", "1", "4"]
        await expect(boss.page.locator(".plot .answered")).to_have_count(1)
        assert boss.complaints == []
        for one in (bo, *shoppers):
            await one.close()


async def test_watching_marks_nothing_and_nobody_notices_it(stage):
    server, _ = stage
    na, shopper = await come(server, "agent", "see-na", "see", name="Li Na"), await come(server, "user", "see-u", "see", name="Wang")
    await shopper.say("hello?")
    await na.claim(shopper)
    await shopper.say("anybody?")
    async with board(stage, "see-boss", "see", name="Boss") as boss:
        await row(boss, "Wang").click()
        await expect(boss.line("anybody?")).to_be_visible()
        await expect(boss.page.locator(".watch .lock")).to_contain_text("nothing is marked as read")
        assert await boss.page.locator(".watch :is(textarea, input:not([type=search]), [contenteditable])").count() == 0
        na.forget()
        # What is answered to the board after it has looked comes after whatever looking would have told.
        await boss.page.keyboard.press("Alt+KeyM")
        await boss.page.locator("dialog[open] textarea").fill("a round trip")
        await boss.page.locator("dialog[open] .primary").click()
        await na.expect("notice", body={"text": "a round trip"})
        assert (await na.summary(shopper))["marks"]["store"]["read"] == 0
        assert (await na.summary(shopper))["unread"] == 2
        assert na.had("marks", "typing", side="store") == na.had("status", by={"id": "see-boss"}) == []
        assert shopper.had("typing", "marks", side="store") == []
        # Nor is it read when the chat is the supervisor's own: the desk is where one reads.
        await boss.page.keyboard.press("Alt+KeyY")
        await expect(boss.page.locator(".watch .lock")).to_contain_text("Answer it at your desk")
        await shopper.say("still here")
        await expect(boss.line("still here")).to_be_visible()
        assert (await na.summary(shopper))["marks"]["store"]["read"] == 0
        await boss.page.locator(".at-desk").click()
        await expect(boss.page.locator("dibs-composer textarea")).to_be_visible()
        await shopper.expect("marks", side="store", read=3)
        assert boss.complaints == []
    await na.close()
    await shopper.close()


async def test_a_chat_is_assigned_taken_over_put_back_and_closed_and_all_hear_it(stage):
    server, _ = stage
    na, bo = await come(server, "agent", "do-na", "do", name="Li Na"), await come(server, "agent", "do-bo", "do", name="Bo")
    shopper = await come(server, "user", "do-u", "do", name="Wang")
    await shopper.say("hello?")
    async with board(stage, "do-boss", "do", name="Boss") as boss:
        press = boss.page.keyboard.press
        await row(boss, "Wang").click()
        await press("Alt+KeyT")
        await choose(boss, "do-bo")
        await boss.page.locator("dialog[open] textarea").fill("a good customer")
        await boss.page.locator("dialog[open] .primary").click()
        frame = await bo.status("transfer", user="do-u", owner={"id": "do-bo"}, by={"id": "do-boss"})
        await na.expect("note", body={"text": "a good customer"})
        await expect(row(boss, "Wang").locator(".cell-owner")).to_have_text("BOBo")
        await expect(boss.page.locator(".toast").last).to_contain_text("Wang was assigned to Bo")
        assert frame["status"] == "claimed"
        await boss.page.locator("[data-action=takeover]").click()
        await bo.status("takeover", user="do-u", owner={"id": "do-boss"})
        await expect(boss.page.locator("[data-action=takeover]")).to_be_hidden()
        await boss.page.locator("[data-action=requeue]").click()
        await na.status("release", user="do-u", status="waiting", owner=None)
        await expect(row(boss, "Wang").locator(".state")).to_have_text("Waiting")
        await na.claim(shopper)
        await expect(row(boss, "Wang").locator(".cell-owner")).to_contain_text("Li Na")
        await boss.page.locator("[data-action=resolve]").click()
        await expect(boss.page.locator("dialog[open]")).to_contain_text("Li Na has this chat.")
        await press("Escape")
        await press("Alt+KeyE")
        await boss.page.locator("dialog[open] .primary").click()
        await na.status("resolve", user="do-u", by={"id": "do-boss"})
        await shopper.status("resolve")
        await expect(boss.page.locator(".table-space .table-row")).to_have_count(0)
        await expect(boss.page.locator(".table-box .nothing")).to_contain_text("No open chats")
        assert boss.complaints == []
    for one in (na, bo, shopper):
        await one.close()


async def test_whoever_got_the_chat_meanwhile_keeps_it_and_the_board_says_so(stage):
    server, _ = stage
    na, bo = await come(server, "agent", "late-na", "late", name="Li Na"), await come(server, "agent", "late-bo", "late", name="Bo")
    shopper = await come(server, "user", "late-u", "late", name="Wang")
    await shopper.say("hello?")
    await na.claim(shopper)
    async with board(stage, "late-boss", "late") as boss:
        await row(boss, "Wang").click()
        await boss.context.set_offline(True)
        await na.transfer(shopper, bo)
        await boss.page.locator("[data-action=requeue]").click()
        await boss.context.set_offline(False)
        await expect(boss.page.locator(".toast")).to_contain_text("The chat has changed hands meanwhile")
        await expect(row(boss, "Wang").locator(".cell-owner")).to_contain_text("Bo")
        assert (await na.summary(shopper))["owner"]["id"] == "late-bo"
        # A dialog that was open while it changed asks for what was seen in it.
        await boss.page.keyboard.press("Alt+KeyE")
        await bo.release(shopper)
        await expect(row(boss, "Wang").locator(".state")).to_have_text("Waiting")
        await boss.page.locator("dialog[open] .primary").click()
        await expect(boss.page.locator(".toast")).to_have_count(2)
        assert (await na.summary(shopper))["status"] == "waiting"
        assert boss.complaints == []
    for one in (na, bo, shopper):
        await one.close()


async def test_an_announcement_says_who_will_hear_it_and_is_heard(stage):
    server, _ = stage
    na, shopper = await come(server, "agent", "say-na", "say"), await come(server, "user", "say-u", "say")
    await shopper.say("hello?")
    async with board(stage, "say-boss", "say") as boss:
        await expect(person(boss, "say-na")).to_be_visible()
        await boss.page.locator("dibs-board-header .announce").click()
        await expect(boss.page.locator("#announce-who")).to_contain_text("2 agents who are here and by every shopper who is connected")
        await boss.page.locator("dialog[open] textarea").fill("We close at six")
        await boss.page.locator("dialog[open] .primary").click()
        for one in (na, shopper):
            await one.expect("notice", store="say", body={"text": "We close at six"})
        await expect(boss.page.locator(".notice")).to_contain_text("We close at six")
    await na.close()
    await shopper.close()


async def test_an_agent_is_told_that_the_board_is_for_supervisors_and_led_to_the_desk(stage):
    server, started = stage
    context = await started.new_context(locale="en-US")
    page = await context.new_page()
    asked = []
    page.on("websocket", lambda socket: asked.append(socket.url))
    await page.goto(f"http://{server.address}/board#token={server.token('agent', 'no-na', stores=['no'], name='Li Na')}")
    await expect(page.locator(".not-yours")).to_contain_text("The board is for supervisors")
    assert asked == []
    await page.locator(".not-yours a").click()
    await expect(page.locator("dibs-console .who")).to_contain_text("Li Na")
    await page.goto(f"http://{server.address}/board")
    await page.locator(".not-yours button").click()
    await page.locator("#token").fill(server.token("supervisor", "no-boss", stores=["no"]))
    await page.keyboard.press("Enter")
    await expect(page.locator("dibs-board")).to_be_visible()
    await context.close()


async def test_one_goes_from_the_desk_to_the_board_and_back_and_signs_out_of_both(stage):
    server, started = stage
    async with desk(started, server, "supervisor", "way-boss", ["way"]) as boss:
        await boss.page.locator("dibs-rail a").click()
        await expect(boss.page.locator("dibs-board .brand")).to_have_text("Supervisor's board")
        await boss.page.locator("dibs-rail a").click()
        await expect(boss.page.locator("dibs-console")).to_be_visible()
        await boss.page.locator("dibs-rail a").click()
        await boss.page.get_by_role("button", name="Sign out").click()
        await expect(boss.page.locator("dibs-sign-in")).to_be_visible()
        await boss.page.goto(f"http://{server.address}/agent")
        await expect(boss.page.locator("dibs-sign-in")).to_be_visible()
        assert boss.complaints == []
    async with desk(started, server, "agent", "way-na", ["way"]) as na:
        assert await na.page.locator("dibs-rail a").count() == 0


async def test_the_table_is_sorted_filtered_and_walked_by_keyboard(stage):
    server, _ = stage
    na = await come(server, "agent", "tab-na", "tab", name="Li Na")
    shoppers = [await come(server, "user", f"tab-{n}", "tab", name=name) for n, name in enumerate(("Wang", "Chen", "Zhao"))]
    for shopper in shoppers:
        await shopper.say("hello?")
    await na.claim(shoppers[1])
    await na.say("yes?", to=shoppers[1])
    async with board(stage, "tab-boss", "tab") as boss:
        names = boss.page.locator(".table-space .cell-shopper .name")
        press = boss.page.keyboard.press
        await expect(names).to_have_text(["Wang", "Zhao", "Chen"])
        await boss.page.locator("[data-column=shopper] button").click()
        await expect(names).to_have_text(["Chen", "Wang", "Zhao"])
        await expect(boss.page.locator("[data-column=shopper]")).to_have_attribute("aria-sort", "ascending")
        await boss.page.locator("[data-column=shopper] button").click()
        await expect(names).to_have_text(["Zhao", "Wang", "Chen"])
        await press("Alt+KeyF")
        await boss.page.keyboard.type("ha")
        await expect(names).to_have_text(["Zhao"])
        await boss.page.locator(".table-filter input").fill("")
        await press("ArrowDown")
        await press("ArrowDown")
        await expect(boss.page.locator(".table-row:focus")).to_contain_text("Wang")
        # Somebody else writes, and the row that has the focus keeps it.
        await shoppers[2].say("still here")
        await expect(row(boss, "Zhao").locator(".pill")).to_have_text("2")
        await expect(boss.page.locator(".table-row:focus")).to_contain_text("Wang")
        await press("Enter")
        await expect(boss.page.locator(".watch h2")).to_have_text("Wang")
        await press("Alt+KeyJ")
        await expect(boss.page.locator(".watch h2")).to_have_text("Chen")
        await press("Escape")
        await expect(boss.page.locator("dibs-watch")).to_be_hidden()
        await expect(boss.page.locator(".table-row:focus")).to_contain_text("Chen")
        await boss.page.locator("[data-state=waiting]").click()
        await expect(names).to_have_text(["Zhao", "Wang"])
        await boss.page.locator("[data-state=open]").click()
        await person(boss, "Li Na").click()
        await expect(names).to_have_text(["Chen"])
        await boss.page.locator(".table-box .chip").click()
        await expect(names).to_have_count(3)
        await boss.page.locator(".plot-area").focus()
        await press("ArrowLeft")
        await expect(boss.page.locator(".quarter")).to_contain_text("2 waiting, 1 answered, 3 new")
        assert boss.complaints == []
    for one in (na, *shoppers):
        await one.close()


async def test_several_stores_stand_together_and_each_alone(stage):
    server, _ = stage
    for store, count in (("sev-1", 2), ("sev-2", 1)):
        await (await come(server, "agent", f"{store}-na", store)).close()
        for n in range(count):
            shopper = await come(server, "user", f"{store}-u{n}", store)
            await shopper.say("hello?")
            await shopper.close()
    async with board(stage, "sev-boss", "sev-1", "sev-2") as boss:
        await expect(tile(boss, "waiting")).to_have_text("3")
        await expect(tile(boss, "opened")).to_have_text("3")
        lines = boss.page.locator("dibs-board-stores tbody tr")
        await expect(lines.locator("td:nth-child(2)")).to_have_text(["2", "1"])
        await lines.nth(1).locator("button").click()
        await expect(tile(boss, "waiting")).to_have_text("1")
        await expect(tile(boss, "opened")).to_have_text("1")
        await expect(boss.page.locator(".table-space .table-row")).to_have_count(1)
        await expect(boss.page.locator("dibs-board-stores")).to_be_hidden()
        assert boss.complaints == []


async def test_nothing_that_people_write_is_ever_run(stage):
    server, _ = stage
    shopper = await come(server, "user", "bxss-u", "bxss", name=PAYLOADS[0])
    na = await come(server, "agent", "bxss-na", "bxss", name=PAYLOADS[1])
    async with board(stage, "bxss-boss", "bxss", name=PAYLOADS[2]) as boss:
        for n, payload in enumerate(PAYLOADS):
            await shopper.do("send", kind="text", body={"text": payload})
            await shopper.do(
                "send", kind="product", body={"sku": f"{n}", "title": payload, "currency": payload[:20], "price": payload[:20]}
            )
            await shopper.do("send", kind="file", body={"url": "/nothing", "name": payload})
            await expect(row(boss, PAYLOADS[0])).to_contain_text(payload[:20].strip())
        await na.claim(shopper)
        await row(boss, PAYLOADS[0]).click()
        await expect(boss.page.locator(".said").last).to_be_visible()
        await boss.page.keyboard.press("Alt+KeyT")
        await expect(boss.page.locator("dialog[open]")).to_contain_text(PAYLOADS[0])
        await boss.page.keyboard.press("Escape")
        await person(boss, PAYLOADS[1]).click()
        await boss.page.wait_for_function(
            "() => { document.querySelector('.lines').scrollTop = 0;"
            " return document.querySelector('.older p').textContent.includes('begins here'); }"
        )
        assert await boss.page.evaluate("window.pwned") is None
        assert await boss.page.locator("dibs-board :is(script, iframe, object, embed, base, form[action])").count() == 0
        assert boss.complaints == []
    await shopper.close()
    await na.close()


async def test_it_speaks_both_languages_and_both_have_the_same_words(stage):
    server, _ = stage
    shopper = await come(server, "user", "zh-u", "zh", name="王芳")
    await (await come(server, "agent", "zh-na", "zh")).close()
    await shopper.say("在吗")
    async with board(stage, "zh-boss", "zh", locale="zh-CN") as boss:
        await expect(boss.page.locator(".brand")).to_have_text("主管看板")
        await expect(boss.page.locator("[data-tile=waiting] .tile-name")).to_have_text("正在排队")
        await row(boss, "王芳").click()
        await expect(boss.page.locator(".watch .lock")).to_contain_text("静默旁观")
        await boss.page.get_by_role("button", name="Switch to English").click()
        await expect(boss.page.locator("[data-tile=waiting] .tile-name")).to_have_text("Waiting now")
        await expect(boss.page.locator(".watch h2")).to_have_text("王芳")
        words = (
            "async () => { const [{ EN }, { ZH }] = await Promise.all(['en', 'zh'].map((name) => import(`/page/board/word-${name}.js`)));"
        )
        said = await boss.page.evaluate(words + " return [Object.keys(EN).sort(), Object.keys(ZH).sort()]; }")
        assert said[0] == said[1] != []
        assert boss.complaints == []
    await shopper.close()


async def test_on_a_phone_all_is_within_the_screen_and_a_chat_has_it_whole(stage):
    server, _ = stage
    shopper = await come(server, "user", "tel-u", "tel", name="Wang")
    await (await come(server, "agent", "tel-na", "tel")).close()
    await shopper.say("hello?")
    async with board(stage, "tel-boss", "tel", viewport={"width": 320, "height": 640}) as boss:
        await expect(tile(boss, "opened")).to_have_text("1")
        assert await boss.page.evaluate("document.documentElement.scrollWidth") == 320
        await row(boss, "Wang").click()
        box = await boss.page.locator(".watch").bounding_box()
        assert box["width"] == 320
        await expect(boss.page.locator(".watch-who button")).to_be_focused()
        await boss.page.keyboard.press("Escape")
        await expect(boss.page.locator(".table-row:focus")).to_contain_text("Wang")
        await boss.page.set_viewport_size({"width": 640, "height": 400})
        assert await boss.page.evaluate("document.documentElement.scrollWidth") == 640
    await shopper.close()


async def test_figures_are_asked_for_only_while_somebody_looks_and_not_twice_at_once(stage):
    async with board(stage, "ask-boss", "ask") as boss:
        told = await boss.page.evaluate(
            """async () => {
                const { Figures } = await import("/page/board/figures.js");
                const asked = [], answers = [], later = [], heard = {};
                const real = setTimeout;
                window.setTimeout = (run, ms) => (ms === 5000 ? later.push(run) : real(run, ms));
                let look = "visible";
                Object.defineProperty(document, "visibilityState", { get: () => look, configurable: true });
                const client = {
                    state: "ready",
                    on: (type, run) => (heard[type] = run),
                    figures: (store) => (asked.push(store), new Promise((done) => answers.push(done))),
                };
                const figures = new Figures(client, { stores: () => ["s"], from: () => 0, changed: () => {} });
                const turn = () => new Promise((done) => real(done, 0));
                const counts = [];
                const count = async () => (await turn(), counts.push(asked.length));
                heard.state({ state: "ready" }); await count();
                later.shift()(); await count(); // has no answer yet
                answers.shift()({ at: 1 }); await turn();
                later.shift()(); await count();
                answers.shift()({ at: 2 }); await turn();
                look = "hidden";
                later.shift()(); await count();
                const rests = later.length;
                look = "visible";
                document.dispatchEvent(new Event("visibilitychange")); await count();
                figures.end();
                window.setTimeout = real;
                return { counts, rests, at: figures.of.get("s").at };
            }"""
        )
        assert told == {"counts": [1, 1, 2, 2, 3], "rests": 0, "at": 2}
