"""Every frame on the wire against the served document: what the server says always, what a client says where the codec takes it."""

import functools
from typing import Any

import jsonschema_rs
from actors.body import BadBody, BodyTooLarge, encode_body
from actors.context import encode_context
from actors.frame import Context, Malformed, parse
from web.document.asyncapi import asyncapi

Frame = dict[str, Any]


@functools.cache
def validators() -> dict[str, jsonschema_rs.Draft202012Validator]:
    """Message of the document (`server.ack`) to what judges its payload."""
    document = asyncapi()
    components = {"components": {"schemas": document["components"]["schemas"]}}
    messages = document["components"]["messages"]
    return {name: jsonschema_rs.Draft202012Validator(message["payload"] | components) for name, message in messages.items()}


def faults(side: str, frame: Frame) -> list[str]:
    """What the document says against a frame of the client or of the server."""
    known = validators().get(f"{side}.{frame.get('type')}")
    if known is None:
        return [f"the document has no frame {frame.get('type')!r} of the {side}"]
    return [f"the document: {error.message} at {error.instance_path}" for error in known.iter_errors(frame)]


def _has_good_body(frame: object) -> bool:
    """Bodies are read behind the codec, by their kind, and so are contexts."""
    raw = getattr(frame, "context" if isinstance(frame, Context) and frame.tells else "body", None)
    if raw is None:
        return True
    try:
        if isinstance(frame, Context):
            encode_context(raw)
        else:
            encode_body(getattr(frame, "kind", "text"), raw)
    except (BadBody, BodyTooLarge):
        return False
    return True


def faults_of_said(text: str | bytes, frames: list[object]) -> list[str]:
    """The same for a message of a client, of which only what the codec takes is the document's business."""
    read = parse(text) if isinstance(text, str) else []
    if len(read) != len(frames):
        return []
    pairs = zip(read, frames, strict=True)
    return [
        f"{fault}: {frame}"
        for kind, frame in pairs
        if not isinstance(kind, Malformed) and isinstance(frame, dict) and _has_good_body(kind)
        for fault in faults("client", frame)
    ]
