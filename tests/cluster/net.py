"""Machines of their own for tests: network namespaces at a switch in one more, and a wire from each to whoever runs the test.

    test -- 198.18.N.4i+1/30 -- machine i -- 10.77.0.i+1/24 -- switch of two halves, the second for those who are set apart

Every run has a switch of its own, so addresses at it are the same in all. Nothing is forwarded from one wire to another, and no machine has
a way to anywhere else. Names have the pid of the run in them; what a run that was killed left behind, the next removes.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs
import pytest

NETWORKS = 250
"""So many runs at once find numbers that are free."""


def why_not() -> str | None:
    """Why there can be no machines here; None if there can."""
    if shutil.which("ip") is None:
        return "there is no ip command (on Debian and Ubuntu: apt install iproute2)"
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    tried = subprocess.run(["unshare", "--net", "true"], text=True, capture_output=True, timeout=30, check=False)
    return None if tried.returncode == 0 else f"this machine allows no network namespaces: {tried.stderr.strip()}"


def need_machines() -> None:
    """Skips the test where there can be none; where CI=true that is a failure."""
    if (reason := why_not()) is not None:
        pytest.skip(reason)


def _ip(*lines: str, space: str = "") -> None:
    """Commands of `ip`, in a namespace or in that of the test; raises OSError with what it says where one of them fails."""
    where = ("-n", space) if space else ()
    done = subprocess.run(["ip", *where, "-batch", "-"], input="\n".join(lines), text=True, capture_output=True, timeout=30, check=False)
    if done.returncode:
        raise OSError(done.stderr.strip())


@attrs.frozen(kw_only=True)
class Machine:
    """`address` is its own at the switch, `door` the one at which the test comes in, `outside` the one at which the test stands there."""

    number: int
    space: str
    switch: str
    address: str
    door: str
    outside: str

    @property
    def within(self) -> tuple[str, ...]:
        """What a command begins with that is to run there."""
        return ("ip", "netns", "exec", self.space)

    def cut(self) -> None:
        """Pulls its plug: nobody is told anything, what is on its way is lost."""
        _ip(f"link set p{self.number} down", space=self.switch)

    def join(self) -> None:
        """Puts the plug back, beside all others."""
        _ip(f"link set p{self.number} master one", f"link set p{self.number} up", space=self.switch)

    def set_apart(self) -> None:
        """From now on it reaches only who is set apart too."""
        _ip(f"link set p{self.number} master two", space=self.switch)


def address(number: int) -> str:
    """A machine's own at the switch."""
    return f"10.77.0.{number + 1}"


@contextmanager
def machines(count: int) -> Iterator[list[Machine]]:
    """So many machines, all joined; gone in the end with whatever still runs in them."""
    _sweep()
    number = _take_number()
    prefix = f"dibs-{os.getpid()}-{number}"
    switch = f"{prefix}-switch"
    found = [
        Machine(
            number=n,
            space=f"{prefix}-{n}",
            switch=switch,
            address=address(n),
            door=f"198.18.{number}.{4 * n + 2}",
            outside=f"198.18.{number}.{4 * n + 1}",
        )
        for n in range(count)
    ]
    try:
        _ip(f"netns add {switch}", *(f"netns add {machine.space}" for machine in found))
        _ip("link add one type bridge", "link add two type bridge", "link set one up", "link set two up", space=switch)
        for machine in found:
            _wire(machine, number)
        yield found
    finally:
        for space in (*(machine.space for machine in found), switch):
            _remove(space)
        _remove_doors(number)


def _wire(machine: Machine, number: int) -> None:
    n = machine.number
    _ip(
        f"link add p{n} netns {machine.switch} type veth peer name plug netns {machine.space}",
        f"link add dibs{number}-{n} type veth peer name door netns {machine.space}",
        f"address add {machine.outside}/30 dev dibs{number}-{n}",
        f"link set dibs{number}-{n} up",
    )
    machine.join()
    _ip(
        "link set lo up",
        f"address add {machine.address}/24 dev plug",
        f"address add {machine.door}/30 dev door",
        "link set plug up",
        "link set door up",
        space=machine.space,
    )


def _take_number() -> int:
    """A number that no other run has: whoever has it has a link of that name."""
    for number in range(1, NETWORKS):
        with suppress(OSError):
            _ip(f"link add dibs{number} type bridge")
            return number
    raise OSError("too many networks of tests are there: ip link")


def _remove_doors(number: int) -> None:
    """The kernel removes links of a namespace when it gets round to it: here they are gone."""
    for link in (f"dibs{number}", *(path.name for path in Path("/sys/class/net").glob(f"dibs{number}-*"))):
        with suppress(OSError):
            _ip(f"link delete {link}")


def _remove(space: str) -> None:
    """Ends what runs there, and the namespace with its links."""
    pids = subprocess.run(["ip", "netns", "pids", space], text=True, capture_output=True, timeout=30, check=False).stdout.split()
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(int(pid), 9)
    with suppress(OSError):
        _ip(f"netns delete {space}")


def _sweep() -> None:
    """Removes what runs left behind that are no more."""
    spaces = Path("/run/netns")
    for space in sorted(spaces.glob("dibs-*")) if spaces.exists() else ():
        _, pid, number, *_ = space.name.split("-")
        if not Path(f"/proc/{pid}").exists():
            _remove(space.name)
            _remove_doors(int(number))
