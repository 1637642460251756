"""What dibs says about itself is what it does: the served documents against the frames and the paths of a real server."""

import asyncio
import json
import re
from collections import Counter

import jsonschema_rs
import pytest
from actors import frame, told
from web.app import make_app
from web.document.asyncapi import asyncapi
from web.document.openapi import PATHS
from web.document.page import docs_page
from web.place import Alone
from web.setting import Settings
from web.stranger import Strangers
from web.token import TokenSigner

from tests.wire import schema
from tests.wire.client import Client


async def test_every_type_of_frame_is_seen_and_fits_the_document(server, mall):
    """One life of a chat that has all of them, both ways; the clients of every other test hold what they see to the document too."""
    store = mall.store
    seen: Counter[str] = Counter()
    agent = await Client.open(server, server.token("agent", "a1", stores=[store], name="A"))
    chief = await Client.open(server, server.token("supervisor", "z1", stores=[store]))
    user = await Client.open(server, server.token("user", "u1", name="U"))
    people = (agent, chief, user)

    async def say(person, type, **fields):
        seen[f"client.{type}"] += 1
        return await person.command(type, **fields)

    chat = {"store": store, "user": "u1"}
    bodies = {"text": {"text": "a"}, "image": {"url": "https://x/y", "alt": "b"}, "file": {"url": "/f", "name": "c"}}
    bodies |= {"product": {"sku": "1", "title": "d", "price": 9.9}, "order": {"number": "7", "total": "1.50"}}
    for kind, body in bodies.items():
        await say(user, "send", store=store, kind=kind, body=body)
    await user.expect("queue", position=1)
    await say(agent, "claim", **chat)
    assert (await say(chief, "claim", **chat))["code"] == "already_claimed"
    await say(agent, "send", **chat, kind="text", body={"text": "hi"})
    await say(agent, "note", **chat, body={"text": "n"})
    await say(agent, "transfer", **chat, to="z1", note="please")
    await say(agent, "takeover", **chat)
    await say(chief, "takeover", **chat)
    await say(chief, "release", **chat)
    await say(chief, "claim", **chat)
    await say(user, "read", store=store, seq=6)
    await user.expect("marks", side="user")
    for type, fields in (("typing", {"store": store, "on": True}), ("received", {"store": store, "seq": 6}), ("ping", {}), ("pong", {})):
        seen[f"client.{type}"] += 1
        await user.send({"type": type, **fields})
    await chief.expect("typing")
    await say(chief, "history", **chat, events=True)
    await say(chief, "chats", store=store, limit=1)
    assert (await say(agent, "search", store=store, text="HI"))["type"] == "found"
    assert (await say(chief, "figures", store=store))["type"] == "figures"
    await say(agent, "availability", status="away")
    await say(chief, "announce", store=store, body={"text": "sale"})
    await say(chief, "configure", store=store, version=0, name="Shop", clock={"amber": 1, "red": 2}, replies=[{"key": "hi", "text": "Hi"}])
    await say(user, "profile", store=store)
    await say(user, "context", store=store, context={"page": {"url": "/x", "title": "X"}, "product": bodies["product"]})
    await agent.expect("context")
    await say(chief, "requeue", **chat)
    await say(user, "end", store=store)
    await say(user, "rate", store=store, score=4, comment="thanks")
    await say(chief, "resolve", **chat)
    await say(chief, "context", **chat)
    seen["client.token"] += 1
    await user.send({"type": "token", "token": server.token("user", "u1", name="U")})
    await user.expect("ping", within_s=10)
    seen["client.hello"] += 1
    late = await Client.open(server, server.token("user", "u1"), resume={store: 1}, generation="another")
    assert late.resets == [store]
    for person in (*people, late):
        seen.update(f"server.{told_frame['type']}" for told_frame in person.frames)
        await person.close()
    assert set(asyncapi()["components"]["messages"]) - set(seen) == set()


def test_the_document_has_every_type_that_the_codec_knows():
    messages = asyncapi()["components"]["messages"]
    assert {name for name in messages if name.startswith("client.")} == {f"client.{type}" for type in frame.TYPES}
    assert {name for name in messages if name.startswith("server.")} == {f"server.{type}" for type in told.TYPES}


@pytest.mark.parametrize(
    ("side", "spoiled"),
    [
        ("client", {"type": "claim", "id": "c 1", "store": "s1", "user": "u1"}),
        ("client", {"type": "claim", "id": "c1", "store": "s1"}),
        ("client", {"type": "send", "id": "c1", "store": "s1", "kind": "image", "body": {"text": "a"}}),
        ("client", {"type": "send", "id": "c1", "store": "s1", "kind": "poem", "body": {"text": "a"}}),
        ("server", {"type": "ready?"}),
        ("server", {"type": "ack", "id": "a1", "seq": 0}),
        ("server", {"type": "status", "store": "s1", "user": "u1", "status": "lost", "owner": None, "epoch": 1, "by": None, "at": 1}),
        ("server", {"type": "message", "store": "s1", "user": "u1", "seq": 1, "from": {}, "kind": "text", "body": {}, "id": "x", "at": 1}),
    ],
)
def test_the_document_refuses_what_is_not_the_protocol(side, spoiled):
    assert schema.faults(side, spoiled)


async def test_the_documents_are_served_and_need_nothing_from_elsewhere(server):
    status, text = await asyncio.to_thread(server.http_blocking, "/docs/asyncapi.json")
    assert status == 200
    assert json.loads(text) == json.loads(json.dumps(asyncapi()))
    status, page = await asyncio.to_thread(server.http_blocking, "/docs")
    assert status == 200
    for type in frame.TYPES | told.TYPES:
        assert f"<code>{type}</code>" in page
    assert "http://" not in page.replace(f"http://{server.address}", "")
    assert "https://" not in page
    assert "<script" not in page
    assert " style=" not in page
    assert (await asyncio.to_thread(server.http_blocking, "/docs/style.css"))[0] == 200


def test_the_page_shows_no_markup_and_its_links_lead_somewhere():
    page = docs_page()
    assert "<code>already_claimed</code>" in page
    assert "&lt;" not in page
    assert "`" not in page
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))


async def test_every_documented_path_is_there_and_every_path_is_documented(server):
    text = (await asyncio.to_thread(server.http_blocking, "/docs/openapi.json"))[1]
    document = json.loads(text)
    assert document["paths"] == PATHS
    for path, methods in PATHS.items():
        if "get" in methods and "{" not in path:
            assert (await asyncio.to_thread(server.http_blocking, path))[0] == 200, path


def test_no_path_of_the_application_is_left_out_of_the_document():
    """The application's routes, not a list kept beside them; the socket has a document of its own, and the rest of an operator's paths is
    one answer, that there is nothing."""
    app = make_app(Settings(), None, None, TokenSigner(b"x" * 32), "", Strangers(1, 1), None, Alone(asyncio.Event()))
    routes = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule) for rule in app.url_map.iter_rules()}
    assert routes - set(PATHS) == {"/ws", "/operator/{rest}"}
    assert set(PATHS) <= routes


def test_the_schemas_are_schemas():
    for judge in schema.validators().values():
        assert isinstance(judge, jsonschema_rs.Draft202012Validator)
