"""The table of attacks: what each is called, and the function that attacks a real server with it.

A row is given a folder and the share of the full attack, gives its figures, and raises AssertionError where a bound breaks.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import attrs

from tests.attack import crowd_rows
from tests.attack.deflate import deflate
from tests.attack.drain import sigterm
from tests.attack.flood import NAMES, flood, taken
from tests.attack.link import links
from tests.attack.reader import reader
from tests.attack.scene import Figures

Row = Callable[[Path, float], Awaitable[Figures]]


@attrs.frozen
class Attack:
    """A line of the table."""

    name: str
    row: Row


ATTACKS = (
    *(Attack(name, partial(flood, name)) for name in NAMES),
    Attack("300 MB without a rate", taken),
    Attack("readers that stop reading", reader),
    Attack("dead and one-way links", links),
    Attack("compression, and bombs", deflate),
    *(Attack(name, row) for name, row in crowd_rows.ROWS),
    Attack("SIGTERM during all of this", sigterm),
)
