"""Random frames of people who know the names of other stores and would like to know more. The same seed gives the same frames.

The marks of the others hold a tilde, which no random name of the server's (sessions, generations) ever does.
"""

import random
from typing import Any

import attrs

from tests.wire.person import words

HIDDEN = "zq~"
"""Stands in every text, name, address and body of the other stores; nobody else ever says it."""
NAMED = "kk~"
"""Stands in every id of the other stores, their users and agents: frames name them, and no answer may."""
USED = "kc~"
"""Stands in every command id that the other stores have used: frames use them again, and an answer repeats its own."""

ARRAY = 64
TYPES = {
    "user": (
        "send",
        "read",
        "chats",
        "history",
        "typing",
        "received",
        "note",
        "claim",
        "transfer",
        "takeover",
        "announce",
        "availability",
        "search",
        "figures",
        "profile",
        "context",
        "configure",
    ),
    "staff": (
        *("send", "note", "claim", "release", "transfer", "takeover", "resolve", "read", "chats", "history", "typing", "received"),
        *("announce", "availability", "search", "figures", "profile", "context", "configure"),
    ),
}
HEARD = ("welcome", "chats", "message", "status", "marks", "presence", "ack", "nonsense", "", "__class__", "HISTORY", "history ")
BODIES: tuple[tuple[str, Any], ...] = (
    ("text", words("own")),
    ("image", {"url": "https://own.example/a.png"}),
    ("file", {"url": "/a", "name": "psst-own"}),
    ("product", {"sku": "1", "title": "psst-own"}),
    ("order", {"number": "1"}),
)
NUMBERS = (0, 1, 2, 3, 17, 1000, 2**31, 2**53, 2**63, 10**300)
ODD: tuple[Any, ...] = (None, 7, -1, 1.5, True, [], {}, "", "a b", "*", "..", "x" * 65, "{x}", "a:b", "a\x00", "\u202e", "汉")


@attrs.frozen
class Names:
    """What a store is known by: to itself, or to somebody else who should not get further with it."""

    stores: tuple[str, ...]
    users: tuple[str, ...]
    agents: tuple[str, ...]
    ids: tuple[str, ...]
    epochs: tuple[int, ...]


class Storm:
    """Frames of one session: `own` is where it belongs, `other` what it has heard of elsewhere, `tokens` what it has found."""

    def __init__(self, seed: int, role: str, own: Names, other: Names, tokens: tuple[str, ...]) -> None:
        self._rng = random.Random(seed)
        self._types = TYPES["user" if role == "user" else "staff"]
        self._own, self._other, self._tokens = own, other, tokens
        self._made = 0
        self._prefix = f"n{seed}-"

    def array(self) -> list[Any]:
        """Up to 64 frames; mostly as many as go."""
        rng = self._rng
        return [self.frame() for _ in range(rng.choice((1, 2, 17, ARRAY - 1, ARRAY - 1, ARRAY - 1, ARRAY - 1)))]

    def resume(self) -> dict[str, int] | None:
        """Numbers of whatever stores, for a `hello`."""
        rng = self._rng
        stores = rng.sample((*self._other.stores, *self._own.stores, "no-such-store"), k=rng.randrange(4))
        return {store: rng.choice(NUMBERS[:8]) for store in stores} if rng.random() < 0.8 else None

    def frame(self) -> Any:
        """One frame: as a rule well made, and naming what it should not."""
        chance = self._rng.random()
        if chance < 0.93:
            return self._made_well()
        if chance < 0.95:
            return self._made_well() | {self._rng.choice(("store", "user", "id", "to", "before", "limit", "seq", "body")): self._pick(ODD)}
        if chance < 0.97:
            return self._made_well() | {"type": self._pick(HEARD)}
        if chance < 0.999:
            return self._pick(({"type": "ping"}, {"type": "pong"}, 7, "x", {}, {"type": "hello", "token": self._pick(self._tokens)}))
        return {"type": "token", "token": self._pick(self._tokens)}

    def _made_well(self) -> dict[str, Any]:  # noqa: C901 - one case for each type
        rng, pick = self._rng, self._pick
        type = pick(self._types)
        frame: dict[str, Any] = {"type": type, "store": self._one_of("stores", "no-such-store")}
        kind, body = pick(BODIES)
        if type not in ("typing", "received"):
            frame["id"] = self._id()
        if type not in ("chats", "received", "availability", "announce", "figures") and (
            self._types is not TYPES["user"] or rng.random() < 0.6
        ):
            frame["user"] = self._one_of("users", "no-such-user")
        match type:
            case "send":
                frame |= {"kind": kind, "body": body}
            case "note" | "announce":
                frame["body"] = words("own")
            case "transfer":
                frame |= {"to": self._one_of("agents", "no-such-agent"), "note": pick((None, "psst-own"))}
            case "read" | "received":
                frame |= {"seq": pick(NUMBERS), "offset": pick(NUMBERS)}
            case "context":
                frame["context"] = pick(({}, {"page": {"url": "/own"}}))
            case "configure":
                frame |= {"version": pick((0, 1, 2)), "name": pick((None, "psst-own")), "greeting": "psst-own"}
            case "typing":
                frame["on"] = rng.random() < 0.5
            case "availability":
                frame["status"] = pick(("available", "away"))
            case "history":
                frame |= {"before": pick((None, *NUMBERS)), "limit": pick((1, 50, 200, 10**9)), "events": rng.random() < 0.5}
            case "search":
                frame |= {"text": pick((HIDDEN[:2], "psst-own", "o", "é")), "before": pick((None, "1", "17", str(2**53)))}
            case "chats":
                after = f"{pick((0, 1, 10**12, 10**14))}:{self._one_of('users', 'zzz')}"
                frame |= {
                    "before": pick((None, after)),
                    "limit": pick((1, 50, 200)),
                    "status": pick((None, "waiting", "claimed", "closed")),
                }
        if rng.random() < 0.1:
            frame["epoch"] = pick((1, *self._other.epochs, *self._own.epochs))
        return frame

    def _one_of(self, what: str, missing: str) -> str:
        chance = self._rng.random()
        if chance < 0.72:
            return str(self._pick(getattr(self._other, what)))
        return missing if chance > 0.97 else str(self._pick(getattr(self._own, what)))

    def _id(self) -> str:
        chance = self._rng.random()
        if chance < 0.2:
            return str(self._pick(self._other.ids))
        self._made += chance < 0.9
        return f"{self._prefix}{self._made}"

    def _pick(self, values: Any) -> Any:
        return values[int(self._rng.random() * len(values))]
