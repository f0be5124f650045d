"""Tree-structured Parzen estimator: J. Bergstra et al., NeurIPS 2011; Optuna's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from nas import checks
from nas.abstract.space import Space
from nas.abstract.strategy import Problem, Proposal, Strategy
from nas.architecture import Architecture
from nas.decisions import Categorical, Decision
from nas.seeds import Rng, below
from nas.trial import Trial
from nas_strategies.penalties import infeasibility
from nas_strategies.started import started

SPARE = 100
"""Draws beyond the number of told trials that Optuna may keep."""
WALK = 10
"""Mutations of a draw that may all be known."""


@dataclass(eq=False)
class TPE(Strategy):
    """Asks Optuna's ``TPESampler`` for each decision that is active, parents first.

    With several objectives it is Optuna's multi-objective TPE. Infeasible and failed trials break
    a constraint, the failed ones by the most. Optuna learns from told trials alone: a proposal that
    was dropped leaves no trace, and one that was never proposed counts as any other. A draw that
    was proposed or told before is mutated until it is new: a sampler that has made up its mind
    would draw the same again and again.

    Args:
        startup: uniform draws before the first estimate, at least 1.
        candidates: draws among which the expected improvement is largest, at least 1.

    Raises:
        ValueError: Optuna is not installed.
    """

    startup: int = 10
    candidates: int = 24
    _problem: Problem | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        checks.whole("startup", self.startup, 1)
        checks.whole("candidates", self.candidates, 1)
        try:
            import optuna  # noqa: F401
        except ImportError:
            raise ValueError("tpe needs Optuna 5: pip install 'plugnas[optuna]'") from None

    def start(self, problem: Problem) -> None:
        """Begin a study."""
        self._problem = problem
        self._distributions = {d.name: _distribution(d) for d in problem.space.tree.decisions}
        self._told: list[Any] = []
        self._known: set[Architecture] = set()
        self._renew(problem)

    def ask(self, rng: Rng) -> Proposal:
        """Propose what the sampler draws."""
        problem = started(self._problem)
        if self._asked > len(self._told) + SPARE:
            self._renew(problem)
        self._asked += 1
        architecture = self._draw(problem.space, rng)
        for _ in range(WALK):
            if architecture not in self._known:
                break
            architecture = problem.space.mutate(architecture, rng)
        self._known.add(architecture)
        return Proposal(architecture)

    def tell(self, trial: Trial) -> None:
        """Add the trial, whether it was proposed here or not."""
        import optuna

        problem = started(self._problem)
        self._known.add(trial.architecture)
        encoded = zip(
            problem.space.tree.decisions, problem.space.encode(trial.architecture), strict=True
        )
        point = {decision.name: int(i) for decision, i in encoded if i >= 0}
        self._told.append(
            optuna.trial.create_trial(
                params=point,
                distributions={name: self._distributions[name] for name in point},
                # what is infeasible is ranked by its constraint alone
                values=trial.losses or (0.0,) * len(problem.goals),
                constraints={"infeasibility": infeasibility(trial)},
            )
        )
        with _silent():
            self._study.add_trial(self._told[-1])

    def _draw(self, space: Space, rng: Rng) -> Architecture:
        import optuna

        point: dict[str, int] = {}
        with _silent():
            # a sampler draws from a generator of its own, so that each proposal has a new one
            self._study.sampler = optuna.samplers.TPESampler(
                n_startup_trials=self.startup,
                n_ei_candidates=self.candidates,
                multivariate=True,
                seed=below(2**31, rng),
            )
            trial = self._study.ask()
            for i, decision in enumerate(space.tree.decisions):
                if space.tree.active(i, point):
                    point[decision.name] = _suggested(trial, decision)
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        return space.decode([point.get(d.name, 0) for d in space.tree.decisions])

    def _renew(self, problem: Problem) -> None:
        """Leave behind what was asked: Optuna keeps it all, and goes through it at each draw."""
        import optuna

        minimize = optuna.study.StudyDirection.MINIMIZE
        with _silent():
            self._study = optuna.create_study(directions=[minimize] * len(problem.goals))
            self._study.add_trials(self._told)
        self._asked = 0


def _distribution(decision: Decision) -> Any:
    """Return the distribution of the positions of a decision's values."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if isinstance(decision, Categorical):
        return CategoricalDistribution(range(len(decision.values)))
    return IntDistribution(0, len(decision.values) - 1)


def _suggested(trial: Any, decision: Decision) -> int:
    if isinstance(decision, Categorical):
        return int(trial.suggest_categorical(decision.name, range(len(decision.values))))
    return int(trial.suggest_int(decision.name, 0, len(decision.values) - 1))


@contextmanager
def _silent() -> Iterator[None]:
    """Keep Optuna from logging each step."""
    from optuna import logging

    before = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(before)
