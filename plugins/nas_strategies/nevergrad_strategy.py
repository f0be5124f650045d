"""Any optimizer of nevergrad behind the interface of a strategy."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nas.abstract.strategy import Problem, Proposal, Strategy
from nas.architecture import Architecture
from nas.errors import ConfigError, NASError, StudyError
from nas.seeds import Rng, below, derive
from nas.suggest import did_you_mean
from nas.trial import Trial
from nas_strategies.checks import at_least, started
from nas_strategies.penalties import Penalties

PENDING = 4096
"""Proposals that may wait for their trial; older ones are forgotten, for a filter drops most."""
WORKERS = 2
"""A search asks ahead. Told so, nevergrad refuses the optimizers that would wait for an answer."""


@dataclass(eq=False)
class Nevergrad(Strategy):
    """Ask and tell an optimizer of nevergrad over the space's flat parametrization.

    Several objectives go through nevergrad's own multi-objective ``tell``. An architecture that is
    proposed again after it was told is answered at once from memory. Infeasible and failed trials
    have losses worse than any feasible one so far (``Penalties``); until a first one is feasible,
    the optimizer minimizes the violation, and starts afresh then. A trial that was never proposed
    is told too, unless the optimizer learns from its own proposals only.

    Args:
        optimizer: a name in nevergrad's registry, such as ``DE``, ``TwoPointsDE`` or ``NGOpt``.
        trials: how many trials to plan for (nevergrad's budget); some optimizers need it.

    Raises:
        ValueError: nevergrad has no such optimizer.
    """

    optimizer: str = "DiscreteOnePlusOne"
    trials: int | None = None
    _problem: Problem | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        from nevergrad.optimization import registry

        if self.optimizer not in registry:
            hint = did_you_mean(self.optimizer, registry)
            raise ValueError(f"nevergrad has no optimizer {self.optimizer!r}.{hint}")
        if self.trials is not None:
            at_least(1, trials=self.trials)

    def start(self, problem: Problem) -> None:
        """Begin a study.

        Raises:
            ConfigError: this optimizer needs ``trials``, a package that is not installed, or the
                answer to one proposal before it makes the next.
        """
        self._problem = problem
        self._one_point = problem.space.size == 1
        self._penalties = Penalties()
        self._known: dict[Architecture, Trial] = {}
        self._random_state = np.random.RandomState(problem.seed)
        if not self._one_point:
            self._try_out(problem)
            self._restart(problem)

    def ask(self, rng: Rng) -> Proposal:
        """Propose what the optimizer asks for."""
        problem = started(self._problem)
        if self._one_point:
            return Proposal(problem.space.sample(rng))
        with self._seeded(below(2**31, rng)):
            candidate = self._next(problem)
            architecture = self._parametrization.decode(candidate.value)
            known = self._known.get(architecture)
            if known is not None:
                self._answer(candidate, self._penalties.losses(known))
                return Proposal(architecture)
        self._pending.pop(architecture, None)
        self._pending[architecture] = candidate
        if len(self._pending) > PENDING:
            del self._pending[next(iter(self._pending))]
        return Proposal(architecture)

    def tell(self, trial: Trial) -> None:
        """Pass the trial on to the optimizer."""
        problem = started(self._problem)
        if self._one_point:
            return
        if self._penalties.add(trial) and self._known:
            self._restart(problem)
        self._known[trial.architecture] = trial
        with self._seeded(derive(problem.seed, "tell", trial.number)):
            candidate = self._pending.pop(trial.architecture, None)
            if candidate is None:
                candidate = self._unasked(trial.architecture)
            self._answer(candidate, self._penalties.losses(trial))

    def _restart(self, problem: Problem) -> None:
        from nevergrad.optimization import registry

        self._parametrization = problem.space.parametrization()
        # nevergrad would seed its own from numpy's global generator
        self._parametrization.parameter.random_state = self._random_state
        self._pending: dict[Architecture, Any] = {}
        self._optimizer: Any = registry[self.optimizer](
            self._parametrization.parameter, budget=self.trials, num_workers=WORKERS
        )

    def _next(self, problem: Problem) -> Any:
        try:
            return self._optimizer.ask()
        except AssertionError:
            if self.trials is None or self._optimizer.num_ask < self.trials:
                raise
            self._restart(problem)  # a one-shot optimizer at its end asks to be made anew
            return self._optimizer.ask()

    def _try_out(self, problem: Problem) -> None:
        """Ask and tell once: many optimizers show only then what they need."""
        losses = (1.0,) * len(problem.goals)
        try:
            self._restart(problem)
            with self._seeded(0):
                for candidate in [self._optimizer.ask(), self._optimizer.ask()]:
                    self._answer(candidate, losses)
                self._optimizer.ask()
        except Exception as error:  # optimizers refuse in many ways, often by a bare assert
            cause = error.__cause__ or error
            hint = " It may need the parameter trials." if self.trials is None else ""
            raise ConfigError(
                f"nevergrad's optimizer {self.optimizer!r} cannot run this search: "
                f"{type(cause).__name__}: {cause}.{hint}"
            ) from error

    def _unasked(self, architecture: Architecture) -> Any:
        value = self._parametrization.encode(architecture)
        return self._optimizer.parametrization.spawn_child(new_value=value)

    def _answer(self, candidate: Any, losses: tuple[float, ...]) -> None:
        from nevergrad.common import errors

        if len(losses) > 1:
            with warnings.catch_warnings():
                # its reference point is settled by the first trials; one that is worse than all
                # before it has an infinite loss until then, of which nevergrad warns itself
                warnings.simplefilter("ignore", errors.BadLossWarning)
                self._tell_optimizer(candidate, list(losses))
        else:
            self._tell_optimizer(candidate, losses[0])

    def _tell_optimizer(self, candidate: Any, loss: float | list[float]) -> None:
        from nevergrad.common import errors

        try:
            self._optimizer.tell(candidate, loss)
        except errors.TellNotAskedNotSupportedError:
            return

    @contextmanager
    def _seeded(self, seed: int) -> Iterator[None]:
        """Seed all that nevergrad draws from, numpy's global generator too, and put that back."""
        before = np.random.get_state()
        self._random_state.seed(seed)
        np.random.seed(derive(seed, "global"))
        try:
            yield
        except NASError:
            raise
        except Exception as error:  # an optimizer can raise anything, a bare assert at worst
            raise StudyError(
                f"nevergrad's optimizer {self.optimizer!r} failed: {type(error).__name__}: {error}"
            ) from error
        finally:
            np.random.set_state(before)
