"""What stands between dibs and its private server for an instant: ties the server's life to its parent's, then becomes the server.

Run as `python -I -S child.py PARENT LOCK WATCH SERVER ARGUMENT…`: it imports nothing of dibs. PARENT is the pid of the dibs that started
it, LOCK the file that the server holds as long as it lives, WATCH 1 where the kernel sends no signal when a parent dies.
"""

import ctypes
import fcntl
import os
import select
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, lock: str, watch: bool, command: list[str]) -> None:
    """Takes the record lock on `lock`, ties this process to `parent`, and becomes `command`."""
    os.umask(0o077)
    if watch:
        _watch()
    else:
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    # A record lock belongs to the process, not to the file handle: exec keeps it, forks of the server do not inherit it, and the kernel
    # tells everybody who holds it. So a later dibs knows for certain whether a server of this directory lives, and its pid.
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(handle, True)
    fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    # Only after the tie is made: a parent that died before it is not noticed otherwise.
    if os.getppid() != parent:
        sys.exit("the parent is gone")
    os.execv(command[0], command)  # noqa: S606 -- the command is made by dibs, and no shell is wanted


def _watch() -> None:
    """Leaves a process that ends the server when the parent is gone. Standard input is a pipe that only the parent holds open."""
    server = os.getpid()
    if os.fork():
        return
    while os.getppid() == server:
        if select.select([0], [], [], 1.0)[0] and not os.read(0, 1):
            if os.getppid() == server:
                os.kill(server, signal.SIGTERM)
            break
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3] == "1", sys.argv[4:])
