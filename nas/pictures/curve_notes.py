"""What stands beside learning curves: where was decided, and whose forecast it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nas.pictures.curves import Curves
from nas.pictures.figure import FAINT, GREY, HEIGHT, LETTER, WIDTH, text
from nas.trial import Status

RUNGS = 8
"""Levels up to which each has a line of its own and says how many it has ended."""
SMALL = 11
"""Font size of what is beside the curves, in pixels."""
ROW = 15
"""Pixels from one row beside the curves to the next."""


def levels(
    curves: Curves, layout: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    """Mark the steps at which was decided; return shapes, annotations and rows of these."""
    start, end = layout["xaxis"]["range"]
    wide = WIDTH - layout["margin"]["l"] - layout["margin"]["r"]
    few = len(curves.levels) <= RUNGS
    shapes: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    ends: list[float] = []
    for level in curves.levels:
        said = f"{level.ended:,} of {level.decided:,}" if few else "▼"
        centre = wide * (level.step - start) / (end - start)
        half = LETTER * SMALL * len(said) / 2
        row = next((i for i, at in enumerate(ends) if centre - half > at), len(ends)) if few else 0
        ends[row:] = [centre + half + 6, *ends[row + 1 :]]
        if few:
            line = {"color": GREY, "width": 1, "dash": "dot"}
            where = {"x0": level.step, "x1": level.step, "y0": 0, "y1": 1, "yref": "paper"}
            shapes.append({"type": "line", "layer": "below", "line": line, **where})
        notes.append(_note(said, level.step, 1.0, ROW * row, "center", "bottom", "x"))
    return shapes, notes, len(ends)


def _note(
    said: str, x: float, y: float, shift: float, x_anchor: str, y_anchor: str, x_ref: str
) -> dict[str, Any]:
    return {
        "text": text(said),
        "x": x,
        "xref": x_ref,
        "xanchor": x_anchor,
        "y": y,
        "yref": "paper",
        "yanchor": y_anchor,
        "yshift": shift,
        "showarrow": False,
        "font": {"size": SMALL, "color": FAINT},
    }


def names(
    curves: Curves, layout: dict[str, Any], colours: Mapping[Status, str]
) -> list[dict[str, Any]]:
    """Write at the end of each median which trial it is of, one above the other."""
    if not curves.forecasts:
        return []
    layout["margin"]["r"] = 90
    low, high = layout["yaxis"]["range"]
    tall = HEIGHT - layout["margin"]["t"] - layout["margin"]["b"]
    below = -math.inf
    notes = []
    for forecast in sorted(curves.forecasts, key=lambda one: one.final):
        final = forecast.final
        if layout["yaxis"].get("type") == "log":
            final = math.log10(final) if final > 0 else -math.inf
        share = float(np.clip((final - low) / (high - low), 0.0, 1.0))
        below = max(share, below + ROW / tall)
        note = _note(f"trial {forecast.id}", 1.0, below, 0, "left", "middle", "paper")
        note["font"] = {"size": SMALL, "color": colours[forecast.status]}
        notes.append({**note, "xshift": 6})
    return notes
