"""The table of faults: what each row is called, how many rounds it is worth, and with what it runs in short."""

from collections.abc import Mapping
from typing import Any

import attrs

from tests.faults import clock, crash, drain, file, full, kill, pause, power, reply, session
from tests.faults.load import Row
from tests.faults.shim import compiler

EVERY = 10_000
"""More rounds than there are."""


@attrs.frozen
class Fault:
    """`few` is the number of rounds in the test suite, `briefly` what makes each of them shorter there."""

    name: str
    row: Row
    rounds: int
    few: int = 2
    briefly: Mapping[str, Any] = attrs.field(factory=dict)
    needs_compiler: bool = False

    @property
    def possible(self) -> bool:
        return not self.needs_compiler or compiler() is not None


_STILL = {"length_s": 6.0}
FAULTS = (
    Fault("kill -9 of dibs", kill.dibs, 100),
    Fault("kill -9 of the embedded server", kill.embedded, 50),
    Fault("kill -9 of both", kill.both, 20),
    Fault("Redis stopped", pause.stopped, 10, briefly=_STILL),
    Fault("CLIENT PAUSE", pause.client_pause, 10, briefly=_STILL),
    Fault("DEBUG SLEEP", pause.debug_sleep, 10, briefly=_STILL),
    Fault("cut after request k", reply.cut, EVERY, few=4),
    Fault("cut within request k", reply.half, EVERY, few=4),
    Fault("reply k dropped", reply.drop, EVERY, few=4),
    Fault("reply k never comes", reply.mute, EVERY, few=2),
    Fault("tail of the file cut off", file.tail_cut, 10),
    Fault("older copy restored", file.older_copy, 10),
    Fault("older copy under a living dibs", file.older_copy_under_way, 10),
    Fault("maxmemory reached", full.memory, 5),
    Fault("disk full", full.disk, 5),
    Fault("power cut", power.cut, 5, briefly={"acked": 1000}, needs_compiler=True),
    Fault("socket cut after every k-th frame", session.catch_up, EVERY, few=6, briefly={"messages": 30}),
    Fault("each command sent 1 to 6 times", session.resend, 1, briefly={"commands": 60}),
    Fault("500 sessions cut at once", session.cut_all, 10),
    Fault("wall clock of dibs jumps", clock.dibs, 5, needs_compiler=True),
    Fault("wall clock of Redis jumps", clock.redis, 5, needs_compiler=True),
    Fault("SIGTERM, sockets stuck, queues full", drain.sigterm, 10),
    Fault("each kind of actor raises", crash.actors, 10),
)
