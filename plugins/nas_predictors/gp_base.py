"""What predictors share that are Gaussian processes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nas import checks
from nas.abstract.space import Space
from nas.architecture import Architecture
from nas_predictors.features import Rows
from nas_predictors.vectors import Floats, VectorPredictor

if TYPE_CHECKING:
    from nas_predictors.gp_process import Process


@dataclass(eq=False, kw_only=True)
class ProcessPredictor(VectorPredictor):
    """A Gaussian process (Rasmussen & Williams 2006), by scikit-learn.

    Its hyperparameters are those that make the data most likely (their section 5.4.1).

    Args:
        target: ``raw`` extrapolates beyond the values that were seen, ``normal`` does not.
        latent: whether the standard deviation leaves out the noise.
        samples: learnt from at most, so many drawn at random of more; time grows with their cube.
    """

    target: str = "raw"
    latent: bool = False
    samples: int = 1000
    _process: Process | None = field(default=None, init=False, repr=False)
    _keep: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.flag("latent", self.latent)
        checks.whole("samples", self.samples, 2)

    def update(
        self, space: Space, architectures: Sequence[Architecture], values: Sequence[float]
    ) -> None:
        """Learn, but keep the hyperparameters of the last ``fit``."""
        self._keep = True
        try:
            self.fit(space, architectures, values)
        finally:
            self._keep = False

    def _learn(self, rows: Rows, scores: Floats) -> None:
        if len(scores) > self.samples:
            draws = np.random.default_rng(self.seed)
            chosen = np.sort(draws.permutation(len(scores))[: self.samples])
            rows, scores = rows[chosen], scores[chosen]
        self._process = self._fitted(rows, scores, self._process if self._keep else None)

    def _infer(self, rows: Rows) -> tuple[Floats, Floats]:
        assert self._process is not None
        return self._process.predict(self._inputs(rows), latent=self.latent)

    @abstractmethod
    def _fitted(self, rows: Rows, scores: Floats, like: Process | None) -> Process:
        """Return a process that has learnt.

        Args:
            rows: ``(n, columns)`` as they are encoded.
            scores: ``(n,)``.
            like: whose hyperparameters it has; None to choose them.
        """

    @abstractmethod
    def _inputs(self, rows: Rows) -> Floats:
        """Return what the process sees of encoded rows."""
