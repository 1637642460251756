"""What a shopper does with the widget by hand and by keyboard, on large screens and small ones, and what a page may ask of it."""

import json

import pytest

from tests.browser.shop import TEXTS, shop_at

pytestmark = pytest.mark.anyio

ORDERS = [{"number": f"2026112{n}-0001", "status": "shipped", "total": 59 + n, "currency": "CNY"} for n in range(3)]
PRODUCT = {"sku": "S-1", "title": "Sneaker", "price": 399, "currency": "CNY"}
COUNT_TONES = (
    "globalThis.tones = 0; const { start } = OscillatorNode.prototype;"
    "OscillatorNode.prototype.start = function (...at) { tones += 1; return start.apply(this, at); };"
)
STICKS_OUT = """(one) => {
    const { left, right, width } = one.getBoundingClientRect();
    return width && (right > innerWidth + 1 || left < -1);
}"""
HELD = "navigator.locks.query().then(({ held }) => held.length)"
FOCUSED = '(root.activeElement?.getAttribute("aria-label") ?? root.activeElement?.textContent ?? "")'


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
async def shop(tmp_path_factory):
    async with shop_at(tmp_path_factory.mktemp("w")) as shop:
        yield shop


async def test_the_language_is_switched_and_kept_until_the_page_asks_for_another(shop):
    agent = await shop.agent("tongue")
    await shop.go()
    await shop.boot("tongue", locale="en")
    await shop.run('dibs.open(); $("form textarea").value = "half a senten"; $$(".menu button")[3].click();')
    await shop.sees('$("form textarea").placeholder', "输入消息…")
    assert await shop.run('return [$("form textarea").value, $(".menu button[lang]").lang, root.host.lang]') == [
        "half a senten",
        "en",
        "zh-CN",
    ]
    await shop.go()
    await shop.boot("tongue", locale="en")
    await shop.run("dibs.open();")
    await shop.sees('$("h2").textContent', "在线客服")
    await shop.go()
    await shop.boot("tongue", locale=None)
    await shop.run("dibs.open();")
    await shop.sees('$("h2").textContent', "Chat with us")
    await shop.run("await dibs.logout();")
    await shop.go()
    await shop.boot("tongue", locale="en")
    await shop.run("dibs.open();")
    await shop.sees('$("h2").textContent', "Chat with us")
    await agent.close()


async def test_an_answer_that_comes_unseen_is_heard_once_and_not_where_the_sound_is_off(shop):
    agent = await shop.agent("sound")
    await shop.go()
    await shop.boot("sound", locale="en")
    await shop.run(COUNT_TONES)
    await shop.sees('Boolean($(".launcher"))', wanted=True)
    await shop.click('$(".launcher")')
    await shop.write("hello")
    await agent.expect("message", seq=1)
    await agent.do("claim", user="sound-u")

    async def answer(n: int) -> None:
        await agent.do("send", user="sound-u", kind="text", body={"text": f"answer {n}"})

    await answer(2)
    await shop.sees("$$('.bubble').length", 2)
    assert await shop.run("return tones") == 0, "it was open"
    await shop.run("dibs.close();")
    await answer(3)
    await shop.sees("tones", 1)
    await answer(4)
    await shop.sees('$(".count").textContent', "2")
    assert await shop.run("return tones") == 1, "one sound for what comes at once"
    await shop.run('dibs.open(); $$(".menu button")[2].click();')
    assert await shop.run("return $$('.menu button')[2].textContent") == "Turn the sound on"
    await shop.sees(HELD.replace("navigator", "await navigator"), 0)
    await shop.run("dibs.close();")
    await answer(5)
    await shop.sees('$(".count").textContent', "1")
    assert await shop.run("return tones") == 1, "it was turned off"
    await shop.go()
    await shop.boot("sound", locale="en")
    await shop.run("dibs.open();")
    assert await shop.run("return $$('.menu button')[2].textContent") == "Turn the sound on"
    await shop.run("await dibs.logout();")
    assert await shop.run("return Object.keys(localStorage).filter((name) => name.startsWith('dibs.widget'))") == []
    await agent.close()


async def test_product_and_order_of_the_page_are_offered_in_turn_and_other_orders_picked(shop):
    agent = await shop.agent("offer")
    await shop.go()
    await shop.boot("offer", locale="en", product=PRODUCT, order=ORDERS[0], orders=ORDERS)
    await shop.run("dibs.open();")
    await shop.sees('$(".offer b").textContent', "Sneaker")
    await shop.run('$(".offer .strong").click();')
    assert (await agent.expect("message", seq=1))["body"] == PRODUCT
    await shop.sees('$(".offer b").textContent', f"Order {ORDERS[0]['number']}")
    await shop.run('$(".offer [aria-label=Dismiss]").click();')
    await shop.sees('$(".offer").hidden', wanted=True)
    assert await shop.run("return $$('.list button').map((one) => one.querySelector('b').textContent)") == [
        f"Order {o['number']}" for o in ORDERS
    ]
    await shop.run("$(\"[aria-label='Choose an order']\").focus();")
    await shop.press("Enter", "Tab", "Enter")
    message = await agent.expect("message", seq=2)
    assert (message["kind"], message["body"]) == ("order", ORDERS[1])
    await shop.sees(FOCUSED, "Write a message…")
    await agent.close()


