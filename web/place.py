"""Where a node stands: alone in its process, or as one of several workers (`web.crew.worker`).

`web.serve` builds a node the same way for both, and asks its place for what is not the node's own: the storage, the listening socket, its
share of what is promised of dibs as a whole, when to go, and how the others are.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol

from prometheus_client.registry import Collector

from actors.node import Node
from web.figure import read, render
from web.gate import Gate
from web.listener import announce, listen
from web.setting import Settings
from web.token import TokenSigner

DRAIN_S = 4.0
"""Accepted commands may take this long to finish when the server stops."""
GOODBYE_S = 3.5
"""And the sessions this long to take their close: all is over within ten seconds."""


class Unanswered(Exception):
    """The others do not answer."""


class Place(Protocol):
    """What is around a node."""

    @property
    def redis(self) -> tuple[str, str] | None:
        """The URL of a storage that somebody else looks after, and the promise that holds there."""

    @property
    def counter(self) -> str | None:
        """What the node is called in the storage, where no witness has a name for it."""

    @property
    def witness(self) -> str:
        """The name of the witness' file in the data directory."""

    @property
    def leads(self) -> bool:
        """Whether the node does what one of all the workers has to do."""

    def share(self, number: int) -> int:
        """Its part of a number that holds for all workers together."""

    def listener(self, settings: Settings) -> socket.socket:
        """The listening socket; raises StartError."""

    def begin(self, settings: Settings, node: Node, port: int, signer: TokenSigner) -> None:
        """The node serves. `signer` is for whoever tells people how to try it."""

    async def until_leaving(self) -> None:
        """Until the node has to end."""

    async def drain(self, node: Node, gate: Gate, strangers: Callable[[], int]) -> None:
        """Ends every session in good order. `strangers` tells how many have not said hello."""

    def erased(self, store: str, user: str) -> None:
        """A chat was erased here."""

    def count(self, collector: Collector) -> None:
        """What counts for the node."""

    async def figures(self) -> bytes:
        """What all have counted, for Prometheus; raises `Unanswered`."""

    def standing(self) -> list[str]:
        """Lines for /readyz: how the others are."""


class Alone:
    """The only node in its process, which nobody watches; it goes when `stopping` is set."""

    redis: tuple[str, str] | None = None
    counter: str | None = None
    witness = "witness"
    leads = True

    def __init__(self, stopping: asyncio.Event) -> None:
        self._stopping = stopping
        self._collector: Collector

    def share(self, number: int) -> int:
        """All of it."""
        return number

    def listener(self, settings: Settings) -> socket.socket:
        """One of its own."""
        return listen(settings.host, settings.port)

    def begin(self, settings: Settings, node: Node, port: int, signer: TokenSigner) -> None:
        """Says so on standard output."""
        del node
        announce(settings, port, signer)

    async def until_leaving(self) -> None:
        """Until it is to stop."""
        await self._stopping.wait()

    async def drain(self, node: Node, gate: Gate, strangers: Callable[[], int]) -> None:
        """Whoever still comes is told that it is draining."""
        del gate, strangers
        await node.drain(DRAIN_S, GOODBYE_S)

    def erased(self, store: str, user: str) -> None:
        """Nobody else is to know."""

    def count(self, collector: Collector) -> None:
        """Keeps it."""
        self._collector = collector

    async def figures(self) -> bytes:
        """Its own."""
        return render(read(self._collector), {})

    def standing(self) -> list[str]:
        """There are no others."""
        return []
