"""What the widget learns of the store, and what it tells of its page."""

from base64 import b64encode

import pytest

from tests.browser.shop import TEXTS, png, shop_at
from tests.wire.person import Person

pytestmark = pytest.mark.anyio

PRODUCT = {"sku": "S-1", "title": "Sneaker", "price": 399, "currency": "CNY"}


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
async def shop(tmp_path_factory):
    async with shop_at(tmp_path_factory.mktemp("w")) as shop:
        yield shop


async def test_name_face_and_greeting_are_the_stores_own(shop):
    boss = await Person.open(shop.server, shop.server.token("supervisor", "boss", stores=["known"], name="陈主管"))
    boss.store = "known"
    await boss.do("configure", version=0, name="Fleet <b>", face="https://faces.example/x.png", greeting="Hi! <i>Ask</i> us.")
    await shop.browser.do("Fetch.enable", patterns=[{"urlPattern": "https://faces.example/*"}])
    await shop.go()
    await shop.boot("known", locale="en")
    await shop.run("dibs.open();")
    await shop.sees('[$("h2").textContent, Boolean($(".face img"))]', ["Fleet <b>", True])
    paused = await shop.browser.hear("Fetch.requestPaused")
    picture = b64encode(png(64, 64)).decode()
    await shop.browser.do("Fetch.fulfillRequest", requestId=paused["requestId"], responseCode=200, body=picture)
    await shop.sees('$(".face img")?.naturalWidth', 64)
    await shop.browser.do("Fetch.disable")
    await shop.sees(TEXTS, ["Hi! <i>Ask</i> us."])
    await boss.do("configure", version=1, name="Other", face="https://nowhere.invalid/x.png")
    await shop.go()
    await shop.boot("known", locale="en")
    await shop.run("dibs.open();")
    await shop.sees('[$(".face").textContent, $(".face img")]', ["OT", None])
    await boss.close()


async def test_whoever_answers_is_told_of_the_page_and_of_the_next_one(shop):
    agent = await shop.agent("where")
    await shop.go()
    await shop.boot("where", locale="en", product=PRODUCT)
    await shop.run("dibs.open();")
    await shop.write("hello")
    told = (await agent.expect("context", user="where-u"))["context"]
    assert told["page"] == {"title": "Shop"}, "its address is no https:"
    assert told["product"] == PRODUCT
    assert told["device"].startswith("Chrome · ")
    assert set(told) == {"page", "device", "locale", "timezone", "product"}
    await shop.run("document.title = 'Sneakers'; history.pushState({}, '', '/2');")
    told = (await agent.expect("context", user="where-u"))["context"]
    assert told["page"] == {"title": "Sneakers"}
    await agent.close()
