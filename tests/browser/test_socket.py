"""A page in a real browser chats, and no compression is agreed upon though the browser offers it."""

import json

import pytest

from tests.browser.chromium import tab
from tests.browser.page import page
from tests.wire.client import Client
from tests.wire.server import Server

pytestmark = pytest.mark.anyio

CHAT = """
    const socket = new WebSocket("ws://%s/ws", "dibs.v1");
    const heard = [];
    await new Promise((done, failed) => {
        socket.onopen = () => socket.send(JSON.stringify({type: "hello", token: %s}));
        socket.onclose = (event) => failed(new Error("closed with " + event.code));
        socket.onmessage = (event) => {
            for (const frame of [JSON.parse(event.data)].flat()) {
                heard.push(frame);
                if (frame.type === "ready")
                    socket.send(JSON.stringify({type: "send", id: "m1", store: "s1", kind: "text", body: {text: "psst-在吗"}}));
            }
            if (heard.some((frame) => frame.type === "message") && heard.some((frame) => frame.type === "ack")) done();
        };
    });
    socket.onclose = null;
    socket.close();
    return {extensions: socket.extensions, protocol: socket.protocol, heard};
"""


async def test_a_page_chats_and_the_compression_that_its_browser_offers_is_not_accepted(tmp_path):
    async with page() as origin, tab(tmp_path / "profile") as browser:
        server = Server(tmp_path / "data", origins=origin)
        await server.start()
        try:
            await (await Client.open(server, server.token("agent", "a1", stores=["s1"]))).close()
            await browser.open(origin)
            found = await browser.run(CHAT % (server.address, json.dumps(server.token("user", "u1"))))
            assert (found["extensions"], found["protocol"]) == ("", "dibs.v1")
            (message,) = [frame for frame in found["heard"] if frame["type"] == "message"]
            assert message["body"] == {"text": "psst-在吗"}
            (told,) = [event["response"] for event in browser.of("Network.webSocketHandshakeResponseReceived")]
            assert "permessage-deflate" in told["requestHeaders"]["Sec-WebSocket-Extensions"]
            assert "sec-websocket-extensions" not in {name.lower() for name in told["headers"]}
            await server.stop()
            server.check_log()
        finally:
            server.kill()
