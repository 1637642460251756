"""Every state of every page, as those see it who have a dark screen, a small one, a large letter, or no wish to see things move.

Without `LONG` every fourth state is looked at, in one language and in one look, which change from state to state.
"""

import os

import pytest

from tests.browser.axe import beside, missing, moving, violations
from tests.browser.state import STATES
from tests.browser.state.scene import DARK, LIGHT, LOCALES, NARROW, PHONE, PHONE_DARK, ZOOMED, stage

pytestmark = pytest.mark.anyio

IS_LONG = os.environ.get("LONG") == "1"
LOOKS = (LIGHT, PHONE_DARK, DARK, PHONE)
TURNS = [
    (name, locale, looks)
    for n, name in enumerate(list(STATES)[:: 1 if IS_LONG else 4])
    for locale in (LOCALES if IS_LONG else LOCALES[n % 2 : n % 2 + 1])
    for looks in [LOOKS if IS_LONG else LOOKS[n // 2 % 4 :][:1]]
]


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
async def whole(tmp_path_factory):
    async with stage(tmp_path_factory.mktemp("a")) as made:
        yield made


@missing
@pytest.mark.parametrize(("name", "locale", "looks"), TURNS, ids=[f"{name}-{locale}" for name, locale, _ in TURNS])
async def test_axe_finds_nothing_and_all_is_on_the_screen_and_at_rest_for_who_wants_that(whole, name, locale, looks):
    async with whole.scene(name, locale) as scene:
        page = await STATES[name](scene)
        for look in looks:
            await look.at(page)
            assert await violations(page) == [], look.name
        for look in (NARROW, ZOOMED):
            await look.at(page)
            assert await beside(page) == [], look.name
        await page.emulate_media(reduced_motion="reduce")
        assert await moving(page) == []


async def test_pages_move_for_whoever_did_not_ask_for_rest(whole):
    """Else nothing would be shown by their being at rest above."""
    for name in ("agent-empty", "widget-greeting"):
        async with whole.scene(f"moving-{name}", "en") as scene:
            page = await STATES[name](scene)
            await page.emulate_media(reduced_motion="no-preference")
            assert await moving(page) != []
