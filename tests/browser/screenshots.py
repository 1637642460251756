"""`make screenshots`: a picture of every page in every state, light and dark, on a desk and on a phone, in both languages.

Arguments choose by a part of a state's name. Exit status 1 where one could not be brought about.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Error
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.browser.state import STATES
from tests.browser.state.scene import DARK, LIGHT, LOCALES, PHONE, Stage, stage

LOOKS = (LIGHT, DARK, PHONE)


async def take(stage: Stage, name: str, locale: str, out: Path) -> None:
    """The pictures of one state in one language."""
    async with stage.scene(name, locale) as scene:
        page = await STATES[name](scene)
        for look in LOOKS:
            await look.at(page)
            await page.screenshot(path=out / f"{name}.{locale[:2]}.{look.name}.png", animations="disabled")


async def main() -> int:
    parser = argparse.ArgumentParser(prog="make screenshots", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", help=f"parts of names, all without: {', '.join(STATES)}")
    parser.add_argument("--out", type=Path, default=Path("screenshots"), help="the folder")
    asked = parser.parse_args()
    chosen = [name for name in STATES if not asked.names or any(part in name for part in asked.names)]
    if not chosen:
        parser.error(f"no such state; there are {', '.join(STATES)}")
    asked.out.mkdir(parents=True, exist_ok=True)
    console, failed = Console(), 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        tempfile.TemporaryDirectory(prefix="s") as folder,
        Progress(*columns, console=console, disable=not console.is_terminal) as progress,
    ):
        task = progress.add_task("pictures", total=len(chosen) * len(LOCALES))
        async with stage(Path(folder)) as found:
            for name in chosen:
                for locale in LOCALES:
                    progress.update(task, description=name)
                    try:
                        await take(found, name, locale, asked.out)
                    except (AssertionError, Error) as error:
                        failed += 1
                        console.print(f"{name} in {locale}: {error}", style="red", highlight=False, markup=False)
                    progress.advance(task)
    console.print(f"{len(list(asked.out.glob('*.png')))} pictures in {asked.out}", highlight=False)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
