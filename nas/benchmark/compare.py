"""Studies against each other, at equal trials and at equal seconds; seeds of a config together.

What is compared is what had been found by then: of one objective its best value, of several the
dominated hypervolume up to one reference for all. Checkpoints are shares of the shortest study.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nas.archive.objectives import reference_losses
from nas.archive.progress import Progress
from nas.benchmark.statistics import Estimate, Floats, difference, estimate
from nas.errors import ArchiveError
from nas.goals import Goal
from nas.pareto import front, reference_of

SHARES = (0.25, 0.5, 0.75, 1.0)
"""Of the shortest study: where studies are compared."""

_NOT_OF_THE_CONFIG = ("study", "seed", "stop", "run")
"""Keys in which studies of one config may differ."""


@dataclass(frozen=True)
class Side:
    """Studies of one config that differ in the seed.

    Args:
        label: what they are called.
        runs: by seed.
    """

    label: str
    runs: Mapping[int, Progress]


@dataclass(frozen=True)
class Checkpoint:
    """How the sides stand.

    Args:
        share: of the shortest study.
        at: trials, or seconds.
        found: of each side, the mean over its seeds.
        gains: of each side but the first, by how much the first is better, paired by seed; if each
            side is one study, whatever their seeds.
        ahead: position of the side with the best mean; None if two share it, or none has one.
    """

    share: float
    at: float
    found: tuple[Estimate, ...]
    gains: tuple[Estimate, ...]
    ahead: int | None


@dataclass(frozen=True)
class Comparison:
    """Studies against each other.

    Args:
        sides: the first is compared with each of the others.
        goals: the objectives.
        kind: of what is compared: ``best`` value of the one objective, or ``hypervolume``.
        reference: losses up to which the hypervolume is taken; empty with one objective.
        by_trials: checkpoints at equal numbers of evaluated trials.
        by_seconds: checkpoints at equal seconds spent, see ``nas.archive.progress.Progress``.
        same: whether all of them evaluate in the same way.
    """

    sides: tuple[Side, ...]
    goals: tuple[Goal, ...]
    kind: Literal["best", "hypervolume"]
    reference: tuple[float, ...]
    by_trials: tuple[Checkpoint, ...]
    by_seconds: tuple[Checkpoint, ...]
    same: bool


def compare(runs: Sequence[Progress], reference: Mapping[str, float] | None = None) -> Comparison:
    """Compare studies; those of one config but for the seed are one side.

    Args:
        runs: at least two, with the same objectives.
        reference: of the hypervolume, a value of each objective; by default a tenth of the extent
            of the front of all studies beyond its worst values.

    Raises:
        ArchiveError: there is nothing to compare, or two studies of a config have the same seed.
    """
    if len(runs) < 2:
        raise ArchiveError("there is nothing to compare: name two studies at least")
    for run in runs:
        if not len(run.numbers):
            raise ArchiveError(f"study {run.study.name!r} has no evaluated trial yet")
    sides, goals = _sides(runs), runs[0].goals
    limits = _limits(runs, goals, reference)
    compared = _Compared(sides, goals, limits)
    trials = min(len(run.numbers) for run in runs)
    seconds = min(float(run.seconds[-1]) for run in runs)
    counts = [(share, math.ceil(share * trials)) for share in SHARES]
    return Comparison(
        sides,
        goals,
        "hypervolume" if limits else "best",
        limits,
        tuple(compared.at(share, n, _exactly(n)) for share, n in counts),
        tuple(compared.at(s, s * seconds, _trials_by(s * seconds)) for s in SHARES),
        len({run.study.evaluation for run in runs}) == 1,
    )


class _Compared:
    def __init__(self, sides: Sequence[Side], goals: Sequence[Goal], limits: Sequence[float]):
        self._sides, self._goals = sides, goals
        self._worth: dict[int, Floats] = {
            id(run): run.worth(limits or None) for side in sides for run in side.runs.values()
        }
        # of what is compared, more is better: the volume, or minus the loss
        self._sign = 1.0 if limits else -goals[0].loss(1.0)

    def at(self, share: float, at: float, trials: Callable[[Progress], int]) -> Checkpoint:
        """Return how the sides stand after so many trials of each run."""
        values = [
            {seed: self._value(run, trials(run)) for seed, run in side.runs.items()}
            for side in self._sides
        ]
        found = tuple(estimate(list(of.values())) for of in values)
        alone = all(len(of) == 1 for of in values)
        first, *others = (
            {0 if alone else s: self._sign * v for s, v in of.items()} for of in values
        )
        gains = tuple(difference(first, other) for other in others)
        return Checkpoint(share, float(at), found, gains, self._ahead(found))

    def _value(self, run: Progress, trials: int) -> float:
        if trials:
            return float(self._worth[id(run)][trials - 1])
        return math.nan if len(self._goals) == 1 else 0.0

    def _ahead(self, found: Sequence[Estimate]) -> int | None:
        merits = [-math.inf if of.mean is None else self._sign * of.mean for of in found]
        best = max(merits)
        return merits.index(best) if merits.count(best) == 1 else None


def _exactly(trials: int) -> Callable[[Progress], int]:
    return lambda run: trials


def _trials_by(seconds: float) -> Callable[[Progress], int]:
    # the sum of floats that makes up the last second must not cost the last trial
    return lambda run: int(np.searchsorted(run.seconds, seconds * (1 + 1e-12), side="right"))


def _limits(
    runs: Sequence[Progress], goals: Sequence[Goal], reference: Mapping[str, float] | None
) -> tuple[float, ...]:
    if reference is not None:
        return reference_losses(goals, reference)
    if len(goals) == 1:
        return ()
    points = np.concatenate([run.losses for run in runs])
    of_front = points[front(points)]
    if not len(of_front):
        raise ArchiveError("none of these studies has a trial within the bounds yet")
    return tuple(reference_of(of_front).tolist())


def _sides(runs: Sequence[Progress]) -> tuple[Side, ...]:
    groups: dict[str, list[Progress]] = {}
    for run in runs:
        config = {k: v for k, v in run.study.config.items() if k not in _NOT_OF_THE_CONFIG}
        groups.setdefault(json.dumps(config, sort_keys=True), []).append(run)
    together = list(groups.values()) if len(groups) > 1 else [[run] for run in runs]
    labels = [_label(group) for group in together]
    if len(set(labels)) < len(labels):
        labels = [f"{group[0].study.archive}:{group[0].study.name}" for group in together]
    return tuple(Side(label, _by_seed(of)) for label, of in zip(labels, together, strict=True))


def _label(group: Sequence[Progress]) -> str:
    names = [run.study.name for run in group]
    if len(names) == 1:
        return names[0]
    alike = itertools.takewhile(lambda of: len(set(of)) == 1, zip(*names, strict=False))
    shared = "".join(of[0] for of in alike).rstrip("-_ 0123456789")
    return shared or names[0]


def _by_seed(group: Sequence[Progress]) -> dict[int, Progress]:
    for one, other in itertools.combinations(group, 2):
        if one.study.seed == other.study.seed:
            raise ArchiveError(
                f"studies {one.study.name!r} and {other.study.name!r} have the same config and "
                f"seed {one.study.seed}: name one of them"
            )
    return {run.study.seed: run for run in group}
