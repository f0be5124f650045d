"""What a predictor makes of the finished trials of an archive, and how far it can be believed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.abstract.predictor import Prediction, Predictor
from nas.architecture import Architecture
from nas.archive import Archive
from nas.config import Named
from nas.engine.builder import Builder
from nas.engine.comparison import analytic
from nas.engine.samples import Samples, collect
from nas.errors import ConfigError, NASError
from nas.goals import Direction
from nas.plugins import Plugins
from nas.ranking import MINIMUM, Ranking, rankings, spearman
from nas.seeds import rng

Floats = NDArray[np.float64]

FOLDS = 5
COUNTED = 100
"""Networks that are built to count them, which takes up to a tenth of a second each."""
NORMAL = 1.959964
"""Standard deviations to either side that hold 95 % of a normal distribution."""


@dataclass(frozen=True)
class Validation:
    """How well networks were predicted that were not learnt from.

    Args:
        folds: parts that the networks were split into; each was predicted from the others.
        prediction: of each trial.
        mae: mean absolute error, in the metric's unit.
        rmse: root mean squared error.
        baseline: root mean squared error of predicting the mean of what is learnt from.
        coverage: share of the values within 1.96 standard deviations; 95 % would be right.
        rankings: how the predictor ranks the trials, and how params and flops do, whichever way
            round they rank better: a predictor finds that out too. The best first.
    """

    folds: int
    prediction: Prediction
    mae: float
    rmse: float
    baseline: float
    coverage: float
    rankings: tuple[Ranking, ...]


class Forecast:
    """Predicts for architectures that were never trained.

    Args:
        samples: what is learnt from.
        name: of the predictor.
        make: makes a predictor that has learnt nothing.
        plugins: those to count params and flops with.
    """

    def __init__(
        self, samples: Samples, name: str, make: Callable[[], Predictor], plugins: Plugins
    ) -> None:
        self.samples, self.name = samples, name
        self._make, self._plugins = make, plugins
        self._fitted: Predictor | None = None

    def predict(self, architectures: Sequence[Architecture]) -> Prediction:
        """Predict from all samples.

        Raises:
            ConfigError: the predictor cannot learn these values.
        """
        if self._fitted is None:
            self._fitted = self._learn(range(len(self.samples.values)))
        return self._fitted.predict(architectures)

    def validate(self, folds: int = FOLDS, seed: int = 0) -> Validation:
        """Predict each sample from the samples of other networks (cross-validation).

        All trials of one network are in the same fold, so none is known when it is predicted.

        Args:
            folds: at least 2; fewer if there are fewer networks.
            seed: of the split.

        Raises:
            ConfigError: fewer than 2 folds, or the predictor cannot learn these values.
        """
        if folds < 2:
            raise ConfigError(f"cross-validation needs at least 2 folds, not {folds}")
        samples = self.samples
        parts = _folds(samples.networks, folds, seed)
        mean, std, baseline = (np.empty(len(samples.values)) for _ in range(3))
        for part in parts:
            rest = np.setdiff1d(np.arange(len(samples.values)), part)
            predictor = self._learn(rest.tolist())
            found = predictor.predict([samples.architectures[i] for i in part])
            mean[part], std[part] = found
            baseline[part] = samples.values[rest].mean()
        error = np.abs(mean - samples.values)
        return Validation(
            len(parts),
            Prediction(mean, std),
            float(error.mean()),
            math.sqrt(np.mean(error**2)),
            math.sqrt(np.mean((baseline - samples.values) ** 2)),
            float(np.mean(error <= NORMAL * std)),
            tuple(self._rankings(mean)),
        )

    def _learn(self, chosen: Sequence[int]) -> Predictor:
        samples, predictor = self.samples, self._make()
        architectures = [samples.architectures[i] for i in chosen]
        try:
            predictor.fit(samples.space, architectures, samples.values[list(chosen)].tolist())
        except ValueError as error:
            raise ConfigError(
                f"predictor {self.name!r} cannot learn {samples.goal.metric!r}: {error}"
            ) from error
        return predictor

    @cached_property
    def _counts(self) -> dict[str, Floats]:
        return _counted(self.samples, self._plugins)

    def _rankings(self, mean: Floats) -> list[Ranking]:
        sign = -1.0 if self.samples.goal.direction == "minimize" else 1.0
        outcome = sign * self.samples.values
        scores = {f"predictor:{self.name}": (sign * mean).tolist()}
        for name, counts in self._counts.items():
            known = np.isfinite(counts)
            if name != self.samples.goal.metric and known.sum() >= MINIMUM:
                way = -1.0 if (spearman(counts[known], outcome[known]) or 0.0) < 0 else 1.0
                scores[name] = (way * counts).tolist()
        return rankings(scores, outcome)


def forecast(
    archive: str | Path,
    study: str | None = None,
    *,
    metric: str | None = None,
    direction: Direction | None = None,
    predictor: str = "gbdt",
    parameters: Mapping[str, Any] | None = None,
    plugins: Plugins | None = None,
) -> Forecast:
    """Prepare to predict a metric of architectures from the finished trials of a study.

    Args:
        archive: path.
        study: by default, the one that was last written to.
        metric: by default, the first objective.
        direction: of a metric that is no objective.
        predictor: name.
        parameters: of the predictor.
        plugins: by default, the installed ones.

    Raises:
        ArchiveError: there is no such study or metric, or too few trials.
        ComponentError: the predictor or the study's space cannot be built.
        ConfigError: nothing says which way a metric is better.
    """
    loaded = plugins or Plugins()
    named = Named.model_validate({"name": predictor, **(parameters or {})})

    def make() -> Predictor:
        return Builder(loaded).build("predictor", named, Predictor)

    make()  # a typo should not wait for the trials
    with Archive(archive) as opened:
        found = collect(opened, opened.study(study), metric, direction, loaded)
    return Forecast(found, predictor, make, loaded)


def _folds(networks: Sequence[str], folds: int, seed: int) -> list[list[int]]:
    """Return the samples of each fold; a network is in one of them only."""
    different = sorted(set(networks))
    order = rng(seed, "folds").sample(different, len(different))
    place = {network: i % folds for i, network in enumerate(order)}
    parts: list[list[int]] = [[] for _ in range(min(folds, len(different)))]
    for i, network in enumerate(networks):
        parts[place[network]].append(i)
    return parts


def _counted(samples: Samples, plugins: Plugins) -> dict[str, Floats]:
    """Return params and flops of each trial: those that are known, and of a sample of others."""
    found: dict[str, Floats] = {}
    for name, objective in analytic(plugins).items():
        counts = [trial.metrics.get(name, math.nan) for trial in samples.trials]
        unknown = [i for i, count in enumerate(counts) if math.isnan(count)]
        drawn = rng(samples.study.seed, "counted").sample(unknown, min(COUNTED, len(unknown)))
        try:
            for i in drawn:
                counts[i] = objective.of_network(samples.space, samples.architectures[i])
        except NASError:  # this space's networks cannot be counted
            continue
        found[name] = np.array(counts)
    return found
