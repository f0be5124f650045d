"""How scores of untrained networks ranked the trained ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nas.errors import ArchiveError
from nas.pictures.figure import BLUE, FAINT, VERMILION, Figure, Trace, axis, frame, short, text
from nas.text import count

if TYPE_CHECKING:
    from nas.archive import Archive
    from nas.engine.comparison import Comparison
    from nas.plugins import Plugins
    from nas.ranking import Ranking
    from nas.study import Study

ROW, WIDTH = 34, 960
"""Pixels for a score, and of the figure."""


def rank_figure(
    archive: Archive, study: Study, plugins: Plugins, *, everything: bool = False
) -> Figure:
    """Draw how well scores ranked the trained networks, beside params and flops.

    Args:
        archive: has the study.
        study: which one.
        plugins: those to compute params and flops with.
        everything: look at every trial; else, of many, a sample.

    Raises:
        ArchiveError: the study has no scores.
    """
    from nas.engine.comparison import comparison

    compared = comparison(archive, study, plugins, everything=everything)
    if not compared.objectives:
        raise ArchiveError(
            f"study {study.name!r} has no scores: nothing to compare; nas score makes them"
        )
    return compared_figure(study, compared)


def compared_figure(study: Study, compared: Comparison) -> Figure:
    """Draw a comparison, a panel for each objective below the other."""
    panels = list(compared.objectives.items())
    rows = [max(len(rankings), 2) for _, rankings in panels]
    over = count(compared.compared, "trained network")
    sample = f", a sample of {compared.trials:,}" if compared.compared < compared.trials else ""
    title = f"{short(study.name)}: how scores ranked {over}{sample}"
    captions = [
        "Spearman's rank correlation with the objective, with its 95 % bootstrap interval; 1 is "
        "the same order. The dotted line is the better of params and flops: a score that is not "
        "beyond it is not worth its time."
    ]
    layout = frame(title, captions, width=WIDTH)
    inside = sum(rows) * ROW + (len(panels) - 1) * 90
    height = layout["margin"]["t"] + layout["margin"]["b"] + inside
    layout |= {"height": height, "shapes": [], "annotations": []}
    traces: list[Trace] = []
    top = 1.0
    for i, (metric, rankings) in enumerate(panels):
        high = rows[i] * ROW / inside
        traces += _panel(metric, rankings, i, (max(top - high, 0.0), top), layout)
        top -= high + 90 / inside
    best = [max(r, key=lambda one: one.spearman or -2.0) for r in compared.objectives.values()]
    summary = ", ".join(
        f"{short(m)}: {short(b.name)} first" for (m, _), b in zip(panels, best, strict=True)
    )
    return Figure(title, traces, layout, WIDTH, height, f"{over} ranked by {summary}")


def _panel(
    metric: str,
    rankings: Sequence[Ranking],
    i: int,
    domain: tuple[float, float],
    layout: dict[str, Any],
) -> list[Trace]:
    from nas.engine.comparison import LINES_TO_BEAT

    number = str(i + 1) if i else ""
    names = [f"{text(short(one.name, 32))} ({one.n:,})" for one in rankings]
    places = {"tickmode": "array", "tickvals": list(range(len(names))), "ticktext": names}
    title = f"rank correlation with a better {short(metric, 30)}"
    x = axis(title, range=[-1.05, 1.05], anchor=f"y{number}", dtick=0.25)
    x["zeroline"], x["zerolinecolor"] = True, FAINT
    y = axis("", domain=list(domain), anchor=f"x{number}", showgrid=False, **places)
    y["range"] = [len(names) - 0.4, -0.6]
    layout[f"xaxis{number}"], layout[f"yaxis{number}"] = x, y
    counted = [r.spearman for r in rankings if r.name in LINES_TO_BEAT and r.spearman is not None]
    if counted:
        where = {"x0": max(counted), "x1": max(counted), "y0": 0, "y1": 1}
        line = {"color": FAINT, "width": 1.5, "dash": "dot"}
        refs = {"xref": f"x{number}", "yref": f"y{number} domain"}
        layout["shapes"].append({"type": "line", "layer": "below", "line": line, **where, **refs})
    unknown = [k for k, one in enumerate(rankings) if one.spearman is None]
    layout["annotations"] += [_too_few(k, number) for k in unknown]
    looks = (("scores", BLUE, "circle", False), ("params and flops", VERMILION, "square", True))
    return [
        _points(rankings, number, name, (colour, symbol), counts, show=i == 0)
        for name, colour, symbol, counts in looks
        if any((one.name in LINES_TO_BEAT) is counts for one in rankings)
    ]


def _points(
    rankings: Sequence[Ranking],
    number: str,
    name: str,
    look: tuple[str, str],
    counts: bool,
    *,
    show: bool,
) -> Trace:
    from nas.engine.comparison import LINES_TO_BEAT

    own = [
        (place, one, one.spearman)
        for place, one in enumerate(rankings)
        if (one.name in LINES_TO_BEAT) is counts and one.spearman is not None
    ]
    colour, symbol = look
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "legendgroup": name,
        "showlegend": show,
        "x": [spearman for _, _, spearman in own],
        "y": [place for place, _, _ in own],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [(one.high or spearman) - spearman for _, one, spearman in own],
            "arrayminus": [spearman - (one.low or spearman) for _, one, spearman in own],
            "color": colour,
            "thickness": 2,
        },
        "hovertext": [_said(one) for _, one, _ in own],
        "hoverinfo": "text",
        "marker": {"symbol": symbol, "size": 11, "color": colour},
        "xaxis": f"x{number}",
        "yaxis": f"y{number}",
    }


def _said(one: Ranking) -> str:
    parts = [f"<b>{text(one.name)}</b>", f"{one.n:,} networks", f"Spearman {one.spearman:+.3f}"]
    if one.low is not None and one.high is not None:
        parts.append(f"95 % interval {one.low:+.2f} to {one.high:+.2f}")
    if one.kendall is not None:
        parts.append(f"Kendall {one.kendall:+.3f}")
    if one.partial is not None:
        parts.append(f"given params {one.partial:+.3f}")
    return "<br>".join(parts)


def _too_few(place: int, number: str) -> dict[str, Any]:
    return {
        "text": "too few to tell, or all equal",
        "x": 0.02,
        "xref": f"x{number}",
        "xanchor": "left",
        "y": place,
        "yref": f"y{number}",
        "showarrow": False,
        "font": {"size": 11, "color": FAINT},
    }
