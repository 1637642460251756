"""The bodies of messages by `kind`, and the limit on all of them.

A body is decoded into its type and encoded again: what others receive holds known fields only.
"""

import re
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

BODY_LIMIT = 8 * 1024
"""Bytes of a body as compact UTF-8 JSON."""

_URL = re.compile(r"(?:https://[^\s/\\?#\x00-\x1f][^\s\\\x00-\x1f]*|/(?![/\\])[^\s\\\x00-\x1f]*)\Z", re.IGNORECASE)

Url = Annotated[str, Meta(min_length=1, max_length=2048)]
Count = Annotated[int, Meta(ge=0)]


class Text(Struct, frozen=True, omit_defaults=True):
    """Plain text: the body of a `text`, a `note` and an `announce`."""

    text: str


class Image(Struct, frozen=True, omit_defaults=True):
    """A picture by its address."""

    url: Url
    alt: str | None = None
    width: Count | None = None
    height: Count | None = None


class File(Struct, frozen=True, omit_defaults=True):
    """A file by its address; `size` in bytes."""

    url: Url
    name: str
    size: Count | None = None


class Product(Struct, frozen=True, omit_defaults=True):
    """A product card."""

    sku: str
    title: str
    price: int | float | str | None = None
    currency: str | None = None
    image: Url | None = None
    url: Url | None = None


class Order(Struct, frozen=True, omit_defaults=True):
    """An order card."""

    number: str
    status: str | None = None
    total: int | float | str | None = None
    currency: str | None = None
    url: Url | None = None


Body = Text | Image | File | Product | Order

KINDS: dict[str, type[Body]] = {"text": Text, "image": Image, "file": File, "product": Product, "order": Order}
"""Every `kind` a message may have, and the type of its body."""

_DECODERS: dict[str, msgspec.json.Decoder[Body]] = {kind: msgspec.json.Decoder(body) for kind, body in KINDS.items()}
_ENCODE = msgspec.json.Encoder().encode


class BodyTooLarge(Exception):
    """The body is above `BODY_LIMIT`, or what it is above else."""


class BadBody(Exception):
    """The body does not fit its kind."""


def is_address(url: str) -> bool:
    """Whether it is `https:` or a path on this server."""
    return _URL.match(url) is not None


def encode_body(kind: str, raw: bytes | memoryview) -> bytes:
    """The body as others will receive it: compact UTF-8 JSON with the known fields of `kind`.

    Raises `BadBody` for an unknown kind, a wrong field or an address that is neither `https:` nor a path on this
    server, and `BodyTooLarge`.
    """
    decoder = _DECODERS.get(kind)
    if decoder is None:
        raise BadBody(kind)
    try:
        body = decoder.decode(raw)
        for url in (getattr(body, "url", None), getattr(body, "image", None)):
            if url is not None and not is_address(url):
                raise BadBody(kind)
        if len(raw) > BODY_LIMIT and len(_ENCODE(msgspec.json.decode(raw))) > BODY_LIMIT:
            raise BodyTooLarge
        encoded = _ENCODE(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise BadBody(kind) from error
    if len(encoded) > BODY_LIMIT:
        raise BodyTooLarge
    return encoded
