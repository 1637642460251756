"""What a shopper's page says of where the shopper is: the page, what led there, the device, what is looked at.

What is known here is checked; what a page says besides is kept as it is.
"""

import msgspec
from msgspec import Raw, Struct

from actors.body import BadBody, BodyTooLarge, Product, Url, is_address

CONTEXT_LIMIT = 2 * 1024
"""Bytes of a context as compact UTF-8 JSON."""


class Page(Struct, frozen=True):
    """A page of the shop."""

    url: Url | None = None
    title: str | None = None


class Context(Struct, frozen=True):
    """Where a shopper is. `device` is a short text, as `Chrome · Windows`; other fields are kept as they are."""

    page: Page | None = None
    referrer: Url | None = None
    device: str | None = None
    locale: str | None = None
    timezone: str | None = None
    product: Product | None = None


_ENCODE = msgspec.json.Encoder().encode
_DECODER = msgspec.json.Decoder(Context)


def encode_context(raw: Raw) -> bytes:
    """The context as agents will receive it: compact UTF-8 JSON with all of its fields.

    Raises `BadBody` for a wrong field or an address that is neither `https:` nor a path on this server, and `BodyTooLarge`.
    """
    try:
        context = _DECODER.decode(raw)
        encoded = _ENCODE(msgspec.json.decode(raw))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, OverflowError) as error:
        raise BadBody("context") from error
    page, product = context.page or Page(), context.product
    for url in (page.url, context.referrer, *((product.image, product.url) if product else ())):
        if url is not None and not is_address(url):
            raise BadBody("context")
    if len(encoded) > CONTEXT_LIMIT:
        raise BodyTooLarge
    return encoded
