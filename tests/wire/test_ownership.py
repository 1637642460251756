"""Every row of the command table that changes who owns a chat, and every refusal of it."""

import time
from typing import Any

import anyio
import pytest

from tests.wire.checker import Frame
from tests.wire.conftest import Mall, fresh
from tests.wire.person import Person, words

pytestmark = pytest.mark.anyio

TEXT = {"kind": "text", "body": words("x")}


def names_owner(error: Frame, owner: Person | None, epoch: int) -> bool:
    """Errors about ownership carry the present `owner`, `epoch` and `since`."""
    assert isinstance(error["since"], int)
    return (error["owner"] and error["owner"]["id"]) == (owner and owner.id) and error["epoch"] == epoch


async def test_claim_takes_a_waiting_chat_and_everybody_is_told(mall: Mall) -> None:
    agent, other, user = await mall.agent(name="Li Na"), await mall.agent(), await mall.user()
    await user.say()
    new = await agent.status("new")
    ack = await agent.claim(user)
    assert (ack["status"], ack["owner"]) == ("claimed", {"id": agent.id, "name": "Li Na"})
    assert ack["epoch"] > new["epoch"]
    for person in (agent, other, user):
        told = await person.status("claim", status="claimed", epoch=ack["epoch"])
        assert told["owner"] == {"id": agent.id, "name": "Li Na"}
        assert told["by"] == {"role": "agent", "id": agent.id, "name": "Li Na"}


async def test_claiming_ones_own_chat_again_acks_the_same_epoch_without_an_event(mall: Mall) -> None:
    agent, user = await mall.claimed()
    epoch = (await agent.summary(user))["epoch"]
    again = await agent.claim(user)
    assert (again["status"], again["owner"]["id"], again["epoch"]) == ("claimed", agent.id, epoch)
    await agent.never("status", user=user.id)


async def test_a_second_agent_is_refused_and_learns_who_owns_the_chat_since_when(mall: Mall) -> None:
    agent, other, user = await mall.agent(name="Li Na"), await mall.agent(), await mall.user()
    await user.say()
    ack = await agent.claim(user)
    claimed = await other.status("claim")
    error = await other.claim(user, refused="already_claimed")
    assert error["owner"] == {"id": agent.id, "name": "Li Na"}
    assert (error["epoch"], error["since"]) == (ack["epoch"], claimed["at"])
    assert error["temporary"] is False


async def test_release_puts_the_chat_back_into_the_queue_for_another(mall: Mall) -> None:
    agent, user = await mall.claimed()
    other = await mall.agent()
    ack = await agent.release(user)
    assert (ack["status"], ack["owner"]) == ("waiting", None)
    for person in (agent, other, user):
        await person.status("release", status="waiting", owner=None, epoch=ack["epoch"], by={"id": agent.id})
    await agent.say("mine", to=user, refused="not_claimed")
    await agent.release(user, refused="not_owner")
    await other.claim(user)


async def test_transfer_hands_over_in_one_step_with_its_note_before_the_status(mall: Mall) -> None:
    agent, user = await mall.claimed()
    colleague = await mall.agent(name="Zhang")
    ack = await agent.transfer(user, colleague, note="psst-be kind", id="hand-over")
    assert (ack["status"], ack["owner"]) == ("claimed", {"id": colleague.id, "name": "Zhang"})
    for person in (agent, colleague):
        note = await person.expect("note", id="hand-over", body=words("be kind"))
        status = await person.status("transfer", epoch=ack["epoch"], owner={"id": colleague.id})
        assert note["offset"] + 1 == status["offset"]
    await user.status("transfer", owner={"id": colleague.id})
    await user.never("note")
    await agent.say("still me?", to=user, refused="not_owner")
    await colleague.say("hello", to=user)


async def test_transfer_to_a_stranger_is_no_such_agent_and_changes_nothing(mall: Mall) -> None:
    agent, user = await mall.claimed()
    stranger = await mall.agent(stores=[fresh("s")])
    for to in (stranger.id, fresh("a")):
        await agent.transfer(user, to, note="psst-x", refused="no_such_agent")
    await agent.say("still mine", to=user)
    await agent.never("note")


