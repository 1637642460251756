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


MEANING = {
    Close.NORMAL: "the session is over",
    Close.DRAINING: "the server is draining: reconnect after a random 0 to 3 s and resume",
    Close.NOT_TEXT: "binary messages are not spoken here",
    Close.TOO_BIG: "the message was above 64 KiB",
    Close.PROTOCOL: "a violation of the protocol, or no hello in time: stop",
    Close.TOKEN: "no, bad or expired token: get a new one",
    Close.WITHDRAWN: "Origin not allowed, or access withdrawn: stop",
    Close.OVERLOADED: "overloaded, flooding, or too many sessions: reconnect with back-off and resume",
    Close.SLOW_READER: "too slow a reader: reconnect with back-off and resume",
    Close.LOST_PLACE: "the server lost its place in the log: reconnect at once and resume",
}
"""What each says to a client."""
