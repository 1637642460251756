"""What the master and its workers tell each other: a line of JSON each, over the pair of sockets that is a worker's standard input.

Old and new code may stand at the two ends, after a reload: what is unknown is passed by, and what is added has a default.
"""

import msgspec

from web.figure import Family


class Start(msgspec.Struct, frozen=True, kw_only=True, tag="start"):
    """The first line, with the listening socket beside it. Settings go over as they were given: new code knows of more."""

    name: str
    workers: int
    flags: dict[str, str | bool]
    variables: dict[str, str]
    redis: str
    """Where the storage is, which the master looks after."""
    promise: str
    """What an acknowledged command survives there, as a sentence."""
    counter: str
    """What this worker is called in the storage, where no witness has a name for it."""


class Standing(msgspec.Struct, frozen=True, kw_only=True, tag="standing"):
    """How many workers serve, of how many."""

    ready: int
    workers: int


class Tell(msgspec.Struct, frozen=True, kw_only=True, tag="tell"):
    """The master wants to know what a worker has counted."""

    number: int


class Ping(msgspec.Struct, frozen=True, kw_only=True, tag="ping"):
    """Whoever is not stuck answers with `Pong`."""


class Gathered(msgspec.Struct, frozen=True, kw_only=True, tag="gathered"):
    """What was asked for: of each worker by name, and of those that are gone."""

    workers: dict[str, list[Family]]
    gone: list[Family]
    restarts: int


class CloseDoor(msgspec.Struct, frozen=True, kw_only=True, tag="close"):
    """All of dibs is stopping: no new sessions."""


class Drain(msgspec.Struct, frozen=True, kw_only=True, tag="drain"):
    """Finish what was accepted, close every session with 1001, and end. `relieved`: others accept in this worker's place. A second one
    counts from now on, in the place of the first."""

    patience_s: float
    farewell_s: float
    relieved: bool


class Forget(msgspec.Struct, frozen=True, kw_only=True, tag="forget"):
    """A chat has been erased."""

    store: str
    user: str


Order = Standing | Tell | Ping | Gathered | CloseDoor | Drain | Forget


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """The worker serves."""


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """The worker cannot start: the line for people, and the exit status of a dibs that says it."""

    sentence: str
    status: int


class Ask(msgspec.Struct, frozen=True, kw_only=True, tag="ask"):
    """A worker was asked for what all of them have counted."""


class Told(msgspec.Struct, frozen=True, kw_only=True, tag="told"):
    """What the worker has counted; `number` is that of the `Tell`, 0 in its farewell."""

    number: int
    figures: list[Family]


class Pong(msgspec.Struct, frozen=True, kw_only=True, tag="pong"):
    """The worker does what it is told."""


class Erased(msgspec.Struct, frozen=True, kw_only=True, tag="erased"):
    """This worker has erased a chat; the others are to forget it."""

    store: str
    user: str


Word = Ready | Failed | Ask | Told | Pong | Erased
