"""Every Redis key is built here and nowhere else.

All keys of a store share the hash tag `{store}`, so whatever happens in a store happens in one slot. A user's and an agent's
index have tags of their own; a `/` stands in no id, so neither can be mistaken for a store. `d1` is the version of the layout, and the
newest that anybody has written with stands in the one key that does not begin with it: who knows no more than an older one takes its hands
off (`storage.link.check`).

============== ======= =====================================================================================================
key            type    holds
============== ======= =====================================================================================================
head           hash    `of` the last offset, `bo` when the store came into being, `er` the offset up to which something was erased,
                       `lw` who rewrites the log, `mk` how many moves of marks were published, `ab` how often it was
                       published that the queue, the roster, arrivals, who is away or the profile may have changed
log            stream  id OFFSET-0, field `f`: the frame as agents get it; `log-new` and `log-old` while it is rewritten
ids            hash    digest of sender and id -> content, numbers and answer; one key for each day
roster         hash    agent -> name
away           set     agents who take nothing
arrivals       hash    agent -> how often it came
cursors        hash    agent -> the offset it acknowledged
queue          zset    waiting users by `since`
list           zset    users of one status by minus the time of the last message
owned          set     users whose chats an agent owns
chat           hash    un name, st status, ow owner, on owner as JSON, ep epoch, si since, sq seq, fu messages from the user,
                       of last offset, al entries after the last message, at its time, ur received, ud user read, uf messages
                       from the user up to there, sd store read, sf messages from the user up to there, ra the epoch of the last end that
                       was rated
profile        hash    `ve` version, `is` what the store says of itself, as JSON
context        string  `AT JSON`: where a chat's user is
here           hash    node -> its beat, and its agents who are there as JSON (id to name and whether a session is open)
refused        hash    MINUTE:NODE -> how many claims a node has refused in it because another agent owned the chat; one key for each
                       hour, which expires
history        list    `KIND SEQ OFFSET FROM_USER FRAME` for each event, see `bisect.lua`
============== ======= =====================================================================================================

Channels are named here too. `live` tells the store's agents of everything, `live:USER` the user of one chat, `about` whoever shows who
is there and who is next. They lie in their store's slot, since a script publishes into no other.
"""

from typing import Final

VERSION: Final = 1
"""Of the layout. It is raised where nodes of before would read what is there wrongly, or do harm to it; what is merely added raises
nothing."""
LAYOUT: Final = f"d{VERSION}"
NEWEST: Final = "dibs:layout"
"""The newest version in which these data were ever written."""
STORES: Final = f"{LAYOUT}:stores"
"""Set of all stores."""
BIRTH: Final = f"{LAYOUT}:birth"
"""The birth mark of this set of data."""
PULSE: Final = f"{LAYOUT}:pulse"
"""When somebody last tried whether this server takes writes."""
COUNT: Final = f"{LAYOUT}:counts"
"""Hash: node (`storage.witness`) -> how many of its batches this set of data has seen."""
WITHDRAWN: Final = f"{LAYOUT}:withdrawn"
"""Sorted set of withdrawals of access: `SIDE/ID` or `SIDE/ID/STORE` by the moment in ms. It stays as long as the data do: nobody
knows how long the tokens are good for that it stops."""
SWEPT: Final = f"{LAYOUT}:swept"
"""How far the walk over all chats is: `STORE/AT/USER`, the chat that was looked at last; `STORE` alone where it begins with a store."""

HERE: Final = f"{LAYOUT}:here"
"""Hash: node -> its beat and the number of its sessions."""
NODES: Final = f"{LAYOUT}:nodes"
"""Channel: every node listens, so how many do tells whether a node is alone. What concerns no store is said in it."""

SPENT_S: Final = 2 * 86_400
"""The bytes of a day are kept until every clock says that it is over."""

ID_BUCKET_MS: Final = 24 * 3600 * 1000
"""Ids are remembered by day; an id is looked up in the days before and after too, so a clock that jumps finds it as well."""
REFUSED_BUCKET_MS: Final = 3600 * 1000
"""Refused claims are kept by hour."""
REFUSED_KEPT_MS: Final = 27 * REFUSED_BUCKET_MS
ID_REMEMBERED_MS: Final = 3 * ID_BUCKET_MS


