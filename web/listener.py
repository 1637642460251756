"""The listening socket, and what is said when it is served."""

import socket
import sys
import time

from web.demo import introduction
from web.setting import Settings, StartError
from web.token import TokenSigner

HEARD_BYTES, SAID_BYTES = 32 * 1024, 128 * 1024
"""What the kernel keeps of one socket's bytes in each direction (Linux takes it twice): what it keeps may come in one read, and stays with
a connection that is broken until its peer has seen why."""


def listen(host: str, port: int) -> socket.socket:
    """The socket, bound and listening; raises StartError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)[0]
        listener = socket.socket(found[0], socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # What is not read yet waits at whoever wrote it: by itself Linux would keep megabytes for each socket.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, HEARD_BYTES)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SAID_BYTES)
            listener.bind(found[4])
            listener.listen(4096)
            listener.setblocking(False)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise StartError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return listener


def announce(settings: Settings, port: int, signer: TokenSigner) -> None:
    """Says that it is served from now on, and where."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    base = f"{'http' if settings.cert is None else 'https'}://{host}:{port}"
    sys.stdout.write(f"dibs: listening on {base}\n")
    if settings.demo:
        sys.stdout.write(introduction(base, signer, time.time()) + "\n")
    sys.stdout.flush()
