"""Bagged gradient-boosted trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nas import checks
from nas.abstract.predictor import Prediction, Predictor
from nas.abstract.space import Space
from nas.architecture import Architecture
from nas.errors import StudyError
from nas.seeds import derive
from nas_predictors.features import features, with_extra
from nas_predictors.scores import NormalScores

Floats = NDArray[np.float64]


@dataclass(eq=False)
class GradientBoostedTrees(Predictor):
    """Stochastic gradient boosting (Friedman 2001, 2002), bagged (Breiman 1996).

    The trees learn the normal scores of the values from the one-hot encoding, the counts of values
    (``features``) and, if there are any, extra features. The standard deviation joins what the
    members disagree by with what they all miss: the error on the samples a member has not seen (out
    of bag), less its share that disagreement explains. Both are carried back to the metric's own
    unit.

    Args:
        members: boosted models, each fitted to a bootstrap sample, at least 2.
        trees: boosting steps of one model.
        depth: splits from a tree's root to a leaf.
        rate: shrinkage of one step, in (0, 1].
        seed: of bootstrap samples and trees.
    """

    takes_features: ClassVar[bool] = True

    members: int = 10
    trees: int = 50
    depth: int = 3
    rate: float = 0.2
    seed: int = 0
    _space: Space | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        for name, low in (("members", 2), ("trees", 1), ("depth", 1)):
            checks.whole(name, getattr(self, name), low)
        if not 0 < self.rate <= 1:
            raise ValueError(f"rate must be above 0 and at most 1, not {self.rate!r}")

    def fit(
        self, space: Space, architectures: Sequence[Architecture], values: Sequence[float]
    ) -> None:
        """Learn from scratch, in about 0.3 s for 200 samples.

        Raises:
            ValueError: no samples, not one value for each, or a value that is not finite.
        """
        targets = np.asarray(values, dtype=np.float64)
        if len(architectures) == 0 or targets.shape != (len(architectures),):
            raise ValueError(
                f"expected one value for each of at least one architecture, not {len(values)} "
                f"values for {len(architectures)} architectures"
            )
        if not np.isfinite(targets).all():
            wrong = int(np.flatnonzero(~np.isfinite(targets))[0])
            raise ValueError(f"value {wrong} is {targets[wrong]}; all must be finite")
        self._space = space
        self._scale = NormalScores(targets)
        self._fit_members(self._inputs(space, architectures), self._scale.training)

    def predict(self, architectures: Sequence[Architecture]) -> Prediction:
        """Predict for any members of the space; raises ``StudyError`` before the first ``fit``."""
        if self._space is None:
            raise StudyError("a predictor must be fitted before it predicts")
        if len(architectures) == 0:
            return Prediction(np.empty(0), np.empty(0))
        inputs = self._inputs(self._space, architectures)
        scores = np.stack([model.predict(inputs) for model in self._models])
        spread = np.sqrt(scores.var(axis=0) + self._noise)
        return Prediction(*self._scale.moments(scores.mean(axis=0), spread))

    def _inputs(self, space: Space, architectures: Sequence[Architecture]) -> NDArray[np.float32]:
        return with_extra(features(space, architectures), self.extra, architectures)

    def _fit_members(self, inputs: NDArray[np.float32], scores: Floats) -> None:
        draws = np.random.default_rng(self.seed)
        self._models: list[Any] = []
        unseen = np.full((self.members, len(scores)), np.nan)
        for member in range(self.members):
            chosen = draws.integers(len(scores), size=len(scores))
            model = self._model(member, len(scores)).fit(inputs[chosen], scores[chosen])
            left_out = np.setdiff1d(np.arange(len(scores)), chosen)
            if len(left_out):
                unseen[member, left_out] = model.predict(inputs[left_out])
            self._models.append(model)
        self._noise = _unexplained(unseen, scores)

    def _model(self, member: int, samples: int) -> Any:
        from sklearn.ensemble import GradientBoostingRegressor

        return GradientBoostingRegressor(
            n_estimators=self.trees,
            max_depth=self.depth,
            learning_rate=self.rate,
            subsample=0.5 if samples > 1 else 1.0,
            max_features=0.3,
            random_state=derive(self.seed, "member", member),
        )


def _unexplained(unseen: Floats, scores: Floats) -> float:
    """Return the variance of the error that the members' disagreement does not explain.

    Args:
        unseen: ``(members, samples)`` predictions by members that did not learn from the sample,
            else NaN.
        scores: ``(samples,)`` what was to be predicted.
    """
    judged = np.isfinite(unseen).sum(axis=0) > 1
    if not judged.any():
        return 1.0  # the variance of normal scores: nothing is known yet
    seen = unseen[:, judged]
    error = np.mean((np.nanmean(seen, axis=0) - scores[judged]) ** 2)
    return float(max(0.0, error - np.mean(np.nanvar(seen, axis=0))))
