"""The table of faults: what each row is called, how many rounds it is worth, and with what it runs in short."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from tests.faults import backup, clock, crash, drain, file, full, kill, pause, power, process, reply, session
from tests.faults.interpreter import interpreters
from tests.faults.load import Figures, Row
from tests.faults.shim import compiler

EVERY = 10_000
"""More rounds than there are."""
SOME = 100
"""What a share of every round is a share of: how many there are is known only when they are done."""


@attrs.frozen
class Fault:
    """`few` is the number of rounds in the test suite, `briefly` what makes each of them shorter there, `below` whether the fault
    is one of the server below, so that each kind of server is to be seen with it."""

    name: str
    row: Row
    rounds: int
    few: int = 2
    briefly: Mapping[str, Any] = attrs.field(factory=dict)
    below: bool = False
    needs_compiler: bool = False

    @property
    def possible(self) -> bool:
        return not self.needs_compiler or compiler() is not None

    def share(self, part: float) -> int:
        """How many rounds a part of the full figures is; all of them from 1 on."""
        whole = SOME if self.rounds == EVERY and part < 1 else self.rounds
        return max(1, round(whole * part))

    async def run(self, rounds: int, folder: Path, server: Path | None = None, **options: Any) -> Figures:
        """On this server program; the bundled Valkey without."""
        token = process.program.set(server)
        try:
            return await self.row(rounds, folder, **options)
        finally:
            process.program.reset(token)


_STILL = {"length_s": 6.0}
_TOGETHER = {"alone": False}
FAULTS = (
    Fault("kill -9 of dibs", kill.dibs, 100, briefly=_TOGETHER),
    Fault("kill -9 of the embedded server", kill.embedded, 50, below=True),
    Fault("kill -9 of both", kill.both, 20, briefly=_TOGETHER, below=True),
    Fault("Redis stopped", pause.stopped, 10, briefly=_STILL, below=True),
    Fault("CLIENT PAUSE", pause.client_pause, 10, briefly=_STILL, below=True),
    Fault("DEBUG SLEEP", pause.debug_sleep, 10, briefly=_STILL, below=True),
    Fault("cut after request k", reply.cut, EVERY, few=3, below=True),
    Fault("cut within request k", reply.half, EVERY, few=3, below=True),
    Fault("reply k dropped", reply.drop, EVERY, few=3, below=True),
    Fault("reply k never comes", reply.mute, EVERY, few=2, below=True),
    Fault("tail of the file cut off", file.tail_cut, 10, below=True),
    Fault("older copy restored", file.older_copy, 10, below=True),
    Fault("older copy under a living dibs", file.older_copy_under_way, 10, below=True),
    Fault("maxmemory reached", full.memory, 5, below=True),
    Fault("disk full", full.disk, 5, below=True),
    Fault("power cut", power.cut, 5, briefly={"acked": 1000}, below=True, needs_compiler=True),
    Fault("socket cut after every k-th frame", session.catch_up, EVERY, few=4, briefly={"messages": 30}),
    Fault("each command sent 1 to 6 times", session.resend, 1, briefly={"commands": 60}),
    Fault("500 sessions cut at once", session.cut_all, 10),
    Fault("wall clock of dibs jumps", clock.dibs, 5, needs_compiler=True),
    Fault("wall clock of Redis jumps", clock.redis, 5, below=True, needs_compiler=True),
    *(
        Fault(f"SIGTERM, Python {version}", partial(drain.sigterm, python=python), 10, few=1 if number else 2)
        for number, (version, python) in enumerate(interpreters().items())
    ),
    Fault("each kind of actor raises", crash.actors, 10, few=1),
    Fault("kill -9 of a backup", backup.backup, 10, few=1),
)
