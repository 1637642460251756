"""Slots: where keys lie, that no script touches two of them, and what a server means that refuses a command for its slot."""

import re
from collections import Counter
from importlib.resources import files

import pytest
from redis.exceptions import AskError, ClusterDownError, MovedError, ResponseError, TryAgainError

from actors.news import Call
from storage.batch import Limits, plan
from storage.key import StoreKeys
from storage.pipe import SCRIPTS, Pipe
from storage.slot import SLOTS, Asked, Moved, NotYet, keys, refusal, slot
from tests.storage.material import NOON, append_to_store, arrived, changed, claim_chat, do, open_chat
from tests.storage.test_append_script import everything

SHARDS = (2, 3, 4, 6)
MOST = 1.5
"""Times the mean."""


@pytest.fixture
async def journal(empty_valkey, wall):
    journal = empty_valkey.journal(wall, Limits())
    yield journal
    await journal.close()


@pytest.mark.parametrize(
    ("key", "number"),
    [("123456789", 12739), ("{123456789}.a", 12739), ("x{123456789}{y}", 12739), ("foo", 12182), ("foo{}{bar}", 8363), ("{}", 15257)],
)
def test_a_keys_slot_is_that_of_its_tag(key, number):
    """As `CLUSTER KEYSLOT` of a server says."""
    assert slot(key) == slot(key.encode()) == number


async def test_no_call_of_any_script_touches_two_slots(journal, monkeypatch):
    """Whatever a journal is asked for; a batch over several stores is cut by store before it is planned (`storage.clustered`)."""
    calls: list[tuple[str, tuple[str, ...]]] = []
    script = Pipe.script

    def noted(pipe, name, keys, args):
        calls.append((name, tuple(keys)))
        return script(pipe, name, keys, args)

    monkeypatch.setattr(Pipe, "script", noted)
    await journal.append([append_to_store("s1", arrived("a1"))])
    await open_chat(journal, user="u1")
    claimed = await claim_chat(journal, user="u2")
    other = await claim_chat(journal, user="u3")
    await do(journal, other, changed(other, "closed"))
    await journal.load_store("s1")
    await journal.load_chats("s1", ("u1", "u2", "u3"))
    await journal.read_chat("s1", "u2", after_seq=0, limit=10)
    await journal.read_history("s1", "u2", None, 10, notes=True, statuses=True)
    await journal.overview("s1", ("a1",), NOON, NOON)
    await journal.read_past("s1", "u2", None, 10)
    await journal.list_chats("s1", None, None, 10)
    await journal.snapshot("s1", "a1", 10)
    await journal.owned("s1")
    await journal.call_roll([Call("s1", 1, b"{}"), Call("", 1, b"1")], {}, [])
    while not (await journal.sweep(NOON + 10**9, 10)).over:
        pass
    await journal.rewrite_log("s1", "u2", "who", 0, 0)
    await journal.erase_chat("s1", claimed.user)
    assert {name for name, _ in calls} == set(SCRIPTS)
    for name, touched in calls:
        assert len({slot(key) for key in touched}) == 1, f"{name} touches {touched}"


async def test_a_batch_of_one_store_lies_in_one_slot_whatever_is_in_it(journal):
    batch = await everything(journal)
    for store in {append.store for append in batch}:
        planned = plan([append for append in batch if append.store == store], NOON, Limits(), "n1")
        assert {slot(key) for key in planned.keys} == {slot(StoreKeys(store).head)}


KEY = re.compile(r"KEYS\[(?:[^\[\]]|\[[^\[\]]*\])+\]")
WITHOUT_KEY = {"'PUBSUB'"}


def test_no_script_builds_a_key():
    """What stands behind a command is one of KEYS, or a name that is given nothing but them."""
    for path in sorted((files("storage") / "lua").iterdir(), key=lambda path: path.name):
        text = re.sub(r"--.*", "", path.read_text())
        calls = re.finditer(r"(?<![a-z])call\(|pcall\(call, ", text)
        found = [_arguments(text[match.end() :]) for match in calls]
        assert found, path.name
        for command, key in found:
            if command in WITHOUT_KEY or KEY.fullmatch(key):
                continue
            assert re.fullmatch(r"[a-z_]+", key), f"{path.name}: {command} of {key}"
            for value in _given(text, key):
                assert KEY.fullmatch(value), f"{path.name}: {key} is {value}"


def _arguments(text: str) -> tuple[str, str]:
    """The first two behind which a comma or the end of the call stands."""
    found, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if depth < 0 or (letter == "," and not depth):
            found.append(text[start:place].strip())
            start = place + 1
            if depth < 0 or len(found) == 2:
                break
    return found[0], found[1]


def _given(text: str, name: str) -> list[str]:
    """What a name is set to by an assignment, also one of several at once."""
    values = []
    for names, given in re.findall(r"^\s*(?:local )?([a-z_, ]+?) = (.+)$", text, re.MULTILINE):
        for one, value in zip(names.split(", "), re.split(r", (?![^(\[]*[)\]])", given), strict=False):
            if one == name:
                values.append(value.strip())
    return values


@pytest.mark.parametrize("shards", SHARDS)
@pytest.mark.parametrize("name", ["s{}", "store-{}", "s{:012x}"], ids=["numbered", "named", "random"])
def test_three_hundred_stores_are_spread_over_all_shards(shards, name):
    """Slots in equal ranges, as `redis-cli --cluster create` deals them; ids as the benches, a mall and the tests make them."""
    ids = [name.format(number * 0x9E3779B97F4A % 2**48 if "x" in name else number) for number in range(300)]
    counted = Counter(slot(StoreKeys(id).head) * shards // SLOTS for id in ids)
    assert len(counted) == shards
    assert max(counted.values()) <= MOST * len(ids) / shards, counted


def test_the_keys_of_a_command_are_found():
    assert keys(("EVALSHA", "sha", 2, "a", "b", "c")) == ("a", "b")
    assert keys(("SADD", "a", "b")) == ("a",)
    assert keys(("WAIT", 1, 1000)) == keys(("PUBSUB", "NUMSUB", "a")) == ()


def test_a_refusal_for_the_slot_is_told_from_others():
    assert refusal(MovedError("7 h:1")) == Moved(7, "h", 1)
    assert refusal(AskError("7 h:1")) == Asked("h", 1)
    for error in (TryAgainError("x"), ClusterDownError("x"), ResponseError("NOREPLICAS Not enough good replicas to write.")):
        assert isinstance(refusal(error), NotYet)
    assert refusal(ResponseError("WRONGTYPE x")) is None
    assert refusal([1]) is refusal(b"MOVED") is None
