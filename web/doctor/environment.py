"""The environment: the Python, the packages against the oldest versions that dibs works with, and their compiled parts."""

import platform
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, metadata, version

from web.doctor.finding import Finding, fail, ok, warn

COMPILED = {"uvloop": "uvloop.loop", "hiredis": "hiredis.hiredis", "msgspec": "msgspec._core"}
"""Packages whose compiled part dibs does not work without."""
_AGAIN = "install dibs again into a fresh environment"
_LEAST = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?>=([0-9.]+)")


def examine_environment() -> Iterator[Finding]:
    """Three lines."""
    yield _python(platform.python_version(), set(metadata("dibs").get_all("Classifier") or ()))
    yield _packages(metadata("dibs").get_all("Requires-Dist") or ())
    yield _compiled()


def _python(running: str, classifiers: set[str]) -> Finding:
    found = f"{platform.python_implementation()} {running} on {platform.system()} {platform.machine()}"
    short = ".".join(running.split(".")[:2])
    if f"Programming Language :: Python :: {short}" not in classifiers or sys.implementation.name != "cpython":
        return warn("python", found, "dibs is tested on CPython 3.11 to 3.13")
    return ok("python", found)


def _packages(required: list[str] | tuple[()]) -> Finding:
    always = [line.replace(" ", "").replace("(", "") for line in required if "extra ==" not in line]
    asked = [match.groups() for line in always if (match := _LEAST.match(line))]
    wrong = []
    for name, least in asked:
        try:
            installed = version(name)
        except PackageNotFoundError:
            wrong.append(f"{name} is missing")
            continue
        if _numbers(installed) < _numbers(least):
            wrong.append(f"{name} {installed} is older than {least}")
    if wrong:
        return fail("packages", ", ".join(wrong), _AGAIN)
    return ok("packages", f"{len(asked)} packages, none older than dibs {version('dibs')} needs")


def _compiled() -> Finding:
    missing = []
    for name, module in COMPILED.items():
        try:
            import_module(module)
        except ImportError as error:
            missing.append(f"{name} ({error})")
    if missing:
        return fail("compiled", f"cannot be loaded: {', '.join(missing)}", _AGAIN)
    return ok("compiled", ", ".join(f"{name} {version(name)}" for name in COMPILED))


def _numbers(text: str) -> tuple[int, ...]:
    found = re.match(r"[0-9]+(?:\.[0-9]+)*", text)
    numbers = [int(part) for part in found[0].split(".")] if found else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
