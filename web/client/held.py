"""What a client holds of its chats: the snapshot with every event since. Epoch and number win over the order of arrival."""

import attrs

from actors import told
from actors.chat import Owner, Side, Status


@attrs.define(kw_only=True)
class HeldChat:
    """One chat as this client's list shows it; see `actors.told.Summary`."""

    store: str
    user: str
    name: str | None = None
    status: Status = "waiting"
    owner: Owner | None = None
    epoch: int = 0
    seq: int = 0
    unread: int = 0
    last: told.Message | None = None
    since: int = 0
    user_received: int = 0
    user_read: int = 0
    store_read: int = 0
    shown_seq: int = 0
    """The last message of the snapshot."""
    fresh: list[int] = attrs.Factory(list)
    """Messages of the other side that came since the snapshot and are not read."""


class Held:
    """`side` is whose unread messages are counted. Chats are named by (store, user)."""

    def __init__(self) -> None:
        self.side: Side = "user"
        self.chats: dict[tuple[str, str], HeldChat] = {}

    def begin(self, side: Side) -> None:
        """A new session: its snapshot replaces everything."""
        self.side = side
        self.chats.clear()

    def take(self, frame: told.Told) -> None:
        """Takes one frame of the session that is live, in its order."""
        match frame:
            case told.Chats(chats=chats, id=id) if not isinstance(id, str):
                for summary in chats:
                    self._show(summary)
            case told.Message():
                self._add(frame)
            case told.StatusChange():
                self._change(frame)
            case told.Marks():
                self._mark(frame)
            case _:
                pass

    def _show(self, summary: told.Summary) -> None:
        marks = summary.marks
        self.chats[summary.store, summary.user] = HeldChat(
            store=summary.store,
            user=summary.user,
            name=summary.name,
            status=summary.status,
            owner=summary.owner,
            epoch=summary.epoch,
            seq=summary.seq,
            unread=summary.unread,
            last=summary.last,
            since=summary.since,
            user_received=marks.user.received,
            user_read=marks.user.read,
            store_read=marks.store.read,
            shown_seq=summary.seq,
        )

    def _chat(self, store: str, user: str) -> HeldChat:
        return self.chats.setdefault((store, user), HeldChat(store=store, user=user))

    def _add(self, message: told.Message) -> None:
        chat = self._chat(message.store, message.user)
        if message.seq <= chat.seq:
            return  # the snapshot stands behind it
        by_user = message.by.role == "user"
        chat.seq, chat.last = message.seq, message
        chat.name = (message.by.name or chat.name) if by_user else chat.name
        if by_user is (self.side == "store"):
            chat.unread += 1
            chat.fresh.append(message.seq)

    def _change(self, change: told.StatusChange) -> None:
        chat = self._chat(change.store, change.user)
        if change.epoch > chat.epoch:
            chat.status, chat.owner, chat.epoch, chat.since = change.status, change.owner, change.epoch, change.at

    def _mark(self, marks: told.Marks) -> None:
        chat = self._chat(marks.store, marks.user)
        if marks.side == "store":
            chat.store_read = max(chat.store_read, marks.read)
        else:
            chat.user_read = max(chat.user_read, marks.read)
            chat.user_received = max(chat.user_received, marks.received if isinstance(marks.received, int) else 0)
        if marks.side == self.side:
            chat.fresh = [seq for seq in chat.fresh if seq > marks.read]
            # Which of the snapshot's messages were unread it does not say: no more than lie between the mark and its end.
            chat.unread = min(chat.unread, max(0, chat.shown_seq - marks.read) + len(chat.fresh))
