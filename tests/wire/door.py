"""An operator at the HTTP door of a server, as any client would be: a request, and its answer as it came."""

import http.client
import json
from typing import Any

import attrs
from anyio import to_thread

from tests.wire.server import Server


@attrs.frozen
class Answer:
    """What the door said."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


def ask_blocking(
    server: Server, method: str, path: str, token: str | None = None, body: Any = None, headers: dict[str, str] | None = None
) -> Answer:
    connection = http.client.HTTPConnection(server.address, timeout=15)
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    try:
        connection.request(method, path, data, ({} if token is None else {"Authorization": f"Bearer {token}"}) | (headers or {}))
        response = connection.getresponse()
        return Answer(response.status, {key.lower(): value for key, value in response.getheaders()}, response.read().decode())
    finally:
        connection.close()


async def ask(server: Server, method: str, path: str, *more: Any, **fields: Any) -> Answer:
    return await to_thread.run_sync(lambda: ask_blocking(server, method, path, *more, **fields))


def operator(server: Server, *, id: str = "ops", stores: list[str] | None = None) -> str:
    return server.token("operator", id, stores=stores)


async def revoke(server: Server, role: str, id: str, store: str | None = None) -> dict[str, Any]:
    """Withdraws access, which has to succeed."""
    told = {"role": role, "id": id} | ({} if store is None else {"store": store})
    answer = await ask(server, "POST", "/operator/revoke", operator(server), told)
    assert answer.status == 200, answer
    return answer.json


async def audit(server: Server, store: str, query: str = "") -> list[dict[str, Any]]:
    """The lines of a store's log."""
    answer = await ask(server, "GET", f"/operator/stores/{store}/audit{query}", operator(server))
    assert answer.status == 200, answer
    assert answer.headers["content-type"] == "application/x-ndjson"
    return answer.lines
