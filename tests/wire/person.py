"""A client that speaks in the verbs of the protocol: each asserts its ack, or the refusal that a test names."""

from typing import Any

from tests.wire.checker import Frame
from tests.wire.client import Client

MARK = "psst-"
"""Every text of these tests begins with it, so that one found in a log gives itself away."""


def words(text: str) -> dict[str, str]:
    return {"text": MARK + text}


def subject(person: "Client | str") -> str:
    return person if isinstance(person, str) else person.id


class Person(Client):
    """Somebody at one store. Where a verb takes a user or an agent, a person or an id will do."""

    store: str

    async def do(self, type: str, /, *, refused: str | None = None, **fields: Any) -> Frame:
        frame = await self.command(type, **{"store": self.store} | fields)
        if refused is None:
            assert frame["type"] != "error", f"{type} {fields} got {frame}"
        else:
            assert frame.get("code") == refused, f"{type} {fields} got {frame} instead of {refused}"
        return frame

    async def chat_do(self, type: str, user: "Client | str", **fields: Any) -> Frame:
        return await self.do(type, user=subject(user), **fields)

    async def say(self, text: str = "hello", *, to: "Client | str | None" = None, **fields: Any) -> Frame:
        target = {} if to is None else {"user": subject(to)}
        return await self.do("send", **target | {"kind": "text", "body": words(text)} | fields)

    async def heard(self, text: str, **match: Any) -> Frame:
        return await self.expect("message", body=words(text), **match)

    async def note(self, user: "Client | str", text: str, **fields: Any) -> Frame:
        return await self.chat_do("note", user, body=words(text), **fields)

    async def claim(self, user: "Client | str", **fields: Any) -> Frame:
        return await self.chat_do("claim", user, **fields)

    async def release(self, user: "Client | str", **fields: Any) -> Frame:
        return await self.chat_do("release", user, **fields)

    async def transfer(self, user: "Client | str", to: "Client | str", **fields: Any) -> Frame:
        return await self.chat_do("transfer", user, to=subject(to), **fields)

    async def takeover(self, user: "Client | str", **fields: Any) -> Frame:
        return await self.chat_do("takeover", user, **fields)

    async def requeue(self, user: "Client | str", **fields: Any) -> Frame:
        return await self.chat_do("requeue", user, **fields)

    async def end(self, **fields: Any) -> Frame:
        return await self.do("end", **fields)

    async def rate(self, score: int, **fields: Any) -> Frame:
        return await self.do("rate", score=score, **fields)

    async def profile(self, **fields: Any) -> Frame:
        return await self.do("profile", **fields)

    async def configure(self, version: int, **changes: Any) -> Frame:
        return await self.do("configure", version=version, **changes)

    async def tell_context(self, context: dict[str, Any], **fields: Any) -> Frame:
        return await self.do("context", context=context, **fields)

    async def context(self, user: "Client | str", **fields: Any) -> Frame:
        return await self.chat_do("context", user, **fields)

    async def resolve(self, user: "Client | str", **fields: Any) -> Frame:
        return await self.chat_do("resolve", user, **fields)

    async def read(self, seq: int, user: "Client | str | None" = None, **fields: Any) -> Frame:
        target = {} if user is None else {"user": subject(user)}
        return await self.do("read", **target, seq=seq, **fields)

    async def history(self, user: "Client | str | None" = None, **fields: Any) -> Frame:
        target = {} if user is None else {"user": subject(user)}
        return await self.do("history", **target, **fields)

    async def seqs(self, user: "Client | str | None" = None, **fields: Any) -> list[int]:
        page = await self.history(user, **fields)
        return [frame["seq"] for frame in page["messages"] if frame["type"] == "message"]

    async def search(self, text: str, **fields: Any) -> Frame:
        return await self.do("search", text=text, **fields)

    async def figures(self, **fields: Any) -> Frame:
        return await self.do("figures", **fields)

    async def list(self, **fields: Any) -> Frame:
        return await self.do("chats", **fields)

    async def summary(self, user: "Client | str | None" = None) -> Frame:
        wanted = self.id if user is None else subject(user)
        return next(chat for chat in (await self.list())["chats"] if chat["user"] == wanted)

    async def received(self, number: int) -> None:
        """Tells what is safely held; it has no answer, so a round trip stands behind it."""
        await self.send({"type": "received", "store": self.store, "seq" if self.role == "user" else "offset": number})
        await self.pong()

    async def typing(self, on: bool = True, user: "Client | str | None" = None) -> None:
        target = {} if user is None else {"user": subject(user)}
        await self.send({"type": "typing", "store": self.store, "on": on} | target)

    async def status(self, reason: str, **match: Any) -> Frame:
        return await self.expect("status", reason=reason, **match)
