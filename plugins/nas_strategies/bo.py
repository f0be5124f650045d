"""Bayesian optimisation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.special import ndtr

from nas import checks, pareto
from nas.abstract.strategy import Problem, Proposal
from nas.abstract.use import Use
from nas.architecture import Architecture
from nas.seeds import Rng, below
from nas.trial import Status, Trial
from nas_strategies.acquisition import (
    expected_hypervolume_improvement,
    expected_improvement,
    expected_scalar_improvement,
)
from nas_strategies.first import First
from nas_strategies.modelled import GROWTH, Modelled
from nas_strategies.neighbourhood import CENTRES, Neighbourhood
from nas_strategies.scales import SCALES, Floats, default
from nas_strategies.selection import standings
from nas_strategies.started import started
from nas_strategies.surrogate import BOUNDARY, Estimates

SAMPLES = 500
"""Trials that are learnt from at most, for the time to learn grows with their cube."""
PENDING = 32
"""Proposals that were not told yet and are allowed for, the latest."""


@dataclass(eq=False)
class BayesianOptimisation(Modelled):
    """Proposes the candidate with the largest expected improvement (Jones et al. 1998).

    The predictor learns the losses on a ``scale``, after every trial; its hyperparameters are
    chosen again when trials have grown by a tenth. With two
    objectives the improvement is that of the hypervolume, with more that of random scalarisations
    (Knowles 2006). Where trials can be infeasible, improvement is weighed with the probability that
    a candidate is feasible (Gardner et al., ICML 2014). Proposals that are still evaluated count as
    trials with the losses that are expected of them (Ginsbourger et al. 2010).

    Candidates are uniform draws, and neighbours of the best trials and of the best candidates.

    Args:
        predictor: name, or table with ``name`` and parameters; one whose mean extrapolates and
            whose standard deviation leaves out the noise suits best.
        initial: first proposals, made without predictor, at least 1.
        candidates: uniform draws of each proposal, at least 1.
        scale: ``normal`` scores, ``log`` (of objectives above 0) or ``raw``; None is ``normal`` for
            one objective and ``log`` for several.
        first_by: a proxy, name or table: each of the first proposals is the best by it of
            ``first_of`` draws.
        first_of: see ``first_by``, at least 2.
    """

    predictor: str | Mapping[str, Any] = field(
        default_factory=lambda: {"name": "gp", "latent": True}
    )
    batch: int = 1
    candidates: int = 1000
    scale: str | None = None
    first_by: str | Mapping[str, Any] | None = None
    first_of: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.whole("candidates", self.candidates, 1)
        checks.whole("first_of", self.first_of, 2)
        if self.scale is not None:
            checks.one_of("scale", self.scale, SCALES)
        if self.first_by is not None:
            Use.read("proxy", self.first_by)

    @property
    def uses(self) -> Sequence[Use]:
        """The predictor, and the proxy if there is one."""
        first = [] if self.first_by is None else [Use.read("proxy", self.first_by)]
        return [*super().uses, *first]

    def start(self, problem: Problem) -> None:
        """Begin a study; see ``Modelled``."""
        super().start(problem)
        self._pending: dict[Architecture, None] = {}
        self._tuned = 0
        self._canonical: set[str] = set()
        proxy = self.used[1] if len(self.used) > 1 else None
        self._drawing = First(problem, proxy, self.first_of)
        self._around = Neighbourhood(problem.space, self.candidates)

    def tell(self, trial: Trial) -> None:
        """Learn from a trial, whether it was proposed here or not."""
        super().tell(trial)
        self._know(trial.architecture)
        if trial.architecture in self._pending:
            # trials are told in order, so those that were proposed before it never became one
            earlier = list(self._pending)
            for architecture in earlier[: earlier.index(trial.architecture) + 1]:
                del self._pending[architecture]

    def _first(self, rng: Rng) -> Proposal:
        return Proposal(self._drawing.draw(rng))

    def _proposed(self, proposal: Proposal) -> Proposal:
        self._pending[proposal.architecture] = None
        self._know(proposal.architecture)
        return super()._proposed(proposal)

    def _know(self, architecture: Architecture) -> None:
        space, goals = started(self._problem).space, started(self._problem).goals
        if len(goals) == 1:
            self._canonical.add(space.canonical_id(architecture))

    def _fresh(self, architecture: Architecture) -> bool:
        """With several objectives, the same network can come at another price (dead branches)."""
        if not super()._fresh(architecture):
            return False
        if not self._canonical:
            return True
        return started(self._problem).space.canonical_id(architecture) not in self._canonical

    def _round(self) -> int:
        return 1

    def _learn(self) -> None:
        """Fit the predictor to the trials, and to what is expected of those in flight."""
        problem, told = started(self._problem), list(self._trials.values())
        space, scale = problem.space, SCALES[self.scale or default(len(problem.goals))]
        again = not self._tuned or self._told - self._tuned >= max(1, self._tuned // GROWTH)
        if again:
            self._tuned = self._told
        self._known = _some(_scaled(told, scale))
        self._surrogate.fit(space, self._known, again=again)
        pending = [a for a in self._pending if a not in self._trials][-PENDING:]
        if pending and any(trial.losses for trial in self._known):
            expected = self._surrogate.estimate(pending)
            self._known = [*self._known, *_imagined(pending, expected)]
            self._surrogate.fit(space, self._known, again=False)

    def _found(self, rng: Rng) -> Iterable[Proposal]:
        best = [trial.architecture for trial in self._best(CENTRES)]
        draws = np.random.default_rng(below(2**31, rng))
        state = draws.bit_generator.state

        def gain(architectures: Sequence[Architecture]) -> Floats:
            draws.bit_generator.state = state  # each candidate is seen through the same draws
            return self._gain(self._surrogate.estimate(architectures), draws)

        return map(Proposal, self._around.search(gain, best, rng))

    def _gain(self, expected: Estimates, draws: np.random.Generator) -> Floats:
        """Return ``(candidates,)``; where nothing is feasible yet, how feasible they may be."""
        known = np.array([trial.losses for trial in self._known if trial.feasible])
        doubt = np.maximum(expected.doubt, 1e-9)
        feasible = ndtr((BOUNDARY - expected.violation) / doubt)
        if not len(known):
            return np.asarray(feasible)
        return np.asarray(feasible * _improvement(known, expected, draws))


def _improvement(known: Floats, expected: Estimates, draws: np.random.Generator) -> Floats:
    mean, spread = expected.losses, expected.spread
    if known.shape[1] == 1:
        return expected_improvement(float(known.min()), mean[:, 0], spread[:, 0])
    if known.shape[1] == 2:
        front = known[pareto.front(known.tolist())]
        return expected_hypervolume_improvement(front, known.max(axis=0), mean, spread)
    return expected_scalar_improvement(known, mean, spread, draws)


def _scaled(trials: Sequence[Trial], scale: Callable[[Floats], Floats]) -> list[Trial]:
    """Return the trials with their losses on a scale."""
    known = [i for i, trial in enumerate(trials) if trial.losses]
    found = list(trials)
    if known:
        scaled = scale(np.array([trials[i].losses for i in known]))
        for i, row in zip(known, scaled.tolist(), strict=True):
            found[i] = replace(trials[i], losses=tuple(row))
    return found


def _some(trials: Sequence[Trial]) -> list[Trial]:
    """Return the best half of as many as can be learnt from, and others evenly spread in time."""
    if len(trials) <= SAMPLES:
        return list(trials)
    ranked = standings(trials)
    order = sorted(range(len(trials)), key=ranked.__getitem__)
    rest = sorted(order[SAMPLES // 2 :])
    spread = np.linspace(0, len(rest) - 1, SAMPLES - SAMPLES // 2).astype(int)
    chosen = sorted([*order[: SAMPLES // 2], *(rest[i] for i in spread.tolist())])
    return [trials[i] for i in chosen]


def _imagined(pending: Sequence[Architecture], expected: Estimates) -> list[Trial]:
    """Return the trials that those in flight are expected to be (Kriging believer)."""
    feasible = expected.feasible().tolist()
    losses = expected.losses.tolist()
    return [
        Trial(0, a, Status.COMPLETE, tuple(row), violation=0.0 if fits else 1.0)
        for a, row, fits in zip(pending, losses, feasible, strict=True)
    ]
