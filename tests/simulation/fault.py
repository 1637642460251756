"""What breaks: each kind of fault as the switch that turns it on and the one that mends it."""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.simulation.schedule import Fault

if TYPE_CHECKING:
    from tests.simulation.node import SimulatedNode
    from tests.simulation.world import World


def break_things(world: "World", fault: Fault) -> None:
    """Turns the fault on, now, and off after its time."""
    dice = random.Random(fault.dice)
    world.note("fault", f"{fault.kind} for {fault.lasts_s} s")
    mend = BREAK[fault.kind](world, dice, fault.lasts_s)

    def end() -> None:
        world.note("fault", f"{fault.kind} is over")
        mend()

    world.loop.call_later(fault.lasts_s, end)


Mend = Callable[[], None]


def _slow(world: "World", dice: random.Random, lasts_s: float) -> Mend:
    world.server.slowness_s = dice.choice((0.05, 0.3, 1.0))
    return lambda: setattr(world.server, "slowness_s", 0.0)


def _unreachable(world: "World", dice: random.Random, lasts_s: float) -> Mend:
    names = {node.name for node in world.nodes if dice.random() < 0.6}
    world.server.unreachable |= names
    return lambda: world.server.unreachable.difference_update(names)


def _refused(world: "World", dice: random.Random, lasts_s: float) -> Mend:
    if dice.random() < 0.5:
        world.server.refuse_batches = dice.randrange(1, 4)
        return lambda: setattr(world.server, "refuse_batches", 0)
    world.server.redis.is_full = True
    return lambda: setattr(world.server.redis, "is_full", False)


def _lose_requests(world: "World", dice: random.Random, lasts_s: float) -> Mend:
    world.server.lose_requests = dice.randrange(1, 4)
    return lambda: setattr(world.server, "lose_requests", 0)


def _lose_replies(world: "World", dice: random.Random, lasts_s: float) -> Mend:
    world.server.lose_replies = dice.randrange(1, 6)
    return lambda: setattr(world.server, "lose_replies", 0)


def _stall(world: "World", dice: random.Random, lasts_s: float) -> Mend:
    world.server.stall()
    return world.server.go_on


def _restart(world: "World", dice: random.Random, lasts_s: float) -> Mend:
    world.server.stop()
    return world.server.start


def _rollback(world: "World", dice: random.Random, lasts_s: float) -> Mend:
    """A copy is made now; at the end everything dies and comes back with it: the way an older disk is put in."""
    restore = _rollback_alive(world, dice, lasts_s)

    def die() -> None:
        # All look at the data at once: a node that had begun to write would hide from the others' witnesses what is gone.
        for node in world.nodes:
            if node.node is not None:
                node.kill()
                world.loop.call_later(0.3, node.start)
        restore()

    return die


def _rollback_alive(world: "World", dice: random.Random, lasts_s: float) -> Mend:
    """A copy is made now; at the end the server alone dies and comes back with it."""
    backup = world.server.redis.copy()

    def restore() -> None:
        world.server.stop()
        world.loses(backup)
        world.server.redis.data = backup
        world.loop.call_later(0.2, world.server.start)

    return restore


def _kill(world: "World", dice: random.Random, lasts_s: float) -> Mend:
    up = [node for node in world.nodes if node.node is not None]
    if not up:
        return lambda: None
    node = dice.choice(up)
    world.note(node.name, "is killed")
    node.kill()
    return node.start


def _drain(world: "World", dice: random.Random, lasts_s: float) -> Mend:
    """A rolling restart takes its own time."""
    node: SimulatedNode = dice.choice(world.nodes)
    world.note(node.name, "drains")
    node.drain()
    return lambda: None


def _pause(world: "World", dice: random.Random, lasts_s: float) -> Mend:
    node: SimulatedNode = dice.choice(world.nodes)
    key = node.key
    world.note(node.name, "stands still")
    world.loop.pause(key)
    return lambda: world.loop.resume(key)


def _absence(world: "World", dice: random.Random, lasts_s: float) -> Mend:
    """One who owns a chat closes all tabs."""
    owners = {owner for tab in world.tabs for chat in tab.held.chats.values() if (owner := chat["owner"])}
    agents = [tab.someone.id for tab in world.tabs if tab.someone.role != "user"]
    gone = world.tabs_of(dice.choice(sorted(owners) or agents))
    for tab in gone:
        tab.leave()

    def come_back() -> None:
        for tab in gone:
            tab.come(0.5)

    return come_back


def _half_open(world: "World", dice: random.Random, lasts_s: float) -> Mend:
    """Some connections carry nothing any more; the clients notice at the end."""
    found = [(tab, tab.link) for tab in world.tabs if tab.link is not None and dice.random() < 0.4]
    for _, link in found:
        link.is_half_open = True

    def notice() -> None:
        for tab, link in found:
            if tab.link is link:
                tab.cut("hears nothing any more")

    return notice


def _cut_all(world: "World", dice: random.Random, lasts_s: float) -> Mend:
    for tab in world.tabs:
        tab.cut()
    return lambda: None


def _unheard(world: "World", dice: random.Random, lasts_s: float) -> Mend:
    world.server.drop_every = dice.choice((1, 2, 3))
    return lambda: setattr(world.server, "drop_every", 0)


def _cut_ears(world: "World", dice: random.Random, lasts_s: float) -> Mend:
    for ear in tuple(world.server.ears):
        if dice.random() < 0.7:
            ear.cut()
    return lambda: None


def _slow_reader(world: "World", dice: random.Random, lasts_s: float) -> Mend:
    links = [tab.link for tab in world.tabs if tab.link is not None and dice.random() < 0.4]
    pace_s = dice.choice((0.05, 0.5))
    for link in links:
        link.pace_s = pace_s

    def read_on() -> None:
        for link in links:
            link.pace_s = 0.0

    return read_on


BREAK: dict[str, Callable[["World", random.Random, float], Mend]] = {
    "slow": _slow,
    "unreachable": _unreachable,
    "refused": _refused,
    "lose_requests": _lose_requests,
    "lose_replies": _lose_replies,
    "stall": _stall,
    "restart": _restart,
    "rollback": _rollback,
    "rollback_alive": _rollback_alive,
    "kill": _kill,
    "pause": _pause,
    "drain": _drain,
    "absence": _absence,
    "half_open": _half_open,
    "cut_all": _cut_all,
    "slow_reader": _slow_reader,
    "unheard": _unheard,
    "cut_ears": _cut_ears,
}
