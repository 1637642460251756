"""The close codes of the protocol, and nothing else that ends a session."""

from enum import IntEnum


class Close(IntEnum):
    """Why the server ends a WebSocket: 40xx do not come back as you are, 41xx back off, 42xx come back at once."""

    NORMAL = 1000
    DRAINING = 1001
    NOT_TEXT = 1003
    TOO_BIG = 1009
    PROTOCOL = 4000
    TOKEN = 4001
    WITHDRAWN = 4003
    OVERLOADED = 4100
    SLOW_READER = 4101
    LOST_PLACE = 4200
