"""A visit of the doctor: `dibs doctor` as a process, and its lines."""

import asyncio
import json
import os
import sys

import attrs

from tests.wire.server import ROOT, SECRET

WAIT_S = 60.0


@attrs.frozen
class Visit:
    """What it said, and its exit status."""

    status: int
    findings: tuple[dict[str, str], ...]
    text: str

    def about(self, about):
        """The one finding about something."""
        (finding,) = (finding for finding in self.findings if finding["about"] == about)
        return finding

    def verdicts(self):
        """About what -> how it stands, of all that is not well."""
        return {finding["about"]: finding["verdict"] for finding in self.findings if finding["verdict"] != "ok"}


async def run(*words, python=sys.executable, launch=("-m", "web.command"), **variables):
    """Its exit status, what it prints, and what it complains of."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DIBS_")}
    env = clean | {"DIBS_SECRET": SECRET, "PYTHONPATH": str(ROOT)} | variables
    process = await asyncio.create_subprocess_exec(
        python,
        *launch,
        "doctor",
        *map(str, words),
        cwd=ROOT,
        env={name: value for name, value in env.items() if value is not None},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(WAIT_S):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def visit(*words, **how):
    """Looks, as JSON; the exit status has to be 1 if and only if something fails."""
    status, out, err = await run("--json", *words, **how)
    assert err == "", err
    told = json.loads(out)
    found = Visit(status, tuple(told["findings"]), out)
    verdicts = [finding["verdict"] for finding in found.findings]
    assert told["verdict"] == max(verdicts, key=["ok", "warn", "fail"].index)
    assert status == ("fail" in verdicts)
    for finding in found.findings:
        assert bool(finding["mend"]) is (finding["verdict"] != "ok"), "what is not well says what to do about it"
        assert finding["found"]
    return found
