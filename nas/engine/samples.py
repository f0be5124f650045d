"""The finished trials of a study as samples to learn a metric from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.abstract.space import Space
from nas.architecture import Architecture
from nas.archive import Archive
from nas.errors import ArchiveError, ComponentError, ConfigError
from nas.goals import Direction, Goal
from nas.plugins import Plugins
from nas.ranking import MINIMUM
from nas.study import Study
from nas.suggest import did_you_mean, listed
from nas.trial import Status, Trial

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Samples:
    """Finished trials to learn a metric from.

    Args:
        study: whose trials they are.
        space: theirs.
        goal: the metric, with direction and unit.
        architectures: of the trials.
        values: ``(trials,)`` the metric.
        networks: canonical id of each architecture; trials that share one are of the same network.
    """

    study: Study
    space: Space
    goal: Goal
    trials: tuple[Trial, ...]
    architectures: tuple[Architecture, ...]
    values: Floats
    networks: tuple[str, ...]


def collect(
    archive: Archive,
    study: Study,
    metric: str | None,
    direction: Direction | None,
    plugins: Plugins,
) -> Samples:
    """Return the complete trials that have the metric; see ``forecast``."""
    complete = archive.trials(study, status=Status.COMPLETE)
    goal = _goal(study, metric, direction, complete)
    trials = [t for t in complete if math.isfinite(t.metrics.get(goal.metric, math.nan))]
    space = _space(archive, study, plugins)
    architectures = tuple(space.architecture(trial.architecture) for trial in trials)
    networks = tuple(map(space.canonical_id, architectures))
    if len(set(networks)) < MINIMUM:
        raise ArchiveError(
            f"study {study.name!r} has complete trials with {goal.metric!r} of "
            f"{len(set(networks))} different networks; at least {MINIMUM} are needed to learn, and "
            "to test what was learnt"
        )
    values = np.array([trial.metrics[goal.metric] for trial in trials], dtype=np.float64)
    return Samples(study, space, goal, tuple(trials), architectures, values, networks)


def _goal(
    study: Study, metric: str | None, direction: Direction | None, trials: Sequence[Trial]
) -> Goal:
    """Return the metric as an objective."""
    goals = {goal.metric: goal for goal in study.goals}
    if metric is None:
        return study.goals[0]
    if metric not in goals:
        known = {*goals, *(name for trial in trials for name in trial.metrics)}
        if metric not in known:
            raise ArchiveError(
                f"no trial of study {study.name!r} has a metric {metric!r}."
                f"{did_you_mean(metric, known)} There are: {listed(known)}"
            )
        if direction is None:
            raise ConfigError(
                f"metric {metric!r} is no objective of study {study.name!r}: say with --direction "
                "whether to minimize or to maximize it"
            )
        return Goal(metric, direction)
    if direction not in (None, goals[metric].direction):
        raise ConfigError(f"study {study.name!r} has {metric!r} to {goals[metric].direction}")
    return goals[metric]


def _space(archive: Archive, study: Study, plugins: Plugins) -> Space:
    try:
        return archive.space(study, plugins=plugins)
    except ComponentError as error:
        raise ComponentError(
            f"the space of study {study.name!r} cannot be built here: {error} "
            "(--plugin FILE.py loads one from a plugin file)"
        ) from error
