"""Learning curves drawn."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nas.errors import ConfigError
from nas.pictures.curve_notes import ROW, RUNGS, levels, names
from nas.pictures.curves import SHOWN, Curves, Line
from nas.pictures.figure import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    HEIGHT,
    VERMILION,
    WIDTH,
    Figure,
    Trace,
    axis,
    finite,
    frame,
    log_axis,
    short,
    text,
)
from nas.pictures.forecast import LEVELS, Forecast
from nas.text import count
from nas.trial import Status

CROWD = 40
"""Lines beyond which they are drawn paler."""
SPARED = "diamond-open"
"""The mark where a trial was to stop."""


@dataclass(frozen=True)
class Style:
    """How a status looks: told apart by line and mark, and by colour for those who see it."""

    colour: str
    dashes: str
    mark: str


STYLES: Mapping[Status, Style] = {
    Status.COMPLETE: Style(BLUE, "solid", "circle"),
    Status.STOPPED: Style(VERMILION, "dash", "square"),
    Status.PAUSED: Style(GREEN, "dot", "triangle-right-open"),
    Status.FAILED: Style(BLACK, "dashdot", "x"),
}


def curves_figure(curves: Curves, *, log: bool = False) -> Figure:
    """Draw learning curves.

    Args:
        curves: what to draw.
        log: whether the vertical axis is logarithmic.

    Raises:
        ConfigError: it cannot be, for no value is positive.
    """
    if log and not any(value > 0 for line in curves.lines for value in line.values):
        raise ConfigError(f"--log: no value of {curves.metric!r} is positive; leave it out")
    trials = count(curves.trials, "trial")
    shown = trials if len(curves.lines) == curves.trials else f"{len(curves.lines)} of {trials}"
    title = f"{short(curves.study)}: learning curves of {shown}"
    layout = frame(title, legend_rows=2 if curves.levels or curves.forecasts else 1)
    layout["xaxis"], layout["yaxis"] = _axes(curves, log=log)
    shapes, notes, rows = levels(curves, layout)
    layout["margin"]["t"] += ROW * rows
    notes += names(curves, layout, {status: style.colour for status, style in STYLES.items()})
    layout.update({"shapes": shapes, "annotations": notes, "height": HEIGHT})
    traces = [
        *(trace for forecast in curves.forecasts for trace in _band(forecast)),
        *(trace for status in curves.counts for trace in _of_status(curves, status)),
        *_singles(curves),
        *_entries(curves),
    ]
    return Figure(title, traces, layout, WIDTH, HEIGHT, curves.summary)


def _of_status(curves: Curves, status: Status) -> list[Trace]:
    style = STYLES[status]
    lines = [line for line in curves.lines if line.status is status]
    pale = 0.4 if len(curves.lines) > CROWD else 0.75
    looks = ((False, pale, 1.3), (True, 1.0, 2.8))
    traces = [
        {
            **_joined([line for line in lines if line.on_front is strong]),
            "mode": "lines",
            "name": f"on the front ({sum(line.on_front for line in lines):,})",
            "showlegend": strong,
            "line": {"color": style.colour, "dash": style.dashes, "width": width},
            "opacity": opacity,
            "hoverinfo": "text",
        }
        for strong, opacity, width in looks
        if any(line.on_front is strong for line in lines)
    ]
    ends = {
        "type": "scatter",
        "mode": "markers",
        "x": [line.steps[-1] for line in lines],
        "y": [finite(line.values[-1]) for line in lines],
        "marker": {"symbol": style.mark, "color": style.colour, "size": 7},
        "hovertext": [_said(line, -1) for line in lines],
        "hoverinfo": "text",
        "showlegend": False,
    }
    return [*traces, ends]


def _joined(lines: Iterable[Line]) -> Trace:
    """Return many lines as one trace, with a gap after each."""
    x: list[int | None] = []
    y: list[float | None] = []
    said: list[str] = []
    for line in lines:
        x += [*line.steps, None]
        y += [*map(finite, line.values), None]
        said += [*(_said(line, i) for i in range(len(line.steps))), ""]
    return {"type": "scatter", "x": x, "y": y, "hovertext": said}


def _said(line: Line, i: int) -> str:
    return f"trial {line.id}, {line.status}<br>{line.steps[i]:,}: {line.values[i]:.4g}"


def _singles(curves: Curves) -> list[Trace]:
    """Mark where audited trials were to stop."""
    spared = [line for line in curves.lines if line.spared is not None]
    inside = [line for line in spared if line.spared in line.steps]
    if not spared:
        return []
    marker = {"symbol": SPARED, "color": "#262626", "size": 9, "line": {"width": 1.5}}
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": f"was to stop here, audited ({len(spared):,})",
            "x": [line.spared for line in inside] or [None],
            "y": [finite(line.values[line.steps.index(line.spared or 0)]) for line in inside]
            or [None],
            "marker": marker,
            "hoverinfo": "skip",
        }
    ]


def _entries(curves: Curves) -> list[Trace]:
    """Return what stands in the legend alone."""
    entries = [
        _entry(
            f"{status} ({curves.counts[status]:,})",
            mode="lines+markers",
            line={"color": STYLES[status].colour, "dash": STYLES[status].dashes, "width": 1.5},
            marker={"symbol": STYLES[status].mark, "color": STYLES[status].colour, "size": 7},
        )
        for status in SHOWN
        if status in curves.counts
    ]
    if curves.levels:
        said = "the scheduler decides"
        few = len(curves.levels) <= RUNGS
        look: dict[str, Any] = {"mode": "lines", "line": {"color": GREY, "dash": "dot", "width": 1}}
        if not few:
            look = {"mode": "markers", "marker": {"symbol": "triangle-down", "color": GREY}}
        entries.append(_entry(f"{said}: so many go no further" if few else said, **look))
    if n := len(curves.forecasts):
        which = "it" if n == 1 else f"the {n} most promising"
        name = f"{text(short(curves.predictor))} on {which}: 50 and 90 %, median"
        marker = {"symbol": "square", "size": 12, "color": "rgba(107,114,128,0.4)"}
        entries.append(_entry(name, mode="markers", marker=marker))
    return entries


def _entry(name: str, **look: Any) -> Trace:
    return {"type": "scatter", "x": [None], "y": [None], "name": name, **look}


def _band(forecast: Forecast) -> list[Trace]:
    """Shade where a curve may lie, and draw its median."""
    colour = STYLES[forecast.status].colour
    steps, quantiles = forecast.steps.tolist(), forecast.quantiles
    common: Trace = {"type": "scatter", "hoverinfo": "skip", "showlegend": False}
    shades = [
        {
            **common,
            "x": [*steps, *reversed(steps)],
            "y": [*quantiles[:, low].tolist(), *reversed(quantiles[:, high].tolist())],
            "mode": "lines",
            "fill": "toself",
            "fillcolor": _faint(colour),
            "line": {"color": colour, "width": 0.6 if low == 0 else 0},
        }
        for low, high in ((0, 4), (1, 3))
    ]
    median = quantiles[:, LEVELS.index(0.5)].tolist()
    return [
        *shades,
        {**common, "x": steps, "y": median, "mode": "lines", "line": {"color": colour}},
    ]


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.13)"


def _axes(curves: Curves, *, log: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    staged = curves.step_unit != "epoch"
    last = curves.full or max(line.steps[-1] for line in curves.lines)
    first = min(line.steps[0] for line in curves.lines)
    room = 0.03 * max(last - first, 1)
    x = axis(
        "steps of the staged evaluation" if staged else "epochs of training",
        range=[first - room, last + room],
        **({"dtick": 1} if last - first <= 12 else {}),
    )
    unit = f" ({short(curves.metric_unit, 20)})" if curves.metric_unit else ""
    words = {"minimize": ", lower is better", "maximize": ", higher is better", None: ""}
    title = f"{short(curves.metric, 40)}{unit}{words[curves.direction]}"
    low, high = _extent(curves, log=log)
    seen = (v for line in curves.lines for v in line.values if v > 0)
    return x, axis(title, range=[low, high], **(log_axis(seen) if log else {}))


def _extent(curves: Curves, *, log: bool) -> tuple[float, float]:
    """Return the ends of the vertical axis: what is predicted may go beyond."""
    values = [v for line in curves.lines for v in line.values if math.isfinite(v)]
    if log:
        values = [math.log10(value) for value in values if value > 0]
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = 0.05 * (high - low) or 0.1 * abs(high) or 1.0
    return low - room, high + room