async def test_transfer_and_takeover_to_the_present_owner_ack_without_an_event(mall: Mall) -> None:
    agent, user = await mall.claimed()
    boss = await mall.supervisor()
    epoch = (await agent.summary(user))["epoch"]
    assert (await agent.transfer(user, agent))["epoch"] == epoch
    assert (await boss.transfer(user, agent))["epoch"] == epoch
    taken = await boss.takeover(user)
    await boss.status("takeover", epoch=taken["epoch"])
    assert (await boss.takeover(user))["epoch"] == taken["epoch"]
    await boss.never("status", user=user.id)


async def test_a_supervisor_takes_over_whoever_owned_it_and_assigns_a_waiting_chat(mall: Mall) -> None:
    agent, user = await mall.claimed()
    boss = await mall.supervisor(name="Boss")
    ack = await boss.takeover(user)
    assert ack["owner"] == {"id": boss.id, "name": "Boss"}
    for person in (agent, user, boss):
        await person.status("takeover", by={"role": "supervisor", "id": boss.id}, owner={"id": boss.id})
    await agent.say("mine", to=user, refused="not_owner")
    await boss.say("hello", to=user)
    await boss.release(user)
    await boss.transfer(user, agent)
    await agent.say("mine again", to=user)
    await boss.resolve(user)


async def test_resolve_closes_and_the_users_next_message_reopens(mall: Mall) -> None:
    agent, user = await mall.claimed()
    ack = await agent.resolve(user)
    assert (ack["status"], ack["owner"]) == ("closed", None)
    for person in (agent, user):
        await person.status("resolve", status="closed", owner=None)
    again = await agent.resolve(user)
    assert (again["status"], again["epoch"]) == ("closed", ack["epoch"])
    await agent.never("status")
    await user.say("one more thing")
    reopened = await agent.status("reopen", status="waiting")
    assert reopened["epoch"] > ack["epoch"]


async def test_a_closed_chat_refuses_agents(mall: Mall) -> None:
    agent, user = await mall.claimed()
    boss = await mall.supervisor()
    await agent.resolve(user)
    await agent.claim(user, refused="closed")
    await agent.say("hello?", to=user, refused="closed")
    await agent.transfer(user, boss, refused="closed")
    await boss.transfer(user, agent, refused="closed")
    await boss.takeover(user, refused="closed")
    await agent.release(user, refused="not_owner")
    await agent.note(user, "a note may be left")


async def test_a_user_ends_its_chat_and_writes_again(mall: Mall) -> None:
    agent, user = await mall.claimed()
    ack = await user.end(id="enough")
    assert (ack["status"], ack["owner"]) == ("closed", None)
    for person in (agent, user):
        await person.status("resolve", status="closed", owner=None, epoch=ack["epoch"], by={"role": "user", "id": user.id})
    assert (await user.end())["epoch"] == ack["epoch"]
    assert await user.end(id="enough") == ack | {"duplicate": True}
    await agent.never("status")
    await agent.say("wait", to=user, refused="closed")
    await user.say("one more thing")
    await agent.status("reopen", status="waiting")
    await user.end(id="enough")
    assert (await agent.summary(user))["status"] == "waiting", "an end that is sent again takes effect once"


async def test_a_user_whose_id_is_an_agents_ends_its_own_chat_and_no_other(mall: Mall) -> None:
    agent, other = await mall.claimed()
    namesake = await mall.user(agent.id)
    await namesake.end(refused="not_found")
    await namesake.end(user=other.id, refused="forbidden")
    await agent.say("still mine", to=other)


async def test_a_supervisor_puts_a_chat_back_whoever_owned_it(mall: Mall) -> None:
    agent, user = await mall.claimed()
    boss, other = await mall.supervisor(name="Boss"), await mall.agent()
    epoch = (await agent.summary(user))["epoch"]
    await boss.requeue(user, epoch=epoch - 1, refused="stale_claim")
    ack = await boss.requeue(user, epoch=epoch, id="back")
    assert (ack["status"], ack["owner"]) == ("waiting", None)
    for person in (agent, user, boss):
        await person.status("release", status="waiting", owner=None, epoch=ack["epoch"], by={"role": "supervisor", "id": boss.id})
    await agent.say("mine", to=user, refused="not_claimed")
    assert (await boss.requeue(user))["epoch"] == ack["epoch"]
    await other.claim(user)
    assert await boss.requeue(user, epoch=epoch, id="back") == ack | {"duplicate": True}
    await other.say("and still mine", to=user)
    await other.requeue(user, refused="forbidden")
    await other.resolve(user)
    await boss.requeue(user, refused="closed")


