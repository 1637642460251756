"""What a file is, by its content: never by its name or by what the sender says.

Pillow reads the head of a picture and decodes none of it. Not of a WebP: it makes room for the whole canvas when it opens one, two bytes of
head are enough for gigabytes; so that head is read here. A text is text if all of it is UTF-8 without control characters and neither it nor
its name is something that a browser or a shell would run. A name that claims another type than the content has is refused.
"""

import codecs
import re
import warnings
import zipfile
from pathlib import Path
from typing import BinaryIO

import attrs
from PIL import Image, UnidentifiedImageError

_HEAD = 512
_PIECE = 64 * 1024
_MEMBERS = 10_000
_SUFFIXES = {
    "png": ("png",),
    "jpg": ("jpg", "jpeg", "jpe", "jfif"),
    "gif": ("gif",),
    "webp": ("webp",),
    "pdf": ("pdf",),
    "txt": ("txt", "text", "log", "md", "csv", "tsv"),
    "zip": ("zip",),
    "docx": ("docx",),
    "xlsx": ("xlsx",),
    "pptx": ("pptx",),
}
_OFFICE = "application/vnd.openxmlformats-officedocument."
TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "pdf": "application/pdf",
    "txt": "text/plain; charset=utf-8",
    "zip": "application/zip",
    "docx": _OFFICE + "wordprocessingml.document",
    "xlsx": _OFFICE + "spreadsheetml.sheet",
    "pptx": _OFFICE + "presentationml.presentation",
}
"""The end of a name to the type that it is served as."""
IMAGES = ("png", "jpg", "gif", "webp")
_PICTURES = {"PNG": "png", "JPEG": "jpg", "GIF": "gif"}
_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_RUNS = re.compile(r"\s*(?:<[!?/a-z]|#!|%!ps)", re.IGNORECASE)


class Unsupported(Exception):
    """It is none of the types that are taken."""


@attrs.frozen
class Kind:
    """The end of the file's name, and for a picture its size."""

    suffix: str
    width: int | None = None
    height: int | None = None


def kind_of(path: Path, name: str) -> Kind:
    """What the file is; raises `Unsupported`. It reads the file, so not on the loop."""
    with path.open("rb") as file:
        kind = _kind(file)
    suffix = suffix_of(name)
    if suffix and suffix not in _SUFFIXES[kind.suffix]:
        raise Unsupported
    return kind


def suffix_of(name: str) -> str:
    """What stands behind the last dot of a name, in small letters."""
    stem, dot, suffix = name.rpartition(".")
    return suffix.lower() if dot and stem else ""


def named(name: str, suffix: str) -> str:
    """The name of a download: it ends as what it is."""
    return name if suffix_of(name) in _SUFFIXES[suffix] else f"{name}.{suffix}"


def _kind(file: BinaryIO) -> Kind:
    head = file.read(_HEAD)
    file.seek(0)
    if head.startswith(_MAGIC):
        return _picture(file)
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return _webp(head)
    if head.startswith(b"%PDF-"):
        return Kind("pdf")
    if head.startswith(b"PK\x03\x04"):
        return _archive(file)
    return _text(file)


def _picture(file: BinaryIO) -> Kind:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # nothing is decompressed here
            with Image.open(file, formats=tuple(_PICTURES)) as image:
                return Kind(_PICTURES[str(image.format)], *image.size)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError, KeyError, EOFError):
        raise Unsupported from None


def _webp(head: bytes) -> Kind:
    """https://developers.google.com/speed/webp/docs/riff_container, and RFC 6386, section 9.1, for what is lossy."""
    chunk, body = head[12:16], head[20:]
    if chunk == b"VP8X" and len(body) >= 10:
        return Kind("webp", 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little"))
    if chunk == b"VP8L" and len(body) >= 5 and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return Kind("webp", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    if chunk == b"VP8 " and len(body) >= 10 and body[3:6] == b"\x9d\x01\x2a":
        return Kind("webp", int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF)
    raise Unsupported


def _archive(file: BinaryIO) -> Kind:
    """An archive is not unpacked; the names in it tell what it is."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeDecodeError):
        raise Unsupported from None
    if len(names) > _MEMBERS:
        raise Unsupported
    if "[Content_Types].xml" in names:
        for suffix, folder in (("docx", "word/"), ("xlsx", "xl/"), ("pptx", "ppt/")):
            if any(name.startswith(folder) for name in names):
                # With macros it is a program.
                if any(name.lower().endswith("vbaproject.bin") for name in names):
                    raise Unsupported
                return Kind(suffix)
    return Kind("zip")


def _text(file: BinaryIO) -> Kind:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    first = True
    try:
        while piece := file.read(_PIECE):
            text = decoder.decode(piece)
            if _CONTROL.search(text) or (first and _RUNS.match(text)):
                raise Unsupported
            first = False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise Unsupported from None
    if first:
        raise Unsupported  # nothing is no text
    return Kind("txt")
