"""What scores were worth: how they rank the trials that were trained, beside size and cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nas.abstract.objective import AnalyticObjective
from nas.abstract.space import Space
from nas.archive import Archive
from nas.config import Config
from nas.engine.builder import Builder
from nas.engine.proxy_tree import Branch, Leaf, Tree, label, values
from nas.errors import NASError
from nas.plugins import Plugins
from nas.ranking import Ranking, rankings
from nas.seeds import rng
from nas.study import Study
from nas.trial import Status, Trial

LINES_TO_BEAT = ("params", "flops")
"""Analytic objectives that stand beside the scores: what does not beat them is not worth it."""

MOST = 500
"""Trials whose networks are built to count them, which takes up to a tenth of a second each."""


@dataclass(frozen=True)
class Comparison:
    """How scores rank trials.

    Args:
        objectives: for each that had to be evaluated, how every score ranks the trials.
        compared: trials that were looked at; fewer than there are if they are a sample.
        trials: complete trials of the study.
    """

    objectives: Mapping[str, list[Ranking]]
    compared: int
    trials: int


def comparison(
    archive: Archive,
    study: Study,
    plugins: Plugins,
    *,
    everything: bool = False,
    top: int | None = None,
) -> Comparison:
    """Compare how scores, and what they must beat, rank a study's complete trials.

    Args:
        archive: where they are.
        study: whose trials are ranked.
        plugins: those to compute params and flops with.
        everything: look at every trial. Else, if more than ``MOST`` networks had to be built, a
            sample of those that have a score is looked at, each time the same.
        top: how many the overlap is about; by default a tenth of those that are looked at.
    """
    trials = archive.trials(study, status=Status.COMPLETE)
    scores = _scores(archive, study, plugins, trials)
    if not scores:
        return Comparison({}, 0, len(trials))
    space = _space(archive, study, plugins)
    lines = {} if space is None else analytic(plugins)
    to_build = sum(not lines.keys() <= trial.metrics.keys() for trial in trials)
    sampled = to_build > MOST and not everything
    looked_at = _sample(study, scores) if sampled else range(len(trials))
    chosen = [trials[i] for i in looked_at]
    theirs = {name: [of_one[i] for i in looked_at] for name, of_one in scores.items()}
    known = {} if space is None else _counted(space, lines, chosen)
    found = {
        goal.metric: rankings(
            {**theirs, **known},
            [-goal.loss(trial.metrics[goal.metric]) for trial in chosen],
            known.get("params"),
            top,
            LINES_TO_BEAT,
        )
        for goal in study.goals
        if goal.metric not in known and goal.metric not in scores
    }
    return Comparison(found, len(chosen), len(trials))


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


def _space(archive: Archive, study: Study, plugins: Plugins) -> Space | None:
    try:
        return archive.space(study, plugins=plugins)
    except NASError:  # its plugin is not installed here
        return None


def _sample(study: Study, scores: Mapping[str, Sequence[float]]) -> Sequence[int]:
    """Return the indices of at most ``MOST`` trials that have a score, in order."""
    of_trials = zip(*scores.values(), strict=True)
    scored = [i for i, of_one in enumerate(of_trials) if not all(map(math.isnan, of_one))]
    return sorted(rng(study.seed, "comparison").sample(scored, min(MOST, len(scored))))


def _counted(
    space: Space, objectives: Mapping[str, AnalyticObjective], trials: Sequence[Trial]
) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for name, objective in objectives.items():
        try:
            found[name] = [
                trial.metrics[name]
                if name in trial.metrics
                else objective.of_network(space, space.architecture(trial.architecture))
                for trial in trials
            ]
        except NASError:  # this space's networks cannot be counted
            continue
    return found
