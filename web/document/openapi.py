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
        "components": {
            "securitySchemes": {name: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"} for name in ("operator", "bearer")}
        },
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

_BEARER: list[Schema] = [{"bearer": []}]
_ALLOWED: Schema = {
    "summary": "What a browser asks before it asks for a page of another origin.",
    "responses": {"204": {"description": "Whether it may is in the headers."}},
}
_FILE: Schema = {
    "type": "object",
    "required": ["url", "name", "type", "size"],
    "properties": {
        "url": {"type": "string", "description": "lasting; it goes into the body of a message"},
        "name": {"type": "string"},
        "type": {"type": "string", "description": "by content"},
        "size": {"type": "integer"},
        "width": {"type": "integer", "description": "of a picture"},
        "height": {"type": "integer", "description": "of a picture"},
    },
}
_SIGNED: Schema = {
    "type": "object",
    "required": ["urls", "until"],
    "properties": {
        "urls": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "missing: not of the identity's chats, or not there",
        },
        "until": {"type": "integer", "description": "how long they are good, in milliseconds"},
    },
}
_TO_SIGN: Schema = {
    "type": "object",
    "required": ["urls"],
    "additionalProperties": False,
    "properties": {
        "urls": {
            "type": "array",
            "maxItems": 64,
            "items": {
                "oneOf": [
                    {"type": "string"},
                    {
                        "type": "object",
                        "required": ["url"],
                        "additionalProperties": False,
                        "properties": {"url": {"type": "string"}, "name": {"type": "string", "description": "of the download"}},
                    },
                ]
            },
        }
    },
}


def _file_refusals(*statuses: str) -> Schema:
    return {status: {"description": _NO_FILE[status], "content": _REFUSED} for status in statuses}


_NO_FILE = {
    "400": "The request is not what is described here, the file is empty, or it came too slowly.",
    "401": "A valid token of a user, an agent or a supervisor is needed.",
    "403": "Not for this token, or the signature is not good, or not any more.",
    "404": "There is no such store, chat or file, or the server takes no files.",
    "413": "It is too large.",
    "415": "Files of this type are not taken, or the name says another type than the content.",
    "429": "`rate_limited`: too many at once; `quota`: the day's files are used up. `Retry-After` says when.",
    "503": "Storage or the place of the files cannot be reached, or the server is stopping; repeating is harmless.",
    "507": "There is no room for more files.",
}

PATHS: dict[str, Schema] = {
    "/files": {
        "post": {
            "summary": "Takes a file of a chat: png, jpeg, gif, webp, pdf, plain text, zip, docx, xlsx or pptx, known by its content.",
            "security": _BEARER,
            "parameters": [
                _asked("store", "the store"),
                _asked("user", "whose chat, for agents"),
                _asked("name", "the file's name"),
            ],
            "requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
            "responses": {"201": {"description": "It is durable.", "content": {"application/json": {"schema": _FILE}}}}
            | _file_refusals("400", "401", "403", "404", "413", "415", "429", "503", "507"),
        },
        "options": _ALLOWED,
    },
    "/files/sign": {
        "post": {
            "summary": "Gives addresses that are good for ten minutes, for pictures and links of a page.",
            "security": _BEARER,
            "requestBody": {"required": True, "content": {"application/json": {"schema": _TO_SIGN}}},
            "responses": {"200": {"description": "The addresses.", "content": {"application/json": {"schema": _SIGNED}}}}
            | _file_refusals("400", "401", "403", "404", "413", "429", "503"),
        },
        "options": _ALLOWED,
    },
    "/files/{store}/{user}/{name}": {
        "get": {
            "summary": "A file, for whoever has a signed address of it or a token that reads its chat.",
            "security": [{}, {"bearer": []}],
            "parameters": [
                _asked("store", "the store", "path"),
                _asked("user", "whose chat", "path"),
                _asked("name", "the digest of its content, and its type", "path"),
                *(_asked(name, "as `/files/sign` gave it") for name in ("until", "signature")),
            ],
            "responses": {"200": {"description": "The bytes; pictures are shown, all else is saved."}}
            | _file_refusals("401", "403", "404", "503"),
        },
        "options": _ALLOWED,
    },
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
