"""The wire protocol as an AsyncAPI 3 document, made from `actors.frame`, `actors.told` and `actors.body`."""

from importlib.metadata import version
from typing import Any, get_args

import msgspec

from actors import frame, told
from actors.body import KINDS, Text
from actors.close import MEANING
from actors.context import Context
from actors.refusal import DETAIL, TEMPORARY

Schema = dict[str, Any]

_ABOUT = (
    "Shoppers (users) write to stores; every agent of a store sees every chat of it; exactly one agent claims a chat and answers it. "
    "A text message of the WebSocket holds one frame, a JSON object, or an array of up to 64 frames, which counts as its frames one after "
    "another. Whoever connects says `hello` first and is told `welcome`, `chats`, everything missed, `ready`. Every frame with an `id` is "
    "answered by one frame with the same `id`; what got no answer is sent again with the same `id` and takes effect once. Unknown fields "
    "are ignored."
)


def asyncapi() -> Schema:
    """The document, as JSON values."""
    said, said_schemas = _side("client", get_args(frame.Frame))
    heard, heard_schemas = _side("server", get_args(told.Told))
    (*bodies, context), body_schemas = _parts("body", [*KINDS.values(), Context])
    schemas = said_schemas | heard_schemas | body_schemas
    of_kind = [_of_kind(kind, ref) for kind, ref in zip(KINDS, bodies, strict=True)]
    for name in ("client.Send", "server.Message"):
        schemas[name] |= {"oneOf": of_kind}
        schemas[name]["properties"]["kind"] = {"enum": list(KINDS)}
    text = dict(zip(KINDS.values(), bodies, strict=True))[Text]
    for name in ("client.Note", "client.Announce"):
        schemas[name]["properties"]["body"] = text
    schemas["client.Context"]["properties"]["context"] = {"anyOf": [context, {"type": "null"}]}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "dibs",
            "version": version("dibs"),
            "description": _ABOUT,
            "license": {"name": "Apache-2.0"},
            "x-error-codes": {code: {"detail": detail, "temporary": code in TEMPORARY} for code, detail in DETAIL.items()},
            "x-close-codes": {str(int(code)): meaning for code, meaning in MEANING.items()},
        },
        "defaultContentType": "application/json",
        "channels": {
            "ws": {
                "address": "/ws",
                "title": "The one WebSocket of a client; subprotocol dibs.v1",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in (*said, *heard)},
                "bindings": {"ws": {"method": "GET"}},
            }
        },
        "operations": {
            "hear": {
                "action": "receive",
                "summary": "What clients may say.",
                "channel": {"$ref": "#/channels/ws"},
                "messages": _refs(said),
            },
            "tell": {"action": "send", "summary": "What clients are told.", "channel": {"$ref": "#/channels/ws"}, "messages": _refs(heard)},
        },
        "components": {"messages": said | heard, "schemas": schemas},
    }


def _side(side: str, types: tuple[type, ...]) -> tuple[dict[str, Schema], dict[str, Schema]]:
    """The messages and the schemas of one side."""
    refs, schemas = _parts(side, list(types))
    messages = {}
    for kind, ref in zip(types, refs, strict=True):
        tag = str(kind.__struct_config__.tag)  # type: ignore[attr-defined]  # every frame is a tagged Struct
        messages[f"{side}.{tag}"] = {"name": tag, "title": tag, "summary": (kind.__doc__ or "").strip(), "payload": ref}
    return messages, schemas


def _parts(prefix: str, types: list[type]) -> tuple[list[Schema], dict[str, Schema]]:
    refs, components = msgspec.json.schema_components(types, ref_template=f"#/components/schemas/{prefix}.{{name}}")
    return list(refs), {f"{prefix}.{name}": _portable(schema) for name, schema in components.items()}


def _portable(value: Any) -> Any:
    """The same with patterns as JSON Schema has them: Python's end of a text is ECMA-262's `$`."""
    if isinstance(value, dict):
        return {key: item.replace(r"\Z", "$") if key == "pattern" else _portable(item) for key, item in value.items()}
    return [_portable(item) for item in value] if isinstance(value, list) else value


def _of_kind(kind: str, body: Schema) -> Schema:
    return {"properties": {"kind": {"const": kind}, "body": body}}


def _refs(messages: dict[str, Schema]) -> list[Schema]:
    return [{"$ref": f"#/channels/ws/messages/{name}"} for name in messages]
