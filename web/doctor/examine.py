"""The whole examination, line by line as it goes on, and how it is shown: for people, on a terminal with colours, or as JSON."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import attrs
from rich.console import Console
from rich.text import Text

from web.doctor.directory import examine_directory
from web.doctor.door import examine_door
from web.doctor.environment import examine_environment
from web.doctor.finding import Finding, Verdict, fail
from web.doctor.limit import examine_limit
from web.doctor.secret import examine_secret
from web.setting import ConfigError, Settings, read_settings

_STYLE = {Verdict.OK: "green", Verdict.WARN: "bold yellow", Verdict.FAIL: "bold red"}

_COUNTED = {Verdict.WARN: "warning", Verdict.FAIL: "failure"}


@attrs.frozen(kw_only=True)
class Asked:
    """What to look at: flags of the settings by their names, `url` for the public address."""

    flags: Mapping[str, str | None]
    environ: Mapping[str, str]
    url: str | None


def run(asked: Asked, *, as_json: bool) -> int:
    """Prints what is found; the exit status: 1 where something fails."""
    return asyncio.run(_run(asked, as_json=as_json))


async def _run(asked: Asked, *, as_json: bool) -> int:
    findings = []
    console = Console(highlight=False)
    async for finding in examine(asked):
        findings.append(finding)
        if not as_json:
            console.print(_line(finding), soft_wrap=True)
    count = {verdict: sum(finding.verdict is verdict for finding in findings) for verdict in Verdict}
    failed = count[Verdict.FAIL] > 0
    if as_json:
        worst = next(verdict for verdict in reversed(Verdict) if count[verdict])
        console.out(json.dumps({"verdict": worst, "findings": [attrs.asdict(finding) for finding in findings]}))
    else:
        warned, bad = (f"{count[verdict]} {word}" + "s" * (count[verdict] != 1) for verdict, word in _COUNTED.items())
        console.print(f"{count[Verdict.OK]} ok, {warned}, {bad}", soft_wrap=True)
    return int(failed)


async def examine(asked: Asked) -> AsyncIterator[Finding]:
    """Everything in turn; raises `ConfigError` for a flag that cannot be used."""
    given = {name: value for name, value in asked.flags.items() if value is not None}
    plain = read_settings(given, {})
    for finding in examine_environment():
        yield finding
    try:
        settings = read_settings(given, asked.environ)
    except ConfigError as error:
        if not str(error).startswith("DIBS_SECRET"):  # that has a line of its own
            yield fail("settings", str(error), "correct or unset it; the rest is looked at without the variables")
        settings = plain
    yield examine_limit(settings.unauthenticated_limit)
    for finding in examine_secret(asked.environ, settings.data):
        yield finding
    if settings.redis is None or settings.data.exists():
        for finding in examine_directory(settings.data):
            yield finding
    async for finding in _store(settings, settings.data):
        yield finding
    if asked.url is not None:
        for finding in examine_door(asked.url):
            yield finding


async def _store(settings: Settings, data: Path) -> AsyncIterator[Finding]:
    try:
        from web.doctor.store import examine_store
    except ImportError as error:
        yield fail("redis", f"cannot be asked: {error}", "install dibs again into a fresh environment")
        return
    async for finding in examine_store(settings.redis, settings.redis_server, data):
        yield finding


def _line(finding: Finding) -> Text:
    mend = f" -> {finding.mend}" if finding.mend else ""
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in f"{finding.about:<10}  {finding.found}{mend}")
    return Text.assemble((f"{finding.verdict:<4}", _STYLE[finding.verdict]), f"  {text}")