async def test_every_change_raises_the_epoch_and_nothing_else_does(mall: Mall) -> None:
    agent, user = await mall.claimed()
    boss = await mall.supervisor()

    async def epoch() -> int:
        return (await agent.summary(user))["epoch"]

    seen = [await epoch()]
    await user.say()
    for verb, fields in (("send", TEXT), ("note", {"body": words("n")}), ("read", {"seq": 1}), ("claim", {}), ("history", {})):
        await agent.chat_do(verb, user, **fields)
        assert await epoch() == seen[0], verb
    for person, verb, fields in (
        (agent, "release", {}),
        (agent, "claim", {}),
        (agent, "transfer", {"to": boss.id}),
        (boss, "resolve", {}),
    ):
        seen.append((await person.chat_do(verb, user, **fields))["epoch"])
        assert await epoch() == seen[-1], verb
    await user.say()
    seen.append(await epoch())
    seen.append((await boss.takeover(user))["epoch"])
    assert seen == sorted(set(seen))


async def test_a_stale_epoch_changes_nothing_and_tells_the_present(mall: Mall) -> None:
    agent, user = await mall.claimed()
    epoch = (await agent.summary(user))["epoch"]
    for wrong in (epoch - 1, epoch + 1):
        for verb, fields in (("send", TEXT), ("release", {}), ("transfer", {"to": agent.id}), ("resolve", {})):
            error = await agent.chat_do(verb, user, **fields, epoch=wrong, refused="stale_claim")
            assert names_owner(error, agent, epoch), verb
    assert (await agent.summary(user))["epoch"] == epoch
    await agent.say("x", to=user, epoch=epoch)
    await agent.release(user, epoch=epoch)


async def test_commands_of_another_role_are_forbidden(mall: Mall) -> None:
    agent, user = await mall.claimed()
    boss = await mall.supervisor()
    for verb in ("claim", "release", "takeover", "resolve"):
        await user.chat_do(verb, user, refused="forbidden")
    await user.transfer(user, agent, refused="forbidden")
    await user.do("availability", status="away", refused="forbidden")
    await agent.takeover(user, refused="forbidden")
    await agent.do("announce", body=words("x"), refused="forbidden")
    await user.do("announce", body=words("x"), refused="forbidden")
    await boss.takeover(user)


async def test_who_does_not_own_the_chat_is_told_who_does(mall: Mall) -> None:
    agent, user = await mall.claimed()
    other = await mall.agent()
    epoch = (await agent.summary(user))["epoch"]
    for verb, fields in (("send", TEXT), ("release", {}), ("transfer", {"to": other.id}), ("resolve", {}), ("read", {"seq": 1})):
        assert names_owner(await other.chat_do(verb, user, **fields, refused="not_owner"), agent, epoch), verb


async def test_of_several_errors_the_first_of_the_order_is_given(mall: Mall) -> None:
    agent, user = await mall.claimed()
    other = await mall.agent()
    elsewhere, epoch = fresh("s"), (await agent.summary(user))["epoch"]
    big = {"text": "x" * 9000}
    await agent.do("send", user=user.id, store=elsewhere, kind="nonsense", body=big, refused="bad_frame")
    await agent.do("send", user=user.id, store=elsewhere, kind="text", body=big, refused="too_large")
    await agent.claim(fresh("u"), store=elsewhere, refused="forbidden")
    await user.say(to="another", store=elsewhere, refused="forbidden")
    await user.say(store=elsewhere, refused="no_such_store")
    await agent.claim(fresh("u"), refused="not_found")
    acked = await agent.say("x", to=user, epoch=epoch, id="known")
    await agent.release(user)
    assert await agent.say("x", to=user, epoch=epoch, id="known") == acked | {"duplicate": True}, "a known id before stale_claim"
    await agent.say("y", to=user, epoch=epoch, id="known", refused="id_reused")
    await other.say("x", to=user, epoch=epoch, refused="stale_claim")
    await agent.claim(user)
    await agent.resolve(user)
    await agent.say("x", to=user, epoch=epoch, refused="stale_claim")
    await other.say("x", to=user, refused="closed")


