"""A supervisor's `configure`: the present profile is read, changed, and kept under the next version if it still is the present one.

The id is looked up whatever the version, so that what was carried out before is acknowledged again and never called stale.
"""

from typing import TYPE_CHECKING

from actors import profile as p
from actors import wire
from actors.append import Append, Committed, Duplicate, Failed, Reused, Unmet
from actors.event import ProfileSet
from actors.frame import NUMBER_LIMIT, Configure
from actors.refusal import Refused
from actors.request import content_digest, sender_digest
from actors.rule import ProfileIs

if TYPE_CHECKING:
    from actors.session import Session


async def configure(session: "Session", frame: Configure) -> bytes | Refused:
    """The answer; raises `StorageUnavailable`."""
    node, identity = session.node, session.identity
    assert identity is not None
    asked = min(frame.version, NUMBER_LIMIT)
    while True:
        present, kept = await node.storage.load_profile(frame.store)
        append = Append(store=frame.store, sender=sender_digest("agent", identity.id, frame.id), size=100)
        append.content = content_digest("Configure", frame.version, wire.text(frame.changes))
        append.conditions = (ProfileIs(asked),)
        if present == asked:
            at = node.clock.wall_ms()
            fresh = wire.text(p.changed(p.read(kept), frame.changes, identity.party, at))
            if len(fresh) > p.PROFILE_LIMIT:
                return Refused(code="too_large")
            append.records, append.answer = True, b'"version":%d' % (asked + 1)
            append.events, append.tails = (ProfileSet(version=asked + 1, profile=fresh),), (b"",)
            append.size += len(fresh)
        match await node.store(frame.store).ask(append):
            case Committed() if append.events:
                return wire.ack(frame.id, append.answer, duplicate=False)
            case Committed():
                continue  # it has become the present one since it was read
            case Duplicate(answer=answer, recovered=recovered):
                return wire.ack(frame.id, answer, duplicate=not recovered)
            case Reused():
                return Refused(code="id_reused")
            case Unmet(value=value):
                return Refused(code="stale_profile", version=int(value or 0))
            case Failed(code=code):
                return Refused(code=code)
            case _:
                return Refused(code="unavailable")
