"""Files that agents send from the console, by each of the ways a browser has, and those that shoppers sent."""

import asyncio
import base64
import json
import struct
import urllib.request
import zlib

import pytest
from playwright.async_api import expect

from tests.browser.desk import come, desk
from tests.browser.payload import PAYLOADS

pytestmark = pytest.mark.anyio

expect.set_options(timeout=20_000)
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, grey: int) -> bytes:
    rows = (b"\0" + bytes([grey]) * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


GIVE = """
([target, type, files]) => {
  const data = new DataTransfer();
  const bytes = (text) => Uint8Array.from(atob(text), (one) => one.codePointAt(0));
  for (const [name, kind, text] of files) data.items.add(new File([bytes(text)], name, { type: kind }));
  const node = document.querySelector(target);
  const event = type === "paste"
    ? new ClipboardEvent(type, { bubbles: true, cancelable: true, clipboardData: data })
    : new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: data });
  return node.dispatchEvent(event);
}
"""


def given(name: str, kind: str, content: bytes) -> list[str]:
    return [name, kind, base64.b64encode(content).decode()]


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


async def test_files_are_sent_by_picker_drag_and_paste_and_both_sides_can_read_them(stage):
    server, started = stage
    shopper = await come(server, "user", "file-u", "file", name="Wang")
    await (await come(server, "agent", "founder", "file")).close()
    await shopper.say("can you show me?")
    async with desk(started, server, "agent", "f1", ["file"]) as na:
        await na.claim()
        await expect(na.page.locator(".composer")).to_be_visible()
        await na.page.locator("dibs-composer input[type=file]").set_input_files(
            [
                {"name": "front.png", "mimeType": "image/png", "buffer": png(40, 30, 90)},
                {"name": "bill of sale.pdf", "mimeType": "application/pdf", "buffer": PDF},
            ]
        )
        picture = await shopper.expect("message", kind="image")
        assert (picture["body"]["width"], picture["body"]["height"], picture["body"]["alt"]) == (40, 30, "front.png")
        paper = await shopper.expect("message", kind="file")
        assert (paper["body"]["name"], paper["body"]["size"]) == ("bill of sale.pdf", len(PDF))
        await na.page.evaluate(GIVE, [".chat", "dragenter", [given("side.png", "image/png", png(20, 20, 10))]])
        await expect(na.page.locator(".drop")).to_contain_text("Drop to send to Wang")
        await na.page.evaluate(GIVE, [".lines", "drop", [given("side.png", "image/png", png(20, 20, 10))]])
        await expect(na.page.locator(".drop")).to_be_hidden()
        await expect(na.page.locator(".picture img")).to_have_count(2)
        await na.page.evaluate(GIVE, ["dibs-composer textarea", "paste", [given("back.png", "image/png", png(30, 40, 200))]])
        await expect(na.page.locator(".picture img")).to_have_count(3)
        await expect(na.page.locator(".upload")).to_have_count(0)
        # They are seen, and not only named.
        await na.page.wait_for_function("() => [...document.querySelectorAll('.picture img')].every((one) => one.naturalWidth > 0)")
        assert await na.page.locator(".picture img").evaluate_all("all => all.map((one) => one.naturalWidth)") == [40, 20, 30]
        url = picture["body"]["url"]
        ask = urllib.request.Request(f"http://{server.address}{url}", headers={"Authorization": f"Bearer {server.token('user', 'file-u')}"})
        kept = await asyncio.to_thread(lambda: urllib.request.urlopen(ask).read())
        assert kept == png(40, 30, 90)
        async with na.page.expect_download() as loading:
            await na.page.locator("a.card", has_text="bill of sale.pdf").click()
        assert (await loading.value).suggested_filename == "bill of sale.pdf"
        # Without the other side's leave nothing is sent: a note has no files.
        await na.page.keyboard.press("Alt+KeyP")
        await expect(na.page.get_by_text("Attach files")).to_be_hidden()
        assert na.complaints == []
    await shopper.close()


async def test_what_a_shopper_sent_is_shown_and_what_is_no_file_of_theirs_is_said_to_be_missing(stage):
    server, started = stage
    shopper = await come(server, "user", "sent-u", "sent", name="Wang")
    await (await come(server, "agent", "founder", "sent")).close()
    ask = urllib.request.Request(
        f"http://{server.address}/files?store=sent&name=broken.png",
        data=png(50, 60, 128),
        headers={"Authorization": f"Bearer {server.token('user', 'sent-u')}"},
    )
    body = json.loads(await asyncio.to_thread(lambda: urllib.request.urlopen(ask).read()))
    await shopper.do("send", kind="image", body={"url": body["url"], "alt": "broken.png", "width": 50, "height": 60})
    await shopper.do("send", kind="image", body={"url": "/files/sent/somebody-else/0123.png"})
    async with desk(started, server, "agent", "s1", ["sent"]) as na:
        await na.open("Wang")
        await na.page.wait_for_function("() => document.querySelector('.picture img')?.naturalWidth === 50")
        await expect(na.page.locator(".missing")).to_have_text("The image cannot be shown")
        await expect(na.page.get_by_text("Attach files")).to_be_hidden()
    await shopper.close()


async def test_a_file_that_is_refused_says_why_and_one_on_its_way_stays_with_its_chat(stage):
    server, started = stage
    await (await come(server, "agent", "founder", "way")).close()
    wang = await come(server, "user", "way-1", "way", name="Wang")
    zhao = await come(server, "user", "way-2", "way", name="Zhao")
    async with desk(started, server, "agent", "y1", ["way"]) as na:
        for shopper in (wang, zhao):
            await shopper.say("hello?")
            await na.claim()
            await expect(na.page.locator(".composer")).to_be_visible()
        picker = na.page.locator("dibs-composer input[type=file]")
        await picker.set_input_files(
            [{"name": PAYLOADS[2][:60], "mimeType": "image/svg+xml", "buffer": b"<svg xmlns='http://www.w3.org/2000/svg'/>"}]
        )
        await expect(na.page.locator(".upload[data-bad]")).to_contain_text("This kind of file is not taken")
        await na.page.locator(".upload").get_by_label("Discard").click()
        await expect(na.page.locator(".upload")).to_have_count(0)
        # The server cannot be reached while the file is on its way, and the chat is left meanwhile.
        await na.page.route("**/files?*", lambda route: route.abort())
        await picker.set_input_files([{"name": "late.png", "mimeType": "image/png", "buffer": png(8, 8, 8)}])
        await expect(na.page.locator(".upload[data-bad]")).to_contain_text("The server cannot be reached")
        await na.page.unroute("**/files?*")
        go = asyncio.Event()

        async def held(route):
            await go.wait()
            await route.continue_()

        await na.page.route("**/files?*", held)
        await na.page.locator(".upload").get_by_text("Retry").click()
        await na.open("Wang")
        await expect(na.page.locator(".upload")).to_have_count(0)
        go.set()
        assert (await zhao.expect("message", kind="image"))["body"]["alt"] == "late.png"
        assert await na.page.evaluate("window.pwned") is None
        # The browser itself says what was refused.
        assert [said for said in na.complaints if "status of 415" not in said] == []
        assert [frame["kind"] for frame in (await wang.history())["messages"]] == ["text"]
    await wang.close()
    await zhao.close()
