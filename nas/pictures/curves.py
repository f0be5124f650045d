"""What a picture of learning curves shows, read from an archive."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from nas.errors import ArchiveError, ConfigError
from nas.pictures.forecast import Forecast, Predictor, forecasts
from nas.suggest import did_you_mean, listed
from nas.text import budget_unit, count, plain
from nas.trial import Status

if TYPE_CHECKING:
    from nas.archive import Archive
    from nas.goals import Direction
    from nas.study import Study
    from nas.trial import CurvePoint

SHOWN = (Status.COMPLETE, Status.STOPPED, Status.PAUSED, Status.FAILED)
"""Those that have curves, in the order of the legend."""

_RULINGS = """
SELECT trial, step, verdict FROM rulings
WHERE trial IN (SELECT value FROM json_each('{ids}')) AND verdict <> 'promote'
ORDER BY trial, position"""


@dataclass(frozen=True)
class Wanted:
    """What to draw.

    Args:
        metric: of the curves; None is the first objective that has any.
        direction: of a metric that is no objective.
        last: so many of the last trials; None is all.
        trials: ids of the only ones to draw; empty is all.
    """

    metric: str | None = None
    direction: str | None = None
    last: int | None = None
    trials: tuple[int, ...] = ()


@dataclass(frozen=True)
class Line:
    """One learning curve.

    Args:
        id: of the trial.
        status: how it ended.
        on_front: whether no other trial dominates it.
        steps: after which it has reported, increasing.
        values: what, in the metric's unit; NaN where it was not a number.
        spared: step after which it was to stop, but was audited; None if it was not.
    """

    id: int
    status: Status
    on_front: bool
    steps: tuple[int, ...]
    values: tuple[float, ...]
    spared: int | None = None


@dataclass(frozen=True)
class Level:
    """A step at which was decided: on how many of the shown trials, how many it ended or paused."""

    step: int
    decided: int
    ended: int


@dataclass(frozen=True)
class Curves:
    """Learning curves of a study.

    Args:
        study: its name.
        metric: what the curves show.
        direction: which way it is better, if that is known.
        metric_unit: of its values; empty for a plain number.
        step_unit: of the steps, in the singular.
        full: budget of a complete trial, if it is known.
        lines: by number of the trial.
        trials: how many of the study's have a curve.
        levels: by step.
        forecasts: of those that could go on, the most promising ones.
        predictor: who made them; empty without.
    """

    study: str
    metric: str
    direction: Direction | None
    metric_unit: str
    step_unit: str
    full: int | None
    lines: Sequence[Line]
    trials: int
    levels: Sequence[Level]
    forecasts: Sequence[Forecast] = ()
    predictor: str = ""

    @property
    def counts(self) -> Mapping[Status, int]:
        """How many lines there are of each status."""
        found = Counter(line.status for line in self.lines)
        return {status: found[status] for status in SHOWN if found[status]}

    @property
    def summary(self) -> str:
        """Say what is drawn."""
        shown = ", ".join(f"{n:,} {status}" for status, n in self.counts.items())
        part = f" of {self.trials:,}" if len(self.lines) < self.trials else ""
        curves = count(len(self.lines), "learning curve")
        said = f"{curves}{part} of {plain(self.metric)} in {plain(self.study)} ({shown})"
        if self.predictor:
            said += f"; {len(self.forecasts):,} predicted by {plain(self.predictor)}"
        return said


def gather(
    archive: Archive,
    study: Study,
    wanted: Wanted,
    predictor: Predictor | None = None,
    full: int | None = None,
) -> Curves:
    """Read what is to be drawn.

    Args:
        archive: has the study.
        study: which one.
        wanted: which curves.
        predictor: says how stopped and paused trials would go on, or None.
        full: budget of a complete trial, where there is none yet to tell.

    Raises:
        ArchiveError: there are no such curves, or trials.
        ConfigError: nothing can be predicted for want of a direction or a full budget.
    """
    curves = archive.curves(study)
    metric = _metric(study, curves, wanted.metric)
    direction, metric_unit = _meaning(study, metric, wanted.direction)
    full = archive.budget(study) or full
    every = _lines(archive, study, curves, metric)
    lines = _chosen(study, every, wanted)
    return Curves(
        study.name,
        metric,
        direction,
        metric_unit,
        budget_unit(archive.state(study).stages),
        full,
        lines,
        len(every),
        _levels(archive, lines),
        forecasts(predictor, lines, metric, direction, full) if predictor else (),
        predictor.name if predictor else "",
    )


def _metric(study: Study, curves: Mapping[int, Sequence[CurvePoint]], wanted: str | None) -> str:
    known = sorted({name for curve in curves.values() for point in curve for name in point.metrics})
    if not known:
        raise ArchiveError(f"study {study.name!r} has no learning curves: nothing was reported yet")
    if wanted is None:
        return next((goal.metric for goal in study.goals if goal.metric in known), known[0])
    if wanted not in known:
        hint = did_you_mean(wanted, known)
        raise ArchiveError(
            f"study {study.name!r} has no learning curves of {wanted!r}.{hint} "
            f"It has those of {listed(known)}"
        )
    return wanted


def _meaning(study: Study, metric: str, given: str | None) -> tuple[Direction | None, str]:
    if given not in (None, "minimize", "maximize"):
        raise ConfigError(f"--direction is minimize or maximize, not {given!r}")
    for goal in study.goals:
        if goal.metric == metric:
            return goal.direction, goal.unit
    return cast("Direction | None", given), ""


def _lines(
    archive: Archive, study: Study, curves: Mapping[int, Sequence[CurvePoint]], metric: str
) -> list[Line]:
    on_front = {trial.id for trial in archive.front(study)}
    spared = {audited.trial.id: audited.step for audited in archive.savings(study).audited}
    lines = []
    for trial in archive.trials(study):
        points = [point for point in curves.get(trial.id, ()) if metric in point.metrics]
        if points:
            steps = tuple(point.step for point in points)
            values = tuple(point.metrics[metric] for point in points)
            front = trial.id in on_front
            line = Line(trial.id, trial.status, front, steps, values, spared.get(trial.id))
            lines.append(line)
    return lines


def _chosen(study: Study, lines: Sequence[Line], wanted: Wanted) -> list[Line]:
    known = {line.id for line in lines}
    if missing := sorted(set(wanted.trials) - known):
        raise ArchiveError(
            f"study {study.name!r} has no learning curve of trial {missing[0]}; "
            f"it has curves of {count(len(known), 'trial')}, {min(known)} to {max(known)}"
        )
    chosen = [line for line in lines if not wanted.trials or line.id in wanted.trials]
    return chosen[-wanted.last :] if wanted.last else chosen


def _levels(archive: Archive, lines: Sequence[Line]) -> list[Level]:
    ids = json.dumps([line.id for line in lines])
    _, rows = archive.query(_RULINGS.format(ids=ids))
    latest = {(trial, step): verdict for trial, step, verdict in rows}
    decided, ended = Counter[int](), Counter[int]()
    status = {line.id: line.status for line in lines}
    last = dict(latest.keys())
    for (trial, step), verdict in latest.items():
        decided[step] += 1
        gone = verdict == "stop" or (verdict == "pause" and last[trial] == step)
        ended[step] += gone and status[trial] in (Status.STOPPED, Status.PAUSED)
    return [Level(step, decided[step], ended[step]) for step in sorted(decided)]
