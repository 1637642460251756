"""When a client comes back, by the way its connection ended, and when a token has to be renewed."""

import base64
import json
import random
import time

from websockets.exceptions import ConnectionClosed

from actors.close import Close

FIRST_PAUSE_S, LONGEST_PAUSE_S, GROWTH = 1.0, 30.0, 1.5
"""Pauses between tries to connect grow by this factor."""
DRAINED_S = 3.0
"""After a drain everybody comes back within this time, not all at once."""


def longer_s(pause_s: float) -> float:
    """The pause after one of `pause_s` that was in vain."""
    return min(pause_s * GROWTH, LONGEST_PAUSE_S)


def again_s(code: int | None, pause_s: float) -> float:
    """The time to wait before the next try, with a jitter; see the table of close codes in the protocol."""
    dice = random.random()  # noqa: S311 - a jitter, not a secret
    if code == Close.DRAINING:
        return dice * DRAINED_S
    if code is not None and code // 100 == 42:
        return 0.0
    return pause_s * (0.5 + dice / 2)


def is_final(code: int | None) -> bool:
    """Whether the server has said not to come back as one is."""
    return code is not None and code // 100 == 40


def code_of(error: BaseException) -> int | None:
    """The close code a connection ended with; None where it ended without."""
    if isinstance(error, ConnectionClosed) and error.rcvd is not None:
        return int(error.rcvd.code)
    return None


def renewal_s(token: str, before_s: float) -> float | None:
    """How long until `before_s` before the token expires, a second at least; None for a token that does not say when."""
    try:
        payload = token.split(".")[1]
        expires_s = float(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"])
    except (IndexError, KeyError, TypeError, ValueError):
        return None
    return max(1.0, expires_s - time.time() - before_s)
