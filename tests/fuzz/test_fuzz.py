"""A little of `make fuzz` in every run: the same seed, the same targets, a few ten thousand frames."""

import asyncio
import random

import pytest

from actors import body, frame
from tests.fuzz import mutate, run, target

FRAMES = {"codec": 8_000, "body": 4_000, "token": 2_000, "line": 4_000}


@pytest.mark.parametrize("name", FRAMES)
async def test_nothing_is_found_within_one_process(name, tmp_path):
    frames, found, _ = await run.guide(name, FRAMES[name], 1, tmp_path, lambda frames: None)
    assert not found, found[0]
    assert frames >= FRAMES[name]


async def test_strangers_who_say_rubbish_break_nothing_and_leave_nothing_behind(tmp_path):
    """No traceback, no error in the log, no code that is not of the protocol; sessions, actors, tasks, sockets and memory as before."""
    (tmp_path / "server").mkdir()
    async with asyncio.timeout(110):
        frames, found, how = await run.socket(6_000, 1, tmp_path, lambda frames: None)
    assert not found, "\n".join(found[:5])
    assert frames >= 6_000, how


@pytest.mark.parametrize("name", target.TARGETS)
def test_the_seeds_hold_and_reach_what_is_taken(name):
    """A fuzzer whose seeds are all refused at the door finds nothing behind it."""
    for seed in mutate.seeds(name):
        target.TARGETS[name](seed)
    if name == "codec":
        taken = {type(one) for seed in mutate.seeds(name) for one in frame.parse(seed.decode("utf-8", "surrogateescape"))}
        assert taken == {*frame.Frame.__args__, frame.Malformed}


def test_the_same_seed_makes_the_same_rubbish():
    texts = list(mutate.frames("store"))
    one, other = (mutate.Mutator(random.Random(7), texts) for _ in range(2))
    made = [one.text() for _ in range(500)]
    assert made == [other.text() for _ in range(500)]
    assert len(set(made)) > 300


def test_a_target_sees_what_is_wrong(monkeypatch):
    """A duplicate key taken, a body longer than allowed, a control character in an address: each target would say so."""
    monkeypatch.setattr(target, "parse", lambda text: [frame.Ping()])
    with pytest.raises(AssertionError, match="a key twice"):
        target.codec(b'{"type":"ping","x":1,"x":2}')
    monkeypatch.setattr(body, "BODY_LIMIT", 10**6)
    with pytest.raises(AssertionError):
        target.body(b'\0{"text":"' + b"a" * 9000 + b'"}')
