"""The Pareto front of a study, beside everything that it beats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

from nas.errors import ConfigError
from nas.goals import Goal, losses
from nas.pictures.figure import (
    BLUE,
    GREY,
    HEIGHT,
    INK,
    ORANGE,
    VERMILION,
    WIDTH,
    Figure,
    Trace,
    axis,
    frame,
    log_axis,
    measured,
    short,
)
from nas.pictures.trials import Subject, chosen_goals, far_out, with_values
from nas.seeds import rng
from nas.text import count, number, percent
from nas.trial import Trial

if TYPE_CHECKING:
    from nas.archive import Archive
    from nas.archive.comparing import Volume
    from nas.study import Study

MOST = 4
"""Objectives that are shown two by two."""
MANY = 500
"""Dominated trials beyond which each is drawn smaller."""
CROWD = 5_000
"""Dominated or infeasible trials of which no more are drawn: a sample of them."""


@dataclass(frozen=True)
class Parted:
    """Complete trials by what became of them.

    Args:
        goals: the objectives by which they compete.
        front: those that no other dominates, by first objective.
        dominated: the rest within the bounds.
        infeasible: those that break a bound.
        knees: ids of those on the front's knee.
        reference: of the hypervolume, by metric; empty if it is not told.
    """

    goals: Sequence[Goal]
    front: Sequence[Trial]
    dominated: Sequence[Trial]
    infeasible: Sequence[Trial]
    knees: frozenset[int]
    reference: Mapping[str, float] = field(default_factory=dict)


def part(archive: Archive, subject: Subject, goals: Sequence[Goal]) -> Parted:
    """Part a study's complete trials by these objectives."""
    trials = with_values(subject, goals)
    compared = archive.compared(subject.study, objectives=goals)
    within, best = set(compared.ids.tolist()), set(compared.front_ids)
    on_front = [trial for trial in trials if trial.id in best]
    beaten = within - best
    return Parted(
        goals,
        sorted(on_front, key=lambda t: (losses(goals, t.metrics), t.number)),
        [trial for trial in trials if trial.id in beaten],
        [trial for trial in trials if trial.id not in within],
        frozenset(compared.knees),
    )


