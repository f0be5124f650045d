"""Which of several candidates is worth an evaluation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nas.abstract.predictor import Predictor
from nas.abstract.space import Space
from nas.architecture import Architecture
from nas.archive.record import Score
from nas.goals import Goal
from nas.pareto import front
from nas.trial import Status, Trial


@dataclass(frozen=True)
class Verdict:
    """What a scorer thinks of one candidate.

    Args:
        value: higher is better; None if it could not be scored.
        scores: for the archive, the decisive one first.
    """

    value: float | None
    scores: tuple[Score, ...]


class Scorer(Protocol):
    """Ranks the candidates of one proposal."""

    def ready(self) -> bool:
        """Tell whether it knows enough to rank; if not, one candidate is drawn and taken."""
        ...

    def score(self, candidates: Sequence[Architecture]) -> list[Verdict]:
        """Return a verdict on each candidate of a proposal; called in the order of proposals."""
        ...

    def tell(self, trial: Trial) -> None:
        """Learn from a trial, in the order of numbers."""
        ...


class PredictorScorer:
    """Scores by a predictor that is fitted to the trials so far.

    It is fitted again when the trials have grown by a tenth, so that its cost stays in proportion.

    Args:
        name: of the predictor, for the archive.
        predictor: what predicts.
        space: where architectures are from.
        goal: the objective that it predicts.
        features: proxies' scores of an architecture, which the predictor sees; None for none.
    """

    MINIMUM = 8
    """Trials before the first fit."""

    def __init__(
        self,
        name: str,
        predictor: Predictor,
        space: Space,
        goal: Goal,
        features: Callable[[Architecture], Sequence[Score]] | None = None,
    ) -> None:
        self._scorer = f"predictor:{name}"
        self._features = features
        if features is not None:
            predictor.extra = lambda found: np.array([_values(features(a)) for a in found])
        self._predictor, self._space, self._goal = predictor, space, goal
        self._seen: dict[Architecture, float] = {}
        self._fitted = 0

    def ready(self) -> bool:
        """Tell whether there are enough trials to fit."""
        return len(self._seen) >= self.MINIMUM

    def tell(self, trial: Trial) -> None:
        """Remember a complete trial."""
        if trial.status is Status.COMPLETE:
            self._seen[trial.architecture] = trial.metrics[self._goal.metric]

    def score(self, candidates: Sequence[Architecture]) -> list[Verdict]:
        """Score by predicted mean, oriented so that higher is better."""
        if not self._fitted or len(self._seen) >= 1.1 * self._fitted:
            self._predictor.fit(self._space, list(self._seen), list(self._seen.values()))
            self._fitted = len(self._seen)
        means = self._predictor.predict(candidates).mean.tolist()
        verdicts = []
        for architecture, mean in zip(candidates, means, strict=True):
            canonical_id, value = self._space.canonical_id(architecture), -self._goal.loss(mean)
            score = Score(self._scorer, architecture, canonical_id, value)
            seen = self._features(architecture) if self._features else ()
            verdicts.append(Verdict(value, (score, *seen)))
        return verdicts


def _values(scores: Sequence[Score]) -> list[float]:
    return [math.nan if score.value is None else score.value for score in scores]


def best(verdicts: Sequence[Verdict]) -> int:
    """Return the position of the best; those without a value come last, ties go to the first."""
    values = [-math.inf if verdict.value is None else verdict.value for verdict in verdicts]
    return values.index(max(values))


def trade_offs(verdicts: Sequence[Verdict], known: Sequence[Sequence[float]]) -> list[int]:
    """Return the positions that no other beats in score and in what is known beforehand.

    Args:
        verdicts: those without a value are on no trade-off if any has one.
        known: for each, the losses of the analytic objectives.
    """
    scored = [i for i, verdict in enumerate(verdicts) if verdict.value is not None]
    points = [(-(verdicts[i].value or 0.0), *known[i]) for i in scored]
    return [scored[i] for i in front(points)] or [0]
