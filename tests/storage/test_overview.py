"""How a store stands at one moment, and the claims that were refused in it, whichever node refused them."""

from storage.batch import Limits
from storage.key import REFUSED_KEPT_MS
from tests.storage.material import NOON, changed, claim_chat, do, open_chat

MINUTE = NOON // 60_000
HOUR = 60


async def test_nothing_is_nothing(journal):
    view = await journal.overview("s1", ("a1",), NOON, NOON)
    assert (view.offset, view.waiting, view.claimed, view.longest, view.loads, view.refused) == (0, 0, 0, None, {"a1": 0}, {})


async def test_a_store_is_counted_by_status_and_by_agent_and_the_longest_wait_is_named(journal):
    await open_chat(journal, user="u1", at=NOON + 5)
    await open_chat(journal, user="u2", at=NOON + 3)
    await claim_chat(journal, user="u3", agent="a1")
    await claim_chat(journal, user="u4", agent="a1")
    closed = await claim_chat(journal, user="u5", agent="a2")
    await do(journal, closed, changed(closed, "closed"))
    await open_chat(journal, store="s2", user="u9", at=NOON)
    view = await journal.overview("s1", ("a1", "a2"), NOON, NOON)
    assert (view.offset, view.waiting, view.claimed, view.longest, view.loads) == (14, 2, 2, ("u2", NOON + 3), {"a1": 2, "a2": 0})


async def test_refused_claims_are_counted_by_minute_and_saying_it_again_counts_nothing_twice(journal):
    await open_chat(journal)
    for minute, count in ((MINUTE, 1), (MINUTE, 3), (MINUTE, 3), (MINUTE - 5 * HOUR, 2)):
        await journal.count_refused("s1", minute, count)
    assert (await journal.overview("s1", (), NOON - 25 * HOUR * 60_000, NOON)).refused == {MINUTE: 3, MINUTE - 5 * HOUR: 2}


async def test_what_several_nodes_have_refused_is_added_and_expires(empty_valkey, wall):
    first, second = empty_valkey.journal(wall, Limits()), empty_valkey.journal(wall, Limits())
    await first.count_refused("s1", MINUTE, 2)
    await second.count_refused("s1", MINUTE, 5)
    assert (await first.overview("s1", (), NOON, NOON)).refused == {MINUTE: 7}
    (key,) = empty_valkey.client.keys("*refused*")
    assert 0 < empty_valkey.client.pttl(key) <= REFUSED_KEPT_MS
    for journal in (first, second):
        await journal.close()
