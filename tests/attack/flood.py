"""Floods: one client sends as fast as it can what a server may choke on. `share` is the part of the 300 MB and of the time."""

from pathlib import Path

from tests.attack.flood_bytes import FLOODS
from tests.attack.scene import MB, Figures, Scene, scene

VOLUME, SECONDS = 300 * MB, 20.0
NAMES = tuple(flood.name for flood in FLOODS)


async def flood(name: str, folder: Path, share: float) -> Figures:
    """A flood on a server of its own. Where the server does not take the volume, the time ends it."""
    async with scene(folder) as stage:
        return await flooded(stage, name, share)


async def flooded(stage: Scene, name: str, share: float) -> Figures:
    """A flood on a server that has seen others before."""
    return await stage.attack(name, int(VOLUME * share), max(1.0, SECONDS * share))


async def taken(folder: Path, share: float) -> Figures:
    """Without a rate everything is read: all of the 300 MB go through the codec, and whoever sent them has the others beside him."""
    async with scene(folder, rate=0) as stage:
        figures = await stage.attack("large commands", int(VOLUME * share), 120)
        assert figures["sent MB"] >= VOLUME * share / MB, figures
        return figures
