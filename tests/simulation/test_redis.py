"""The Redis in memory is held to a real one: what simulations did, in order, gets the same replies from a Valkey."""

import random

import pytest
from redis.asyncio import Connection, UnixDomainSocketConnection
from redis.exceptions import ResponseError

from actors.append import Swept
from actors.chat import Chat
from actors.event import AgentArrived, ContextTold, ProfileSet
from storage.batch import Limits
from storage.pipe import SCRIPTS
from storage.redis import RedisJournal
from tests.simulation.lua import LuaError
from tests.simulation.redis import Redis
from tests.simulation.schedule import schedule
from tests.simulation.server import Server, SimulatedPipe
from tests.simulation.world import simulate
from tests.storage.material import NOON, changed, claim_chat, do, note, open_chat
from tests.storage.valkey import running

UNORDERED = (b"SMEMBERS", b"HGETALL", b"KEYS")


def traces():
    """Seeds without a full server and without a roll-back, which happen outside of the commands."""
    seed, found = 0, 0
    while found < 12:
        plan = schedule(seed)
        if not {"refused", "rollback", "rollback_alive"} & {fault.kind for fault in plan.faults}:
            yield seed
            found += 1
        seed += 1


async def ask(connection: Connection, *words):
    await connection.send_command(*words)
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error


def alike(words, mine, theirs):
    """Equal, but for the order in which sets and hashes are told, and the words of errors."""
    if isinstance(mine, ResponseError) or isinstance(theirs, ResponseError):
        return isinstance(mine, ResponseError) and isinstance(theirs, ResponseError)
    if words[0] == b"PUBSUB" or (words[0] == b"HGET" and words[-1] == b"ab"):
        return True  # who listens there listens to nobody here, and what is told is counted for those who listen
    if words[0] == b"HMGET" and words[-1] == b"mk":
        return mine[:-1] == theirs[:-1]  # moves are counted for those who listen
    if words[0] in UNORDERED:
        return sorted(mine) == sorted(theirs)
    if words[0] == b"EVALSHA" and words[1] in (b"snapshot", b"store", b"chats", b"append", b"here"):
        return normal(mine) == normal(theirs)
    return mine == theirs


def normal(value):
    """Lists within a reply of a script may be hashes or sets: compared whatever their order."""
    return [sorted(map(repr, item)) if isinstance(item, list) else item for item in value]


@pytest.fixture(scope="module")
def simulated():
    found = []
    for seed in traces():
        redis = Redis()
        redis.trace = []
        simulate(schedule(seed), redis=redis)
        found.append((seed, redis.trace))
    return found


async def test_a_real_server_gives_the_same_replies_to_everything_a_simulation_did(simulated, tmp_path):
    async with running(tmp_path / "v", "--stream-node-max-entries", "1") as socket:
        connection = UnixDomainSocketConnection(path=str(socket))
        await connection.connect()
        shas = {name.encode(): await ask(connection, "SCRIPT", "LOAD", source) for name, source in SCRIPTS.items()}
        for seed, trace in simulated:
            await ask(connection, "FLUSHALL")
            assert len(trace) > 200
            for i, (words, mine) in enumerate(trace):
                sent = (words[0], shas[words[1]], *words[2:]) if words[0] == b"EVALSHA" else words
                theirs = await ask(connection, *sent)
                assert alike(words, mine, theirs), f"seed {seed}, command {i}: {words}\nhere:   {mine}\nthere:  {theirs}"
        await connection.disconnect()


def test_every_script_is_exercised_by_what_is_compared(simulated):
    used = {words[1].decode() for _, trace in simulated for words, _ in trace if words[0] == b"EVALSHA"}
    assert used == set(SCRIPTS) - OF_CARE


OF_CARE = {"back", "erase", "overview", "rewrite", "sweep", "trim"}
"""Scripts that no simulation runs: what is done with them by hand is compared below."""


