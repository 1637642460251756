"""The report: one page that holds everything, its plots too, and loads nothing."""

from pathlib import Path

import jinja2
import msgspec
from markupsafe import Markup

from bench.found import Found
from bench.plot import svg


class Report(msgspec.Struct):
    """What stands in the JSON, and on the page."""

    machine: str
    at: str
    arguments: str
    found: dict[str, Found]


def page(report: Report, title: str = "dibs, measured") -> str:
    """The page as HTML."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(autoescape=True, loader=loader, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"svg": lambda plot: Markup(svg(plot)), "short": _short, "columns": _columns}  # noqa: S704 - our own drawing
    return environment.get_template("report.html").render(report=report, title=title, promises=_promises(report))


def _short(value: float) -> str:
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def _columns(found: Found) -> list[str]:
    """The figures of all rows, each once."""
    return list(dict.fromkeys(what for figures in found.rows.values() for what in figures))


def _promises(report: Report) -> dict[str, str]:
    """The first words of each bench, and what it promises."""
    told = {}
    for name in report.found:
        source = Path(__file__).with_name(f"{name}.py")
        told[name] = source.read_text().split('"""')[1].strip().replace("\n\n", " ") if source.exists() else ""
    return told
