"""A plot as a piece of SVG that stands in a page: it takes the page's colours and letters, and asks for nothing from elsewhere."""

import io
import math
import re

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from bench.found import Plot

MANY = 6
"""More places than these are not named one by one."""
INK = "#010203"
"""Stands for the colour of the page's text."""
COLOURS = ("#2f81f7", "#e5730b", "#2da44e", "#d1387a", "#8a63d2", "#1b9e9e", "#a8881a", "#e0524d")
"""Told apart on white and on black, and by those who see few colours: lightness differs too."""
MARKS = "osD^vPX*"
SHOWN = (50, 90, 99, 99.9, 99.99)
"""The percentiles that are named; the others are points."""
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "dibs",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": mpl.cycler(color=COLOURS, marker=list(MARKS)),
    "grid.color": INK,
    "grid.alpha": 0.15,
    "lines.linewidth": 1.8,
    "lines.markersize": 4,
    "legend.frameon": False,
    "legend.fontsize": 9,
}


def svg(plot: Plot) -> str:
    """The `<svg>` element."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.2, 3.4), layout="constrained")
        axes = figure.subplots()
        for name, points in plot.lines.items():
            across = [_nines(x) for x, _ in points] if plot.across == "nines" else [x for x, _ in points]
            axes.plot(across, [y for _, y in points], label=name)
        _lay_out(axes, plot)
        if len(plot.lines) > 1:
            figure.legend(loc="outside right upper")
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _bare(drawn.getvalue())


def _lay_out(axes: Axes, plot: Plot) -> None:
    axes.set_xlabel(plot.x)
    axes.set_ylabel(plot.y)
    axes.grid(visible=True)
    plain = FuncFormatter(lambda value, _: f"{value:,.10g}")
    if plot.across == "nines":
        shown = [nines for nines in SHOWN if any(x == nines for points in plot.lines.values() for x, _ in points)]
        axes.xaxis.set_major_locator(FixedLocator([_nines(nines) for nines in shown]))
        axes.xaxis.set_major_formatter(FixedFormatter([f"{nines:g} %" for nines in shown]))
    else:
        if plot.across == "log":
            axes.set_xscale("log")
            across = sorted({x for points in plot.lines.values() for x, _ in points})
            if len(across) <= MANY:
                axes.xaxis.set_major_locator(FixedLocator(across))
                axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(plain)
    if plot.tall == "log":
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(plain)


def _nines(percentile: float) -> float:
    """Where a percentile stands: as far from 90 to 99 as from 99 to 99.9."""
    return -math.log10(1 - percentile / 100)


def _bare(drawn: str) -> str:
    """Without what belongs to a file of its own, and with the page's colour."""
    body = re.sub(r"<metadata>.*?</metadata>", "", drawn[drawn.index("<svg") :], flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*">', "<g>", body)
    return re.sub(r'width="[^"]*pt" height="[^"]*pt"', "", body, count=1).replace(INK, "currentColor")
