"""A study as curves over its evaluated trials: what has been found so far, and what it is worth.

The incumbent is the feasible trial that is best by the objective, the first of equals. Nothing else
is ever reported: a judge's metric is read of the incumbent alone, so it can get worse, and the best
value of the judge among all trials is of no interest, for nobody could have chosen it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nas.archive.traces import Trace
from nas.benchmark.statistics import Floats
from nas.goals import Goal
from nas.pareto import Losses, volumes
from nas.trial import Status


@dataclass(frozen=True)
class Run:
    """One study of a benchmark, ``(trials,)`` after each evaluated trial.

    A study that had nothing left to evaluate before the last trial stays as it ended.

    Args:
        found: with one objective, the lowest feasible loss so far, infinite before there is one;
            with several, the dominated hypervolume.
        judged: the judge's metric of the incumbent; NaN before there is one, or without a judge.
        choosing: seconds that it took to choose the trial, with what was turned away before it.
    """

    found: Floats
    judged: Floats
    choosing: Floats


def run_of(
    trace: Trace, goals: Sequence[Goal], judge: str | None, reference: Losses | None, trials: int
) -> Run:
    """Return the curves of a study.

    Args:
        trace: its trials, with the metrics of the goals and of the judge.
        goals: its objectives.
        judge: the metric that incumbents are judged by, or None.
        reference: losses up to which the hypervolume is taken; needed with several goals.
        trials: how many evaluated trials count.
    """
    evaluated = [
        i for i, status in enumerate(trace.status) if status in (Status.COMPLETE, Status.FAILED)
    ][:trials]
    losses = losses_of(trace, goals)
    feasible = [trace.feasible[i] for i in evaluated]
    points = losses[evaluated]
    if len(goals) > 1:
        assert reference is not None
        able = np.where(np.array(feasible, dtype=bool)[:, None], points, math.nan)
        found, judged = volumes(able, reference), np.full(len(points), math.nan)
    else:
        judge_values = trace.metrics[judge] if judge else [math.nan] * len(trace.status)
        found, judged = _incumbents(points[:, 0], feasible, [judge_values[i] for i in evaluated])
    return Run(_padded(found, trials), _padded(judged, trials), _choosing(trace, evaluated))


def losses_of(trace: Trace, goals: Sequence[Goal]) -> Floats:
    """Return ``(trials, goals)`` losses, lower is better; NaN where there is no value."""
    return np.array(
        [[goal.loss(value) for value in trace.metrics[goal.metric]] for goal in goals]
    ).T.reshape(-1, len(goals))


def trials_until(run: Run, line: float, *, judged: bool, above: bool) -> float:
    """Return after how many trials a curve has first reached a line; infinite if it has not.

    Args:
        run: whose curve.
        line: what is to be reached.
        judged: whether it is the judge's curve.
        above: whether more is better.
    """
    curve = run.judged if judged else run.found
    there = curve >= line if above else curve <= line
    return float(there.argmax() + 1) if there.any() else math.inf


def _choosing(trace: Trace, evaluated: Sequence[int]) -> Floats:
    if not evaluated:
        return np.empty(0)
    seconds = np.asarray(trace.choosing, dtype=np.float64)[: evaluated[-1] + 1]
    return np.add.reduceat(seconds, [0, *(i + 1 for i in evaluated[:-1])])


def _incumbents(
    losses: Floats, feasible: Sequence[bool], judge: Sequence[float]
) -> tuple[Floats, Floats]:
    found, judged = np.full(len(losses), math.inf), np.full(len(losses), math.nan)
    best, of_best = math.inf, math.nan
    for i, loss in enumerate(losses):
        if feasible[i] and loss < best:
            best, of_best = float(loss), judge[i]
        found[i], judged[i] = best, of_best
    return found, judged


def _padded(curve: Floats, trials: int) -> Floats:
    missing = trials - len(curve)
    return np.pad(curve, (0, missing), mode="edge") if len(curve) else np.full(trials, math.nan)
