"""Pictures as SVG that stands inside a page: equal input gives equal text, lines and words take the page's colour and
font, and matplotlib's global state is left alone."""

import io
import logging
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, TypeVar

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from training.diagnosis.spread import Spread

Thing = TypeVar("Thing")

logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # "building the font cache": not for users

COLOURS = ("#3b82f6", "#0d9488", "#5f9a0c", "#b47b00", "#ea580c", "#db2777", "#9333ea", "#64748b")
"""Each can be told from white and from black, and from its neighbours."""
INK = "#010203"
"""Stands for the colour of the page's text."""
_WIDTH = 9.2
_LEGEND_ROOM = 1.4
_LEFT, _RIGHT, _BELOW, _ABOVE, _BETWEEN = 0.8, 0.15, 0.5, 0.28, 0.85
"""Inches around and between panels: room for numbers, names and titles. Fixed, as finding the least that will do takes
longer than all else about a picture."""
BESIDE = 1.4
"""Inches on the right, for words."""
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "grid.color": INK,
    "grid.alpha": 0.15,
    "grid.linewidth": 0.5,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "axes.unicode_minus": False,
    "text.parse_math": False,
}


@dataclass(frozen=True)
class Picture:
    """An SVG element with its title, and what it shows in words."""

    name: str
    title: str
    description: str
    svg: str

    @property
    def markup(self) -> Markup:
        """For a template: not to be escaped."""
        return Markup(self.svg)


def draw(
    name: str,
    title: str,
    description: str,
    panels: int,
    paint: Callable[[list[Axes]], None],
    *,
    height: float = 2.7,
    right: float = _RIGHT,
) -> Picture:
    """`paint` fills that many panels side by side, with `right` inches left beside them. `name` keeps the ids in one
    page apart."""
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=(_WIDTH, height))
        paint(list(figure.subplots(1, panels, squeeze=False, gridspec_kw=_margins(panels, height, right))[0]))
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return Picture(name, title, description, _for_a_page(text.getvalue(), name, title, description))


def _margins(panels: int, height: float, right: float) -> dict[str, float]:
    """As fractions of the picture; the space between panels as one of a panel."""
    panel = (_WIDTH - _LEFT - right - (panels - 1) * _BETWEEN) / panels
    return {
        "left": _LEFT / _WIDTH,
        "right": 1 - right / _WIDTH,
        "bottom": _BELOW / height,
        "top": 1 - _ABOVE / height,
        "wspace": _BETWEEN / panel,
    }


def _for_a_page(svg: str, name: str, title: str, description: str) -> str:
    """Without XML's head and matplotlib's metadata, ids that nothing uses, and sizes other than the page's."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\n?", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r"font: ([^;\"]*px) [^;\"]*", r"font: \1 sans-serif", svg)
    svg = svg.replace(INK, "currentColor")
    svg = re.sub(r"\n\s*", "\n", svg)
    view = re.search(r'viewBox="[^"]*"', svg)
    head = f'<svg {view[0] if view else ""} role="img" aria-labelledby="{name}-title {name}-desc">'
    words = f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
    return head + words + svg[svg.index(">") + 1 :].strip()


def histograms(axes: Axes, lines: Sequence[tuple[str, Spread]]) -> None:
    """One line for each spread: the density of its numbers."""
    for colour, (label, spread) in zip(COLOURS, lines, strict=False):
        width = (spread.high - spread.low) / max(1, len(spread.shares))
        centres = [spread.low + (i + 0.5) * width for i in range(len(spread.shares))]
        axes.plot(centres, [share / width for share in spread.shares], color=colour, label=label, linewidth=1.2)
    axes.set_yticks([])
    axes.set_ylim(0, axes.get_ylim()[1] * _LEGEND_ROOM)


def logarithmic(axis: Axis) -> None:
    """Decades, as plain numbers."""
    axis.set_major_locator(LogLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def gaps(values: Iterable[float | None]) -> list[float]:
    """As matplotlib takes them: a line is broken where a number is missing."""
    return [math.nan if value is None else value for value in values]


def evenly(things: Sequence[Thing]) -> list[Thing]:
    """All of them, or as many as can be told apart, at even distances, the first and the last among them."""
    most = len(COLOURS)
    if len(things) <= most:
        return list(things)
    return [things[round(i * (len(things) - 1) / (most - 1))] for i in range(most)]
