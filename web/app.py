"""The Quart application: the WebSocket door and what an operator asks over HTTP."""

import asyncio
import time
from contextlib import suppress
from functools import partial

from quart import Quart, Response, Websocket, abort, request, websocket

from actors.close import Close
from actors.identity import Identity
from actors.node import Node
from actors.session import BadToken
from storage.actor import StorageActor
from storage.room import Room
from web import token
from web.arrival import STRANGER
from web.demo.door import serve_demo
from web.document.door import serve_documents
from web.file.door import open_file_door
from web.front import Disconnected, FrontDoor
from web.header import TEXT, guard
from web.metric import NodeCollector
from web.module.door import serve_modules
from web.operator import BODY_LIMIT, open_door
from web.origin import is_welcome
from web.page.door import serve_pages
from web.place import Place, Unanswered
from web.setting import Settings
from web.socket import attend
from web.stranger import Stranger, Strangers
from web.visitor import open_visitor_door

SUBPROTOCOL = "dibs.v1"
READY_S = 1.0


def make_app(
    settings: Settings,
    node: Node,
    storage: StorageActor,
    signer: token.TokenSigner,
    promise: str,
    strangers: Strangers,
    room: Room,
    place: Place,
) -> Quart:
    """The application of one node. `promise` says what an acknowledged command survives, `room` what is near its end, `place` how the
    other workers are."""
    app = FrontDoor(__name__, static_folder=None)
    guard(app)
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT
    place.count(NodeCollector(node, storage, strangers, room))
    ready = _Ready(storage)

    @app.websocket("/ws")
    async def _ws() -> None:
        socket: Websocket = websocket._get_current_object()  # type: ignore[attr-defined]  # the object itself: the proxy costs at every use
        headers = socket.headers
        if not is_welcome(headers.getlist("Origin"), headers.get("Host", ""), settings.origins, secure=socket.scheme == "wss"):
            abort(403)
        offered = socket.requested_subprotocols
        if offered and SUBPROTOCOL not in offered:
            abort(400)
        if node.draining:
            abort(503)
        with suppress(Disconnected):
            await socket.accept(subprotocol=SUBPROTOCOL if offered else None)
            await _open(socket, node, signer, strangers)

    @app.get("/healthz")
    async def _healthz() -> Response:
        response = _plain("ok")
        # Its own address, to nobody else: so that it can be seen from outside what the proxy before us tells.
        response.headers["Dibs-Address"] = request.remote_addr or ""
        response.headers["Cache-Control"] = "no-store"
        return response

    @app.get("/readyz")
    async def _readyz() -> Response:
        if node.draining:
            return _plain("draining", 503)
        if not await ready.ask():
            return _plain("storage cannot be reached or takes no writes", 503)
        warnings = (f"warning: {sentence}" for sentence in room.warnings.values())
        return _plain("\n".join([f"ready: {promise}", *place.standing(), *warnings]))

    @app.get("/metrics")
    async def _metrics() -> Response:
        try:
            return Response(await place.figures(), content_type="text/plain; version=0.0.4; charset=utf-8")
        except Unanswered:
            return _plain("the other workers cannot be asked", 503)

    open_door(app, node, signer, place)
    open_visitor_door(app, node, signer, settings)
    open_file_door(app, node, signer, settings, strangers)
    serve_documents(app)
    serve_modules(app)
    serve_pages(app)
    if settings.demo:
        serve_demo(app, signer, lambda: node.clock.wall_ms() / 1000)
    return app


async def _open(socket: Websocket, node: Node, signer: token.TokenSigner, strangers: Strangers) -> None:
    """Runs the session of an accepted socket; with its hello it is no stranger any more."""
    session = node.open(partial(_authenticate, signer))
    stranger: Stranger = socket.scope["state"][STRANGER]
    stranger.late = lambda: session.end(Close.PROTOCOL)
    session.on_hello = lambda: strangers.forget(stranger)
    await attend(socket, session, node)


def _authenticate(signer: token.TokenSigner, text: str) -> Identity:
    """Who opens a session. Operators look and withdraw over HTTP; they take no part in chats."""
    try:
        identity = signer.verify(text, time.time())
    except token.BadToken:
        raise BadToken from None
    if identity.role == "operator":
        raise BadToken
    return identity


class _Ready:
    """Whether the storage takes writes, asked at most once a second: the question is a write, and anybody may put it."""

    def __init__(self, storage: StorageActor) -> None:
        self._storage = storage
        self._asked_s = -READY_S
        self._answer: asyncio.Task[bool] | None = None

    async def ask(self) -> bool:
        now_s = time.monotonic()
        if self._answer is None or (self._answer.done() and now_s - self._asked_s >= READY_S):
            self._asked_s = now_s
            self._answer = asyncio.get_running_loop().create_task(self._storage.probe())
        return await asyncio.shield(self._answer)


def _plain(text: str, status: int = 200) -> Response:
    return Response(text + "\n", status, content_type=TEXT)
