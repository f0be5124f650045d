"""Learning curves drawn by matplotlib."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.cli.plot_forecast import LEVELS
from nas.cli.text import count, plain
from nas.errors import ConfigError
from nas.trial import Status

if TYPE_CHECKING:
    from nas.cli.plot_curves import Line, Picture
    from nas.cli.plot_forecast import Forecast

SIZE = (8.0, 5.0)
"""Inches."""
DOTS = 150
"""An inch."""
RUNGS = 8
"""Levels up to which each has a line of its own and says how many it has ended."""
CROWD = 40
"""Lines beyond which they are drawn paler."""
SMALL = 8
"""Font size of what is beside the curves."""
LETTER = 0.0085
"""Width of a small letter, as a share of the panel's."""
NAME_HEIGHT = 0.036
"""Height of a small line of text, as a share of the panel's."""
ROW = 11
"""Points between two rows above the panel."""


@dataclass(frozen=True)
class Style:
    """How a status looks: told apart by line and mark, and by colour for those who see it."""

    colour: str
    dashes: Any
    mark: str
    hollow: bool = False


# colours of M. Okabe and K. Ito, "Color Universal Design", https://jfly.uni-koeln.de/color/
STYLES: Mapping[Status, Style] = {
    Status.COMPLETE: Style("#0072B2", "-", "o"),
    Status.STOPPED: Style("#D55E00", (0, (5, 1.5)), "s"),
    Status.PAUSED: Style("#009E73", (0, (1.2, 1.2)), ">", hollow=True),
    Status.FAILED: Style("#000000", (0, (6, 1.5, 1.2, 1.5)), "x"),
}
SPARED = "D"
"""The mark where a trial was to stop."""


def draw(picture: Picture, path: str | Path, *, log: bool = False) -> None:
    """Draw learning curves into a file; its ending says in which format.

    Args:
        picture: what to draw.
        path: of the file.
        log: whether the vertical axis is logarithmic.

    Raises:
        ConfigError: it cannot be, for no value is positive.
    """
    if log and not any(value > 0 for line in picture.lines for value in line.values):
        raise ConfigError(f"--log: no value of {picture.metric!r} is positive; leave it out")
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, layout="constrained")
    panel = figure.subplots()
    for line in picture.lines:
        _line(panel, line, pale=len(picture.lines) > CROWD)
    for forecast in picture.forecasts:
        _median(panel, forecast)
    _axes(panel, picture, log=log)
    for forecast in picture.forecasts:
        _band(panel, forecast)
    _names(panel, picture.forecasts)
    rows = _levels(panel, picture)
    _title(panel, picture, rows)
    _legend(figure, picture)
    figure.savefig(path, dpi=DOTS)


def _line(panel: Any, line: Line, *, pale: bool) -> None:
    style = STYLES[line.status]
    strong = line.on_front
    panel.plot(
        line.steps,
        line.values,
        color=style.colour,
        linestyle=style.dashes,
        linewidth=2.2 if strong else 1.1,
        alpha=1.0 if strong else 0.45 if pale else 0.75,
        zorder=3 if strong else 2,
    )
    panel.plot(line.steps[-1], line.values[-1], zorder=4, **_mark(style))
    if line.spared is not None and line.spared in line.steps:
        where = line.steps.index(line.spared)
        panel.plot(line.spared, line.values[where], zorder=5, **_spared())


def _mark(style: Style) -> dict[str, Any]:
    face = "white" if style.hollow else style.colour
    return {
        "marker": style.mark,
        "color": style.colour,
        "markerfacecolor": face,
        "markersize": 5,
        "linestyle": "none",
    }


def _spared() -> dict[str, Any]:
    return {
        "marker": SPARED,
        "color": "0.15",
        "markerfacecolor": "white",
        "markersize": 6,
        "linestyle": "none",
    }


def _median(panel: Any, forecast: Forecast) -> None:
    median = forecast.quantiles[:, LEVELS.index(0.5)]
    panel.plot(forecast.steps, median, color=STYLES[forecast.status].colour, linewidth=1.2)


def _band(panel: Any, forecast: Forecast) -> None:
    """Shade where the curve may lie, as far as the panel shows it."""
    colour, steps = STYLES[forecast.status].colour, forecast.steps
    shown = np.clip(forecast.quantiles, *panel.get_ylim())
    for low, high in ((0, 4), (1, 3)):
        panel.fill_between(
            steps, shown[:, low], shown[:, high], color=colour, alpha=0.12, linewidth=0
        )
    for edge in (0, 4):
        panel.plot(steps, shown[:, edge], color=colour, linewidth=0.6, alpha=0.6)


def _names(panel: Any, forecasts: Sequence[Forecast]) -> None:
    """Write at the end of each median which trial it is of, one above the other."""
    below = -math.inf
    for forecast in sorted(forecasts, key=lambda one: one.final):
        _, y = _within(panel, float(forecast.steps[-1]), forecast.final)
        below = max(min(max(y, 0.0), 1.0), below + NAME_HEIGHT)
        panel.annotate(
            f"trial {forecast.id}",
            (1.0, below),
            xycoords="axes fraction",
            textcoords="offset points",
            xytext=(5, 0),
            va="center",
            color=STYLES[forecast.status].colour,
            fontsize=SMALL,
        )