def front_figure(
    archive: Archive,
    study: Study,
    *,
    objectives: str | None = None,
    log: bool = False,
    volume: bool = False,
    reference: Mapping[str, float] | None = None,
) -> Figure:
    """Draw a study's front, its dominated and its infeasible trials, told apart by shape.

    Args:
        archive: has the study.
        study: which one.
        objectives: as ``chosen_goals`` has them, from two to ``MOST``.
        log: whether axes are logarithmic where all values are positive.
        volume: whether the hypervolume is told, and the reference marked.
        reference: of it, by metric; by default as ``Archive.hypervolume`` has it.

    Raises:
        ArchiveError: no trial is complete, nobody knows one of the objectives, or the reference is
            not of these.
        ConfigError: there are too few or too many objectives.
    """
    subject = Subject.read(archive, study)
    goals = chosen_goals(archive, study, objectives)
    if not 2 <= len(goals) <= MOST:
        raise ConfigError(
            f"a front is drawn over two to {MOST} objectives, not over "
            f"{', '.join(goal.metric for goal in goals)}: choose with --objectives error,params"
            + ("; nas plot history draws a single one" if len(goals) < 2 else "")
        )
    parted = part(archive, subject, goals)
    pairs = list(combinations(goals, 2))
    beside = min(len(pairs), 3)
    width = WIDTH if len(pairs) == 1 else 420 * beside
    known = archive.hypervolume(study, objectives=goals, reference=reference) if volume else None
    parted = replace(parted, reference=known.reference) if known else parted
    said = [*_captions(subject, parted, log=log), *([_worth(goals, known)] if known else [])]
    layout = frame(subject.title("the front"), said, width=width)
    traces: list[Trace] = []
    for i, pair in enumerate(pairs):
        traces += _panel(subject, parted, pair, i)
        traces += [_limits(known.reference, pair, i)] if known else []
        layout.update(_axes(pair, i, len(pairs), parted, log=log))
    rows = -(-len(pairs) // beside)
    height = HEIGHT if len(pairs) == 1 else 420 * rows + 120
    summary = f"front of {len(parted.front)} of {count(len(subject.complete), 'complete trial')}"
    name = f"{subject.title('the front')}, {_in_words(parted)}"
    return Figure(name, traces, {**layout, "height": height}, width, height, summary)


def _worth(goals: Sequence[Goal], known: Volume) -> str:
    at = ", ".join(
        f"{short(goal.metric, 30)} {number(known.reference[goal.metric], goal.unit)}"
        for goal in goals
    )
    share = percent(known.share, 1)
    return f"Hypervolume up to {at}: {number(known.value)}, {share} of what the ideal would have."


def _limits(reference: Mapping[str, float], pair: Sequence[Goal], i: int) -> Trace:
    """Mark the reference of the hypervolume."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "reference",
        "legendgroup": "reference",
        "showlegend": i == 0,
        "x": [reference[pair[0].metric]],
        "y": [reference[pair[1].metric]],
        "hoverinfo": "x+y+name",
        **_place(i),
        **_mark("cross-thin-open", INK, 14, 2.0),
    }


def _place(i: int) -> dict[str, str]:
    return {"xaxis": f"x{i + 1}", "yaxis": f"y{i + 1}"} if i else {}


def _in_words(parted: Parted) -> str:
    return (
        f"{len(parted.front):,} on the front, {len(parted.dominated):,} dominated, "
        f"{len(parted.infeasible):,} infeasible"
    )


def _captions(subject: Subject, parted: Parted, *, log: bool) -> list[str]:
    said = []
    if others := subject.beside():
        said.append(f"Not drawn, for they have no final values: {others}.")
    if bounds := [goal.bound() for goal in subject.study.goals if goal.bound()]:
        said.append(f"Feasible is {', '.join(bounds)}.")
    for kind, trials in (("dominated", parted.dominated), ("infeasible", parted.infeasible)):
        if len(trials) > CROWD:
            said.append(f"Of {len(trials):,} {kind} trials, a sample of {CROWD:,} is drawn.")
    if not log and (beyond := _beyond(parted)):
        verb = "lies" if beyond == 1 else "lie"
        said.append(f"{count(beyond, 'trial')} with far worse values {verb} beyond the axes.")
    return said


def _beyond(parted: Parted) -> int:
    limits = [(goal, _limit(goal, parted)) for goal in parted.goals]
    return sum(
        any(at is not None and goal.loss(trial.metrics[goal.metric]) > at for goal, at in limits)
        for trial in (*parted.dominated, *parted.infeasible)
    )


def _limit(goal: Goal, parted: Parted) -> float | None:
    """Return the loss at which an axis ends, never before the front; None if it shows all."""
    front = [goal.loss(trial.metrics[goal.metric]) for trial in parted.front]
    others = (*parted.dominated, *parted.infeasible)
    every = [*front, *(goal.loss(trial.metrics[goal.metric]) for trial in others)]
    limit = far_out(every)
    return None if limit is None or limit < max(front, default=limit) else limit


def _view(goal: Goal, parted: Parted) -> dict[str, Any]:
    """Return the range of an axis that leaves out what lies far from everything else."""
    limit = _limit(goal, parted)
    if limit is None:
        return {}
    trials = (*parted.front, *parted.dominated, *parted.infeasible)
    values = [trial.metrics[goal.metric] for trial in trials]
    inside = [value for value in values if goal.loss(value) <= limit]
    inside += [parted.reference[goal.metric]] if goal.metric in parted.reference else []
    low, high = min(inside), max(inside)
    room = 0.06 * (high - low) or 0.06 * abs(high) or 1.0
    return {"range": [low - room, high + room]}


def _panel(subject: Subject, parted: Parted, pair: Sequence[Goal], i: int) -> list[Trace]:
    several = len(parted.goals) > 2
    line = {} if several else {"line": {"shape": "hv", "color": BLUE, "width": 1.5}}
    bent = [trial for trial in parted.front if trial.id in parted.knees]
    small = (8, 1.3) if len(parted.dominated) <= MANY else (5, 0.8)
    looks: list[tuple[str, Sequence[Trial], dict[str, Any]]] = [
        ("dominated", parted.dominated, _mark("circle-open", GREY, *small)),
        ("infeasible", parted.infeasible, _mark("x-thin", VERMILION, 8, 1.8)),
        ("on the front", parted.front, {**_mark("circle", BLUE, 10, 1.0), **line}),
        ("knee", bent, _mark("diamond-open", ORANGE, 17, 2.5)),
    ]
    return [
        {**_points(subject, _sample(subject, trials), pair), **_place(i), **look}
        | {"name": f"{name} ({len(trials):,})", "legendgroup": name, "showlegend": i == 0}
        | {"mode": "lines+markers" if "line" in look else "markers"}
        for name, trials, look in looks
        if trials
    ]


def _points(subject: Subject, trials: Sequence[Trial], pair: Sequence[Goal]) -> Trace:
    return {
        "type": "scatter",
        "x": [trial.metrics[pair[0].metric] for trial in trials],
        "y": [trial.metrics[pair[1].metric] for trial in trials],
        "customdata": [trial.id for trial in trials],
        "hovertext": [subject.hover(trial) for trial in trials],
        "hoverinfo": "text",
    }


def _sample(subject: Subject, trials: Sequence[Trial]) -> Sequence[Trial]:
    if len(trials) <= CROWD:
        return trials
    drawn = rng(subject.study.seed, "picture of the front").sample(range(len(trials)), CROWD)
    return [trials[i] for i in sorted(drawn)]


def _mark(symbol: str, colour: str, size: float, width: float) -> dict[str, Any]:
    return {
        "marker": {
            "symbol": symbol,
            "color": colour,
            "size": size,
            "line": {"color": colour, "width": width},
        }
    }


def _axes(
    pair: Sequence[Goal], i: int, panels: int, parted: Parted, *, log: bool
) -> dict[str, Any]:
    number_ = str(i + 1) if i else ""
    trials = [*parted.front, *parted.dominated, *parted.infeasible]
    kinds = [
        log_axis(t.metrics[goal.metric] for t in trials) if log else _view(goal, parted)
        for goal in pair
    ]
    shapes: dict[str, Any] = {}
    if panels > 1:
        beside, rows = min(panels, 3), -(-panels // 3)
        column, row = i % beside, i // beside
        gap_x, gap_y = 0.09, 0.16
        wide = (1 - gap_x * (beside - 1)) / beside
        high = (1 - gap_y * (rows - 1)) / rows
        left, top = column * (wide + gap_x), 1 - row * (high + gap_y)
        shapes = {"x": [left, left + wide], "y": [max(top - high, 0.0), top]}
    x = axis(measured(pair[0]), **kinds[0], anchor=f"y{number_}")
    y = axis(measured(pair[1]), **kinds[1], anchor=f"x{number_}")
    if shapes:
        x["domain"], y["domain"] = shapes["x"], shapes["y"]
        x["title"]["font"] = y["title"]["font"] = {"size": 12}
    return {f"xaxis{number_}": x, f"yaxis{number_}": y}
