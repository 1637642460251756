"""Hosts of their own on one machine: a network namespace each, with an address on a bridge that lies in one as well.

    net-0 (10.77.0.1) --+
    net-1 (10.77.0.2) --+-- bridge `near`     hosts that are cut off lie on `far`: they hear each other, and the others nothing of them
    …                   |   bridge `far`      (no link goes down: packets vanish, as behind a switch that failed)

Nothing of it is seen outside of the namespaces: no address, no interface, no rule. Their names begin with the pid of whoever made them;
what somebody left who was killed is removed by whoever makes the next ones.
"""

import asyncio
import contextlib
import contextvars
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")
NAMED = Path("/run/netns")
HUB, NEAR, FAR = "hub", "near", "far"
_numbers = count()
_CLONE_NEWNET = 0x40000000


def why_not() -> str:
    """Why this machine can have no namespaces; empty where it can."""
    if sys.platform != "linux":
        return "network namespaces are of Linux only"
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "network namespaces need ip (on Debian: apt install iproute2)"
    tried = subprocess.run(["unshare", "--net", "true"], capture_output=True, text=True, check=False)
    return "" if tried.returncode == 0 else f"network namespaces are not allowed here: {tried.stderr.strip()}"


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr.strip()}"
    return done.stdout


class Host:
    """A namespace with an address: `words` before a command have it run there, `run` runs what is async there, in this process."""

    def __init__(self, namespace: str, name: str, address: str) -> None:
        self.namespace, self.name, self.address = namespace, name, address
        self.words = ("ip", "netns", "exec", namespace)
        """Stands before a command; it has the pid that was started."""

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Runs work in an event loop of a thread that lives here: every socket it opens, and every process it starts, is this host's."""
        found: list[T] = []
        raised: list[BaseException] = []
        context = contextvars.copy_context()

        def live() -> None:
            try:
                _enter(self.namespace)
                found.append(context.run(asyncio.run, work()))
            except BaseException as error:  # noqa: BLE001 - it is raised again, by whoever waits
                raised.append(error)

        thread = threading.Thread(target=live, name=self.namespace)
        thread.start()
        thread.join()
        if raised:
            raise raised[0]
        return found[0]


def _enter(namespace: str) -> None:
    """This thread lives there from now on, with the threads that it starts."""
    where = os.open(NAMED / namespace, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(where, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
    finally:
        os.close(where)


class Network:
    """Hosts by name. Whatever still runs on one of them in the end is killed."""

    def __init__(self, *names: str) -> None:
        self._prefix = f"dibs-{os.getpid()}-{next(_numbers)}"
        self._hub = f"{self._prefix}-{HUB}"
        self.hosts = {name: Host(f"{self._prefix}-{name}", name, f"10.77.0.{n}") for n, name in enumerate(names, 1)}

    def __getitem__(self, name: str) -> Host:
        return self.hosts[name]

    def __enter__(self) -> Self:
        _remove_orphans()
        try:
            self._make()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _make(self) -> None:
        _ip("netns", "add", self._hub)
        for bridge in (NEAR, FAR):
            _ip("-n", self._hub, "link", "add", bridge, "type", "bridge")
            _ip("-n", self._hub, "link", "set", bridge, "up")
        for host in self.hosts.values():
            _ip("netns", "add", host.namespace)
            port = _port(host)
            _ip("-n", self._hub, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", host.namespace)
            _ip("-n", self._hub, "link", "set", port, "master", NEAR, "up")
            _ip("-n", host.namespace, "link", "set", "lo", "up")
            _ip("-n", host.namespace, "address", "add", f"{host.address}/24", "dev", "eth0")
            _ip("-n", host.namespace, "link", "set", "eth0", "up")

    def cut_off(self, *names: str) -> None:
        """These hear each other from now on, and nobody else."""
        self._move(FAR, names)

    def join(self, *names: str) -> None:
        """These are among the others again."""
        self._move(NEAR, names)

    def _move(self, bridge: str, names: tuple[str, ...]) -> None:
        for name in names:
            _ip("-n", self._hub, "link", "set", _port(self.hosts[name]), "master", bridge)

    def close(self) -> None:
        """Nothing of it is left."""
        for namespace in (*(host.namespace for host in self.hosts.values()), self._hub):
            _remove(namespace)


def _port(host: Host) -> str:
    """The end of a host's link at the bridge; names of interfaces are short."""
    return f"p{host.address.rpartition('.')[2]}"


def _remove(namespace: str) -> None:
    if not (NAMED / namespace).exists():
        return
    for pid in _ip("netns", "pids", namespace).split():
        # This process has a thread there while something is run on the host.
        if int(pid) != os.getpid():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
    _ip("netns", "delete", namespace)


def _remove_orphans() -> None:
    for namespace in _orphans():
        with contextlib.suppress(AssertionError):  # somebody else was quicker
            _remove(namespace)


def _orphans() -> Iterator[str]:
    """Namespaces of processes that have gone."""
    for path in NAMED.glob("dibs-*") if NAMED.exists() else ():
        found = re.match(r"dibs-(\d+)-", path.name)
        if found is not None and not Path(f"/proc/{found[1]}").exists():
            yield path.name
