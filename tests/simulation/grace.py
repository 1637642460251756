"""Grace and outages: who could not come back because the storage was away has the whole period again (P12)."""

from collections.abc import Iterator

from tests.history.record import History, Told
from tests.simulation.schedule import Schedule

NOTICED_S = {"restart": 1.5, "stall": 3.5}
"""Every node has noticed an outage of this kind after so long: it asks after a second of silence, and waits two for the answer."""


def gone_too_soon(schedule: Schedule, history: History) -> Iterator[str]:
    """Chats that went back earlier than a grace period after an outage, where each store has its node and no node stands still."""
    kinds = [fault.kind for fault in schedule.faults]
    if schedule.mode != "sticky" or "pause" in kinds:
        return
    long = [fault for fault in schedule.faults if fault.lasts_s >= NOTICED_S.get(fault.kind, 100.0)]
    # A restart ends a stall that is under way, so of the two one alone can be timed.
    ends = [fault.at_s + fault.lasts_s for fault in long if kinds.count("stall") + kinds.count("restart") == 1]
    for line in history.lines:
        if isinstance(line, Told) and line.frame["type"] == "status" and line.frame["reason"] == "agent_gone":
            for end_s in ends:
                if end_s < line.at < end_s + schedule.grace_s:
                    chat = f"chat {line.frame['store']}/{line.frame['user']}"
                    yield f"{chat} went back at {line.at:.3f}, the storage was away until {end_s:.3f} and grace is {schedule.grace_s} s"
