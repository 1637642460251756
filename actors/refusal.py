"""A refusal is a value: the error codes of the protocol, each with its sentence for a developer.

`detail` never repeats a token or another party's text, so it is a constant of the code.
"""

import msgspec

from actors.chat import Owner

DETAIL = {
    "bad_frame": "the frame is not what the protocol describes",
    "unknown_type": "no frame has this type",
    "too_large": "as compact JSON a body is above 8 KiB, a context above 2 KiB or a profile above 64 KiB",
    "forbidden": "this store, chat or command is not yours",
    "not_found": "there is no such chat",
    "no_such_store": "there is no such store",
    "id_reused": "this id was used before with another content",
    "stale_claim": "the epoch is not the present one",
    "closed": "the chat is closed",
    "not_closed": "the chat is open; it is rated when it has ended",
    "already_rated": "the chat was rated since it ended",
    "stale_profile": "the version is not the present one of the profile",
    "not_claimed": "nobody has claimed the chat",
    "not_owner": "another agent owns the chat, or nobody does",
    "already_claimed": "another agent owns the chat",
    "at_capacity": "the agent owns as many chats of this store as an agent may",
    "no_such_agent": "no agent of this id is on the roster of the store",
    "rate_limited": "too many commands; wait for retry_after seconds, then send the same frame again",
    "unavailable": "storage cannot be reached; send the same frame again later",
    "overloaded": "the server has too much to do; send the same frame again later",
    "internal": "the server failed on this frame; it is not to be sent again as it is",
}
"""Code to sentence. A code that is not in this table is not sent."""

TEMPORARY = frozenset({"rate_limited", "unavailable", "overloaded"})
"""The codes after which the same frame may be sent again."""

ABOUT_OWNERSHIP = frozenset({"already_claimed", "not_owner", "stale_claim"})
"""The codes that carry the present owner, epoch and since."""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A command that is not carried out, and what its sender may know about why."""

    code: str
    owner: Owner | None = None
    epoch: int | None = None
    since: int | None = None
    version: int | None = None
    """Of the profile, at present."""
    retry_after_s: float | None = None

    @property
    def temporary(self) -> bool:
        """Whether the same frame may be sent again."""
        return self.code in TEMPORARY
