"""`dibs-client.js` in a page of another origin, against a real server: answered once, told once, in order, whatever happens to the wire."""

import json
from pathlib import Path

import pytest

from tests.browser.chromium import tab
from tests.browser.cutter import cutter
from tests.browser.page import page
from tests.wire.client import Client
from tests.wire.server import Server

pytestmark = pytest.mark.anyio

SCRIPTS = Path(__file__).parent / "script"


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
async def stage(tmp_path_factory):
    """A server, and a page that may open a socket to it."""
    folder = tmp_path_factory.mktemp("c")
    async with page() as origin, tab(folder / "profile") as browser:
        with Server(folder / "data", origins=origin, heartbeat=2).running() as server:
            await browser.open(origin)
            yield Stage(server, browser)


class Stage:
    def __init__(self, server, browser):
        self.server, self.browser = server, browser

    async def found(self, store):
        """The store is there."""
        await (await Client.open(self.server, self.server.token("agent", "founder", stores=[store]))).close()

    async def play(self, script, **given):
        """A script of the folder, a body of an async function: what it returns. It has the module, and what is given."""
        names = {"ws": f"ws://{self.server.address}/ws"} | given
        head = f'const dibs = await import("http://{self.server.address}/dibs-client.js");'
        head += "".join(f"const {name} = {json.dumps(value)};" for name, value in names.items())
        return await self.browser.run(head + (SCRIPTS / f"{script}.js").read_text("utf-8"))

    def people(self, store):
        token = self.server.token
        return {
            "store": store,
            "user": token("user", f"{store}-u"),
            "agents": [token("agent", f"{store}-a{n}", stores=[store]) for n in (1, 2)],
        }


async def test_a_shopper_and_two_agents_talk_and_the_loser_is_told_who_owns(stage):
    await stage.found("talk")
    found = await stage.play("talk", **stage.people("talk"))
    assert found["claimed"] == {"status": "claimed", "owner": "talk-a1"}
    assert found["refused"] == {"code": "already_claimed", "owner": "talk-a1"}
    assert found["shopper"] == ["在吗", "在的"]
    assert found["owner"] == "talk-a1"
    assert found["unread"] == {"before": 1, "after": 0}
    assert found["history"] == ["在吗", "在的"]
    assert found["state"] == ["connecting", "ready", "closed"]


async def test_whatever_byte_the_wire_breaks_at_everything_is_told_once_in_order_and_all_that_is_held_is_what_is_kept(stage):
    await stage.found("cut")
    address = stage.server.address
    async with cutter(address, 300, 19) as below, cutter(address, 300, 23) as beside:
        urls = [f"ws://{below.address}/ws", f"ws://{beside.address}/ws"]
        found = await stage.play("cut", urls=urls, count=25, **stage.people("cut"))
        assert below.cuts > 30
        assert beside.cuts > 30
    told = [f"{n}" for n in range(25)]
    assert found["agent"] == [text for n in told for text in (n, f"re {n}")]
    assert found["shopper"] == found["agent"]
    assert found["held"] == {"shopper": found["agent"], "agent": found["agent"]}
    assert found["differences"] == []
    assert found["waiting"] == [0, 0]


async def test_what_a_page_could_not_send_is_sent_once_and_in_order_after_a_reload(stage):
    await stage.found("again")
    people = stage.people("again")
    assert await stage.play("unsent", nowhere="ws://127.0.0.1:9/ws", **people) == ["0", "1", "2", "nobody"]
    await stage.browser.reload()
    found = await stage.play("sent", **people)
    assert found["left"] == ["0", "1", "2", "nobody"]
    assert found["refused"] == "no-such-store: no_such_store"
    assert found["held"] == ["0", "1", "2", "3"]
    assert found["kept"] == 0
    assert found["others"] == 0


async def test_what_comes_twice_late_or_in_pages_is_merged_by_number(stage):
    assert await stage.play("merge", rounds=300) == []


async def test_nothing_overtakes_what_was_refused_for_the_moment_in_its_chat(stage):
    assert await stage.play("order") == ["hello", "a1", "b1", "a1", "a2"]


async def test_a_token_is_renewed_while_its_session_lives_and_made_anew_after_it_has_ended(stage):
    await stage.found("token")
    tokens = [stage.server.token("user", "token-u", ttl_s=ttl_s) for ttl_s in (4, 3600)]
    found = await stage.play("token", tokens=tokens, store="token")
    assert found == {"asked": 2, "sessions": 1, "state": "ready"}


async def test_whoever_is_sent_away_says_why_and_does_not_come_back(stage):
    found = await stage.play("stranger", token="not a token")
    assert found == {"states": ["connecting", "closed"], "code": 4001, "command": "Closed", "ready": "Closed"}


async def test_a_profile_is_changed_and_held_and_a_page_says_where_its_user_is(stage):
    await stage.found("profile")
    supervisor = stage.server.token("supervisor", "profile-z", stores=["profile"])
    assert await stage.play("profile", supervisor=supervisor, **stage.people("profile")) == {
        "nobody": [0, None, False],
        "live": [1, "灯", {"amber": 5, "red": 9}, [{"key": "hi", "text": "Hi"}], False],
        "stale": ["stale_profile", 1],
        "cleared": None,
        "large": "too_large",
        "asked": [2, None],
        "early": "not_found",
        "heard": {"page": {"title": "Lamps", "url": "/lamps?a=b#c"}, "device": "Chrome · Linux", "cart": 3},
        "found": {"page": {"url": "https://shop.example/x"}, "referrer": "https://a.example/"},
        "earlier": [{"seq": [1, 1], "by": None, "rating": {"score": 4, "comment": "ok"}}],
        "kept": 0,
    }
