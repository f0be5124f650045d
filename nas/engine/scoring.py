"""What a filter ranks candidates by: a proxy on the untrained network, or a predictor."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nas.abstract.dataset import SearchData
from nas.abstract.predictor import Predictor
from nas.abstract.proxy import Proxy
from nas.abstract.space import Space
from nas.architecture import Architecture
from nas.archive.record import Score
from nas.errors import CandidateError
from nas.goals import Goal
from nas.pareto import front
from nas.seeds import derive
from nas.trial import Status, Trial

if TYPE_CHECKING:
    import torch


class Scorer(Protocol):
    """Ranks the candidates of one proposal."""

    def ready(self) -> bool:
        """Tell whether it knows enough to rank; if not, one candidate is drawn and taken."""
        ...

    def score(self, number: int, candidates: Sequence[Architecture]) -> list[Score]:
        """Return one score for each candidate of proposal ``number``; higher is better."""
        ...

    def tell(self, trial: Trial) -> None:
        """Learn from a trial, in the order of numbers."""
        ...


class ProxyScorer:
    """Scores networks at initialisation on one fixed batch.

    Initial weights are seeded by canonical id, so a network scores the same whenever it comes up.

    Args:
        name: of the proxy, for the archive.
        proxy: what scores.
        space: what builds.
        data: where the batch is drawn from; None if the proxy needs none.
        seed: of the batch and the initial weights.
        known: scores by proxy from an earlier session, by canonical id.
    """

    def __init__(
        self,
        name: str,
        proxy: Proxy,
        space: Space,
        data: SearchData | None,
        seed: int,
        known: Iterable[Score] = (),
    ) -> None:
        self._scorer = f"proxy:{name}"
        self._proxy, self._space, self._data, self._seed = proxy, space, data, seed
        self._known = {s.architecture: s for s in known if s.scorer == self._scorer}
        self._batch: tuple[torch.Tensor, torch.Tensor] | None = None

    def ready(self) -> bool:
        """A proxy needs no trials."""
        return True

    def tell(self, trial: Trial) -> None:
        """A proxy learns nothing."""

    def score(self, number: int, candidates: Sequence[Architecture]) -> list[Score]:
        """Score each candidate, from memory where it was scored before."""
        return [self.one(architecture) for architecture in candidates]

    def one(self, architecture: Architecture) -> Score:
        """Score one architecture; one that cannot be scored has the reason instead of a value."""
        if architecture not in self._known:
            self._known[architecture] = self._compute(architecture)
        return self._known[architecture]

    def _compute(self, architecture: Architecture) -> Score:
        canonical_id = self._space.canonical_id(architecture)
        try:
            value = self._run(architecture, derive(self._seed, "proxy", canonical_id))
        except Exception as error:  # noqa: BLE001 - building or scoring can raise anything
            named = str(error) if isinstance(error, CandidateError) else repr(error)
            return Score(self._scorer, architecture, canonical_id, None, named)
        return Score(self._scorer, architecture, canonical_id, value)

    def _run(self, architecture: Architecture, seed: int) -> float:
        import torch

        if self._batch is None:
            self._batch = self._draw_batch()
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # sums, and so scores, depend on the number of threads
        try:
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                return self._proxy.score(self._space.build(architecture), *self._batch)
        finally:
            torch.set_num_threads(threads)

    def _draw_batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        from nas.normalise import Normalise

        size = self._proxy.batch
        if self._data is None or not self._proxy.needs_data:
            shape = (size, *self._space.input_shape)
            return torch.ones(shape), torch.zeros(size, dtype=torch.long)
        train = self._data.train
        drawn = np.random.default_rng(derive(self._seed, "batch")).permutation(len(train))[:size]
        inputs = Normalise.of(train.inputs)(torch.from_numpy(train.inputs[drawn]))
        return inputs, torch.from_numpy(train.targets[drawn].copy())


class PredictorScorer:
    """Scores by a predictor that is fitted to the trials so far.

    It is fitted again when the trials have grown by a tenth, so that its cost stays in proportion.

    Args:
        name: of the predictor, for the archive.
        predictor: what predicts.
        space: where architectures are from.
        goal: the objective that it predicts.
    """

    MINIMUM = 8
    """Trials before the first fit."""

    def __init__(self, name: str, predictor: Predictor, space: Space, goal: Goal) -> None:
        self._scorer = f"predictor:{name}"
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

    def score(self, number: int, candidates: Sequence[Architecture]) -> list[Score]:
        """Score by predicted mean, oriented so that higher is better."""
        if not self._fitted or len(self._seen) >= 1.1 * self._fitted:
            self._predictor.fit(self._space, list(self._seen), list(self._seen.values()))
            self._fitted = len(self._seen)
        means = self._predictor.predict(candidates).mean.tolist()
        return [
            Score(self._scorer, a, self._space.canonical_id(a), -self._goal.loss(mean))
            for a, mean in zip(candidates, means, strict=True)
        ]


def best(scores: Sequence[Score]) -> int:
    """Return the position of the best score; those without come last, ties go to the first."""
    values = [-math.inf if score.value is None else score.value for score in scores]
    return values.index(max(values))


def trade_offs(scores: Sequence[Score], known: Sequence[Sequence[float]]) -> list[int]:
    """Return the positions that no other beats in score and in what is known beforehand.

    Args:
        scores: higher is better; those without a value are on no trade-off if any has one.
        known: for each, the losses of the analytic objectives.
    """
    scored = [i for i, score in enumerate(scores) if score.value is not None]
    points = [(-(scores[i].value or 0.0), *known[i]) for i in scored]
    return [scored[i] for i in front(points)] or [0]
