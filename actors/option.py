"""What an operator may set of the behaviour of the actors, with what is fixed beside it."""

import attrs


@attrs.frozen(kw_only=True)
class Options:
    """Times in seconds. `agent_limit` and `rate` 0 mean none."""

    grace_s: float = 60.0
    heartbeat_s: float = 25.0
    agent_limit: int = 0
    keep_s: float = 0.0
    """How long messages, notes and statuses are kept; 0 for ever."""
    rate: float = 20.0
    hello_s: float = 10.0
    leeway_s: float = 5.0
    """Clocks of the shop and of dibs may differ by this much."""
    linger_s: float = 5.0
    """An agent is there this long after its last session ended, so that a refresh is silent."""
    stall_s: float = 10.0
    """A socket that takes nothing for this long is closed."""
    idle_s: float = 60.0
    """An actor that nobody needs leaves memory after this long."""
    sessions_limit: int = 20
    """Sessions of one identity."""
    mailbox_limit: int = 4096
    parked_limit: int = 1024
    """Commands that wait for one chat to be loaded."""
    chats_limit: int = 10_000
    """Chats of one store that stay in memory though nobody uses them."""
    outbox_frames: int = 1024
    outbox_bytes: int = 1024 * 1024
    outstanding_limit: int = 512
    """Commands of one session that have no answer yet; beyond it the session is not read."""
    query_limit: int = 16
    """Queries of one identity under way at once."""
    list_limit: int = 1000
    """Chats of one status in a snapshot, and messages a user is handed who never acknowledged any."""
    page_limit: int = 200
    """Entries of one read while a session catches up."""
