"""Pictures and files in the widget: chosen, pasted or dropped, told of before they go, kept when they fail, and shown of both sides."""

import json
from base64 import b64encode

import pytest

from tests.browser.payload import PAYLOADS
from tests.browser.shop import Shop, png, shop_at

pytestmark = pytest.mark.anyio

CHOOSE = """
const files = new DataTransfer();
const bytes = (content) => typeof content === "number" ? new Uint8Array(content) : Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
for (const [name, type, content] of given) files.items.add(new File([bytes(content)], name, { type }));
"""
PICK = '$("input[multiple]").files = files.files; $("input[multiple]").dispatchEvent(new Event("change"));'
PASTE = '$("form textarea").dispatchEvent(new ClipboardEvent("paste", { clipboardData: files, bubbles: true, cancelable: true }));'
DROP = """
const event = (type) => new DragEvent(type, { dataTransfer: files, bubbles: true, cancelable: true });
$(".log").dispatchEvent(event("dragover"));
globalThis.over = $(".panel").hasAttribute("data-over");
$(".log").dispatchEvent(event("drop"));
"""
TRAY = '$$(".tray li").map((one) => [one.querySelector("b").textContent, one.querySelector("small").textContent])'
SEND = '$("form").requestSubmit();'
SEEN = '$$(".picture img").map((one) => [one.complete && one.naturalWidth, one.alt])'


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
async def shop(tmp_path_factory):
    async with shop_at(tmp_path_factory.mktemp("w")) as shop:
        yield shop


async def choose(shop: Shop, how: str, *files: tuple[str, str, bytes | int]) -> None:
    """Name, media type and content of each, or how many zeros."""
    given = [[name, kind, content if isinstance(content, int) else b64encode(content).decode()] for name, kind, content in files]
    await shop.run(f"const given = {json.dumps(given)}; {CHOOSE} {how}")


async def upload(shop: Shop, store: str, content: bytes, name: str) -> dict[str, object]:
    """By an agent, whose page may have any origin: as a shop's own console does it."""
    token = shop.server.token("agent", f"{store}-a1", stores=[store])
    url = f"http://{shop.server.address}/files?store={store}&user={store}-u&name={name}"
    given = f"{{ method: 'POST', headers: {{ Authorization: 'Bearer {token}' }}, body }}"
    found = await shop.run(
        f"const body = Uint8Array.from(atob('{b64encode(content).decode()}'), (c) => c.charCodeAt(0));"
        f"const answer = await fetch({json.dumps(url)}, {given}); return [answer.status, await answer.json()]"
    )
    assert found[0] == 201, found
    return found[1]


async def open_chat(shop: Shop, store: str):
    agent = await shop.agent(store)
    await shop.go()
    await shop.boot(store, locale="en")
    await shop.run("dibs.open();")
    await shop.write("hello")
    await agent.expect("message", seq=1)
    return agent


async def test_what_is_chosen_pasted_or_dropped_is_told_of_and_then_sent_and_shown(shop):
    agent = await open_chat(shop, "put")
    await choose(shop, PICK, ("blue.png", "image/png", png(800, 600)))
    await choose(shop, PASTE, ("paste.png", "image/png", png(40, 40)))
    await choose(shop, DROP, ("sizes.txt", "text/plain", b"S M L " * 40_000))
    assert await shop.run("return over")
    assert await shop.run(f"return {TRAY}") == [["blue.png", "PNG · 3 kB"], ["paste.png", "PNG · 1 kB"], ["sizes.txt", "TXT · 240 kB"]]
    await shop.run('$(".tray li:nth-child(2) .tool").click(); $("form textarea").value = "these";' + SEND)
    await shop.sees('$(".tray").hidden', wanted=True)
    said = [await agent.expect("message") for _ in range(3)]
    assert sorted(one["kind"] for one in said) == ["file", "image", "text"]
    bodies = {one["kind"]: one["body"] for one in said}
    assert bodies["image"].pop("url").startswith("/files/put/put-u/")
    assert bodies["file"].pop("url").startswith("/files/put/put-u/")
    assert bodies == {
        "image": {"alt": "blue.png", "width": 800, "height": 600},
        "file": {"name": "sizes.txt", "size": 240_000},
        "text": {"text": "these"},
    }
    await shop.sees(SEEN, [[800, "blue.png"]])
    # Nobody who is new to the page has them at hand.
    await shop.go()
    await shop.boot("put", locale="en")
    await shop.run("dibs.open();")
    await shop.sees(SEEN, [[800, "blue.png"]])
    await shop.sees('$(".bubble .card")?.textContent', "sizes.txt240 kB")
    await shop.sees('new URL($(".bubble a.card").href || location).searchParams.get("name")', "sizes.txt")
    status = await shop.run('return (await fetch($(".bubble a.card").href)).status')
    assert status == 200
    await agent.close()