def _within(panel: Any, x: float, y: float) -> tuple[float, float]:
    """Return where a point lies, as shares of the panel's width and height."""
    inside = panel.transAxes.inverted().transform(panel.transData.transform((x, y)))
    return float(inside[0]), float(inside[1])


def _levels(panel: Any, picture: Picture) -> int:
    """Mark the steps at which was decided, above the panel; return how many rows that takes."""
    if len(picture.levels) > RUNGS:
        steps = [level.step for level in picture.levels]
        above = panel.get_xaxis_transform()
        panel.plot(steps, [1.0] * len(steps), transform=above, clip_on=False, **_RUG)
        return 0
    ends: list[float] = []
    for level in picture.levels:
        panel.axvline(level.step, zorder=1, **_RUNG)
        said = f"{level.ended:,} of {level.decided:,}"
        x, half = _within(panel, level.step, 1.0)[0], LETTER * len(said) / 2
        row = next((i for i, end in enumerate(ends) if x - half > end), len(ends))
        ends[row:] = [x + half + LETTER, *ends[row + 1 :]]
        panel.annotate(
            said,
            (x, 1.0),
            xycoords="axes fraction",
            textcoords="offset points",
            xytext=(0, 4 + ROW * row),
            ha="center",
            color="0.35",
            fontsize=SMALL,
        )
    return len(ends)


_RUG: dict[str, Any] = {"marker": "v", "markersize": 4, "linestyle": "none", "color": "0.35"}
_RUNG: dict[str, Any] = {"color": "0.6", "linewidth": 0.8, "linestyle": (0, (2, 2))}


def _axes(panel: Any, picture: Picture, *, log: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    staged = picture.step_unit != "epoch"
    panel.set_xlabel("steps of the staged evaluation" if staged else "epochs of training")
    metric_unit = f" ({plain(picture.metric_unit)})" if picture.metric_unit else ""
    panel.set_ylabel(f"{plain(picture.metric)}{metric_unit}{_better(picture)}", parse_math=False)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.grid(visible=True, alpha=0.2)
    if log:
        panel.set_yscale("log", nonpositive="mask")
    last = picture.full or max(line.steps[-1] for line in picture.lines)
    first = min(line.steps[0] for line in picture.lines)
    room = 0.03 * max(last - first, 1)
    panel.set_xlim(first - room, last + room)
    panel.set_ylim(panel.get_ylim())  # what is predicted may go beyond


def _title(panel: Any, picture: Picture, rows: int) -> None:
    trials = count(picture.trials, "trial")
    shown = trials if len(picture.lines) == picture.trials else f"{len(picture.lines)} of {trials}"
    title = f"{plain(picture.study)}: learning curves of {shown}"
    panel.set_title(title, parse_math=False, fontsize=11, pad=8 + ROW * rows)


def _better(picture: Picture) -> str:
    words = {"minimize": ", lower is better", "maximize": ", higher is better", None: ""}
    return words[picture.direction]


def _legend(figure: Any, picture: Picture) -> None:
    """Write it below: what is short in two columns, what is long in another."""
    short = [*_status_entries(picture), *_single_entries(picture)]
    long = [_levels_entry(picture)] if picture.levels else []
    long += [_forecast_entry(picture)] if picture.forecasts else []
    rows = max(len(long), -(-len(short) // (2 if long else 3)))
    columns = 2 if long else -(-len(short) // rows)
    blanks = [_blank() for _ in range(columns * rows - len(short))]
    legend = figure.legend(
        handles=[*short, *blanks, *long],
        loc="outside lower center",
        ncols=columns + bool(long),
        fontsize=SMALL,
        frameon=False,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _blank() -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle="none", label=" ")


def _status_entries(picture: Picture) -> list[Any]:
    from matplotlib.lines import Line2D

    entries = []
    for status, n in picture.counts.items():
        look: dict[str, Any] = {**_mark(STYLES[status]), "linestyle": STYLES[status].dashes}
        entries.append(Line2D([], [], linewidth=1.3, label=f"{status} ({n:,})", **look))
    return entries


def _single_entries(picture: Picture) -> list[Any]:
    from matplotlib.lines import Line2D

    entries = []
    if on_front := sum(line.on_front for line in picture.lines):
        look: dict[str, Any] = {"color": STYLES[Status.COMPLETE].colour, "linewidth": 2.6}
        entries.append(Line2D([], [], label=f"on the front ({on_front:,})", **look))
    if spared := sum(line.spared is not None for line in picture.lines):
        label = f"was to stop here, audited ({spared:,})"
        entries.append(Line2D([], [], label=label, **_spared()))
    return entries


def _levels_entry(picture: Picture) -> Any:
    from matplotlib.lines import Line2D

    if len(picture.levels) > RUNGS:
        return Line2D([], [], label="the scheduler decides", **_RUG)
    label = "the scheduler decides: so many go no further"
    return Line2D([], [], label=label, **_RUNG)


def _forecast_entry(picture: Picture) -> Any:
    from matplotlib.patches import Patch

    n = len(picture.forecasts)
    which = "it" if n == 1 else f"the {n} most promising"
    label = f"{plain(picture.predictor)} on {which}: 50 and 90 %, median"
    return Patch(color="0.5", alpha=0.4, linewidth=0, label=label)
