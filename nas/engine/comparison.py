"""What scores were worth: how they rank the trials that were trained, beside size and cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from nas.abstract.objective import AnalyticObjective
from nas.archive import Archive
from nas.config import Config
from nas.engine.builder import Builder
from nas.engine.proxy_tree import Branch, Leaf, Tree, label, values
from nas.errors import NASError
from nas.plugins import Plugins
from nas.ranking import Ranking, rankings
from nas.study import Study
from nas.trial import Status, Trial

LINES_TO_BEAT = ("params", "flops")
"""Analytic objectives that stand beside the scores: what does not beat them is not worth it."""


def comparison(archive: Archive, study: Study, plugins: Plugins) -> dict[str, list[Ranking]]:
    """Return for each objective that had to be evaluated how every score ranks the trials.

    Args:
        archive: where they are.
        study: whose complete trials are ranked.
        plugins: those to compute params and flops with.
    """
    trials = archive.trials(study, status=Status.COMPLETE)
    scores = _scores(archive, study, plugins, trials)
    if not scores:
        return {}
    known = _analytic(archive, study, plugins, trials)
    size = known.get("params")
    return {
        goal.metric: rankings(
            {**scores, **known},
            [-goal.loss(trial.metrics[goal.metric]) for trial in trials],
            size,
        )
        for goal in study.goals
        if goal.metric not in known and goal.metric not in scores
    }


def analytic(plugins: Plugins) -> dict[str, AnalyticObjective]:
    """Return the lines to beat, as far as plugins offer them."""
    found: dict[str, AnalyticObjective] = {}
    for name in LINES_TO_BEAT:
        try:
            objective = plugins.build("objective", name)
        except NASError:  # not installed, or there are several: nothing stands beside the scores
            continue
        if isinstance(objective, AnalyticObjective):
            found[name] = objective
    return found


def _scores(
    archive: Archive, study: Study, plugins: Plugins, trials: Sequence[Trial]
) -> dict[str, list[float]]:
    found = {
        scorer: [of_one.get(trial.id, math.nan) for trial in trials]
        for scorer, of_one in archive.own_scores(study).items()
    }
    return _with_aggregate(found, study, plugins)


def _with_aggregate(
    scores: dict[str, list[float]], study: Study, plugins: Plugins
) -> dict[str, list[float]]:
    """Aggregate again: what was archived is relative to the trials of that time."""
    wanted = Config.parse(study.config).filter
    if wanted is None or wanted.predictor is not None:
        return scores
    builder = Builder(plugins)
    try:
        (tree,) = builder.filter_trees(wanted)
    except NASError:  # the plugin is not installed here: what was archived would mislead
        name = label(wanted.proxy) if wanted.proxy else ""
        return {k: v for k, v in scores.items() if k != f"proxy:{name}"}
    if not isinstance(tree, Branch):
        return scores
    leaves = {name.removeprefix("proxy:"): of_one for name, of_one in scores.items()}
    aggregated: Mapping[str, list[float]] = {}
    if all(name in leaves for name in _names(tree)):
        aggregated = {f"proxy:{tree.name}": values(tree, leaves).tolist()}
    rest = {k: v for k, v in scores.items() if k != f"proxy:{tree.name}"}
    return {**aggregated, **rest}


def _names(tree: Tree) -> list[str]:
    if isinstance(tree, Leaf):
        return [tree.name]
    return [name for part in tree.parts for name in _names(part)]


def _analytic(
    archive: Archive, study: Study, plugins: Plugins, trials: Sequence[Trial]
) -> dict[str, list[float]]:
    try:
        space = archive.space(study, plugins=plugins)
    except NASError:  # its plugin is not installed here
        return {}
    found: dict[str, list[float]] = {}
    for name, objective in analytic(plugins).items():
        try:
            found[name] = [
                trial.metrics[name]
                if name in trial.metrics
                else float(objective.estimate(space, space.architecture(trial.architecture)))
                for trial in trials
            ]
        except NASError:  # this space's networks cannot be counted
            continue
    return found