async def test_twenty_agents_claim_at_once_and_one_wins_and_the_others_are_told_who(mall: Mall) -> None:
    agents = [await mall.agent() for _ in range(20)]
    users = [await mall.user() for _ in range(5)]
    for user in users:
        await user.say()
        await user.status("new")
        posted = [(agent, await agent.post("claim", store=mall.store, user=user.id)) for agent in agents]
        answers = [(agent, await agent.answer(id)) for agent, id in posted]
        winners = [agent for agent, answer in answers if answer["type"] == "ack"]
        assert len(winners) == 1
        told = await user.status("claim", owner={"id": winners[0].id})
        for agent, answer in answers:
            if agent is not winners[0]:
                assert answer["code"] == "already_claimed"
                assert names_owner(answer, winners[0], told["epoch"])
        await user.never("status", 0.05)


async def test_the_agent_limit_is_never_exceeded_not_even_by_racing_claims(own_server: Any) -> None:
    mall: Mall = await own_server(agent_limit=2)
    agent = await mall.agent()
    tab = await mall.agent(agent.id)
    users = [await mall.user() for _ in range(8)]
    for user in users:
        await user.say()
    posted = [
        ((agent, tab)[n % 2], user, await (agent, tab)[n % 2].post("claim", store=mall.store, user=user.id)) for n, user in enumerate(users)
    ]
    answers = [(user, await session.answer(id)) for session, user, id in posted]
    mine = [user for user, answer in answers if answer["type"] == "ack"]
    assert len(mine) == 2
    assert {answer["code"] for _, answer in answers if answer["type"] == "error"} == {"at_capacity"}
    free = next(user for user in users if user not in mine)
    await agent.claim(mine[0])
    await agent.claim(free, refused="at_capacity")
    await agent.release(mine[0])
    await agent.claim(free)
    await agent.claim(mine[0], refused="at_capacity")
    assert len([chat for chat in (await agent.list())["chats"] if chat["owner"]]) == 2


async def test_an_owner_who_is_gone_for_the_grace_period_loses_the_chat_and_a_refresh_keeps_it(mall: Mall) -> None:
    """`--grace 2`: back to the queue with `agent_gone` and `by` null; who came back in time keeps it, and so does a second tab."""
    watcher = await mall.agent()
    (gone, left), (refreshing, kept), (tabbed, held) = [await mall.claimed() for _ in range(3)]
    second_tab = await mall.agent(tabbed.id)
    gone.cut()
    refreshing.cut()
    tabbed.cut()
    back = await mall.agent(refreshing.id)
    start = time.monotonic()
    told = await watcher.status("agent_gone", user=left.id, within_s=5)
    assert time.monotonic() - start > 1.5
    assert (told["status"], told["owner"], told["by"]) == ("waiting", None, None)
    await left.status("agent_gone")
    await watcher.never("status", 1.5, reason="agent_gone")
    await back.say("still here", to=kept)
    await second_tab.say("still here", to=held)
    await watcher.claim(left)
    latecomer = await mall.agent(gone.id)
    await latecomer.say("mine?", to=left, refused="not_owner")


async def test_grace_starts_anew_when_the_server_was_killed_and_started_again(own_server: Any) -> None:
    mall: Mall = await own_server(grace=3)
    (gone, left), (returning, kept) = [await mall.claimed() for _ in range(2)]
    await mall.server.restart()
    watcher = await mall.agent()
    assert watcher.chats[(mall.store, left.id)]["owner"]["id"] == gone.id, "it starts anew when the service starts"
    back = await mall.agent(returning.id)
    await watcher.status("agent_gone", user=left.id, within_s=12)
    with anyio.fail_after(8):
        await watcher.never("status", 1.5, reason="agent_gone")
    await back.say("still mine", to=kept)