async def test_pictures_of_the_store_are_shown_and_signed_anew_when_their_time_is_over(shop):
    agent = await open_chat(shop, "see")
    answer = await upload(shop, "see", png(300, 200), "map.png")
    await agent.do("claim", user="see-u")
    await agent.do("send", user="see-u", kind="image", body={"url": answer["url"], "alt": "the way", "width": 300, "height": 200})
    await shop.sees(SEEN, [[300, "the way"]])
    signed = await shop.run('return $(".picture img").src')
    assert "signature=" in signed
    assert await shop.run('return (await fetch($(".picture img").src.split("?")[0])).status') == 403
    # As if its time were over: what no longer loads is asked for again, and so is the address of a link that is followed.
    await shop.run(
        "globalThis.signs = 0; const { fetch } = globalThis;"
        "globalThis.fetch = (url, ...rest) => { signs += String(url).includes('/files/sign'); return fetch(url, ...rest); };"
        "const { now } = Date; Date.now = () => now() + 600_000; $('.picture img').src += 'x';"
    )
    await shop.sees("signs", 1)
    await shop.sees(SEEN, [[300, "the way"]])
    assert "signature=" in await shop.run('return $(".picture a").href')
    await agent.do("send", user="see-u", kind="image", body={"url": "/files/see/see-u/" + "0" * 64 + ".png", "alt": "gone"})
    await shop.sees('$$(".bubble").at(-1).textContent', "gone · No longer there")
    await agent.close()


async def test_a_file_that_failed_is_kept_and_goes_at_another_try(shop):
    agent = await open_chat(shop, "again")
    await shop.browser.do("Network.setBlockedURLs", urls=["*/files?*"])
    await choose(shop, PICK, ("blue.png", "image/png", png(30, 30)))
    await shop.run(SEND)
    await shop.sees('$$(".foot button").map((one) => one.textContent)', ["Try again", "Delete"])
    assert await shop.run('return $(".bad").textContent') == "Not sent"
    await shop.browser.do("Network.setBlockedURLs", urls=[])
    await shop.run('$(".foot button").click();')
    assert (await agent.expect("message", kind="image"))["body"]["alt"] == "blue.png"
    await agent.close()


async def test_without_a_connection_a_file_waits_and_what_the_server_refuses_is_said(shop):
    agent = await open_chat(shop, "wait")
    await shop.browser.online(on=False)
    await shop.sees('$(".banner").hidden', wanted=False)
    await choose(shop, PICK, ("blue.png", "image/png", png(30, 30)), ("lie.png", "image/png", b"<html><script>alert(1)</script>"))
    await shop.run(SEND)
    await shop.sees('$$(".foot button").map((one) => one.textContent)', ["Cancel", "Cancel"])
    await shop.browser.online(on=True)
    assert (await agent.expect("message", kind="image"))["body"]["alt"] == "blue.png"
    await shop.sees('$(".bad")?.textContent', "This kind of file cannot be sent")
    await shop.run('$$(".foot button").at(-1).click();')
    await shop.sees('$$(".foot button").length', 0)
    await agent.close()


async def test_a_file_shows_how_far_it_is_and_can_be_stopped(shop):
    agent = await open_chat(shop, "slow")
    await shop.browser.do("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=100_000)
    try:
        await choose(shop, PICK, ("long.txt", "text/plain", b"long " * 100_000))
        await shop.run(SEND)
        await shop.sees('$("progress")?.value > 0 && $("progress").value < 1', wanted=True)
        await shop.run('$(".foot button").click();')
        await shop.sees('$("progress")', None)
    finally:
        await shop.browser.online(on=True)
    await shop.write("never mind")
    assert (await agent.expect("message", seq=2))["body"] == {"text": "never mind"}
    await agent.close()


async def test_what_cannot_be_sent_is_said_before_it_goes(shop):
    agent = await open_chat(shop, "flaw")
    await choose(shop, PICK, ("film.mp4", "video/mp4", b"film"), ("large.png", "image/png", 11_000_000))
    assert await shop.run(f"return {TRAY}") == [["film.mp4", "This kind of file cannot be sent"], ["large.png", "The file is too large"]]
    await shop.run(SEND)
    assert await shop.run(f"return {TRAY}.length") == 2
    assert await shop.run('return $$(".bubble").length') == 1
    await shop.run('$(".tray .tool").click(); $(".tray .tool").click();')
    await shop.sees('[$(".tray").hidden, root.activeElement.localName]', [True, "textarea"])
    await agent.close()


async def test_forty_payloads_in_texts_names_and_cards_only_ever_become_text(shop):
    agent = await open_chat(shop, "evil")
    answer = await upload(shop, "evil", b"x", "x.txt")
    await agent.do("claim", user="evil-u")
    for payload in PAYLOADS:
        await shop.say(
            agent,
            ("file", {"url": answer["url"], "name": payload}),
            ("product", {"sku": payload, "title": payload, "price": payload, "currency": payload}),
            ("order", {"number": payload, "status": payload, "total": payload}),
            ("image", {"url": "https://files.invalid/x.png", "alt": payload}),
        )
    await choose(shop, PICK, *[(f"{payload}.txt", "text/plain", b"x") for payload in PAYLOADS])
    await shop.sees("$$('.bubble').length", 1 + 4 * len(PAYLOADS))
    assert await shop.run("return $$('.tray li').length") == len(PAYLOADS)
    assert await shop.run(
        "return [globalThis.pwned, $$('script, iframe, object, embed, base, meta, [onerror], [onload], [onfocus]').length]"
    ) == [None, 0]
    await shop.sees("$$('a').filter((one) => !/^https?:/.test(one.href)).length", 0)
    assert not shop.browser.of("Page.javascriptDialogOpening")
    await agent.close()
