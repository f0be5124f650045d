"""Figures as plain data, as Plotly reads them, and what they have in common."""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nas.goals import Goal
from nas.text import one_line, plain

# colours of M. Okabe and K. Ito, "Color Universal Design", https://jfly.uni-koeln.de/color/
BLUE, VERMILION, GREEN, BLACK = "#0072B2", "#D55E00", "#009E73", "#000000"
ORANGE, SKY, PURPLE, GREY = "#E69F00", "#56B4E9", "#CC79A7", "#6B7280"
SERIES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
INK, FAINT, GRID = "#1F2933", "#52606D", "#E4E7EB"
FONT = "Open Sans, Verdana, Arial, DejaVu Sans, sans-serif"

WIDTH, HEIGHT = 960, 600
"""Pixels, unless a figure needs more."""
MARGIN = 20
TITLE, CAPTION = 17, 12
"""Font sizes, in pixels."""
LETTER = 0.56
"""Width of a letter as a share of the font size, on average."""
LONGEST = 60
"""Letters of a name from which it is cut."""

Trace = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """A picture that Plotly draws.

    Args:
        name: in words, for those who hear it.
        traces: Plotly's ``data``.
        layout: Plotly's ``layout``; texts in it are escaped.
        width, height: in pixels.
        summary: what is drawn, on one line and for people; not escaped.
        svg: the same as an SVG document, where Plotly only shows it.
    """

    name: str
    traces: Sequence[Trace]
    layout: Mapping[str, Any]
    width: int = WIDTH
    height: int = HEIGHT
    summary: str = ""
    svg: str | None = field(default=None, repr=False)

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"data": list(self.traces), "layout": dict(self.layout)}

    @property
    def captions(self) -> list[str]:
        """What is said below its title; not escaped."""
        return list(self.layout["meta"]["captions"])

    def without_title(self) -> Figure:
        """Return it for a page that says title and captions itself."""
        head = self.layout["meta"]["head"]
        kept = {key: value for key, value in self.layout.items() if key not in ("title", "meta")}
        margin = {**kept["margin"], "t": kept["margin"]["t"] - head + MARGIN}
        height = self.height - head + MARGIN
        layout = {**kept, "margin": margin, "height": height, "meta": self.layout["meta"]}
        return replace(self, layout=layout, height=height)


def text(said: object) -> str:
    """Return a text so that Plotly, which reads a part of HTML, shows it as it is."""
    return html.escape(one_line(said))


def short(name: object, longest: int = LONGEST) -> str:
    """Return a name on one line, cut in the middle if it is long; not escaped."""
    shown = plain(name)
    half = (longest - 1) // 2
    return shown if len(shown) <= longest else f"{shown[:half]}…{shown[-half:]}"


def finite(value: float) -> float | None:
    """Return a number as JSON can have it: None where there is none."""
    return value if math.isfinite(value) else None


def frame(
    title: str, captions: Iterable[str] = (), *, width: int = WIDTH, legend_rows: int = 1
) -> dict[str, Any]:
    """Return a layout with a title, what is said below it, and room for both and for a legend.

    Args:
        title: of the figure; not escaped.
        captions: sentences below it; not escaped.
        width: of the figure, in pixels.
        legend_rows: rows of the legend below the axes; 0 for no legend.
    """
    captions = list(captions)
    head = _wrapped(title, width, TITLE)
    below = [line for caption in captions for line in _wrapped(caption, width, CAPTION)]
    small = "".join(
        f'<br><span style="font-size:{CAPTION}px;color:{FAINT}">{text(line)}</span>'
        for line in below
    )
    top = MARGIN + 24 * len(head) + 19 * len(below) + 14
    return {
        "title": _title("<br>".join(map(text, head)) + small),
        "font": {"family": FONT, "size": 13, "color": INK},
        "paper_bgcolor": "#FFFFFF",
        "plot_bgcolor": "#FFFFFF",
        "width": width,
        "margin": {"l": 80, "r": 30, "t": top, "b": 70 + 22 * legend_rows},
        "showlegend": legend_rows > 0,
        "legend": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 0.012,
            "yanchor": "bottom",
            "yref": "container",
            "font": {"size": 12},
        },
        "hoverlabel": {"align": "left", "font": {"size": 12}},
        "hovermode": "closest",
        "meta": {"captions": captions, "head": top},
    }


def _title(said: str) -> dict[str, Any]:
    return {
        "text": said,
        "font": {"size": TITLE, "color": INK},
        "x": 0,
        "xanchor": "left",
        "xref": "container",
        "y": 1,
        "yanchor": "top",
        "yref": "container",
        "pad": {"l": MARGIN, "t": MARGIN},
    }


def _wrapped(said: str, width: int, size: int) -> list[str]:
    letters = max(int((width - 2 * MARGIN) / (LETTER * size)), 20)
    return textwrap.wrap(one_line(said), letters) or [""]


def axis(title: str, **more: Any) -> dict[str, Any]:
    """Return an axis with that title, which is not escaped."""
    return {
        "title": {"text": text(title), "standoff": 12},
        "gridcolor": GRID,
        "linecolor": FAINT,
        "zeroline": False,
        "showline": True,
        "ticks": "outside",
        "tickcolor": FAINT,
        "automargin": True,
        **more,
    }


def log_axis(values: Iterable[float]) -> dict[str, Any]:
    """Return what makes an axis logarithmic if all values are positive, and nothing else."""
    known = [value for value in values if math.isfinite(value)]
    if not known or min(known) <= 0:
        return {}
    wide = max(known) / min(known) > 10
    return {"type": "log", **({"dtick": "D2"} if wide else {})}


def measured(goal: Goal, *, cut: int = 40) -> str:
    """Return a metric with its unit and which way is better, such as ``latency (s), lower ...``."""
    unit = f" ({short(goal.unit, 20)})" if goal.unit else ""
    better = "lower" if goal.direction == "minimize" else "higher"
    return f"{short(goal.metric, cut)}{unit}, {better} is better"
