"""`widget.js` in the pages of shops, against a real server: what a shopper sees, in pages that make it hard as well."""

import json

import pytest

from tests.browser.shop import TEXTS, shop_at
from web.module.door import NAMES, packed

pytestmark = pytest.mark.anyio

WIDGET_BYTES = 30_000
HOSTILE = (
    "<!doctype html><title>1</title><style>html * { all: unset !important; display: none !important }</style><body>",
    """<!doctype html><title>2</title><style>
    html * { position: static !important; transform: rotate(5deg) !important; opacity: .1 !important; font: 3px serif !important;
        visibility: hidden !important; pointer-events: none !important; width: 1px !important; filter: blur(9px) !important }
    dibs-widget, div, button, section { background: lime !important; z-index: -1 !important; color: red !important }</style><body>""",
    """<!doctype html><title>3</title><script>
    Array.prototype.last = 1; Object.prototype.extra = "x"; String.prototype.trimAll = 1; window.$ = window.el = window.Panel = 7;
    </script><style>html { font-size: 40px } body { transform: scale(.5); overflow: hidden }</style><body>""",
)
XSS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    '"><iframe srcdoc="<script>alert(1)</script>">',
    "javascript:alert(1)",
    "https://x.example/\"onmouseover='alert(1)'",
    "${alert(1)}{{constructor.constructor('alert(1)')()}}",
    "\u202etxt.exe <b>",
)


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
async def shop(tmp_path_factory):
    async with shop_at(tmp_path_factory.mktemp("w"), *HOSTILE) as shop:
        yield shop


def test_all_that_the_widget_loads_is_small():
    assert sum(map(len, map(packed, NAMES))) < WIDGET_BYTES


async def test_a_shopper_asks_waits_is_served_and_sees_that_it_was_read(shop):
    agent = await shop.agent("talk")
    await shop.go()
    await shop.boot("talk")
    await shop.sees('$(".launcher")?.getAttribute("aria-label")', "打开在线客服")
    await shop.run("dibs.open();")
    await shop.write("在吗？")
    await shop.sees('$(".state").textContent', "下一位就是您")
    await agent.do("claim", user="talk-u")
    await shop.sees('$(".state").textContent', "李娜 正在为您服务")
    await agent.do("read", user="talk-u", seq=1)
    await shop.sees('$$(".mine .foot").at(-1).textContent.split(" · ")[1]', "已读")
    await agent.do("send", user="talk-u", kind="text", body={"text": "在的，亲"})
    await shop.sees(TEXTS, ["在吗？", "在的，亲"])
    await agent.do("resolve", user="talk-u")
    await shop.sees('$(".state").textContent', "本次会话已结束，再发消息即可继续")
    await agent.close()


async def test_what_comes_while_it_is_closed_is_counted_and_shown_and_read_when_it_is_opened(shop):
    agent = await shop.agent("count")
    await shop.go()
    await shop.boot("count", locale="en")
    await shop.run("dibs.open();")
    await shop.write("hello")
    await agent.expect("message", seq=1)
    await shop.run("dibs.close();")
    await agent.do("claim", user="count-u")
    for n in range(3):
        await agent.do("send", user="count-u", kind="text", body={"text": f"answer {n}"})
    await shop.sees('$(".count").textContent', "3")
    await shop.sees('$(".preview span").textContent', "answer 2")
    await shop.sees('$(".launcher").getAttribute("aria-label")', "Open the chat, 3 unread messages")
    await shop.run('$(".launcher").click();')
    await shop.sees('$(".count").hidden', wanted=True)
    assert (await shop.run("return unread"))[-2:] == [3, 0]
    await agent.expect("marks", side="user", read=4)
    await agent.close()


async def test_what_is_written_without_a_network_goes_when_it_is_back_after_a_reload_too(shop):
    agent = await shop.agent("cut")
    await shop.go()
    await shop.boot("cut")
    await shop.run("dibs.open();")
    await shop.write("first")
    await agent.expect("message", seq=1)
    await shop.browser.online(on=False)
    await shop.sees('$(".banner").textContent', "网络已断开，恢复后会自动发送")
    await shop.write("second")
    await shop.sees('$$(".foot").at(-1).textContent', "发送中")
    await shop.browser.online(on=True)
    await shop.sees('$(".banner").hidden', wanted=True)
    await agent.expect("message", seq=2)
    await shop.go()
    await shop.boot("cut")
    await shop.run("dibs.open();")
    await shop.sees(TEXTS, ["first", "second"])
    await agent.close()


async def test_a_shopper_without_an_account_is_the_same_one_after_a_reload_and_another_after_logout(shop):
    agent = await shop.agent("visit")
    await shop.go()
    await shop.boot("visit", token=None)
    await shop.run("dibs.open();")
    await shop.write("who am I?")
    first = (await agent.expect("message", seq=1))["user"]
    assert first.startswith("v~")
    await shop.go()
    await shop.boot("visit", token=None)
    await shop.run("dibs.open();")
    await shop.sees(TEXTS, ["who am I?"])
    await shop.run("await dibs.logout(); await dibs.boot({ store: 'visit' }); dibs.open();")
    await shop.write("and now?")
    message = await agent.expect("message", seq=1)
    assert message["body"] == {"text": "and now?"}
    assert message["user"] != first
    await agent.close()


