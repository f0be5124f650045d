"""Random forests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nas import checks
from nas.seeds import derive
from nas_predictors.features import Rows, for_trees
from nas_predictors.vectors import Floats, VectorPredictor


@dataclass(eq=False, kw_only=True)
class RandomForest(VectorPredictor):
    """A random forest (Breiman 2001).

    The variance is that of the mixture of the trees' leaves, by the law of total variance: the mean
    variance within leaves and the variance between them (Hutter et al. 2014, arXiv:1211.0906). It
    is multiplied by the one number that makes it right on the samples that trees have not seen (out
    of bag), for trees that are grown to the end disagree by more than their mean errs.

    Args:
        trees: at least 2.
        features: share of the features that each split chooses from, in (0, 1].
        leaf: samples in a leaf, at least 1.
    """

    trees: int = 100
    features: float = 0.3
    leaf: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.whole("trees", self.trees, 2)
        checks.whole("leaf", self.leaf, 1)
        if not 0 < self.features <= 1:
            raise ValueError(f"features must be above 0 and at most 1, not {self.features!r}")

    def _learn(self, rows: Rows, scores: Floats) -> None:
        from sklearn.ensemble import RandomForestRegressor

        forest = RandomForestRegressor(
            n_estimators=self.trees,
            max_features=self.features,
            min_samples_leaf=self.leaf,
            random_state=derive(self.seed, "forest"),
        )
        self._forest: Any = forest.fit(for_trees(rows), scores)
        self._calibration = self._out_of_bag(rows, scores)

    def _out_of_bag(self, rows: Rows, scores: Floats) -> float:
        """Return squared errors on samples that trees have not seen, as a share of variances."""
        unseen = np.ones((self.trees, len(scores)), dtype=bool)
        for tree, chosen in enumerate(self._forest.estimators_samples_):
            unseen[tree, chosen] = False
        judged = unseen.sum(axis=0) > 1
        if not judged.any():
            return 1.0  # nothing is known yet
        means, variances = (np.where(unseen, of, np.nan)[:, judged] for of in self._trees(rows))
        error = np.sum((np.nanmean(means, axis=0) - scores[judged]) ** 2)
        spread = np.sum(np.nanvar(means, axis=0) + np.nanmean(variances, axis=0))
        return float(error / spread) if spread > 0 else 1.0

    def _trees(self, rows: Rows) -> tuple[Floats, Floats]:
        """Return ``(trees, rows)`` mean and variance of the leaf that each row falls into."""
        leaves = self._forest.apply(for_trees(rows)).T
        trees = [estimator.tree_ for estimator in self._forest.estimators_]
        means = [tree.value[of, 0, 0] for tree, of in zip(trees, leaves, strict=True)]
        variances = [tree.impurity[of] for tree, of in zip(trees, leaves, strict=True)]
        return np.stack(means), np.maximum(np.stack(variances), 0.0)  # rounding

    def _infer(self, rows: Rows) -> tuple[Floats, Floats]:
        means, variances = self._trees(rows)
        return means.mean(axis=0), np.sqrt(
            self._calibration * (means.var(axis=0) + variances.mean(axis=0))
        )
