"""Parallel coordinates: each trial a line over its decisions and objectives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.architecture import Value
from nas.goals import Goal
from nas.pictures.figure import BLUE, FAINT, GRID, Figure, Trace, frame, measured, short, text
from nas.pictures.trials import Subject, chosen_goals, far_out, with_values
from nas.seeds import rng
from nas.text import count, number, numbers
from nas.trial import Trial

if TYPE_CHECKING:
    from nas.archive import Archive
    from nas.study import Study

COLUMN, HEIGHT = 118, 560
"""Pixels from one axis to the next, and of the figure."""
MOST = 400
"""Lines that are drawn: the front, and a sample of the others."""
TICKS = 5
INACTIVE = "not active"


@dataclass(frozen=True)
class Coordinate:
    """One axis.

    Args:
        name: what stands above it.
        places: of each trial, between 0 and 1; NaN where it has none.
        ticks: places and what stands there.
        few: whether there are only these places, so that many lines meet in one.
    """

    name: str
    places: Sequence[float]
    ticks: Sequence[tuple[float, str]]
    few: bool = False


def parallel_figure(
    archive: Archive, study: Study, *, objectives: str | None = None, log: bool = False
) -> Figure:
    """Draw each complete trial as a line over its decisions and objectives; the front is strong.

    Args:
        archive: has the study.
        study: which one.
        objectives: as ``chosen_goals`` has them.
        log: whether axes of objectives are logarithmic where all values are positive.

    Raises:
        ArchiveError: no trial is complete.
    """
    subject = Subject.read(archive, study)
    goals = chosen_goals(archive, study, objectives)
    trials, sampled = _drawn(subject, with_values(subject, goals))
    coordinates = [_decision(name, trials) for name in names_of(trials)]
    for goal in goals:
        values = [trial.metrics[goal.metric] for trial in trials]
        coordinates.append(_numbers(measured(goal, cut=24), values, log=log, goal=goal))
    width = max(COLUMN * len(coordinates) + 120, 640)
    captions = [f"A sample of {MOST} of them is drawn, with the whole front."] if sampled else []
    if others := subject.beside():
        captions.append(f"Not drawn, for they have no final values: {others}.")
    title = subject.title("decisions and objectives")
    layout = frame(title, captions, width=width)
    layout |= _axes(coordinates, layout)
    layout["height"] = HEIGHT
    strong = [trial.id in subject.on_front for trial in trials]
    traces = [
        _lines(subject, trials, coordinates, strong, wanted=wanted) for wanted in (False, True)
    ]
    summary = f"{count(len(trials), 'trial')} over {len(coordinates)} axes"
    return Figure(title, [t for t in traces if t["x"]], layout, width, HEIGHT, summary)


def names_of(trials: Sequence[Trial]) -> list[str]:
    """Return the decisions of any of these trials, in order of appearance."""
    return list(dict.fromkeys(name for trial in trials for name in trial.architecture))


def are_numbers(values: Sequence[Value | None]) -> bool:
    """Tell whether all values that there are are numbers, not yes or no."""
    known = [value for value in values if value is not None]
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in known)


def _drawn(subject: Subject, trials: Sequence[Trial]) -> tuple[list[Trial], bool]:
    others = [trial for trial in trials if trial.id not in subject.on_front]
    on_front = [trial for trial in trials if trial.id in subject.on_front]
    room = max(MOST - len(on_front), 0)
    if len(others) <= room:
        return list(trials), False
    drawn = rng(subject.study.seed, "parallel coordinates").sample(range(len(others)), room)
    return [*(others[i] for i in sorted(drawn)), *on_front], True


def _decision(name: str, trials: Sequence[Trial]) -> Coordinate:
    values = [trial.architecture.get(name) for trial in trials]
    known = sorted({v for v in values if v is not None}, key=lambda v: (str(type(v)), v))
    if are_numbers(values) and len(known) > 2 * TICKS and None not in values:
        return _numbers(short(name, 24), [float(v or 0) for v in values], log=False)
    labels = [*([INACTIVE] if None in values else []), *(_label(v) for v in known)]
    step = 1 / max(len(labels) - 1, 1)
    place = {label: i * step if len(labels) > 1 else 0.5 for i, label in enumerate(labels)}
    return Coordinate(
        short(name, 24),
        [place[INACTIVE if v is None else _label(v)] for v in values],
        [(place[label], label) for label in labels],
        few=True,
    )


def _label(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else short(str(value), 18)


def _numbers(
    name: str, values: Sequence[float], *, log: bool, goal: Goal | None = None
) -> Coordinate:
    log = log and min(values) > 0
    scaled = np.log10(values) if log else np.asarray(values)
    limit = None if goal is None or log else far_out([goal.loss(value) for value in values])
    if goal is not None and limit is not None:
        end = goal.loss(limit)
        scaled = (
            np.minimum(scaled, end) if goal.direction == "minimize" else np.maximum(scaled, end)
        )
    low, high = float(scaled.min()), float(scaled.max())
    if low == high:
        return Coordinate(name, [0.5] * len(values), [(0.5, number(values[0]))])
    marks = np.linspace(low, high, TICKS)
    shown = numbers([10**mark if log else mark for mark in marks.tolist()])[1]
    if goal is not None and limit is not None:
        place, sign = (-1, "≥") if goal.direction == "minimize" else (0, "≤")
        shown[place] = f"{sign} {shown[place]}"
    places = ((marks - low) / (high - low)).tolist()
    ticks = list(zip(places, shown, strict=True))
    return Coordinate(name, ((scaled - low) / (high - low)).tolist(), ticks)


def _lines(
    subject: Subject,
    trials: Sequence[Trial],
    coordinates: Sequence[Coordinate],
    strong: Sequence[bool],
    *,
    wanted: bool,
) -> Trace:
    """Return the lines on the front, or all others, as one trace with a gap after each.

    Lines that meet in a category are kept apart a little, always by the same.
    """
    x: list[float | None] = []
    y: list[float | None] = []
    said: list[str] = []
    chosen = [i for i, is_strong in enumerate(strong) if is_strong is wanted]
    for i in chosen:
        apart = 0.03 * ((i * 0.618034) % 1.0 - 0.5)
        x += [*range(len(coordinates)), None]
        y += [*(c.places[i] + apart * c.few for c in coordinates), None]
        said += [subject.hover(trials[i])] * len(coordinates) + [""]
    look = {"color": BLUE, "width": 2.6} if wanted else {"color": FAINT, "width": 1}
    name = "on the front" if wanted else "dominated or infeasible"
    return {
        "type": "scatter",
        "mode": "lines+markers" if wanted else "lines",
        "name": f"{name} ({len(chosen):,})",
        "x": x,
        "y": y,
        "line": look,
        "marker": {"size": 6, "color": BLUE},
        "opacity": 1.0 if wanted else 0.28,
        "hovertext": said,
        "hoverinfo": "text",
    }


def _axes(coordinates: Sequence[Coordinate], layout: dict[str, Any]) -> dict[str, Any]:
    """Return an upright line for each coordinate, with its ticks and its name, as layout."""
    line = {"color": FAINT, "width": 1.2}
    upright = [
        {"type": "line", "layer": "below", "x0": i, "x1": i, "y0": 0, "y1": 1, "line": line}
        for i in range(len(coordinates))
    ]
    ticks = [
        _note(said, i, place, "right", "middle", {"xshift": -5, "bgcolor": "rgba(255,255,255,0.8)"})
        for i, coordinate in enumerate(coordinates)
        for place, said in coordinate.ticks
    ]
    names = [_heading(coordinate.name, i) for i, coordinate in enumerate(coordinates)]
    hidden = {"visible": False, "gridcolor": GRID, "fixedrange": True}
    margin = layout["margin"]
    return {
        "xaxis": {**hidden, "range": [-0.75, len(coordinates) - 0.6]},
        "yaxis": {**hidden, "range": [-0.04, 1.04]},
        "shapes": upright,
        "annotations": [*ticks, *names],
        "margin": {**margin, "t": margin["t"] + 56, "l": 30, "b": margin["b"] - 30},
    }


def _heading(name: str, i: int) -> dict[str, Any]:
    import textwrap

    lines = textwrap.wrap(name, 16)[:3]
    said = "<br>".join(text(line) for line in lines)
    more = {"font": {"size": 12}, "yshift": 8}
    return {**_note("", i, 1.04, "center", "bottom", more), "text": said}


def _note(
    said: str, x: float, y: float, x_anchor: str, y_anchor: str, more: dict[str, Any]
) -> dict[str, Any]:
    return {
        "text": text(said),
        "x": x,
        "y": y,
        "xanchor": x_anchor,
        "yanchor": y_anchor,
        "showarrow": False,
        "font": {"size": 11, "color": FAINT},
        **more,
    }