def count_of_shard(number: int) -> str:
    """One of the hashes that count as `COUNT` does, for a shard of a cluster: that with the lowest number in a slot of the shard's own."""
    return f"{COUNT}:{number}"


def pulse_of_shard(number: int) -> str:
    """One of the keys that are what `PULSE` is, for a shard in the same way."""
    return f"{PULSE}:{number}"


def stores_of_user(user: str) -> str:
    """Set of the stores a user has written to."""
    return f"{LAYOUT}:{{u/{user}}}:stores"


def erased(user: str) -> str:
    """When one of a user's chats was taken away, in ms: a part of the generation that the user's clients are told."""
    return f"{LAYOUT}:{{u/{user}}}:erased"


def stores_of_agent(agent: str) -> str:
    """Set of the stores on whose roster an agent is."""
    return f"{LAYOUT}:{{a/{agent}}}:stores"


def spent(side: str, id: str, day: int) -> str:
    """Bytes of files that an identity has sent on a day (days since the epoch)."""
    return f"{LAYOUT}:{{{side[0]}/{id}}}:spent:{day}"


def channel_of_node(name: str) -> str:
    """Channel that this node alone listens to: by it the node finds out whether it hears anything at all."""
    return f"{LAYOUT}:node:{name}"


def channel_of_user(user: str) -> str:
    """Channel that tells of chats which a user begins."""
    return f"{LAYOUT}:{{u/{user}}}:live"


def is_in_slot(channel: str) -> bool:
    """Whether a channel lies where the keys of its store or user lie; the others are those of the nodes."""
    return "{" in channel


class StoreKeys:
    """The keys of one store."""

    __slots__ = (
        "_tag",
        "about",
        "arrivals",
        "away",
        "claimed",
        "closed",
        "cursors",
        "head",
        "here",
        "live",
        "log",
        "log_new",
        "log_old",
        "profile",
        "queue",
        "roster",
        "waiting",
    )

    def __init__(self, store: str) -> None:
        tag = self._tag = f"{LAYOUT}:{{{store}}}:"
        self.head = tag + "head"
        self.log = tag + "log"
        self.log_new = tag + "log-new"
        self.log_old = tag + "log-old"
        self.roster = tag + "roster"
        self.away = tag + "away"
        self.arrivals = tag + "arrivals"
        self.cursors = tag + "cursors"
        self.queue = tag + "queue"
        self.waiting = tag + "waiting"
        self.claimed = tag + "claimed"
        self.closed = tag + "closed"
        self.profile = tag + "profile"
        self.here = tag + "here"
        self.live = tag + "live"
        self.about = tag + "about"

    def ids(self, now_ms: int) -> tuple[str, str, str]:
        """The ids of the day of `now_ms`, of the day before and of the day after."""
        day = now_ms // ID_BUCKET_MS
        return f"{self._tag}ids:{day}", f"{self._tag}ids:{day - 1}", f"{self._tag}ids:{day + 1}"

    def refused(self, ms: int) -> str:
        """The claims that were refused in the hour of `ms`."""
        return f"{self._tag}refused:{ms // REFUSED_BUCKET_MS}"

    def chat(self, user: str) -> str:
        """One chat."""
        return f"{self._tag}c:{user}"

    def history(self, user: str) -> str:
        """The events of one chat."""
        return f"{self._tag}h:{user}"

    def context(self, user: str) -> str:
        """Where the user of one chat is."""
        return f"{self._tag}x:{user}"

    def live_of(self, user: str) -> str:
        """The channel of one chat."""
        return f"{self._tag}live:{user}"

    def owned(self, agent: str) -> str:
        """The users whose chats an agent owns."""
        return f"{self._tag}o:{agent}"

    def lists(self) -> dict[str, str]:
        """Status to list."""
        return {"waiting": self.waiting, "claimed": self.claimed, "closed": self.closed}
