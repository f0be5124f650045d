"""The best there is, of a table that can be read whole; or else the best that was seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nas.abstract.evaluator import Task
from nas.architecture import Architecture
from nas.benchmark.statistics import Floats
from nas.engine.assembly import Assembly
from nas.errors import CandidateError, StudyError
from nas.goals import losses, violation
from nas.pareto import front, hypervolume, reference_of

COUNTED = 1_000
"""Networks whose analytic objectives are computed: a dozen milliseconds each."""


@dataclass(frozen=True)
class Truth:
    """What runs are measured by.

    Args:
        exact: whether it is the best there is; otherwise it is the best that any run has seen.
        best: lowest feasible loss of the first objective.
        reference: losses up to which the hypervolume is taken; empty with one objective.
        volume: the hypervolume of the best front; 0 with one objective.
    """

    exact: bool
    best: float
    reference: tuple[float, ...] = ()
    volume: float = 0.0


def known_losses(parts: Assembly) -> Floats | None:
    """Return ``(n, goals)`` losses of all feasible architectures that the evaluator looks up.

    None if it works for its results, if an objective has to be measured, or if more than
    ``COUNTED`` networks would have to be built to count them.
    """
    architectures = parts.evaluator.known(parts.space)
    known = {*parts.evaluator.metrics, *parts.analytic}
    if architectures is None or any(goal.metric not in known for goal in parts.goals):
        return None
    if parts.analytic and len(architectures) > COUNTED:
        return None
    found = list(_evaluated(parts, architectures))
    return np.array(found).reshape(-1, len(parts.goals))


def _evaluated(
    parts: Assembly, architectures: Sequence[Architecture]
) -> Iterator[tuple[float, ...]]:
    for architecture in architectures:
        task = Task(parts.space, architecture, parts.data, parts.evaluator.budget, seed=0)
        try:
            metrics = dict(parts.evaluator.evaluate(task, _unheard).metrics)
            for name, objective in parts.analytic.items():
                metrics[name] = float(objective.estimate(parts.space, architecture))
        except CandidateError:
            continue
        has_all = all(goal.metric in metrics for goal in parts.goals)
        if has_all and violation(parts.goals, metrics) == 0:
            yield losses(parts.goals, metrics)


def _unheard(step: int, metrics: Mapping[str, float], snapshot: object = None) -> None:
    """Nobody listens."""


def truth_of(points: Floats, *, exact: bool, reference: Sequence[float] | None) -> Truth:
    """Return what runs are measured by.

    Args:
        points: ``(n, goals)`` losses of everything that is known, feasible.
        exact: whether that is everything there is.
        reference: losses up to which the hypervolume is taken; by default a tenth of the front's
            extent beyond its worst values.

    Raises:
        StudyError: nothing is known, or nothing is better than the reference.
    """
    if not len(points):
        raise StudyError("nothing feasible is known: no run has a result, so there is no best one")
    best = float(points[:, 0].min())
    if points.shape[1] == 1:
        return Truth(exact, best)
    of_front = points[front(points.tolist())]
    limits = tuple(reference_of(of_front).tolist() if reference is None else reference)
    volume = hypervolume(of_front.tolist(), limits)
    if volume <= 0:
        raise StudyError(f"no front is better than the reference {list(limits)} everywhere")
    return Truth(exact, best, limits, volume)