async def test_the_scripts_that_look_after_the_data_or_look_back_leave_and_tell_the_same(tmp_path):
    """Chats are written, erased and written again by a journal on either."""
    redis = Redis()
    redis.trace = []
    journal = RedisJournal(None, lambda: NOON, Limits())
    journal._reader = journal._writer = SimulatedPipe(Server(redis, random.Random(1)), "n", is_writer=True)
    for user in ("u1", "u2"):
        await claim_chat(journal, user=user)
    await journal.erase_chat("s1", "u1")
    await journal.erase_chat("s1", "nobody")
    assert await journal.rewrite_log("s1", "u1", "me", 0, 0) == (7, 3, True)
    assert await journal.rewrite_log("s1", "u1", "me", 7, 3) == (-1, 3, False)
    assert await journal.rewrite_log("s1", "nobody", "me", 0, 0) == (7, 0, True)
    chat = await open_chat(journal, user="u3", at=NOON + 1000)
    chat = await do(journal, chat, changed(chat, "closed", at=NOON + 1000), note(at=NOON + 2000))
    await do(journal, chat, ContextTold(context=b'{"device":"x"}', at=NOON + 1500))
    await do(journal, Chat(store="s1", user=""), AgentArrived(agent="a1", name="A1", at=NOON))
    await do(journal, Chat(store="s1", user=""), ProfileSet(version=1, profile=b"{}"))
    assert [frames.more for frames in [await journal.read_past("s1", "u3", before, 2) for before in (None, 13, 12, 1)]].count(True)
    await journal.overview("s1", ("a1", "a2"), NOON, NOON)
    for before, entries, chats in ((NOON, 0, 0), (NOON + 1001, 10 + 3 + 3, 0), (NOON + 2001, 1 + 1, 1)):
        assert await journal.sweep(before, 10) == Swept(entries=entries, chats=chats, over=True)
    assert {words[1].decode() for words, _ in redis.trace if words[0] == b"EVALSHA"} >= OF_CARE
    async with running(tmp_path / "v", "--stream-node-max-entries", "1") as socket:
        connection = UnixDomainSocketConnection(path=str(socket), protocol=2)
        await connection.connect()
        shas = {name.encode(): await ask(connection, "SCRIPT", "LOAD", source) for name, source in SCRIPTS.items()}
        for words, mine in redis.trace:
            sent = (words[0], shas[words[1]], *words[2:]) if words[0] == b"EVALSHA" else words
            assert alike(words, mine, await ask(connection, *sent)), words
        assert alike((b"KEYS",), redis.execute(("KEYS", "*")), await ask(connection, "KEYS", "*"))
        for key, kind in ((b"log", "XRANGE"), (b"claimed", "ZRANGE"), (b"head", "HGETALL")):
            words = (kind, b"d1:{s1}:" + key, *{"XRANGE": ("-", "+"), "ZRANGE": (0, -1), "HGETALL": ()}[kind])
            assert alike((kind.encode(),), redis.execute(words), await ask(connection, *words)), words
        await connection.disconnect()


OF_WITHDRAWALS = (
    ("ZSCORE", "w", "agent/a"),
    ("ZADD", "w", "GT", 1_790_000_000_000, "agent/a"),
    ("ZADD", "w", "GT", 1_789_999_999_999, "agent/a"),
    ("ZSCORE", "w", "agent/a"),
    ("ZADD", "w", "GT", 1_790_000_000_001, "agent/a"),
    ("ZADD", "w", "GT", 1_790_000_000_001, "agent/a"),
    ("ZADD", "w", "GT", 5, "agent/a/s"),
    ("ZADD", "w", "GT", 5, "agent/b"),
    ("ZSCORE", "w", "agent/a"),
    ("ZSCORE", "w", "agent/c"),
    ("ZRANGE", "w", 0, "+inf", "BYSCORE", "WITHSCORES"),
    ("ZRANGE", "w", 5, "+inf", "BYSCORE", "WITHSCORES"),
    ("ZRANGE", "w", 6, "+inf", "BYSCORE", "WITHSCORES"),
    ("ZRANGE", "w", 1_790_000_000_002, "+inf", "BYSCORE", "WITHSCORES"),
    ("ZRANGE", "nothing", 0, "+inf", "BYSCORE", "WITHSCORES"),
)


async def test_withdrawals_which_no_simulation_makes_get_the_same_replies_too(tmp_path):
    redis = Redis()
    async with running(tmp_path / "v") as socket:
        connection = UnixDomainSocketConnection(path=str(socket), protocol=2)
        await connection.connect()
        for words in OF_WITHDRAWALS:
            assert redis.execute(words) == await ask(connection, *words), words
        await connection.disconnect()


def test_a_command_that_is_not_simulated_is_no_reply():
    with pytest.raises(LuaError, match=r"does not know GEOADD: teach it in tests/simulation/redis\.lua"):
        Redis().execute(("GEOADD", "k", 1, 2, "m"))


def test_a_full_server_refuses_the_first_write_of_a_script_and_nothing_after():
    redis = Redis()
    redis.is_full = True
    assert isinstance(redis.execute(("SADD", "s", "m")), ResponseError)
    assert redis.execute(("SMEMBERS", "s")) == []
