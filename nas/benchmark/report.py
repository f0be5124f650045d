"""What a benchmark has shown, in numbers: a row for each strategy on each table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from nas.archive import Archive
from nas.archive.traces import Trace
from nas.benchmark.config import TableConfig
from nas.benchmark.curves import Run, losses_of, run_of, trials_until
from nas.benchmark.plan import Plan, finished
from nas.benchmark.statistics import (
    Estimate,
    Floats,
    Reached,
    difference,
    estimate,
    reached,
    verdict,
)
from nas.benchmark.truth import Truth, known_losses, truth_of
from nas.goals import Direction, Goal

Runs = Mapping[str, Mapping[int, Run]]
"""By strategy and seed."""


@dataclass(frozen=True)
class Row:
    """One strategy on one table.

    Args:
        strategy: its label.
        seeds: that are finished.
        found: at each checkpoint, the regret or the share of the hypervolume.
        judged: at each checkpoint, the judge's metric of the incumbent; empty without a judge.
        gain: at each checkpoint, by how much better than random search it is, paired by seed, in
            what judges: the judge's metric, or else regret or share; empty for random search.
        target: trials that it needed to reach the target; None without one.
        choosing: seconds that it took to choose a trial: the strategy and what scores for it.
        choosing_late: the same over the last tenth of the trials.
        verdict: in words, after all trials; empty for random search.
    """

    strategy: str
    seeds: int
    found: tuple[Estimate, ...]
    judged: tuple[Estimate, ...]
    gain: tuple[Estimate, ...]
    target: Reached | None
    choosing: float | None
    choosing_late: float | None
    verdict: str


@dataclass(frozen=True)
class Curve:
    """``(trials,)`` mean over seeds of regret or share, with its interval; NaN where unknown."""

    mean: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class TableReport:
    """All strategies on one table.

    Args:
        table: its name.
        kind: of ``Row.found``: regret of the one objective, lower is better; or share of the best
            hypervolume, higher is better.
        objectives: what was searched for.
        judge: the judge's metric, or None.
        direction: which way the judge is better.
        exact: whether the best is the best there is; otherwise it is what any run has seen.
        best: value of the one objective that regret is taken to; None with several.
        reference: values of the objectives up to which the hypervolume is taken.
        target: what ``Row.target`` is about.
        checkpoints: numbers of trials.
        rows: random search first.
        curves: for plots, by strategy.
    """

    table: str
    kind: Literal["regret", "hypervolume"]
    objectives: tuple[Goal, ...]
    judge: str | None
    direction: Direction
    exact: bool
    best: float | None
    reference: tuple[float, ...]
    target: float | None
    checkpoints: tuple[int, ...]
    rows: tuple[Row, ...]
    curves: Mapping[str, Curve]


def report(plan: Plan, archive: str | Path) -> list[TableReport]:
    """Read what is finished; a table without a finished study is left out.

    Raises:
        NASError: the archive cannot be used, or has a study of that name with another config.
    """
    done = finished(plan, archive)
    if not done:
        return []
    with Archive(archive) as opened:
        found = []
        for table in plan.config.tables:
            goals = plan.parts[table.name].goals
            metrics = [goal.metric for goal in goals]
            metrics += [table.judge.metric] if table.judge else []
            traces = {
                strategy.called: {
                    entry.seed: opened.trace(entry.config.study, metrics)
                    for entry in plan.of(table.name, strategy.called)
                    if entry.config.study in done
                }
                for strategy in plan.config.everyone
            }
            if any(traces.values()):
                found.append(_table(plan, table, traces))
        return found


def _table(
    plan: Plan, table: TableConfig, traces: Mapping[str, Mapping[int, Trace]]
) -> TableReport:
    goals, trials = plan.parts[table.name].goals, plan.config.trials
    truth = _truth(plan, table, traces)
    judge = table.judge.metric if table.judge else None
    runs = {
        strategy: {
            seed: run_of(trace, goals, judge, truth.reference or None, trials)
            for seed, trace in of.items()
        }
        for strategy, of in traces.items()
    }
    sides = _Sides(plan, table, truth, runs)
    labels = sorted(runs, key=lambda label: label != plan.config.line_to_beat)
    several = len(goals) > 1
    return TableReport(
        table=table.name,
        kind="hypervolume" if several else "regret",
        objectives=goals,
        judge=judge,
        direction=table.judge.direction if table.judge else goals[0].direction,
        exact=truth.exact,
        best=None if several else goals[0].loss(truth.best),
        reference=tuple(g.loss(v) for g, v in zip(goals, truth.reference, strict=False)),
        target=table.target,
        checkpoints=plan.config.told_after,
        rows=tuple(sides.row(label) for label in labels),
        curves={label: sides.curve(label) for label in labels if runs[label]},
    )


def _truth(plan: Plan, table: TableConfig, traces: Mapping[str, Mapping[int, Trace]]) -> Truth:
    parts = plan.parts[table.name]
    reference = table.reference and [
        goal.loss(value) for goal, value in zip(parts.goals, table.reference, strict=True)
    ]
    known = known_losses(parts)
    if known is not None and len(known):
        return truth_of(known, exact=True, reference=reference)
    seen = [
        losses_of(trace, parts.goals)[np.asarray(trace.feasible, dtype=bool)]
        for of in traces.values()
        for trace in of.values()
    ]
    return truth_of(np.concatenate(seen), exact=False, reference=reference)


class _Sides:
    """The runs of one table, seen from each side that a row has."""

    def __init__(self, plan: Plan, table: TableConfig, truth: Truth, runs: Runs) -> None:
        self._table, self._runs = table, runs
        self._goals = plan.parts[table.name].goals
        self._line, self._checkpoints = plan.config.line_to_beat, plan.config.told_after
        self._truth, self._several = truth, len(self._goals) > 1

    def row(self, label: str) -> Row:
        """Return the row of a strategy."""
        runs, is_line = self._runs[label], label == self._line
        gain = () if is_line else tuple(self._gain(label, after) for after in self._checkpoints)
        return Row(
            strategy=label,
            seeds=len(runs),
            found=tuple(estimate(list(self._found(label, n).values())) for n in self._checkpoints),
            judged=tuple(
                estimate([float(run.judged[n - 1]) for run in runs.values()])
                for n in self._checkpoints
                if self._table.judge
            ),
            gain=gain,
            target=self._reached(runs),
            choosing=_mean([run.choosing for run in runs.values()], 0.0),
            choosing_late=_mean([run.choosing for run in runs.values()], 0.9),
            verdict=verdict(gain[-1]) if gain else "",
        )

    def curve(self, label: str) -> Curve:
        """Return the whole curve of a strategy."""
        trials = len(next(iter(self._runs[label].values())).found)
        points = [estimate(list(self._found(label, n + 1).values())) for n in range(trials)]
        mean, low, high = (
            np.array([getattr(p, name) for p in points], dtype=np.float64)
            for name in ("mean", "low", "high")
        )
        return Curve(mean, low, high)

    def _found(self, label: str, after: int) -> dict[int, float]:
        """Return regret, or share of the hypervolume, of each seed."""
        found = {seed: float(run.found[after - 1]) for seed, run in self._runs[label].items()}
        if self._several:
            return {seed: volume / self._truth.volume for seed, volume in found.items()}
        return {seed: loss - self._truth.best for seed, loss in found.items()}

    def _merit(self, label: str, after: int) -> dict[int, float]:
        """Return what judges of each seed, higher is better."""
        judge = self._table.judge
        if judge is None:
            sign = 1 if self._several else -1
            return {seed: sign * value for seed, value in self._found(label, after).items()}
        sign = 1 if judge.direction == "maximize" else -1
        return {s: sign * float(run.judged[after - 1]) for s, run in self._runs[label].items()}

    def _gain(self, label: str, after: int) -> Estimate:
        return difference(self._merit(label, after), self._merit(self._line, after))

    def _reached(self, runs: Mapping[int, Run]) -> Reached | None:
        target, judge, goal = self._table.target, self._table.judge, self._goals[0]
        if target is None:
            return None
        if self._several:
            line, judged, above = target * self._truth.volume, False, True
        elif judge is None:
            line, judged, above = goal.loss(target), False, False
        else:
            line, judged, above = target, True, judge.direction == "maximize"
        return reached([trials_until(r, line, judged=judged, above=above) for r in runs.values()])


def _mean(curves: Sequence[Floats], start: float) -> float | None:
    """Return the mean over seeds of the mean of each curve from a share of it on."""
    means = [float(c[math.floor(start * len(c)) :].mean()) for c in curves if len(c)]
    mean = sum(means) / len(means) if means else math.nan
    return mean if math.isfinite(mean) else None
