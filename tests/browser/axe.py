"""What keeps people out of a page: axe-core looks for it, and whatever lies beside a narrow screen is found as well."""

import os
from pathlib import Path

import pytest
from playwright.async_api import Page

FOLDER = Path(__file__).parent / "npm"
SCRIPT = FOLDER / "node_modules" / "axe-core" / "axe.min.js"
WHY = "no axe-core beside the tests: it comes from npm (on Debian: apt install npm, then make tests/browser/npm/node_modules/installed)"

missing = pytest.mark.skipif(not SCRIPT.exists() and os.environ.get("CI") != "true", reason=WHY)
"""It is brought by npm, which a newcomer may not have; CI has it."""

_RUN = """async () => {
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    const said = ({ target, failureSummary }) => `${target.flat().join(" ")}: ${failureSummary.replaceAll("\\n", " ")}`;
    return violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help} at ${said(node)}`));
}"""
_ALL = """
    const all = [];
    const into = (root) => {
        for (const node of root.querySelectorAll("*")) {
            all.push(node);
            if (node.shadowRoot) into(node.shadowRoot);
        }
    };
    into(document);
"""
_BESIDE = f"""() => {{
    {_ALL}
    const wide = document.documentElement.scrollWidth;
    const found = wide > innerWidth ? [`the page is ${{wide}} wide`] : [];
    for (const node of all) {{
        if (!node.matches("button, a, input, textarea, select") || !node.checkVisibility({{ visibilityProperty: true }})) continue;
        const {{ left, right, width, height }} = node.getBoundingClientRect();
        if (!width || !height) continue;
        if (left < -1 || right > innerWidth + 1) found.push(`${{node.outerHTML.slice(0, 120)}} from ${{left}} to ${{right}}`);
    }}
    return found;
}}"""
_MOVING = f"""() => {{
    {_ALL}
    return all.filter((node) => ["", "::before", "::after"].some((part) => {{
        const {{ animationName, transitionDuration, scrollBehavior }} = getComputedStyle(node, part || null);
        return animationName !== "none" || /[1-9]/.test(transitionDuration) || scrollBehavior === "smooth";
    }})).map((node) => node.outerHTML.slice(0, 120));
}}"""


async def violations(page: Page) -> list[str]:
    """All that axe finds in the page as it is now, by every rule that it has for pages."""
    if await page.evaluate("() => !window.axe"):
        await page.evaluate(SCRIPT.read_text("utf-8"))
    return await page.evaluate(_RUN)


async def beside(page: Page) -> list[str]:
    """What can be pressed or written in and is not on the screen, and the page itself if it scrolls sideways."""
    return await page.evaluate(_BESIDE)


async def moving(page: Page) -> list[str]:
    """What moves, or would as soon as something changes."""
    return await page.evaluate(_MOVING)
