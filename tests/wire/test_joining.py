"""A visitor signs in: its chat goes on as the user's, once, and for nobody who only claims to be it."""

import json
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.wire.conftest import Mall, fresh
from tests.wire.door import ask
from tests.wire.person import MARK, Person, words
from tests.wire.server import Server

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("join") / "data")
    server.environ["DIBS_VISITORS"] = "on"
    with server.running():
        yield server


@pytest.fixture
async def mall(open_server: Server) -> AsyncIterator[Mall]:
    mall = Mall(open_server)
    try:
        yield mall
    finally:
        await mall.close()


async def visitor_of(mall: Mall) -> tuple[Person, str]:
    """A visitor with an open session, and its token."""
    token = (await ask(mall.server, "POST", "/visitor", None, {"store": mall.store})).json["token"]
    visitor = await Person.open(mall.server, token)
    visitor.store = mall.store
    mall.people.append(visitor)
    return visitor, token


async def sign_in(mall: Mall, visitor: object, id: str | None = None, role: str = "user", **claims: object) -> Person:
    """Somebody says `hello` with the visitor's token beside its own."""
    person = await mall.dial()
    person.id, person.role, person.store = id or fresh("u"), role, mall.store
    person.checker.role, person.checker.agent = role, role != "user"
    token = mall.server.token(role, person.id, **claims)
    await person.send_raw(json.dumps({"type": "hello", "token": token, "visitor": visitor}))
    await person.expect("ready")
    return person


async def texts(person: Person, of: Person) -> list[tuple[str, str]]:
    target = {} if person.role == "user" else {"user": of}
    return [(frame["from"]["id"], frame["body"]["text"].removeprefix(MARK)) for frame in (await person.history(**target))["messages"]]


async def test_the_chat_of_a_visitor_goes_on_as_the_users_with_its_owner(mall: Mall) -> None:
    agent = await mall.agent(name="Li Na")
    visitor, token = await visitor_of(mall)
    await visitor.say("is it blue?")
    await agent.claim(visitor)
    await agent.say("it is", to=visitor)
    await visitor.say("fine")
    await visitor.read(3)
    user = await sign_in(mall, token, name="Wang")
    assert not user.had("error")
    said = [(user.id, "is it blue?"), (agent.id, "it is"), (user.id, "fine")]
    assert await texts(user, user) == said
    assert await texts(agent, user) == said
    summary = await agent.summary(user)
    assert (summary["status"], summary["owner"]["id"], summary["name"]) == ("claimed", agent.id, "Wang")
    assert (await user.summary())["unread"] == 0
    became = await agent.status("resolve", user=visitor.id)
    assert became["by"] == {"role": "user", "id": user.id, "name": "Wang"}
    assert await visitor.closed() == 4003
    await agent.say("shall I send it?", to=user)
    await user.heard("shall I send it?")


async def test_a_token_that_was_joined_is_of_no_further_use(mall: Mall) -> None:
    await mall.found()
    visitor, token = await visitor_of(mall)
    await visitor.say("once")
    user = await sign_in(mall, token)
    again = await sign_in(mall, token, user.id)
    other = await sign_in(mall, token)
    for late in (again, other):
        assert (await late.expect("error"))["code"] == "forbidden"
    assert await texts(again, user) == [(user.id, "once")]
    assert (await other.list())["chats"] == []
    late = await mall.dial()
    await late.hello(token)
    assert await late.closed() == 4003


async def test_what_the_user_has_said_before_stays_and_the_visitors_words_follow(mall: Mall) -> None:
    agent = await mall.agent()
    user = await mall.user()
    await user.say("long ago")
    await agent.claim(user)
    visitor, token = await visitor_of(mall)
    await visitor.say("and now")
    assert not (await sign_in(mall, token, user.id)).had("error")
    await user.heard("and now")
    assert await texts(user, user) == [(user.id, "long ago"), (user.id, "and now")]
    assert (await agent.summary(user))["owner"]["id"] == agent.id
    assert (await agent.summary(visitor))["status"] == "closed"


async def test_a_chat_that_had_ended_does_not_wait_again(mall: Mall) -> None:
    agent = await mall.agent()
    visitor, token = await visitor_of(mall)
    await visitor.say("bye")
    await visitor.end()
    user = await sign_in(mall, token)
    assert await texts(user, user) == [(user.id, "bye")]
    assert (await agent.summary(user))["status"] == "closed"


async def test_a_join_that_was_cut_off_goes_on_and_copies_nothing_twice(mall: Mall) -> None:
    """Ten tabs of the user sign in at once, and each finds the same chat."""
    await mall.found()
    visitor, token = await visitor_of(mall)
    for n in range(5):
        await visitor.say(f"line {n}")
    me = fresh("u")
    tabs = [await mall.dial() for _ in range(10)]
    for tab in tabs:
        tab.id, tab.role, tab.store = me, "user", mall.store
        await tab.send_raw(json.dumps({"type": "hello", "token": mall.server.token("user", me), "visitor": token}))
    for tab in tabs:
        await tab.expect("ready")
        assert [text for _, text in await texts(tab, tab)] == [f"line {n}" for n in range(5)]


async def test_nobody_joins_by_claiming(mall: Mall) -> None:
    agent = await mall.agent()
    visitor, token = await visitor_of(mall)
    await visitor.say("mine")
    unsigned = ".".join([*token.split(".")[:2], "x" * 43])
    plain = mall.server.token("user", visitor.id, stores=[mall.store])
    second = (await visitor_of(mall))[1]
    for claim in (visitor.id, "", "nonsense", unsigned, plain, mall.server.token("agent", agent.id, stores=[mall.store])):
        thief = await sign_in(mall, claim)
        assert (await thief.expect("error"))["code"] == "forbidden", claim
        assert (await thief.list())["chats"] == []
    elsewhere = await sign_in(mall, token, stores=[fresh("s")])
    assert (await elsewhere.expect("error"))["code"] == "forbidden"
    boss = await sign_in(mall, token, role="supervisor", stores=[mall.store])
    assert (await boss.expect("error"))["code"] == "forbidden"
    both = await mall.dial()
    await both.send_raw(json.dumps({"type": "hello", "token": second, "visitor": token}))
    assert (await both.expect("error"))["code"] == "forbidden"
    await visitor.say("still mine")
    assert (await agent.summary(visitor))["seq"] == 2


@pytest.mark.parametrize("visitor", [1, True, [], {}, ["x"]])
async def test_a_visitor_of_the_wrong_type_is_no_hello(mall: Mall, visitor: object) -> None:
    person = await mall.dial()
    await person.send_raw(json.dumps({"type": "hello", "token": mall.server.token("user", fresh("u")), "visitor": visitor}))
    assert await person.closed() == 4000


async def test_pictures_are_copied_as_they_are(mall: Mall) -> None:
    await mall.found()
    visitor, token = await visitor_of(mall)
    await visitor.do("send", kind="image", body={"url": "https://x/y", "alt": MARK})
    user = await sign_in(mall, token)
    (found,) = (await user.history())["messages"]
    assert (found["kind"], found["body"]) == ("image", {"url": "https://x/y", "alt": MARK})
    assert found["id"] == f"{visitor.id}.1"
    await user.say(kind="text", body=words("next"))
