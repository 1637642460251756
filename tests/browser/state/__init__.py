"""Every state that a page can be in, each a small function that brings it about: for what looks at all of them."""

import inspect
from collections.abc import Awaitable, Callable

from playwright.async_api import Page

from tests.browser.state import agent, board, site, widget
from tests.browser.state.scene import Scene

State = Callable[[Scene], Awaitable[Page]]
STATES: dict[str, State] = {
    f"{module.__name__.rpartition('.')[2]}-{name.replace('_', '-')}": play
    for module in (agent, board, widget, site)
    for name, play in vars(module).items()
    if inspect.iscoroutinefunction(play) and play.__module__ == module.__name__ and not name.startswith("_")
}
"""Name to what brings it about: all that the modules have that is not private."""
