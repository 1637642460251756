"""One step of one newcomer in each turn of the loop."""

import asyncio

from actors.turnstile import Turnstile


async def turns(count):
    for _ in range(count):
        await asyncio.sleep(0)


async def test_who_comes_alone_enters_at_once():
    turnstile, seen = Turnstile(), []
    turnstile.call(lambda: seen.append("a"))
    assert seen == ["a"]


async def test_of_many_one_enters_in_each_turn_of_the_loop():
    turnstile, seen = Turnstile(), []
    for n in range(5):
        turnstile.call(lambda n=n: seen.append(n))
    for entered in range(1, 6):
        assert seen == list(range(entered))
        await turns(1)


async def test_the_keys_take_turns_and_each_keeps_its_order():
    turnstile, seen = Turnstile(), []
    for name in ("a1", "a2", "a3", "a4", "b1", "b2", "c1"):
        turnstile.call(lambda name=name: seen.append(name), name[0])
    await turns(10)
    assert seen == ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]


async def test_who_has_given_up_holds_nobody_up():
    turnstile, seen = Turnstile(), []

    async def enter(name):
        await turnstile.enter()
        seen.append(name)

    tasks = [asyncio.create_task(enter(name)) for name in "abc"]
    await turns(1)
    tasks[1].cancel()
    await turns(6)
    assert seen == ["a", "c"]
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_step_that_raises_does_not_stop_the_others():
    turnstile, seen = Turnstile(), []
    complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context["exception"]))
    turnstile.call(lambda: None)
    turnstile.call(lambda: 1 / 0)
    turnstile.call(lambda: seen.append("after"))
    await turns(5)
    assert seen == ["after"]
    assert [type(error) for error in complaints] == [ZeroDivisionError]
