"""The documents as one page to be read: frames of both sides with their fields, bodies, codes, and what is asked over HTTP."""

import re
from pathlib import Path
from typing import Any

import attrs
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from web.document.asyncapi import asyncapi
from web.document.openapi import openapi

Schema = dict[str, Any]
FOLDER = Path(__file__).parent
STYLE = (FOLDER / "style.css").read_text("utf-8")


@attrs.frozen
class Field:
    """A row of a table of fields."""

    name: str
    kind: Markup
    required: bool
    meaning: str


@attrs.frozen
class Part:
    """A frame, or what stands in one."""

    name: str
    anchor: str
    meaning: str
    fields: tuple[Field, ...]


def docs_page() -> str:
    """The page, as HTML that needs nothing from elsewhere."""
    document = asyncapi()
    schemas = document["components"]["schemas"]
    parts = {name: _part(name, schema) for name, schema in schemas.items()}
    framed = {message["payload"]["$ref"].rpartition("/")[2]: message["name"] for message in document["components"]["messages"].values()}
    frames = {
        side: [attrs.evolve(part, name=framed[name]) for name, part in parts.items() if name.startswith(f"{side}.") and name in framed]
        for side in ("client", "server")
    }
    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["code"] = _code
    return environment.get_template("docs.html").render(
        info=document["info"],
        frames=frames,
        bodies=[part for name, part in parts.items() if name.startswith("body.")],
        others=[part for name, part in parts.items() if name not in framed and not name.startswith("body.")],
        paths=openapi()["paths"],
    )


def _code(text: str) -> Markup:
    """What stands between backticks is code. A plain string, for `re.sub` would have Markup escape its own tags."""
    return Markup(re.sub("`([^`]*)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


def _part(name: str, schema: Schema) -> Part:
    required = schema.get("required", ())
    fields = tuple(
        Field(field, _kind(of), field in required, of.get("description", ""))
        for field, of in schema["properties"].items()
        if field != "type"
    )
    return Part(name.partition(".")[2], name, schema.get("description", ""), fields)


def _kind(schema: Schema) -> Markup:
    """The type of a value in a few words; what is described on the page is a link."""
    if "$ref" in schema:
        anchor = schema["$ref"].rpartition("/")[2]
        return Markup('<a href="#{}">{}</a>').format(anchor, anchor.rpartition(".")[2])
    if "anyOf" in schema:
        return Markup(" or ").join(dict.fromkeys(_kind(part) for part in schema["anyOf"]))
    if "enum" in schema:
        return Markup(" | ").join(f'"{value}"' for value in schema["enum"])
    match schema.get("type"):
        case "array":
            return Markup("list of {}").format(_kind(schema["items"]))
        case "object" if "additionalProperties" in schema:
            return Markup("map to {}").format(_kind(schema["additionalProperties"]))
        case "string" if "pattern" in schema:
            return Markup("id")
        case str(kind):
            return Markup.escape({"integer": "whole number", "boolean": "true | false"}.get(kind, kind))
        case _:
            return Markup('by kind, see <a href="#bodies">bodies</a>')
