"""Which of several trials is better: constrained dominance and crowding (Deb et al. 2002)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nas import pareto
from nas.trial import Status, Trial

Standing = tuple[float, float]
"""Compares trials of one ``standings`` call: the smaller, the better."""


def standings(trials: Sequence[Trial]) -> list[Standing]:
    """Return each trial's standing among all of them.

    Constrained dominance: a feasible trial beats an infeasible one, less violation beats more, and
    a failed trial loses to all others. Feasible trials compare by their loss if there is one
    objective, else by non-domination rank, then by crowding distance, the larger the better.

    Source: sections III-B and VI of K. Deb et al., IEEE Trans. Evol. Comput. 6(2), 2002.
    """
    feasible = [trial for trial in trials if trial.feasible]
    if all(len(trial.losses) == 1 for trial in feasible):
        among = iter([(-math.inf, trial.losses[0]) for trial in feasible])
    else:
        among = iter(rank_and_crowding([trial.losses for trial in feasible]))
    return [next(among) if t.feasible else (math.inf, _violation(t)) for t in trials]


def _violation(trial: Trial) -> float:
    known = trial.status in (Status.COMPLETE, Status.INFEASIBLE)
    return trial.violation if known else math.inf


def rank_and_crowding(losses: Sequence[pareto.Losses]) -> list[Standing]:
    """Return each point's non-domination rank, then its crowding distance, negated."""
    ranks = pareto.ranks(losses)
    fronts: dict[int, list[int]] = {}
    for position, rank in enumerate(ranks):
        fronts.setdefault(rank, []).append(position)
    distances = [math.inf] * len(ranks)
    for members in fronts.values():
        spread = pareto.crowding([losses[i] for i in members])
        for i, distance in zip(members, spread.tolist(), strict=True):
            distances[i] = distance
    return [(rank, -distance) for rank, distance in zip(ranks, distances, strict=True)]