async def test_a_whole_chat_is_had_by_keyboard_though_the_page_has_keys_of_its_own(shop):
    agent = await shop.agent("keys")
    await shop.go()
    await shop.boot("keys", locale="en")
    await shop.run("globalThis.heard = 0; addEventListener('keydown', (event) => { heard += 1; event.preventDefault(); });")
    await shop.sees('Boolean($(".launcher"))', wanted=True)
    await shop.run('$(".launcher").focus();')
    await shop.click('$(".launcher")')
    await shop.press("x", "x", "Enter")
    assert (await agent.expect("message", seq=1))["body"] == {"text": "xx"}
    await shop.sees(TEXTS, ["xx"])
    await shop.sees('$$(".menu button")[0].hidden', wanted=False)
    # Through the clip, the messages and the button that closes, back to the menu.
    await shop.press("^Tab", "^Tab", "^Tab", "^Tab")
    await shop.sees(FOCUSED, "More")
    await shop.press("Enter")
    await shop.sees(FOCUSED, "End the chat")
    await shop.press("Escape")
    await shop.sees(FOCUSED, "More")
    await shop.press(" ", "Enter")
    await shop.sees(FOCUSED, "End it")
    await shop.press("Enter")
    await agent.expect("status", reason="resolve")
    await shop.sees('$(".rating").hidden', wanted=False)
    await shop.sees(FOCUSED, "Write a message…")
    await shop.run('$(".smile").focus();')
    await shop.press("Enter")
    await shop.run('$(".rating .strong").focus();')
    await shop.press("Enter")
    await shop.sees(f'[$(".rating").hidden, {FOCUSED}]', [True, "Write a message…"])
    await shop.press("Escape")
    await shop.sees('[$(".panel").hidden, root.activeElement.className]', [True, "launcher"])
    assert await shop.run("return heard") == 0
    await agent.close()


async def test_on_a_phone_it_covers_the_page_and_keeps_the_focus_and_on_320_pixels_nothing_sticks_out(shop):
    agent = await shop.agent("phone", name="Bartholomew-Maximilian van der Featherstonehaugh")
    try:
        await shop.size(320, 560)
        await shop.go()
        await shop.boot(
            "phone",
            locale="en",
            product=PRODUCT | {"title": "Sneaker" * 30},
            orders=ORDERS,
            title="A store with a name that goes on and on",
        )
        await shop.run("dibs.open();")
        await shop.write("W" * 300)
        await agent.expect("message", seq=1)
        await agent.do("claim", user="phone-u")
        await shop.sees('$(".state").textContent.includes("Bartholomew")', wanted=True)
        out = f"[...root.querySelectorAll('*')].filter({STICKS_OUT}).map((one) => one.className)"
        assert await shop.run(f"return {out}") == []
        box = '(({ x, y, width, height }) => [x, y, width, height])($(".panel").getBoundingClientRect())'
        await shop.sees(box, [0, 0, 320, 560])
        assert await shop.run('return $(".panel").getAttribute("aria-modal")') == "true"
        stops = await shop.run(
            'return $$(".panel a, .panel :enabled, .panel [tabindex]").filter((one) => one.getClientRects().length).length'
        )
        assert stops >= 5
        await shop.press(*["Tab"] * stops)
        await shop.sees(FOCUSED, "Write a message…")
        await shop.press(*["^Tab"] * stops)
        await shop.sees(FOCUSED, "Write a message…")
        # As large as a window of 1280 by 800 is at 200 %.
        await shop.size(640, 400)
        await shop.sees('$(".panel").getBoundingClientRect().height', 400)
        assert await shop.run(f"return {out}") == []
        await shop.size(1280, 800)
        await shop.sees('[$(".panel").getBoundingClientRect().width, $(".panel").getAttribute("aria-modal")]', [380, "false"])
    finally:
        await shop.browser.do("Emulation.clearDeviceMetricsOverride")
    await agent.close()


