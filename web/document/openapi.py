"""What is asked over HTTP, as an OpenAPI 3.1 document. A test compares the paths with the application's own."""

from importlib.metadata import version
from typing import Any

from web.module.door import NAMES, summary

Schema = dict[str, Any]
_PLAIN = {"text/plain": {"schema": {"type": "string"}}}


def openapi() -> Schema:
    """The document, as JSON values."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "dibs over HTTP", "version": version("dibs"), "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "paths": PATHS,
        "components": {"securitySchemes": {"operator": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}},
    }


def _get(summary: str, content: str, **others: str) -> Schema:
    """One `get`; `others` maps a status to what it means, as `_503`."""
    shown = _PLAIN if content == "text/plain" else {content: {"schema": {"type": "object"} if "json" in content else {"type": "string"}}}
    answers: Schema = {"200": {"description": "It is so.", "content": shown}}
    answers |= {status.removeprefix("_"): {"description": meaning, "content": _PLAIN} for status, meaning in others.items()}
    return {"get": {"summary": summary, "responses": answers}}


_OPERATOR: list[Schema] = [{"operator": []}]
_WITHDRAWN: Schema = {
    "type": "object",
    "required": ["role", "id", "store", "exists", "at", "sessions", "stores", "chats"],
    "properties": {
        "role": {"type": "string"},
        "id": {"type": "string"},
        "store": {"type": ["string", "null"]},
        "exists": {"type": "boolean", "description": "false: nobody has opened this store yet; it holds for when somebody does"},
        "at": {"type": "integer", "description": "since when, in milliseconds"},
        "sessions": {"type": "integer", "description": "ended on this node"},
        "stores": {"type": "array", "items": {"type": "string"}, "description": "whose roster the agent left"},
        "chats": {"type": "integer", "description": "that went back to the queue"},
    },
}
_REFUSED = {"application/json": {"schema": {"type": "object", "properties": {"code": {"type": "string"}, "detail": {"type": "string"}}}}}


def _refusals(**others: str) -> Schema:
    """What is answered instead; `others` maps a further status to what it means, as `_404`."""
    meanings = _REFUSALS | {status.removeprefix("_"): meaning for status, meaning in others.items()}
    return {status: {"description": meaning, "content": _REFUSED} for status, meaning in meanings.items()}


_REFUSALS = {
    "400": "The request is not what is described here.",
    "401": "A valid token of an operator is needed.",
    "403": "Not for this token.",
    "503": "Storage cannot be reached, too many ask at once, or the server is stopping; repeating is harmless.",
}


def _asked(name: str, meaning: str, where: str = "query") -> Schema:
    return {"name": name, "in": where, "required": where == "path", "description": meaning, "schema": {"type": "string"}}


def _body(*required: str, optional: tuple[str, ...] = ()) -> Schema:
    schema: Schema = {"type": "object", "required": list(required), "additionalProperties": False}
    schema["properties"] = {name: {"type": "string"} for name in (*required, *optional)}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


_VISITOR: Schema = {
    "type": "object",
    "required": ["token", "id", "store", "name", "expires"],
    "properties": {
        "token": {"type": "string", "description": "for `hello`; whoever holds it is this visitor"},
        "id": {"type": "string", "description": "begins with v~"},
        "store": {"type": "string", "description": "the only one it is good for"},
        "name": {"type": ["string", "null"]},
        "expires": {"type": "integer", "description": "in milliseconds"},
    },
}
_NO_VISITOR = {
    "400": "The request is not what is described here.",
    "403": "The origin of the page is not allowed.",
    "404": "There is no such store, or the server takes no visitors.",
    "413": "The body is too large.",
    "429": "Too many from this address; `Retry-After` says when.",
    "503": "Storage cannot be reached, or the server is stopping.",
}

PATHS: dict[str, Schema] = {
    "/operator/revoke": {
        "post": {
            "summary": "Withdraws access: sessions end with 4003, chats go back to the queue, tokens issued until now are refused.",
            "security": _OPERATOR,
            "requestBody": _body("role", "id", optional=("store",)),
            "responses": {"200": {"description": "It is durable.", "content": {"application/json": {"schema": _WITHDRAWN}}}}
            | _refusals(_413="The body is too large."),
        }
    },
    "/operator/erase": {
        "post": {
            "summary": "Erases a chat: from the storage, its files, the store's log and the memory of the server. Its user's and the "
            "store's agents' clients come again. Not from backups, nor from what clients keep.",
            "security": _OPERATOR,
            "requestBody": _body("store", "user"),
            "responses": {"200": {"description": "Nothing is left.", "content": {"application/json": {"schema": {"type": "object"}}}}}
            | _refusals(_404="There is no such store.", _413="The body is too large."),
        }
    },
    "/operator/stores/{store}/audit": {
        "get": {
            "summary": "Who claimed, released, transferred, took over or resolved which chat when, as lines of JSON.",
            "security": _OPERATOR,
            "parameters": [
                _asked("store", "the store", "path"),
                _asked("user", "only the chat of this user"),
                _asked("agent", "only what this agent did, had or got"),
                _asked("reason", "only this reason"),
                _asked("since", "from this time on, in milliseconds"),
                _asked("until", "up to this time, in milliseconds"),
                _asked("after", "only above this offset"),
                _asked("limit", "at most so many lines"),
            ],
            "responses": {"200": {"description": "The lines.", "content": {"application/x-ndjson": {"schema": {"type": "string"}}}}}
            | _refusals(_404="There is no such store."),
        }
    },
    "/visitor": {
        "post": {
            "summary": "Gives a shopper without an account an identity of its own in one store, signed by the server, good for half a "
            "year. Pages of the origins that `--origins` names may ask.",
            "requestBody": _body("store", optional=("name",)),
            "responses": {"200": {"description": "The identity.", "content": {"application/json": {"schema": _VISITOR}}}}
            | {status: {"description": meaning, "content": _REFUSED} for status, meaning in _NO_VISITOR.items()},
        },
        "options": {
            "summary": "What a browser asks before it asks for a page of another origin.",
            "responses": {"204": {"description": "Whether it may is in the headers."}},
        },
    },
    "/healthz": _get(
        "Whether the process is up. `Dibs-Address` tells whoever asks which address the server believes it has.", "text/plain"
    ),
    "/readyz": _get(
        "Whether the storage can be reached and written to; says what an acknowledged command survives, and in lines that begin with "
        "`warning:` whether memory or disk run out, or a worker does not serve.",
        "text/plain",
        _503="It cannot, or the server is draining.",
    ),
    "/metrics": _get(
        "Figures for Prometheus. Labels are codes, kinds and sides, never an id. With several workers a sample without the label `worker` "
        "is the sum of all.",
        "text/plain",
        _503="The other workers cannot be asked.",
    ),
    "/docs": _get("These documents, to be read.", "text/html"),
    "/docs/style.css": _get("How they look.", "text/css"),
    "/docs/asyncapi.json": _get("The wire protocol as AsyncAPI 3.", "application/json"),
    "/docs/openapi.json": _get("This.", "application/json"),
    "/agent": _get("The console of agents and supervisors; what it is made of is below `/page/`.", "text/html"),
    "/board": _get("The board of supervisors.", "text/html"),
    "/page/{name}": {
        "get": {
            "summary": "A module, a style or a picture that a page is made of.",
            "parameters": [_asked("name", "its path", "path")],
            "responses": {"200": {"description": "The part, in a type of its own."}, "404": {"description": "There is no such part."}},
        }
    },
    **{f"/{name}": _get(summary(name), "text/javascript") for name in NAMES},
}
"""Path to what may be asked there."""
