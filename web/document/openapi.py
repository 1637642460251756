"""What is asked over HTTP, as an OpenAPI 3.1 document. A test compares the paths with the application's own."""

from importlib.metadata import version
from typing import Any

Schema = dict[str, Any]
_PLAIN = {"text/plain": {"schema": {"type": "string"}}}


def openapi() -> Schema:
    """The document, as JSON values."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "dibs over HTTP", "version": version("dibs"), "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "paths": PATHS,
    }


def _get(summary: str, content: str, **others: str) -> Schema:
    """One `get`; `others` maps a status to what it means, as `_503`."""
    shown = _PLAIN if content == "text/plain" else {content: {"schema": {"type": "object"} if "json" in content else {"type": "string"}}}
    answers: Schema = {"200": {"description": "It is so.", "content": shown}}
    answers |= {status.removeprefix("_"): {"description": meaning, "content": _PLAIN} for status, meaning in others.items()}
    return {"get": {"summary": summary, "responses": answers}}


PATHS: dict[str, Schema] = {
    "/healthz": _get("Whether the process is up.", "text/plain"),
    "/readyz": _get(
        "Whether the storage can be reached and written to; says what an acknowledged command survives.",
        "text/plain",
        _503="It cannot, or the server is draining.",
    ),
    "/metrics": _get("Figures for Prometheus. Labels are codes, kinds and sides, never an id.", "text/plain"),
    "/docs": _get("These documents, to be read.", "text/html"),
    "/docs/style.css": _get("How they look.", "text/css"),
    "/docs/asyncapi.json": _get("The wire protocol as AsyncAPI 3.", "application/json"),
    "/docs/openapi.json": _get("This.", "application/json"),
}
"""Path to what may be asked there."""
