"""Where histories come from: taps for the clients of the wire tests and of the tests in process, and readers of what is kept.

    recorder = Recorder(Setting(agent_limit=3))
    Tapped = recorded(Person, recorder)                 # tests.wire: then `await Tapped.open(server, token, ...)` as ever
    await keep_over_the_wire(recorder, server, {"s1": token_of_an_agent})
    violations = check(recorder.history)

A simulation with clients of its own calls `recorder.opened`, `asked`, `told`, `ended` itself and ends with `keep_from_journal`.
"""

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import jwt
import msgspec

from actors import wire as words
from storage.journal import Journal
from tests.history.record import Frame, Kept, Recorder
from tests.wire.client import Client

EVERYTHING = 1 << 30


def recorded(kind: type[Client], recorder: Recorder) -> type[Any]:
    """The same kind of client, every session of which is noted down from its `hello` on."""

    class Recorded(kind):  # type: ignore[valid-type,misc]
        session: str | None = None

        async def send_raw(self, text: str | bytes) -> None:
            for frame in _frames(text):
                if frame.get("type") == "hello" and self.session is None:
                    claims = jwt.decode(frame["token"], options={"verify_signature": False, "verify_exp": False})
                    about = claims["role"], claims["sub"], claims.get("stores")
                    self.session = recorder.opened(*about, frame.get("resume"), frame.get("generation"))
                    self.checker.see = self._tell_recorder(self.checker.see)
                elif self.session is not None:
                    recorder.asked(self.session, frame)
            await super().send_raw(text)

        def _tell_recorder(self, see: Any) -> Any:
            def noted(frame: Frame) -> None:
                assert self.session is not None
                recorder.told(self.session, frame)
                see(frame)

            return noted

        async def _read(self) -> None:
            await super()._read()
            if self.session is not None:
                recorder.ended(self.session, self.socket.close_code or 1006)

    Recorded.__name__ = f"Recorded{kind.__name__}"
    return Recorded


def _frames(text: str | bytes) -> Iterable[Frame]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    return [frame for frame in (value if isinstance(value, list) else [value]) if isinstance(frame, dict)]


async def keep_over_the_wire(recorder: Recorder, server: Any, tokens: Mapping[str, str]) -> None:
    """Reads what each store holds through an agent's eyes: the log by a resume from 0, the chats by pages. `tokens`: one for each
    store. The reader is no part of the history. Where nothing is noted of sessions after this, let marks gather first (a second)."""
    for store, token in tokens.items():
        reader = await Client.open(server, token)
        generation = reader.welcome["generation"]
        await reader.close()
        reader = await Client.open(server, token, resume={store: 0}, generation=generation)
        chats: dict[str, Frame] = {}
        messages: dict[str, list[Frame]] = {}
        before: dict[str, Any] = {}
        while before is not None:
            page = await reader.command("chats", store=store, limit=200, **before)
            chats |= {chat["user"]: chat for chat in page["chats"]}
            before = {"before": page["next"]} if page["more"] else None  # type: ignore[assignment]
        for user in chats:
            messages[user] = await _history(reader, store, user)
        log = [frame for frame in reader.missed if frame["store"] == store]
        await reader.close()
        recorder.kept(Kept(store=store, generation=generation, log=log, chats=chats, messages=messages))


async def _history(reader: Client, store: str, user: str) -> list[Frame]:
    found: list[Frame] = []
    before: dict[str, int] = {}
    while True:
        page = await reader.command("history", id=str(uuid.uuid4()), store=store, user=user, limit=200, **before)
        messages = [frame for frame in page["messages"] if frame["type"] == "message"]
        found = messages + found
        if not page["more"] or not messages:
            return found
        before = {"before": messages[0]["seq"]}


async def keep_from_journal(recorder: Recorder, journal: Journal, stores: Iterable[str], generation: str = "") -> None:
    """Reads what a journal holds of these stores, without a server between."""
    for store in stores:
        page = await journal.read_log(store, 0, EVERYTHING)
        log = [msgspec.json.decode(frame) for frame in page.frames]
        users = (await journal.list_chats(store, None, None, EVERYTHING)).users
        chats = {record.chat.user: msgspec.json.decode(words.summary(record, "store")) for record in await journal.load_chats(store, users)}
        messages = {}
        for user in users:
            entries = (await journal.read_chat(store, user, after_seq=0, limit=EVERYTHING)).entries
            messages[user] = [msgspec.json.decode(entry.frame) for entry in entries if entry.kind == "m"]
        recorder.kept(Kept(store=store, generation=generation, log=log, chats=chats, messages=messages))
