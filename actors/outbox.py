"""What waits to be written to one socket, in order and within bounds.

Numbered frames belong to a track: the cursor of the session in one log (a store's for agents, a chat's for its user). When too
much waits, the numbered frames are dropped, their tracks fall back to what was handed to the socket, and the log is read from
there. Answers and notices are not in any log and stay. Of frames that only show a present state the newest alone is kept.
"""

from collections import deque

from actors.delivery import Delivery

PAYLOAD_BYTES = 60 * 1024
"""Bytes of one WebSocket message, unless a single frame is larger: clients are promised that theirs may be 64 KiB, no more."""


class Track:
    """Where a session is in one log."""

    __slots__ = ("cursor", "live", "sent", "store")

    def __init__(self, store: str, cursor: int) -> None:
        self.store = store
        self.cursor = cursor
        """The number of the last frame taken into the outbox."""
        self.sent = cursor
        """The number of the last frame handed to the socket."""
        self.live = False
        """Whether deliveries are taken; else the log is read."""


class Outbox:
    """`frame_limit` and `byte_limit` bound the live frames that wait."""

    __slots__ = ("_byte_limit", "_frame_limit", "_items", "_live_bytes", "_live_frames", "_newest", "bytes")

    def __init__(self, frame_limit: int, byte_limit: int) -> None:
        self._items: deque[tuple[bytes, int, Track | None, int, bool]] = deque()
        self._newest: dict[tuple[str, ...], bytes] = {}
        self._frame_limit = frame_limit
        self._byte_limit = byte_limit
        self._live_frames = 0
        self._live_bytes = 0
        self.bytes = 0
        """All that waits."""

    def __bool__(self) -> bool:
        return bool(self._items or self._newest)

    def put(self, frame: bytes, count: int = 1) -> None:
        """Adds what is in no log: an answer, a notice, a part of the opening. `count` frames joined by commas."""
        self._items.append((frame, count, None, 0, False))
        self.bytes += len(frame)

    def put_read(self, track: Track, number: int, payload: bytes, count: int) -> None:
        """Adds frames read from the log; whoever reads waits for room instead of overflowing."""
        track.cursor = number
        self._items.append((payload, count, track, number, False))
        self.bytes += len(payload)

    def put_live(self, track: Track, delivery: Delivery) -> bool:
        """Adds a delivery that follows the track's cursor; False if it was too much and the tracks fell back."""
        track.cursor = delivery.last
        size = len(delivery.payload)
        self._items.append((delivery.payload, delivery.count, track, delivery.last, True))
        self.bytes += size
        self._live_frames += delivery.count
        self._live_bytes += size
        if self._live_frames <= self._frame_limit and self._live_bytes <= self._byte_limit:
            return True
        self._drop_live()
        return False

    def keep(self, track: Track) -> None:
        """The track falls behind: what is read next comes behind what waits of it, so that may be dropped no more than what is read."""
        for place, (payload, count, of, number, live) in enumerate(self._items):
            if live and of is track:
                self._items[place] = (payload, count, of, number, False)
                self._live_frames -= count
                self._live_bytes -= len(payload)

    def put_newest(self, key: tuple[str, ...], frame: bytes) -> None:
        """Adds a frame that replaces an older one of the same key."""
        self._newest.pop(key, None)
        self._newest[key] = frame

    def take(self, *, newest: bool) -> tuple[bytes, int]:
        """The next WebSocket message and the number of its frames; empty if nothing waits. Several frames become one array.

        Frames of a present state go last, and only where `newest` says that it is time for them.
        """
        parts: list[bytes] = []
        size = frames = 0
        items = self._items
        while items:
            payload, count, track, number, live = items[0]
            if parts and size + len(payload) > PAYLOAD_BYTES:
                break
            items.popleft()
            self.bytes -= len(payload)
            if live:
                self._live_frames -= count
                self._live_bytes -= len(payload)
            if track is not None:
                track.sent = number
            if count:
                parts.append(payload)
                frames += count
                size += len(payload) + 1
        if newest and not items:
            for key in list(self._newest):
                if parts and size > PAYLOAD_BYTES:
                    break
                frame = self._newest.pop(key)
                parts.append(frame)
                frames += 1
                size += len(frame) + 1
        if frames <= 1:
            return (parts[0] if parts else b""), frames
        return b"[" + b",".join(parts) + b"]", frames

    def _drop_live(self) -> None:
        kept: deque[tuple[bytes, int, Track | None, int, bool]] = deque()
        for item in self._items:
            payload, _, track, _, live = item
            if live and track is not None:
                self.bytes -= len(payload)
                track.live = False
            else:
                kept.append(item)
        # What was read from the log before the first dropped frame still goes out: the track falls back to just behind it.
        for item in self._items:
            _, _, track, _, live = item
            if live and track is not None:
                track.cursor = track.sent
        for _, _, track, number, _ in kept:
            if track is not None and not track.live:
                track.cursor = max(track.cursor, number)
        self._items = kept
        self._live_frames = self._live_bytes = 0
