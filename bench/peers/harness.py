"""A harness of other peers, where one is at hand: a copy of it with dibs among them is run, and what it says is read."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console

from bench.found import Figures, Found
from tests.wire.server import ROOT

PEERS = ("dibs", "socketio_node", "quart_redis")
INSTALLED = ("venv", "node_modules")
"""What is linked rather than copied."""


async def measured(harness: Path, rounds: int, console: Console) -> Found:
    """Medians of each phase of dibs and two others, in turn."""
    if not (harness / "run.py").exists() or not (harness / "harness" / "base.py").exists():
        return Found(broken=[f"HARNESS={harness} has no run.py and no harness/base.py"])
    told: dict[str, list[dict[str, Any]]] = {peer: [] for peer in PEERS}
    found = Found()
    with tempfile.TemporaryDirectory(prefix="h") as folder:
        copy = Path(folder) / "copy"
        _copy(harness, copy)
        for number in range(rounds):
            for peer in PEERS:
                console.print(f"harness, round {number + 1}, {peer}", highlight=False)
                try:
                    told[peer].append(await _run(copy, peer))
                except (AssertionError, TimeoutError) as error:
                    found.broken.append(f"{peer}: {error}")
    for phase in next((list(some[0]) for some in told.values() if some), []):
        for peer, some in told.items():
            if some:
                found.rows[f"{phase}: {peer}"] = {what: round(median(each[phase][what] for each in some), 4) for what in some[0][phase]}
    return found


def _copy(harness: Path, copy: Path) -> None:
    harness = harness.resolve()
    shutil.copytree(harness, copy, ignore=shutil.ignore_patterns(*INSTALLED, "var", "results", "dibs", "__pycache__"))
    for name in INSTALLED:
        for there in (harness / name, *harness.glob(f"peers/*/{name}")):
            if there.exists():
                (copy / there.relative_to(harness)).symlink_to(there)
    (copy / "peers" / "dibs").mkdir()
    shutil.copy(Path(__file__).with_name("adapter.py"), copy / "peers" / "dibs" / "peer.py")


async def _run(copy: Path, peer: str) -> dict[str, Figures]:
    """Phase to figures. Its acks are left out: it counts those that come alone, and dibs packs them with what else there is."""
    environment = os.environ | {"DIBS_HOUSE": str(ROOT), "DIBS_PYTHON": sys.executable}
    process = await asyncio.create_subprocess_exec(
        *(str(copy / "venv" / "bin" / "python"), str(copy / "run.py"), peer, "--only", "load"),
        cwd=copy,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(300):
            said, wrong = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    assert said.strip(), f"said nothing: {wrong.decode(errors='replace')[-300:]}"
    result = json.loads(said.splitlines()[-1])
    assert "error" not in result, str(result["error"])[:300]
    return {name: _figures(phase) for name, phase in result.items() if isinstance(phase, dict) and "deliveries_per_s" in phase}


def _figures(phase: dict[str, Any]) -> Figures:
    waits = {
        f"{what[4:]} {name} ms": phase[what][name] for what in ("lat_agent", "lat_reply") if phase.get(what) for name in ("p50", "p99")
    }
    cores = (phase["server_cpu"] + phase["redis_cpu"]) / max(1, phase["deliveries_per_s"])
    lost = phase["agent_missing"] + phase["reply_missing"] + phase["gaps"] + phase["reordered"]
    return {
        "deliveries a second": phase["deliveries_per_s"],
        "CPU s for 1,000 deliveries": 1000 * cores,
        "lost or out of order": lost,
    } | waits
