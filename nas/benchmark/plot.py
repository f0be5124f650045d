"""Curves over trials with bands, a panel for each table; drawn by Plotly (extra ``plot``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nas.benchmark.report import Curve, TableReport
from nas.pictures.figure import SERIES, Figure, Trace, axis, finite, frame, short, text
from nas.pictures.rendering import write

PANEL = (620, 460)
"""Pixels."""
BETWEEN = 105
"""Pixels between two panels: room for the titles of axes."""
BESIDE = 3
"""Panels in a row."""
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
"""Lines in the order of the strategies, so that they differ in more than colour."""
RANDOM = "#595959"


def draw(reports: Sequence[TableReport], path: str | Path) -> None:
    """Draw a panel for each table. Raises ``ConfigError`` as ``check_picture`` does."""
    write(benchmark_figure(reports), path)


def benchmark_figure(reports: Sequence[TableReport]) -> Figure:
    """Return regret or hypervolume against trials, a panel for each table."""
    beside = min(BESIDE, len(reports))
    rows = -(-len(reports) // beside)
    width, height = PANEL[0] * beside, PANEL[1] * rows + 90
    labels = list(dict.fromkeys(label for report in reports for label in report.curves))
    seeds = max((row.seeds for report in reports for row in report.rows), default=0)
    title = f"Benchmark: {len(labels)} strategies, up to {seeds} seeds each"
    captions = ["Mean over the seeds, and its 95 % interval."]
    layout = frame(title, captions, width=width, legend_rows=2)
    layout |= {"height": height, "annotations": []}
    traces: list[Trace] = []
    for i, report in enumerate(reports):
        place = _place(i, beside, rows)
        layout |= _axes(report, i, place)
        layout["annotations"].append(_heading(report.table, place))
        floor = _floor(report)
        for label, curve in report.curves.items():
            traces += _drawn(label, curve, labels.index(label), i, floor)
    _show_once(traces)
    return Figure(title, traces, layout, width, height, title)


def _place(i: int, beside: int, rows: int) -> tuple[list[float], list[float]]:
    """Return the shares of the width and of the height that a panel takes."""
    gap_x, gap_y = BETWEEN / (PANEL[0] * beside), BETWEEN / (PANEL[1] * rows)
    wide, high = (1 - gap_x * (beside - 1)) / beside, (1 - gap_y * (rows - 1)) / rows
    left, top = (i % beside) * (wide + gap_x), 1 - (i // beside) * (high + gap_y)
    return [left, min(left + wide, 1.0)], [max(top - high, 0.0), top]


def _axes(report: TableReport, i: int, place: tuple[list[float], list[float]]) -> dict[str, Any]:
    number = str(i + 1) if i else ""
    most = max(len(curve.mean) for curve in report.curves.values())
    x = axis("evaluated trials", range=[1, most + 1], domain=place[0], anchor=f"y{number}")
    common = {"domain": place[1], "anchor": f"x{number}"}
    if report.kind != "regret":
        return {f"xaxis{number}": x, f"yaxis{number}": axis("share of the hypervolume", **common)}
    floor, kind = _floor(report), {}
    if floor is not None:
        every = np.concatenate([(*c.mean, *c.high, floor) for c in report.curves.values()])
        highest = float(every[np.isfinite(every)].max())
        low, high = np.log10([floor, 1.2 * highest]).tolist()
        kind = {"type": "log", "range": [low, high]}
    y = axis(f"regret of {short(report.objectives[0].metric, 40)}", **common, **kind)
    return {f"xaxis{number}": x, f"yaxis{number}": y}


def _floor(report: TableReport) -> float | None:
    """Return where a logarithmic axis of regrets ends, for a regret of 0 to lie there."""
    if report.kind != "regret":
        return None
    means = np.concatenate([curve.mean for curve in report.curves.values()])
    positive = means[np.isfinite(means) & (means > 0)]
    return float(positive.min()) / 2 if len(positive) else None


def _heading(table: str, place: tuple[list[float], list[float]]) -> dict[str, Any]:
    (left, right), (_, top) = place
    return {
        "text": text(short(table)),
        "x": (left + right) / 2,
        "y": top,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "center",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 14},
    }


def _drawn(label: str, curve: Curve, index: int, i: int, floor: float | None) -> list[Trace]:
    """Return the line of a strategy and its band; the first strategy is random search."""
    colour = RANDOM if index == 0 else SERIES[(index - 1) % len(SERIES)]
    number = str(i + 1) if i else ""
    trials = list(range(1, len(curve.mean) + 1))
    least = -np.inf if floor is None else floor
    sides = (curve.low, curve.high, curve.mean)
    low, high, mean = ([finite(v) for v in np.maximum(s, least).tolist()] for s in sides)
    group = {"legendgroup": label, "xaxis": f"x{number}", "yaxis": f"y{number}"}
    name = text(short(label))
    edge: Trace = {"type": "scatter", "mode": "lines", "line": {"width": 0}, "showlegend": False}
    return [
        {**edge, **group, "x": trials, "y": low, "hoverinfo": "skip"},
        {
            **edge,
            **group,
            "x": trials,
            "y": high,
            "hoverinfo": "skip",
            "fill": "tonexty",
            "fillcolor": _faint(colour),
        },
        {
            **group,
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x": trials,
            "y": mean,
            "line": {"color": colour, "dash": DASHES[index % len(DASHES)], "width": 2},
        },
    ]


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"


def _show_once(traces: Sequence[Trace]) -> None:
    """Name each strategy once in the legend, in whichever panel it comes first."""
    shown: set[str] = set()
    for trace in traces:
        if "name" in trace:
            trace["showlegend"] = trace["legendgroup"] not in shown
            shown.add(trace["legendgroup"])
