"""One line of the doctor's: how it stands with one thing, what was found, and what to do about it."""

from enum import StrEnum

import attrs


class Verdict(StrEnum):
    """A failure is what keeps dibs from serving, or its promise from holding; a warning is what may come to that."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@attrs.frozen
class Finding:
    """`mend` is empty where nothing needs to be done."""

    verdict: Verdict
    about: str
    found: str
    mend: str = ""


def ok(about: str, found: str) -> Finding:
    """All is well."""
    return Finding(Verdict.OK, about, found)


def warn(about: str, found: str, mend: str) -> Finding:
    """It works, and should not stay so."""
    return Finding(Verdict.WARN, about, found, mend)


def fail(about: str, found: str, mend: str) -> Finding:
    """It does not work, or something is not safe."""
    return Finding(Verdict.FAIL, about, found, mend)
