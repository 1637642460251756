"""The accept loop: every socket that comes is counted before it costs anything, and refused for the price of an accept and a close.

Where a refusal is due the socket is reset, with no HTTP 503: behind TLS there is no saying anything before the handshake, which is what
costs; a page cannot read the status of a failed WebSocket; and a reset leaves nothing behind, in the kernel neither. (A forwarded
address that has its share is told 503, for there the request has been read: `web.arrival`.)

A socket that says nothing is a file and a few hundred bytes; only when it speaks does it get its reader, its writer and its task, and
that in its turn. Nobody waits in the kernel's queue, where those of a busy address stand before all others.
"""

import asyncio
import errno
import socket
import struct
from collections.abc import Callable

from actors.port import Log
from actors.tally import Tally
from actors.turnstile import Turnstile
from web.proxy import Proxies
from web.stranger import Stranger, Strangers

SLICE = 16
"""Sockets let in in one turn of the loop; where several processes accept, by all of them, so that no one takes a whole crowd."""
REFUSALS = 128
"""Sockets refused in one turn of the loop."""
PAUSE_S = 0.05
"""How long nothing is accepted when the process has no file left for it."""
TELL_S = 10.0
"""The log is told at most this often that strangers were turned away."""

_RESET = struct.pack("ii", 1, 0)

Enter = Callable[[socket.socket, Stranger], None]


class Gate:
    """Lets sockets in from `listener`, a crowd by and by; `enter` takes each, and has the stranger forgotten when its socket is
    gone."""

    def __init__(
        self,
        listener: socket.socket,
        strangers: Strangers,
        proxies: Proxies,
        enter: Enter,
        turnstile: Turnstile,
        tally: Tally,
        log: Log,
        slice: int = SLICE,
    ) -> None:
        self._listener = listener
        self._slice = slice
        self._strangers = strangers
        self._proxies = proxies
        self._enter = enter
        self._turnstile = turnstile
        self._tally = tally
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._open = False
        self._clock: asyncio.TimerHandle | None = None
        self._told_s = -TELL_S
        self._untold = 0
        self._silent: dict[Stranger, socket.socket] = {}

    def open(self) -> None:
        """Begins to accept."""
        self._open = True
        self._loop.add_reader(self._listener, self._accept)

    def retire(self) -> None:
        """Accepts nothing more; whoever is in goes on. What waits in the kernel's queue is reset with the listening socket, if no other
        process has that."""
        self._open = False
        if self._listener.fileno() >= 0:
            self._loop.remove_reader(self._listener)
            self._listener.close()

    def close(self) -> None:
        """Accepts nothing more, and sends away who has not spoken."""
        self.retire()
        for stranger in tuple(self._silent):
            self._leave(stranger)
        if self._clock is not None:
            self._clock.cancel()

    def _accept(self) -> None:
        entered = refused = 0
        while entered < self._slice and refused < REFUSALS:
            try:
                connection, peer = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    self._rest(error)
                    return
                refused += 1  # it was gone before it was accepted
                continue
            if self._admit(connection, str(peer[0])):
                entered += 1
            else:
                refused += 1

    def _admit(self, connection: socket.socket, address: str) -> bool:
        stranger = self._strangers.admit(address, self._loop.time(), limited=not self._proxies.trust(address))
        if stranger is None:
            self._reset(connection)
            return False
        stranger.drop = stranger.late = lambda: self._leave(stranger)
        self._silent[stranger] = connection
        connection.setblocking(False)
        self._loop.add_reader(connection, self._hear, stranger)
        if (displaced := self._strangers.surplus()) is not None:
            displaced.drop()
            self._turned_away("displaced")
        if self._clock is None:
            self._watch()
        return True

    def _hear(self, stranger: Stranger) -> None:
        """The socket says something, or hangs up."""
        connection = self._silent[stranger]
        self._loop.remove_reader(connection)
        try:
            speaks = bool(connection.recv(1, socket.MSG_PEEK))
        except OSError:
            speaks = False
        if speaks:
            left_s = self._strangers.excuse(stranger, self._loop.time())
            self._turnstile.call(lambda: self._let_in(stranger, left_s), stranger.place)
        else:
            self._leave(stranger)

    def _let_in(self, stranger: Stranger, left_s: float) -> None:
        if stranger not in self._silent:
            return  # it has given way meanwhile
        if self._strangers.resume(stranger, self._loop.time(), left_s):
            self._enter(self._silent.pop(stranger), stranger)
        else:
            self._reset(self._silent.pop(stranger))
            self._strangers.forget(stranger)

    def _reset(self, connection: socket.socket) -> None:
        """Its address has its share."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connection.close()
        self._turned_away("address")

    def _leave(self, stranger: Stranger) -> None:
        connection = self._silent.pop(stranger)
        self._loop.remove_reader(connection)
        connection.close()
        self._strangers.forget(stranger)

    def _rest(self, error: OSError) -> None:
        """No file is left: a stranger gives way, and nothing is accepted for a moment, or the loop would spin."""
        if (displaced := self._strangers.pick()) is not None:
            displaced.drop()
        self._turned_away("no_file")
        self._log.debug("cannot_accept", error=repr(error))
        self._pause(PAUSE_S)

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._loop.call_later(seconds, self._resume)

    def _resume(self) -> None:
        if self._open:
            self._loop.add_reader(self._listener, self._accept)

    def _watch(self) -> None:
        """Ends those whose time is over, and sleeps until the next one's is."""
        for stranger in self._strangers.overdue(self._loop.time()):
            late, stranger.late = stranger.late, stranger.drop
            late()
            self._tally.turned_away["late"] += 1
        next_s = self._strangers.next_s()
        self._clock = None if next_s is None else self._loop.call_at(max(next_s, self._loop.time() + 0.05), self._watch)

    def _turned_away(self, why: str) -> None:
        self._tally.turned_away[why] += 1
        self._untold += 1
        now_s = self._loop.time()
        if now_s - self._told_s >= TELL_S:
            address, count = self._strangers.crowd()
            self._log.warning(
                "strangers_turned_away", count=self._untold, why=why, most_from=address, there=count, in_all=len(self._strangers)
            )
            self._told_s, self._untold = now_s, 0
