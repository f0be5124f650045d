"""Any optimizer of nevergrad behind the interface of a strategy."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nas import checks
from nas.abstract.strategy import Problem, Proposal, Strategy
from nas.architecture import Architecture
from nas.errors import ConfigError, NASError, StudyError
from nas.seeds import Rng, below, derive
from nas.suggest import did_you_mean
from nas.trial import Trial
from nas_strategies.penalties import Penalties
from nas_strategies.started import started

PENDING = 1024
"""Proposals that may wait for their trial; older ones are forgotten, for a filter drops most."""
WORKERS = 2
"""Proposals run ahead of trials: with one worker, some optimizers would wait for ever."""
SINGLE, SEVERAL = "DoubleFastGADiscreteOnePlusOne", "DE"
"""What is used for one objective and for several."""


@dataclass(eq=False)
class Nevergrad(Strategy):
    """Ask and tell an optimizer of nevergrad over the space's flat parametrization.

    Several objectives go through nevergrad's own multi-objective ``tell``. An architecture that is
    proposed again after it was told is answered at once from memory. Infeasible and failed trials
    have losses worse than any feasible one so far (``Penalties``); until a first one is feasible,
    the optimizer minimizes the violation, and starts afresh then. With one objective, a trial that
    was never proposed is told too, unless the optimizer learns from its own proposals only.

    Args:
        optimizer: a name in nevergrad's registry, such as ``TwoPointsDE`` or ``NGOpt``; None is
            ``DoubleFastGADiscreteOnePlusOne`` for one objective and ``DE`` for several.
        trials: how many trials to plan for (nevergrad's budget); some optimizers need it.

    Raises:
        ValueError: nevergrad has no such optimizer, or it waits for the answer to each proposal
            before it makes the next, which a search cannot promise.
    """

    optimizer: str | None = None
    trials: int | None = None
    _problem: Problem | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.trials is not None:
            checks.whole("trials", self.trials, 1)
        if self.optimizer is not None:
            _check_name(self.optimizer)

    def start(self, problem: Problem) -> None:
        """Begin a study.

        Raises:
            ConfigError: the optimizer needs ``trials`` or a package that is not installed, or it
                cannot do with such a space or so many objectives.
        """
        self._problem = problem
        self._name = self.optimizer or (SINGLE if len(problem.goals) == 1 else SEVERAL)
        self._one_point = problem.space.size == 1
        self._penalties = Penalties()
        self._known: dict[Architecture, Trial] = {}
        self._random_state = np.random.RandomState(problem.seed)
        if not self._one_point:
            self._try_out(problem)
            with self._seeded(derive(problem.seed, "start")):
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
        with self._seeded(derive(problem.seed, "tell", trial.number)):
            if self._penalties.add(trial) and self._known:
                self._restart(problem)
            self._known[trial.architecture] = trial
            losses = self._penalties.losses(trial)
            candidate = self._pending.pop(trial.architecture, None)
            if candidate is not None:
                self._answer(candidate, losses)
            elif len(losses) == 1:  # of several, nevergrad's DE loses track, by order of hashes
                value = self._parametrization.encode(trial.architecture)
                self._answer(self._optimizer.parametrization.spawn_child(new_value=value), losses)

    def _restart(self, problem: Problem) -> None:
        from nevergrad.optimization import registry

        self._parametrization = problem.space.parametrization()
        # or nevergrad would seed one of its own from numpy's global generator
        self._parametrization.parameter.random_state = self._random_state
        self._pending: dict[Architecture, Any] = {}
        self._optimizer: Any = registry[self._name](
            self._parametrization.parameter, budget=self.trials, num_workers=WORKERS
        )

    def _try_out(self, problem: Problem) -> None:
        """Ask and tell a throwaway: many optimizers say only then what they need."""
        losses = (1.0,) * len(problem.goals)
        try:
            with warnings.catch_warnings(), self._seeded(0):
                # imported on first use, cma warns that it will not be able to plot
                warnings.filterwarnings("ignore", "Could not import matplotlib", UserWarning)
                self._restart(problem)
                for candidate in [self._next(problem), self._next(problem)]:
                    self._answer(candidate, losses)
                self._next(problem)
        except StudyError as error:
            hint = " It may need the parameter 'trials'." if self.trials is None else ""
            raise ConfigError(f"{error}.{hint}") from error

    def _next(self, problem: Problem) -> Any:
        try:
            return self._ask_optimizer()
        except AssertionError:
            if self.trials is None or self._optimizer.num_ask < self.trials:
                raise
            self._restart(problem)  # a one-shot optimizer at its end asks to be made anew
            return self._ask_optimizer()

    def _ask_optimizer(self) -> Any:
        before = _waiting()
        candidate = self._optimizer.ask()
        waiting = _waiting() - before
        for thread in waiting:
            thread.stop()  # type: ignore[attr-defined]  # or it would keep the process alive
        if waiting:
            raise StudyError(f"nevergrad's optimizer {self._name!r} {_LOCKSTEP}")
        return candidate

    def _answer(self, candidate: Any, losses: tuple[float, ...]) -> None:
        if len(losses) == 1:
            self._tell_optimizer(candidate, losses[0])
            return
        from nevergrad.common.errors import BadLossWarning

        with warnings.catch_warnings():
            # nevergrad settles its reference point by the first trials; until then one that is
            # worse than all before it has an infinite loss, of which nevergrad warns itself
            warnings.simplefilter("ignore", BadLossWarning)
            self._tell_optimizer(candidate, list(losses))

    def _tell_optimizer(self, candidate: Any, loss: float | list[float]) -> None:
        from nevergrad.common.errors import TellNotAskedNotSupportedError

        try:
            self._optimizer.tell(candidate, loss)
        except TellNotAskedNotSupportedError:
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
        except Exception as error:  # an optimizer raises what it likes, often from a bare assert
            what = str(error).strip().partition("\n")[0] or "an assertion of its own"
            raise StudyError(
                f"nevergrad's optimizer {self._name!r} failed: {type(error).__name__}: {what}"
            ) from error
        finally:
            np.random.set_state(before)


_LOCKSTEP = "waits for the answer to one proposal before it makes the next, but a search asks ahead"


def _check_name(optimizer: str) -> None:
    from nevergrad.optimization import registry

    if optimizer not in registry:
        hint = did_you_mean(optimizer, registry)
        raise ValueError(f"nevergrad has no optimizer {optimizer!r}.{hint}")
    if registry[optimizer].no_parallelization:
        raise ValueError(
            f"nevergrad's optimizer {optimizer!r} {_LOCKSTEP}; take one such as {SINGLE!r}"
        )


def _waiting() -> set[threading.Thread]:
    """Return the threads that nevergrad hides optimizers in which it cannot ask ahead."""
    return {
        thread
        for thread in threading.enumerate()
        if type(thread).__module__ == "nevergrad.optimization.recaster"
    }
