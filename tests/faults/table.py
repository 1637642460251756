"""What the rows had to show: a table on the terminal, and the last of each kept in README between two markers.

A row that ran in part does not take the place of one that showed more, and figures of another machine stand there alone: one run of
all rows in full replaces them, nothing else does.
"""

import os
import platform
import re
from collections.abc import Iterable
from typing import Self

import attrs
from rich.table import Table

from tests.faults.load import Figures

COLUMNS = (
    "fault",
    "on",
    "rounds",
    "acknowledged",
    "lost",
    "doubled",
    "double owners",
    "other breaches",
    "slowest recovery",
    "took",
    "day",
    "also",
)
WORDS = 2
"""The first columns hold words and the last one does, the others figures."""
BEGIN, END = "<!-- figures of make faults -->", "<!-- end of figures -->"
_MARKED = re.compile(f"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)})", re.DOTALL)


@attrs.frozen(kw_only=True)
class Result:
    """A row that ran; `is_full` where none of its rounds was left out."""

    fault: str
    server: str
    figures: Figures
    took_s: float
    day: str
    is_full: bool

    @property
    def cells(self) -> tuple[str, ...]:
        f = self.figures
        others = max(0, len(f.faults) - f.lost - f.doubled - f.double_owners)
        slowest = f"{f.worst_s:.1f} s" if f.worst_s else "-"
        numbers = [f"{number:,}" for number in (f.rounds, f.acked, f.lost, f.doubled, f.double_owners, others)]
        return (self.fault, self.server, *numbers, slowest, f"{self.took_s:,.0f} s", self.day, f.also or "-")


def shown(results: Iterable[Result]) -> Table:
    """For a terminal."""
    table = Table(title="Faults on real processes")
    for number, column in enumerate(COLUMNS):
        table.add_column(column, justify="left" if number < WORDS else "right", no_wrap=not number)
    for result in results:
        table.add_row(*result.cells, style="red" if result.figures.faults else None)
    return table


def machine() -> str:
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


@attrs.frozen
class Kept:
    """What stands between the markers: whose figures, and the cells of each row by fault and kind of server."""

    machine: str = ""
    rows: dict[tuple[str, str], tuple[str, ...]] = attrs.field(factory=dict)

    @classmethod
    def read(cls, document: str) -> Self:
        block = _MARKED.search(document)
        assert block is not None, f"no place for the figures: {BEGIN} {END}"
        of = re.search(r"^On (.+):$", block[0], re.MULTILINE)
        lines = [line for line in block[0].splitlines() if line.startswith("| ")][2:]
        cells = [tuple(line.strip("| ").split(" | ")) for line in lines]
        return cls(of[1] if of else "", {(row[0], _kind(row[1])): row for row in cells})

    def written(self, document: str) -> str:
        """The document with these rows."""
        lines = [f"On {self.machine}:", "", _line(COLUMNS), _line([*["---"] * WORDS, *["---:"] * (len(COLUMNS) - WORDS - 1), "---"])]
        lines += [_line(cells) for cells in self.rows.values()]
        return _MARKED.sub(lambda _: "\n".join(["", *lines, "", ""]), document)

    def take(self, results: Iterable[Result], machine: str, order: list[str], *, whole: bool) -> Self:
        """With what these results show more or newer; `whole` if they are all there is, in full. `order` is that of the faults."""
        rows = dict(self.rows)
        if whole:  # a row that is called otherwise now would stay for ever
            rows = {key: cells for key, cells in rows.items() if key[0] in order and machine == self.machine}
        elif rows and machine != self.machine:
            return self
        for result in results:
            key = (result.fault, _kind(result.server))
            if key not in rows or result.is_full or result.figures.rounds >= int(rows[key][WORDS].replace(",", "")):
                rows[key] = result.cells
        known = sorted(rows, key=lambda key: (key[1] != "Valkey", order.index(key[0]) if key[0] in order else len(order)))
        return attrs.evolve(self, machine=machine, rows={key: rows[key] for key in known})


def _kind(server: str) -> str:
    return server.split(maxsplit=1)[0]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