async def test_a_shopper_ends_the_chat_when_asked_once_more_and_rates_it_once(shop):
    agent = await shop.agent("end")
    await shop.go()
    await shop.boot("end", locale="en")
    await shop.run("dibs.open();")
    await shop.write("hello")
    await agent.expect("message", seq=1)
    await shop.run('$$(".menu button")[0].click();')
    await shop.sees('$(".ask").hidden', wanted=False)
    await shop.run('$(".ask .strong").click();')
    ended = await agent.expect("status", reason="resolve")
    assert ended["by"]["id"] == "end-u"
    await shop.sees('$(".state").textContent', "This chat has ended. Write again to go on")
    await shop.sees('$(".rating").hidden', wanted=False)
    await shop.run('$("[aria-label=Good]").click(); $(".rating textarea").value = "quick"; $(".rating .strong").click();')
    note = await agent.expect("note")
    assert note["body"]["rating"] == {"score": 4, "comment": "quick"}
    await shop.sees('$(".rating").hidden', wanted=True)
    await shop.go()
    await shop.boot("end", locale="en")
    await shop.run("dibs.open();")
    await shop.sees(TEXTS, ["hello"])
    assert await shop.run('return $(".rating").hidden')
    await shop.write("one more thing")
    await agent.expect("status", reason="reopen")
    await agent.close()


async def test_a_visitor_who_signs_in_goes_on_with_its_chat(shop):
    agent = await shop.agent("join")
    await shop.go()
    await shop.boot("join", token=None)
    await shop.run("dibs.open();")
    await shop.write("before")
    await agent.expect("message", seq=1)
    await shop.run(f"await dibs.identify({json.dumps(shop.server.token('user', 'join-u'))}); dibs.open();")
    await shop.sees(TEXTS, ["before"])
    await shop.write("after")
    message = await agent.expect("message", user="join-u", seq=2)
    assert message["body"] == {"text": "after"}
    assert await shop.run("return Object.keys(localStorage).filter((name) => name.endsWith(' join'))") == []
    await agent.close()


@pytest.mark.parametrize("hostile", range(1, len(HOSTILE) + 1))
async def test_a_page_that_makes_it_hard_neither_breaks_it_nor_is_broken(shop, hostile):
    store = f"hostile{hostile}"
    agent = await shop.agent(store)
    await shop.go(f"/{hostile}")
    untouched = "return [document.styleSheets.length, document.body.innerHTML, document.documentElement.className]"
    before = await shop.run(untouched)
    await shop.boot(store)
    await shop.run("dibs.open();")
    await shop.write("在吗")
    await shop.sees(TEXTS, ["在吗"])
    await shop.sees('$(".state").textContent', "下一位就是您")
    box = await shop.run(
        'const { right, bottom, width, height } = $(".panel").getBoundingClientRect();'
        "return [innerWidth - right, innerHeight - bottom, width, height]"
    )
    assert box[2:] == [380, min(600, box[3])], box
    assert 0 <= box[0] <= 40, box
    assert 0 <= box[1] <= 40, box
    seen = await shop.run(
        'const [bubble, text] = [$(".bubble"), $("form textarea")]; const { x, y } = text.getBoundingClientRect();'
        "const [style, at] = [getComputedStyle(bubble), document.elementFromPoint(x + 20, y + 10)];"
        "return [style.fontSize, style.display, at?.localName, getComputedStyle(text).visibility]"
    )
    assert seen == ["14px", "block", "dibs-widget", "visible"]
    assert await shop.run(untouched) == before
    await agent.close()


async def test_whatever_agents_and_shops_send_only_ever_becomes_text(shop):
    agent = await shop.agent("xss", name=XSS[1])
    await shop.go()
    await shop.boot("xss", product={"sku": "1", "title": XSS[0], "price": XSS[2], "url": "https://shop.example/1"}, title=XSS[3])
    await shop.run("dibs.open();")
    await shop.run('$(".offer .strong").click();')
    await shop.write(XSS[0])
    await agent.expect("message", seq=2)
    await agent.do("claim", user="xss-u")
    for text in XSS:
        await agent.do("send", user="xss-u", kind="text", body={"text": text})
    await agent.do("send", user="xss-u", kind="file", body={"url": "https://files.example/1", "name": XSS[1]})
    await agent.do("send", user="xss-u", kind="image", body={"url": "https://files.example/1.png", "alt": XSS[3]})
    await agent.do("send", user="xss-u", kind="order", body={"number": XSS[2], "status": XSS[1], "total": XSS[0]})
    await shop.sees("$$('.bubble').length", 2 + len(XSS) + 3)
    assert await shop.run("return $$('script, iframe, [onerror], [onload], [onmouseover]').length") == 0
    assert await shop.run("return $$('a').filter((one) => !one.href.startsWith('https://')).length") == 0
    assert not shop.browser.of("Page.javascriptDialogOpening")
    await agent.close()


async def test_after_logout_nothing_of_the_shopper_is_left_in_the_browser(shop):
    agent = await shop.agent("bye")
    await shop.go()
    await shop.boot("bye")
    await shop.run("dibs.open();")
    await shop.sees('$(".banner").hidden', wanted=True)
    await shop.browser.online(on=False)
    await shop.write("never sent")
    await shop.sees('$$(".foot").length', 1)
    await shop.run("await dibs.logout();")
    await shop.browser.online(on=True)
    assert await shop.run("return document.querySelector('dibs-widget')") is None
    await shop.run(f'await dibs.boot({{ locale: "en", store: "bye", token: {json.dumps(shop.server.token("user", "bye-u"))} }});')
    await shop.run("dibs.open();")
    await shop.sees('$(".banner").hidden', wanted=True)
    await shop.sees(TEXTS, ["Hello! How can we help?"])
    await agent.close()
