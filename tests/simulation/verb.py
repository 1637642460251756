"""What people do: a step of the schedule, with what the tab knows at that moment, becomes frames."""

import random
from collections.abc import Callable

from tests.history.record import Frame
from tests.simulation.client import Tab

CLAIMED_BY_ME = "mine"


def act(tab: Tab, verb: str, dice: random.Random) -> None:
    """Does it. Who is away comes back for it, later."""
    someone = tab.someone
    if tab.is_away and verb not in ("leave", "cut"):
        tab.come(1.0)
    store = dice.choice(someone.stores)
    if verb == "cut":
        tab.cut()
    elif verb == "leave":
        tab.leave() if dice.random() < 0.6 else _come_back(tab)
    elif verb == "double":
        _double(tab, dice)
    elif verb == "again":
        if tab.lately:
            tab.command(dice.choice(tab.lately))
    elif verb == "reuse":
        _reuse(tab, dice)
    elif someone.role == "user":
        _shop(tab, verb, store, dice)
    else:
        _serve(tab, verb, store, dice)


def _come_back(tab: Tab) -> None:
    tab.cut("is reloaded")


def _double(tab: Tab, dice: random.Random) -> None:
    """A double click, perhaps in another tab: the same frame with the same id."""
    if tab.lately:
        frame = dice.choice(tab.lately)
        others = tab.world.tabs_of(tab.someone.id)
        for other in (tab, dice.choice(others)):
            other.command(frame)


def _reuse(tab: Tab, dice: random.Random) -> None:
    """A bug of a client: an id that means something else now."""
    sends = [frame for frame in tab.lately if frame["type"] in ("send", "note")]
    if sends and tab.lately[-1]["id"] not in tab.outbox:
        frame = dice.choice(sends)
        if frame["id"] not in tab.outbox:
            tab.command({**frame, "body": {"text": "something else"}})


def _text(tab: Tab, id: str) -> Frame:
    return {"text": f"{tab.name} says {id}"}


def _shop(tab: Tab, verb: str, store: str, dice: random.Random) -> None:
    if verb in ("send", "burst"):
        ids = [tab.world.new_id() for _ in range(1 if verb == "send" else dice.randrange(2, 5))]
        frames = [{"type": "send", "id": id, "store": store, "kind": "text", "body": _text(tab, id)} for id in ids]
        if dice.random() < 0.5:
            tab.command(*frames)
        else:
            # One after the other, none of which waits for the answer of the one before.
            for frame in frames:
                tab.world.loop.call_later(0.03 * dice.random() ** 2, tab.command, frame)
    elif verb == "read":
        tab.command({"type": "read", "id": tab.world.new_id(), "store": store, "seq": _mark(tab, store, tab.someone.id, dice)})
    elif verb == "end":
        tab.command({"type": "end", "id": tab.world.new_id(), "store": store})
    elif verb == "rate":
        tab.command({"type": "rate", "id": tab.world.new_id(), "store": store, "score": dice.randrange(1, 6)})
    elif verb == "typing":
        tab.say({"type": "typing", "store": store, "on": dice.random() < 0.5})
    elif verb == "history":
        tab.command({"type": "history", "id": tab.world.new_id(), "store": store, "limit": dice.choice((1, 3, 50))})
    else:
        tab.command({"type": "chats", "id": tab.world.new_id(), "store": store})


def _mark(tab: Tab, store: str, user: str, dice: random.Random) -> int:
    seq = (tab.held.chats.get((store, user)) or {}).get("seq", 0)
    return max(0, seq - dice.choice((0, 0, 0, 1, 3)))


def _serve(tab: Tab, verb: str, store: str, dice: random.Random) -> None:
    me = tab.someone.id

    def pick(fits: Callable[[dict], bool], sure: float = 0.8) -> str:
        users = [user for (where, user), chat in tab.held.chats.items() if where == store and fits(chat)]
        everybody = tab.world.users_of(store)
        return dice.choice(users if users and dice.random() < sure else everybody)

    if verb == "claim":
        user = pick(lambda chat: chat["status"] == "waiting")
    elif verb in ("takeover", "requeue", "note", "history"):
        user = pick(lambda chat: chat["status"] != "closed")
    else:
        user = pick(lambda chat: chat["owner"] == me, 0.85)
    frame: Frame = {"type": verb, "id": tab.world.new_id(), "store": store, "user": user}
    epoch = (tab.held.chats.get((store, user)) or {}).get("epoch", 0)
    fence = {} if dice.random() < 0.5 else {"epoch": epoch if dice.random() < 0.8 else max(0, epoch - dice.randrange(1, 5))}
    if verb in ("send", "burst"):
        frames = [frame | {"type": "send", "kind": "text"} | fence]
        frames += [frames[0] | {"id": tab.world.new_id()} for _ in range(2 if verb == "burst" else 0)]
        tab.command(*(frame | {"body": _text(tab, frame["id"])} for frame in frames))
    elif verb == "typing":
        tab.say({"type": "typing", "store": store, "user": user, "on": True})
    else:
        tab.command(_filled(tab, frame, fence, dice))


def _filled(tab: Tab, frame: Frame, fence: Frame, dice: random.Random) -> Frame:
    """A command of an agent with all that its type asks for."""
    id, store = frame["id"], frame["store"]
    match frame["type"]:
        case "note":
            return frame | {"body": _text(tab, id)}
        case "release" | "resolve" | "requeue":
            return frame | fence
        case "transfer":
            others = [someone.id for someone in tab.world.schedule.people if someone.role != "user"]
            note = {"note": f"{tab.name} hands over"} if dice.random() < 0.4 else {}
            return frame | {"to": dice.choice((*others, "nobody"))} | note | fence
        case "read":
            return frame | {"seq": _mark(tab, store, frame["user"], dice)}
        case "history":
            return frame | {"limit": dice.choice((1, 3, 50)), "events": dice.random() < 0.5}
        case "chats":
            return {"type": "chats", "id": id, "store": store, "limit": dice.choice((1, 2, 50))}
        case "availability":
            return {"type": "availability", "id": id, "status": dice.choice(("away", "available"))}
        case "announce":
            return {"type": "announce", "id": id, "store": store, "body": {"text": "hear, hear"}}
        case _:
            return frame
