"""Learning curves: priors over them, and predictors of how one goes on.

A curve here is normalised: it runs between 0 and 1, higher is better, with one value at each of the
steps 1, 2, ... The noise of an observation may take it out of that range. ``CurveScale`` maps a
metric to that and back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.abstract.use import Use

Floats = NDArray[np.float64]

_FAR = 1.0
"""So far outside [0, 1] no normalised curve lies on average."""


class CurveSamples(NamedTuple):
    """Curves drawn from a prior.

    Args:
        means: ``(curves, steps)`` without noise, all in [0, 1].
        noise: ``(curves,)`` standard deviations of the noise of an observation.
        values: ``(curves, steps)`` as they would be observed: means with normal noise.
    """

    means: Floats
    noise: Floats
    values: Floats


class CurvePrior(ABC):
    """What learning curves look like before one is seen."""

    @abstractmethod
    def sample(self, curves: int, steps: int, rng: np.random.Generator) -> CurveSamples:
        """Draw curves at the steps 1 to ``steps``, at least 2."""


class CurvePosterior(ABC):
    """What is expected of the later steps of one or more curves.

    Attributes:
        steps: ``(steps,)``: the steps that are predicted, from the first unseen one to the last.
    """

    steps: NDArray[np.int64]

    @abstractmethod
    def quantiles(self, levels: Sequence[float]) -> Floats:
        """Return ``(curves, steps, levels)``: values that are not exceeded with that probability.

        Args:
            levels: probabilities in (0, 1), increasing.
        """

    @abstractmethod
    def exceedance(self, value: Floats | float) -> Floats:
        """Return ``(curves, steps)``: the probability that an observation exceeds ``value``.

        Args:
            value: one for all, or ``(curves,)``.
        """

    @abstractmethod
    def log_density(self, values: Floats) -> Floats:
        """Return ``(curves, steps)``: the log density (nats) of later observations.

        Args:
            values: ``(curves, steps)`` what was observed there.
        """


class CurvePredictor(ABC):
    """Predicts how learning curves go on.

    Attributes:
        used: the components of ``uses``, built, in that order. Who builds a predictor sets it.
    """

    used: Sequence[Any] = ()

    @property
    def uses(self) -> Sequence[Use]:
        """Components that it works with, such as a ``curve_prior``."""
        return ()

    def predict(self, curves: ArrayLike, epochs: int) -> CurvePosterior:
        """Predict steps ``seen + 1`` to ``epochs`` of curves of which the first ``seen`` are known.

        The same arguments give the same posterior.

        Args:
            curves: ``(curves, seen)`` normalised, at least one step each; or ``(seen,)`` for one.
            epochs: the last step, above ``seen``.

        Raises:
            ValueError: values that are not finite or not normalised, nothing seen, or nothing to
                predict.
        """
        known = np.asarray(curves, dtype=np.float64)
        known = known[None] if known.ndim == 1 else known
        if known.ndim != 2 or known.size == 0:
            raise ValueError(f"expected (curves, steps) with one at least, not {known.shape}")
        if not np.isfinite(known).all():
            curve, step = np.argwhere(~np.isfinite(known))[0]
            raise ValueError(f"step {step + 1} of curve {curve} is {known[curve, step]}")
        if (np.abs(known.mean(axis=1) - 0.5) > 0.5 + _FAR).any():
            raise ValueError(
                f"values of up to {known.max():g} and down to {known.min():g} are no normalised "
                "curves, which lie in [0, 1]; CurveScale maps a metric there"
            )
        if epochs <= known.shape[1]:
            raise ValueError(
                f"epochs must be above the {known.shape[1]} steps that are known, not {epochs}"
            )
        return self.extrapolate(known, int(epochs))

    @abstractmethod
    def extrapolate(self, curves: Floats, epochs: int) -> CurvePosterior:
        """Do what ``predict`` promises.

        Args:
            curves: ``(curves, seen)``, finite and normalised, at least one of each.
            epochs: above ``seen``.
        """


@dataclass(frozen=True)
class CurveTraining:
    """How a predictor is trained on curves of a prior.

    Args:
        updates: of the weights.
        curves: drawn anew for each update.
        size: of the model, in the predictor's words.
        seed: of everything that is drawn.
    """

    updates: int
    curves: int
    size: str
    seed: int


class TrainableCurvePredictor(CurvePredictor):
    """Predicts with a model that is trained on curves of a prior, once and for all."""

    sizes: Sequence[str] = ()
    """What ``CurveTraining.size`` may be, the default first."""

    @abstractmethod
    def train(
        self,
        prior: CurvePrior,
        training: CurveTraining,
        told: Callable[[int, float], None],
        interim: Path | None = None,
    ) -> None:
        """Train from scratch; then predict with what was learnt.

        The same arguments give the same model on the same machine.

        Args:
            prior: whose curves are drawn.
            training: how.
            told: called now and then with the updates so far and the mean log-likelihood (nats) of
                an observation, over the updates since the last call.
            interim: a file from which training goes on after an interruption; it is written now
                and then, and gone at the end.

        Raises:
            ValueError: the interim file is of another training.
        """

    @abstractmethod
    def save(self, path: Path, facts: Mapping[str, str]) -> None:
        """Write the model, and facts about it such as the command that made it."""