async def test_nothing_moves_for_whoever_wants_that(shop):
    await shop.go()
    await shop.boot("still")
    moves = 'return [getComputedStyle($(".panel")).animationName, getComputedStyle($(".launcher")).transitionDuration]'
    assert await shop.run(moves) == ["rise", "0.15s"]
    await shop.browser.do("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    try:
        assert await shop.run(moves) == ["none", "0s"]
    finally:
        await shop.browser.do("Emulation.setEmulatedMedia", features=[])


async def test_an_answer_that_was_dismissed_stays_so_and_the_next_one_is_shown(shop):
    agent = await shop.agent("peek")
    await shop.go()
    await shop.boot("peek", locale="en")
    await shop.run("dibs.open();")
    await shop.write("hello")
    await agent.expect("message", seq=1)
    await shop.run("dibs.close();")
    await agent.do("claim", user="peek-u")
    await agent.do("send", user="peek-u", kind="text", body={"text": "one"})
    await shop.sees('[$(".preview").hidden, $(".preview b").textContent, $(".preview span").textContent]', [False, "李娜", "one"])
    await shop.run('$(".preview .tool").click();')
    await shop.sees('[$(".preview").hidden, $(".count").textContent, root.activeElement.className]', [True, "1", "launcher"])
    await agent.do("send", user="peek-u", kind="text", body={"text": "two"})
    await shop.sees('[$(".preview").hidden, $(".preview span").textContent]', [False, "two"])
    await agent.close()


async def test_calls_before_it_is_loaded_wait_and_whoever_listens_is_told(shop):
    agent = await shop.agent("early")
    await shop.go()
    given = json.dumps(
        {"store": "early", "token": shop.server.token("user", "early-u"), "theme": "dark", "accent": "#0a7", "title": "Fleet"}
    )
    await shop.run(
        "globalThis.told = [];"
        "globalThis.dibs = [['on', 'state', (state) => told.push(state)], ['on', 'owner', (owner) => told.push(owner?.name ?? null)],"
        f"['on', 'message', ({{ body }}) => told.push(body.text)], ['boot', {given}], ['open']];"
        f'await import("http://{shop.server.address}/widget.js?early");'
    )
    await shop.sees("told", ["connecting", "ready"])
    await shop.sees(
        '[$(".panel").hidden, root.host.dataset.theme, root.host.style.getPropertyValue("--accent"), $("h2").textContent]',
        [False, "dark", "#0a7", "Fleet"],
    )
    await shop.write("hello")
    await agent.expect("message", seq=1)
    await agent.do("claim", user="early-u")
    await agent.do("release", user="early-u")
    await shop.sees("told", ["connecting", "ready", "hello", "李娜", None])
    await agent.close()


async def test_one_tag_says_all_that_needs_no_object(shop):
    await shop.go()
    given = {
        "store": "tag",
        "token": shop.server.token("user", "tag-u"),
        "locale": "zh-CN",
        "theme": "dark",
        "title": "旗舰店",
        "accent": "teal",
    }
    src = f"http://{shop.server.address}/widget.js?tag"
    await shop.run(
        f"const tag = Object.assign(document.createElement('script'), {{ type: 'module', src: {json.dumps(src)} }});"
        f"Object.assign(tag.dataset, {json.dumps(given)}); document.body.append(tag); await new Promise((done) => (tag.onload = done));"
    )
    await shop.sees("Boolean(root)", wanted=True)
    await shop.run("dibs.open();")
    await shop.sees(
        '[$("h2").textContent, root.host.dataset.theme, root.host.lang, root.host.style.getPropertyValue("--accent")]',
        ["旗舰店", "dark", "zh-CN", "teal"],
    )


async def test_the_chat_is_saved_whole_as_a_text(shop):
    agent = await shop.agent("save")
    await shop.go()
    await shop.boot("save", locale="en")
    await shop.run("dibs.open();")
    await shop.write("hello")
    await agent.expect("message", seq=1)
    await agent.do("claim", user="save-u")
    await shop.say(agent, *[("text", {"text": f"line {n}"}) for n in range(205)], ("product", PRODUCT))
    await shop.sees("$$('.bubble').at(-1).textContent.includes('Sneaker')", wanted=True)
    await shop.go()
    await shop.boot("save", locale="en")
    await shop.run("dibs.open();")
    await shop.sees("$$('.bubble').at(-1)?.textContent.includes('Sneaker')", wanted=True)
    await shop.run(
        "const { createObjectURL } = URL; URL.createObjectURL = (blob) => ((globalThis.saved = blob), createObjectURL(blob));"
        "$$('.menu button')[1].click();"
    )
    await shop.sees("Boolean(globalThis.saved)", wanted=True)
    lines = (await shop.run("return saved.text()")).splitlines()
    assert len(lines) == 207
    assert [line.split("  ")[1] for line in (*lines[:2], lines[-1])] == ["You: hello", "李娜: line 0", "李娜: Sneaker CN¥399.00"]
    await agent.close()
